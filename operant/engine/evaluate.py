"""Scoring a policy: whole episodes on the environment itself, each with a seed of its own."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

from operant import decimals, html
from operant.engine.watch import Stopped, Watch
from operant.envs.atari.game import protocol_of
from operant.envs.goals import SUCCESS
from operant.envs.gymnasium_checks import Checks
from operant.envs.gymnasium_layers import MASK, time_limit
from operant.envs.gymnasium_spaces import action_to_gym, split_actions
from operant.envs.view import EnvironmentView
from operant.ops.intervals import iqm, mean_interval
from operant.types import PyTree

Policy = Callable[[PyTree, PyTree, PyTree, np.ndarray, int], tuple[PyTree, PyTree]]
"""`(observation, action mask, carry, new episode [M], t) → (action, carry)` over a batch of M environments."""


LONGEST = 30_000  # steps of an episode that nothing else ends: a policy may walk in circles for ever


@dataclass(frozen=True, repr=False)
class Evaluation:
    """What a policy achieved; `returns` are raw sums of reward, `lengths` in steps, both in the order of the seeds."""

    environment: str
    returns: np.ndarray
    lengths: np.ndarray
    seed: int  # episode i was reset with seed + i
    random: Evaluation | None = None  # the random policy's score in the same episodes, where it was asked for
    cut: int = 0  # episodes that nothing had ended after `LONGEST` steps, and that were ended there
    successes: np.ndarray | None = (
        None  # which episodes succeeded, where infos say so at their end (`is_success`)
    )
    protocol: str | None = (
        None  # how episodes were played, where scores depend on it: of Atari games, with random actions
    )

    @property
    def success_rate(self) -> float | None:
        """The share of episodes that succeeded, from 0 to 1; None where the environment does not say."""
        return None if self.successes is None else float(self.successes.mean())

    @property
    def mean(self) -> float:
        return float(self.returns.mean())

    @property
    def median(self) -> float:
        return float(np.median(self.returns))

    @property
    def iqm(self) -> float:
        """The interquartile mean of the returns."""
        return float(iqm(self.returns))

    @property
    def interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the mean; NaN after a single episode."""
        _, low, high = mean_interval(self.returns)
        return float(low), float(high)

    def __str__(self) -> str:
        random = "" if self.random is None else f" (random policy: {decimals.score(self.random.mean)})"
        cut = f", of which {self.cut} {'was' if self.cut == 1 else 'were'} cut off after {LONGEST:,} steps"
        return f"{self._score()} over {self._sample()}{cut if self.cut else ''}{random}"

    def __repr__(self) -> str:
        return f"<Evaluation: {self}>"

    def _score(self) -> str:
        return decimals.score(self.mean, None if len(self.returns) == 1 else self.interval)

    def _sample(self) -> str:
        protocol = "" if self.protocol is None else f" ({self.protocol})"
        return f"{len(self.returns)} episode{'s' * (len(self.returns) != 1)} of {self.environment}{protocol}"

    def __iter__(
        self,
    ) -> Iterator[Evaluation]:  # the type is that of several seeds' scores, which this may stand for
        raise TypeError(
            "An Evaluation is one object, not a pair: it has .mean, .interval, .returns and .lengths, and "
            "evaluation.returns.std() is the deviation of its episodes. Of several seeds there is one for each."
        )

    def strip(self) -> tuple[list[float], float, tuple[float, float] | None]:
        """`(returns, mean, interval)`, as `html.strip` draws them."""
        return self.returns.tolist(), self.mean, None if len(self.returns) == 1 else self.interval

    def _repr_html_(self) -> str:
        rows = {"returns": self.strip()} | (
            {} if self.random is None else {"random policy": self.random.strip()}
        )
        return html.face(f"mean return {self._score()}", f"over {self._sample()}", html.strip(rows))

    def to_json(self) -> dict[str, Any]:
        values = {
            "environment": self.environment,
            "returns": self.returns.tolist(),
            "lengths": self.lengths.tolist(),
            "seed": self.seed,
            "mean": self.mean,
            "interval": None if len(self.returns) == 1 else list(self.interval),
            "episodes": len(self.returns),
        }
        values |= {"cut": self.cut} if self.cut else {}
        values |= {} if self.protocol is None else {"protocol": self.protocol}
        if self.successes is not None:
            values["successes"] = self.successes.tolist()
        return values if self.random is None else values | {"random": self.random.to_json()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Evaluation:
        """What `to_json` gave."""
        random = values.get("random")
        return cls(
            values["environment"],
            np.array(values["returns"], np.float64),
            np.array(values["lengths"], np.int64),
            values["seed"],
            None if random is None else cls.from_json(random),
            values.get("cut", 0),
            np.array(values["successes"], bool) if "successes" in values else None,
            values.get("protocol"),
        )


def evaluate(
    policy: Policy,
    make: Callable[[], gym.Env],
    *,
    episodes: int,
    seed: int,
    slots: int,
    close: bool = True,
    watch: Watch | None = None,
) -> Evaluation:
    """Run `episodes` whole episodes in up to `slots` environments side by side; episode i is reset with `seed + i`.

    Every episode that is begun is counted, so that short ones are not over-represented. One without a time limit that
    is not over after 30,000 steps is ended here. `close` says whether the environments are ours to close.

    Raises Stopped where `watch` says stop.
    """
    envs: list[gym.Env] = []
    try:
        for _ in range(min(slots, episodes)):
            envs.append(make())
        return _evaluate(policy, envs, episodes, seed, watch)
    finally:
        for env in envs if close else ():
            env.close()


def _evaluate(
    policy: Policy, envs: list[gym.Env], episodes: int, seed: int, watch: Watch | None
) -> Evaluation:
    """The same in these environments."""
    name, space, limit = EnvironmentView(envs[0]).id, envs[0].action_space, time_limit(envs[0]) or LONGEST
    checks = Checks(name, envs[0].observation_space, space, len(envs))
    returns, lengths, cut = np.zeros(episodes), np.zeros(episodes, np.int64), 0
    succeeded: list[Any] = [None] * episodes
    number = list(range(len(envs)))  # the episode that each environment is playing
    unplayed = iter(range(len(envs), episodes))
    observations, infos = map(
        list, zip(*(checks.begin(env, i, seed=seed + i) for i, env in enumerate(envs)), strict=True)
    )
    mask = checks.masks(infos) if MASK in infos[0] else None
    playing, fresh, carry, t = list(range(len(envs))), np.ones(len(envs), bool), None, 0
    while playing:
        seen = checks.observations(observations)
        if mask is not None:  # what has ended may have none any more, and nobody acts there
            mask[playing] = checks.masks([infos[i] for i in playing], playing)
        action, carry = policy(seen, mask, carry, fresh, t)
        actions = split_actions(space, action_to_gym(space, action), len(envs))
        fresh = np.zeros(len(envs), bool)
        checks.taken += 1
        answers = []
        for i in playing:
            if watch is not None and watch.stop:
                raise Stopped
            answers.append(checks.step(envs[i], actions[i], i))
        for i, (observation, reward, _, _, info, over) in zip(tuple(playing), answers, strict=True):
            observations[i], infos[i] = observation, info
            returns[number[i]] += reward
            lengths[number[i]] += 1
            if over or lengths[number[i]] >= limit:
                cut += not over
                succeeded[number[i]] = info.get(SUCCESS)
                number[i] = next(unplayed, -1)
                if number[i] < 0:
                    playing.remove(i)  # its last observation stays in the batch, whose size is compiled
                else:
                    observations[i], infos[i] = checks.begin(envs[i], i, seed=seed + number[i])
                    fresh[i] = True
        t += 1
    warn_of_cut(cut, episodes, name)
    successes = None if None in succeeded else np.array(succeeded, bool)
    protocol = protocol_of(envs[0])
    return Evaluation(name, returns, lengths, seed, cut=cut, successes=successes, protocol=protocol)


def warn_of_cut(cut: int, episodes: int, name: str) -> None:
    """Say that this number of an environment's episodes, if any, were ended after `LONGEST` steps."""
    if cut:
        warnings.warn(
            f"{cut} of {episodes} episodes of {name} were not over after {LONGEST:,} steps and were cut off there, "
            "so that their returns are not whole. A time limit ends them: wrappers='time-limit:1000'.",
            stacklevel=4,
        )
