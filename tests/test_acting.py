"""What an agent takes and gives is what its environment gives and takes, whatever its spaces; and what it thinks."""

from __future__ import annotations

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces as gs
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate

import operant

SMALL = {"n_steps": 8, "batch_size": 8, "n_epochs": 1, "network": {"hidden_sizes": (8,)}}
DQN_SMALL = {"buffer_size": 64, "learning_starts": 8, "network": {"hidden_sizes": (8,)}}
ACTIONS = {
    "discrete from -1": gs.Discrete(3, start=-1),
    "multi-discrete from 5": gs.MultiDiscrete([2, 3], start=[5, -2]),
    "multi-discrete of two axes": gs.MultiDiscrete(np.array([[2, 3], [4, 5]])),
    "multi-binary of two axes": gs.MultiBinary((2, 3)),
    "integer box": gs.Box(-3, 4, (2,), np.int32),
    "unsigned box": gs.Box(0, 255, (2, 2), np.uint8),
    "float64 box": gs.Box(-0.1, 0.3, (2,), np.float64),
}
OBSERVATIONS = {
    "discrete from 7": gs.Discrete(4, start=7),
    "multi-discrete of two axes from 3": gs.MultiDiscrete(
        np.array([[2, 3], [4, 5]]), start=np.full((2, 2), 3)
    ),
    "multi-binary of two axes": gs.MultiBinary((2, 3)),
    "integer box": gs.Box(-300, 400, (2,), np.int64),
    "float64 box": gs.Box(-1.0, 1.0, (3,), np.float64),
    "dict": gs.Dict({"b": gs.Discrete(3, start=1), "a": gs.Box(0, 255, (2,), np.uint8)}),
    "tuple": gs.Tuple([gs.Discrete(3, start=1), gs.Box(-1.0, 1.0, (2,))]),
}
PAIRS = [(gs.Box(-1.0, 1.0, (3,)), space) for space in ACTIONS.values()]
PAIRS += [(space, gs.Discrete(3, start=-1)) for space in OBSERVATIONS.values()]


class Anything(gym.Env):
    """Shows samples of its space for three steps, and keeps what is done, which must be of its space."""

    def __init__(self, observation_space: gym.Space, action_space: gym.Space) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        self.done: list = []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        self.steps = 0
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), repr(action)
        self.done.append(action)
        self.steps += 1
        return self.observation_space.sample(), 1.0, self.steps == 3, False, {}


@pytest.mark.parametrize(("seen", "taken"), PAIRS, ids=[*ACTIONS, *OBSERVATIONS])
def test_what_predict_gives_is_what_the_environment_takes(seen, taken):
    env = Anything(seen, taken)
    agent = operant.PPO(env, **SMALL)
    agent.learner.state = (
        jax.tree.map(  # whose actions depend on what is seen, and leave the bounds of small boxes
            lambda x: 3 * x if jnp.issubdtype(x.dtype, jnp.floating) else x, agent.state
        )
    )
    agent.evaluate(2, seed=5)
    evaluated, env.done = env.done, []
    observations = []
    for act in (agent.predict, agent.actor()):
        for seed in (5, 6):
            observation, over = env.reset(seed=seed)[0], False
            while not over:
                observations.append(observation)
                observation, _, over, _, _ = env.step(act(observation))
    by_hand = env.done
    assert len(by_hand) == 2 * len(evaluated) == 12
    for ours, theirs in zip(by_hand, evaluated * 2, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)  # batches of another size round otherwise

    for deterministic in (True, False):
        actions = agent.predict(_batch(seen, observations), deterministic=deterministic)
        assert batch_space(taken, len(observations)).contains(actions)
        for action, done in zip(iterate(batch_space(taken, 12), actions), by_hand, strict=True):
            assert taken.contains(action)
            if deterministic:
                np.testing.assert_allclose(action, done, rtol=1e-6)


def _batch(space, observations):
    return concatenate(space, observations, create_empty_array(space, len(observations)))


class Masked(gym.Env):
    observation_space, action_space = gs.Box(-1.0, 1.0, (2,)), gs.MultiDiscrete([2, 3], start=[1, 5])

    def reset(self, *, seed=None, options=None):
        return np.zeros(2, np.float32), {
            "action_mask": (np.array([0, 1], np.int8), np.array([0, 0, 1], np.int8))
        }

    def step(self, action):
        return self.reset()[0], 0.0, True, False, self.reset()[1]


