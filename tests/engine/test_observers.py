"""The dataset holds exactly the episodes that happened."""

from __future__ import annotations

import sys
from itertools import pairwise

import gymnasium
import jax
import numpy as np
import pytest

from operant import spaces
from operant.engine import observers
from operant.engine.observers import MinariObserver
from operant.envs.gymnasium_spaces import space_to_gymnasium
from operant.types import EnvSpec, Transition

minari = pytest.importorskip("minari")


@pytest.fixture(autouse=True)
def datasets(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))


def spec(observation=None, action=None) -> EnvSpec:
    return EnvSpec(
        "Counting", observation or spaces.Box(-np.inf, np.inf, (2,)), action or spaces.Box(-1.0, 1.0, (1,))
    )


def experience(lengths, steps, dummy=False) -> Transition:
    """`[steps, N]` rows of environments whose episodes have the given lengths; observations are (episode, t).

    Episodes of even length terminate, others are truncated. With `dummy` a row that never happened follows
    each end.
    """
    columns = []
    for own in lengths:
        rows, episode, t = [], 0, 0
        while len(rows) < steps:
            length = own[episode % len(own)]
            done = t + 1 == length
            ended = (done and length % 2 == 0, done and length % 2 == 1)
            rows.append(
                ((episode, t), (3.0 if t else 0.5,), 10 * episode + t, *ended, (episode, t + 1), True)
            )
            episode, t = (episode + 1, 0) if done else (episode, t + 1)
            if done and dummy:
                rows.append(((99, 99), (9.0,), 99, False, False, (99, 99), False))
        columns.append(rows[:steps])
    dtypes = (np.float32, np.float32, np.float32, bool, bool, np.float32, bool)
    fields = [
        np.stack([np.array([row[i] for row in rows], dtype) for rows in columns], 1)
        for i, dtype in enumerate(dtypes)
    ]
    return Transition(*fields[:6], valid=fields[6] if dummy else None)


def chunks(transition: Transition, *bounds: int):
    edges = [0, *bounds, len(transition.reward)]
    return [jax.tree.map(lambda x, a=a, b=b: x[a:b], transition) for a, b in pairwise(edges)]


def written(dataset_id):
    return list(minari.load_dataset(dataset_id).iterate_episodes())


@pytest.mark.parametrize("dummy", [False, True])
@pytest.mark.parametrize("in_memory", [1, 10_000])
def test_minari_observer_splits_episodes_at_done_and_ends_them_with_the_true_final_observation(
    monkeypatch, dummy, in_memory
):
    monkeypatch.setattr(observers, "STEPS_IN_MEMORY", in_memory)
    observer = MinariObserver("counting/test-v0", spec(), algorithm_name="PPO")
    lengths = [[1, 4, 3], [7], [30]]
    for chunk in chunks(experience(lengths, 21, dummy), 1, 5, 6, 14):
        observer(chunk)
    observer.close()

    episodes = written("counting/test-v0")
    for episode in episodes:
        number, length = episode.observations[0, 0], len(episode.rewards)
        expected = np.stack([np.full(length + 1, number), np.arange(length + 1)], 1)
        np.testing.assert_array_equal(episode.observations, expected)
        np.testing.assert_array_equal(episode.rewards, 10 * number + np.arange(length))
        clipped = np.where(np.arange(length), 1.0, 0.5)  # 3.0 lies outside the space
        np.testing.assert_array_equal(episode.actions[:, 0], clipped)
        assert not (episode.terminations[:-1] | episode.truncations[:-1]).any()
        assert episode.terminations[-1] ^ episode.truncations[-1]
        if length == 4:
            assert episode.terminations[-1]
    sizes = sorted(len(episode.rewards) for episode in episodes)
    if dummy:  # five of the 21 rows of the first environment and two of the second never happened
        assert sizes == sorted([1, 4, 3, 1, 4, 3, 7, 7, 5, 21])
    else:
        assert sizes == sorted([1, 4, 3, 1, 4, 3, 1, 4, 7, 7, 7, 21])
    dataset = minari.load_dataset("counting/test-v0")
    assert dataset.total_episodes == len(episodes)
    assert dataset.total_steps == sum(sizes)
    assert dataset.spec.observation_space == space_to_gymnasium(spec().observation_space)
    assert dataset.storage.metadata["algorithm_name"] == "PPO"


def test_minari_observer_keeps_composite_observations_and_pixels_exactly():
    observation = spaces.Dict.of(
        {"view": spaces.Box(0, 255, (32, 32, 3), "uint8"), "goal": spaces.Tuple((spaces.Discrete(5),))}
    )
    generator = np.random.default_rng(0)
    view = generator.integers(0, 256, (6, 1, 32, 32, 3), np.uint8)
    goal = generator.integers(0, 5, (6, 1)).astype(np.int32)
    flag = np.zeros((5, 1), bool)
    end = flag.copy()
    end[4] = True
    observer = MinariObserver("view-v0", spec(observation, spaces.MultiDiscrete((2, 3))))
    observer(
        Transition(
            {"view": view[:5], "goal": (goal[:5],)},
            np.ones((5, 1, 2), np.int32),
            np.zeros((5, 1), np.float32),
            end,
            flag,
            {"view": view[1:], "goal": (goal[1:],)},
        )
    )
    observer.close()
    (episode,) = written("view-v0")
    np.testing.assert_array_equal(episode.observations["view"], view[:, 0])
    np.testing.assert_array_equal(episode.observations["goal"][0], goal[:, 0])
    assert episode.actions.shape == (5, 2)
    space = minari.load_dataset("view-v0").spec.observation_space
    assert space.contains(jax.tree.map(lambda x: x[0], episode.observations))


def test_minari_observer_lets_the_environment_be_recovered():
    cartpole = spec(spaces.Box(-np.inf, np.inf, (4,)), spaces.Discrete(2))
    observer = MinariObserver("cartpole/mine-v0", cartpole, environment="CartPole-v1")
    observer.close()
    environment = observer.dataset.recover_environment()
    assert environment.spec is not None
    assert environment.spec.id == "CartPole-v1"


def test_minari_observer_refuses_a_taken_name_before_training():
    MinariObserver("taken-v0", spec()).close()
    with pytest.raises(ValueError, match="already exists"):
        MinariObserver("taken-v0", spec())


def test_minari_observer_says_how_to_install_a_missing_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "minari", None)
    with pytest.raises(ImportError, match=r"pip install 'operant-rl\[minari\]'"):
        MinariObserver("x-v0", spec())


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box((-1.0, -np.inf), (3.0, np.inf), (2,)),
        spaces.Box(0, 255, (4, 4), "uint8"),
        spaces.Discrete(3),
        spaces.MultiDiscrete((2, 3)),
        spaces.MultiBinary(4),
        spaces.Dict.of({"a": spaces.Discrete(2), "b": spaces.Tuple((spaces.MultiBinary(2),))}),
    ],
    ids=spaces.describe,
)
def test_minari_observer_has_spaces_that_hold_the_same_values(space):
    theirs = space_to_gymnasium(space)
    assert isinstance(theirs, gymnasium.Space)
    value = jax.tree.map(np.asarray, space.sample(jax.random.key(0)))
    assert theirs.contains(jax.tree.map(lambda x: x.astype(np.int64) if x.dtype == np.int32 else x, value))
