"""Ready callbacks, told by hand of what training would tell them; and what reaches the logs."""

from __future__ import annotations

import json
from types import SimpleNamespace

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
import pytest

import operant
from operant.agent.callbacks import Callback, Histogram, Image, Progress, StepEvent, Video
from operant.engine.log import JsonLog, TextLog
from operant.engine.tensorboard import TensorBoardLog
from tests.engine.test_log import events
from tests.shared import SMALL_PPO


class FakeAgent:
    """Keeps what its environments are told."""

    seeds, step = None, 0

    def __init__(self) -> None:
        self.called: list = []

    def env_method(self, name, value):
        self.called.append((name, value))


def told(callback: Callback, values: list, metric: str = "eval/mean_reward") -> int:
    """How many rows a callback of these values lets through."""
    agent = FakeAgent()
    callback.on_start(agent, 1000)
    for count, value in enumerate(values, 1):
        row = {} if value is None else {metric: value}
        if callback.on_row(Progress(count, 1000, row, agent)) is False:
            return count
    callback.on_end(agent)
    return len(values)


def test_stop_at_a_return():
    assert told(operant.StopOnReturn(100), [None, 20, 99.9, 100, 5]) == 4
    assert told(operant.StopOnReturn(100), [np.array([500, 20, 30]), np.array([1, 100, 200]), 3]) == 2
    rollout = operant.StopOnReturn(10, metric="rollout/ep_rew_mean")
    assert told(rollout, [np.nan, 9, 11, 12], "rollout/ep_rew_mean") == 3
    with pytest.warns(UserWarning, match=r"no row had eval/mean_reward. Evaluate during training"):
        told(operant.StopOnReturn(100), [None, None])


def test_stop_without_improvement():
    assert told(operant.StopOnNoImprovement(2), [1, 2, 2, None, 1, 9]) == 5
    assert told(operant.StopOnNoImprovement(2), [1, 0, 2, 0, 3, 0, 0, 9]) == 7
    assert told(operant.StopOnNoImprovement(2, min_evaluations=4), [3, 0, 0, 0, 0, 0, 9]) == 6


def test_stop_after_episodes():
    flags = dict.fromkeys(("observation", "action", "reward", "raw_reward", "next_observation", "infos"))
    callback = operant.StopOnMaxEpisodes(2)
    callback.on_start(FakeAgent(), 1000)

    def told_of(ended, happened):
        event = StepEvent(
            step=0,
            terminated=np.zeros(2, bool),
            truncated=np.array(ended),
            mask=np.array(happened),
            agent=FakeAgent(),
            **flags,
        )
        return callback.on_step(event)

    assert told_of([True, False], [True, True])
    assert told_of([True, False], [False, True])  # a step that only reset ends nothing
    assert not told_of([False, True], [True, True])
    callback.on_start(FakeAgent(), 1000)
    assert not told_of([True, True], [True, True])  # two at once are two


def test_the_log_of_episodes_has_the_environments_own_rewards_of_what_happened(tmp_path):
    log = operant.EpisodeLog(tmp_path / "episodes.csv", info_keywords=("won",))
    agent = FakeAgent()
    agent.source = SimpleNamespace(id="Test-v0")
    log.on_start(agent, 1000)
    flags = dict.fromkeys(("observation", "action", "next_observation"))
    steps = [  # raw rewards, whether it happened, whether the episode terminated: of two copies
        ([1.0, 2.0], [True, True], [False, False]),
        ([5.0, 2.0], [False, True], [True, False]),
        ([3.0, 4.0], [True, True], [True, True]),
        ([7.0, 1.0], [True, True], [True, False]),
    ]
    for raw, happened, ended in steps:
        log.on_step(
            StepEvent(
                step=0,
                reward=np.array([-1.0, -1.0]),
                raw_reward=np.array(raw),
                terminated=np.array(ended),
                truncated=np.zeros(2, bool),
                mask=np.array(happened),
                infos=[{"won": 1}, {}],
                agent=agent,
                **flags,
            )
        )
    log.on_end(agent)
    rows = [line.split(",") for line in (tmp_path / "episodes.csv").read_text().splitlines()[2:]]
    assert [(float(r), int(length), won) for r, length, _, won in rows] == [
        (4.0, 2, "1"),
        (8.0, 3, ""),
        (7.0, 1, "1"),
    ]


def test_every_so_many_steps():
    called = []
    every = operant.EveryNTimesteps(100, lambda progress: called.append(progress.step))
    every.on_start(FakeAgent(), 1000)
    for step in (60, 120, 180, 240, 400):
        every.on_row(Progress(step, 1000, {}, FakeAgent()))
    assert called == [120, 240, 400]
    every.on_start(FakeAgent(), 1000)
    for step in (150, 210, 290, 310):  # whenever a hundred is passed, however far from the last time
        every.on_row(Progress(step, 1000, {}, FakeAgent()))
    assert called[3:] == [150, 210, 310]
    stops = operant.EveryNTimesteps(100, lambda progress: np.False_)
    stops.on_start(FakeAgent(), 1000)
    assert [stops.on_row(Progress(step, 1000, {}, FakeAgent())) for step in (60, 120)] == [None, False]


def test_a_curriculum_goes_up_with_the_return():
    curriculum = operant.Curriculum("set_level", values=("a", "b", "c"), thresholds=(10, 20))
    agent = FakeAgent()
    curriculum.on_start(agent, 1000)
    levels = []
    for value in (5, 10, 15, 25, 30):
        progress = Progress(1, 1000, {"rollout/ep_rew_mean": value}, agent)
        curriculum.on_row(progress)
        levels.append(progress.records.take()["curriculum/level"])
    assert levels == [0, 1, 1, 2, 2]
    assert agent.called == [("set_level", "a"), ("set_level", "b"), ("set_level", "c")]
    with pytest.raises(ValueError, match="2 values and 2 thresholds; there must be one threshold fewer"):
        operant.Curriculum("set_level", (1, 2), (1, 2))


