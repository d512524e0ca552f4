"""What is known of a run, as plain values that checks look at: what was asked for, its metrics, and what a probe found.

Everything that was not looked at is None, and a check that needs it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from operant.engine.log import ELAPSED, EVALUATED, RETURN, STEP
from operant.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space

LAST = 0.1  # part of the rows that stands for the end of training
FEW_ROWS = 5  # of metrics, below which nothing is said of time
FLAT = 1e-6  # relative difference below which numbers are the same


@dataclass(frozen=True)
class Setup:
    """What was asked for. Hyperparameters are as `config.json` has them: numbers, text, a schedule as text."""

    algorithm: str
    environment: str
    action_space: Space
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    num_envs: int = 1
    seeds: int = 1
    step: int = 0  # environment steps that were trained for
    total: int | None = None  # that were asked for
    max_episode_steps: int | None = None
    curious: bool = False
    lost: bool = False  # training failed, and took what had been learnt with it

    def number(self, name: str) -> float | None:
        """A hyperparameter that is a number; None where there is none, or it is a schedule."""
        value = self.hyperparameters.get(name)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def is_set(self, name: str) -> bool:
        """Whether a flag is on, or a choice is made that is not "none"."""
        return self.hyperparameters.get(name) not in (None, False, "none", 0, 0.0)

    @property
    def by_gradient(self) -> bool:
        """Whether networks are learnt by a gradient: what is said of scales and of minibatches is of these only."""
        return "network" in self.hyperparameters and "learning_rate" in self.hyperparameters

    @property
    def most_entropy(self) -> float | None:
        """The entropy of the policy that does everything with the same probability, in nats; None for a Box."""
        space = self.action_space
        if isinstance(space, Discrete):
            return float(np.log(space.n))
        if isinstance(space, MultiDiscrete):
            return float(np.sum(np.log(space.nvec)))
        return space.n * float(np.log(2)) if isinstance(space, MultiBinary) else None

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray] | None:
        """`(low, high)`, `[A]` each, of a Box that has all of them; None for other actions."""
        space = self.action_space
        if not (isinstance(space, Box) and space.bounded and space.dtype.startswith("float")):
            return None
        low, high = (bound.ravel() for bound in space.bounds)
        return low, high


@dataclass(frozen=True)
class Course:
    """The rows of metrics: `steps` `[K]`, and columns `[S, K]` of S learners, NaN where there is no number."""

    steps: np.ndarray
    columns: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, rows: Sequence[Mapping[str, Any]], seeds: int = 1) -> Course:
        """Of rows of which a value is a number, or with several seeds `[S]`."""
        steps = np.array([np.max(row[STEP]) for row in rows], np.float64)
        names = dict.fromkeys(name for row in rows for name in row if name != STEP)
        columns = {
            name: np.stack(
                [np.broadcast_to(np.asarray(row.get(name, np.nan), np.float64), (seeds,)) for row in rows], 1
            )
            for name in names
        }
        return cls(steps, columns)

    def get(self, name: str) -> np.ndarray | None:
        """A column `[S, K]`; None where it holds no number."""
        column = self.columns.get(name)
        return None if column is None or not np.isfinite(column).any() else column

    def series(self, name: str) -> tuple[np.ndarray, np.ndarray] | None:
        """`(steps, mean over learners)` of a column, where it has numbers."""
        column = self.get(name)
        if column is None:
            return None
        known = np.isfinite(column).any(0)
        return self.steps[known], np.nanmean(column[:, known], 0)

    def typical(self, name: str, since: float = 0.0, until: float = 1.0) -> float | None:
        """The median of a column over learners and the rows from one part of them to another; None without numbers."""
        column = self.get(name)
        if column is None:
            return None
        count = column.shape[1]
        part = column[:, int(since * count) : max(int(np.ceil(until * count)), 1)]
        part = part[np.isfinite(part)]
        return float(np.median(part)) if len(part) else None


@dataclass(frozen=True)
class Episode:
    """One that ended while somebody looked: rows `start` to `end` of environment `number`."""

    number: int
    start: int
    end: int  # exclusive
    terminated: bool

    @property
    def length(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Played:
    """T steps of N environments by one policy; arrays `[T, N, …]`."""

    observation: (
        np.ndarray | None
    )  # [T, N, D]: numbers of a vector, or the vectors of a Dict; None for all else
    action: np.ndarray  # [T, N, A]
    reward: np.ndarray  # what is learnt from
    raw_reward: np.ndarray  # the environment's own
    terminated: np.ndarray
    truncated: np.ndarray
    value: np.ndarray | None = None  # the return that is expected of each step, in units of `reward`
    longest_open: int = 0  # the most that an episode had lasted which was still under way
    seconds: float = 0.0  # in the environments, all steps together

    @cached_property
    def episodes(self) -> tuple[Episode, ...]:
        """Those that ended, in order of their environments."""
        return tuple(self._episodes())

    def _episodes(self) -> Iterator[Episode]:
        done = self.terminated | self.truncated
        for number in range(done.shape[1]):
            start = 0
            for end in np.flatnonzero(done[:, number]):
                yield Episode(number, start, int(end) + 1, bool(self.terminated[end, number]))
                start = int(end) + 1

    @cached_property
    def first_returns(self) -> np.ndarray | None:
        """The return of each environment's first episode, of its own rewards; None where one has not ended.

        All that ended are not looked at, since short ones are over-represented among them.
        """
        firsts = [episode for episode in self.episodes if episode.start == 0]
        if len(firsts) < self.reward.shape[1]:
            return None
        return np.array([self.raw_reward[e.start : e.end, e.number].sum() for e in firsts])

    def discounted(self, episode: Episode, gamma: float) -> np.ndarray:
        """The discounted return that followed each step of an episode, `[length]`, nothing after its end."""
        rewards, total = self.reward[episode.start : episode.end, episode.number], 0.0
        found = np.zeros(len(rewards))
        for t in range(len(rewards) - 1, -1, -1):
            total = found[t] = rewards[t] + gamma * total
        return found

    @cached_property
    def paid(self) -> np.ndarray:
        """The rewards that are not 0."""
        return self.reward[self.reward != 0]


@dataclass(frozen=True)
class Repeats:
    """What came of the same seed and the same actions, again; and of other seeds, and none."""

    same_observations: bool
    same_rewards: bool
    copies_same: bool = True  # another copy of the environment does the same
    seeds_differ: bool = True  # another seed opens another episode
    unseeded_differ: bool = True  # resets without a seed do
    rewards: tuple[Sequence[float], Sequence[float]] = ((), ())  # of the episode, and of it again
    steps_between: int = 0


@dataclass(frozen=True)
class Layer:
    """The units of one hidden layer over the observations that were seen."""

    function: str  # whose it is: policy, value function, critics
    number: int  # from 1
    units: int
    dormant: float  # the share of units whose mean activation is below a fortieth of the layer's
    dormant_at_start: float = 0.0  # the same before learning
    rank: float | None = None  # effective rank of the last hidden layer
    rank_at_start: float | None = None  # of the network before learning, over the same observations

    @property
    def name(self) -> str:
        return f"{self.function}, layer {self.number}"


@dataclass(frozen=True)
class Target:
    """A target network: whether it has moved since training began, and how far from the online one it is."""

    moved: bool
    online_moved: bool
    distance: float  # ‖θ − θ⁻‖ / ‖θ‖


@dataclass(frozen=True)
class Networks:
    """What a look at the networks found."""

    layers: tuple[Layer, ...] = ()
    target: Target | None = None
    relative_step: float | None = None  # ‖newest step of the optimiser‖ / ‖parameters‖
    growth: float | None = None  # ‖parameters‖ / ‖parameters before learning‖
    first_coverage: np.ndarray | None = None  # [A] share of a Box's width that the untrained policy explores


@dataclass(frozen=True)
class Evidence:
    """All that is known of a run."""

    setup: Setup
    course: Course | None = None
    scores: tuple[float, ...] = ()  # the mean return of each learner in whole episodes, after training
    random_score: float | None = None
    threshold: float | None = None
    random: Played | None = None
    policy: Played | None = None  # the best known actions
    faults: tuple[str, ...] = ()  # what the environment does that cannot be learnt from
    repeats: Repeats | None = None
    reach: float | None = None  # the part of a Box's half-width from which larger actions do the same
    networks: Networks | None = None
    steps_in_python: bool = False  # whether training steps environments there
    left_out: tuple[str, ...] = ()  # what was not looked at, and why

    @property
    def times(self) -> dict[str, float]:
        """Where the time of training went, in seconds, as far as it is known; nothing of a run of a few rows."""
        elapsed = None if self.course is None else self.course.get(ELAPSED)
        if elapsed is None or elapsed.shape[1] < FEW_ROWS or not np.isfinite(elapsed[0]).all():
            return {}
        times, total = np.diff(elapsed[0], prepend=0.0), float(elapsed[0, -1])
        if (times <= 0).any():  # it was resumed
            return {}
        found = {"in all": total, "before the first row": float(max(times[0] - np.median(times[1:]), 0.0))}
        if self.steps_in_python and self.random is not None:
            each = self.random.seconds / self.random.reward.size
            found["in environments, about"] = min(each * self.setup.step * self.setup.seeds, total)
        return found

    @property
    def plays(self) -> tuple[Played, ...]:
        """What was played, the random policy first."""
        return tuple(played for played in (self.random, self.policy) if played is not None)

    @cached_property
    def final(self) -> np.ndarray | None:
        """The mean return of each learner at the end of training, `[S]`; None before an episode has ended."""
        column = None if self.course is None else self.course.get(RETURN)
        if column is None:
            return None
        known = column[:, np.isfinite(column).any(0)]
        return np.nanmean(known[:, -max(1, round(LAST * known.shape[1])) :], 1)

    @cached_property
    def achieved(self) -> float | None:
        """What was reached in the end, the median over learners: the score; else what training or a probe was paid."""
        if self.scores:
            return float(np.median(self.scores))
        if self.policy is not None and self.policy.first_returns is not None:
            return float(self.policy.first_returns.mean())
        return None if self.final is None else float(np.nanmedian(self.final))

    @cached_property
    def chance(self) -> tuple[float, float] | None:
        """`(mean, deviation of an episode)` of the random policy's return; None where it is not known."""
        returns = None if self.random is None else self.random.first_returns
        if returns is not None:
            return float(returns.mean()), float(returns.std())
        return None if self.random_score is None else (self.random_score, 0.1 * abs(self.random_score))

    @cached_property
    def trains_better(self) -> bool | None:
        """Whether the policy that trains, which explores, is paid more than chance at the end of training."""
        if self.final is None or self.chance is None:
            return None
        mean, deviation = self.chance
        return float(np.nanmedian(self.final)) > mean + max(deviation, FLAT * abs(mean))

    @cached_property
    def better_than_random(self) -> bool | None:
        """Whether what was learnt is paid more than chance, by a deviation of its episodes; None where unknown."""
        if self.achieved is None or self.chance is None:
            return None
        mean, deviation = self.chance
        return self.achieved > mean + max(deviation, FLAT * abs(mean))

    @cached_property
    def solved(self) -> bool:
        """Whether the threshold is known and reached."""
        reached = self.achieved
        return self.threshold is not None and reached is not None and reached >= self.threshold

    @cached_property
    def evaluations(self) -> tuple[np.ndarray, np.ndarray] | None:
        """`(steps, mean over learners)` of the evaluations during training."""
        return None if self.course is None else self.course.series(EVALUATED)
