"""Dyna-Q and prioritised sweeping against loops in plain Python, and against exact values."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from operant.agent import Agent
from operant.algorithms.tabular.dyna_q import DynaQ
from operant.mdp import MDP, value_iteration
from tests.algorithms.tabular.tape import A, S, learn_from, random_tape

GAMMA, ALPHA, PLANNING, THETA = 0.9, 0.2, 4, 0.05


class Loop:
    """The table and the model, as dictionaries; the last mask of each state is known."""

    def __init__(self):
        self.q, self.model, self.priority = np.zeros((S, A)), {}, {}
        self.mask = np.ones((S, A), bool)

    def error(self, pair):
        r, t, terminated = self.model[pair]
        next_value = 0.0 if terminated else np.where(self.mask[t], self.q[t], -np.inf).max()
        return r + GAMMA * next_value - self.q[pair]

    def remember(self, x):
        self.model[x.s, x.a] = (x.r, x.t, x.terminated)
        self.mask[x.t] = x.mask

    def insert(self, pair, error):
        if error > THETA:
            self.priority[pair] = max(error, self.priority.get(pair, 0.0))


def dyna_q(steps, bits):
    """Sutton & Barto 2018, section 8.2."""
    loop = Loop()
    for x, drawn in zip(steps, bits, strict=True):
        loop.remember(x)
        loop.q[x.s, x.a] += ALPHA * loop.error((x.s, x.a))
        for number in drawn:
            pair = list(loop.model)[number % len(loop.model)]
            loop.q[pair] += ALPHA * loop.error(pair)
    return loop.q


def prioritized_sweeping(steps, bits):
    """Sutton & Barto 2018, section 8.4."""
    loop = Loop()
    for x in steps:
        loop.remember(x)
        loop.insert((x.s, x.a), abs(loop.error((x.s, x.a))))
        for _ in range(PLANNING):
            if not loop.priority:
                break
            pair = max(loop.priority, key=lambda p: (loop.priority[p], -p[0] * A - p[1]))
            del loop.priority[pair]
            loop.q[pair] += ALPHA * loop.error(pair)
            for before, (_, t, terminated) in loop.model.items():
                if t == pair[0] and not terminated:
                    loop.insert(before, abs(loop.error(before)))
    return loop.q


@pytest.mark.parametrize(("prioritized", "reference"), [(True, prioritized_sweeping), (False, dyna_q)])
def test_dyna_q_plans_as_a_loop_does(prioritized, reference):
    spec, tape, steps = random_tape(60, 2)
    algorithm = DynaQ(
        gamma=GAMMA,
        learning_rate=ALPHA,
        planning_steps=PLANNING,
        prioritized=prioritized,
        priority_threshold=THETA,
    )
    state, _, keys = learn_from(algorithm, spec, tape)
    seeds = np.concatenate([np.asarray(jax.random.bits(key, (2,))) for key in keys])
    bits = [np.asarray(jax.random.bits(jax.random.key(seed), (PLANNING,))) for seed in seeds]
    np.testing.assert_allclose(state.q_values, reference(steps, bits), rtol=1e-4, atol=1e-5)


def test_dyna_q_with_sweeping_finds_the_optimal_values_of_a_world_without_chance():
    mdp = MDP.random(5, 3, successors=1, seed=3)
    algorithm = DynaQ(gamma=0.8, learning_rate=1.0, epsilon=0.5, priority_threshold=1e-5)
    environment = mdp.to_environment(start=np.full(5, 0.2), max_episode_steps=10)  # wherever it is hard to go
    agent = Agent(algorithm, environment).learn(1_000, progress_bar=False)
    exact = value_iteration(mdp, 0.8)
    np.testing.assert_allclose(agent.state.q_values, exact.q_values, atol=0.01)
    np.testing.assert_array_equal(np.argmax(agent.state.q_values, 1), exact.policy)


def test_dyna_q_finds_the_optimal_values_in_spite_of_chance():
    mdp = MDP.random(5, 3, impossible=0.2, seed=3)
    algorithm = DynaQ(gamma=0.7, learning_rate=1.0, learning_rate_decay=1.0, epsilon=0.5, prioritized=False)
    agent = Agent(algorithm, mdp.to_environment()).learn(50_000, progress_bar=False)
    exact = value_iteration(mdp, 0.7)
    found = np.where(mdp.possible_actions, agent.state.q_values, -np.inf)
    np.testing.assert_allclose(found, exact.q_values, atol=0.2)
