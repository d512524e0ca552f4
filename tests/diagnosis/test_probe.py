"""What a probe sees of an environment: planted faults are found, and a sound environment has none."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import operant
from benchmarks import planted
from operant import spaces
from operant.diagnosis import probe
from operant.diagnosis.checks import look
from operant.diagnosis.reading import of_agent
from operant.engine.policy import Policy
from operant.envs.host import NativeOnHost
from operant.envs.registry import native
from tests.shared import SMALL_PPO, ppo

PLANTED = {
    "seed-leaks": (planted.common_generator, planted.same_again),
    "reward-drifts": (planted.drifting,),
    "time-limit-terminates": (planted.hidden_limit,),
    "constant-observation": (planted.with_constant,),
    "observation-scale": (planted.unscaled,),
    "actions-unreachable": (planted.wide_torque, planted.newtons),
}


def core_of(env, **values):
    made = env if isinstance(env, str) or env in planted.GYMNASIUM else env()
    return operant.PPO(made, **SMALL_PPO | values)._core


def names(env, **values):
    core = core_of(env, **values)
    return [found.check for found in look(of_agent(operant.agent.Agent._of(core)))]


@pytest.mark.parametrize(
    ("name", "env"),
    [(name, env) for name, envs in PLANTED.items() for env in envs],
    ids=lambda x: getattr(x, "__name__", x),
)
def test_a_planted_fault_is_the_first_thing_that_is_named(name, env):
    values = {"scale_actions": False} if env is planted.newtons else {}
    assert names(env, **values)[:1] == [name]


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1"])
def test_nothing_is_wrong_with_a_sound_environment(env):
    assert names(env) == []


def test_repeats_compare_seeds_rewards_copies_and_resets_without_a_seed():
    sound = probe.repeats(core_of("CartPole-v1"))
    assert (sound.same_observations, sound.same_rewards, sound.copies_same) == (True, True, True)
    assert (sound.seeds_differ, sound.unseeded_differ) == (True, True)
    fixed = probe.repeats(core_of(lambda: native("GridWorld")))
    assert (fixed.seeds_differ, fixed.unseeded_differ) == (False, False)
    again = probe.repeats(core_of(planted.same_again))
    assert (again.same_observations, again.seeds_differ, again.unseeded_differ) == (True, True, False)
    assert not probe.repeats(core_of(planted.common_generator)).same_observations
    drifting = probe.repeats(core_of(planted.drifting))
    assert (drifting.same_observations, drifting.same_rewards) == (True, False)
    first, later = drifting.rewards
    assert np.all(np.asarray(later) < np.asarray(first))


def test_reach_is_the_part_of_the_bounds_that_matters():
    assert probe.reach(core_of("Pendulum-v1")) == 1.0
    assert probe.reach(core_of(planted.wide_torque)) == 0.02  # bounds of 100, and a torque of at most 2
    assert probe.reach(core_of("CartPole-v1")) is None


def test_play_sees_what_is_learnt_from_and_the_environments_own_rewards():
    agent = ppo(wrappers=["scale-reward:10"])
    environments = agent.source.host(4)
    seen = probe.play(environments, probe.random_policy(agent._core)).played
    assert set(np.unique(seen.reward)) == {10.0}
    assert set(np.unique(seen.raw_reward)) == {1.0}
    assert seen.first_returns is not None
    firsts = {e.number: e for e in reversed(seen.episodes)}
    np.testing.assert_array_equal(seen.first_returns, [firsts[i].length for i in range(4)])
    assert seen.observation is not None
    assert seen.observation.shape == (*seen.reward.shape, 4)


def test_play_counts_episodes_that_are_under_way():
    environments = NativeOnHost(native("Pendulum-v1"), 3)
    core = core_of("Pendulum-v1")
    seen = probe.play(environments, probe.random_policy(core), 70).played
    assert seen.longest_open == 70
    assert seen.episodes == ()
    assert seen.first_returns is None


def test_play_gives_a_policy_its_memory_anew_with_each_episode():
    agent = ppo(network={"hidden_sizes": (4,), "memory": "gru", "memory_size": 4})
    policy = Policy(agent.algorithm, agent.state, agent.spec)
    fresh = []

    def watched(observation, mask, carry, new, t):
        fresh.append(new)
        return policy(observation, mask, carry, new, t)

    seen = probe.play(agent.source.host(2), watched).played  # pyright: ignore[reportArgumentType]
    done = seen.terminated | seen.truncated
    np.testing.assert_array_equal(fresh[0], True)
    np.testing.assert_array_equal(np.stack(fresh[1:]), done[:-1])


def test_vectors_are_the_numbers_of_a_dict_and_no_pictures():
    box, picture = spaces.Box(-1.0, 1.0, (2,)), spaces.Box(0.0, 255.0, (4, 4, 3), "uint8")
    space = spaces.Dict.of({"b": box, "a": spaces.Discrete(3), "c": picture, "d": spaces.Box(0.0, 1.0, (1,))})
    seen = {
        "a": np.zeros((5, 2), np.int32),
        "b": np.ones((5, 2, 2)),
        "c": np.zeros((5, 2, 4, 4, 3), np.uint8),
        "d": np.full((5, 2, 1), 3.0),
    }
    found = probe.vectors(space, seen)
    assert found is not None
    np.testing.assert_array_equal(found[0, 0], [1.0, 1.0, 3.0])
    assert probe.vectors(picture, seen["c"]) is None


def test_what_the_environment_does_wrong_is_found():
    class Wrong(gym.Wrapper):
        def step(self, action):
            observation, reward, *rest = self.env.step(action)
            return observation * np.float32(np.nan), reward, *rest

    found = look(of_agent(operant.PPO(lambda: Wrong(gym.make("CartPole-v1")), **SMALL_PPO)))
    assert found[0].check == "environment-fault"
    assert "nan" in found[0].wrong.lower()
