"""The network of actor–critic algorithms: a policy and a value function over shared features."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant import distributions
from operant.distributions import Distribution
from operant.networks import recurrent
from operant.networks.config import Network, OwnPolicy, UserModule
from operant.networks.encoder import Encoder
from operant.networks.hidden import Layers, hidden_layers
from operant.networks.recurrent import RecurrentCore, unroll
from operant.spaces import Box, Space
from operant.types import EnvSpec, PyTree


class ActorCritic(eqx.Module):
    """An encoder of observations (and a recurrent core), then the layers of the policy and of the value function.

    The value function uses the same features as the policy, or has an encoder or a recurrent core of its own: see
    `Network`. Without a value function, values are 0.
    """

    encoder: Encoder
    core: RecurrentCore | None
    policy_head: Layers
    value_head: Layers | None
    log_std: (
        jax.Array | None
    )  # [elements of a Box action]: the same in every state; [features, elements] with use_sde, or [features, 1]
    action_space: Space = eqx.field(static=True)
    use_sde: bool = eqx.field(static=True, default=False)
    scale_actions: bool = eqx.field(static=True, default=True)
    use_expln: bool = eqx.field(static=True, default=False)
    squash_output: bool = eqx.field(static=True, default=False)
    critic_encoder: Encoder | None = None  # None: the policy's
    critic_core: RecurrentCore | None = None  # the value function's own
    critic_recurrent: bool = eqx.field(
        static=True, default=True
    )  # False: it uses no recurrent core, not even the policy's

    @classmethod
    def build(
        cls,
        config: Network | UserModule | OwnPolicy,
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
        """The gain of orthogonal weights is √2 in hidden layers, 1 for the value, and 0.01 for the policy's
        output, so that the initial policy is nearly the same in every state (Andrychowicz et al. 2021,
        arXiv:2006.05990).

        On the features of a user's module the heads are linear. An `OwnPolicy` makes the whole of it itself.

        Args:
            critic: Whether there is a value function.
            use_sde: Whether exploration in a Box is linear in the features of the policy's last layer.
            log_std_init: The log standard deviation of a Box action before learning, of each feature with `use_sde`.
            scale_actions: Whether the bounds of a Box are −1 and 1 in units of the policy's outputs.
            full_std: With `use_sde`, whether a feature has a deviation for each element of the action, or one.
            use_expln: Whether deviations grow with their parameters as in `expln`, instead of exponentially.
            squash_output: Whether actions go through a hyperbolic tangent, and so stay inside the Box.

        Raises:
            ValueError: the configuration does not fit the spaces.
        """
        keys = jax.random.split(key, 4)
        of_critic = keys[3]
        outputs = distributions.parameters(spec.action_space)

        if isinstance(config, OwnPolicy):
            return config.build(spec, key, critic=critic)

        def encode(key: jax.Array) -> Encoder:
            return Encoder.build(config, spec.observation_space, key, stacked=spec.frame_stack > 1)

        encoder = encode(keys[0])
        shape = config if isinstance(config, Network) else Network(hidden_sizes=())
        core = recurrent.build(shape, encoder.size, keys[1])
        size = encoder.size if core is None else core.size
        policy_head = hidden_layers(shape, size, shape.hidden_sizes, outputs, keys[2], gain=0.01)

        critic_encoder = critic_core = value_head = None
        if critic:
            own_encoder, own_core = (jax.random.fold_in(of_critic, i) for i in range(2))
            if not shape.share_features_extractor:
                critic_encoder = encode(own_encoder)
            if shape.critic_memory == "own":
                critic_core = recurrent.build(shape, encoder.size, own_core)
            value_size = encoder.size if shape.critic_memory == "none" else size
            layers = shape.of_value
            value_head = hidden_layers(layers, value_size, layers.hidden_sizes, 1, of_critic, gain=1.0)
        assert policy_head.output is not None
        latent, _ = policy_head.output.weight.shape
        deviations = (latent, outputs if full_std else 1) if use_sde else (outputs,)
        return cls(
            encoder,
            core,
            policy_head,
            value_head,
            jnp.full(deviations, log_std_init, jnp.float32) if isinstance(spec.action_space, Box) else None,
            spec.action_space,
            use_sde,
            scale_actions,
            use_expln,
            squash_output,
            critic_encoder,
            critic_core,
            shape.critic_memory != "none",
        )

    @property
    def recurrent(self) -> bool:
        """Whether it has a recurrent core."""
        return self.core is not None

    @property
    def actor(self) -> ActorCritic:
        """The policy alone, without the parameters that only the value function uses."""
        return replace(self, value_head=None, critic_encoder=None, critic_core=None)

    @property
    def critic(self) -> PyTree:
        """The parameters that only the value function uses."""
        if self.critic_encoder is None and self.critic_core is None:
            return self.value_head
        return self.value_head, self.critic_encoder, self.critic_core

    def with_critic(self, critic: PyTree) -> ActorCritic:
        """This network with another value function: the `critic` of a network of the same structure."""
        if not isinstance(critic, tuple):
            return replace(self, value_head=critic)
        value_head, critic_encoder, critic_core = critic
        return replace(self, value_head=value_head, critic_encoder=critic_encoder, critic_core=critic_core)

    def initial_carry(self, num_envs: int) -> PyTree:
        """The recurrent state at an episode's start, `[N, …]`: `()` without one, a pair if the critic has its own."""
        own = () if self.core is None else self.core.initial_carry((num_envs,))
        return own if self.critic_core is None else (own, self.critic_core.initial_carry((num_envs,)))

    def actor_carry(self, carry: PyTree) -> PyTree:
        """The policy's part of a carry."""
        return carry if self.critic_core is None else carry[0]

    def policy(
        self, observation: PyTree, action_mask: PyTree, carry: PyTree, *, key: jax.Array | None = None
    ) -> tuple[Distribution, PyTree]:
        """The policy of one step, `[N, …]`, and the recurrent state after it; the value is not computed.

        The critic's own recurrent state is updated, too. `key` turns dropout on.
        """
        keys = _split(key)
        encoded = self.encoder(observation, key=keys[0])
        features, carry, _ = self._recur(observation, encoded, carry)
        return self._distribution(features, action_mask, keys[1]), carry

    def policy_and_value(
        self, observation: PyTree, action_mask: PyTree, carry: PyTree
    ) -> tuple[Distribution, jax.Array, PyTree]:
        """The policy and the value `[N]` of one step, and the recurrent state after it. Arguments as of `policy`."""
        encoded = self.encoder(observation)
        features, carry, of_critic = self._recur(observation, encoded, carry)
        if of_critic is not None:
            of_value = of_critic
        elif self.core is not None and self.critic_recurrent:
            of_value = features
        else:
            of_value = encoded if self.critic_encoder is None else self.critic_encoder(observation)
        return self._distribution(features, action_mask, None), self.value(of_value), carry

    def _recur(
        self, observation: PyTree, encoded: jax.Array, carry: PyTree
    ) -> tuple[jax.Array, PyTree, jax.Array | None]:
        """One step of the recurrent cores: `(features of the policy, carry, those of the critic's own core)`."""
        own = self.actor_carry(carry)
        features, own = (encoded, own) if self.core is None else self.core(encoded, own)
        if self.critic_core is None:
            return features, own, None
        seen = encoded if self.critic_encoder is None else self.critic_encoder(observation)
        of_critic, critic_carry = self.critic_core(seen, carry[1])
        return features, (own, critic_carry), of_critic

    def unroll(
        self,
        observation: PyTree,
        action_mask: PyTree,
        carry: PyTree,
        done: jax.Array,
        *,
        key: jax.Array | None = None,
        alike: int = 1,
    ) -> tuple[Distribution, jax.Array]:
        """`(policy, value [T, N])` over a rollout `[T, N, …]`, the recurrent state reset after each `done`.

        `carry` is the recurrent state before the first step, `[N, …]`, and `done` is `[T, N]`. Without a recurrent core
        any leading axes will do, and neither is used. `key` turns dropout on. That `alike` columns in a row begin in
        the same state, as prompts that a language model reads once do, saves nothing here.
        """
        keys = _split(key)
        encoded = self.encoder(observation, key=keys[0])
        features = self._over_time(self.core, encoded, self.actor_carry(carry), done)
        policy = self._distribution(features, action_mask, keys[1])
        if self.value_head is None:
            return policy, self.value(features)
        if self.shares_features:
            return policy, self.value(features, key=keys[2])
        return policy, self.value(self.value_features(observation, carry, done, key=keys[0]), key=keys[2])

    @property
    def shares_features(self) -> bool:
        """Whether the heads of the policy and the value function have the same input."""
        return (
            self.critic_encoder is None
            and self.critic_core is None
            and (self.core is None or self.critic_recurrent)
        )

    def features(
        self, observation: PyTree, carry: PyTree, done: jax.Array, *, key: jax.Array | None = None
    ) -> jax.Array:
        """The input of the policy's head, `[T, N, F]`. Arguments as of `unroll`."""
        return self._over_time(self.core, self.encoder(observation, key=key), self.actor_carry(carry), done)

    def value_features(
        self, observation: PyTree, carry: PyTree, done: jax.Array, *, key: jax.Array | None = None
    ) -> jax.Array:
        """The input of the value's head, `[T, N, F]`. Arguments as of `unroll`."""
        encoded = self._critic_encoder(observation, key=key)
        return self._over_time(self._value_core, encoded, self._critic_carry(carry), done)

    def value(self, features: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        """V `[...]` of `features` `[..., F]`."""
        if self.value_head is None:
            return jnp.zeros(features.shape[:-1], jnp.float32)
        return self.value_head(features, key=key)[..., 0]

    def successor_values(
        self, observation: PyTree, next_observation: PyTree, carry: PyTree, done: jax.Array
    ) -> jax.Array:
        """Values `[T, N]` of the true successors: of `next_observation`, with the recurrent state that led to it.

        After an episode's last step this is the state of the ended episode. Arguments as of `unroll`.
        """
        encoder, core = self._critic_encoder, self._value_core
        features = encoder(next_observation)
        if core is not None:
            _, carries = unroll(core, encoder(observation), self._critic_carry(carry), done)
            features, _ = core(features, carries)
        return self.value(features)

    @property
    def _critic_encoder(self) -> Encoder:
        return self.encoder if self.critic_encoder is None else self.critic_encoder

    @property
    def _value_core(self) -> RecurrentCore | None:
        """The recurrent core that values use."""
        if self.critic_core is not None:
            return self.critic_core
        return self.core if self.critic_recurrent else None

    def _critic_carry(self, carry: PyTree) -> PyTree:
        return carry if self.critic_core is None else carry[1]

    @staticmethod
    def _over_time(
        core: RecurrentCore | None, encoded: jax.Array, carry: PyTree, done: jax.Array
    ) -> jax.Array:
        return encoded if core is None else unroll(core, encoded, carry, done)[0]

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
