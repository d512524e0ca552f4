"""What is collected is what was played: whole episodes, as many as were asked for, and nothing else."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import operant
from operant.envs.probes import Counting

SMALL = {"network": {"hidden_sizes": (8,)}, "preset": None}


@pytest.fixture(scope="module")
def ppo():
    # Of another seed than collecting has: its state is no state that collecting begins with by itself.
    return operant.PPO("CartPole-v1", num_envs=2, n_steps=8, batch_size=16, seed=5, **SMALL)


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_whole_episodes_are_those_that_the_environment_plays(ppo, backend):
    collected = operant.collect(ppo, episodes=5, num_envs=2, deterministic=True, backend=backend)
    assert len(collected.trajectories) == collected.metrics["episodes"] == 5
    lengths = [len(each) for each in collected.trajectories]
    assert collected.steps == collected.metrics["steps"] == sum(lengths)
    assert collected.metrics["average_length"] == np.mean(lengths) == collected.metrics["average_return"]
    env = gym.make("CartPole-v1").unwrapped
    for each in collected.trajectories:
        assert each.ended
        assert each.observations.shape == (len(each) + 1, 4)
        assert each.rewards.shape == each.actions.shape == (len(each),)
        np.testing.assert_array_equal(each.actions, ppo.predict(each.observations[:-1]))
        env.reset(seed=0)
        steps = zip(each.observations[:-1], each.actions, each.observations[1:], strict=True)
        for observation, action, next_observation in steps:
            env.state = observation.astype(np.float64)  # anew at each step: rounding grows where a pole falls
            seen, *_ = env.step(int(action))
            np.testing.assert_allclose(seen, next_observation, atol=1e-5)


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_steps_are_those_that_were_asked_for_in_every_environment(ppo, backend):
    shown = []
    collected = operant.collect(
        ppo, steps=70, num_envs=3, backend=backend, observers=[lambda block: shown.append(block)]
    )
    assert collected.steps == 72  # the next multiple of three
    assert sum(int(block.mask.sum()) for block in shown) == 72
    assert sum(len(each) for each in collected.trajectories) == 72
    assert not collected.trajectories[-1].ended
    together = operant.to_transitions(collected.trajectories)
    assert together.observation.shape == (72, 4)
    seen = np.concatenate([block.observation[block.valid] for block in shown])
    assert {tuple(row) for row in seen} == {tuple(row) for row in together.observation}


def test_the_same_call_collects_the_same_and_another_seed_something_else(ppo):
    one, same, other = (
        operant.to_transitions(operant.collect(ppo, steps=32, num_envs=2, seed=seed).trajectories)
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(one.observation, same.observation)
    np.testing.assert_array_equal(one.action, same.action)
    assert one.observation.shape == other.observation.shape
    assert (one.observation != other.observation).any()


def test_environments_that_end_sooner_do_not_count_more():
    """Half of the environments have episodes of 1 step and half of 9: each gives its share of the six."""

    class Length(gym.Env):
        observation_space = gym.spaces.Discrete(20)
        action_space = gym.spaces.Discrete(2)

        def __init__(self, length):
            self.length, self.t = length, 0

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.t = 0
            return 0, {}

        def step(self, action):
            self.t += 1
            return self.t, 1.0, self.t == self.length, False, {}

    made = [lambda: Length(1), lambda: Length(9)]
    collected = operant.collect("random", made, episodes=6)
    assert sorted(len(each) for each in collected.trajectories) == [1, 1, 1, 9, 9, 9]
    assert collected.metrics["average_length"] == 5


def test_a_policy_written_by_hand_plays_as_well():
    written = operant.ScriptedPolicy(lambda observation: int(observation[2] > 0), "CartPole-v1")
    collected = operant.collect(written, episodes=4, num_envs=2)
    assert collected.metrics["episodes"] == 4
    for each in collected.trajectories:
        np.testing.assert_array_equal(each.actions, each.observations[:-1, 2] > 0)
    assert "4 episodes" in str(collected)


def test_the_random_policy_and_memory_and_discrete_worlds():
    lake = operant.collect("random", "FrozenLake-v1", episodes=10, env_kwargs={"is_slippery": False})
    assert lake.metrics["episodes"] == 10
    assert {int(a) for a in operant.to_transitions(lake.trajectories).action} == {0, 1, 2, 3}
    recurrent = operant.PPO(
        "CartPole-v1", preset=None, network={"hidden_sizes": (4,), "memory": "gru", "memory_size": 4}
    )
    act, collected = recurrent.actor(), operant.collect(recurrent, episodes=2, num_envs=2, deterministic=True)
    for each in collected.trajectories:
        act.reset()
        assert [int(act(seen)) for seen in each.observations[:-1]] == each.actions.tolist()


def test_the_true_last_observation_is_there_where_time_ran_out():
    collected = operant.collect("random", Counting(), episodes=3, num_envs=1)
    for each in collected.trajectories:
        steps = np.diff(np.asarray(each.observations).reshape(len(each) + 1, -1)[:, -1])
        np.testing.assert_array_equal(steps, np.ones(len(each)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "steps=… or episodes=…, one of them"),
        ({"steps": 1, "episodes": 1}, "one of them; got 1 and 1"),
        ({"episodes": 0}, "episodes=0: must be at least 1"),
        ({"episodes": 1, "env": "Acrobot-v1"}, "Acrobot-v1"),
    ],
)
def test_wrong_calls_are_named(ppo, arguments, message):
    with pytest.raises(ValueError, match=message):
        operant.collect(ppo, **arguments)


def test_what_is_no_policy_is_named(ppo):
    with pytest.raises(ValueError, match="must be an agent"):
        operant.collect(lambda observation: 0, "CartPole-v1", steps=10)
    with pytest.raises(ValueError, match="needs an environment"):
        operant.collect("random", steps=10)
    with pytest.raises(ValueError, match="choose one"):
        operant.collect(operant.PPO("CartPole-v1", seeds=2, **SMALL), steps=10)
