"""Planners against the example's exact values, a linear program, every policy in turn, and each other."""

from __future__ import annotations

import numpy as np
import oracles
import pytest
from scipy import sparse

from operant.mdp import (
    MDP,
    NotConverged,
    evaluate_policy,
    linear,
    policy_iteration,
    q_value_iteration,
    value_iteration,
)
from operant.mdp.solution import Recorder

PLANNERS = [value_iteration, q_value_iteration, policy_iteration]


@pytest.fixture(params=PLANNERS, ids=lambda planner: planner.__name__)
def planner(request):
    return request.param


def models():
    return [MDP.random(seed=seed, **options) for seed, options in enumerate(oracles.RANDOM * 2)]


# The example


@pytest.mark.parametrize("gamma", [0.90, 0.95])
def test_planner_finds_the_best_values_and_policy_of_the_example(planner, gamma):
    q_values, policy = oracles.BEST[gamma]
    solution = planner(oracles.example(), gamma, tolerance=1e-8)
    np.testing.assert_allclose(solution.q_values, q_values, rtol=0, atol=1.5e-8)
    np.testing.assert_allclose(solution.values, np.max(q_values, axis=1), rtol=0, atol=1.5e-8)
    assert solution.policy.tolist() == policy
    assert solution.gamma == gamma
    assert solution.iterations == len(solution.history.residuals) > 0


@pytest.mark.parametrize("method", ["solve", "iterate"])
def test_evaluate_policy_of_the_uniform_policy_of_the_example(method):
    mdp = oracles.example()
    solution = evaluate_policy(mdp, mdp.uniform_policy(), 0.9, tolerance=1e-10, method=method)
    np.testing.assert_allclose(solution.values, oracles.UNIFORM_POLICY_VALUES, rtol=0, atol=1e-9)
    possible = np.where(mdp.possible_actions, solution.q_values, 0)
    np.testing.assert_allclose((mdp.uniform_policy() * possible).sum(axis=1), solution.values, atol=1e-9)
    assert (solution.q_values[~mdp.possible_actions] == -np.inf).all()
    assert (solution.iterations == 0) == (method == "solve")


def test_solution_prints_as_a_table():
    text = repr(policy_iteration(oracles.example(), 0.95)).splitlines()
    assert text[0] == "Solution of 3 states × 3 actions, γ = 0.95, 2 iterations"
    assert text[1].split() == ["state", "value", "policy", "Q(·,0)", "Q(·,1)", "Q(·,2)"]
    assert text[3].split() == ["1", "1.1798", "2", "1.1208", "–", "1.1798"]
    assert len({len(line) for line in text[1:]}) == 1
    large = repr(policy_iteration(MDP.random(21, 2, seed=0), 0.9))
    assert "\n" not in large
    assert "values from" in large


def test_solution_prints_a_terminal_state_and_a_stochastic_policy():
    mdp = MDP([[[0.0, 1.0], [0.0, 1.0]], [None, None]], [[1, 2], [0, 0]])
    text = repr(evaluate_policy(mdp, mdp.uniform_policy(), 0.5)).splitlines()
    assert text[2].split() == ["0", "1.5000", "0.5/0.5", "1.0000", "2.0000"]
    assert text[3].split() == ["1", "0.0000", "end", "–", "–"]


# Random models


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.99])
def test_planner_finds_the_values_of_the_linear_program(planner, gamma):
    for mdp in models():
        solution = planner(mdp, gamma, tolerance=1e-9)
        np.testing.assert_allclose(solution.values, oracles.linear_program_values(mdp, gamma), atol=1e-6)
        acting = ~mdp.terminal
        assert mdp.possible_actions[acting, solution.policy[acting]].all()
        assert (solution.policy[mdp.terminal] == -1).all()
        assert (solution.values[mdp.terminal] == 0).all()
        assert (np.isneginf(solution.q_values) == ~mdp.possible_actions).all()
        # The policy is worth what its values say.
        value_of_policy = oracles.policy_values(mdp, solution.policy, gamma)
        np.testing.assert_allclose(value_of_policy, solution.values, atol=1e-6)


def test_planner_finds_the_values_of_the_best_of_all_policies(planner):
    for seed in range(6):
        mdp = MDP.random(4, 3, successors=2, impossible=0.3, terminal=seed % 2, seed=seed)
        expected = oracles.enumerated_values(mdp, 0.8)
        np.testing.assert_allclose(planner(mdp, 0.8, tolerance=1e-10).values, expected, atol=1e-9)


