"""The network of value-based algorithms: one value an action."""

from __future__ import annotations

import equinox as eqx
import jax

from operant.networks.config import Given, Network
from operant.networks.encoder import Encoder, hidden_layers
from operant.networks.layers import MLP
from operant.spaces import Discrete, describe
from operant.types import EnvSpec, PyTree


class QNetwork(eqx.Module):
    """`q(observation) -> Q(s, ·) [..., n]` for n discrete actions."""

    encoder: Encoder
    head: MLP

    @classmethod
    def build(cls, config: Network | Given, spec: EnvSpec, key: jax.Array) -> QNetwork:
        """The head stands directly on the features of a module of the user's.

        Raises:
            ValueError: actions are not Discrete, or the configuration does not fit the observations.
        """
        if not isinstance(spec.action_space, Discrete):
            raise ValueError(
                f"A Q-network has one output an action and needs Discrete actions; {spec.id} has "
                f"{describe(spec.action_space)}."
            )
        key_encoder, key_head = jax.random.split(key)
        encoder = Encoder.build(config, spec.observation_space, key_encoder)
        config = config if isinstance(config, Network) else Network(hidden_sizes=())
        if config.memory != "none":
            raise ValueError(
                f"network.memory={config.memory!r}: DQN does not carry memory through its replay. "
                "Set network.memory to 'none', or use PPO."
            )
        return cls(
            encoder, hidden_layers(config, encoder.size, config.hidden_sizes, spec.action_space.n, key_head)
        )

    def __call__(self, observation: PyTree, *, key: jax.Array | None = None) -> jax.Array:
        """`key` turns dropout on."""
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        return self.head(self.encoder(observation, key=keys[0]), key=keys[1])
