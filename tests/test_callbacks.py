"""Callbacks: when they are called, what they are told, and how they stop training."""

from __future__ import annotations

import os
import signal

import gymnasium as gym
import numpy as np
import pytest

import operant
from operant.agent import Agent, Callback, Progress, StepEvent
from operant.agent.callbacks.base import Callbacks, as_callbacks
from tests.shared import SMALL_NETWORK, SMALL_PPO, learn, ppo


class Told(Callback):
    """Keeps what it is told, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple] = []

    def on_start(self, agent, total):
        self.calls.append(("start", total))

    def on_rollout(self, progress):
        self.calls.append(("rollout", progress.step))

    def on_evaluation(self, progress):
        self.calls.append(("evaluation", progress.step, "eval/mean_reward" in progress.metrics))

    def on_row(self, progress):
        self.calls.append(("row", progress.step))

    def on_end(self, agent):
        self.calls.append(("end", agent.step))


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_hooks_are_called_in_this_order(backend):
    told, other = Told(), []
    learn(ppo(backend=backend), 256, [told, lambda progress: other.append(progress.step)], evaluate_every=256)
    assert told.calls == [
        ("start", 256),
        *[("rollout", 64), ("rollout", 128), ("row", 128)],
        *[("rollout", 192), ("rollout", 256), ("evaluation", 256, True), ("row", 256)],
        ("end", 256),
    ]
    assert other == [128, 256]


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_watching_every_iteration_changes_nothing_that_is_learnt(backend):
    class Rollouts(Callback):
        def on_rollout(self, progress):
            pass

    plain, watched = learn(ppo(backend=backend)), learn(ppo(backend=backend), 256, Rollouts())
    for row, other in zip(plain.history, watched.history, strict=True):
        assert row.keys() == other.keys()
        np.testing.assert_allclose(row["train/loss"], other["train/loss"], rtol=1e-5)
    for leaf, other in zip(leaves(plain), leaves(watched), strict=True):
        np.testing.assert_array_equal(leaf, other)


def leaves(agent: Agent) -> list[np.ndarray]:
    import jax

    return [np.asarray(leaf) for leaf in jax.tree.leaves(agent.state)]


class Steps(Callback):
    """Keeps every step, and stops at the end of an episode."""

    def __init__(self, episodes: int = 1000) -> None:
        self.events: list[StepEvent] = []
        self.left = episodes

    def on_step(self, event):
        self.events.append(event)
        self.left -= int(event.done.sum())
        return self.left > 0


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
@pytest.mark.parametrize("seeds", [None, 2])
def test_every_step_is_told_in_order(backend, seeds):
    steps = Steps()
    learner = learn(ppo(backend=backend, seeds=seeds), 256, steps)
    rows = 4 * (seeds or 1)
    assert [event.step for event in steps.events] == list(range(4, 257, 4))
    for event, next_event in zip(steps.events, steps.events[1:], strict=False):
        assert event.observation.shape == (rows, 4)
        assert event.action.shape == event.reward.shape == (rows,)
        assert len(event.infos) == rows
        assert event.agent is learner
        same = ~event.done
        np.testing.assert_array_equal(event.next_observation[same], next_event.observation[same])
        assert np.abs(next_event.observation[event.done]).max(initial=0) <= 0.05
    assert any(event.done.any() for event in steps.events)


class Counts(gym.Wrapper):
    """Says how many steps its episode has, in its info."""

    def reset(self, **arguments):
        self.taken = 0
        return super().reset(**arguments)

    def step(self, action):
        self.taken += 1
        *result, info = super().step(action)
        return *result, info | {"taken": self.taken}


@pytest.mark.parametrize("vectorization", ["sync", "vector"])
def test_infos_are_those_of_the_step_also_where_an_episode_ended(vectorization):
    make = lambda: Counts(gym.make("CartPole-v1"))  # noqa: E731
    env = make
    if vectorization == "vector":
        env = gym.vector.SyncVectorEnv([make] * 4, autoreset_mode=gym.vector.AutoresetMode.SAME_STEP)
    steps = Steps()
    learn(operant.PPO(env, **SMALL_PPO), 256, steps)
    length, ended = np.zeros(4, int), 0
    for event in steps.events:
        length += 1
        assert [info["taken"] for info in event.infos] == length.tolist()
        ended += event.done.sum()
        length[event.done] = 0
    assert ended > 4


def test_training_stops_exactly_at_the_end_of_an_episode():
    steps = Steps(episodes=3)
    learner = learn(ppo(backend="gymnasium"), 1024, steps)
    last = steps.events[-1]
    assert last.done.any()
    assert sum(event.done.sum() for event in steps.events) >= 3
    assert sum(event.done.sum() for event in steps.events[:-1]) < 3
    # What was collected since the last update is not learnt from, and training goes on with fresh episodes.
    assert learner.step == last.step // 64 * 64
    again = Steps()
    learn(learner, 64, again)
    assert np.abs(again.events[0].observation).max() <= 0.05


def test_natively_training_stops_after_the_chunk():
    steps = Steps(episodes=1)
    assert learn(ppo(), 1024, steps).step == 128
    assert steps.events[-1].done.any()
    assert not any(event.done.any() for event in steps.events[:-1])


@pytest.mark.parametrize("answer", [False, np.False_, np.bool_(False), 0, np.array(False)])
@pytest.mark.parametrize("hook", ["function", "on_start", "on_rollout", "on_row"])
def test_anything_false_but_none_stops(answer, hook):
    callback = lambda progress: answer  # noqa: E731
    if hook != "function":
        callback = type("Stops", (Callback,), {hook: lambda self, *told: answer})()
    reached = {"function": 128, "on_start": 0, "on_rollout": 64, "on_row": 128}[hook]
    assert learn(ppo(), 512, callback).step == reached


def test_one_of_several_that_says_stop_is_enough_and_the_others_are_told():
    told = []
    both = Callbacks([lambda progress: False, lambda progress: told.append(progress)])
    assert both.tell("on_row", "a row") is False
    assert told == ["a row"]
    assert Callbacks([lambda progress: True, lambda progress: None]).tell("on_row", "a row") is True


@pytest.mark.parametrize("answer", [None, True, np.True_, 1, "yes"])
def test_anything_else_does_not(answer):
    assert learn(ppo(), 256, lambda progress: answer).step == 256


def test_an_answer_that_is_neither_true_nor_false_is_named():
    with pytest.raises(ValueError, match="must return False, and otherwise True or nothing"):
        learn(ppo(), 256, lambda progress: np.zeros(3))


class BaseCallback:
    """As Stable-Baselines3 has it."""


class Theirs(BaseCallback):
    def __call__(self, progress):
        pass


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda locals, globals: True, r"one argument, progress"),
        (Theirs(), r"Theirs is a callback of Stable-Baselines3's.*_on_step becomes on_step\(event\)"),
        (Told, r"callback=Told: give an instance, Told\(…\)"),
        ("print", "'print' must be a function of Progress, an operant.Callback, or a list"),
        ([print, 3], "3 must be a function"),
    ],
)
def test_what_is_no_callback_is_answered_before_training(given, message):
    learner = ppo()
    with pytest.raises(ValueError, match=message):
        learn(learner, 256, given)
    assert learner.step == 0


def test_lists_may_hold_lists_and_functions_with_defaults():
    assert len(as_callbacks([print, [Told(), lambda progress, scale=2: None], None])) == 3


def test_what_is_recorded_is_in_the_row_and_everywhere(tmp_path):
    rows = []

    class Log:
        def write(self, row):
            rows.append(dict(row))

        def close(self):
            pass

    class Records(Callback):
        def on_step(self, event):
            event.record_mean("my/mean", float(event.step))
            event.record("my/last", event.step)

        def on_row(self, progress: Progress):
            assert progress.metrics["my/last"] == progress.step
            progress.record("my/value", progress.step / 2)
            progress.record("my/hidden", 1, exclude=("csv",))

    learner = learn(ppo(backend="gymnasium"), 256, Records(), loggers=[Log()], run_dir=tmp_path / "run")
    assert [row["my/value"] for row in rows] == [64.0, 128.0]
    assert [row["my/last"] for row in rows] == [128, 256]
    assert [row["my/mean"] for row in rows] == [np.mean(range(4, 129, 4)), np.mean(range(132, 257, 4))]
    assert [row["my/value"] for row in learner.history] == [64.0, 128.0]
    header = (tmp_path / "run" / "metrics.csv").read_text().splitlines()[0].split(",")
    assert "my/value" in header
    assert "my/hidden" in rows[0]
    assert "my/hidden" not in header


@pytest.mark.parametrize(
    ("name", "value", "exclude", "error", "message"),
    [
        ("", 1, (), ValueError, "name must be a text"),
        ("time/total_timesteps", 1, (), ValueError, "choose another name"),
        ("a", None, (), TypeError, r"record\('a', NoneType\): must be a number"),
        ("a", np.zeros(3), (), TypeError, r"record\('a', ndarray\)"),
        ("a", 1, "nowhere", ValueError, "exclude='nowhere'.*must be among table, csv"),
    ],
)
def test_what_cannot_be_recorded_is_named(name, value, exclude, error, message):
    with pytest.raises(error, match=message):
        learn(ppo(), 128, lambda progress: progress.record(name, value, exclude))


class Interrupts(Callback):
    """Ctrl-C at a step of the environments."""

    def __init__(self, at: int) -> None:
        self.at, self.steps = at, 0

    def on_step(self, event):
        self.steps += 1
        if self.steps == self.at:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(("at", "reached"), [(5, 0), (20, 64), (32, 128), (40, 128)])
def test_on_the_host_ctrl_c_is_answered_within_a_step(at, reached, tmp_path):
    callback, learner = Interrupts(at), ppo(backend="gymnasium")
    with pytest.raises(KeyboardInterrupt):
        learn(learner, 512, callback, run_dir=tmp_path / "run")
    assert callback.steps == at
    assert learner.step == reached
    # What was learnt until then has its row, and the run goes on.
    assert [row["time/total_timesteps"] for row in learner.history] == [reached] * (reached > 0)
    resumed = Agent.resume(tmp_path / "run", progress_bar=False)
    assert resumed.step == 512


def test_dqn_answers_while_it_warms_up(monkeypatch):
    monkeypatch.setattr("operant.engine.train.WARM_UP_STEPS", 40)
    learner = operant.DQN(
        "CartPole-v1",
        preset=None,
        learning_starts=200,
        buffer_size=500,
        network=SMALL_NETWORK,
        backend="native",
    )
    with pytest.raises(KeyboardInterrupt):
        learn(learner, 512, Interrupts(50))
    assert learner.step == 80
    rest = Steps()
    learn(learner, 432, rest)
    whole = Steps()
    straight = learn(
        operant.DQN(
            "CartPole-v1",
            preset=None,
            learning_starts=200,
            buffer_size=500,
            network=SMALL_NETWORK,
            backend="native",
        ),
        512,
        whole,
    )
    for leaf, other in zip(leaves(learner), leaves(straight), strict=True):
        np.testing.assert_array_equal(leaf, other)
    for event, other in zip(rest.events, whole.events[80:], strict=True):
        np.testing.assert_array_equal(event.observation, other.observation)


def test_while_a_rollout_is_under_way_the_agent_knows_what_it_last_learnt():
    seen = []

    class Acts(Callback):
        def on_step(self, event):
            seen.append((event.agent.step, event.agent.predict(event.observation).shape))

    learn(ppo(backend="gymnasium"), 128, Acts())
    assert seen == [(0, (4,))] * 16 + [(64, (4,))] * 16
