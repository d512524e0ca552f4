"""Datasets on disk: what Minari's and .npz files hold is what is learnt from, and what cannot be read is named."""

from __future__ import annotations

import io
import pickle
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest

import operant
from operant import spaces
from operant.agent import Agent
from operant.algorithms.imitation.bc import BC
from operant.engine.demonstrations import DatasetError, Demonstrations, read
from operant.engine.observers import MinariObserver


def recorded(given, spec=None) -> Demonstrations:
    data = read(given, spec)
    assert isinstance(data, Demonstrations)
    return data


def test_read_of_npz_holds_dicts_and_gives_its_name(tmp_path):
    np.savez(
        tmp_path / "mine.npz",
        **{
            "observations/goal": np.zeros((4, 2), np.float32),
            "observations/view": np.zeros((4, 3, 3), np.uint8),
            "actions": np.array([[0, 1], [1, 2], [0, 0], [1, 1]]),
            "truncations": np.array([0, 1, 0, 0]),
            "rewards": np.arange(4.0),
        },
    )
    data = recorded(tmp_path / "mine.npz")
    assert data.spec.id == "mine"
    assert spaces.describe(data.spec.observation_space) == "Dict(goal: Box(2), view: Box(3×3 uint8))"
    assert spaces.describe(data.spec.action_space) == "MultiDiscrete(2, 3)"
    np.testing.assert_array_equal(data.steps.done, [False, True, False, True])  # the last one ends an episode
    np.testing.assert_array_equal(data.steps.reward, np.arange(4))


def test_minari_dataset_is_what_the_observer_saw(tmp_path, monkeypatch):
    minari = pytest.importorskip("minari")
    pytest.importorskip("h5py")
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    spec = operant.make("random", "Pendulum-v1").spec
    observer = MinariObserver("pendulum/random-v0", spec, environment="Pendulum-v1")
    shown = operant.collect("random", "Pendulum-v1", episodes=2, num_envs=2, observers=[observer])
    expected = recorded(shown, spec).steps
    by_path = tmp_path / "pendulum" / "random-v0"
    for named in ("pendulum/random-v0", by_path, by_path / "data", minari.load_dataset("pendulum/random-v0")):
        data = recorded(named, spec)
        for name in ("observation", "reward", "terminated", "truncated"):
            np.testing.assert_array_equal(getattr(data.steps, name), getattr(expected, name))
        np.testing.assert_array_equal(data.steps.action, np.clip(expected.action, -2, 2))
    assert recorded(by_path).spec.id == "Pendulum-v1"
    with pytest.raises(
        DatasetError, match=r"observation space is Box\(3\), and that of CartPole-v1 is Box\(4\)"
    ):
        Agent(BC(), "CartPole-v1", dataset=by_path)


def test_read_of_minari_ends_an_episode_that_only_stops():
    class Episode:
        def __init__(self, *rewards, terminated):
            self.rewards, count = np.array(rewards), len(rewards)
            self.observations = np.zeros((count + 1, 2), np.float32)
            self.actions = np.zeros(count, np.int64)
            self.truncations = np.zeros(count, bool)
            self.terminations = (np.arange(count) == count - 1) & terminated

        def __len__(self):
            return len(self.rewards)

    episodes = [Episode(1.0, 2.0, terminated=False), Episode(3.0, 4.0, 5.0, terminated=True)]
    data = recorded(
        SimpleNamespace(
            observation_space=gym.spaces.Box(-1, 1, (2,), np.float32),
            action_space=gym.spaces.Discrete(2),
            env_spec=None,
            spec=SimpleNamespace(dataset_id="stops-v0"),
            iterate_episodes=lambda: iter(episodes),
        )
    )
    np.testing.assert_array_equal(data.steps.truncated, [False, True, False, False, False])
    np.testing.assert_array_equal(data.steps.terminated, [False, False, False, False, True])


def test_read_names_what_no_dataset_is(tmp_path):
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(DatasetError, match=r"cannot be read as a \.npz"):
        read(tmp_path / "text.npz")
    np.save(tmp_path / "one.npy", np.zeros(3))
    with pytest.raises(DatasetError, match="one array only"):
        read(tmp_path / "one.npy")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DatasetError, match="a folder without main_data"):
        read(tmp_path / "folder")
    with pytest.raises(DatasetError, match="there is no such file or folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(DatasetError, match="must be a Minari dataset"):
        read(3)


class Trap:
    def __reduce__(self):
        return pytest.fail, ("what was read has been executed",)


def test_read_of_npz_with_objects_does_not_execute_them(tmp_path):
    np.savez(tmp_path / "data.npz", observations=np.zeros((2, 1)), actions=np.array([Trap(), Trap()], object))
    with pytest.raises(DatasetError, match="Python objects, which are not loaded"):
        read(tmp_path / "data.npz")
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(io.BytesIO()))
    with pytest.raises(DatasetError, match="Python objects, which are not loaded"):
        read(tmp_path / "pickle.npz")
