"""Dynamic programming: the values of a policy, and of the best one, when the model is known.

Bellman's equations (Bellman, 1957; Sutton & Barto, 2018, chapters 3 and 4), with
T the right-hand side of the equation concerned:

    Q*(s, a) = r(s, a) + γ Σ_s' p(s' | s, a) V*(s')      V*(s) = max_a Q*(s, a)
    Qπ(s, a) = r(s, a) + γ Σ_s' p(s' | s, a) Vπ(s')      Vπ(s) = Σ_a π(a | s) Qπ(s, a)

T brings any two functions closer by γ in the largest norm, so max |T(x) − x| ≤ ε means that x is within ε / (1 − γ)
of the solution. That is how every planner here knows that its values are within `tolerance`.

Ties: actions whose values are within 2·tolerance of the best count as equally good, and the first of them is the
policy's. So all planners agree on the policy; otherwise rounding would decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from scipy import sparse

from operant.mdp.linear import solve
from operant.mdp.model import MDP
from operant.mdp.outcomes import SUM_TOLERANCE
from operant.mdp.solution import History, Recorder, Solution

RESOLUTION_EVERY = 100  # iterations; what rounding keeps from converging is noticed then

Method = Literal["solve", "iterate"]


class NotConverged(RuntimeError):
    """The iteration's cap was reached, or the tolerance is finer than float64 resolves."""


def value_iteration(
    mdp: MDP, gamma: float, *, tolerance: float = 1e-6, max_iterations: int | None = None
) -> Solution:
    """V ← max_a (r + γ P V) from 0, until V is within `tolerance` of V*.

    Args:
        mdp: The model.
        gamma: The discount, in [0, 1).
        tolerance: The largest error of any value, guaranteed.
        max_iterations: By default as many as the contraction by γ can need.

    Raises:
        ValueError: gamma or tolerance is out of its range.
        NotConverged: `max_iterations` was too few.
    """
    _check(gamma, tolerance)
    recorder = Recorder()
    values = _iterate(
        "Value iteration",
        lambda values: _best(mdp, _backup(mdp, gamma, values)),
        np.zeros(mdp.num_states),
        gamma,
        tolerance,
        max_iterations,
        recorder,
    )
    return _best_solution(mdp, _backup(mdp, gamma, values), gamma, tolerance, recorder.history())


def q_value_iteration(
    mdp: MDP, gamma: float, *, tolerance: float = 1e-6, max_iterations: int | None = None
) -> Solution:
    """Q(s, a) ← r + γ P max_a' Q(s', a') from 0, until Q is within `tolerance` of Q*; else as `value_iteration`."""
    _check(gamma, tolerance)
    recorder = Recorder()
    q_values = _iterate(
        "Q-value iteration",
        lambda q_values: _backup(mdp, gamma, _best(mdp, q_values)),
        np.where(mdp.possible_actions.T, 0.0, -np.inf),
        gamma,
        tolerance,
        max_iterations,
        recorder,
    )
    history = recorder.history()
    history = History(history.residuals, history.steps, history.values.swapaxes(1, 2))
    return _best_solution(mdp, q_values, gamma, tolerance, history)


def policy_iteration(
    mdp: MDP,
    gamma: float,
    *,
    tolerance: float = 1e-6,
    max_iterations: int = 10_000,
    method: Method = "solve",
) -> Solution:
    """Evaluate the policy, take the best action everywhere, and repeat until no state improves (Howard, 1960).

    It starts from the best immediate reward. Arguments and errors as those of `value_iteration`; `method` is
    `evaluate_policy`'s.
    """
    _check(gamma, tolerance)
    recorder = Recorder()
    gain = tolerance * (1 - gamma) / 2  # what a state must gain for its action to change
    policy = _greedy(mdp, mdp.expected_rewards, 0.0)
    values = np.zeros(mdp.num_states)
    while True:
        # Evaluation is finer than that, or its errors would pass for gains.
        values = _values(mdp, _weights(mdp, policy), gamma, tolerance / 4, None, method, values, Recorder())
        q_values = _backup(mdp, gamma, values)
        best = _best(mdp, q_values)
        recorder.iterate(values)
        recorder.residuals.append(float(np.abs(best - values).max()))
        gains = best - values > gain
        if not gains.any():
            return _best_solution(mdp, q_values, gamma, tolerance, recorder.history())
        if len(recorder.residuals) >= max_iterations:
            raise NotConverged(
                f"Policy iteration did not end: after {max_iterations} policies {int(gains.sum())} states still gain "
                f"from another action, up to {recorder.residuals[-1]:.3g}. Raise max_iterations or tolerance."
            )
        policy = np.where(gains, _greedy(mdp, q_values, 0.0), policy)


