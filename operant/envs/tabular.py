"""Environments that are tables: a finite Markov decision process as arrays, stepped at millions of steps a second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.base import Environment
from operant.spaces import Discrete

if TYPE_CHECKING:
    from operant.envs.layout import Layout

Outcome = tuple[float, int, float, bool]  # probability, next state, reward, terminated
TOLERANCE = 1e-4  # of the sum of probabilities, so that float32 ones are taken


class Tabular(Environment):
    """S states, A actions, and for each pair at most K outcomes, of which a step picks one.

    The state is the observation, a number from 0 to S−1, unless `observations` says what each state looks like.
    An action that is not possible is left out by the action mask; taken all the same, it does what its row says, or
    nothing where its probabilities are all 0.
    """

    successors: jax.Array  # [S, A, K] int32
    cumulative: jax.Array  # [S, A, K]: probability of an outcome or one before it; exactly 1 from the last on
    rewards: jax.Array  # [S, A, K]
    terminated: jax.Array  # [S, A, K] bool
    start_states: jax.Array  # [M] int32
    start_cumulative: jax.Array  # [M], as above
    possible_actions: jax.Array | None  # [S, A] bool
    observations: jax.Array | None  # [S] int32
    observation_count: int = eqx.field(static=True)
    max_episode_steps: int | None = eqx.field(static=True)
    id: str = eqx.field(static=True)  # of the instance, where other environments have one of their class
    layout: Layout | None = eqx.field(static=True)

    def __init__(
        self,
        successors: Any,
        probabilities: Any,
        rewards: Any,
        terminated: Any,
        start: Any = 0,
        *,
        possible_actions: Any = None,
        observations: Any = None,
        max_episode_steps: int | None = None,
        id: str = "Tabular",
        layout: Layout | None = None,
    ) -> None:
        """From lists of outcomes; `dense` and `from_model` take other forms.

        Args:
            successors: The state that each outcome leads to, `[S, A, K]`.
            probabilities: Of each outcome, `[S, A, K]`; 0 where a pair has fewer than K.
            rewards: Of each outcome; of any shape that broadcasts to `[S, A, K]`.
            terminated: Whether the episode ends there; likewise.
            start: The state that episodes begin in, or the probability of each, `[S]`.
            possible_actions: True for each action that a state has, `[S, A]`; by default all.
            observations: What the agent sees in each state, `[S]`, counted from 0; by default the state.
            max_episode_steps: Episodes are truncated after this many steps; by default never.
            id: Its name.
            layout: How its states lie on paper, for pictures.

        Raises:
            ValueError: the arrays do not fit, a state is not one, or probabilities do not sum to 1; says where.
        """
        successors, probabilities = np.asarray(successors), np.array(probabilities, np.float64)
        if successors.ndim != 3 or 0 in successors.shape or successors.shape != probabilities.shape:
            raise ValueError(
                "Successors and probabilities must have the same shape, states × actions × outcomes; they have "
                f"{successors.shape} and {probabilities.shape}."
            )
        states, actions, outcomes = shape = successors.shape
        _check_range("successors", successors, states)
        rewards = _broadcast("rewards", rewards, shape, np.float32)
        terminated = _broadcast("terminated", terminated, shape, bool)
        if possible_actions is not None:
            possible_actions = _broadcast("possible_actions", possible_actions, (states, actions), bool)
            if not possible_actions.any(axis=1).all():
                stuck = int(np.argmin(possible_actions.any(axis=1)))
                raise ValueError(f"State {stuck} has no possible action; every state needs at least one.")
            never = ~possible_actions[:, :, None] & (probabilities.sum(axis=2, keepdims=True) == 0)
            successors = np.where(never, np.arange(states)[:, None, None], successors)
            probabilities = np.where(never, np.arange(outcomes) == 0, probabilities)
            rewards, terminated = np.where(never, 0, rewards), terminated & ~never
        if observations is not None:
            observations = _broadcast("observations", observations, (states,), np.int32)
            _check_range("observations", observations, max(int(observations.max()) + 1, 1))
        start_states, start = _starts(start, states)
        self.successors = jnp.asarray(successors, jnp.int32)
        self.cumulative = _cumulative(probabilities, "of state {} and action {}")
        self.rewards, self.terminated = jnp.asarray(rewards, jnp.float32), jnp.asarray(terminated)
        self.start_states, self.start_cumulative = start_states, start
        self.possible_actions = None if possible_actions is None else jnp.asarray(possible_actions)
        self.observations = None if observations is None else jnp.asarray(observations)
        self.observation_count = states if observations is None else int(observations.max()) + 1
        self.max_episode_steps, self.layout = max_episode_steps, layout
        self.id = id  # pyright: ignore[reportIncompatibleVariableOverride] (other classes have one name for all)

    @classmethod
    def dense(
        cls, transition: Any, rewards: Any, start: Any = 0, *, terminal: Any = False, **options: Any
    ) -> Tabular:
        """From `transition[s, a, s']`, the probability of each next state, `[S, A, S]`.

        `rewards` broadcasts to `[S, A, S]`; `terminal` `[S]` says which states end the episode that enters them.
        `options` are the constructor's.
        """
        transition = np.asarray(transition, np.float64)
        if transition.ndim != 3 or transition.shape[0] != transition.shape[2]:
            raise ValueError(
                f"Transition probabilities must be states × actions × states; they are {transition.shape}."
            )
        happens = transition > 0
        outcomes = max(int(happens.sum(axis=2).max()), 1)
        successors = np.argsort(~happens, axis=2, kind="stable")[:, :, :outcomes]
        rewards = _broadcast("rewards", rewards, transition.shape, np.float32)
        terminal = _broadcast("terminal", terminal, transition.shape[:1], bool)
        probabilities, rewards = (np.take_along_axis(x, successors, axis=2) for x in (transition, rewards))
        return cls(successors, probabilities, rewards, terminal[successors], start, **options)

    @classmethod
    def from_model(
        cls, model: Mapping[int, Mapping[int, Sequence[Outcome]]], start: Any = 0, **options: Any
    ) -> Tabular:
        """From Gymnasium's `P[state][action]`, a list of `(probability, next state, reward, terminated)`.

        Outcomes keep their order. `options` are the constructor's.
        """
        states, actions = len(model), len(model[0])
        outcomes = max(len(row) for rows in model.values() for row in rows.values())
        table = np.zeros((states, actions, outcomes, 4))
        for state, rows in model.items():
            for action, row in rows.items():
                table[state, action, : len(row)] = row
        probabilities, successors, rewards, terminated = np.moveaxis(table, -1, 0)
        return cls(successors.astype(np.int32), probabilities, rewards, terminated > 0, start, **options)

    @property
    def observation_space(self) -> Discrete:
        return Discrete(self.observation_count)

    @property
    def action_space(self) -> Discrete:
        return Discrete(self.successors.shape[1])

    def sample_noise(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        """`(a number from 0 to 1 that picks the outcome, the state that an episode would begin in)`."""
        certain = (
            self.successors.shape[2] == len(self.start_states) == 1
        )  # then random numbers would be wasted
        outcome, start = (
            jnp.zeros(2, dtype=jnp.float32) if certain else jax.random.uniform(key, (2,), dtype=jnp.float32)
        )
        index = jnp.searchsorted(self.start_cumulative, start, side="right")
        return outcome, self.start_states[index]

    def reset(self, noise: tuple[jax.Array, jax.Array]) -> jax.Array:
        return noise[1]

    def step(
        self, state: jax.Array, action: jax.Array, noise: tuple[jax.Array, jax.Array]
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        chosen = jnp.sum(noise[0] >= self.cumulative[state, action], dtype=jnp.int32)
        at = (state, action, chosen)
        return self.successors[at], self.rewards[at], self.terminated[at]

    def observation(self, state: jax.Array) -> jax.Array:
        return state if self.observations is None else self.observations[state]

    def action_mask(self, state: jax.Array) -> jax.Array | None:
        return None if self.possible_actions is None else self.possible_actions[state]


def _broadcast(name: str, value: Any, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    array = np.asarray(value, dtype)
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(f"{name} has shape {array.shape}; it must be {shape}, or broadcast to it.") from None


def _check_range(name: str, states: np.ndarray, count: int) -> None:
    wrong = (states < 0) | (states >= count)
    if wrong.any():
        where = tuple(map(int, np.argwhere(wrong)[0]))
        raise ValueError(f"{name}{list(where)} is {states[where]}; it must be from 0 to {count - 1}.")


def _starts(start: Any, states: int) -> tuple[jax.Array, jax.Array]:
    """`(the states that episodes may begin in, their cumulative probabilities)`."""
    start = np.asarray(start)
    if start.ndim == 0:
        _check_range("start", start[None], states)
        start = np.arange(states) == start
    if start.shape != (states,):
        raise ValueError(
            f"start must be a state or the probability of each of {states}; it is {start.shape}."
        )
    possible = np.flatnonzero(start)
    cumulative = _cumulative(start[possible].astype(np.float64), "of the start states")
    return jnp.asarray(possible, jnp.int32), cumulative


def _cumulative(probabilities: np.ndarray, where: str) -> jax.Array:
    """Sums along the last axis, exactly 1 from the last possible outcome on, so that no rounding goes beyond it."""
    sums = probabilities.sum(axis=-1)
    wrong = (np.abs(sums - 1) > TOLERANCE) | (probabilities < 0).any(axis=-1) | np.isnan(sums)
    if wrong.any():
        index = tuple(map(int, np.argwhere(wrong)[0]))
        raise ValueError(
            f"The probabilities {where.format(*index)} are {probabilities[index].tolist()}; they must not be negative "
            "and must sum to 1."
        )
    count = probabilities.shape[-1]
    last = count - 1 - np.argmax(probabilities[..., ::-1] > 0, axis=-1)
    cumulative = np.where(np.arange(count) < last[..., None], np.cumsum(probabilities, axis=-1), 1)
    return jnp.asarray(cumulative, jnp.float32)
