"""`operant.check(env)`: faults of an environment, and advice that makes it easier to learn in."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils.env_checker import check_env, data_equivalence

from operant.envs.base import Environment
from operant.envs.checked_play import Episode, Findings, play
from operant.envs.gymnasium_checks import LOOK_CLOSER
from operant.envs.running_statistics import ADVICE
from operant.envs.source import Source
from operant.envs.wrappers.registry import Written, as_wrappers

# What Gymnasium's own checker says and is said here in other words, or is no fault where environments are learnt in.
SAID = re.compile(
    r"different from the unwrapped|render modes|minimum value is -infinity|maximum value is infinity|symmetric and norm"
)
HARMLESS = re.compile(r"random number generator|share an object|_np_random|np_random")
WIDE = 10.0  # bounds of actions beyond which a policy that begins with small actions explores little
LARGE, DARK = 100.0, 1e-3  # of observations, and of rewards
SLOW = 0.01  # seconds a step


@dataclass(frozen=True)
class Report:
    """What `operant.check` found."""

    environment: str
    errors: tuple[str, ...]  # training would fail, or learn from what is not so
    advice: tuple[str, ...]  # training works, and may work better
    episodes: int = 0
    steps: int = 0
    kinds: tuple[str, ...] = ()  # of the errors, a word each

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; there may be advice."""
        return not self.errors

    def __str__(self) -> str:
        played = f"{self.episodes} episode{'s' * (self.episodes != 1)}, {self.steps:,} steps"
        wrong = (
            f"{len(self.errors)} error{'s' * (len(self.errors) != 1)}" if self.errors else "nothing is wrong"
        )
        lines = [f"{self.environment}: {wrong} ({played})"]
        lines += [f"  error: {text}" for text in self.errors]
        return "\n".join([*lines, *(f"  advice: {text}" for text in self.advice)])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        from operant.html import face, table

        rows = [("error", text) for text in self.errors] + [("advice", text) for text in self.advice]
        title = f"{self.environment}: {'nothing is wrong' if self.ok else 'something is wrong'}"
        return face(title, f"{self.episodes} episodes, {self.steps:,} steps", table(rows) if rows else "")


