"""SARSA(λ) against a loop over episodes in plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from operant.algorithms.tabular.sarsa import SARSA
from operant.algorithms.tabular.sarsa_lambda import SARSALambda
from tests.algorithms.tabular.tape import A, S, learn_from, random_tape

GAMMA, EPSILON, ALPHA = 0.9, 0.3, 0.2


def policy(q, mask):
    score = np.where(mask, q, -np.inf)
    best = score == score.max()
    return np.where(mask, (1 - EPSILON) * best / best.sum() + EPSILON / mask.sum(), 0.0)


@pytest.mark.parametrize("traces", ["accumulating", "replacing"])
@pytest.mark.parametrize("num_envs", [1, 2])
def test_sarsa_lambda_traces_are_those_of_a_loop(traces, num_envs):
    spec, tape, steps = random_tape(200, num_envs)
    q, trace, waiting = np.zeros((S, A)), np.zeros((num_envs, S, A)), {}

    def follow(x, next_value):
        nonlocal q
        error = x.r + GAMMA * next_value - q[x.s, x.a]
        trace[x.env, x.s, x.a] = trace[x.env, x.s, x.a] + 1 if traces == "accumulating" else 1
        q = q + ALPHA * error * trace[x.env]
        trace[x.env] *= GAMMA * 0.8

    for x in steps:
        if x.env in waiting:
            follow(waiting.pop(x.env), q[x.s, x.a])
        if x.terminated or x.truncated:
            follow(x, 0.0 if x.terminated else policy(q[x.t], x.mask) @ q[x.t])
            trace[x.env] = 0
        else:
            waiting[x.env] = x
    algorithm = SARSALambda(trace_decay=0.8, traces=traces, gamma=GAMMA, epsilon=EPSILON, learning_rate=ALPHA)
    state, _, _ = learn_from(algorithm, spec, tape)
    np.testing.assert_allclose(state.q_values, q, rtol=1e-4, atol=1e-5)


def test_sarsa_lambda_without_traces_is_sarsa():
    spec, tape, _ = random_tape(200, 2)
    settings = {"gamma": GAMMA, "epsilon": EPSILON, "learning_rate": 0.9, "learning_rate_decay": 0.5}
    one, _, _ = learn_from(SARSALambda(trace_decay=0.0, **settings), spec, tape)
    other, _, _ = learn_from(SARSA(**settings), spec, tape)
    np.testing.assert_allclose(one.q_values, other.q_values, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(one.visits, other.visits)
