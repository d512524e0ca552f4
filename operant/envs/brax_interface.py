"""Environments with Brax's interface, given as objects, as native ones.

`reset(rng)` gives a state with `obs`, `reward`, `done`, `metrics` and `info`, and `step(state, action)` the next one.
Freeman et al. 2021, "Brax – A Differentiable Physics Engine for Large Scale Rigid Body Simulation".
"""

# pyright: reportIncompatibleVariableOverride=false
# The id and the time limit are those of the object.

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant import spaces
from operant.envs.base import Environment
from operant.envs.jax_objects import Held, as_observation, bits, key_of, name_of, settled
from operant.types import PyTree


class LikeBrax(Environment):
    """An object with Brax's interface: actions from −1 to 1, and a time limit only where its EpisodeWrapper gives one.

    The state is Brax's own. What is cut off by the limit has `info["truncation"]` and is truncated, not terminated.
    """

    held: Held = eqx.field(static=True)
    id: str = eqx.field(static=True)
    max_episode_steps: int | None = eqx.field(static=True)

    @property
    def observation_space(self) -> spaces.Space:
        size = self._env.observation_size
        if isinstance(size, Mapping):
            return spaces.Dict.of({name: unbounded(part) for name, part in size.items()})
        return unbounded(size)

    @property
    def action_space(self) -> spaces.Box:
        return spaces.Box(-1.0, 1.0, (int(self._env.action_size),))

    @property
    def _env(self) -> Any:
        return self.held.objects[0]

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return bits(key)

    def reset(self, noise: jax.Array) -> PyTree:
        return settled(self._env.reset(key_of(noise)))

    def step(self, state: PyTree, action: jax.Array, noise: jax.Array) -> tuple[PyTree, jax.Array, jax.Array]:
        successor = settled(self._env.step(state, action))
        terminated = successor.done > 0
        cut = successor.info.get("truncation")
        terminated = terminated if cut is None else terminated & ~(cut > 0)
        return successor, jnp.asarray(successor.reward, jnp.float32), terminated

    def observation(self, state: PyTree) -> PyTree:
        return as_observation(self.id, self.observation_space, state.obs)


def unbounded(size: Any) -> spaces.Box:
    """The space of an observation of this size or shape."""
    shape = (int(size),) if jnp.ndim(size) == 0 else tuple(map(int, size))
    return spaces.Box(-math.inf, math.inf, shape)


def adopt(env: Any) -> LikeBrax:
    """The native environment that an object with Brax's interface is.

    Raises ValueError where it resets or batches by itself, or its observations have another size than it says.
    """
    inner = getattr(env, "unwrapped", env)
    name = name_of(inner, type(inner).__name__)
    state = jax.eval_shape(env.reset, jax.random.key(0))
    if "first_obs" in state.info:
        raise ValueError(
            f"{name} resets itself, so that an episode's last observation is lost: give it without its "
            "AutoResetWrapper (brax.envs.create(…, auto_reset=False), or brax.envs.get_environment)."
        )
    length = getattr(env, "episode_length", None)
    limit = None if length is None else math.ceil(length / getattr(env, "action_repeat", 1))
    made = LikeBrax(held=Held(env), id=name, max_episode_steps=limit)
    jax.eval_shape(
        made.observation, state
    )  # is it what the size promises? One in a VmapWrapper has more axes
    return made
