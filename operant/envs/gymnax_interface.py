"""Environments with gymnax's interface, given as objects, as native ones.

`reset_env(key, params)` gives `(observation, state)`, and `step_env(key, state, action, params)` gives `(observation,
state, reward, done, info)`. `step` itself resets at once, so that an episode's last observation is lost, and is not
used. Lange 2022, "gymnax: A JAX-based Reinforcement Learning Environment Library".
"""

# pyright: reportIncompatibleVariableOverride=false
# The id and the time limit are those of the object.

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from operant import spaces
from operant.envs.base import Environment
from operant.envs.jax_objects import Held, as_observation, as_space, bits, key_of, name_of, settled
from operant.types import PyTree

LIMIT = "max_steps_in_episode"
NEVER = 2**30  # steps, more than any episode has


class State(NamedTuple):
    """The object's state, what is seen of it, and the steps of its episode so far."""

    inner: PyTree
    seen: PyTree
    elapsed: jax.Array


class LikeGymnax(Environment):
    """An object with gymnax's interface. A step's noise is a key, used as gymnax's own `step` uses it.

    The time limit, `params.max_steps_in_episode`, truncates; an end that comes with it terminates only where the
    object says that the task is over anyway: by `is_truncated` (gymnax from 1.0), or `is_terminal` with a limit out
    of reach. Where it has neither, the end at the limit is a truncation.
    """

    held: Held = eqx.field(static=True)  # the object and its parameters; None for its default ones
    id: str = eqx.field(static=True)
    max_episode_steps: int | None = eqx.field(static=True)
    seen_space: spaces.Space = eqx.field(static=True)
    done_space: spaces.Space = eqx.field(static=True)

    @property
    def observation_space(self) -> spaces.Space:
        return self.seen_space

    @property
    def action_space(self) -> spaces.Space:
        return self.done_space

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return bits(key)

    def reset(self, noise: jax.Array) -> State:
        env, params = self._given
        _, key = jax.random.split(key_of(noise))
        seen, inner = env.reset_env(key, params)
        return State(settled(inner), as_observation(self.id, self.seen_space, seen), jnp.zeros((), jnp.int32))

    def step(self, state: State, action: PyTree, noise: jax.Array) -> tuple[State, jax.Array, jax.Array]:
        env, params = self._given
        key, _ = jax.random.split(key_of(noise))
        seen, inner, reward, done, _ = env.step_env(key, state.inner, action, params)
        seen = as_observation(self.id, self.seen_space, seen)
        successor = State(settled(inner), seen, state.elapsed + 1)
        terminated = jnp.asarray(done, bool) & self._by_itself(successor)
        return successor, jnp.asarray(reward, jnp.float32), terminated

    @property
    def _given(self) -> tuple[Any, Any]:
        """`(the object, its parameters)`."""
        env, params = self.held.objects
        return env, env.default_params if params is None else params

    def _by_itself(self, state: State) -> jax.Array:
        """Whether an episode that ended in this state has ended by itself, not by its time limit alone."""
        env, params = self._given
        if self.max_episode_steps is None or hasattr(env, "is_truncated"):
            return jnp.ones((), bool)
        if hasattr(env, "is_terminal") and dataclasses.is_dataclass(params):
            unlimited: Any = dataclasses.replace(params, **{LIMIT: NEVER})  # pyright: ignore[reportArgumentType]
            return jnp.asarray(env.is_terminal(state.inner, unlimited), bool)
        return state.elapsed < self.max_episode_steps

    def observation(self, state: State) -> PyTree:
        return state.seen


def adopt(env: Any, params: Any = None) -> LikeGymnax:
    """The native environment that an object with gymnax's interface is, with these parameters or its default ones.

    Raises ValueError where its spaces or the shape of its observations are not what operant can take.
    """
    held = Held(env, params)
    params = env.default_params if params is None else params
    name = name_of(env, str(getattr(env, "name", type(env).__name__)))
    limit = getattr(params, LIMIT, None)
    made = LikeGymnax(
        held=held,
        id=name,
        max_episode_steps=None if limit is None else int(limit),
        seen_space=as_space(name, env.observation_space(params)),
        done_space=as_space(name, env.action_space(params)),
    )
    _ = made.spec  # a look at a first state: is it what the space promises?
    return made
