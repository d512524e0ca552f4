"""Episode statistics against a Python loop that remembers every episode."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.engine.metrics import present
from operant.engine.statistics import WINDOW, EpisodeStatistics
from operant.types import Transition

update = jax.jit(EpisodeStatistics.update)
compiled_report = jax.jit(EpisodeStatistics.report)


def report(statistics):
    return present(jax.device_get(compiled_report(statistics)))


def tape(reward, terminated, truncated=None, valid=None):
    nothing = jnp.zeros(reward.shape, bool)
    return Transition(
        observation=jnp.zeros(reward.shape),
        action=nothing,
        reward=jnp.asarray(reward, jnp.float32),
        terminated=jnp.asarray(terminated),
        truncated=nothing if truncated is None else jnp.asarray(truncated),
        next_observation=jnp.zeros(reward.shape),
        valid=None if valid is None else jnp.asarray(valid),
    )


class Reference:
    """Every episode's return and length, in the order of their ends (step by step, then environment)."""

    def __init__(self, num_envs):
        self.running = [[0.0, 0] for _ in range(num_envs)]
        self.episodes = []

    def update(self, transition):
        valid = (
            np.ones(transition.reward.shape, bool)
            if transition.valid is None
            else np.asarray(transition.valid)
        )
        done, reward = np.asarray(transition.done), np.asarray(transition.reward, np.float64)
        for t, n in np.ndindex(reward.shape):
            if valid[t, n]:
                self.running[n][0] += reward[t, n]
                self.running[n][1] += 1
                if done[t, n]:
                    self.episodes.append(tuple(self.running[n]))
                    self.running[n] = [0.0, 0]

    def check(self, statistics):
        last = np.array(self.episodes[-WINDOW:])
        got = report(statistics)
        assert int(statistics.episodes) == int(got["time/episodes"]) == len(self.episodes)
        np.testing.assert_allclose(got["rollout/ep_rew_mean"], last[:, 0].mean(), rtol=1e-4)
        np.testing.assert_allclose(got["rollout/ep_len_mean"], last[:, 1].mean(), rtol=1e-6)
        filled = len(last)
        np.testing.assert_allclose(
            np.sort(statistics.returns[:filled]), np.sort(last[:, 0]), rtol=1e-4, atol=1e-4
        )
        np.testing.assert_array_equal(np.sort(statistics.lengths[:filled]), np.sort(last[:, 1]))
        np.testing.assert_array_equal(statistics.running_length, [length for _, length in self.running])


@pytest.mark.parametrize(
    ("chance", "calls", "with_dummies"),
    [(0.02, 5, False), (0.2, 8, False), (0.9, 4, False), (0.2, 8, True)],
    ids=["few ends", "the ring wraps", "more than a hundred ends in one call", "dummy steps"],
)
def test_episode_statistics_are_of_the_last_hundred_episodes(chance, calls, with_dummies):
    rng = np.random.default_rng(0)
    statistics, reference = EpisodeStatistics.init(6), Reference(6)
    for _ in range(calls):
        ends, truncated = rng.random((2, 40, 6)) < chance / 2
        valid = rng.random((40, 6)) < 0.7 if with_dummies else None
        if valid is not None:
            ends, truncated = ends & valid, truncated & valid
        rollout = tape(rng.normal(size=(40, 6)), ends, truncated & ~ends, valid)
        statistics = update(statistics, rollout)
        reference.update(rollout)
    reference.check(statistics)


def test_episode_statistics_take_more_ends_in_a_call_than_a_window_holds():
    reward = np.arange(40 * 6, dtype=float).reshape(40, 6)
    statistics = update(EpisodeStatistics.init(6), tape(reward, np.ones((40, 6), bool)))
    assert report(statistics)["rollout/ep_rew_mean"] == np.arange(240)[-WINDOW:].mean()
    assert report(statistics)["rollout/ep_len_mean"] == 1
    assert int(statistics.episodes) == 240


@pytest.mark.parametrize("window", [1, 3, 500])
def test_episode_statistics_of_a_window_of_another_size(window):
    reward = np.arange(40 * 6, dtype=float).reshape(40, 6)
    statistics = EpisodeStatistics.init(6, window)
    for _ in range(2):
        statistics = update(statistics, tape(reward, np.ones((40, 6), bool)))
    last = np.tile(np.arange(240), 2)[-window:]
    assert report(statistics)["rollout/ep_rew_mean"] == pytest.approx(last.mean())
    assert int(statistics.episodes) == 480


def test_episode_statistics_of_an_episode_over_several_calls():
    reward, going = np.ones((40, 6)), np.zeros((40, 6), bool)
    ending = going.copy()
    ending[9, 2] = True
    statistics = EpisodeStatistics.init(6)
    for ends in (going, going, ending):
        statistics = update(statistics, tape(reward, ends))
    assert report(statistics)["rollout/ep_len_mean"] == report(statistics)["rollout/ep_rew_mean"] == 90
    np.testing.assert_array_equal(statistics.running_length, [120, 120, 30, 120, 120, 120])
    np.testing.assert_array_equal(statistics.running_return, [120, 120, 30, 120, 120, 120])


def test_episode_statistics_are_of_the_environments_own_rewards():
    ends = np.zeros((40, 6), bool)
    ends[-1] = True
    rollout = replace(tape(np.ones((40, 6)), ends), raw_reward=jnp.full((40, 6), 3.0))
    assert report(update(EpisodeStatistics.init(6), rollout))["rollout/ep_rew_mean"] == 120


def test_episode_statistics_know_nothing_before_the_first_end():
    statistics = update(EpisodeStatistics.init(6), tape(np.ones((40, 6)), np.zeros((40, 6), bool)))
    assert report(statistics) == {"time/episodes": 0}


def test_episode_statistics_do_not_count_what_never_happened():
    """Rows behind a finished episode hold the next one's reward and perhaps its end."""
    valid = np.zeros((40, 6), bool)
    valid[:3] = True
    ends = np.zeros((40, 6), bool)
    ends[2] = ends[7] = True
    statistics = update(EpisodeStatistics.init(6), tape(np.full((40, 6), 5.0), ends, valid=valid))
    assert int(statistics.episodes) == 6
    assert report(statistics)["rollout/ep_rew_mean"] == 15
    assert report(statistics)["rollout/ep_len_mean"] == 3
    np.testing.assert_array_equal(statistics.running_length, np.zeros(6))
