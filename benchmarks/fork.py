"""A task in which it matters whose values are learnt: a sure reward, or a larger one for who has learnt the way."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.envs.base import Environment
from operant.spaces import Discrete

SURE, AFTER = 0.4, 4  # the sure reward, and the steps after the fork


class Fork(Environment):
    """At the fork, action 0 ends the episode with `SURE`; action 1 leads on to `AFTER` steps, at each of which 0 ends
    it with nothing, and 1 at the last of them pays 1.

    The best return is 1. To the random policy going on is worth 1/16, and so it should not: whoever takes the values of
    an old policy for those of the present one gives up at the fork, after having learnt the way.
    """

    id: ClassVar[str] = "Fork"
    max_episode_steps: int | None = eqx.field(default=None, static=True)

    @property
    def observation_space(self) -> Discrete:
        return Discrete(AFTER + 1)

    @property
    def action_space(self) -> Discrete:
        return Discrete(2)

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jnp.zeros((), jnp.int32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return noise

    def step(
        self, state: jax.Array, action: jax.Array, noise: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        on, last = action == 1, state == AFTER
        paid = jnp.where(on & last, 1.0, jnp.where(~on & (state == 0), SURE, 0.0))
        return jnp.where(on & ~last, state + 1, state), paid, ~on | last

    def observation(self, state: jax.Array) -> jax.Array:
        return state
