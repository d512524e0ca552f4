"""Monte Carlo prediction (Sutton & Barto 2018, section 5.1).

    V(s) ← V(s) + α [ G − V(s) ],   G = r + γ r' + γ² r'' + …  to the end of the episode

for every visit of s, or for the first one in each episode. With α = 1/n, the default, V is the mean of returns. If a
time limit cut the episode off, the value of its last state stands for the rest of the return.

| book | here |
|---|---|
| α | learning_rate, learning_rate_decay, decay_by |
| first visit, every visit | first_visit |
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.base import static
from operant.algorithms.tabular import table
from operant.algorithms.tabular.prediction import TabularPrediction, ValueTable
from operant.algorithms.tabular.table import Row
from operant.ops.schedules import Schedule
from operant.plans import Episodes
from operant.types import Batch, Clock


class MonteCarlo(TabularPrediction):
    """Evaluating a policy by the mean of its returns, in a table, for Discrete observations and actions."""

    learning_rate: float | Schedule = 1.0
    """Step size α₀."""
    learning_rate_decay: float = 1.0
    """The step size is α₀/(1 + k·decay): by default 1/n for the n-th return, which averages."""
    first_visit: bool = static(True)
    """Learn only from the first visit of a state in each episode, instead of every visit."""
    n_episodes: int = static(1)
    """Episodes between two updates; a multiple of the number of environments."""
    max_steps: int = static(1000)
    """Longer episodes are cut off."""

    def __check_init__(self) -> None:
        ranges.whole(self, "n_episodes", "max_steps")

    @property
    def experience(self) -> Episodes:
        return Episodes(self.n_episodes, self.max_steps)

    def update(self, state: ValueTable, batch: Batch, key: jax.Array, clock: Clock):
        """One episode after another, each from its first step on."""
        length, count = batch.transition.reward.shape
        rows = table.rows(state.space, batch, key, clock)
        rows = jax.tree.map(lambda x: x.reshape(length, count, *x.shape[1:]).swapaxes(0, 1), rows)

        def one(state: ValueTable, episode: Row) -> tuple[ValueTable, jax.Array]:
            wanted = self._first(state, episode) if self.first_visit else episode.weight
            value = state.values

            def backward(next_return: jax.Array, row: Row) -> tuple[jax.Array, jax.Array]:
                rest = jnp.where(row.truncated, value[row.next_state], next_return)
                total = row.reward + self.gamma * row.carried(jnp.where(row.terminated, 0.0, rest))
                return jnp.where(row.weight > 0, total, next_return), total

            _, returns = jax.lax.scan(backward, jnp.zeros((), jnp.float32), episode, reverse=True)

            def learn(state: ValueTable, step: tuple[Row, jax.Array, jax.Array]):
                row, target, weight = step
                error = weight * (target - state.values[row.state])
                size = self.step_size(state.visits[row.state], row, clock)
                return ValueTable(
                    state.values.at[row.state].add(size * error),
                    state.visits.at[row.state].add(weight.astype(jnp.int32)),
                    state.policy,
                    state.space,
                ), jnp.abs(error)

            state, error = jax.lax.scan(learn, state, (episode, returns, wanted))
            return state, jnp.sum(error) / jnp.maximum(jnp.sum(wanted), 1)

        state, error = jax.lax.scan(one, state, rows)
        return state, {"train/td_error": jnp.mean(error)}

    def _first(self, state: ValueTable, episode: Row) -> jax.Array:
        """1 for the first visit of each state in an episode `[T]`, else 0."""

        def forward(seen: jax.Array, row: Row) -> tuple[jax.Array, jax.Array]:
            new = (row.weight > 0) & ~seen[row.state]
            return seen.at[row.state].set(seen[row.state] | new), new.astype(jnp.float32)

        return jax.lax.scan(forward, jnp.zeros_like(state.values, bool), episode)[1]
