"""Observations and rewards on a common scale, from running statistics that are part of the agent's state."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.spaces import example
from operant.types import EnvSpec, PyTree, Transition

_EPSILON = 1e-8
_CLIP = 10.0
_LONGEST = 2.0**23  # samples that count: float32 counts to 2²⁴, and more than these move nothing any more


class Moments(eqx.Module):
    """Count, mean and variance of everything seen so far. `mean` and `variance` have the shape of one sample.

    Behind eight million samples older ones count less and less.
    """

    count: jax.Array
    mean: jax.Array
    variance: jax.Array

    @classmethod
    def of_shape(cls, shape: tuple[int, ...]) -> Moments:
        return cls(jnp.zeros(()), jnp.zeros(shape), jnp.ones(shape))

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

    What is switched off is None and costs nothing. Only real-valued leaves of an observation are touched: pixels and
    choices have scales of their own. Engstrom et al. 2020, "Implementation matters", section 2, points 3 and 4.
    """

    observation: tuple[Moments | None, ...] | None
    reward: Moments | None
    returns: jax.Array | None  # [N] discounted return so far, of each environment

    @classmethod
    def build(cls, spec: EnvSpec, *, observations: bool, rewards: bool) -> Normalizer:
        leaves = jax.tree.leaves(example(spec.observation_space))
        moments = tuple(
            Moments.of_shape(x.shape) if jnp.issubdtype(x.dtype, jnp.floating) else None for x in leaves
        )
        return cls(
            moments if observations else None,
            Moments.of_shape(()) if rewards else None,
            jnp.zeros(spec.num_envs) if rewards else None,
        )

    def afresh(self) -> Normalizer:
        """With every environment at the start of an episode, whatever came before."""
        returns = None if self.returns is None else jnp.zeros_like(self.returns)
        return Normalizer(self.observation, self.reward, returns)

    def observations(self, observation: PyTree) -> PyTree:
        """Observations with any leading axes, normalised and clipped to ±10."""
        if self.observation is None:
            return observation
        leaves, structure = jax.tree.flatten(observation)
        return structure.unflatten(
            leaf if moments is None else _normalize(leaf, moments)
            for leaf, moments in zip(leaves, self.observation, strict=True)
        )

    def rewards(self, reward: jax.Array) -> jax.Array:
        """Rewards divided by the standard deviation of the discounted return, clipped to ±10; never shifted."""
        if self.reward is None:
            return reward
        return jnp.clip(reward / jnp.sqrt(self.reward.variance + _EPSILON), -_CLIP, _CLIP)

    def observe(self, transition: Transition, gamma: jax.Array | float) -> Normalizer:
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

            def forward(running: jax.Array, row: tuple[jax.Array, ...]) -> tuple[jax.Array, jax.Array]:
                reward_t, done_t, happened_t = row
                total = gamma * running + reward_t
                following = jnp.where(done_t, 0.0, total)
                return jnp.where(happened_t, following, running), total

            rows = (transition.reward, transition.done, transition.happened)
            returns, discounted = jax.lax.scan(forward, returns, rows)
            reward = reward.merge(discounted, weight)
        return Normalizer(observation, reward, returns)


def _normalize(value: jax.Array, moments: Moments) -> jax.Array:
    mean, scale = (
        jnp.broadcast_to(x, value.shape) for x in (moments.mean, jnp.sqrt(moments.variance + _EPSILON))
    )
    return jnp.clip((value - mean) / scale, -_CLIP, _CLIP)
