"""`operant.collect`: a policy plays, and what happened is handed over, without any learning."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import jax
import numpy as np

from operant.agent import inputs
from operant.agent.agent import Agent
from operant.agent.scripted import ScriptedPolicy
from operant.algorithms.playing import Playing
from operant.algorithms.random import Random
from operant.engine.evaluate import LONGEST
from operant.engine.observers import Observer
from operant.engine.train import LARGEST
from operant.engine.train_state import transition
from operant.engine.trajectories import EpisodeSplitter, Trajectory
from operant.envs.source import Backend, Source
from operant.envs.stored import require_same_spaces
from operant.envs.wrappers.registry import Written, as_wrappers
from operant.ops.seeds import key_of
from operant.types import Transition

UNROLL = 32  # steps of every environment between two looks at whether there is enough
CHUNK = 2_000  # steps between two calls of the observers


@dataclass(frozen=True)
class Collected:
    """What was collected, and what there is to say about it."""

    trajectories: list[Trajectory]  # those that ended in the order in which they did, then those under way
    steps: int

    @cached_property
    def metrics(self) -> dict[str, float]:
        """`episodes` (those that ended), `steps`, and over those episodes `average_return` and `average_length` (NaN
        for none). Returns are of the environment's own rewards."""
        ended = [each for each in self.trajectories if each.ended]

        def mean(values: Sequence[float]) -> float:
            return float(np.mean(values)) if values else math.nan

        return {
            "episodes": len(ended),
            "steps": self.steps,
            "average_return": mean([each.total_reward for each in ended]),
            "average_length": mean([len(each) for each in ended]),
        }

    def __str__(self) -> str:
        told = self.metrics
        return (
            f"{told['episodes']} episodes, {told['steps']:,} steps: return {told['average_return']:.1f}, "
            f"length {told['average_length']:.1f} on average"
        )


def collect(
    policy: Agent | ScriptedPolicy | Literal["random"],
    env: Any = None,
    *,
    steps: int | None = None,
    episodes: int | None = None,
    observers: Sequence[Observer | Callable[[Transition], Any]] = (),
    deterministic: bool = False,
    num_envs: int = 8,
    seed: int = 0,
    backend: Backend = "auto",
    wrappers: Written | Sequence[Written] | None = None,
    env_kwargs: Mapping[str, Any] | None = None,
) -> Collected:
    """Let a policy play for a number of steps or of episodes, and hand over what happened.

    Args:
        policy: An agent, a scripted policy (`operant.ScriptedPolicy`), or "random".
        env: Where it plays: an id, a callable, an instance or a native environment; by default where it belongs.
        steps: At least this number of environment steps, the same number in each of the environments.
        episodes: Exactly this number of whole episodes. Each environment plays its share of them from fresh starts, so
            that short ones are not over-represented.
        observers: Called with every transition, as in training: `[T, N, …]` in order, in which `valid` is False for
            steps that are more than was asked for. Those that have a `close` are closed at the end.
        deterministic: Whether an agent takes its best known actions instead of sampling, as it did in training.
        num_envs: Environments that are played side by side.
        seed: What all randomness derives from: the same call collects the same.
        backend: "native" plays operant's own environment on the device, "gymnasium" steps it in Python, "auto" takes
            the native one where there is one. A scripted policy is called from Python in either.
        wrappers: What the environment is wrapped in, as for an agent; by default in what the agent's is.
        env_kwargs: Keyword arguments for the environment.

    Raises ValueError unless just one of `steps` and `episodes` is given, for several learners (choose one: `agent[i]`),
    for an environment of other spaces than the policy's, and for an episode that is not over after 30,000 steps.
    """
    if (steps is None) == (episodes is None):
        raise ValueError(f"collect takes steps=… or episodes=…, one of them; got {steps!r} and {episodes!r}.")
    inputs.at_least_one(steps=steps, episodes=episodes, num_envs=num_envs)
    source = _source(policy, env, backend, wrappers, env_kwargs)
    count = num_envs if source.copies is None else source.copies
    if episodes is not None and source.copies is None:
        count = min(count, episodes)
    collector = _Collector(source.id, count, steps, episodes, observers)
    try:
        if isinstance(policy, ScriptedPolicy):
            _play_scripted(policy, source, collector, seed)
        else:
            _play_algorithm(policy, source, collector, seed, deterministic)
    finally:
        collector.close()
    return Collected(collector.trajectories, collector.steps)


