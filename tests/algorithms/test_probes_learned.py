"""What the algorithms learn on the probe environments, against the values that the probes document."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.agent import Agent
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.value.dqn import DQN
from operant.envs import probes
from operant.networks import Network
from operant.ops.schedules import Linear
from operant.spaces import Box, Discrete, MultiBinary, MultiDiscrete

GAMMA = 0.9
SIDES = np.array([[-1.0], [1.0]], np.float32)  # what a one-step probe shows
STEPS = np.array([[0.0], [1.0]], np.float32)  # what the two-step probe shows
KINDS = (Discrete(3), MultiDiscrete((2, 3)), MultiBinary(3), Box((-1.0, 0.0), (3.0, 1.0), (2,)))


def network(**values) -> Network:
    return Network(hidden_sizes=(16,), initialization="uniform", **values)


def ppo(environment, steps=16_000, **hyperparameters) -> Agent:
    defaults = {
        "n_steps": 16,
        "batch_size": 64,
        "n_epochs": 4,
        "gamma": GAMMA,
        "learning_rate": Linear(1e-2, 0.0),
        "network": network(),
    }
    agent = Agent(PPO(**(defaults | hyperparameters)), environment, num_envs=16)
    return agent.learn(steps, progress_bar=False)


def dqn(environment, steps=8_000, **hyperparameters) -> Agent:
    defaults = {
        "learning_rate": Linear(1e-2, 0.0),
        "buffer_size": 1_000,
        "train_freq": 1,
        "target_update_interval": 100,
        "exploration_fraction": 0.8,
        "exploration_final_eps": 0.2,
        "gamma": GAMMA,
        "network": network(activation="relu"),
    }
    agent = Agent(DQN(**(defaults | hyperparameters)), environment, num_envs=4)
    return agent.learn(steps, progress_bar=False)


def values(agent: Agent, observation) -> np.ndarray:
    """The value network's V of a batch of observations."""
    mask = jnp.zeros(np.shape(jax.tree.leaves(observation)[0])[0], bool)
    observation, mask = jax.tree.map(lambda x: jnp.asarray(x)[None], (observation, mask))
    return np.asarray(agent.state.network.unroll(observation, None, (), mask)[1][0])


def action_values(agent: Agent, observation) -> np.ndarray:
    network = agent.state.network
    features, _ = network.features(jnp.asarray(observation), network.initial_carry(len(observation)))
    return np.asarray(agent.algorithm.q_values(network, features))


# Proximal policy optimisation


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
def test_ppo_tells_observations_and_actions_apart_for_every_kind_of_action(kind):
    agent = ppo(probes.ObservationActionReward(actions=kind), ent_coef=0.0)
    right = np.stack([probes.right_action(kind, jnp.asarray(side)) for side in (0, 1)])
    action = agent.predict(SIDES)
    if isinstance(kind, Box):
        low, high = kind.bounds
        np.testing.assert_allclose(action, right, atol=0.05 * float((high - low).max()))
    else:
        np.testing.assert_array_equal(action, right)
    np.testing.assert_allclose(values(agent, SIDES), 1.0, atol=0.1)


def test_ppo_values_see_the_observation():
    agent = ppo(probes.ObservationReward())
    np.testing.assert_allclose(values(agent, SIDES), [-1.0, 1.0], atol=0.05)


def test_ppo_values_discount_and_stop_at_a_terminal_step():
    agent = ppo(probes.DelayedReward())
    value = values(agent, STEPS)  # V(1) = 5.26 where the next episode leaks in
    np.testing.assert_allclose(value, [GAMMA, 1.0], atol=0.05)


def test_ppo_bootstraps_a_truncated_episode_from_its_true_successor():
    agent = ppo(probes.TwoStates(), steps=64_000, gae_lambda=0.5)
    value = values(agent, np.array([0, 1], np.int32))  # V(B) = 6.90 from the reset observation, 1.82 if cut
    np.testing.assert_allclose(value, [9.0, 10.0], atol=0.3)


