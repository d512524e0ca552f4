"""A replay buffer in Python, for people who write their own loop; training has its own, inside the compiled one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.plans import Replay
from operant.replay import ring
from operant.replay.prioritized import Drawn
from operant.types import Batch, PyTree, Transition


class ReplayBuffer:
    """The last transitions of some environments, drawn from at random: singly, n steps ahead, or in a row.

        buffer = operant.ReplayBuffer(100_000)
        operant.collect("random", "CartPole-v1", steps=5_000, observers=[buffer.add])
        batch = buffer.sample(32)                                # batch.transition: [32, …]
        parts = buffer.sample_sequences(32, length=8)            # [8, 32, …]

    Args:
        capacity: Transitions of all environments together; the oldest make room for new ones.
        n_step: Transitions reach this number of steps ahead: see `operant.types.Batch`.
        priority: Draw in proportion to what `update_priorities` says, new ones first, instead of uniformly.
        seed: What is drawn derives from it.

    Raises ValueError for numbers below 1.
    """

    def __init__(self, capacity: int, *, n_step: int = 1, priority: bool = False, seed: int = 0) -> None:
        _at_least_one(capacity=capacity, n_step=n_step)
        self.plan = Replay(capacity, batch_size=1, n_step=n_step, priority=priority)
        self._random = np.random.default_rng(seed)
        self._ring: ring.Ring | None = None
        self._drawn: Drawn | None = None

    def __len__(self) -> int:
        """How many transitions it holds."""
        return 0 if self._ring is None else int(self._ring.size) * self._ring.rows.reward.shape[1]

    def add(self, transition: Transition) -> None:
        """Add steps `[T, N, …]` of N environments, in order: what observers are called with.

        Raises ValueError for another number of environments than before, or less capacity than environments.
        """
        # A step that never happened is kept, with weight 0, so that the steps of an environment stay in a row.
        steps = replace(transition, raw_reward=None, valid=np.asarray(transition.mask))
        count = np.shape(steps.reward)
        if len(count) != 2:
            raise ValueError(
                f"ReplayBuffer.add: rewards are {list(count)}; must be [T, N], steps of environments."
            )
        if self._ring is None:
            if self.plan.capacity < count[1]:
                raise ValueError(
                    f"capacity={self.plan.capacity}: must be at least a step of {count[1]} environments."
                )
            like = jax.tree.map(lambda x: jax.ShapeDtypeStruct(np.shape(x)[1:], np.asarray(x).dtype), steps)
            self._ring = ring.init(self.plan, like)
        elif count[1] != self._ring.rows.reward.shape[1]:
            known = self._ring.rows.reward.shape[1]
            raise ValueError(
                f"ReplayBuffer.add: steps of {count[1]} environments; it holds those of {known}."
            )
        self._ring = _inserted(self.plan, self._ring, steps)

    def sample(self, batch_size: int, *, beta: float = 1.0) -> Batch:
        """`batch_size` transitions `[B, …]`, with replacement. `batch.weight` is 0 for what never happened.

        By priority it holds the importance weights as well, of exponent `beta`.
        """
        _at_least_one(batch_size=batch_size)
        held = self._held(1)
        bits = self._bits(batch_size, 2) if self.plan.priority else self._bits(batch_size)
        batch, self._drawn = _sampled(self.plan, held, bits, beta)
        return batch

    def sample_sequences(self, batch_size: int, length: int) -> Batch:
        """`length` steps in a row of `batch_size` environments' pasts, `[L, B, …]`, all as likely.

        They go on across the ends of episodes, which `terminated` and `truncated` say. Raises ValueError where fewer
        steps of an environment are held.
        """
        _at_least_one(batch_size=batch_size, length=length)
        held = replace(self._held(length), priorities=None)
        plan = replace(self.plan, sequence=length, n_step=1, priority=False)
        batch, _ = _sampled(plan, held, self._bits(batch_size), 1.0)
        if length == 1:  # a row of one step is a step
            return jax.tree.map(lambda x: x[None], batch)
        return replace(batch, carry=())

    def update_priorities(self, priority: Any) -> None:
        """Set the priorities `[B]` (> 0, already raised to their exponent) of what `sample` gave last."""
        priority = jnp.asarray(priority, jnp.float32)
        if self._ring is None or self._ring.priorities is None or self._drawn is None:
            raise ValueError(
                "update_priorities: there is nothing by priority. Take priority=True, and sample first."
            )
        if priority.shape != self._drawn.index.shape or not bool((priority > 0).all()):
            raise ValueError(
                f"update_priorities: must be numbers > 0, one for each of the {len(self._drawn.index)} last samples."
            )
        updated = self._ring.priorities.update(self._drawn, priority)
        self._ring, self._drawn = replace(self._ring, priorities=updated), None

    def _held(self, steps: int) -> ring.Ring:
        size = 0 if self._ring is None else int(self._ring.size)
        if self._ring is None or size < steps:
            raise ValueError(
                f"ReplayBuffer: {size} steps of each environment are held, and {steps} are asked for. Add more first"
                f", or raise capacity={self.plan.capacity}."
            )
        return self._ring

    def _bits(self, *shape: int) -> np.ndarray:
        return self._random.integers(0, 2**32, shape, np.uint32)


@partial(jax.jit, static_argnums=0)
def _inserted(plan: Replay, held: ring.Ring, steps: Transition) -> ring.Ring:
    """Row by row, since steps come in any number, and none may lie across the ring's end."""

    def one(held: ring.Ring, row: PyTree) -> tuple[ring.Ring, None]:
        return ring.insert(plan, held, jax.tree.map(lambda x: x[None], row)), None

    return jax.lax.scan(one, held, steps)[0]


_sampled = partial(jax.jit, static_argnums=0)(ring.sample)


def _at_least_one(**numbers: int) -> None:
    for name, value in numbers.items():
        if value < 1:
            raise ValueError(f"{name}={value!r}: must be at least 1.")
