"""Steps that wait for their next action.

SARSA learns from (s, a, r, s', a'), and a' is chosen before it learns. So every step waits for the one behind it: when
that has happened, its action is a', chosen from the table as it was before this step was learnt from. The last step of
an episode waits for nothing: behind it no action is taken.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.tabular.table import Row
from operant.types import PyTree


class Waiting(eqx.Module):
    """The last step of each environment, unless its episode ended: then its weight is 0."""

    rows: Row  # [N]

    @classmethod
    def none(cls, num_envs: int, state: PyTree = None) -> Waiting:
        """Nobody waits. `state` is a leaf `[N, …]` like a row's; numbers of states by default."""
        whole, real, flag = (jnp.zeros(num_envs, dtype) for dtype in (jnp.int32, jnp.float32, bool))
        state = whole if state is None else state
        return cls(
            Row(
                state=state,
                action=whole,
                reward=real,
                terminated=flag,
                truncated=flag,
                next_state=state,
                next_mask=None,
                weight=real,
                env=jnp.arange(num_envs),
                number=whole,
                bits=None,
            )
        )

    def settle(self, row: Row) -> tuple[Row, Row, Waiting]:
        """`(before, last, waiting)` now that `row` has happened.

        `before` is the step that waited for it, with weight 0 if none did; `last` is the row itself if its episode
        ended, else with weight 0: then it waits.
        """
        before = jax.tree.map(lambda x: x[row.env], self.rows)
        # An episode that was interrupted (a run resumed from a file) starts elsewhere: that step is not learnt from.
        joins = jnp.all(before.next_state == row.state)
        done = row.terminated | row.truncated
        waits = row._replace(weight=row.weight * ~done, next_mask=None, bits=None)
        rows = jax.tree.map(lambda all, one: all.at[row.env].set(one.astype(all.dtype)), self.rows, waits)
        return (
            before._replace(weight=before.weight * joins),
            row._replace(weight=row.weight * done),
            Waiting(rows),
        )