def test_policy_iteration_evaluates_either_way():
    for mdp in models():
        solved, iterated = (
            policy_iteration(mdp, 0.95, tolerance=1e-9, method=method) for method in ("solve", "iterate")
        )
        np.testing.assert_allclose(iterated.values, solved.values, atol=1e-8)
        assert iterated.policy.tolist() == solved.policy.tolist()


@pytest.mark.parametrize("method", ["solve", "iterate"])
def test_evaluate_policy_of_random_policies(method):
    generator = np.random.default_rng(0)
    for mdp in models():
        deterministic = np.array(
            [generator.choice(np.flatnonzero(row)) if row.any() else -1 for row in mdp.possible_actions]
        )
        solution = evaluate_policy(mdp, deterministic, 0.9, tolerance=1e-9, method=method)
        np.testing.assert_allclose(solution.values, oracles.policy_values(mdp, deterministic, 0.9), atol=1e-8)
        # As probabilities the same policy has the same values.
        one_hot = deterministic[:, None] == np.arange(mdp.num_actions)
        again = evaluate_policy(mdp, one_hot.astype(float), 0.9, tolerance=1e-9, method=method)
        np.testing.assert_allclose(again.values, solution.values, atol=1e-8)
        # Of a stochastic one: Bellman's equation, term by term.
        weights = generator.random((mdp.num_states, mdp.num_actions)) * mdp.possible_actions
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
        values = evaluate_policy(mdp, weights, 0.9, tolerance=1e-9, method=method).values
        transitions, rewards = oracles.arrays(mdp)
        backup = (weights * (rewards + 0.9 * transitions @ values)).sum(axis=1)
        np.testing.assert_allclose(values, backup, atol=1e-8)


def test_evaluate_policy_divides_a_policy_that_sums_to_nearly_1_by_its_sum():
    mdp = MDP(np.ones((1, 2, 1)), np.array([[1.0, 1.0]]))
    values = evaluate_policy(mdp, np.array([[0.4, 0.599993]]), 0.99, tolerance=1e-9).values
    np.testing.assert_allclose(values, 100.0, rtol=1e-10)  # 1 at every step, whatever is done


@pytest.mark.parametrize("terminal", [0, 3])
def test_policy_iteration_solves_large_systems_without_factors_as_small_ones_with(monkeypatch, terminal):
    mdp = MDP.random(80, 4, successors=3, terminal=terminal, seed=0)
    factorised = policy_iteration(mdp, 0.99)
    monkeypatch.setattr("operant.mdp.linear.DENSE_STATES", 0)
    projected = policy_iteration(mdp, 0.99)
    np.testing.assert_allclose(projected.values, factorised.values, atol=1e-6)
    monkeypatch.setattr("operant.mdp.planning.solve", lambda *_: None)  # where that finds nothing
    np.testing.assert_allclose(policy_iteration(mdp, 0.99).values, factorised.values, atol=1e-6)


def test_solve_of_large_systems_does_not_return_what_it_cannot_solve(monkeypatch):
    monkeypatch.setattr("operant.mdp.linear.DENSE_STATES", 0)
    mdp = MDP.random(60, 1, successors=2, seed=0)
    rewards = mdp.expected_rewards[0]
    expected = np.linalg.solve(np.eye(60) - 0.99 * mdp.transitions.toarray(), rewards)
    np.testing.assert_allclose(linear.solve(mdp.transitions, rewards, 0.99, 1e-9), expected, atol=1e-7)
    assert not linear.solve(mdp.transitions, np.zeros(60), 0.99, 1e-9).any()
    monkeypatch.setattr("operant.mdp.linear.STEPS", 2)
    assert linear.solve(mdp.transitions, rewards, 0.99, 1e-9) is None
    # r = (1, 1), A = (1, −1; 1, −1): A r is 0, and the method breaks down at once.
    assert np.isnan(linear.bicgstab(sparse.csr_array([[1.0, -1.0], [1.0, -1.0]]), np.ones(2), 1e-9)).all()


def test_planner_renames_its_answer_with_states_and_actions(planner):
    generator = np.random.default_rng(1)
    for seed, options in enumerate(oracles.RANDOM):
        mdp = MDP.random(seed=seed, **options)
        states, actions = generator.permutation(mdp.num_states), generator.permutation(mdp.num_actions)
        action, state = np.divmod(
            np.repeat(np.arange(len(mdp.outcomes.pointer) - 1), np.diff(mdp.outcomes.pointer)), mdp.num_states
        )
        renamed = MDP.from_transitions(
            states[state],
            actions[action],
            states[mdp.outcomes.successor],
            mdp.outcomes.probability,
            mdp.outcomes.reward,
            num_states=mdp.num_states,
            num_actions=mdp.num_actions,
        )
        here, there = planner(mdp, 0.9, tolerance=1e-9), planner(renamed, 0.9, tolerance=1e-9)
        np.testing.assert_allclose(there.values[states], here.values, atol=1e-8)
        np.testing.assert_allclose(there.q_values[np.ix_(states, actions)], here.q_values, atol=1e-8)
        acting = ~mdp.terminal
        assert (there.policy[states][acting] == actions[here.policy[acting]]).all()


