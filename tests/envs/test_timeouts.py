"""Environments that hang or end: they are named, in one process and in many, and nothing stays behind."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import sys
import threading
import time
from functools import partial

import gymnasium as gym
import jax
import numpy as np
import pytest
from gymnasium import spaces as gs
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

import operant
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.run_directory import RunDirectory
from operant.envs import timeouts
from operant.envs.gymnasium import make
from operant.envs.gymnasium_checks import EnvironmentFault
from operant.envs.source import Source
from operant.envs.timeouts import Late, TimedEnvironment, Timeout, when_stuck

KEY = jax.random.key(0)


def loop():
    while True:
        pass


def swallow():
    while True:
        with contextlib.suppress(Exception):
            time.sleep(0.01)


def wait():
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


class Unsendable(Exception):
    """Cannot be made anew from itself, so that Gymnasium cannot send it."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def unsendable():
    raise Unsendable("planted", "more")


FAULTS = {
    "loop": loop,
    "swallow": swallow,
    "wait": wait,
    "sleep": partial(time.sleep, 100),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "segmentation fault": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "exits": lambda: os._exit(3),
    "exits as if all were well": lambda: os._exit(0),
    "sys.exit": lambda: sys.exit(4),
    "unsendable": unsendable,
    "stuck": lambda: hashlib.pbkdf2_hmac("sha256", b"", b"", 1_500_000),  # about a second in C
}


class Hangs(gym.Env):
    """Does something bad at its `at`-th step, or at the reset after it; its episodes end at every third step."""

    observation_space, action_space = gs.Box(-1, 1, (2,)), gs.Discrete(2)

    def __init__(self, fault="", when="step", at=3):
        self.fault, self.when, self.at, self.t = fault, when, at, 0

    def reset(self, *, seed=None, options=None):
        if self.fault and self.when == "reset" and self.t == self.at:
            FAULTS[self.fault]()
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.t += 1
        if self.fault and self.when == "step" and self.t == self.at:
            FAULTS[self.fault]()
        return np.zeros(2, np.float32), 1.0, self.t % 3 == 0, False, {}


def makers(*fault):
    return [Hangs, partial(Hangs, *fault)]


def play(environments, steps=6):
    try:
        environments.reset(KEY)
        for _ in range(steps):
            environments.step(np.zeros(2, np.int32))
    finally:
        environments.close()


@pytest.mark.parametrize("when", ["step", "reset"])
@pytest.mark.parametrize("fault", ["loop", "swallow", "wait", "sleep"])
def test_timeout_breaks_off_what_takes_too_long(fault, when):
    place = "step 3: step" if when == "step" else "reset after step 3: reset"
    message = rf"^Hangs, copy 1, {place}\(\) takes longer than env_timeout=0.1 s.*--env-timeout"
    with pytest.raises(EnvironmentFault, match=message):
        play(make(makers(fault, when), 2, env_timeout=0.1))


def test_timeout_breaks_off_in_another_thread_too():
    caught = []

    def train():
        try:
            play(make(makers("loop"), 2, env_timeout=0.1))
        except EnvironmentFault as error:
            caught.append(str(error))

    thread = threading.Thread(target=train)
    thread.start()
    thread.join(30)
    assert caught[0].startswith("Hangs, copy 1, step 3: step() takes longer")


@pytest.mark.parametrize("mode", [AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP])
def test_timeout_breaks_off_in_a_vector_environment_of_the_users(mode):
    envs = SyncVectorEnv(makers("loop"), autoreset_mode=mode)
    with pytest.raises(EnvironmentFault, match=r"^Hangs, copy 1, step 3: step\(\) takes longer"):
        play(make(envs, env_timeout=0.1))


def test_timeout_breaks_off_the_first_reset_too():
    with pytest.raises(EnvironmentFault, match=r"^Hangs, copy 0, reset: reset\(\) takes longer"):
        operant.Random(partial(Hangs, "loop", "reset", 0), env_timeout=0.1)


PLAYS = {
    "evaluate": lambda source: operant.Random(source).evaluate(1, deterministic=False),
    "by hand": lambda source: operant.ScriptedPolicy(lambda seen: 0, source).evaluate(1),
}


@pytest.mark.parametrize("way", PLAYS)
def test_timeout_stops_scoring_too(way):
    with pytest.raises(EnvironmentFault, match=r"^Hangs, copy \d, step 3: step\(\) takes longer"):
        PLAYS[way](Source(partial(Hangs, "loop"), env_timeout=0.1))


def test_timeout_leaves_alone_what_is_in_time():
    """Also the code after it, however late the thread that looks at the clock may be."""
    limit = Timeout(0.02)
    for _ in range(20):
        with contextlib.suppress(Late):
            limit.call(time.sleep, 0.0195)
        time.sleep(0.001)
    environments = make(Hangs, 2, env_timeout=60)
    play(environments)
    assert isinstance(environments.envs[0], TimedEnvironment)
    assert not isinstance(make(Hangs, 2).envs[0], TimedEnvironment)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "5", True])
def test_timeout_refuses_numbers_of_seconds_that_are_none(seconds):
    with pytest.raises(ValueError, match=r"env_timeout=.*must be a number of seconds above 0"):
        operant.Random(Hangs, env_timeout=seconds)


