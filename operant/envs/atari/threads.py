"""Atari games in ale-py's own threads, behind the host interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import gymnasium as gym
import jax
import numpy as np
from gymnasium.vector import AutoresetMode

from operant.envs.atari.game import require_rom
from operant.envs.atari.options import Atari
from operant.envs.gymnasium_spaces import action_to_gym
from operant.envs.gymnasium_stepping import seeds, with_rows
from operant.envs.host import HostEnvironments
from operant.envs.timeouts import Late, Timeout
from operant.types import EnvSpec, PyTree, TimeStep

NEVER = 2**30  # frames: where a game is cut short is counted here


class AtariThreads(HostEnvironments):
    """N games, stepped by ale-py's AtariVectorEnv with the preprocessing of `atari`.

    It is asked for single frames, unclipped rewards and whole games, of which is made here what is learnt from:

    - Stacks, since those of ale-py begin with black frames, and a replay of single frames repeats the first.
    - A game is cut short here, since its last frame there would be a mixture of two steps; it is then begun anew by
      itself. A game that is over has been begun anew in the same step, and its last frame comes with it.
    - A lost life is a discount of 0, and clipped rewards come together with the game's own.

    Args:
        atari: the game and its options.
        num_envs: N.
        like: the description of one of them.
        timeout: seconds that a step or a reset of all may take.
    """

    def __init__(self, atari: Atari, num_envs: int, like: EnvSpec, timeout: float | None = None) -> None:
        require_rom(atari)
        from ale_py.vector_env import AtariVectorEnv  # pyright: ignore[reportMissingImports]

        self.atari, self.spec = atari, replace(like, num_envs=num_envs)
        skip: Any = atari.frameskip
        self.envs: Any = AtariVectorEnv(
            atari.rom,
            num_envs,
            num_threads=atari.num_threads,
            thread_affinity_offset=atari.thread_affinity_offset,
            max_num_frames_per_episode=NEVER,
            repeat_action_probability=atari.sticky,
            full_action_space=atari.full_action_space,
            continuous=atari.continuous,
            continuous_action_threshold=atari.continuous_action_threshold,
            autoreset_mode=AutoresetMode.SAME_STEP,
            img_height=atari.img_height or 0,
            img_width=atari.img_width or 0,
            grayscale=bool(atari.grayscale),
            stack_num=1,
            frameskip=skip,
            maxpool=bool(atari.maxpool),
            noop_max=atari.noop_max,
            episodic_life=False,
            reward_clipping=False,
            use_fire_reset=bool(atari.use_fire_reset),
        )
        self._action_space: gym.Space = self.envs.single_action_space
        self._size = atari.stack_num or 1
        self._infos: dict[str, np.ndarray] = {}
        self._timeout = None if timeout is None else Timeout(timeout)
        self._taken = 0

    def reset(
        self, key: jax.Array, start_key: jax.Array | None = None, group: int = 1
    ) -> tuple[PyTree, PyTree]:
        own = seeds(key if start_key is None else start_key, self.spec.num_envs, group)
        frames, self._infos = self._answered("reset", self.envs.reset, seed=np.array(own, np.int32))
        self._lives, self._elapsed = self._infos["lives"], np.zeros(self.spec.num_envs, int)
        self._stack = self._opened(_channels_last(frames))
        return self._stack, None

    def step(self, action: PyTree) -> TimeStep:
        self.send(action)
        return self.receive()

    def send(self, action: PyTree) -> None:
        self._taken += 1
        self.envs.send(action_to_gym(self._action_space, action))

    def receive(self) -> TimeStep:
        frames, reward, terminated, _, infos = self._answered("step", self.envs.recv)
        self._elapsed += 1
        truncated = (self._elapsed >= self.atari.max_steps) & ~terminated
        over = np.flatnonzero(terminated | truncated).tolist()
        lives, self._infos = infos["lives"], infos
        # Of a game that is over, `lives` are those of the next: it has lost its last, where it had any.
        lost = np.where(terminated, self._lives > 0, lives < self._lives)
        frames = first = _channels_last(frames)
        if over:
            if terminated.any():
                last = _channels_last(infos["final_obs"])
                frames = with_rows(frames, {i: last[i] for i in np.flatnonzero(terminated).tolist()})
            if truncated.any():
                first, lives = self._begun_anew(truncated)
            if self.on_end is not None:
                for i in over:
                    self.on_end(i, self.spec.num_envs, self.infos[i])
            self._elapsed[over] = 0
        self._lives = lives
        successor = self._pushed(frames)
        self._stack = with_rows(successor, {i: self._opened(first[i]) for i in over})
        own = reward.astype(np.float32)
        outcome: Any = {
            "reward": own.clip(-1, 1) if self.atari.reward_clipping else own,
            "terminated": terminated,
            "truncated": truncated,
            "raw_reward": own if self.atari.reward_clipping else None,
            "discount": np.where(lost, np.float32(0), np.float32(1)) if self.spec.discounted else None,
        }
        return TimeStep(observation=self._stack, next_observation=successor, **outcome)

    @property
    def infos(self) -> Sequence[dict[str, Any]]:
        """Of a game that is over, what is said of its next one."""
        said = {name: values for name, values in self._infos.items() if name != "final_obs"}
        return [{name: values[i] for name, values in said.items()} for i in range(self.spec.num_envs)]

    def close(self) -> None:
        self.envs.close()

    def _opened(self, frames: np.ndarray) -> np.ndarray:
        """The stacks `[…, H, W, k·C]` with which games begin: the first frame `[…, H, W, C]` repeated."""
        return np.concatenate([frames] * self._size, -1)

    def _pushed(self, frames: np.ndarray) -> np.ndarray:
        """The present stacks with frames added, the newest last."""
        return np.concatenate([self._stack[..., frames.shape[-1] :], frames], -1)

    def _begun_anew(self, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`(the frames, lives)` of all games, of which these have been begun anew."""
        frames, infos = self._answered("reset", self.envs.reset, options={"reset_mask": which})
        return _channels_last(frames), infos["lives"]

    def _answered(self, method: str, function: Callable[..., Any], **options: Any) -> Any:
        """What a function of the vector environment returns for its `reset` or `step`.

        Raises EnvironmentFault where it takes too long.
        """
        if self._timeout is None:
            return function(**options)
        from operant.envs.gymnasium_checks import Checks

        try:
            return self._timeout.call(function, **options)
        except Late as late:
            checks = Checks(
                self.spec.id, self.envs.single_observation_space, self._action_space, self.spec.num_envs
            )
            checks.taken = self._taken
            raise checks.late(None, method, late.seconds) from None


def _channels_last(frames: np.ndarray) -> np.ndarray:
    """Frames `[N, 1, H, W]` or `[N, 1, H, W, 3]` as `[N, H, W, C]`."""
    return frames[:, 0, ..., None] if frames.ndim == 4 else frames[:, 0]
