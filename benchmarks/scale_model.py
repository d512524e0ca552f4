"""Workers, a queue and a learner: how many steps a second, in closed form and by simulation.

W workers, threads of one process, step an environment each. A step takes `environment` seconds there, in which the
process does something else, and `step` seconds of the process: the policy's call, and Python. Experience comes in
rollouts of T steps; learning from one takes `update` + T·`sample` seconds, of the same process.
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

    step: float  # of the process for each step
    update: float  # of learning from a rollout, however long
    sample: float  # of learning, for each of its steps

    def learning(self, steps: int) -> float:
        """From a rollout of this many steps."""
        return self.update + self.sample * steps


def played(costs: Costs, workers: int, environment: float) -> float:
    """Steps a second that workers give whom nobody keeps waiting: W / (e + s)."""
    return workers / (environment + costs.step)


def processed(costs: Costs, steps: int) -> float:
    """Steps a second that one process has time for, which acts and learns: 1 / (s + u / T + l)."""
    return 1 / (costs.step + costs.learning(steps) / steps)


def rate(costs: Costs, workers: int, environment: float, steps: int) -> float:
    """Steps a second: the lesser of both."""
    return min(played(costs, workers, environment), processed(costs, steps))


def saturation(costs: Costs, environment: float, steps: int) -> float:
    """How many workers keep the process busy, of whom more bring nothing."""
    return processed(costs, steps) * (environment + costs.step)


def bound(costs: Costs, workers: int, environment: float, steps: int) -> str:
    """What keeps `rate` from more: the environments, acting or learning."""
    if played(costs, workers, environment) <= processed(costs, steps):
        return "environments"
    return "acting" if costs.step > costs.learning(steps) / steps else "learning"


def fitted(sizes: Sequence[float], seconds: Sequence[float]) -> tuple[float, float]:
    """The constant and the slope of a straight line of least squares; none below 0."""
    design = np.stack([np.ones(len(sizes)), np.asarray(sizes, float)], 1)
    constant, slope = np.linalg.lstsq(design, np.asarray(seconds, float), rcond=None)[0]
    return max(float(constant), 0.0), max(float(slope), 0.0)


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
    it waits while that is full; a learner takes one after another, `learning` seconds each. Where `queue` is 0 it takes
    them from the workers, who then play on, as those of operant do.
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
            if held and len(line) < queue + (
                idle and not line
            ):  # what the learner takes at once needs no room
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
