"""Q-learning on the 3×3 gridworld as a plain NumPy loop: what operant's speed is compared with."""

from __future__ import annotations

import time

import numpy as np

ROWS, COLUMNS, GOAL, OBSTACLE = 3, 3, (2, 2), (1, 1)
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))


def step(state: tuple[int, int], action: int) -> tuple[tuple[int, int], float, bool]:
    """`(next state, reward, terminated)`."""
    row, column = state[0] + MOVES[action][0], state[1] + MOVES[action][1]
    if not (0 <= row < ROWS and 0 <= column < COLUMNS) or (row, column) == OBSTACLE:
        return state, -10.0, False
    if (row, column) == GOAL:
        return GOAL, 100.0, True
    return (row, column), -1.0, False


def train(
    episodes: int, epsilon: float, alpha: float, gamma: float, seed: int
) -> tuple[np.ndarray, int, float]:
    """`(table [3, 3, 4], steps, seconds)`."""
    rng = np.random.default_rng(seed)
    q, steps = np.zeros((ROWS, COLUMNS, len(MOVES))), 0
    started = time.perf_counter()
    for _ in range(episodes):
        state, done = (0, 0), False
        while not done:
            explore = rng.random() < epsilon
            action = int(rng.integers(len(MOVES))) if explore else int(np.argmax(q[state]))
            next_state, reward, done = step(state, action)
            target = reward if done else reward + gamma * np.max(q[next_state])
            q[state][action] += alpha * (target - q[state][action])
            state = next_state
            steps += 1
    return q, steps, time.perf_counter() - started