def test_planner_takes_the_first_of_equally_good_actions_whatever_rounding_says(planner):
    assert 0.1 + 0.2 > 0.3
    assert planner(MDP([[[1.0], [1.0]]], [[0.3, 0.1 + 0.2]]), 0.9).policy.tolist() == [0]
    assert planner(MDP([[[1.0], [1.0]]], [[0.3, 0.3001]]), 0.9).policy.tolist() == [1]
    # Down and right are equally far from the goal in many states of the lake.
    lake = MDP.from_gymnasium("FrozenLake-v1", is_slippery=False)
    assert planner(lake, 0.9).policy.tolist() == value_iteration(lake, 0.9, tolerance=1e-9).policy.tolist()


# Convergence


def test_value_iteration_and_q_value_iteration_contract_at_each_sweep():
    for mdp in models():
        for planner in (value_iteration, q_value_iteration):
            history = planner(mdp, 0.9).history
            assert (history.residuals[1:] <= 0.9 * history.residuals[:-1] + 1e-12).all()
            assert history.steps.tolist() == list(range(len(history.residuals) + 1))
            assert (np.where(np.isfinite(history.values[0]), history.values[0], 0) == 0).all()
            differences = np.diff(np.where(np.isfinite(history.values), history.values, 0), axis=0)
            changes = np.abs(differences).reshape(len(differences), -1).max(axis=1)
            np.testing.assert_allclose(changes, history.residuals, atol=1e-15)


@pytest.mark.parametrize("gamma", [0.5, 0.9, 0.99])
def test_planner_has_no_value_further_off_than_the_tolerance(planner, gamma):
    for mdp in models():
        exact = planner(mdp, gamma, tolerance=1e-10).values
        for tolerance in (1.0, 1e-2, 1e-4):
            rough = planner(mdp, gamma, tolerance=tolerance)
            assert np.abs(rough.values - exact).max() <= tolerance


def test_evaluate_policy_by_iteration_is_not_further_off_than_the_tolerance():
    for mdp in models():
        exact = evaluate_policy(mdp, mdp.uniform_policy(), 0.99, tolerance=1e-10).values
        rough = evaluate_policy(mdp, mdp.uniform_policy(), 0.99, tolerance=1e-2, method="iterate")
        assert 0 < np.abs(rough.values - exact).max() <= 1e-2


def test_policy_iteration_has_every_policy_at_least_as_good_as_the_one_before():
    for mdp in models():
        values = policy_iteration(mdp, 0.95).history.values
        assert (np.diff(values, axis=0) >= -1e-9).all()


def test_history_takes_bounded_memory_and_keeps_every_residual():
    recorder = Recorder(room=40)
    for step in range(101):
        if step:
            recorder.residuals.append(1.0 / step)
        recorder.iterate(np.full(4, float(step)))
    history = recorder.history()
    assert len(history.residuals) == 100
    assert history.values.size <= 40
    stride = history.steps[1]
    assert history.steps.tolist() == list(range(0, 101, stride))
    assert history.values[:, 0].tolist() == history.steps.tolist()


def test_q_value_iteration_has_a_history_of_states_by_actions():
    solution = q_value_iteration(oracles.example(), 0.9)
    assert solution.history.values.shape == (solution.iterations + 1, 3, 3)
    np.testing.assert_array_equal(solution.history.values[-1], solution.q_values)


# Gymnasium's models


def test_value_iteration_ends_at_a_step_that_terminates_whatever_its_state_is_worth():
    # State 1 could earn for ever; entering it by action 0 ends the episode, by action 1 it does not.
    mdp = MDP.from_transitions(
        [0, 0, 1], [0, 1, 0], [1, 1, 1], [1.0, 1.0, 1.0], [5.0, 0.0, 1.0], [True, False, False]
    )
    solution = value_iteration(mdp, 0.9, tolerance=1e-9)
    np.testing.assert_allclose(solution.q_values[0], [5.0, 0.9 * 10], atol=1e-8)


