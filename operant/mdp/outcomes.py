"""The outcomes of each row (a state of a chain, or a state and an action), as one ragged table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

SUM_TOLERANCE = 1e-5  # of the sum of a row's probabilities, so that float32 ones are taken


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The outcomes of row r lie at `pointer[r]` to `pointer[r + 1]`; an empty row has none."""

    pointer: np.ndarray  # [R + 1]
    successor: np.ndarray  # [N], the next state
    probability: np.ndarray  # [N], positive; those of a row sum to 1
    reward: np.ndarray  # [N]
    terminated: np.ndarray  # [N] bool: the episode ends here, whatever the next state

    @classmethod
    def of(
        cls,
        row: np.ndarray,
        successor: np.ndarray,
        probability: np.ndarray,
        reward: np.ndarray,
        terminated: np.ndarray,
        *,
        needed: np.ndarray,
        name: Callable[[int], str],
    ) -> Outcomes:
        """From columns `[N]` in any order; the rows that are `needed` `[R]` must be probability distributions.

        Raises ValueError for those that are not, with `name(row)` in the message.
        """
        wrong = ~(np.isfinite(probability) & (probability >= 0))
        if wrong.any():
            at = int(np.argmax(wrong))
            raise ValueError(
                f"The probability that {name(int(row[at]))} leads to state {successor[at]} is {probability[at]:g}; "
                "probabilities are numbers from 0 to 1."
            )
        if not np.isfinite(reward).all():
            at = int(np.argmin(np.isfinite(reward)))
            raise ValueError(
                f"The reward of {name(int(row[at]))} leading to state {successor[at]} is {reward[at]:g}; "
                "it must be a finite number."
            )
        columns = row, successor, probability, reward, terminated
        if not probability.all():
            columns = tuple(column[probability > 0] for column in columns)
        if (np.diff(columns[0]) < 0).any():
            order = np.argsort(columns[0], kind="stable")
            columns = tuple(column[order] for column in columns)
        row, successor, probability, reward, terminated = columns
        total = np.bincount(row, probability, minlength=len(needed))
        wrong = needed & (np.abs(total - 1) > SUM_TOLERANCE)
        if wrong.any():
            at = int(np.argmax(wrong))
            raise ValueError(f"The probabilities of {name(at)} sum to {total[at]:.6g}; they must sum to 1.")
        pointer = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(needed)))])
        return cls(pointer, successor, probability / total[row], reward, terminated)

    def matrix(self, num_states: int) -> sparse.csr_array:
        """The probability that row r leads to state s and the episode continues, `[R, S]`."""
        going_on = np.where(self.terminated, 0.0, self.probability)
        shape = (len(self.pointer) - 1, num_states)
        matrix = sparse.csr_array((going_on, self.successor, self.pointer), shape=shape, copy=True)
        matrix.eliminate_zeros()
        return matrix

    def expected_reward(self) -> np.ndarray:
        """`[R]`; 0 for an empty row."""
        row = np.repeat(np.arange(len(self.pointer) - 1), np.diff(self.pointer))
        return np.bincount(row, self.probability * self.reward, minlength=len(self.pointer) - 1)

    def sample(self, row: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """The index of an outcome of each of these rows, of which none is empty."""
        first, last = self.pointer[row], self.pointer[row + 1] - 1
        before = np.where(first > 0, self._cumulative[first - 1], 0.0)
        drawn = before + generator.random(np.shape(row))
        # Rounding of the long sum may point just beyond the row.
        return np.clip(np.searchsorted(self._cumulative, drawn, side="right"), first, last)

    @cached_property
    def _cumulative(self) -> np.ndarray:
        return np.cumsum(self.probability)