def check(
    env: Any,
    episodes: int = 5,
    seed: int = 0,
    *,
    max_steps: int = 1000,
    env_kwargs: Mapping[str, Any] | None = None,
    wrappers: Written | Sequence[Written] = (),
) -> Report:
    """Play some episodes with random actions, and report what is wrong with an environment and what to change.

    It checks spaces, shapes, dtypes, bounds and finiteness of observations, rewards, flags, infos and masks; whether
    episodes are determined by their seeds and differ between them; how episodes end; whether arrays are reused; the
    scale of actions, observations and rewards; and all that Gymnasium's own checker checks. Errors that the environment
    raises become part of the report.

    Args:
        env: As for an agent: an id, a callable, a list of these, an instance, a vector environment, a native one.
        episodes: How many are played, in addition to those that compare seeds.
        seed: The seed of the first episode.
        max_steps: The step at which an episode that does not end is left.
        env_kwargs: Keyword arguments for it.
        wrappers: Wrappers around it, the innermost first.
    """
    found = _Check(Findings(), episodes, seed, max_steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with found.caught("making it"):
            source = Source.of(
                env,
                backend="gymnasium" if isinstance(env, str) else "auto",
                wrappers=as_wrappers(wrappers),
                env_kwargs=env_kwargs or {},
            )
            found.name = source.id if isinstance(env, str) else found.name
            found.name = source.spec.id
            found.look(source)
    name = found.name or (env if isinstance(env, str) else getattr(env, "__name__", type(env).__name__))
    played = found.played
    return Report(
        name,
        tuple(found.findings.errors.values()),
        tuple(found.findings.advice.values()),
        len(played),
        sum(episode.length for episode in played),
        tuple(found.findings.errors),
    )


@dataclass
class _Check:
    findings: Findings
    episodes: int
    seed: int
    max_steps: int
    name: str = ""
    played: list[Episode] = field(default_factory=list)

    @contextlib.contextmanager
    def caught(self, what: str) -> Iterator[None]:
        """Make what is raised in this block an error of the report."""
        try:
            yield
        except Exception as error:
            known = isinstance(error, ValueError | ImportError)  # words of ours, or of the environment's
            said = str(error).removesuffix(LOOK_CLOSER)
            self.findings.error(what, said if known else f"{what}: {type(error).__name__}: {error}")

    def look(self, source: Source) -> None:
        """All checks, from the outside inwards."""
        env = source.single()
        self.spaces(env.action_space, "actions")
        if source.normalizes:
            self.findings.advise("statistics", ADVICE)
        with self.caught("playing it"):
            self.seeds(source, env)
            for number in range(1, self.episodes):
                if not self.findings.errors:
                    self.play(env, self.seed + number, number)
            if not self.findings.errors:
                self.bounds(env)
                self.unseeded(env)
                self.gymnasium(env)
        self.ends(env, source.spec.max_episode_steps)
        self.scales(env)
        with self.caught("closing it"):
            env.close()

    def play(self, env: gym.Env, seed: int | None, actions: int) -> Episode:
        episode = play(env, self.findings, seed, actions, self.max_steps)
        self.played.append(episode)
        return episode

    # seeds

    def seeds(self, source: Source, env: gym.Env) -> None:
        """The same seed and actions give the same episode, also in another copy; another seed gives another."""
        first = self.play(env, self.seed, 0)
        if self.findings.errors:
            return
        again = self.play(env, self.seed, 0)
        if not _same(first, again):
            self.findings.error(
                "seed",
                "reset(seed=…) does not fix the episode: with the same seed and actions, two of them differ. Draw all "
                "random numbers from self.np_random, after super().reset(seed=seed).",
            )
        elif not source.shared:
            copy = source.single()
            if not _same(first, self.play(copy, self.seed, 0)):
                self.findings.error(
                    "copy",
                    "with the same seed and actions, two copies give different episodes: they share something, or draw "
                    "from a generator that is not theirs (self.np_random).",
                )
            copy.close()
        others = [self.play(env, self.seed + 1 + i, 0) for i in range(2)]
        if all(_same(first, other) for other in others):
            self.findings.advise(
                "seeds",
                "every seed gives the same episode. Where that is meant, one episode is enough to score on.",
            )

    def unseeded(self, env: gym.Env) -> None:
        """It can be reset without a seed, as at the end of each episode."""
        self.play(env, None, 1)

    # spaces

    def spaces(self, space: gym.Space, name: str) -> None:
        """Bounds of continuous actions."""
        if isinstance(space, gym.spaces.Dict | gym.spaces.Tuple):
            for part in space.values() if isinstance(space, gym.spaces.Dict) else space.spaces:
                self.spaces(part, name)
        if not isinstance(space, gym.spaces.Box) or space.dtype.kind != "f":
            return
        if not (np.isfinite(space.low).all() and np.isfinite(space.high).all()):
            self.findings.advise(
                "unbounded",
                f"the {name} have no bounds ({_range(space)}): give those within which they make sense.",
            )
        elif np.abs(space.low).max() > WIDE or np.abs(space.high).max() > WIDE:
            self.findings.advise(
                "wide",
                f"the {name} reach from {space.low.min():g} to {space.high.max():g}; policies explore those of -1 to 1 "
                "best: wrappers='rescale-action:-1:1'.",
            )
        elif not np.allclose(space.low, -space.high):
            self.findings.advise(
                "uneven",
                f"the {name} are not symmetric about 0 ({_range(space)}), where policies begin: "
                "wrappers='rescale-action:-1:1' makes them so.",
            )

    def bounds(self, env: gym.Env) -> None:
        """The actions at the bounds can be taken."""
        space = env.action_space
        if not isinstance(space, gym.spaces.Box) or not (
            np.isfinite(space.low).all() and np.isfinite(space.high).all()
        ):
            return
        for action in (space.low, space.high):
            env.reset(seed=self.seed)
            try:
                env.step(action.copy())
            except Exception as error:
                self.findings.error(
                    "bounds",
                    f"step() fails at the bounds of the action space: {type(error).__name__}: {error}",
                )

    # episodes

    def ends(self, env: gym.Env, limit: int | None) -> None:
        """How episodes end."""
        played = [episode for episode in self.played if episode.length]
        if not played or self.findings.errors:
            return
        over = [episode for episode in played if episode.terminated or episode.truncated]
        if not over and limit is None:
            self.findings.advise(
                "endless",
                f"no episode ended within {self.max_steps:,} steps, and there is no time limit: give one, "
                "wrappers='time-limit:1000'.",
            )
        lengths = {episode.length for episode in played}
        ended = all(episode.terminated and not episode.truncated for episode in played)
        if ended and len(lengths) == 1 and played[0].length > 10 and limit is None:
            self.findings.advise(
                "limit",
                f"every episode was terminated after exactly {played[0].length} steps. If that is a time limit, return "
                "truncated=True, not terminated: what comes after it counts.",
            )

    def scales(self, env: gym.Env) -> None:
        """The size of observations and rewards, and the time of a step."""
        played = [episode for episode in self.played if episode.length]
        if not played or self.findings.errors:
            return
        if any(episode.shared for episode in played):
            self.findings.advise(
                "buffer",
                "step() returns the same array again and again, changed. operant copies what it keeps; other libraries "
                "may not: return a copy.",
            )
        rewards = np.concatenate([episode.rewards for episode in played])
        if not rewards.any():
            self.findings.advise(
                "unpaid", f"random actions were paid nothing in {len(rewards):,} steps: see curiosity=."
            )
        elif np.abs(rewards).max() > LARGE or 0 < np.abs(rewards[rewards != 0]).max() < DARK:
            self.findings.advise(
                "rewards",
                f"rewards reach from {rewards.min():g} to {rewards.max():g}: scale them to about 1 "
                "(normalize_rewards=True, or wrappers='scale-reward:…').",
            )
        space = env.observation_space
        if isinstance(space, gym.spaces.Box) and space.dtype.kind == "f":
            seen = np.stack(
                [np.asarray(one, np.float64) for episode in played for one in episode.observations[:200]]
            )
            if seen.ndim == 4 and seen.max() > 2:
                self.findings.advise(
                    "picture",
                    "observations look like pictures of 0 to 255, but are floats: make their space uint8.",
                )
            elif np.abs(seen).max() > LARGE:
                self.findings.advise(
                    "observations", f"observations reach {np.abs(seen).max():g}: normalize_observations=True."
                )
            flat = seen.reshape(len(seen), -1)
            constant = np.flatnonzero(np.ptp(flat, axis=0) == 0)
            if len(constant) > 0 and len(flat) > 20 and seen.ndim == 2:
                self.findings.advise(
                    "constant", f"these parts of observations never changed: {constant.tolist()}."
                )
        pace = sum(episode.seconds for episode in played) / sum(episode.length for episode in played)
        if pace > SLOW:
            self.findings.advise(
                "slow",
                f"a step takes {1000 * pace:.0f} ms: vectorization='async' steps several environments at once, each "
                "in a process.",
            )

    def gymnasium(self, env: gym.Env) -> None:
        """What Gymnasium's own checker says."""
        if isinstance(getattr(env.unwrapped, "environment", None), Environment):
            return
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            try:
                check_env(env, skip_render_check=True, skip_close_check=True)
            except Exception as error:
                text = " ".join(str(error).split())
                note = self.findings.advise if HARMLESS.search(text) else self.findings.error
                note("gymnasium", f"{text} (Gymnasium's checker)")
        for warning in said:
            text = " ".join(re.sub(r"\x1b\[\d+m|WARN: ", "", str(warning.message)).split())
            if not SAID.search(text) and issubclass(warning.category, UserWarning):
                self.findings.advise(text, f"{text} (Gymnasium's checker)")


def _same(one: Episode, other: Episode) -> bool:
    """Whether two episodes have the same observations and rewards."""
    return (
        one.length == other.length
        and np.allclose(one.rewards, other.rewards, rtol=1e-5, atol=1e-6)
        and (one.terminated, one.truncated) == (other.terminated, other.truncated)
        and all(data_equivalence(a, b) for a, b in zip(one.observations, other.observations, strict=True))
    )


def _range(space: gym.spaces.Box) -> str:
    return f"{space.low.min():g} to {space.high.max():g}"