def _source(
    policy: Any,
    env: Any,
    backend: Backend,
    wrappers: Written | Sequence[Written] | None,
    env_kwargs: Mapping[str, Any] | None,
) -> Source:
    """Where the policy plays. Raises ValueError for what is no policy, and where it has no such spaces."""
    if not isinstance(policy, Agent | ScriptedPolicy):
        if policy != "random":
            raise ValueError(
                f'policy={policy!r}: must be an agent, "random", or operant.ScriptedPolicy(function, env), which a '
                "function makes a policy."
            )
        if env is None:
            raise ValueError('collect("random", env) needs an environment.')
        return Source.of(env, backend=backend, wrappers=as_wrappers(wrappers or ()), env_kwargs=env_kwargs)
    own = policy.source
    worn = own.wrappers if wrappers is None else as_wrappers(wrappers)
    if env is None:
        kwargs = {**own.env_kwargs, **(env_kwargs or {})}
        chosen = own.backend if backend == "auto" else backend
        return replace(own.one_process, backend=chosen, wrappers=worn, env_kwargs=kwargs)
    source = Source.of(env, backend=backend, wrappers=worn, env_kwargs=env_kwargs)
    require_same_spaces(own.spec, source.spec)
    return source


def _play_algorithm(
    policy: Agent | str, source: Source, collector: _Collector, seed: int, deterministic: bool
) -> None:
    """An algorithm's policy plays in the engine's own loops."""
    agent = policy if isinstance(policy, Agent) else None
    if agent is not None and agent.seeds is not None:
        raise ValueError(
            f"There are {len(agent.seeds)} learners here: choose one with agent[i] or agent.best()."
        )
    algorithm = Random() if agent is None else agent.algorithm
    unroll = UNROLL if collector.each is None else min(UNROLL, collector.each)
    playing = Playing(algorithm, unroll, explore=agent is None or not deterministic)
    player = Agent(playing, source, seed=seed, num_envs=None if source.copies else collector.num_envs)
    per_iteration = unroll * collector.num_envs
    total = LARGEST // per_iteration if collector.each is None else math.ceil(collector.each / unroll)
    with player:
        if agent is not None:
            player.learner.state = agent.state
        player.learn(
            total * per_iteration,
            lambda progress: not collector.enough,
            progress_bar=False,
            observers=[collector],
            log_interval=max(CHUNK, per_iteration),
        )


def _play_scripted(policy: ScriptedPolicy, source: Source, collector: _Collector, seed: int) -> None:
    """A function plays, step by step."""
    environments = source.host(collector.num_envs)
    try:
        observation, mask = environments.reset(key_of(inputs.seed_of(seed)))
        act, carry, fresh, t = policy.policy(), None, np.ones(collector.num_envs, bool), 0
        while not collector.enough:
            action, carry = act(observation, mask, carry, fresh, t)
            timestep = environments.step(action)
            step = transition(observation, mask, action, (), timestep)
            collector(jax.tree.map(lambda x: np.asarray(x)[None], step))
            observation, mask, fresh, t = (
                timestep.observation,
                timestep.action_mask,
                np.asarray(step.done),
                t + 1,
            )
    finally:
        if not source.lent:
            environments.close()


class _Collector:
    """Keeps what was asked for of what is shown to it, and shows that to the observers."""

    def __init__(
        self,
        environment: str,
        num_envs: int,
        steps: int | None,
        episodes: int | None,
        observers: Sequence[Callable[[Transition], Any]],
    ) -> None:
        self.num_envs, self.steps = num_envs, 0
        self.each = None if steps is None else math.ceil(steps / num_envs)  # of every environment
        self.trajectories: list[Trajectory] = []
        self._environment, self._observers, self._split = environment, observers, EpisodeSplitter()
        share = LARGEST if episodes is None else episodes // num_envs
        more = 0 if episodes is None else episodes % num_envs
        self._episodes = np.full(num_envs, share) + (np.arange(num_envs) < more)  # still to come
        self._steps = np.full(num_envs, LARGEST if self.each is None else self.each)  # still to come
        self._length = np.zeros(num_envs, np.int64)  # of the episodes under way

    @property
    def enough(self) -> bool:
        """Whether nothing is still to come."""
        return not ((self._episodes > 0) & (self._steps > 0)).any()

    def __call__(self, transition: Transition) -> None:
        done, mask = np.asarray(transition.done), np.array(transition.mask)
        for t in range(len(done)):  # rows of a few numbers
            mask[t] &= (self._episodes > 0) & (self._steps > 0)
            self._steps -= mask[t]
            self._episodes -= mask[t] & done[t]
            self._length = np.where(done[t], 0, self._length + mask[t])
        if (self._length > LONGEST).any() and self.each is None:
            raise ValueError(
                f"An episode of {self._environment} is not over after {LONGEST:,} steps. Collect steps=…, or give it a "
                "time limit: wrappers=[operant.wrappers.TimeLimit(n)]."
            )
        self.steps += int(mask.sum())
        kept = replace(transition, valid=mask)
        self.trajectories += self._split(kept)
        for observer in self._observers:
            observer(kept)

    def close(self) -> None:
        """Nothing more will come."""
        self.trajectories += self._split.unfinished()
        for observer in self._observers:
            getattr(observer, "close", lambda: None)()