def evaluate_policy(
    mdp: MDP,
    policy: Any,
    gamma: float,
    *,
    tolerance: float = 1e-6,
    max_iterations: int | None = None,
    method: Method = "solve",
) -> Solution:
    """The values of a policy, within `tolerance`.

    Args:
        mdp: The model.
        policy: The action of each state, `[S]`, or the probability of each action, `[S, A]`; values for
            terminal states are ignored.
        gamma: As of `value_iteration`.
        tolerance: As of `value_iteration`.
        max_iterations: As of `value_iteration`; only "iterate" is capped.
        method: "solve" solves the linear equations V = r + γ P V, "iterate" repeats V ← r + γ P V from 0.

    Raises:
        ValueError: the policy takes an impossible action, is no probability distribution, or has another shape.
        NotConverged: `max_iterations` was too few.
    """
    _check(gamma, tolerance)
    policy = np.asarray(policy)
    weights, recorder = _weights(mdp, policy), Recorder()
    start = np.zeros(mdp.num_states)
    values = _values(mdp, weights, gamma, tolerance, max_iterations, method, start, recorder)
    if not recorder.residuals:
        recorder.iterate(values)
    q_values = np.ascontiguousarray(_backup(mdp, gamma, values).T)
    history = recorder.history()
    return Solution(values, q_values, policy, gamma, len(history.residuals), history)


def _values(
    mdp: MDP,
    weights: sparse.csr_array,
    gamma: float,
    tolerance: float,
    max_iterations: int | None,
    method: Method,
    start: np.ndarray,
    recorder: Recorder,
) -> np.ndarray:
    """The values of the policy with these weights, `[S]`."""
    transitions = sparse.csr_array(weights @ mdp.transitions)
    rewards = weights @ mdp.expected_rewards.ravel()
    if method == "solve":
        values = solve(transitions, rewards, gamma, tolerance * (1 - gamma))
        if values is not None:
            _check_resolution("Policy evaluation", values, gamma, tolerance)
            return values
    elif method != "iterate":
        raise ValueError(f"method={method!r} must be 'solve' or 'iterate'.")

    def backup(values: np.ndarray) -> np.ndarray:
        return rewards + gamma * (transitions @ values)

    return _iterate("Policy evaluation", backup, start, gamma, tolerance, max_iterations, recorder)


def _iterate(
    name: str,
    backup: Callable[[np.ndarray], np.ndarray],
    x: np.ndarray,
    gamma: float,
    tolerance: float,
    max_iterations: int | None,
    recorder: Recorder,
) -> np.ndarray:
    """x ← backup(x), a contraction by γ, until it is within `tolerance` of its fixed point."""
    enough = tolerance * (1 - gamma) / gamma if gamma else math.inf
    finite = np.isfinite(x)
    compared: Any = True if finite.all() else finite
    recorder.iterate(x)
    while True:
        updated = backup(x)
        with np.errstate(invalid="ignore"):  # −∞ − −∞ of impossible actions
            change = float(np.max(np.abs(updated - x), where=compared, initial=0.0))
        x = updated
        recorder.residuals.append(change)
        recorder.iterate(x)
        done = len(recorder.residuals)
        if change <= enough or done % RESOLUTION_EVERY == 0:
            _check_resolution(name, x, gamma, tolerance)
        if change <= enough:
            return x
        if max_iterations is not None and done >= max_iterations:
            missing = math.ceil(math.log(enough / change) / math.log(gamma))
            raise NotConverged(
                f"{name} did not converge: iteration {done} still changed a value by {change:.3g}, and "
                f"tolerance={tolerance:g} asks for {enough:.3g}. At most {missing} more iterations are needed: "
                "raise max_iterations or tolerance."
            )


