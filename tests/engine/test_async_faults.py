"""Processes of workers' environments that are killed, or stand still: the run goes on, and leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import warnings

import operant
from operant.algorithms.advice import TrainingWarning


def processes() -> set[int]:
    return {process.pid for process in multiprocessing.active_children() if process.pid is not None}


def agent_in_processes(workers: int) -> operant.Agent:
    return operant.IMPALA(
        "CartPole-v1",
        preset=None,
        workers=workers,
        num_envs=1,
        n_steps=8,
        network={"hidden_sizes": (4,)},
        backend="gymnasium",
        vectorization="async",
    )


def test_workers_go_on_when_processes_of_their_environments_are_killed_in_turn():
    before, killed, rows, played = processes(), [], [], [0, 0]
    kills = 4

    def kill(progress):
        rows.append(float(progress.metrics["time/workers"]))
        numbers = [one.number for one in agent.learner.loop._exchange._known]
        if all(now >= then + 3 for now, then in zip(numbers, played, strict=True)):  # both play again
            if len(killed) == kills:
                return False
            killed.append(sorted(processes() - before)[len(killed) % 2])
            os.kill(killed[-1], signal.SIGKILL)
            played[:] = numbers
        return True

    with warnings.catch_warnings(record=True) as caught, agent_in_processes(2) as agent:
        warnings.simplefilter("always")
        agent.learn(200_000, callback=kill, log_interval=64, progress_bar=False)
        assert agent.step == agent.history[-1]["time/iterations"] * 8  # no rollout was lost or counted twice
        assert agent.step < 200_000
    said = [str(each.message) for each in caught if each.category is TrainingWarning]
    assert len(killed) == kills
    assert len(said) == kills
    assert all("signal 9." in line and "Its environments are made anew." in line for line in said)
    assert set(rows) == {2}
    assert processes() == before


def test_workers_do_not_wait_for_a_process_that_stands_still():
    before, stopped = processes(), []

    def stop(progress):
        if not stopped:
            stopped.append(min(processes() - before))
            os.kill(stopped[0], signal.SIGSTOP)
        return True

    with agent_in_processes(2) as agent:
        try:
            agent.learn(1_000, callback=stop, log_interval=64, progress_bar=False)
            assert agent.history[-1]["time/workers"] == 2
        finally:
            os.kill(stopped[0], signal.SIGCONT)
        assert agent.step >= 1_000
    deadline = time.monotonic() + 10
    while processes() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert processes() == before
