"""Policies that somebody wrote instead of training them: scored, watched and filmed exactly as what was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym

from operant.agent.agent import Agent
from operant.agent.player import BatchPolicy, Player
from operant.algorithms.random import Random
from operant.engine.scripted import PolicyFunction, ScriptedBatchPolicy
from operant.envs.border import Border
from operant.envs.source import Source
from operant.envs.stored import require_same_spaces
from operant.envs.wrappers.registry import Written, as_wrappers
from operant.types import EnvSpec


def push_to_lean(observation: Any) -> int:
    """For CartPole: push the cart to the side to which the pole leans."""
    return int(observation[2] > 0)


POLICIES: dict[str, tuple[PolicyFunction, str]] = {"scripted": (push_to_lean, "CartPole-v1")}
"""Those that the command line knows by name, each with the environment that it is for."""


class ScriptedPolicy(Player):
    """A policy that is a function of yours, in an environment.

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
        policy: PolicyFunction,
        env: Any,
        *,
        wrappers: Written | Sequence[Written] = (),
        env_kwargs: Mapping[str, Any] | None = None,
        env_timeout: float | None = None,
    ) -> None:
        self.function = policy
        self._source = Source.of(
            env, wrappers=as_wrappers(wrappers), env_kwargs=env_kwargs, env_timeout=env_timeout
        )

    @classmethod
    def named(
        cls,
        name: str,
        env: str | None = None,
        env_kwargs: Mapping[str, Any] | None = None,
        env_timeout: float | None = None,
    ) -> ScriptedPolicy:
        """One of `POLICIES`, in its own environment or one of the same spaces. Raises ValueError for others."""
        policy, home = POLICIES[name]
        home_or_other = home if env is None else env
        scripted = cls(policy, home_or_other, env_kwargs=env_kwargs, env_timeout=env_timeout)
        require_same_spaces(Source(home).spec, scripted.spec)
        return scripted

    @property
    def name(self) -> str:
        """That of the function, or of the class of an object."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    @property
    def source(self) -> Source:
        """Where it plays."""
        return self._source

    @property
    def spec(self) -> EnvSpec:
        """What it observes and does there."""
        return self._source.spec

    @property
    def border(self) -> Border:
        """The environment's spaces as Gymnasium has them."""
        return Border.of(self.spec)

    def close(self) -> None:
        """As an agent has it; what is played here is closed after each use."""

    def __enter__(self) -> ScriptedPolicy:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def policy(self) -> ScriptedBatchPolicy:
        """The policy over batches, as `evaluate` uses it."""
        return ScriptedBatchPolicy(self.function, self.spec)

    def current_policy(self, deterministic: bool, seed: int) -> BatchPolicy:
        """The same: it has only one way to act."""
        return self.policy()

    def make_env(self, source: Source, render_mode: str | None = None) -> gym.Env:
        """One environment to play, of a source of the same spaces."""
        return source.single(render_mode)

    def random(self) -> Agent:
        """The random policy in the same environment, to compare with; evaluate it with `deterministic=False`."""
        return Agent(Random(), self.source)
