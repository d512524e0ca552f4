"""The results of planners: values, a policy, and the history of the iteration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HISTORY_NUMBERS = 2**22  # 32 MiB of iterates, whatever the number of iterations
SHOWN_STATES, SHOWN_ACTIONS = 20, 10


@dataclass(frozen=True, eq=False)
class History:
    """The history of an iteration x ← T(x), for pictures.

    All iterates are kept while there is room, then every second, every fourth, and so on; the `residuals` of all are
    kept.
    """

    residuals: np.ndarray  # [iterations]: max |T(x) − x| of the x before each iteration
    steps: np.ndarray  # [K]: how many iterations had been made when …
    values: np.ndarray  # [K, S] or [K, S, A]: … these were the iterates


class Recorder:
    """Collects a `History` in bounded memory."""

    def __init__(self, room: int = HISTORY_NUMBERS) -> None:
        self.residuals: list[float] = []
        self._iterates: list[tuple[int, np.ndarray]] = []
        self._stride, self._room = 1, room

    def iterate(self, x: np.ndarray) -> None:
        """Keep this iterate if it is due; it must not be changed afterwards."""
        step = len(self.residuals)
        if step % self._stride:
            return
        if len(self._iterates) >= max(self._room // x.size, 2):
            self._stride *= 2
            self._iterates = [kept for kept in self._iterates if kept[0] % self._stride == 0]
            if step % self._stride:
                return
        self._iterates.append((step, x))

    def history(self) -> History:
        steps, values = zip(*self._iterates, strict=True)
        return History(np.array(self.residuals), np.array(steps), np.array(values))


@dataclass(frozen=True, eq=False)
class Solution:
    """The values of a policy, or of the best one.

    Attributes:
        values: `[S]`; 0 in terminal states.
        q_values: `[S, A]`; −∞ where an action is impossible.
        policy: The action to take, `[S]`, −1 in terminal states; or, of a stochastic policy that was evaluated,
            the probabilities `[S, A]`.
        gamma: The discount.
        iterations: How many were made; 0 if the values were solved for directly.
        history: The iterates; of Q-value iteration the Q-values, of all others the values.
    """

    values: np.ndarray
    q_values: np.ndarray
    policy: np.ndarray
    gamma: float
    iterations: int
    history: History

    def __repr__(self) -> str:
        states, actions = self.q_values.shape
        count = f"{self.iterations:,} iteration{'s' * (self.iterations != 1)}"
        head = f"Solution of {states:,} states × {actions:,} actions, γ = {self.gamma:g}, {count}"
        if states > SHOWN_STATES or actions > SHOWN_ACTIONS:
            return f"{head}; values from {self.values.min():.4f} to {self.values.max():.4f}"
        rows = [["state", "value", "policy", *(f"Q(·,{action})" for action in range(actions))]]
        for state in range(states):
            numbers = (f"{q:.4f}" if np.isfinite(q) else "–" for q in self.q_values[state])
            rows.append([str(state), f"{self.values[state]:.4f}", self._chosen(state), *numbers])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        )
        return "\n".join([head, *lines])

    def _chosen(self, state: int) -> str:
        if not np.isfinite(self.q_values[state]).any():
            return "end"
        if self.policy.ndim == 1:
            return str(self.policy[state])
        return "/".join(f"{probability:.2g}" for probability in self.policy[state])