def test_mdp_from_gymnasium_of_frozen_lake_cliff_walking_and_taxi_is_solved():
    lake = policy_iteration(MDP.from_gymnasium("FrozenLake-v1", is_slippery=False), 0.9)
    assert lake.values[0] == pytest.approx(0.9**5)  # six steps to the goal, the last pays 1
    cliff = MDP.from_gymnasium("CliffWalking-v1")
    values = value_iteration(cliff, 0.9).values
    assert values[36] == pytest.approx(-(1 - 0.9**13) / 0.1, abs=1e-5)  # thirteen steps along the edge
    assert cliff.start.tolist() == (np.arange(48) == 36).tolist()
    taxi = MDP.from_gymnasium("Taxi-v4")
    values = policy_iteration(taxi, 0.99).values
    transitions, rewards = oracles.arrays(taxi)
    np.testing.assert_allclose((rewards + 0.99 * transitions @ values).max(axis=1), values, atol=1e-6)
    assert values[16] == 20  # at the destination with the passenger: dropping off ends it
    assert taxi.start.sum() == pytest.approx(1)


# Errors


@pytest.mark.parametrize("gamma", [1.0, -0.1, 1.5, float("nan")])
def test_planner_and_evaluate_policy_refuse_a_discount_outside_its_range(planner, gamma):
    with pytest.raises(ValueError, match=r"gamma=.* is outside \[0, 1\)"):
        planner(oracles.example(), gamma)
    with pytest.raises(ValueError, match=r"gamma=.* is outside \[0, 1\)"):
        evaluate_policy(oracles.example(), [0, 0, 1], gamma)


def test_planner_refuses_a_tolerance_that_is_not_positive(planner):
    with pytest.raises(ValueError, match="tolerance=0 must be greater than 0"):
        planner(oracles.example(), 0.9, tolerance=0)


@pytest.mark.parametrize("planner", [value_iteration, q_value_iteration])
def test_planner_at_its_cap_says_how_many_iterations_are_missing(planner):
    full = planner(oracles.example(), 0.95)
    with pytest.raises(NotConverged, match="raise max_iterations or tolerance") as error:
        planner(oracles.example(), 0.95, max_iterations=20)
    missing = int(str(error.value).split("At most ")[1].split()[0])
    assert planner(oracles.example(), 0.95, max_iterations=20 + missing).iterations == full.iterations
    assert planner(oracles.example(), 0.95, max_iterations=full.iterations).iterations == full.iterations


def test_policy_iteration_and_evaluate_policy_stop_at_their_caps():
    with pytest.raises(NotConverged, match="after 1 policies 1 states still gain"):
        policy_iteration(oracles.example(), 0.95, max_iterations=1)
    with pytest.raises(NotConverged, match="Policy evaluation did not converge: iteration 3"):
        evaluate_policy(oracles.example(), [0, 0, 1], 0.95, method="iterate", max_iterations=3)


def test_planner_refuses_a_tolerance_finer_than_float64_resolves(planner):
    mdp = MDP([[[1.0]]], [[1e9]])
    with pytest.raises(NotConverged, match=r"float64 resolves these only to 0.*, which .* Raise tolerance"):
        planner(mdp, 0.999)
    assert planner(mdp, 0.999, tolerance=1.0).values[0] == pytest.approx(1e12)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ([1, 0, 0], r"Action 0 is impossible in state 2 \(possible there: \[1\]\)"),
        ([0, 3, 1], "action in state 1 is 3; actions are 0 to 2"),
        ([0, -1, 1], "action in state 1 is -1; actions are 0 to 2"),
        ([0, 0.5, 1], "action in state 1 is 0.5"),
        ([0, 0], r"got an array of shape \(2,\)"),
        ([[1, 0, 0], [0.5, 0.5, 0], [0, 1, 0]], r"Action 1 is impossible in state 1"),
        ([[1, 0, 0], [0.5, 0, 0.4], [0, 1, 0]], r"state 1 are \[0.5, 0.0, 0.4\]; .* must sum to 1"),
        ([[2, -1, 0], [1, 0, 0], [0, 1, 0]], r"state 0 are .* must not be negative"),
    ],
)
def test_evaluate_policy_refuses_what_is_no_policy(policy, message):
    with pytest.raises(ValueError, match=message):
        evaluate_policy(oracles.example(), policy, 0.9)


def test_evaluate_policy_refuses_an_unknown_method():
    with pytest.raises(ValueError, match="method='guess' must be 'solve' or 'iterate'"):
        evaluate_policy(oracles.example(), [0, 0, 1], 0.9, method="guess")
