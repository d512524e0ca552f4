"""Whoever plays an environment, learnt or scripted: scored, watched and filmed in the same way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Never

import gymnasium as gym
import numpy as np

from operant import habits
from operant.agent import inputs
from operant.engine.evaluate import Evaluation, evaluate
from operant.engine.policy import Actor
from operant.engine.scores import StudyEvaluation
from operant.engine.sometimes_random import SometimesRandom
from operant.envs.border import Border
from operant.envs.source import Source
from operant.envs.stored import require_same_spaces
from operant.studio import recording
from operant.studio.estimates import Estimates
from operant.studio.recording import Recording
from operant.types import EnvSpec, PyTree

BatchPolicy = Callable[..., tuple[np.ndarray, PyTree]]
"""`(observation, action mask, carry, fresh [M], t) → (action, carry)` over a batch of M environments."""


class Player(ABC):
    """A policy in an environment."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is called, for people."""

    @property
    @abstractmethod
    def source(self) -> Source:
        """Where it plays."""

    @property
    @abstractmethod
    def spec(self) -> EnvSpec:
        """What it observes and does there."""

    @property
    @abstractmethod
    def border(self) -> Border:
        """The environment's spaces as Gymnasium has them."""

    @property
    def seeds(self) -> tuple[int, ...] | None:
        """Those of its learners; None where there is one, or nothing is learnt."""
        return None

    @abstractmethod
    def random(self) -> Player:
        """The random policy in the same environment, to compare with; evaluate it with `deterministic=False`."""

    @abstractmethod
    def current_policy(self, deterministic: bool, seed: int) -> BatchPolicy:
        """The policy over batches, at any time what is known by then."""

    @abstractmethod
    def make_env(self, source: Source, render_mode: str | None = None) -> gym.Env:
        """One environment to play, of a source of the same spaces."""

    def require_estimates(self) -> None:
        """Raise ValueError where the policy expects nothing, and no action is likelier than another."""
        raise ValueError(f"{self.name} has learnt nothing that could be drawn next to a film.")

    def _estimates(self, observation: PyTree, action_mask: PyTree, carry: PyTree) -> Estimates:
        """What it thinks of one state, in operant's own terms, with the memory `carry` `[1, …]` (None: a fresh one)."""
        raise NotImplementedError

    def action_names(self) -> list[str]:
        """What Discrete actions are called; [] for others."""
        return []

    def _learners(self) -> Iterable[Player]:
        """Each learner as a player of its own."""
        return (self,)

    def actor(self, deterministic: bool = True, seed: int = 0) -> Actor:
        """A callable `act(observation)` that remembers what its policy needs; `act.reset()` starts an episode.

        It takes an action mask as well, and does what has been learnt by then.
        """
        return EnvironmentActor(self.current_policy(deterministic, seed), self.border)

    def evaluate(
        self,
        episodes: int = 100,
        seed: int = 10_000,
        deterministic: bool = True,
        env: Any = None,
        with_random: bool = False,
        env_kwargs: Mapping[str, Any] | None = None,
        epsilon: float = 0.0,
        **habit: Never,
    ) -> Evaluation | StudyEvaluation:
        """An `Evaluation` over whole episodes of Gymnasium's own environment.

        With several seeds a `StudyEvaluation`: theirs in order, and median, interquartile mean and its interval.

        Args:
            seed: Episode i is reset with `seed + i`.
            deterministic: Whether to take the best known action instead of sampling one. A scripted policy has only one
                way to act.
            env: Another environment of the same spaces to score on.
            with_random: Whether the score holds that of the random policy in the same episodes, too.
            env_kwargs: Other keyword arguments for the environment; those not named stay as they are.
            epsilon: The probability with which each action is a random one instead, as where deterministic policies
                are scored in games that are not random themselves (0.05 in Mnih et al. 2013 and 2015).
        """
        habits.refuse(habits.EVALUATE, "evaluate", habit, self.evaluate)
        if hasattr(episodes, "reset") or isinstance(episodes, str):
            raise ValueError(
                f"evaluate takes a number of episodes first; got {episodes!r}. Give env=… by its name."
            )
        inputs.require_episodes("episodes", episodes)
        inputs.require_share("epsilon", epsilon)
        random = None
        if with_random:
            random = self.random().evaluate(episodes, seed, False, env, env_kwargs=env_kwargs)
            assert isinstance(random, Evaluation)
        source = self.source.other(env, env_kwargs)
        if source is not self.source:
            require_same_spaces(self.spec, source.spec)
        scores = tuple(
            replace(one._score(source, episodes, seed, deterministic, epsilon), random=random)
            for one in self._learners()
        )
        return scores[0] if self.seeds is None else StudyEvaluation(scores, self.seeds)

    def _score(
        self, source: Source, episodes: int, seed: int, deterministic: bool, epsilon: float
    ) -> Evaluation:
        policy = self.current_policy(deterministic, seed)
        score = evaluate(
            SometimesRandom(policy, self.spec, epsilon, seed) if epsilon else policy,
            lambda: self.make_env(source),
            episodes=episodes,
            seed=seed,
            slots=1 if source.shared else inputs.slots(self.spec),
            close=not source.shared,
        )
        if not epsilon:
            return score
        said = [*([score.protocol] if score.protocol else []), f"random actions {epsilon:g}"]
        return replace(score, protocol=", ".join(said))

    def watch(self, episodes: int = 1, seed: int = 20_000, deterministic: bool = True) -> list[float]:
        """Show whole episodes in a window and return their returns. Raises ValueError where there is no display."""
        recording.require_display()
        actor, env = Actor(self.current_policy(deterministic, seed)), self.make_env(self.source, "human")
        if env.render_mode != "human":
            raise ValueError(f"{self.source.id} shows no window: make it with render_mode='human'.")
        return recording.watch(env, actor, episodes=episodes, seed=seed)

    def recording(
        self,
        episodes: int = 1,
        seed: int = 20_000,
        deterministic: bool = True,
        every: int = 1,
        max_steps: int = 10_000,
        with_estimates: bool = False,
    ) -> Recording:
        """Whole episodes as pictures, of every `every`-th step, and what was observed.

        `with_estimates` keeps what the policy thinks of each picture: see `record`.
        """
        estimate = self._estimates if with_estimates else None
        actor, env = Actor(self.current_policy(deterministic, seed)), self.make_env(self.source, "rgb_array")
        how: dict[str, Any] = {"episodes": episodes, "seed": seed, "every": every, "max_steps": max_steps}
        return recording.record(env, actor, estimate=estimate, **how)

    def record(
        self,
        path: str | Path,
        episodes: int = 1,
        seed: int = 20_000,
        deterministic: bool = True,
        with_random: bool = False,
        with_estimates: bool = False,
        **habit: Never,
    ) -> Recording:
        """Film whole episodes as MP4. Long episodes lose frames.

        Args:
            with_random: Show the random policy next to it.
            with_estimates: Draw next to each frame what the policy expects, as a curve, and a bar for each Discrete
                action: how likely it is, or its Q-value.

        Raises ValueError for estimates of a policy that learns none, or next to the random policy.
        """
        habits.refuse(habits.RECORD, "record", habit, self.record)
        from operant.studio.video import side_by_side, write_video

        if with_estimates and with_random:
            raise ValueError("with_random and with_estimates: only one of them can be drawn next to a film.")
        if with_estimates:
            self.require_estimates()
        recorded = self.recording(episodes, seed, deterministic, with_estimates=with_estimates)
        frames: Iterable[np.ndarray] = recorded.frames
        if recorded.estimates is not None:
            from operant.studio import estimates

            frames = estimates.with_estimates(recorded.frames, recorded.estimates, self.action_names())
        if with_random:
            steps = len(recorded.observations) - 1
            other = self.random().recording(1, seed, False, recorded.every, steps)
            frames = side_by_side(frames, other.frames, (self.name, "random policy"))
        return replace(recorded, path=write_video(path, frames, recorded.fps))

    def record_clips(
        self, folder: str | Path, pairs: int = 50, clip_length: int = 25, seed: int = 20_000
    ) -> Path:
        """Film short clips in pairs, for a person to compare: half of this policy as it explores, half of the random
        policy.

        `operant label FOLDER/questions.jsonl FOLDER/pairs.jsonl` asks which of two is better, and
        `operant.Preferences(answers=FOLDER)` learns a reward from what was said.

        Raises ValueError where the folder has clips already, and where episodes are shorter than a clip.
        """
        from operant.studio import clips

        players = [
            (each.make_env(each.source, "rgb_array"), Actor(each.current_policy(False, seed)))
            for each in (self, self.random())
        ]
        return clips.write(folder, players, pairs=pairs, length=clip_length, seed=seed)


class EnvironmentActor(Actor):
    """An actor that takes and gives what its environment gives and takes."""

    def __init__(self, policy: BatchPolicy, border: Border) -> None:
        super().__init__(policy)
        self._border = border

    def __call__(self, observation: PyTree, action_mask: PyTree = None) -> Any:
        """The action for one observation, as `env.step` takes it."""
        observation, batched = self._border.observation_in(observation)
        if batched:
            raise ValueError(
                "An actor plays one environment and takes one observation at a time; agent.predict takes batches."
            )
        mask = self._border.action_mask_in(action_mask, 1, batched)
        return self._border.action_out(self.step(observation, mask), batched)
