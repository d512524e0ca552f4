"""The loop in Python: continuing, stopping, and how training is cut into rows of metrics."""

from __future__ import annotations

import os
import signal
import threading

import jax
import numpy as np
import pytest

from operant.agent import Agent, Progress
from operant.algorithms.policy_gradient.a2c import A2C
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.value.dqn import DQN
from operant.engine.device import DeviceLoop
from operant.engine.train import chunk_size
from operant.engine.watch import Watch
from operant.envs.probes import TwoStates
from operant.interruption import ENDING, Terminated
from operant.networks import Network
from operant.plans import Episodes, Replay, Rollout
from tests.shared import learn

NETWORK = Network(hidden_sizes=(8,), initialization="uniform")


def ppo(**arguments) -> Agent:
    return Agent(
        PPO(n_steps=16, batch_size=32, n_epochs=1, network=NETWORK), "CartPole-v1", num_envs=4, **arguments
    )


def test_steps_per_iteration_of_every_plan():
    assert Rollout(16).steps_per_iteration(4) == 64
    assert Replay(100, 8, collect_steps=3).steps_per_iteration(4) == 12
    assert Episodes(8, 20).steps_per_iteration(4) == 160


@pytest.mark.parametrize(
    ("plan", "total", "interval", "size"),
    [
        (Rollout(2048), 1_000_000, None, 4),  # a hundredth of training
        (Replay(100, 8, collect_steps=4), 100_000, None, 500),  # no less than 2,000 steps
        (Replay(100, 8, collect_steps=4), 10_000, None, 250),  # or a tenth of a short training
        (Rollout(16), 5, None, 1),
        (Replay(100, 8, collect_steps=1), 10**9, None, 50_000),  # no more than 50,000
        (Rollout(4096), 10_000, None, 1),  # at least one
        (Rollout(10), 10_000, 95, 9),
        (Episodes(8, 20), 1_000_000, None, 1),
    ],
)
def test_chunk_size_is_the_iterations_of_a_row_of_metrics(plan, total, interval, size):
    assert chunk_size(plan, 1, total, interval) == size


def test_learn_continues_where_it_stood():
    agent = learn(ppo(), 256)
    assert agent.step == 256
    learn(agent, 384)
    assert agent.step == 640
    assert [row["time/total_timesteps"] for row in agent.history] == [128, 256, 384, 512, 640]
    assert [row["time/iterations"] for row in agent.history] == [2, 4, 6, 8, 10]
    # Schedules of the second call run over all of training.
    assert int(agent.learner.run.clock.total) == 640


def test_learn_tells_a_callback_of_every_row_which_can_stop():
    seen: list[Progress] = []

    def callback(progress: Progress) -> bool:
        seen.append(progress)
        return progress.step < 256

    agent = learn(ppo(), 1_000, callback)
    assert agent.step == 256
    assert [progress.step for progress in seen] == [128, 256]
    assert all(progress.total == 1_000 and progress.agent is agent for progress in seen)
    assert [progress.metrics for progress in seen] == agent.history
    assert seen[-1].metrics["train/learning_rate"] == pytest.approx(3e-4)
    # Between chunks the agent can be used, and it is the one that is being trained.
    assert agent.predict(np.zeros(4)) in (0, 1)


def test_learn_goes_on_after_a_callback_that_returns_nothing():
    assert learn(ppo(), 256, lambda progress: None).step == 256


def test_learn_lets_a_callback_use_the_agent():
    scores = []
    learn(ppo(), 256, lambda progress: scores.append(progress.agent.evaluate(2, seed=1).mean))
    assert len(scores) == 2
    assert min(scores) >= 8


def test_learn_with_observers_continues_training_without():
    class Count:
        steps = 0
        closed = False

        def __call__(self, transition) -> None:
            self.steps += transition.reward.size

        def close(self) -> None:
            self.closed = True

    count = Count()
    agent = learn(ppo(), 128)
    learn(agent, 256, observers=[count])
    assert count.steps == 256
    assert count.closed
    learn(agent, 128)
    assert count.steps == 256
    assert agent.step == 512