def test_masks_are_lists_or_arrays_of_the_right_length():
    agent = operant.PPO(Masked, **SMALL)
    for mask in ([0, 1, 0, 0, 1], np.array([0, 1, 0, 0, 1], bool), ([0, 1], [0, 0, 1])):
        assert agent.predict([0, 0], action_mask=mask).tolist() == [2, 7]
        assert agent.predict([0, 0], action_masks=mask).tolist() == [2, 7]  # as sb3-contrib's users say it
        assert agent.predict([[0, 0]] * 3, action_mask=[mask] * 3).tolist() == [[2, 7]] * 3
        assert agent.actor()([0, 0], mask).tolist() == [2, 7]
    for observation, mask, words in (
        ([0, 0], [1, 1], "needs 5 flags; got 2"),
        ([[0, 0]] * 3, [[1] * 5] * 2, "2 masks for 3 observations"),
    ):
        with pytest.raises(ValueError, match=words):
            agent.predict(observation, action_mask=mask)


# What it thinks


def test_value_distribution_and_probabilities_agree_with_the_network():
    agent = operant.A2C("CartPole-v1", num_envs=2, n_steps=4, preset=None, network={"hidden_sizes": (8,)})
    batch = np.random.default_rng(0).uniform(-0.5, 0.5, (5, 4)).astype(np.float32)
    network = agent.state.network
    features = network.encoder(jnp.asarray(batch))
    np.testing.assert_allclose(agent.value(batch), network.value(features), rtol=1e-5, atol=1e-6)
    assert agent.value(batch[0]).shape == ()
    policy = agent.distribution(batch)
    probabilities = agent.action_probabilities(batch)
    np.testing.assert_array_equal(policy.mode(), agent.predict(batch))
    for action in (0, 1):
        np.testing.assert_allclose(np.exp(policy.log_prob([action] * 5)), probabilities[:, action], rtol=1e-5)
    entropy = -(probabilities * np.log(probabilities)).sum(-1)
    np.testing.assert_allclose(policy.entropy(), entropy, rtol=1e-5)
    one = agent.distribution(batch[0])
    drawn = [int(one.sample()) for _ in range(60)]
    assert set(drawn) == {0, 1}
    assert one.log_prob(1).shape == one.entropy().shape == ()
    with pytest.raises(ValueError, match="A2C learns no such thing as Q-values; DQN"):
        agent.q_values(batch)


def test_the_distribution_of_an_environment_whose_actions_start_elsewhere():
    agent = operant.PPO(lambda: Anything(gs.Box(-1.0, 1.0, (3,)), gs.Discrete(3, start=-1)), **SMALL)
    observation = np.zeros(3, np.float32)
    policy = agent.distribution(observation)
    assert policy.mode() == agent.predict(observation)
    likely = [float(np.exp(policy.log_prob(action))) for action in (-1, 0, 1)]
    np.testing.assert_allclose(likely, agent.action_probabilities(observation), rtol=1e-5)
    assert {int(policy.sample()) for _ in range(60)} == {-1, 0, 1}


def test_q_values_are_what_predict_chooses_by():
    batch = np.random.default_rng(0).uniform(-0.5, 0.5, (5, 4)).astype(np.float32)
    for name in ("DQN", "QRDQN", "Rainbow"):
        agent = getattr(operant, name)("CartPole-v1", preset=None, **DQN_SMALL)
        q = agent.q_values(batch)
        assert q.shape == (5, 2)
        np.testing.assert_array_equal(q.argmax(-1), agent.predict(batch))
        np.testing.assert_allclose(agent.q_values(batch[0]), q[0], rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match="DQN learns no such thing as a value function"):
        operant.DQN("CartPole-v1", preset=None, **DQN_SMALL).value(batch)
    table = operant.QLearning("GridWorld", preset=None, initial_value=0.5)
    np.testing.assert_array_equal(table.q_values(3), np.full(4, 0.5))
    with pytest.raises(ValueError, match="Random learns no such thing as a stochastic policy"):
        operant.Random("CartPole-v1").distribution(batch)
