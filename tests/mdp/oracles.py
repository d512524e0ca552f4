"""Models whose answers are known, and answers from other methods: a linear program and every policy in turn."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.optimize import linprog

from operant.mdp import MDP

# The example: three states, three actions, not all of them possible.
TRANSITIONS = [
    [[0.7, 0.3, 0.0], [1.0, 0.0, 0.0], [0.8, 0.2, 0.0]],
    [[0.0, 1.0, 0.0], None, [0.0, 0.0, 1.0]],
    [None, [0.8, 0.1, 0.1], None],
]
REWARDS = [
    [[10, 0, 0], [0, 0, 0], [0, 0, 0]],
    [[0, 0, 0], [0, 0, 0], [0, 0, -50]],
    [[0, 0, 0], [40, 0, 0], [0, 0, 0]],
]
POSSIBLE = [[0, 1, 2], [0, 2], [1]]
NEVER = -np.inf
BEST = {  # γ: (Q*, the best policy)
    0.90: (
        [[18.91891892, 17.02702703, 13.62162162], [0.0, NEVER, -4.87971488], [NEVER, 50.13365013, NEVER]],
        [0, 0, 1],
    ),
    0.95: (
        [
            [21.89925005, 20.80428755, 16.86759588],
            [1.12082922, NEVER, 1.17982024],
            [NEVER, 53.87349498, NEVER],
        ],
        [0, 2, 1],
    ),
}
UNIFORM_POLICY_VALUES = [-2.698293172690754, -20.052710843373482, 31.046686746987966]  # at γ 0.9


def example():
    return MDP(TRANSITIONS, REWARDS, POSSIBLE)


# Dense and sparse ones, with impossible actions and terminal states, and with neither.
RANDOM = [
    {"num_states": 7, "num_actions": 3},
    {"num_states": 12, "num_actions": 4, "successors": 3},
    {"num_states": 9, "num_actions": 3, "impossible": 0.4, "terminal": 2},
    {"num_states": 30, "num_actions": 5, "successors": 2, "impossible": 0.3, "terminal": 4},
]


def arrays(mdp):
    """`(P [S, A, S], R [S, A])` written out outcome by outcome; P is 0 where the episode ends."""
    transitions = np.zeros((mdp.num_states, mdp.num_actions, mdp.num_states))
    rewards = np.zeros((mdp.num_states, mdp.num_actions))
    table = mdp.outcomes
    for row in range(mdp.num_states * mdp.num_actions):
        action, state = divmod(row, mdp.num_states)
        for at in range(table.pointer[row], table.pointer[row + 1]):
            rewards[state, action] += table.probability[at] * table.reward[at]
            if not table.terminated[at]:
                transitions[state, action, table.successor[at]] += table.probability[at]
    return transitions, rewards


def linear_program_values(mdp, gamma):
    """V*: the least V with V(s) ≥ r(s, a) + γ Σ p V for every possible action (Puterman, 1994, section 6.9)."""
    transitions, rewards = arrays(mdp)
    pairs = np.argwhere(mdp.possible_actions)
    rows = np.array([gamma * transitions[s, a] - np.eye(mdp.num_states)[s] for s, a in pairs])
    right = np.array([-rewards[s, a] for s, a in pairs])
    bounds = [(0, 0) if terminal else (None, None) for terminal in mdp.terminal]
    found = linprog(np.ones(mdp.num_states), A_ub=rows, b_ub=right, bounds=bounds, method="highs")
    assert found.success
    return found.x


def policy_values(mdp, policy, gamma):
    """V of a deterministic policy, by a dense solve of the states that act."""
    transitions, rewards = arrays(mdp)
    acting = np.flatnonzero(~mdp.terminal)
    chosen = np.asarray(policy)[acting]
    system = np.eye(len(acting)) - gamma * transitions[acting, chosen][:, acting]
    values = np.zeros(mdp.num_states)
    values[acting] = np.linalg.solve(system, rewards[acting, chosen])
    return values


def enumerated_values(mdp, gamma):
    """V* as the largest value, state by state, that any policy has."""
    choices = [np.flatnonzero(row).tolist() or [-1] for row in mdp.possible_actions]
    return np.max([policy_values(mdp, policy, gamma) for policy in itertools.product(*choices)], axis=0)