class Goal(gym.Wrapper):
    """CartPole that succeeds in episodes of an even number of steps."""

    level = 0

    def set_level(self, level):
        self.level = level

    def reset(self, **arguments):
        self.taken = 0
        return super().reset(**arguments)

    def step(self, action):
        self.taken += 1
        observation, reward, terminated, truncated, info = super().step(action)
        ended = {"is_success": self.taken % 2 == 0, "taken": self.taken} if terminated or truncated else {}
        return observation, reward, terminated, truncated, info | ended


@pytest.mark.parametrize("kind", ["single", "vector"])
def test_infos_of_ended_episodes_are_metrics_and_a_file(tmp_path, kind):
    make = lambda: Goal(gym.make("CartPole-v1"))  # noqa: E731
    env = make
    if kind == "vector":
        env = gym.vector.SyncVectorEnv([make] * 4, autoreset_mode=gym.vector.AutoresetMode.SAME_STEP)
    path = tmp_path / "episodes.csv"
    log = operant.EpisodeLog(path, info_keywords=("is_success", "absent"))
    arguments = {"progress_bar": False, "evaluate_every": 256, "evaluation_episodes": 4, "evaluate_env": make}
    agent = operant.PPO(env, **SMALL_PPO)
    with pytest.warns(UserWarning, match="no episode ended with 'nothing' in its info"):
        agent.learn(
            256, [log, operant.SaveModels(tmp_path, 128)], info_keywords=("taken", "nothing"), **arguments
        )
    about, header, *lines = path.read_text().splitlines()
    assert json.loads(about[1:])["t_start"] > 0
    assert header == "r,l,t,is_success,absent"
    rows = [line.split(",") for line in lines]
    row = agent.history[-1]
    assert len(rows) == row["time/episodes"] > 4
    lengths = np.array([int(row[1]) for row in rows])
    np.testing.assert_allclose([float(row[0]) for row in rows], lengths)
    assert [row[3] for row in rows] == [str(length % 2 == 0) for length in lengths]
    assert {row[4] for row in rows} == {""}
    assert row["rollout/taken"] == pytest.approx(lengths.mean())
    assert row["rollout/success_rate"] == pytest.approx((lengths % 2 == 0).mean())
    score = agent.evaluate(4, seed=1_000_000, env=make)
    assert row["eval/success_rate"] == score.success_rate == (score.lengths % 2 == 0).mean()
    assert row["eval/mean_reward"] == score.mean
    assert operant.load(tmp_path / "model_256_steps.safetensors", env=make).step == 256


def test_what_cannot_be_had_is_said():
    agent = operant.PPO("CartPole-v1", **SMALL_PPO)
    with pytest.raises(ValueError, match="native environments have no infos; pass backend='gymnasium'"):
        agent.learn(128, info_keywords=["a"])
    with pytest.raises(ValueError, match="evaluate_env='CartPole-v1': say how often"):
        agent.learn(128, evaluate_env="CartPole-v1")
    with pytest.raises(ValueError, match="evaluation_episodes=5: say how often"):
        agent.learn(128, evaluation_episodes=5)
    with pytest.raises(TypeError, match=r"learn has no argument 'eval_env'\. evaluate_env=…"):
        agent.learn(128, eval_env="CartPole-v1")


def test_media_of_ones_own_are_in_tensorboard(tmp_path):
    figure = plt.figure(figsize=(1, 1))
    board = TensorBoardLog(tmp_path)
    board.write_hyperparameters({"learning_rate": 0.1, "network": {"hidden_sizes": [8]}, "clip": None})
    board.write({"time/total_timesteps": 5, "a": 1.0})
    values = {
        "text": "hello",
        "figure": figure,
        "image": Image(np.zeros((4, 6, 3))),
        "grey": Image(np.zeros((4, 6), np.uint8)),
        "histogram": Histogram(np.arange(10.0)),
        "video": Video(np.random.default_rng(0).random((3, 4, 6, 3))),
    }
    board.write_media(5, values)
    board.close()
    plt.close(figure)
    found = [value for event in events(tmp_path) for value in event.summary.value]
    by_tag = {value.tag.split("/")[0]: value for value in found}
    assert {*values, "a", "_hparams_"} <= {*by_tag}
    assert (by_tag["image"].image.height, by_tag["image"].image.width) == (4, 6)
    assert by_tag["figure"].image.encoded_image_string[:4] == b"\x89PNG"
    assert by_tag["video"].image.encoded_image_string[:3] == b"GIF"
    assert by_tag["histogram"].histo.num == 10


def test_json_and_text_logs(tmp_path):
    for sink in (JsonLog(tmp_path / "a" / "progress.json"), TextLog(tmp_path / "a" / "log.txt")):
        sink.write({"time/total_timesteps": 5, "train/loss": np.float32(0.5), "x": np.nan})
        sink.write({"time/total_timesteps": 6, "train/loss": np.array([0.5, np.inf])})
        sink.close()
    rows = [json.loads(line) for line in (tmp_path / "a" / "progress.json").read_text().splitlines()]
    assert rows == [
        {"time/total_timesteps": 5, "train/loss": 0.5, "x": None},
        {"time/total_timesteps": 6, "train/loss": [0.5, None]},
    ]
    assert "total_timesteps | 5" in (tmp_path / "a" / "log.txt").read_text()
