"""Sutton & Barto 2018, example 6.7: the maximum of noisy estimates lures Q-learning, Double Q-learning less."""

from __future__ import annotations

import numpy as np

from operant.agent import Agent
from operant.algorithms.tabular.double_q_learning import DoubleQLearning
from operant.algorithms.tabular.q_learning import QLearning
from operant.mdp import MDP

NOISE = 8  # actions of B; each pays −1.1 or 0.9 with equal odds: −0.1 on average


def maximization_bias() -> MDP:
    """A (0) goes left to B (1) or right to the end; whatever is done in B ends with a reward of mean −0.1."""
    columns = [(0, 0, 1, 1.0, 0.0, False), (0, 1, 2, 1.0, 0.0, True)]
    columns += [(1, a, 2, 0.5, r, True) for a in range(NOISE) for r in (-1.1, 0.9)]
    return MDP.from_transitions(*map(np.array, zip(*columns, strict=True)), num_states=3, num_actions=NOISE)


def left(kind) -> float:
    """The share of seeds × time that prefer going left, in the first 600 steps."""
    environment = maximization_bias().to_environment()
    agent = Agent(kind(learning_rate=0.1, epsilon=0.1, gamma=0.999), environment, seeds=100)
    preferred = []

    def look(progress):
        q = np.asarray(progress.agent.state.q_values)[:, 0]
        preferred.append(np.mean(q[:, 0] > q[:, 1]))

    agent.learn(600, callback=look, progress_bar=False, log_interval=100)
    return float(np.mean(preferred))


def test_double_q_learning_is_less_biased_to_the_maximum():
    assert left(QLearning) > 2 * left(DoubleQLearning)