def _check_resolution(name: str, x: np.ndarray, gamma: float, tolerance: float) -> None:
    """Refuse a tolerance that rounding alone exceeds: each sweep may round, and γ adds that up to 1 / (1 − γ) times."""
    largest = float(np.max(np.abs(x), where=np.isfinite(x), initial=0.0))
    finest = float(np.finfo(np.float64).eps) * largest / (1 - gamma)
    if finest > tolerance:
        raise NotConverged(
            f"{name}: values reach {largest:.3g}, and at gamma={gamma:g} float64 resolves these only to {finest:.1g}, "
            "which is coarser than the tolerance needs. Raise tolerance, or scale the rewards down."
        )


def _backup(mdp: MDP, gamma: float, values: np.ndarray) -> np.ndarray:
    """r + γ P V, `[A, S]`; −∞ where an action is impossible."""
    expected: np.ndarray = mdp.transitions @ values
    q_values = expected.reshape(mdp.expected_rewards.shape)
    q_values *= gamma  # in place: of large models these arrays are what takes the time
    q_values += mdp.expected_rewards
    return q_values


def _best(mdp: MDP, q_values: np.ndarray) -> np.ndarray:
    """The largest of `[A, S]` in each state; 0 in terminal states."""
    return np.where(mdp.terminal, 0.0, q_values.max(axis=0))


def _greedy(mdp: MDP, q_values: np.ndarray, tie: float) -> np.ndarray:
    """The first action of `[A, S]` that is within `tie` of the best; −1 in terminal states."""
    first = np.argmax(q_values >= q_values.max(axis=0) - tie, axis=0)
    return np.where(mdp.terminal, -1, first)


def _best_solution(
    mdp: MDP, q_values: np.ndarray, gamma: float, tolerance: float, history: History
) -> Solution:
    values, policy = _best(mdp, q_values), _greedy(mdp, q_values, 2 * tolerance)
    q_values = np.ascontiguousarray(q_values.T)
    return Solution(values, q_values, policy, gamma, len(history.residuals), history)


def _weights(mdp: MDP, policy: np.ndarray) -> sparse.csr_array:
    """The policy as a matrix `[S, A·S]` that picks its share of every row of the model; terminal rows are empty."""
    states = np.flatnonzero(~mdp.terminal)
    if policy.shape == (mdp.num_states,):
        actions = policy[states].astype(np.int64)
        wrong = (actions != policy[states]) | (actions < 0) | (actions >= mdp.num_actions)
        if wrong.any():
            at = states[np.argmax(wrong)]
            raise ValueError(
                f"The policy's action in state {at} is {policy[at]}; actions are 0 to {mdp.num_actions - 1}."
            )
        share = np.ones(len(states))
    elif policy.shape == mdp.possible_actions.shape:
        sums = policy[states].sum(axis=1)
        wrong = (policy[states] < 0).any(axis=1) | ~(np.abs(sums - 1) <= SUM_TOLERANCE)
        if wrong.any():
            at = states[np.argmax(wrong)]
            raise ValueError(
                f"The policy's probabilities in state {at} are {policy[at].tolist()}; "
                "they must not be negative and must sum to 1."
            )
        index, actions = np.nonzero(policy[states])
        share, states = policy[states][index, actions] / sums[index], states[index]
    else:
        raise ValueError(
            f"A policy is the action of each of the {mdp.num_states} states, or the probability of each action, "
            f"{mdp.possible_actions.shape}; got an array of shape {policy.shape}."
        )
    impossible = ~mdp.possible_actions[states, actions]
    if impossible.any():
        at = int(np.argmax(impossible))
        raise ValueError(
            f"The policy is not possible. {mdp.why_impossible(int(states[at]), int(actions[at]))}."
        )
    shape = (mdp.num_states, mdp.num_actions * mdp.num_states)
    return sparse.csr_array((share, (states, actions * mdp.num_states + states)), shape=shape)


def _check(gamma: float, tolerance: float) -> None:
    if not 0 <= gamma < 1:
        raise ValueError(
            f"gamma={gamma} is outside [0, 1). At 1 and above, returns without end have no finite value."
        )
    if not tolerance > 0:
        raise ValueError(f"tolerance={tolerance} must be greater than 0.")