def test_when_stuck_says_what_python_cannot_break_off(monkeypatch, capfd):
    monkeypatch.setattr(timeouts, "GRACE", 0.05)
    done = []
    with (
        when_stuck(lambda: done.append("outer")),
        when_stuck(lambda: done.append("inner")),
        pytest.raises(EnvironmentFault, match=r"step 3: step\(\) takes longer"),
    ):
        play(make(makers("stuck"), 2, env_timeout=0.05))
    assert done == ["inner", "outer"]
    assert "step() of Hangs has taken" in capfd.readouterr().err


def test_when_stuck_training_keeps_a_checkpoint(monkeypatch, tmp_path):
    monkeypatch.setattr(timeouts, "GRACE", 0.05)
    kept = []
    agent = operant.QLearning(partial(Tabular, "stuck", "step", 7), env_timeout=0.05)
    checkpoints = RunDirectory(tmp_path / "run").checkpoints
    before = timeouts.stuck
    monkeypatch.setattr(
        timeouts, "stuck", lambda *told: (before(*told), kept.append(latest_checkpoint(checkpoints)))
    )
    with pytest.raises(EnvironmentFault, match="step 7"):
        agent.learn(100, progress_bar=False, run_dir=tmp_path / "run")
    assert kept[0].name == "6"


class Tabular(Hangs):
    observation_space = gs.Discrete(2)

    def reset(self, **kwargs):
        return 0, super().reset(**kwargs)[1]

    def step(self, action):
        return 0, *super().step(action)[1:]


# processes


def test_environment_fault_names_processes_that_end_as_if_all_were_well():
    """Those that are killed: tests/reliability."""
    message = r"^Hangs, copy 1, step 3: the process of environment 1 ended: exit status 0\."
    with pytest.raises(EnvironmentFault, match=message):
        play(make(makers("exits as if all were well"), 2, vectorization="async"))


def test_timeout_names_and_ends_processes_that_hang():
    environments = make(makers("loop", "reset"), 2, vectorization="async", env_timeout=0.3)
    processes = environments.envs.processes
    with pytest.raises(
        EnvironmentFault, match=r"^Hangs, copy 1, step 3: step\(\) takes longer than env_timeout=0.3"
    ):
        play(environments)
    assert not any(process.is_alive() for process in processes)


def test_environment_fault_names_a_process_that_is_killed_while_another_hangs():
    began = time.monotonic()
    with pytest.raises(
        EnvironmentFault, match="copy 1, step 3: the process of environment 1 ended: signal 9"
    ):
        play(make([partial(Hangs, "sleep"), partial(Hangs, "killed")], 2, vectorization="async"))
    assert time.monotonic() - began < 60  # it sleeps for 100


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_make_async_tells_an_error_that_cannot_be_sent():
    with pytest.raises(RuntimeError, match="Unsendable: planted and more") as caught:
        play(make(makers("unsendable", "reset"), 2, vectorization="async"))
    assert caught.value.__notes__ == ["operant: Hangs, copy 1, reset after step 3: reset() raised this."]


def test_environment_fault_of_sys_exit_is_the_environments():
    with pytest.raises(
        EnvironmentFault, match=r"copy 1, step 3: step\(\) ends the process, with sys.exit\(4\)"
    ):
        play(make(makers("sys.exit"), 2))


def test_learn_after_a_process_was_killed_makes_new_ones():
    with operant.Random(Hangs, num_envs=2, vectorization="async") as agent:
        agent.learner.environments.envs.processes[0].kill()
        with pytest.raises(EnvironmentFault, match="environment 0 ended: signal 9"):
            agent.get_attr("at")
        assert agent.learn(8, progress_bar=False).step == 8


def test_source_refuses_processes_of_the_users_that_have_ended():
    envs = AsyncVectorEnv([Hangs] * 2, context="forkserver", autoreset_mode=AutoresetMode.SAME_STEP)
    agent = operant.Random(envs)
    envs.processes[0].kill()
    with pytest.raises(EnvironmentFault, match="environment 0 ended: signal 9"):
        agent.learn(8, progress_bar=False)
    with pytest.raises(ValueError, match="processes of this AsyncVectorEnv have ended"):
        agent.learn(8, progress_bar=False)
    envs.close()


# where it is kept


def test_env_timeout_is_kept_in_a_file_and_can_be_replaced(tmp_path):
    agent = operant.Random("MountainCar-v0", backend="gymnasium", env_timeout=7)
    agent.save(tmp_path / "model.safetensors")
    assert operant.load(tmp_path / "model.safetensors").source.env_timeout == 7
    assert operant.load(tmp_path / "model.safetensors", env_timeout=9.5).source.env_timeout == 9.5
    agent.learn(8, progress_bar=False, run_dir=tmp_path / "run")
    assert operant.Agent.restore(tmp_path / "run").source.env_timeout == 7
    assert operant.Agent.restore(tmp_path / "run", env_timeout=9.5).source.env_timeout == 9.5
    agent.set_env(lambda: gym.make("MountainCar-v0"))
    assert agent.source.env_timeout == 7
