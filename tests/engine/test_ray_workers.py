"""Workers in processes of Ray's: the numbers of threads, and runs that survive whatever happens to a process."""

from __future__ import annotations

import json
import os
import signal
import time
import warnings

import gymnasium as gym
import numpy as np
import pytest
from test_ahead import assert_the_same

import operant
from operant import cluster
from operant.algorithms.advice import TrainingWarning

pytest.importorskip("ray")

SMALL = {"hidden_sizes": (4,)}
LEARNERS = {
    "impala": {"normalize_rewards": True},
    "appo": {"batch_size": 16},
    "ppo": {"batch_size": 8, "n_epochs": 2, "normalize_observations": True},
    "pqn": {"batch_size": 16, "network": {**SMALL, "memory": "gru", "memory_size": 4}},
    "a3c": {},
}


@pytest.fixture(scope="module", autouse=True)
def _on_ray():
    """Ray, which the agents of all tests share."""
    share = cluster.Share(None, 3)
    yield
    share.close()


def made(name="impala", env="CartPole-v1", **values) -> operant.Agent:
    usual = {"preset": None, "num_envs": 2, "n_steps": 8, "network": SMALL, "backend": "gymnasium"}
    return operant.make(name, env, **usual | LEARNERS[name] | values)


def crew(agent):
    return agent.learner.loop.actors.each[0]._crew


def pids(agent) -> list[int]:
    return [json.loads(p.answer(p.at_once("ping")))["pid"] for p in crew(agent).processes]


def numbers(agent) -> list[int]:
    return [one.number for one in agent.learner.loop._exchange._known]


def trained(steps=256, **values) -> operant.Agent:
    with made(**values) as agent:
        return agent.learn(steps, log_interval=64, progress_bar=False)


@pytest.mark.parametrize(
    ("name", "backend", "workers", "lag"),
    [
        ("impala", "gymnasium", 1, 0),
        ("ppo", "gymnasium", 2, 1),
        ("pqn", "gymnasium", 2, 2),
        ("a3c", "native", 2, 1),
        pytest.param("appo", "gymnasium", 1, 0, marks=pytest.mark.full),
        pytest.param("ppo", "gymnasium", 1, 0, marks=pytest.mark.full),
        pytest.param("pqn", "gymnasium", 1, 0, marks=pytest.mark.full),
        pytest.param("a3c", "gymnasium", 1, 0, marks=pytest.mark.full),
        pytest.param("impala", "native", 2, 1, marks=pytest.mark.full),
        pytest.param("pqn", "native", 1, 0, marks=pytest.mark.full),
    ],
)
def test_ray_workers_learn_what_threads_learn_to_the_last_bit(name, backend, workers, lag):
    values = {"name": name, "backend": backend, "workers": workers, "fixed_lag": lag}
    threads, processes = (trained(**values, worker_type=kind) for kind in ("thread", "ray"))
    assert_the_same(threads.learner.run, processes.learner.run)
    assert threads.history[-1]["time/policy_lag"] == processes.history[-1]["time/policy_lag"]


def test_ray_workers_go_on_when_each_is_killed_in_turn():
    survives(4)


@pytest.mark.full
def test_ray_workers_survive_many_kills():
    survives(12)


def survives(kills: int) -> None:
    """Two workers, which are killed in turn, each as soon as both have played on after the last kill."""
    killed, rows, played = [], [], [0, 0]

    def kill(progress):
        rows.append(float(progress.metrics["time/workers"]))
        if all(now >= then + 3 for now, then in zip(numbers(agent), played, strict=True)):
            if len(killed) == kills:
                return False
            killed.append(pids(agent)[len(killed) % 2])
            os.kill(killed[-1], signal.SIGKILL)
            played[:] = numbers(agent)
        return True

    with warnings.catch_warnings(record=True) as caught, made(workers=2, worker_type="ray") as agent:
        warnings.simplefilter("always")
        agent.learn(10_000_000, callback=kill, log_interval=64, progress_bar=False)
        assert agent.step == agent.history[-1]["time/iterations"] * 16  # no rollout was lost or counted twice
    said = [str(each.message) for each in caught if each.category is TrainingWarning]
    assert len(killed) == kills
    assert len(set(killed)) == kills
    assert len(said) == kills
    for line, pid in zip(said, killed, strict=True):
        assert f"its process {pid} on " in line
        assert line.endswith("has ended. Its environments are made anew.")
    assert set(rows) == {2}


