"""Observations and rewards on a common scale, from running statistics that are part of the agent's state."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, Tuple, describe
from operant.types import EnvSpec, PyTree, Transition

_LONGEST = 2.0**23  # samples that count: float32 counts to 2²⁴, and more than these move nothing any more


Leaf = Box | Discrete | MultiDiscrete | MultiBinary


class Moments(eqx.Module):
    """Count, mean and variance of everything seen so far. `mean` and `variance` have the shape of one sample.

    After eight million samples older ones count less and less.
    """

    count: jax.Array
    mean: jax.Array
    variance: jax.Array

    @classmethod
    def of_shape(cls, shape: tuple[int, ...]) -> Moments:
        return cls(jnp.zeros((), jnp.float32), jnp.zeros(shape, jnp.float32), jnp.ones(shape, jnp.float32))

    def merge(self, samples: jax.Array, weight: jax.Array) -> Moments:
        """With samples `[…, *shape]` of weights `[…]` added (Chan, Golub & LeVeque 1979, equations 2.1)."""
        axes = tuple(range(weight.ndim))
        w = weight.reshape(weight.shape + (1,) * (samples.ndim - weight.ndim))
        w = jnp.broadcast_to(w, samples.shape)
        added = jnp.sum(weight)
        before = jnp.minimum(self.count, _LONGEST)
        total = jnp.maximum(before + added, 1.0)
        mean_b = jnp.sum(w * samples, axes) / jnp.maximum(added, 1.0)
        square_b = jnp.sum(w * jnp.square(samples - jnp.broadcast_to(mean_b, samples.shape)), axes)
        delta = mean_b - self.mean
        square = self.variance * before + square_b + jnp.square(delta) * (before * added / total)
        seen = before + added > 0
        return Moments(
            before + added,
            jnp.where(seen, self.mean + delta * (added / total), self.mean),
            jnp.where(seen, square / total, self.variance),
        )


class Normalizer(eqx.Module):
    """Observations shifted and scaled by their running mean and deviation; rewards scaled by that of their returns.

    What is switched off is None and costs nothing. Only real-valued leaves of an observation are touched, unless others
    are named: pixels and choices have scales of their own. Engstrom et al. 2020, "Implementation matters", section 2,
    points 3 and 4.
    """

    observation: tuple[Moments | None, ...] | None
    reward: Moments | None
    returns: jax.Array | None  # [N] discounted return so far, of each environment
    clip_obs: float = eqx.field(static=True, default=10.0)
    clip_reward: float = eqx.field(static=True, default=10.0)
    epsilon: float = eqx.field(static=True, default=1e-8)  # added to variances

    @classmethod
    def build(
        cls,
        spec: EnvSpec,
        *,
        observations: bool,
        rewards: bool,
        keys: tuple[str, ...] | None = None,
        clip_obs: float = 10.0,
        clip_reward: float = 10.0,
        epsilon: float = 1e-8,
    ) -> Normalizer:
        """`keys` are the parts of a Dict observation that are normalised: see `selected`, whose errors it raises."""
        moments = None
        if observations:
            parts = zip(_parts(spec.observation_space), selected(spec.observation_space, keys), strict=True)
            moments = tuple(Moments.of_shape(part.shape) if chosen else None for (_, part), chosen in parts)
        return cls(
            moments,
            Moments.of_shape(()) if rewards else None,
            jnp.zeros(spec.num_envs, jnp.float32) if rewards else None,
            clip_obs,
            clip_reward,
            epsilon,
        )

    def afresh(self) -> Normalizer:
        """With every environment at the start of an episode, whatever came before."""
        returns = None if self.returns is None else jnp.zeros_like(self.returns)
        return replace(self, returns=returns)

    def observations(self, observation: PyTree) -> PyTree:
        """Observations with any leading axes, normalised and clipped to ±`clip_obs`."""
        if self.observation is None:
            return observation
        leaves, structure = jax.tree.flatten(observation)
        return structure.unflatten(
            leaf if moments is None else self._normalize(leaf, moments)
            for leaf, moments in zip(leaves, self.observation, strict=True)
        )

    def rewards(self, reward: jax.Array) -> jax.Array:
        """Rewards over the standard deviation of the discounted return, clipped to ±`clip_reward`; not shifted."""
        if self.reward is None:
            return reward
        scaled = reward / jnp.sqrt(self.reward.variance + self.epsilon)
        return jnp.clip(scaled, -self.clip_reward, self.clip_reward)

    def transition(self, transition: Transition) -> Transition:
        """The same steps with observations and rewards as networks learn from them."""
        return replace(
            transition,
            observation=self.observations(transition.observation),
            next_observation=self.observations(transition.next_observation),
            reward=self.rewards(transition.reward),
        )

    def update(self, transition: Transition, gamma: jax.Array | float) -> Normalizer:
        """With fresh experience `[T, N, …]` added."""
        weight = transition.weight
        observation, reward, returns = self.observation, self.reward, self.returns
        if observation is not None:
            leaves = jax.tree.leaves(transition.observation)
            observation = tuple(
                moments if moments is None else moments.merge(leaf, weight)
                for moments, leaf in zip(observation, leaves, strict=True)
            )
        if reward is not None and returns is not None:

            def forward(running: jax.Array, row: tuple[Any, ...]) -> tuple[jax.Array, jax.Array]:
                reward_t, done_t, mask_t, discount_t = row
                total = gamma * running + reward_t
                after = jnp.where(done_t, 0.0, total if discount_t is None else discount_t * total)
                return jnp.where(mask_t, after, running), total

            rows: Any = (transition.reward, transition.done, transition.mask, transition.discount)
            returns, discounted = jax.lax.scan(forward, returns, rows)
            reward = reward.merge(discounted, weight)
        return replace(self, observation=observation, reward=reward, returns=returns)

    def _normalize(self, value: jax.Array, moments: Moments) -> jax.Array:
        mean, scale = (
            jnp.broadcast_to(x, value.shape)
            for x in (moments.mean, jnp.sqrt(moments.variance + self.epsilon))
        )
        return jnp.clip((value - mean) / scale, -self.clip_obs, self.clip_obs)


def selected(space: Space, keys: tuple[str, ...] | None) -> tuple[bool, ...]:
    """Which leaves of observations are normalised: the parts named by `keys`; for None all real-valued ones.

    A part of a Dict is named by its key, of a Tuple by its position, a nested one as a/b.

    Raises:
        ValueError: no part has such a name, or what has it is a choice.
    """
    parts = _parts(space)
    if keys is None:
        return tuple(isinstance(part, Box) and part.dtype.startswith("float") for _, part in parts)
    chosen = [False] * len(parts)
    for key in keys:
        found = [i for i, (name, _) in enumerate(parts) if name == key or name.startswith(f"{key}/")]
        if not found or not key:
            names = ", ".join(name for name, _ in parts if name)
            known = f"its parts are {names}" if names else "it has no named parts"
            raise ValueError(f"norm_obs_keys names {key!r}; of {describe(space)} {known}.")
        for i in found:
            if not isinstance(parts[i][1], Box):
                raise ValueError(
                    f"norm_obs_keys names {key!r}, whose {describe(parts[i][1])} is a choice and has no scale. "
                    "Leave it out."
                )
            chosen[i] = True
    return tuple(chosen)


def _parts(space: Space, name: str = "") -> list[tuple[str, Leaf]]:
    """The leaves of a space with their names, in the order of JAX's pytrees."""
    if not isinstance(space, Dict | Tuple):
        return [(name, space)]
    items = space.items if isinstance(space, Dict) else tuple(enumerate(space.items))
    return [leaf for n, part in items for leaf in _parts(part, f"{name}/{n}" if name else str(n))]
