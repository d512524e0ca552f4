"""On the device a chunk comes in calls of a few seconds, between which it is seen whether somebody asked to stop."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import operant
from operant.engine import pace
from operant.engine.device import DeviceLoop
from operant.engine.watch import Stopped

DQN = {
    "buffer_size": 128,
    "learning_starts": 16,
    "batch_size": 4,
    "num_envs": 1,
    "network": {"hidden_sizes": (4,)},
}


def learn(seeds, total=128):
    agent = operant.DQN("FrozenLake-v1", preset=None, seeds=seeds, **DQN)
    seen = []
    agent.learn(total, progress_bar=False, log_interval=64, observers=[seen.append])
    return agent, jax.tree.map(lambda *x: np.concatenate(x), *seen)


@pytest.mark.parametrize("seeds", [None, 2])
def test_device_loop_in_parts_learns_and_says_what_the_whole_does(seeds, monkeypatch):
    expected, experience = learn(seeds)
    calls, part = [], pace.Pace.part
    monkeypatch.setattr(pace.Pace, "part", lambda pace, left: calls.append(1) or part(pace, left))
    monkeypatch.setattr(pace, "LONGEST", 0.0)
    agent, seen = learn(seeds)
    assert len(calls) > 30  # one an iteration
    for one, other in (
        (expected.learner.run, agent.learner.run),
        (experience, seen),
        *zip(_rows(expected), _rows(agent), strict=True),
    ):
        jax.tree.map(np.testing.assert_array_equal, _plain(one), _plain(other))


def test_device_loop_stops_between_two_parts_with_all_that_was_done(monkeypatch):
    monkeypatch.setattr(pace, "LONGEST", 0.0)
    agent = operant.DQN("FrozenLake-v1", preset=None, **DQN)
    run = agent.learner.started(return_experience=True, size=16)
    loop = agent.learner._loop
    assert isinstance(loop, DeviceLoop)
    part, calls = pace.Pace.part, []

    def stops(pace, left):
        calls.append(1)
        loop.watch.stop = len(calls) == 7
        return part(pace, left)

    monkeypatch.setattr(pace.Pace, "part", stops)
    run, _, experience = loop.warm_up(run, 16)
    assert int(run.iteration) == 7
    assert experience is not None
    assert experience.reward.shape[0] == 7 * agent.algorithm.experience.unroll_length
    with pytest.raises(Stopped) as stopped:
        loop.step(run, 4, 16)
    assert stopped.value.run is run
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves(run))


def _rows(agent):
    timed = ("time/fps", "time/time_elapsed")
    return [{name: value for name, value in row.items() if name not in timed} for row in agent.history]


def _plain(tree):
    return jax.tree.map(lambda x: np.asarray(jax.random.key_data(x) if _is_key(x) else x), tree)


def _is_key(leaf):
    return isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def test_device_loop_refuses_more_metrics_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr("operant.engine.metrics.SUMS", 2)
    agent = operant.DQN("FrozenLake-v1", preset=None, **DQN)
    with pytest.raises(ValueError, match=r"DQN reports \d+ metrics: must be at most 2"):
        agent.learn(64, progress_bar=False)