def test_ppo_never_takes_a_forbidden_action():
    seen = Highest()
    agent = Agent(
        PPO(
            n_steps=16,
            batch_size=64,
            n_epochs=4,
            gamma=GAMMA,
            learning_rate=Linear(1e-2, 0.0),
            network=network(),
        ),
        probes.Masked(),
        num_envs=16,
    )
    agent.learn(16_000, progress_bar=False, observers=[seen])
    assert seen.reward == 1.0  # a forbidden action pays 10
    np.testing.assert_allclose(values(agent, np.array([0, 1], np.int32)), [1 + GAMMA, 1.0], atol=0.1)
    masks = np.array([[True, True, False], [False, True, True]])
    np.testing.assert_array_equal(agent.predict(np.array([0, 1]), action_mask=masks), [1, 2])
    assert agent.evaluate(20).mean == 2.0
    assert agent.evaluate(50, deterministic=False).returns.max() <= 2.0


class Highest:
    """Remembers the highest reward that was seen, and that something was."""

    reward = -np.inf

    def __call__(self, transition) -> None:
        self.reward = max(self.reward, float(transition.reward.max()))

    def close(self) -> None: ...


def test_ppo_reads_every_part_of_a_composite_observation():
    agent = ppo(
        probes.Senses(size=4),
        steps=40_000,
        network=Network(hidden_sizes=(32,), convolutions=(), initialization="uniform"),
    )
    assert agent.evaluate(50).mean > 0.98  # 5/6 for a policy blind to the image or the vector


def memory(kind: str) -> float:
    agent = ppo(
        probes.Memory(delay=3),
        steps=40_000,
        n_steps=24,
        batch_size=96,
        gamma=0.99,
        ent_coef=0.01,
        network=network(memory=kind, memory_size=16),
    )
    return agent.evaluate(100).mean


def test_ppo_with_memory_remembers():
    assert memory("gru") > 0.95


def test_ppo_without_memory_cannot_remember():
    assert memory("none") < 0.7


# Deep Q-learning


def test_dqn_values_see_observation_and_action():
    actions = Discrete(3)
    agent = dqn(probes.ObservationActionReward(actions=actions))
    q = action_values(agent, SIDES)
    np.testing.assert_allclose(q, [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], atol=0.05)
    np.testing.assert_array_equal(agent.predict(SIDES), [0, 2])


def test_dqn_values_discount_and_stop_at_a_terminal_step():
    agent = dqn(probes.DelayedReward())
    np.testing.assert_allclose(action_values(agent, STEPS), [[GAMMA, GAMMA], [1.0, 1.0]], atol=0.05)


def test_dqn_bootstraps_a_truncated_episode_from_its_true_successor():
    agent = dqn(probes.TwoStates(), steps=20_000)
    q = action_values(agent, np.array([0, 1], np.int32))
    np.testing.assert_allclose(q, [[9.0, 9.0], [10.0, 10.0]], atol=0.3)


def test_dqn_never_takes_a_forbidden_action():
    seen = Highest()
    agent = Agent(
        DQN(
            learning_rate=1e-2,
            buffer_size=1_000,
            train_freq=1,
            target_update_interval=100,
            exploration_fraction=0.8,
            gamma=GAMMA,
            network=network(activation="relu"),
        ),
        probes.Masked(),
        num_envs=4,
    )
    agent.learn(8_000, progress_bar=False, observers=[seen])
    assert seen.reward == 1.0
    q = action_values(agent, np.array([0, 1], np.int32))
    allowed = [q[0, 0], q[0, 1], q[1, 1], q[1, 2]]
    np.testing.assert_allclose(allowed, [GAMMA, 1 + GAMMA, 0.0, 1.0], atol=0.1)
    assert agent.evaluate(10).mean == 2.0
