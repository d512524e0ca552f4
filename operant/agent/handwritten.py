"""Policies written by hand: scored, watched and filmed exactly as what was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from operant.agent import inputs, showing
from operant.agent.acting import EnvironmentActor
from operant.agent.agent import Agent
from operant.algorithms.random import Random
from operant.engine.evaluate import Evaluation, evaluate
from operant.engine.handwritten import Written, WrittenPolicy
from operant.engine.policy import Actor
from operant.envs.border import Border
from operant.envs.source import Source
from operant.envs.stored import require_same_spaces
from operant.envs.wrappers.registry import Written as WrittenWrapper
from operant.envs.wrappers.registry import as_wrappers
from operant.studio import recording
from operant.studio.recording import Recording


def lean(observation: Any) -> int:
    """For CartPole: push the cart to the side to which the pole leans."""
    return int(observation[2] > 0)


POLICIES: dict[str, tuple[Written, str]] = {"lean": (lean, "CartPole-v1")}
"""Those that the command line knows by name, each with the environment that it is for."""


class HandWritten:
    """A policy written by hand, in an environment.

    Args:
        policy: Any callable `policy(observation) -> action`, which may take an `action_mask` too. One that remembers is
            an object with a method `reset()`, called before each episode; it must let itself be copied.
        env: A Gymnasium id, a callable that makes an environment, an instance, or a native one.
        wrappers: What the environment is wrapped in, as for an agent.
        env_kwargs: Keyword arguments for the environment, as for an agent.
        env_timeout: Seconds that a step or a reset may take, as for an agent.
    """

    def __init__(
        self,
        policy: Written,
        env: Any,
        *,
        wrappers: WrittenWrapper | Sequence[WrittenWrapper] = (),
        env_kwargs: Mapping[str, Any] | None = None,
        env_timeout: float | None = None,
    ) -> None:
        self.function = policy
        self.source = Source.of(
            env, wrappers=as_wrappers(wrappers), env_kwargs=env_kwargs, env_timeout=env_timeout
        )
        self.name = getattr(policy, "__name__", type(policy).__name__)

    @classmethod
    def named(
        cls,
        name: str,
        env: str | None = None,
        env_kwargs: Mapping[str, Any] | None = None,
        env_timeout: float | None = None,
    ) -> HandWritten:
        """One of `POLICIES`, in its own environment or one of the same spaces. Raises ValueError for others."""
        policy, home = POLICIES[name]
        home_or_other = home if env is None else env
        written = cls(policy, home_or_other, env_kwargs=env_kwargs, env_timeout=env_timeout)
        require_same_spaces(Source(home).spec, written.source.spec)
        return written

    def close(self) -> None:
        """As an agent has it; what is played here is closed after each use."""

    def __enter__(self) -> HandWritten:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def policy(self) -> WrittenPolicy:
        """The policy over batches, as `evaluate` uses it."""
        return WrittenPolicy(self.function, self.source.spec)

    def actor(self) -> Actor:
        """A callable `act(observation)`; `act.reset()` starts an episode."""
        return EnvironmentActor(self.policy(), Border.of(self.source.spec))

    def random(self) -> Agent:
        """The random policy in the same environment, to compare with; evaluate it with `deterministic=False`."""
        return Agent(Random(), self.source)

    def evaluate(self, episodes: int = 100, seed: int = 10_000, beside_random: bool = False) -> Evaluation:
        """An `Evaluation` over whole episodes, with the random policy's if wished; episode i has `seed + i`."""
        inputs.require_episodes("episodes", episodes)
        one = self.source.shared
        slots = 1 if one else inputs.SLOTS
        score = evaluate(
            self.policy(), self.source.single, episodes=episodes, seed=seed, slots=slots, close=not one
        )
        random = self.random().evaluate(episodes, seed, deterministic=False) if beside_random else None
        return replace(score, random=random)

    def watch(self, episodes: int = 1, seed: int = 20_000) -> list[float]:
        """Show whole episodes in a window and return their returns. Raises ValueError where there is no display."""
        return showing.watch(self.source.id, self.source.single, Actor(self.policy()), episodes, seed)

    def recording(
        self, episodes: int = 1, seed: int = 20_000, every: int = 1, max_steps: int = 10_000
    ) -> Recording:
        """Whole episodes as pictures, of every `every`-th step, and what was observed."""
        env = self.source.single("rgb_array")
        return recording.record(
            env, Actor(self.policy()), episodes=episodes, seed=seed, every=every, max_steps=max_steps
        )

    def record(
        self, path: str | Path, episodes: int = 1, seed: int = 20_000, beside_random: bool = False
    ) -> Recording:
        """Film whole episodes as MP4, alongside the random policy if wished. Long episodes lose frames."""
        random = self.random() if beside_random else None
        return showing.film(path, self.recording(episodes, seed), self.name, random, seed)
