"""Actors, a queue and a learner: how many steps a second, in closed form and by simulation.

W workers step one environment each. A step takes `environment` seconds there, and `step` + `worker`·W seconds of the
process that acts and hands messages over. Experience comes in rollouts of T steps; learning from one takes
`update` + `sample` seconds for each of its samples.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Costs:
    """Seconds, as they were measured on one machine."""

    step: float  # of a step, whatever the number of workers: one call of the policy
    worker: float  # of a step, for each worker: a message there and one back
    update: float  # of learning from a rollout, whatever its size
    sample: float  # of learning, for each sample


def lockstep(costs: Costs, workers: int, environment: float, steps: int, *, overlapped: bool) -> float:
    """Steps a second where all workers wait for each other at every step, and `overlapped`: while something is learnt.

    T·W / (T·(e + s + w·W) + L), or T·W over the longer of the two.
    """
    collecting = steps * (environment + costs.step + costs.worker * workers)
    learning = costs.update + costs.sample * steps * workers
    return steps * workers / (max(collecting, learning) if overlapped else collecting + learning)


def apart(costs: Costs, workers: int, environment: float, steps: int) -> float:
    """Steps a second where each worker acts by itself and a queue takes its rollouts: the least of three.

    What the workers play, W / (e + s); what one process can take from the queue, 1 / w for each step, or T of them in
    one message; and what can be learnt, T / (u + l·T).
    """
    played = workers / (environment + costs.step)
    taken = steps / costs.worker
    learnt = steps / (costs.update + costs.sample * steps)
    return min(played, taken, learnt)


def bound(costs: Costs, workers: int, environment: float, steps: int) -> str:
    """What keeps `apart` from more: the environments, the queue or the learner."""
    limits = {
        "environments": workers / (environment + costs.step),
        "queue": steps / costs.worker,
        "learner": steps / (costs.update + costs.sample * steps),
    }
    return min(limits, key=lambda name: limits[name])


def fitted(
    workers: Sequence[int], seconds_per_step: Sequence[float], environment: float
) -> tuple[float, float]:
    """`(step, worker)` of the least squares of what a step of all workers took beyond its environment; none below 0."""
    design = np.stack([np.ones(len(workers)), np.asarray(workers, float)], 1)
    beyond = np.asarray(seconds_per_step) - environment
    step, worker = np.linalg.lstsq(design, beyond, rcond=None)[0]
    return max(float(step), 0.0), max(float(worker), 0.0)


@dataclass(frozen=True)
class Simulated:
    """What a simulation saw after its first tenth."""

    steps_per_second: float
    lag: float  # updates between the beginning of a rollout and learning from it, on average
    busy: float  # the learner's share of the time


def durations(random: np.random.Generator, mean: float, variation: float, *shape: int) -> np.ndarray:
    """Lognormal times of this mean and coefficient of variation."""
    sigma = math.sqrt(math.log1p(variation**2))
    return random.lognormal(math.log(mean) - sigma**2 / 2, sigma, shape)


def simulate_lockstep(
    workers: int,
    environment: float,
    steps: int,
    learning: float,
    *,
    variation: float = 0.0,
    rollouts: int = 50,
    seed: int = 0,
) -> Simulated:
    """All wait for the slowest at every step, and for the learner, which takes `learning` seconds for all of them."""
    random = np.random.default_rng(seed)
    played = [
        float(durations(random, environment, variation, steps, workers).max(1).sum()) for _ in range(rollouts)
    ]
    lasted = float(np.mean(played)) + learning
    return Simulated(steps * workers / lasted, 0.0, learning / lasted)


def simulate(
    workers: int,
    environment: float,
    steps: int,
    learning: float,
    queue: int,
    *,
    variation: float = 0.0,
    rollouts: int = 3_000,
    seed: int = 0,
) -> Simulated:
    """Each worker plays by itself and puts its rollouts of `steps` steps into a queue of at most `queue`, before which
    it waits while that is full; a learner takes one after another, `learning` seconds each.
    """
    random = np.random.default_rng(seed)
    events: list[tuple[float, int]] = []  # when a worker, or the learner (−1), is done
    began = [0] * workers  # the learner's version when each worker began its rollout
    line: deque[int] = deque()  # the queue: those versions
    held: deque[int] = deque()  # workers that wait before it
    version, idle = 0, True
    ends, lags = [], []

    def play(worker: int, now: float) -> None:
        began[worker] = version
        lasts = float(durations(random, environment, variation, steps).sum())
        heapq.heappush(events, (now + lasts, worker))

    for worker in range(workers):
        play(worker, 0.0)
    while len(ends) < rollouts:
        now, who = heapq.heappop(events)
        if who < 0:
            version, idle = version + 1, True
            ends.append(now)
        else:
            held.append(who)
        while True:  # whoever can go on does
            if held and len(line) < queue:
                worker = held.popleft()
                line.append(began[worker])
                play(worker, now)
            elif idle and line:
                lags.append(version - line.popleft())
                heapq.heappush(events, (now + learning, -1))
                idle = False
            else:
                break
    first = len(ends) // 10
    lasted, learnt = ends[-1] - ends[first], len(ends) - 1 - first
    return Simulated(learnt * steps / lasted, float(np.mean(lags[first:])), learnt * learning / lasted)
