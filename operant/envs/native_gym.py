"""A native environment as an ordinary Gymnasium environment: for scoring, pictures, and users of other libraries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.base import Environment, judges
from operant.envs.goals import SUCCESS, native_goals, parts_of
from operant.envs.gymnasium_layers import DISCOUNT, MASK
from operant.envs.gymnasium_spaces import space_to_gymnasium
from operant.ops.seeds import key_of
from operant.types import PyTree, Transition

FRAMES_PER_SECOND = 10
COMPUTED = {"compute_reward": "reward", "compute_terminated": "terminated"}


class AsGymnasium(gym.Env[Any, Any]):
    """One copy of a native environment behind Gymnasium's interface; masks are in `info["action_mask"]`.

    With `render_mode="rgb_array"` it renders its pictures, if it has any.
    """

    def __init__(self, environment: Environment, render_mode: str | None = None) -> None:
        self.environment, self.render_mode = environment, render_mode
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(
                f"{environment.id} cannot be shown: it has no pictures (render_mode={render_mode!r})."
            )
        self.observation_space = space_to_gymnasium(environment.observation_space)
        self.action_space = space_to_gymnasium(environment.action_space)
        self._key = jax.random.key(0)
        self._t = self._elapsed = 0
        self._taken: list[Transition] | None = [] if judges(environment) else None  # steps of this episode

    @property
    def id(self) -> str:
        return self.environment.id

    @property
    def metadata(self) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleVariableOverride] (made when asked for)
        shape = jax.eval_shape(_first_picture, self.environment, jax.random.key(0))
        return {"render_modes": [] if shape is None else ["rgb_array"], "render_fps": FRAMES_PER_SECOND}

    def render(self) -> np.ndarray | None:
        return None if self.render_mode is None else np.asarray(_picture(self.environment, self._state))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[PyTree, dict[str, Any]]:
        super().reset(seed=seed)
        if seed is not None:
            self._key, self._t = key_of(seed), 0
        self._state, *seen = _reset(self.environment, self._noise())
        self._elapsed, self._taken = 0, None if self._taken is None else []
        return _shown(*seen)

    def step(self, action: Any) -> tuple[PyTree, float, bool, bool, dict[str, Any]]:
        before, successor = self._state, _step(self.environment, self._state, action, self._noise())
        (self._state, *seen), reward, terminated = successor
        self._elapsed += 1
        limit = self.environment.max_episode_steps
        truncated = limit is not None and self._elapsed >= limit and not terminated
        observation, info = _shown(*seen)
        if self._taken is not None:
            was = self.environment.observation(before)
            flags = jnp.asarray(terminated), jnp.asarray(truncated)
            self._taken.append(Transition(was, jnp.asarray(action), reward, *flags, seen[0]))
            if terminated or truncated:
                reward = judged_episode(self.environment, self._taken)
        return observation, float(reward), bool(terminated), truncated, info

    def __getattr__(self, name: str) -> Any:
        """`compute_reward` and `compute_terminated` of goals `[…, *goal]`, as Gymnasium-Robotics has them, for an
        environment that has goals."""
        goals = native_goals(self.environment) if name in COMPUTED else None
        if goals is None or getattr(goals, COMPUTED[name]) is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

        def compute(achieved_goal: Any, desired_goal: Any, info: Any = None) -> np.ndarray:
            return np.asarray(_answer(self.environment, COMPUTED[name], achieved_goal, desired_goal))

        return compute

    def _noise(self) -> PyTree:
        self._t += 1
        return _draw(self.environment, self._key, self._t)


def judged_episode(environment: Environment, steps: Sequence[Transition]) -> float:
    """The reward of a whole episode by the environment's `judge`: what it gives to all of its steps together."""
    missing = (environment.slot or len(steps)) - len(steps)

    def stacked(*rows: jax.Array) -> jax.Array:
        return jnp.stack([*rows, *[jnp.zeros_like(rows[0])] * missing])[:, None]

    experience = jax.tree.map(stacked, *steps)
    valid = (jnp.arange(len(steps) + missing) < len(steps))[:, None]
    return float(_judged(environment, replace(experience, valid=valid)))


def as_gymnasium(environment: Environment, render_mode: str | None = None) -> gym.Env:
    """A native environment behind Gymnasium's interface; "human" shows its pictures in a window."""
    if render_mode == "human":
        return gym.wrappers.HumanRendering(AsGymnasium(environment, "rgb_array"))
    return AsGymnasium(environment, render_mode)


# (state, observation, action mask, discount, success)
Seen = tuple[PyTree, PyTree, PyTree, jax.Array | None, jax.Array | None]

# Compiled once for all copies of an environment: a hundred of them are scored side by side.


@jax.jit
def _draw(environment: Environment, key: jax.Array, t: int) -> PyTree:
    return environment.sample_noise(jax.random.fold_in(key, t))


@jax.jit
def _reset(environment: Environment, noise: PyTree) -> Seen:
    return _seen(environment, environment.reset(noise))


@jax.jit
def _step(
    environment: Environment, state: PyTree, action: Any, noise: PyTree
) -> tuple[Seen, jax.Array, jax.Array]:
    state, reward, terminated = environment.step(state, action, noise)
    return _seen(environment, state), reward, terminated


@jax.jit
def _judged(environment: Environment, experience: Transition) -> jax.Array:
    answer = environment.judge(experience)
    assert answer is not None
    return jnp.sum(answer[0])


@jax.jit
def _picture(environment: Environment, state: PyTree) -> jax.Array | None:
    return environment.picture(state)


def _first_picture(environment: Environment, key: jax.Array) -> jax.Array | None:
    return environment.picture(environment.reset(environment.sample_noise(key)))


@partial(jax.jit, static_argnums=1)
def _answer(environment: Environment, name: str, achieved: jax.Array, desired: jax.Array) -> jax.Array:
    answer: Any = getattr(native_goals(environment), name)
    return answer(achieved, desired)


def _seen(environment: Environment, state: PyTree) -> Seen:
    observation, goals = environment.observation(state), native_goals(environment)
    says = goals is not None and goals.success is not None
    success = environment.compute_success(*parts_of(observation)) if says else None
    return state, observation, environment.action_mask(state), environment.discount(state), success


def _shown(
    observation: PyTree, mask: PyTree, discount: jax.Array | None, success: jax.Array | None
) -> tuple[PyTree, dict[str, Any]]:
    """The observation and the info that go with it."""
    info: dict[str, Any] = {} if mask is None else {MASK: np.asarray(mask)}
    if discount is not None:
        info[DISCOUNT] = float(discount)
    if success is not None:
        info[SUCCESS] = bool(success)
    return jax.tree.map(np.asarray, observation), info
