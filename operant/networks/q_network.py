"""The network of value-based algorithms: what each action will return."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax

from operant.networks import memory as memories
from operant.networks.config import Given, Network
from operant.networks.encoder import Encoder
from operant.networks.memory import Memory, restart, unroll
from operant.networks.q_head import QHead
from operant.spaces import Discrete, describe
from operant.types import EnvSpec, PyTree


class QNetwork(eqx.Module):
    """An encoder (and memory) of what is seen, and a head that says what each action returns: see `QHead`."""

    encoder: Encoder
    memory: Memory | None
    head: QHead

    @classmethod
    def build(cls, config: Network | Given, spec: EnvSpec, key: jax.Array, **head: Any) -> QNetwork:
        """`head` are `QHead.build`'s arguments. The head stands directly on the features of a module of the user's.

        Raises:
            ValueError: actions are not Discrete, or the configuration does not fit the observations.
        """
        if not isinstance(spec.action_space, Discrete):
            raise ValueError(
                f"A Q-network has one output an action and needs Discrete actions; {spec.id} has "
                f"{describe(spec.action_space)}."
            )
        keys = jax.random.split(key, 3)
        encoder = Encoder.build(config, spec.observation_space, keys[0], stacked=spec.frame_stack > 1)
        config = config if isinstance(config, Network) else Network(hidden_sizes=())
        memory = memories.build(config, encoder.size, keys[1])
        size = encoder.size if memory is None else memory.size
        return cls(encoder, memory, QHead.build(config, size, spec.action_space.n, keys[2], **head))

    def initial_carry(self, num_envs: int) -> PyTree:
        """The memory at the start of an episode, `[N, …]`; `()` without one."""
        return () if self.memory is None else self.memory.initial_carry((num_envs,))

    def features(self, observation: PyTree, carry: PyTree) -> tuple[jax.Array, PyTree]:
        """What the head takes for one step's observations `[N, …]`, and the memory after it."""
        features = self.encoder(observation)
        return (features, carry) if self.memory is None else self.memory(features, carry)

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
        """What the head takes for observations and for their true successors, each `[L − burn_in, B, F]`.

        Observations are `[L, B, …]`, one step after another, with memory `carry` `[B, …]` before the first. The first
        `burn_in` of them only make the memory, which no gradient goes through (Kapturowski et al. 2019, section 3).
        Memory begins anew behind each `done` `[L, B]`, and a successor is met with that of its own episode. Without
        memory any leading axes will do, and all are looked at. `key` turns dropout on, for the observations.
        """
        if self.memory is None:
            return self.encoder(observation, key=key), self.encoder(next_observation)
        features = self.encoder(observation, key=key)
        if burn_in:
            _, carries = unroll(self.memory, features[:burn_in], carry, done[:burn_in])
            made = jax.tree.map(lambda x: x[-1], carries)
            made = restart(made, self.initial_carry(done.shape[1]), done[burn_in - 1])
            carry = jax.lax.stop_gradient(made)
        outputs, carries = unroll(self.memory, features[burn_in:], carry, done[burn_in:])
        late = jax.tree.map(lambda x: x[burn_in:], next_observation)
        return outputs, self.memory(self.encoder(late), carries)[0]
