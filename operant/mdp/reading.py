"""The forms in which a Markov decision process may be given, turned into columns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from operant.mdp.outcomes import SUM_TOLERANCE


class Columns(NamedTuple):
    """Every outcome, one a row, and which actions each state has."""

    state: np.ndarray  # [N]
    action: np.ndarray  # [N]
    successor: np.ndarray  # [N]
    probability: np.ndarray  # [N]
    reward: np.ndarray  # [N]
    terminated: np.ndarray  # [N] bool
    possible: np.ndarray  # [S, A] bool


def read(transition_probabilities: Any, rewards: Any, possible_actions: Any) -> Columns:
    """Columns of nested lists, a dense array `[S, A, S]` or a SciPy sparse array `[S·A, S]`; see `MDP`."""
    if sparse.issparse(transition_probabilities):
        table: Any = sparse.coo_array(transition_probabilities)
        rows, num_states = table.shape
        if num_states == 0 or rows % num_states:
            raise ValueError(
                f"Sparse transition probabilities must be (states · actions) × states; they are {rows} × {num_states}."
            )
        num_actions = rows // num_states
        given = np.ones((num_states, num_actions), bool)
        state, action = np.divmod(table.coords[0], num_actions)
        successor, probability = table.coords[1], table.data.astype(np.float64)
    else:
        array, given = _array("transition_probabilities", transition_probabilities)
        if array.ndim != 3 or array.shape[0] != array.shape[2] or 0 in array.shape:
            shape = " × ".join(map(str, array.shape)) or "a number"
            raise ValueError(f"Transition probabilities must be states × actions × states; they are {shape}.")
        num_states, num_actions = given.shape
        state, action, successor = np.nonzero(array)
        probability = array[state, action, successor]
    possible = given & _possible(possible_actions, given)
    kept = possible[state, action]
    state, action, successor, probability = (x[kept] for x in (state, action, successor, probability))
    reward = _rewards(rewards, state, action, successor, possible.shape)
    terminated = np.zeros(len(state), bool)
    return Columns(state, action, successor, probability, reward, terminated, possible)


def gather(
    indices: tuple[Any, Any, Any],
    numbers: tuple[Any, Any],
    terminated: Any,
    num_states: int | None,
    num_actions: int | None,
) -> Columns:
    """Columns of `(state, action, next_state)`, `(probability, reward)` and `terminated`; see `from_transitions`."""
    state, action, successor = columns = [np.asarray(x) for x in indices]
    names = "state", "action", "next_state"
    for name, column in zip(names, columns, strict=True):
        if column.ndim != 1 or column.size == 0 or not np.issubdtype(column.dtype, np.integer):
            raise ValueError(
                f"{name} must be a list of at least one integer; got {column.dtype} {column.shape}."
            )
    columns += [*(np.asarray(x, np.float64) for x in numbers), np.asarray(terminated, bool)]
    if any(column.shape not in ((), state.shape) for column in columns):
        shapes = [column.shape for column in columns]
        raise ValueError(f"The columns must be of the same length; their shapes are {shapes}.")
    num_states = int(max(state.max(), successor.max())) + 1 if num_states is None else num_states
    num_actions = int(action.max()) + 1 if num_actions is None else num_actions
    for name, column, count in zip(names, columns, (num_states, num_actions, num_states), strict=False):
        if (outside := (column < 0) | (column >= count)).any():
            raise ValueError(f"{name} {column[outside][0]} does not exist; they are 0 to {count - 1}.")
    possible = np.zeros((num_states, num_actions), bool)
    possible[state, action] = True
    probability, reward, ends = (np.broadcast_to(column, state.shape) for column in columns[3:])
    return Columns(state, action, successor, probability, reward, ends, possible)


def _array(name: str, value: Any) -> tuple[np.ndarray, np.ndarray]:
    """`(the array, where its rows [s][a] are given)`; a row that is None is 0 in the array."""
    nested = isinstance(value, list | tuple) and all(isinstance(rows, list | tuple) for rows in value)
    if not nested:
        array = np.asarray(value, np.float64)
        return array, np.ones(array.shape[:2], bool)
    example = next((row for rows in value for row in rows if row is not None), None)
    if example is None:
        raise ValueError(f"{name}: every action of every state is None; at least one must be possible.")
    try:
        nothing = np.zeros(np.shape(example))
        array = np.array(
            [[nothing if row is None else row for row in rows] for rows in value], dtype=np.float64
        )
    except (TypeError, ValueError):
        raise ValueError(
            f"{name}: its lists differ in length or hold something that is no number. "
            "Give each state a row for every action (None where it is impossible), all of the same length."
        ) from None
    return array, np.array([[row is not None for row in rows] for rows in value])


def _possible(possible_actions: Any, given: np.ndarray) -> np.ndarray:
    """`[S, A]` bool from such an array, or from a list of actions for each state."""
    if possible_actions is None:
        return np.ones(given.shape, bool)
    if len(possible_actions) != len(given):
        raise ValueError(f"possible_actions has {len(possible_actions)} states; there are {len(given)}.")
    possible = _booleans(possible_actions)
    if possible is not None:
        if possible.shape != given.shape:
            raise ValueError(f"possible_actions has shape {possible.shape}; it must be {given.shape}.")
    else:
        possible = np.zeros(given.shape, bool)
        for state, actions in enumerate(possible_actions):
            for action in actions:
                if not 0 <= action < given.shape[1]:
                    raise ValueError(
                        f"possible_actions of state {state} names action {action}; "
                        f"actions are 0 to {given.shape[1] - 1}."
                    )
                possible[state, int(action)] = True
    missing = possible & ~given
    if missing.any():
        state, action = map(int, np.argwhere(missing)[0])
        raise ValueError(
            f"possible_actions says that action {action} is possible in state {state}, "
            "but its transition probabilities are None."
        )
    return possible


def _booleans(possible_actions: Any) -> np.ndarray | None:
    try:
        array = np.asarray(possible_actions)
    except ValueError:  # lists that differ in length
        return None
    return array if array.dtype == bool else None


def _rewards(
    rewards: Any, state: np.ndarray, action: np.ndarray, successor: np.ndarray, shape: tuple[int, ...]
) -> np.ndarray:
    """The reward of each outcome, `[N]`, from `[S, A, S]`, `[S, A]` or a sparse `[S·A, S]`."""
    num_states, num_actions = shape
    if sparse.issparse(rewards):
        if rewards.shape != (num_states * num_actions, num_states):
            raise ValueError(
                f"Sparse rewards must be (states · actions) × states, "
                f"{num_states * num_actions} × {num_states}; they are {' × '.join(map(str, rewards.shape))}."
            )
        table = sparse.csr_array(rewards)
        return np.asarray(table[state * num_actions + action, successor], np.float64).reshape(len(state))
    array, given = _array("rewards", rewards)
    if array.shape not in ((num_states, num_actions, num_states), (num_states, num_actions)):
        raise ValueError(
            f"Rewards have shape {array.shape}; they must be states × actions × next states, "
            f"{(num_states, num_actions, num_states)}, or states × actions, {(num_states, num_actions)}."
        )
    missing = ~given[state, action]
    if missing.any():
        at = int(np.argmax(missing))
        raise ValueError(
            f"The rewards of action {action[at]} in state {state[at]} are None, but it is possible."
        )
    return array[state, action] if array.ndim == 2 else array[state, action, successor]


def distribution(start: Any, num_states: int) -> np.ndarray:
    """`[S]` probabilities from a state or from such an array."""
    array = np.asarray(start)
    if array.ndim == 0 and np.issubdtype(array.dtype, np.integer):
        if not 0 <= array < num_states:
            raise ValueError(f"State {array} does not exist; states are 0 to {num_states - 1}.")
        return (np.arange(num_states) == array).astype(np.float64)
    if array.shape != (num_states,):
        raise ValueError(
            f"Where to start must be a state or the probability of each of the {num_states} states; "
            f"got an array of shape {array.shape}."
        )
    array = array.astype(np.float64)
    if not (array >= 0).all() or abs(array.sum() - 1) > SUM_TOLERANCE:
        raise ValueError(
            f"The start's probabilities sum to {array.sum():.6g}, the least is {array.min():g}; "
            "they must not be negative and must sum to 1."
        )
    return array / array.sum()
