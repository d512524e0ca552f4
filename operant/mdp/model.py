"""Markov decision processes whose transition probabilities and rewards are known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from operant.mdp.outcomes import Outcomes
from operant.mdp.reading import Columns, distribution, gather, read

if TYPE_CHECKING:
    from operant.envs.tabular import Tabular


class MDP:
    """S states, A actions, and for each possible pair the probability and reward of every outcome.

    A state without any possible action is terminal: its value is 0.

    Attributes:
        num_states: S.
        num_actions: A.
        possible_actions: True for each action that a state has, `[S, A]`.
        terminal: True for the states that have none, `[S]`.
        start: The probability that an episode begins in each state, `[S]`; None if it was not given.
        transitions: SciPy sparse `[A·S, S]`: in row `action · S + state` the probability of continuing in each next
            state. If an outcome ends the episode, the row sums to less than 1.
        expected_rewards: The expected reward of each pair, `[A, S]`; −∞ where an action is impossible. Action first,
            because the largest over actions is then found several times as fast.
    """

    def __init__(self, transition_probabilities: Any, rewards: Any, possible_actions: Any = None) -> None:
        """From arrays.

        Args:
            transition_probabilities: `P[s][a][s']` as nested lists, with None for an impossible action; or an
                array `[S, A, S]`; or a SciPy sparse array `[S·A, S]` whose row is `s · A + a`.
            rewards: `R[s][a][s']` in any of these forms, or `R[s][a]`.
            possible_actions: For each state the list of its actions, or booleans `[S, A]`. By default all are
                possible that are not None; entries of impossible ones are ignored.

        Raises:
            ValueError: the shapes do not fit, a probability is negative, or those of a possible state and action
                do not sum to 1.
        """
        self._fill(read(transition_probabilities, rewards, possible_actions))

    def _fill(self, columns: Columns, start: np.ndarray | None = None) -> None:
        possible = columns.possible
        self.num_states, self.num_actions = possible.shape
        self.possible_actions = possible
        self.terminal = np.asarray(~possible.any(axis=1))
        self.start = start
        self.outcomes = Outcomes.of(
            columns.action * self.num_states + columns.state,
            columns.successor,
            columns.probability,
            columns.reward,
            columns.terminated,
            needed=possible.T.ravel(),
            name=lambda row: f"action {row // self.num_states} in state {row % self.num_states}",
        )
        self.transitions = self.outcomes.matrix(self.num_states)
        expected = self.outcomes.expected_reward().reshape(self.num_actions, self.num_states)
        self.expected_rewards = np.where(possible.T, expected, -np.inf)

    @classmethod
    def from_transitions(
        cls,
        state: Any,
        action: Any,
        next_state: Any,
        probability: Any,
        reward: Any,
        terminated: Any = False,
        *,
        num_states: int | None = None,
        num_actions: int | None = None,
        start: Any = None,
    ) -> MDP:
        """From a list of outcomes as columns `[N]`: the form in which the largest models fit in memory.

        A pair may name a next state twice, with different rewards. Pairs that are not named are impossible.

        Args:
            state: Integers from 0.
            action: Integers from 0.
            next_state: Integers from 0.
            probability: Of that outcome, given the state and action.
            reward: On that outcome.
            terminated: Whether it ends the episode: nothing follows, whatever the next state.
            num_states: How many states there are; by default as many as are named.
            num_actions: How many actions there are; by default as many as are named.
            start: A state, or the probability of each, `[S]`: where episodes begin.
        """
        columns = gather(
            (state, action, next_state), (probability, reward), terminated, num_states, num_actions
        )
        mdp = cls.__new__(cls)
        mdp._fill(columns, None if start is None else distribution(start, len(columns.possible)))
        return mdp

    @classmethod
    def from_gymnasium(cls, environment: Any, **options: Any) -> MDP:
        """The model that a toy-text environment (FrozenLake, CliffWalking, Taxi) carries as `P` and start states.

        Args:
            environment: Its id, or the environment itself.
            options: Further arguments of `gymnasium.make`, such as `is_slippery=False`.

        States that only follow a terminated step keep the actions which `P` lists for them; since nothing leads
        on from that step, they matter to no other state.
        """
        if isinstance(environment, str):
            import gymnasium

            environment = gymnasium.make(environment, **options)
        elif options:
            raise ValueError(f"Options {sorted(options)} need an environment that is given by its id.")
        model = getattr(environment.unwrapped, "P", None)
        if model is None:
            raise ValueError(
                f"{environment} has no transition probabilities (an attribute P, as toy-text environments have)."
            )
        outcomes = [
            (state, action, int(successor), probability, reward, terminated)
            for state, actions in model.items()
            for action, row in actions.items()
            for probability, successor, reward, terminated in row
        ]
        start = getattr(environment.unwrapped, "initial_state_distrib", None)
        columns = (np.array(column) for column in zip(*outcomes, strict=True))
        return cls.from_transitions(*columns, num_states=len(model), start=start)

    @classmethod
    def random(
        cls,
        num_states: int,
        num_actions: int,
        *,
        successors: int | None = None,
        impossible: float = 0.0,
        terminal: int = 0,
        seed: int | np.random.Generator | None = None,
    ) -> MDP:
        """A random model, for tests and benchmarks.

        Probabilities are uniform on the simplex, rewards standard normal and differ between outcomes.

        Args:
            num_states: S.
            num_actions: A.
            successors: How many next states each pair may lead to; by default all.
            impossible: The probability that an action is impossible; a state that is not terminal keeps at least one.
            terminal: The number of terminal states.
            seed: A number or a NumPy generator.
        """
        successors = num_states if successors is None else successors
        if not 1 <= successors <= num_states:
            raise ValueError(f"successors={successors} must be from 1 to the number of states, {num_states}.")
        if not 0 <= terminal < num_states:
            raise ValueError(f"terminal={terminal} must be from 0 to one less than the {num_states} states.")
        generator = np.random.default_rng(seed)
        possible = generator.random((num_states, num_actions)) >= impossible
        possible[np.arange(num_states), generator.integers(num_actions, size=num_states)] = True
        possible[generator.permutation(num_states)[:terminal]] = False
        action, state = np.nonzero(possible.T)
        # One from each of as many slices of the states, so that they differ.
        edges = np.linspace(0, num_states, successors + 1).astype(np.int64)
        successor = generator.integers(edges[:-1], edges[1:], size=(len(state), successors))
        probability = generator.dirichlet(np.ones(successors), size=len(state))
        return cls.from_transitions(
            np.repeat(state, successors),
            np.repeat(action, successors),
            successor.ravel(),
            probability.ravel(),
            generator.normal(size=successor.size),
            num_states=num_states,
            num_actions=num_actions,
        )

    def sample(
        self, state: Any, action: Any, seed: int | np.random.Generator | None = None
    ) -> tuple[Any, Any, Any]:
        """`(next state, reward, terminated)` of taking this action in this state, or of N of them at once, `[N]`.

        `seed` is a number or a NumPy generator. Raises ValueError where an action is impossible.
        """
        states, actions = np.broadcast_arrays(np.asarray(state), np.asarray(action))
        for name, index, count in (("state", states, self.num_states), ("action", actions, self.num_actions)):
            if (outside := (index < 0) | (index >= count)).any():
                wrong = index[outside].flat[0]
                raise ValueError(f"{name.capitalize()} {wrong} does not exist; they are 0 to {count - 1}.")
        possible = self.possible_actions[states, actions]
        if not possible.all():
            at = np.unravel_index(np.argmin(possible), states.shape)
            raise ValueError(f"{self.why_impossible(int(states[at]), int(actions[at]))}.")
        index = self.outcomes.sample(actions * self.num_states + states, np.random.default_rng(seed))
        successor = self.outcomes.successor[index]
        terminated = self.outcomes.terminated[index] | self.terminal[successor]
        return successor, self.outcomes.reward[index], terminated

    def why_impossible(self, state: int, action: int) -> str:
        """The message about an action that this state does not have."""
        actions = np.flatnonzero(self.possible_actions[state]).tolist()
        there = f"possible there: {actions}" if actions else "the state is terminal"
        return f"Action {action} is impossible in state {state} ({there})"

    def uniform_policy(self) -> np.ndarray:
        """The policy that takes every possible action with the same probability, `[S, A]`; 0 in terminal states."""
        return self.possible_actions / np.maximum(self.possible_actions.sum(axis=1, keepdims=True), 1)

    def to_environment(
        self, start: Any = None, max_episode_steps: int | None = None, *, id: str = "MDP"
    ) -> Tabular:
        """A native environment to learn in, which masks impossible actions and ends in terminal states.

        Args:
            start: The state that episodes begin in, or the probability of each, `[S]`; by default `self.start`,
                and state 0 where that is not known.
            max_episode_steps: Episodes are truncated after this many steps; by default never.
            id: Its name.
        """
        from operant.envs.tabular import Tabular

        shape = (self.num_actions, self.num_states, int(np.diff(self.outcomes.pointer).max()))
        row = np.repeat(np.arange(len(self.outcomes.pointer) - 1), np.diff(self.outcomes.pointer))
        at = (row, np.arange(len(row)) - self.outcomes.pointer[row])
        ends = self.outcomes.terminated | self.terminal[self.outcomes.successor]
        tables = []
        for column in (self.outcomes.successor, self.outcomes.probability, self.outcomes.reward, ends):
            table = np.zeros((shape[0] * shape[1], shape[2]), column.dtype)
            table[at] = column
            tables.append(table.reshape(shape).swapaxes(0, 1))
        successor, probability, reward, terminated = tables
        # A terminal state is never acted in; the environment wants an action in every state: to stay there.
        successor[self.terminal] = np.flatnonzero(self.terminal)[:, None, None]
        probability[self.terminal, :, 0] = 1.0
        terminated[self.terminal] = True
        possible = self.possible_actions | self.terminal[:, None]
        start = self.start if start is None else start
        return Tabular(
            successor,
            probability,
            reward,
            terminated,
            0 if start is None else start,
            possible_actions=None if possible.all() else possible,
            max_episode_steps=max_episode_steps,
            id=id,
        )

    def __repr__(self) -> str:
        pairs, outcomes = int(self.possible_actions.sum()), len(self.outcomes.successor)
        text = f"MDP: {self.num_states:,} states × {self.num_actions:,} actions"
        if pairs < self.possible_actions.size:
            text += f", {pairs:,} of {self.possible_actions.size:,} pairs possible"
        if self.terminal.any():
            text += f", {int(self.terminal.sum()):,} terminal"
        return f"{text}, {outcomes:,} outcomes"
