"""Values of a given policy: against exact ones, and against loops over episodes in plain Python."""

from __future__ import annotations

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.agent import Agent
from operant.algorithms import registry
from operant.algorithms.tabular.monte_carlo import MonteCarlo
from operant.algorithms.tabular.td import TD
from operant.mdp import MDP, evaluate_policy
from operant.types import Batch, Clock, Transition
from tests.algorithms.tabular.tape import A, S, learn_from, random_tape

GAMMA, ALPHA = 0.9, 0.2


def episodes_of(steps):
    """The tape of one environment, cut where episodes end; what has not ended is left out."""
    ends = [i + 1 for i, x in enumerate(steps) if x.terminated or x.truncated]
    return [steps[a:b] for a, b in pairwise([0, *ends])]


def lambda_returns(episode, values, decay):
    """G_t^λ = r + γ [(1 − λ) V(s') + λ G_{t+1}^λ], backwards (Sutton & Barto 2018, equation 12.18)."""
    next_return, returns = values[episode[-1].t], []
    for x in reversed(episode):
        ahead = (1 - decay) * values[x.t] + decay * next_return
        next_return = x.r + GAMMA * (0.0 if x.terminated else ahead)
        returns.insert(0, next_return)
    return returns


@pytest.mark.parametrize("decay", [0.0, 0.6, 1.0])
def test_td_with_offline_traces_makes_the_changes_of_the_lambda_return(decay):
    spec, tape, steps = random_tape(200, 1)
    values, ended = np.zeros(S), 0
    for episode in episodes_of(steps):
        change = np.zeros(S)
        for x, goal in zip(episode, lambda_returns(episode, values, decay), strict=True):
            change[x.s] += ALPHA * (goal - values[x.s])  # with decay 1: every-visit Monte Carlo
        values, ended = values + change, ended + len(episode)
    algorithm = TD(trace_decay=decay, offline=True, gamma=GAMMA, learning_rate=ALPHA)
    state, _, _ = learn_from(algorithm, spec, tape)
    np.testing.assert_allclose(state.values, values, rtol=1e-4, atol=1e-5)
    assert ended > 100


@pytest.mark.parametrize("traces", ["accumulating", "replacing"])
def test_td_with_online_traces_is_a_loop(traces):
    spec, tape, steps = random_tape(200, 3)
    values, trace = np.zeros(S), np.zeros((3, S))
    for x in steps:
        error = x.r + (0.0 if x.terminated else GAMMA * values[x.t]) - values[x.s]
        trace[x.env, x.s] = trace[x.env, x.s] + 1 if traces == "accumulating" else 1
        values = values + ALPHA * error * trace[x.env]
        trace[x.env] *= 0.0 if x.terminated or x.truncated else GAMMA * 0.7
    algorithm = TD(trace_decay=0.7, traces=traces, gamma=GAMMA, learning_rate=ALPHA)
    state, _, _ = learn_from(algorithm, spec, tape)
    np.testing.assert_allclose(state.values, values, rtol=1e-4, atol=1e-5)


def test_td_without_traces_is_td_0():
    spec, tape, steps = random_tape(200, 2)
    values = np.zeros(S)
    for x in steps:
        values[x.s] += ALPHA * (x.r + (0.0 if x.terminated else GAMMA * values[x.t]) - values[x.s])
    state, _, _ = learn_from(TD(gamma=GAMMA, learning_rate=ALPHA), spec, tape)
    np.testing.assert_allclose(state.values, values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("first_visit", [True, False])
def test_monte_carlo_averages_returns(first_visit):
    spec, tape, steps = random_tape(300, 1)
    sequences = episodes_of(steps)
    length = max(map(len, sequences)) + 2
    returns: list[list[float]] = [[] for _ in range(S)]
    algorithm = MonteCarlo(gamma=GAMMA, first_visit=first_visit, max_steps=length)
    state, update = algorithm.init(spec, jax.random.key(0)), jax.jit(algorithm.update)
    start = 0
    for episode in sequences:
        values = np.array([np.mean(x) if x else 0.0 for x in returns])
        goals = lambda_returns(episode, values, 1.0)
        for i, (x, goal) in enumerate(zip(episode, goals, strict=True)):
            if not first_visit or x.s not in [y.s for y in episode[:i]]:
                returns[x.s].append(goal)
        index = np.clip(np.arange(start, start + length), 0, start + len(episode) - 1)
        happened = jnp.arange(length)[:, None] < len(episode)
        padded: Transition = jax.tree.map(lambda x, index=index: x[index], tape)
        state, _ = update(
            state,
            Batch(padded, happened.astype(jnp.float32)),
            jax.random.key(0),
            Clock(jnp.asarray(start), jnp.asarray(1000)),
        )
        start += len(episode)
    np.testing.assert_allclose(state.values, [np.mean(x) for x in returns], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(state.visits, list(map(len, returns)))


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize(
    "algorithm",
    [
        TD(gamma=0.8, learning_rate=1.0, learning_rate_decay=0.05),
        TD(gamma=0.8, learning_rate=1.0, learning_rate_decay=0.2, trace_decay=0.5, offline=True),
        MonteCarlo(gamma=0.8, max_steps=50, n_episodes=20),
    ],
    ids=["td", "offline", "monte-carlo"],
)
def test_td_and_monte_carlo_learn_the_values_of_the_policy(algorithm, given):
    mdp = MDP.random(5, 3, terminal=1, impossible=0.2, seed=3)
    policy = np.asarray(mdp.uniform_policy())
    if given:
        weight = np.random.default_rng(0).random(policy.shape) * (policy > 0)
        policy = weight / np.maximum(weight.sum(1, keepdims=True), 1e-9)
        policy[mdp.terminal] = 1 / 3
        settings = registry.to_json(algorithm) | {"policy": policy.tolist()}
        algorithm = registry.build(type(algorithm), settings)
    agent = Agent(algorithm, mdp.to_environment(max_episode_steps=50), num_envs=1)
    agent.learn(60_000, progress_bar=False)
    exact = evaluate_policy(mdp, policy, 0.8).values
    found = np.where(mdp.terminal, 0.0, np.asarray(agent.state.values)[: mdp.num_states])
    np.testing.assert_allclose(found, exact, atol=0.15)


def test_td_refuses_wrong_policies():
    with pytest.raises(ValueError, match=r"policy\[1\]=\(0.5, 0.4\): must be probabilities that sum to 1"):
        TD(policy=[[0.5, 0.5], [0.5, 0.4]])
    spec, _, _ = random_tape(1, 1)
    with pytest.raises(ValueError, match=rf"policy has shape \(1, 2\); Tape needs \({S}, {A}\)"):
        TD(policy=[[0.5, 0.5]]).check(spec)
