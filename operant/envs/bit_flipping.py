"""BitFlipping: turn a row of bits into another, one bit at a time, where only the very last flip is rewarded."""

from __future__ import annotations

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.envs.base import Environment
from operant.envs.goals import ACHIEVED, DESIRED
from operant.spaces import Dict, Discrete, MultiBinary
from operant.types import PyTree

CELL = 24  # pixels
BACKGROUND, OFF, ON, WRONG = (18, 22, 33), (70, 76, 95), (94, 200, 255), (232, 93, 76)


class Bits(NamedTuple):
    """The bits, and what they are to become; each `[n]` int32 of 0 and 1."""

    now: jax.Array
    goal: jax.Array


class BitFlipping(Environment):
    """Flip n bits until they are those of the goal: action i flips bit i (Andrychowicz et al. 2017, section 3.1).

    Bits and goal are drawn anew for every episode. Reward: 0 for the flip that reaches the goal, which ends the
    episode, and −1 for any other. Of 2ⁿ states one is the goal, so that chance does not find it where n is more than
    about 12. Observation: `observation` and `achieved_goal` are the bits, `desired_goal` is the goal, each `[n]`.
    """

    id: str = eqx.field(default="BitFlipping", static=True)  # pyright: ignore[reportIncompatibleVariableOverride]
    max_episode_steps: int | None = eqx.field(default=15, static=True)
    n_bits: int = eqx.field(default=15, static=True)
    """How many bits there are; give max_episode_steps with it, of which the paper has as many."""

    def __check_init__(self) -> None:
        if not isinstance(self.n_bits, int) or isinstance(self.n_bits, bool) or self.n_bits < 1:
            raise ValueError(f"BitFlipping: n_bits={self.n_bits!r}: must be a whole number, at least 1.")

    @property
    def observation_space(self) -> Dict:
        bits = MultiBinary(self.n_bits)
        return Dict.of({"observation": bits, ACHIEVED: bits, DESIRED: bits})

    @property
    def action_space(self) -> Discrete:
        return Discrete(self.n_bits)

    def sample_noise(self, key: jax.Array) -> jax.Array:
        """The bits at first, and the goal: `[2, n]`."""
        return jax.random.bernoulli(key, 0.5, (2, self.n_bits)).astype(jnp.int32)

    def reset(self, noise: jax.Array) -> Bits:
        return Bits(noise[0], noise[1])

    def step(self, state: Bits, action: jax.Array, noise: jax.Array) -> tuple[Bits, jax.Array, jax.Array]:
        now = jnp.where(jnp.arange(self.n_bits) == action, 1 - state.now, state.now)
        return (
            Bits(now, state.goal),
            self.compute_reward(now, state.goal),
            self.compute_terminated(now, state.goal),
        )

    def observation(self, state: Bits) -> PyTree:
        return {"observation": state.now, ACHIEVED: state.now, DESIRED: state.goal}

    def compute_reward(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> jax.Array:
        return jnp.where(self.compute_success(achieved_goal, desired_goal), 0.0, -1.0).astype(jnp.float32)

    def compute_terminated(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> jax.Array:
        return self.compute_success(achieved_goal, desired_goal)

    def compute_success(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> jax.Array:
        return jnp.all(achieved_goal == desired_goal)

    def picture(self, state: Bits) -> jax.Array:
        """The bits above and the goal below; between the two, red marks bits that are still wrong."""
        off, on, wrong, background = (
            jnp.array(colour, jnp.uint8)[None] for colour in (OFF, ON, WRONG, BACKGROUND)
        )
        now, goal = (jnp.where(bits[:, None] > 0, on, off) for bits in (state.now, state.goal))
        mark = jnp.where((state.now != state.goal)[:, None], wrong, background)
        rows = jnp.stack([now, mark, goal])  # [3, n, 3]
        pixels = jnp.repeat(jnp.repeat(rows, CELL, 0), CELL, 1)
        height, width = (jnp.arange(size) % CELL > 1 for size in pixels.shape[:2])  # a line between cells
        return jnp.where((height[:, None] & width[None])[..., None], pixels, background[None])
