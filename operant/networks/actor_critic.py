"""The network of actor–critic algorithms: a policy and a value function over shared features."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant import distributions
from operant.distributions import Distribution
from operant.networks.config import Given, Network
from operant.networks.encoder import Encoder, hidden_layers
from operant.networks.layers import MLP
from operant.networks.memory import GRU, LSTM, unroll
from operant.spaces import Box, Space
from operant.types import EnvSpec, PyTree


class ActorCritic(eqx.Module):
    """One encoder (and memory); behind it the policy and the value function each have their own layers.

    Without a value function, values are 0.
    """

    encoder: Encoder
    memory: GRU | LSTM | None
    policy_head: MLP
    value_head: MLP | None
    log_std: (
        jax.Array | None
    )  # [elements of a Box action]: the same in every state; [features, elements] with use_sde
    action_space: Space = eqx.field(static=True)
    use_sde: bool = eqx.field(static=True, default=False)
    scale_actions: bool = eqx.field(static=True, default=True)

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

        Raises:
            ValueError: the configuration does not fit the spaces.
        """
        keys = jax.random.split(key, 4)
        outputs = distributions.parameters(spec.action_space)
        encoder = Encoder.build(config, spec.observation_space, keys[0], stacked=spec.frame_stack > 1)
        config = config if isinstance(config, Network) else Network(hidden_sizes=())
        memory, size = None, encoder.size
        if config.memory != "none":
            cell = GRU if config.memory == "gru" else LSTM
            memory, size = (
                cell.build(size, config.memory_size, keys[1], config.initialization),
                config.memory_size,
            )
        policy_head = hidden_layers(config, size, config.hidden_sizes, outputs, keys[2], gain=0.01)
        value_head = hidden_layers(config, size, config.hidden_sizes, 1, keys[3], gain=1.0)
        assert policy_head.output is not None
        deviations = policy_head.output.weight.shape if use_sde else (outputs,)
        return cls(
            encoder,
            memory,
            policy_head,
            value_head if critic else None,
            jnp.full(deviations, log_std_init) if isinstance(spec.action_space, Box) else None,
            spec.action_space,
            use_sde,
            scale_actions,
        )

    @property
    def recurrent(self) -> bool:
        """Whether it has a memory."""
        return self.memory is not None

    def initial_carry(self, num_envs: int) -> PyTree:
        """The memory at the start of an episode, `[N, …]`; `()` without one."""
        return () if self.memory is None else self.memory.initial_carry((num_envs,))

    def policy(
        self, observation: PyTree, action_mask: PyTree, carry: PyTree, *, key: jax.Array | None = None
    ) -> tuple[Distribution, PyTree]:
        """The policy of one step, `[N, …]`, and the memory after it. Computes nothing of the value.

        `key` turns dropout on.
        """
        keys = _split(key)
        features = self.encoder(observation, key=keys[0])
        if self.memory is not None:
            features, carry = self.memory(features, carry)
        return self._distribution(features, action_mask, keys[1]), carry

    def policy_and_value(
        self, observation: PyTree, action_mask: PyTree, carry: PyTree
    ) -> tuple[Distribution, jax.Array, PyTree]:
        """The policy and the value `[N]` of one step, and the memory after it. Arguments as of `policy`."""
        features = self.encoder(observation)
        if self.memory is not None:
            features, carry = self.memory(features, carry)
        return self._distribution(features, action_mask, None), self.value(features), carry

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
        features = self.features(observation, carry, done, key=keys[0])
        return self._distribution(features, action_mask, keys[1]), self.value(features, key=keys[2])

    def features(
        self, observation: PyTree, carry: PyTree, done: jax.Array, *, key: jax.Array | None = None
    ) -> jax.Array:
        """What both heads stand on, `[T, N, F]`. Arguments as of `unroll`."""
        features = self.encoder(observation, key=key)
        return features if self.memory is None else unroll(self.memory, features, carry, done)[0]

    def value(self, features: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        """V `[...]` of `features` `[..., F]`."""
        if self.value_head is None:
            return jnp.zeros(features.shape[:-1])
        return self.value_head(features, key=key)[..., 0]

    def successor_values(
        self, observation: PyTree, next_observation: PyTree, carry: PyTree, done: jax.Array
    ) -> jax.Array:
        """Values `[T, N]` of the true successors: of `next_observation`, remembering what led to it.

        At an episode's last step too, where that memory is still the old episode's. Arguments as of `unroll`.
        """
        features = self.encoder(next_observation)
        if self.memory is not None:
            _, carries = unroll(self.memory, self.encoder(observation), carry, done)
            features, _ = self.memory(features, carries)
        return self.value(features)

    def _distribution(self, features: jax.Array, action_mask: PyTree, key: jax.Array | None) -> Distribution:
        latent = None
        if self.use_sde:
            latent = replace(self.policy_head, output=None)(features, key=key)
        outputs = self.policy_head(features, key=key)
        return distributions.from_parameters(
            self.action_space, outputs, action_mask, self.log_std, latent, scaled=self.scale_actions
        )


def _split(key: jax.Array | None) -> tuple[jax.Array | None, ...]:
    return (None, None, None) if key is None else tuple(jax.random.split(key, 3))
