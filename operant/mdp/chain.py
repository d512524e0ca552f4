"""Markov chains: where a walk is after n steps, where it ends, and how long that takes.

Kemeny & Snell, Finite Markov Chains (1960), chapters 2 to 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from operant.mdp.outcomes import Outcomes
from operant.mdp.reading import distribution


class MarkovChain:
    """S states, and the probability of going from each to each.

    A state whose next state is itself with probability 1 is absorbing: a walk ends there.

    Attributes:
        num_states: S.
        transitions: SciPy sparse `[S, S]`.
    """

    def __init__(self, transition_probabilities: Any) -> None:
        """From `P[s][s']` as nested lists, an array `[S, S]`, or a SciPy sparse array.

        Raises ValueError where it is not square, a probability is negative, or a row does not sum to 1.
        """
        given = transition_probabilities
        try:
            given: Any = given if sparse.issparse(given) else np.asarray(given, np.float64)
        except (TypeError, ValueError):
            raise ValueError(
                "A Markov chain's transition probabilities hold something that is not a number, or rows of different "
                "lengths. A walk that ends in a state stays there: its row has a 1 for the state itself."
            ) from None
        if len(given.shape) != 2 or given.shape[0] != given.shape[1] or not given.shape[0]:
            shape = " × ".join(map(str, given.shape)) or "a number"
            raise ValueError(
                f"A Markov chain's transition probabilities must be states × states; they are {shape}."
            )
        table: Any = sparse.coo_array(given)
        self.num_states = table.shape[0]
        row, successor = table.coords
        self._outcomes = Outcomes.of(
            row,
            successor,
            table.data.astype(np.float64),
            np.zeros(table.nnz),
            np.zeros(table.nnz, bool),
            needed=np.ones(self.num_states, bool),
            name=lambda row: f"state {row}",
        )
        self.transitions = self._outcomes.matrix(self.num_states)

    def simulate(
        self,
        steps: int,
        *,
        start: Any = 0,
        walks: int | None = None,
        seed: int | np.random.Generator | None = None,
    ) -> np.ndarray:
        """The states of a walk, `[steps + 1]`, or of many at once, `[walks, steps + 1]`.

        Args:
            steps: How many steps each takes.
            start: The state that they begin in, or the probability of each, `[S]`.
            walks: How many walks; by default one.
            seed: A number or a NumPy generator.
        """
        if steps < 0:
            raise ValueError(f"steps={steps} must not be negative.")
        generator = np.random.default_rng(seed)
        count = 1 if walks is None else walks
        states = np.empty((count, steps + 1), np.int64)
        states[:, 0] = generator.choice(self.num_states, size=count, p=distribution(start, self.num_states))
        for step in range(steps):
            states[:, step + 1] = self._outcomes.successor[self._outcomes.sample(states[:, step], generator)]
        return states[0] if walks is None else states

    def distribution(self, steps: int, *, start: Any = 0) -> np.ndarray:
        """The probability of being in each state after `steps` steps, `[S]`; `start` as in `simulate`."""
        if steps < 0:
            raise ValueError(f"steps={steps} must not be negative.")
        probabilities, backwards = distribution(start, self.num_states), self.transitions.T.tocsr()
        for _ in range(steps):
            probabilities = backwards @ probabilities
        return probabilities

    @property
    def absorbing_states(self) -> np.ndarray:
        """The states that are never left, in order."""
        return np.flatnonzero(self.transitions.diagonal() == 1)

    def absorption_probabilities(self) -> np.ndarray:
        """The probability of ending in each of the K absorbing states, from each state, `[S, K]`.

        With Q the transitions among states that can still be absorbed and R those into absorbing states, it is
        (I − Q)⁻¹ R. Rows sum to less than 1 if a walk may never end.
        """
        absorbing = self._absorbing("Absorption probabilities")
        probabilities = np.zeros((self.num_states, len(absorbing)))
        probabilities[absorbing, np.arange(len(absorbing))] = 1.0
        inside = self._reaching(absorbing)
        inside[absorbing] = False
        into = self.transitions[inside][:, absorbing].toarray()
        probabilities[inside] = self._solve(inside, into)
        return probabilities

    def absorption_times(self) -> np.ndarray:
        """The expected number of steps until an absorbing state is reached, from each state, `[S]`.

        It is (I − Q)⁻¹ 1, and infinite if a walk may never be absorbed.
        """
        absorbing = self._absorbing("Absorption times")
        times = np.where(self._reaching(np.flatnonzero(~self._reaching(absorbing))), np.inf, 0.0)
        inside = np.isfinite(times)
        inside[absorbing] = False
        times[inside] = self._solve(inside, np.ones((int(inside.sum()), 1)))[:, 0]
        return times

    def stationary_distribution(self) -> np.ndarray:
        """The distribution that a step does not change, `[S]`: π = π P.

        Raises ValueError where there are several because the chain has several parts that are never left.
        """
        count, component = connected_components(self.transitions, directed=True, connection="strong")
        row, successor = self.transitions.nonzero()
        left = np.zeros(count, bool)
        left[component[row[component[row] != component[successor]]]] = True
        closed = np.flatnonzero(~left)
        if len(closed) > 1:
            examples = [int(np.argmax(component == part)) for part in closed]
            raise ValueError(
                f"The chain has {len(closed)} parts that are never left (around the states {examples[:10]}), and so "
                "many stationary distributions. Ask for distribution(steps, start=…), or for absorption."
            )
        inside = np.flatnonzero(component == closed[0])
        system = (sparse.eye_array(len(inside)) - self.transitions[inside][:, inside]).T.tolil()
        # One of the equations follows from the others; in its place: the sum is 1.
        system[-1, :] = 1.0
        weights = np.zeros(len(inside))
        weights[-1] = 1.0
        stationary = np.zeros(self.num_states)
        stationary[inside] = splu(system.tocsc()).solve(weights)
        return stationary

    def _absorbing(self, what: str) -> np.ndarray:
        absorbing = self.absorbing_states
        if not len(absorbing):
            raise ValueError(
                f"{what} need an absorbing state, and this chain has none: "
                "no state stays where it is with probability 1."
            )
        return absorbing

    def _reaching(self, targets: np.ndarray) -> np.ndarray:
        """Whether a walk from each state may come to one of these, `[S]` bool."""
        reached = np.zeros(self.num_states, bool)
        reached[targets] = True
        frontier, backwards = targets, self.transitions.T.tocsr()
        while len(frontier):
            before = np.unique(backwards[frontier].indices)
            frontier = before[~reached[before]]
            reached[frontier] = True
        return reached

    def _solve(self, inside: np.ndarray, right: np.ndarray) -> np.ndarray:
        """(I − Q)⁻¹ right `[N, K]`, with Q the transitions among the N states `inside`."""
        system = sparse.eye_array(int(inside.sum())) - self.transitions[inside][:, inside]
        return splu(system.tocsc()).solve(right) if len(right) else right

    def __repr__(self) -> str:
        absorbing = self.absorbing_states
        shown = ", ".join(map(str, absorbing[:10])) + (", …" if len(absorbing) > 10 else "")
        return f"MarkovChain: {self.num_states:,} states, absorbing: {shown or 'none'}"