def test_ray_workers_that_stand_still_hold_nobody_up_and_are_made_anew(monkeypatch):
    monkeypatch.setattr("operant.cluster.process.SILENCE", 2.0)
    stopped, played = [], []

    def stop(progress):
        if not stopped:
            stopped.append(pids(agent)[0])
            os.kill(stopped[0], signal.SIGSTOP)
            played[:] = numbers(agent)
        return numbers(agent)[0] < played[0] + 4 or numbers(agent)[1] < played[1] + 4

    with warnings.catch_warnings(record=True) as caught, made(workers=2, worker_type="ray") as agent:
        warnings.simplefilter("always")
        agent.learn(10_000_000, callback=stop, log_interval=64, progress_bar=False)
        assert agent.history[-1]["time/workers"] == 2
        assert stopped[0] not in pids(agent)
    (said,) = [str(each.message) for each in caught if each.category is TrainingWarning]
    assert f"its process {stopped[0]} on 127.0.0.1 has given no sign of life for 2 s." in said
    assert gone(stopped)


def test_ray_workers_whose_environment_always_fails_are_left_out_after_three_failures(tmp_path):
    """All but the first process to make one fail: after some steps, and, made anew, at once."""

    failed = tmp_path / "failed"

    def environment():
        class Failing(gym.Wrapper):
            taken = 0

            def step(self, action):
                self.taken += 1
                if not self.first and (self.taken > 20 or failed.exists()):
                    failed.touch()
                    raise KeyError("always")
                return self.env.step(action)

        env = Failing(gym.make("CartPole-v1"))
        owner = tmp_path / "first"
        try:
            with owner.open("x") as file:
                file.write(str(os.getpid()))
        except FileExistsError:
            pass
        env.first = owner.read_text() == str(os.getpid())
        return env

    (tmp_path / "first").write_text(str(os.getpid()))  # the one that is only looked at here is not it
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with made(env=environment, num_envs=1, workers=2, worker_type="ray") as agent:
            (tmp_path / "first").unlink()
            agent.learn(
                10_000_000,
                callback=lambda progress: progress.metrics["time/workers"] == 2,
                log_interval=64,
                progress_bar=False,
            )
            assert agent.step == agent.history[-1]["time/iterations"] * 8
    said = [str(each.message) for each in caught if each.category is TrainingWarning]
    assert len(said) == 2, said
    assert said[0].endswith("KeyError: 'always' Its environments are made anew.")
    assert said[1].endswith("KeyError: 'always' It is left out after 3 failures in a row; 1 go on.")


def test_ray_workers_environment_is_called_by_name_and_its_last_infos_are_reported():
    def environment():
        class Told(gym.Wrapper):
            level = 1

            def step(self, action):
                *answer, info = self.env.step(action)
                return *answer, {**info, "level": np.float32(self.level), "other": object()}

        return Told(gym.make("CartPole-v1"))

    with made(env=environment, workers=2, worker_type="ray") as agent:
        agent.learn(256, log_interval=128, progress_bar=False, info_keywords="level")
        assert agent.history[-1]["rollout/level"] == 1
        assert agent.get_attr("level") == [1] * 4
        agent.set_attr("level", 3)
        assert agent.get_attr("level") == [3] * 4
        agent.learn(256, log_interval=256, progress_bar=False, info_keywords="level")
        assert agent.history[-1]["rollout/level"] > 1


def test_ray_workers_go_on_with_other_hyperparameters_and_after_a_stop(tmp_path):
    with made(workers=2, worker_type="ray", fixed_lag=1) as agent:
        agent.learn(128, log_interval=64, progress_bar=False)
        before = pids(agent)
        agent.learning_rate = 1e-3
        agent.learn(128, log_interval=64, progress_bar=False)
        assert pids(agent) == before
        agent.learn(10**6, log_interval=64, progress_bar=False, callback=lambda progress: progress.step < 512)
        step = agent.step
        agent.save(tmp_path / "model.safetensors")
    loaded = operant.load(tmp_path / "model.safetensors")
    assert loaded.learner.workers == agent.learner.workers
    assert loaded.step == step
    assert "2 workers on Ray in turns, lag 1" in loaded.title


def test_ray_workers_are_resumed_from_a_checkpoint_to_the_last_bit(tmp_path):
    values = {"backend": "native", "workers": 2, "fixed_lag": 1, "worker_type": "ray"}
    options = {"log_interval": 64, "progress_bar": False}

    def learnt(path, **more):
        with made(**values) as agent:
            return agent.learn(512, run_dir=tmp_path / path, checkpoint_every=64, **options | more)

    class Crash(Exception):
        pass

    def crash(progress):
        if progress.step >= 256:
            raise Crash

    whole = learnt("whole")
    with pytest.raises(Crash):
        learnt("cut", callback=crash)
    resumed = operant.resume(tmp_path / "cut", progress_bar=False)
    resumed.close()
    assert resumed.learner.workers.kind == "ray"
    assert_the_same(whole.learner.run, resumed.learner.run)


def gone(processes) -> bool:
    deadline = time.monotonic() + 15
    while any(running(pid) for pid in processes) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(running(pid) for pid in processes)


def running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
