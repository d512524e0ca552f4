"""Potential-based shaping leaves the best policy alone: Q* of what is learnt is Q* − Φ, exactly (Ng et al. 1999)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.envs.gridworld import GridWorld
from operant.envs.tabular import Tabular
from operant.envs.wrappers import PotentialShaping, wrap
from operant.envs.wrappers.rewards import NativeRewards

GAMMA = 0.9


def random_model(seed: int, *, terminal: bool = True, certain: bool = False, **options) -> Tabular:
    """Six states, of which two end the episode, and three actions."""
    generator = np.random.default_rng(seed)
    transition = generator.dirichlet(np.full(6, 0.3), (6, 3))
    if certain:
        transition = np.eye(6)[generator.integers(0, 6, (6, 3))]
    ends = np.isin(np.arange(6), (4, 5)) & terminal
    return Tabular.dense(transition, generator.normal(size=(6, 3, 6)), terminal=ends, **options)


def outcomes(table: Tabular, environment) -> tuple[np.ndarray, ...]:
    """`(probabilities, rewards, terminated)` `[S, A, K]`: what the environment answers where each outcome is drawn."""
    states, actions, count = table.successors.shape
    upper = np.asarray(table.cumulative, np.float64)
    lower = np.concatenate([np.zeros((states, actions, 1)), upper[..., :-1]], -1)
    index = np.stack(np.meshgrid(*map(np.arange, (states, actions, count)), indexing="ij"), -1).reshape(-1, 3)
    draws = ((lower + upper) / 2).reshape(-1)

    def answer(state, action, draw):
        noise = (draw, jnp.int32(0))
        fresh = environment.reset((draw, state))  # a wrapped state, in this state of the table
        _, reward, terminated = environment.step(fresh, action, noise)
        return reward, terminated

    rewards, terminated = jax.device_get(
        jax.jit(jax.vmap(answer))(index[:, 0], index[:, 1], jnp.asarray(draws, jnp.float32))
    )
    shape = (states, actions, count)
    return upper - lower, rewards.reshape(shape).astype(np.float64), terminated.reshape(shape)


def best_values(table: Tabular, probabilities, rewards, terminated) -> np.ndarray:
    """Q* `[S, A]` by value iteration in float64."""
    successors, q = np.asarray(table.successors), np.zeros(table.successors.shape[:2])
    for _ in range(400):
        next_value = np.where(terminated, 0.0, q.max(1)[successors])
        q = (probabilities * (rewards + GAMMA * next_value)).sum(-1)
    return q


def both(table: Tabular, potential: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Q* of a table, and Q* of the same with shaping."""
    shaped = wrap(table, PotentialShaping(lambda state: jnp.asarray(potential, jnp.float32)[state], GAMMA))
    return best_values(table, *outcomes(table, table)), best_values(table, *outcomes(table, shaped))


@pytest.mark.parametrize("seed", range(3))
def test_potential_shaping_keeps_the_best_policy_of_random_models(seed):
    table, potential = random_model(seed), np.random.default_rng(seed + 100).normal(size=6) * 10
    q, shaped = both(table, potential)
    np.testing.assert_allclose(shaped[:4], (q - potential[:, None])[:4], atol=1e-4)
    np.testing.assert_array_equal(shaped[:4].argmax(1), q[:4].argmax(1))


def test_potential_shaping_keeps_the_best_policy_of_the_grid_world():
    table = GridWorld()
    rows, columns = np.divmod(np.arange(9), 3)
    q, shaped = both(table, 5.0 * (rows + columns))  # higher towards the goal, which is 20
    inside = [s for s in range(9) if s not in (4, 8)]  # neither the obstacle nor the goal
    np.testing.assert_allclose(
        shaped[inside], (q - 5.0 * (rows + columns)[:, None])[inside], rtol=1e-5, atol=1e-3
    )


def test_potential_shaping_without_0_at_terminal_states_would_change_the_best_policy(monkeypatch):
    """Action 0 ends with 1, action 1 with 0, but in a state that the potential likes."""
    transition = np.zeros((3, 2, 3))
    transition[0, 0, 1] = transition[0, 1, 2] = 1
    transition[1:, :, 1] = 1
    rewards = np.zeros((3, 2, 3))
    rewards[0, 0, 1] = 1
    table = Tabular.dense(transition, rewards, terminal=[False, True, True])
    potential = np.array([3.0, 0.0, 10.0])
    q, shaped = both(table, potential)
    np.testing.assert_allclose(q[0], [1, 0])
    np.testing.assert_allclose(shaped[0], [1 - 3, 0 - 3], rtol=1e-6)

    monkeypatch.setattr(
        PotentialShaping,
        "reward",
        lambda self, reward, seen, next_observation, terminated: (
            reward + self.gamma * self.potential(next_observation) - self.potential(seen)
        ),
    )
    _, wrong = both(table, potential)
    np.testing.assert_allclose(wrong[0], [1 - 3, 0.9 * 10 - 3], rtol=1e-6)
    assert wrong[0].argmax() != q[0].argmax()


def test_potential_shaping_keeps_what_is_learnt_where_episodes_are_cut_short():
    """No state is terminal and every third step is truncated: the bootstrap there must fit the last reward."""
    table = random_model(1, terminal=False, certain=True, start=np.full(6, 1 / 6), max_episode_steps=3)
    potential = jnp.array([5.0, -3.0, 0.0, 8.0, 2.0, -6.0])
    shaping = PotentialShaping(lambda state: potential[state], GAMMA)
    agent = operant.QLearning(
        table, num_envs=8, wrappers=shaping, learning_rate=0.5, epsilon=1.0, gamma=GAMMA
    )
    assert isinstance(agent.source.native, NativeRewards)
    agent.learn(10_000, progress_bar=False)
    q = best_values(table, *outcomes(table, table))
    np.testing.assert_allclose(agent.state.q_values, q - np.asarray(potential)[:, None], atol=1e-3)
