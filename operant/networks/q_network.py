"""The network of value-based algorithms: the return of each action."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax

from operant.networks import recurrent
from operant.networks.config import Network, UserModule
from operant.networks.encoder import Encoder
from operant.networks.q_head import QHead
from operant.networks.recurrent import RecurrentCore, reset_carry, unroll
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

    def initial_carry(self, num_envs: int) -> PyTree:
        """The recurrent state at the start of an episode, `[N, …]`; `()` without one."""
        return () if self.core is None else self.core.initial_carry((num_envs,))

    def features(self, observation: PyTree, carry: PyTree) -> tuple[jax.Array, PyTree]:
        """The head's input for one step's observations `[N, …]`, and the recurrent state after it."""
        features = self.encoder(observation)
        return (features, carry) if self.core is None else self.core(features, carry)

    def unroll(
        self,
        observation: PyTree,
        next_observation: PyTree,
        carry: PyTree,
        done: jax.Array,
        burn_in: int = 0,
        *,
        key: jax.Array | None = None,
    ) -> tuple[jax.Array, jax.Array]:
        """The head's input for observations and for their true successors, each `[L − burn_in, B, F]`.

        Observations are `[L, B, …]`, one step after another, and `carry` `[B, …]` is the recurrent state before the
        first. The first `burn_in` steps only update that state, without a gradient (Kapturowski et al. 2019, section
        3). The state is reset after each `done` `[L, B]`; a successor gets the state of its own episode. Without a
        recurrent core any leading axes will do, and all steps are used. `key` turns dropout on, for the observations.
        """
        if self.core is None:
            return self.encoder(observation, key=key), self.encoder(next_observation)
        features = self.encoder(observation, key=key)
        if burn_in:
            _, carries = unroll(self.core, features[:burn_in], carry, done[:burn_in])
            carry = jax.tree.map(lambda x: x[-1], carries)
            carry = reset_carry(carry, self.initial_carry(done.shape[1]), done[burn_in - 1])
            carry = jax.lax.stop_gradient(carry)
        outputs, carries = unroll(self.core, features[burn_in:], carry, done[burn_in:])
        successors = jax.tree.map(lambda x: x[burn_in:], next_observation)
        return outputs, self.core(self.encoder(successors), carries)[0]