def test_learn_has_metrics_with_the_names_of_stable_baselines():
    row = learn(ppo(), 128).history[-1]
    assert {
        "rollout/ep_rew_mean",
        "rollout/ep_len_mean",
        "time/fps",
        "time/iterations",
        "time/time_elapsed",
        "time/total_timesteps",
        "train/approx_kl",
        "train/clip_fraction",
        "train/clip_range",
        "train/entropy_loss",
        "train/explained_variance",
        "train/learning_rate",
        "train/loss",
        "train/n_updates",
        "train/policy_gradient_loss",
        "train/value_loss",
    } <= set(row)


def test_learn_of_several_seeds_has_a_metric_each():
    row = learn(ppo(seeds=2), 128).history[-1]
    assert row["train/loss"].shape == (2,)
    assert row["train/loss"][0] != row["train/loss"][1]
    assert row["time/total_timesteps"] == 128


def test_learn_counts_while_warming_up_and_learns_nothing():
    dqn = DQN(buffer_size=500, learning_starts=200, network=NETWORK)
    agent = Agent(dqn, "CartPole-v1", num_envs=2)
    before = np.array(agent.state.network.head.action.output.weight)
    losses = []
    agent.learn(208, lambda p: losses.append(p.metrics["train/loss"]), progress_bar=False)
    assert agent.step == 208
    assert len(losses) == 1
    assert agent.learner.run.iteration == 26
    assert not np.array_equal(before, agent.state.network.head.action.output.weight)


@pytest.mark.parametrize("total", [0, -5])
def test_learn_refuses_a_total_that_is_no_total(total):
    with pytest.raises(ValueError, match=f"total_timesteps={total}"):
        ppo().learn(total, progress_bar=False)


def test_learn_refuses_more_steps_than_can_be_counted():
    with pytest.raises(ValueError, match="2147483647"):
        ppo().learn(2**31, progress_bar=False)


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_watch_is_asked_by_the_first_signal_and_interrupted_by_the_second(number, capsys):
    kind = KeyboardInterrupt if number == signal.SIGINT else Terminated
    previous, watch = signal.getsignal(number), Watch()
    with watch.listening():
        assert watch.interruption() is None
        os.kill(os.getpid(), number)
        assert watch.stop
        assert type(watch.interruption()) is kind
        assert getattr(watch.interruption(), "number", signal.SIGINT) == number
        assert "stopping as soon as this environment step is done; once more" in capsys.readouterr().err
        with pytest.raises(kind):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)  # a third one does not break off what the second led to
    assert signal.getsignal(number) is previous


@pytest.mark.parametrize("shield", [Watch.shielded, Watch.unbroken])
def test_watch_does_not_break_off_what_is_shielded_at_the_second_signal(shield):
    watch, written = Watch(), []

    def write() -> None:
        with shield(watch):
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
            written.append("all of it")

    with watch.listening(), pytest.raises(Terminated):
        write()
    assert written == ["all of it"]


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_watch_leaves_a_signal_ignored_that_the_process_ignores(number):
    before, watch = signal.signal(number, signal.SIG_IGN), Watch()
    try:
        with watch.listening():
            os.kill(os.getpid(), number)
    finally:
        signal.signal(number, before)
    assert not watch.stop


def test_watch_says_what_is_waited_for(capsys):
    watch = Watch()
    with watch.listening(), watch.doing("compiling"):
        os.kill(os.getpid(), signal.SIGINT)
    assert "stopping as soon as compiling ends" in capsys.readouterr().err


def test_watch_leaves_interrupts_alone_in_other_threads():
    before, inside = signal.getsignal(signal.SIGINT), []

    def elsewhere() -> None:
        with Watch().listening():
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert inside == [before]


def test_learn_that_was_interrupted_is_kept_and_can_continue():
    agent = ppo()
    with pytest.raises(KeyboardInterrupt):
        learn(agent, 1_000, lambda progress: os.kill(os.getpid(), signal.SIGINT))
    assert agent.step == 128
    assert learn(agent, 128).step == 256


def test_device_loop_metrics_are_means_over_the_iterations_that_there_were():
    algorithm = A2C(n_steps=4, learning_rate=0.25, network=Network(hidden_sizes=(), initialization="uniform"))
    loop = DeviceLoop(algorithm, TwoStates(), 2, None)
    run = loop.init(jax.random.key(0))
    for count in (1, 3):  # of a chunk of 3
        run, metrics, _ = loop.step(run, count, 3)
        assert metrics["train/learning_rate"] == 0.25
        assert metrics["train/n_updates"] == 1
