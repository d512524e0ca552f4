"""The network of actor–critic algorithms: a policy and a value function over shared features."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant import distributions
from operant.distributions import Distribution
from operant.networks import memory as memories
from operant.networks.config import Given, Network
from operant.networks.encoder import Encoder, hidden_layers
from operant.networks.layers import MLP
from operant.networks.memory import Memory, unroll
from operant.spaces import Box, Space
from operant.types import EnvSpec, PyTree


class ActorCritic(eqx.Module):
    """An encoder of observations (and a memory), then the layers of the policy and those of the value function.

    The value function stands on the same features as the policy, or has an encoder or a memory of its own: see
    `Network`. Without a value function, values are 0.
    """

    encoder: Encoder
    memory: Memory | None
    policy_head: MLP
    value_head: MLP | None
    log_std: (
        jax.Array | None
    )  # [elements of a Box action]: the same in every state; [features, elements] with use_sde, or [features, 1]
    action_space: Space = eqx.field(static=True)
    use_sde: bool = eqx.field(static=True, default=False)
    scale_actions: bool = eqx.field(static=True, default=True)
    use_expln: bool = eqx.field(static=True, default=False)
    squash_output: bool = eqx.field(static=True, default=False)
    critic_encoder: Encoder | None = None  # None: the policy's
    critic_memory: Memory | None = None  # the value function's own
    critic_remembers: bool = eqx.field(
        static=True, default=True
    )  # False: it has no memory, not even the policy's

    @classmethod
    def build(
        cls,
        config: Network | Given,
        spec: EnvSpec,
        key: jax.Array,
        *,
        critic: bool = True,
        use_sde: bool = False,
        log_std_init: jax.Array | float = 0.0,
        scale_actions: bool = True,
        full_std: bool = True,
        use_expln: bool = False,
        squash_output: bool = False,
    ) -> ActorCritic:
        """Gains of orthogonal weights are √2 in hidden layers, 1 for the value, and 0.01 for the policy's
        output, so that the first policy is nearly the same in every state (Andrychowicz et al. 2021,
        arXiv:2006.05990).

        The heads stand directly on the features of a module of the user's.

        Args:
            critic: Whether there is a value function.
            use_sde: Whether exploration in a Box is linear in the features of the policy's last layer.
            log_std_init: The log standard deviation of a Box action before learning, of each feature with `use_sde`.
            scale_actions: Whether the policy's outputs are in units in which the bounds of a Box are −1 and 1.
            full_std: With `use_sde`, whether a feature has a deviation for each element of the action, or one.
            use_expln: Whether deviations grow with their parameters as in `expln`, instead of exponentially.
            squash_output: Whether actions go through a hyperbolic tangent, and so stay inside the Box.

        Raises:
            ValueError: the configuration does not fit the spaces.
        """
        keys = jax.random.split(key, 4)
        of_critic = keys[3]
        outputs = distributions.parameters(spec.action_space)

        def encode(key: jax.Array) -> Encoder:
            return Encoder.build(config, spec.observation_space, key, stacked=spec.frame_stack > 1)

        encoder = encode(keys[0])
        shape = config if isinstance(config, Network) else Network(hidden_sizes=())
        memory = memories.build(shape, encoder.size, keys[1])
        size = encoder.size if memory is None else memory.size
        policy_head = hidden_layers(shape, size, shape.hidden_sizes, outputs, keys[2], gain=0.01)

        critic_encoder = critic_memory = value_head = None
        if critic:
            own_encoder, own_memory = (jax.random.fold_in(of_critic, i) for i in range(2))
            if not shape.share_features_extractor:
                critic_encoder = encode(own_encoder)
            if shape.critic_memory == "own":
                critic_memory = memories.build(shape, encoder.size, own_memory)
            sizes = shape.hidden_sizes if shape.value_hidden_sizes is None else shape.value_hidden_sizes
            value_size = encoder.size if shape.critic_memory == "none" else size
            value_head = hidden_layers(shape, value_size, sizes, 1, of_critic, gain=1.0)
        assert policy_head.output is not None
        latent, _ = policy_head.output.weight.shape
        deviations = (latent, outputs if full_std else 1) if use_sde else (outputs,)
        return cls(
            encoder,
            memory,
            policy_head,
            value_head,
            jnp.full(deviations, log_std_init, jnp.float32) if isinstance(spec.action_space, Box) else None,
            spec.action_space,
            use_sde,
            scale_actions,
            use_expln,
            squash_output,
            critic_encoder,
            critic_memory,
            shape.critic_memory != "none",
        )

    @property
    def recurrent(self) -> bool:
        """Whether it has a memory."""
        return self.memory is not None

    @property
    def actor(self) -> ActorCritic:
        """The policy alone: without the parameters that are the value function's."""
        return replace(self, value_head=None, critic_encoder=None, critic_memory=None)

    @property
    def critic(self) -> PyTree:
        """The parameters that are the value function's alone."""
        if self.critic_encoder is None and self.critic_memory is None:
            return self.value_head
        return self.value_head, self.critic_encoder, self.critic_memory

    def with_critic(self, critic: PyTree) -> ActorCritic:
        """With another value function: what `critic` gave, of a network of this kind."""
        if not isinstance(critic, tuple):
            return replace(self, value_head=critic)
        value_head, critic_encoder, critic_memory = critic
        return replace(
            self, value_head=value_head, critic_encoder=critic_encoder, critic_memory=critic_memory
        )

    def initial_carry(self, num_envs: int) -> PyTree:
        """The memory at the start of an episode, `[N, …]`; `()` without one, a pair where the critic has its own."""
        own = () if self.memory is None else self.memory.initial_carry((num_envs,))
        return own if self.critic_memory is None else (own, self.critic_memory.initial_carry((num_envs,)))

    def actor_carry(self, carry: PyTree) -> PyTree:
        """The policy's part of a carry."""
        return carry if self.critic_memory is None else carry[0]

    def policy(
        self, observation: PyTree, action_mask: PyTree, carry: PyTree, *, key: jax.Array | None = None
    ) -> tuple[Distribution, PyTree]:
        """The policy of one step, `[N, …]`, and the memory after it. Computes nothing of the value.

        A memory of the critic's own is carried along all the same. `key` turns dropout on.
        """
        keys = _split(key)
        encoded = self.encoder(observation, key=keys[0])
        features, carry, _ = self._remember(observation, encoded, carry)
        return self._distribution(features, action_mask, keys[1]), carry

    def policy_and_value(
        self, observation: PyTree, action_mask: PyTree, carry: PyTree
    ) -> tuple[Distribution, jax.Array, PyTree]:
        """The policy and the value `[N]` of one step, and the memory after it. Arguments as of `policy`."""
        encoded = self.encoder(observation)
        features, carry, remembered = self._remember(observation, encoded, carry)
        if remembered is not None:
            of_value = remembered
        elif self.memory is not None and self.critic_remembers:
            of_value = features
        else:
            of_value = encoded if self.critic_encoder is None else self.critic_encoder(observation)
        return self._distribution(features, action_mask, None), self.value(of_value), carry

    def _remember(
        self, observation: PyTree, encoded: jax.Array, carry: PyTree
    ) -> tuple[jax.Array, PyTree, jax.Array | None]:
        """One step of the memories: `(features of the policy, carry, those of the critic's own memory)`."""
        own = self.actor_carry(carry)
        features, own = (encoded, own) if self.memory is None else self.memory(encoded, own)
        if self.critic_memory is None:
            return features, own, None
        seen = encoded if self.critic_encoder is None else self.critic_encoder(observation)
        of_critic, critic_carry = self.critic_memory(seen, carry[1])
        return features, (own, critic_carry), of_critic

    def unroll(
        self,
        observation: PyTree,
        action_mask: PyTree,
        carry: PyTree,
        done: jax.Array,
        *,
        key: jax.Array | None = None,
    ) -> tuple[Distribution, jax.Array]:
        """`(policy, value [T, N])` over a rollout `[T, N, …]`, the memory beginning anew behind each `done`.

        `carry` is the memory before the first step, `[N, …]`, and `done` is `[T, N]`. Without memory any
        leading axes will do, and neither is looked at. `key` turns dropout on.
        """
        keys = _split(key)
        encoded = self.encoder(observation, key=keys[0])
        features = self._over_time(self.memory, encoded, self.actor_carry(carry), done)
        policy = self._distribution(features, action_mask, keys[1])
        if self.value_head is None:
            return policy, self.value(features)
        if self.shares_features:
            return policy, self.value(features, key=keys[2])
        return policy, self.value(self.value_features(observation, carry, done, key=keys[0]), key=keys[2])

    @property
    def shares_features(self) -> bool:
        """Whether the value function stands on what the policy stands on."""
        return (
            self.critic_encoder is None
            and self.critic_memory is None
            and (self.memory is None or self.critic_remembers)
        )

    def features(
        self, observation: PyTree, carry: PyTree, done: jax.Array, *, key: jax.Array | None = None
    ) -> jax.Array:
        """What the policy's head stands on, `[T, N, F]`. Arguments as of `unroll`."""
        return self._over_time(self.memory, self.encoder(observation, key=key), self.actor_carry(carry), done)

    def value_features(
        self, observation: PyTree, carry: PyTree, done: jax.Array, *, key: jax.Array | None = None
    ) -> jax.Array:
        """What the value's head stands on, `[T, N, F]`. Arguments as of `unroll`."""
        encoded = self._critic_encoder(observation, key=key)
        return self._over_time(self._critic_memory, encoded, self._critic_carry(carry), done)

    def value(self, features: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        """V `[...]` of `features` `[..., F]`."""
        if self.value_head is None:
            return jnp.zeros(features.shape[:-1], jnp.float32)
        return self.value_head(features, key=key)[..., 0]

    def successor_values(
        self, observation: PyTree, next_observation: PyTree, carry: PyTree, done: jax.Array
    ) -> jax.Array:
        """Values `[T, N]` of the true successors: of `next_observation`, remembering what led to it.

        At an episode's last step too, where that memory is still the old episode's. Arguments as of `unroll`.
        """
        encoder, memory = self._critic_encoder, self._critic_memory
        features = encoder(next_observation)
        if memory is not None:
            _, carries = unroll(memory, encoder(observation), self._critic_carry(carry), done)
            features, _ = memory(features, carries)
        return self.value(features)

    @property
    def _critic_encoder(self) -> Encoder:
        return self.encoder if self.critic_encoder is None else self.critic_encoder

    @property
    def _critic_memory(self) -> Memory | None:
        """The memory that values stand on."""
        if self.critic_memory is not None:
            return self.critic_memory
        return self.memory if self.critic_remembers else None

    def _critic_carry(self, carry: PyTree) -> PyTree:
        return carry if self.critic_memory is None else carry[1]

    @staticmethod
    def _over_time(memory: Memory | None, encoded: jax.Array, carry: PyTree, done: jax.Array) -> jax.Array:
        return encoded if memory is None else unroll(memory, encoded, carry, done)[0]

    @property
    def log_deviations(self) -> jax.Array | None:
        """Log standard deviations, from their parameters; None for actions that have none."""
        if self.log_std is None or not self.use_expln:
            return self.log_std
        return distributions.expln(self.log_std)

    def _distribution(self, features: jax.Array, action_mask: PyTree, key: jax.Array | None) -> Distribution:
        latent = None
        if self.use_sde:
            latent = replace(self.policy_head, output=None)(features, key=key)
        outputs = self.policy_head(features, key=key)
        log_std = self.log_deviations
        if log_std is not None and latent is not None:
            log_std = jnp.broadcast_to(log_std, (log_std.shape[0], outputs.shape[-1]))
        return distributions.from_parameters(
            self.action_space,
            outputs,
            action_mask,
            log_std,
            latent,
            scaled=self.scale_actions,
            squashed=self.squash_output,
        )


def _split(key: jax.Array | None) -> tuple[jax.Array | None, ...]:
    return (None, None, None) if key is None else tuple(jax.random.split(key, 3))
