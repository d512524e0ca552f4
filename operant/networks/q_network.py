"""The network of value-based algorithms: the return of each action."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax

from operant.networks import recurrent
from operant.networks.config import Network, UserModule
from operant.networks.encoder import Encoder
from operant.networks.q_head import QHead
from operant.networks.recurrent import RecurrentCore
from operant.networks.torso import Torso
from operant.spaces import Discrete, describe
from operant.types import EnvSpec, PyTree


class QNetwork(eqx.Module):
    """An encoder of observations (and a recurrent core), and a head for the return of each action: see `QHead`."""

    encoder: Encoder
    core: RecurrentCore | None
    head: QHead

    @classmethod
    def build(cls, config: Network | UserModule, spec: EnvSpec, key: jax.Array, **head: Any) -> QNetwork:
        """`head` are `QHead.build`'s arguments. On the features of a user's module the head is linear.

        Raises:
            ValueError: actions are not Discrete, or the configuration does not fit the observations.
        """
        if not isinstance(spec.action_space, Discrete):
            raise ValueError(
                f"A Q-network has one output for each action and needs Discrete actions; {spec.id} has "
                f"{describe(spec.action_space)}."
            )
        keys = jax.random.split(key, 3)
        encoder = Encoder.build(config, spec.observation_space, keys[0], stacked=spec.frame_stack > 1)
        config = config if isinstance(config, Network) else Network(hidden_sizes=())
        core = recurrent.build(config, encoder.size, keys[1])
        size = encoder.size if core is None else core.size
        return cls(encoder, core, QHead.build(config, size, spec.action_space.n, keys[2], **head))

    @property
    def torso(self) -> Torso:
        """What the head's input is made by."""
        return Torso(self.encoder, self.core)

    def initial_carry(self, num_envs: int) -> PyTree:
        """The recurrent state at the start of an episode, `[N, …]`; `()` without one."""
        return self.torso.initial_carry(num_envs)

    def features(self, observation: PyTree, carry: PyTree) -> tuple[jax.Array, PyTree]:
        """The head's input for one step's observations `[N, …]`, and the recurrent state after it."""
        return self.torso(observation, carry)
