"""Steps that wait for their next action.

SARSA learns from (s, a, r, s', a'), and a' is chosen before it learns. So every step waits for the one after it,
whose action is a', chosen from the table as it was before this step was learnt from. The last step of an episode does
not wait: no action follows it.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.tabular.table import Row
from operant.types import EnvSpec, PyTree


class Waiting(eqx.Module):
    """The last step of each environment, unless its episode ended: then its weight is 0."""

    rows: Row  # [N]

    @classmethod
    def none(cls, spec: EnvSpec, state: PyTree = None) -> Waiting:
        """No step waits. `state` `[N, …]` is like a row's: numbers of states by default."""
        num_envs = spec.num_envs
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
                discount=real if spec.discounted else None,
            )
        )

    def complete(self, row: Row) -> tuple[Row, Row, Waiting]:
        """`(previous, last, waiting)` when `row` has happened.

        `previous` is the step that waited for it, with weight 0 if none did. `last` is the row itself, with weight 0
        unless it ended its episode: otherwise it waits.
        """
        previous = jax.tree.map(lambda x: x[row.env], self.rows)
        # An episode that was interrupted (a run resumed from a file) starts elsewhere: that step is not learnt from.
        joins = jnp.all(previous.next_state == row.state)
        done = row.terminated | row.truncated
        waits = row._replace(weight=row.weight * ~done, next_mask=None, bits=None)
        rows = jax.tree.map(lambda all, one: all.at[row.env].set(one.astype(all.dtype)), self.rows, waits)
        return (
            previous._replace(weight=previous.weight * joins),
            row._replace(weight=row.weight * done),
            Waiting(rows),
        )
