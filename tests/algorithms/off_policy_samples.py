"""Small spaces, networks and minibatches for tests of off-policy actor–critics."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.networks import Network
from operant.spaces import Box, Discrete
from operant.types import EnvSpec, Transition
from tests.shared import normals

RNG = np.random.default_rng(0)
normal = normals(RNG)
BOX = EnvSpec("Test", Box(-1.0, 1.0, (3,)), Box((-1.0, 0.0), (3.0, 10.0), (2,)), num_envs=5)
CHOICES = EnvSpec("Test", Box(-1.0, 1.0, (3,)), Discrete(4), num_envs=5)
SMALL = Network(hidden_sizes=(8,), activation="tanh", initialization="uniform")
B = 12


def state_of(algorithm: Any, spec: EnvSpec = BOX) -> Any:
    """A state of random numbers, in which no two networks are equal; statistics are those before the first step."""
    made = jax.jit(lambda key: algorithm.init(spec, key))(jax.random.key(0))
    noisy = jax.tree.map(
        lambda x: normal(*x.shape, scale=0.5) if jnp.issubdtype(x.dtype, jnp.floating) else x, made
    )
    fresh = {name: getattr(made, name) for name in vars(made) if name.endswith("optimizer")}
    return type(made)(**vars(noisy) | fresh | {"normalizer": made.normalizer})


def minibatch(spec: EnvSpec = BOX, masked: bool = False, **given: Any) -> Transition:
    ends, space = RNG.integers(0, 3, B), spec.action_space
    mask = None
    if isinstance(space, Discrete):
        action = jnp.asarray(RNG.integers(0, space.n, B), jnp.int32)
        possible = RNG.random((B, space.n)) < 0.5
        possible[np.arange(B), RNG.integers(0, space.n, B)] = True
        mask = jnp.asarray(possible) if masked else None
    else:
        low, high = space.bounds
        action = jnp.asarray(RNG.uniform(low, high, (B, 2)), jnp.float32)
    values = {
        "observation": normal(B, 3),
        "action": action,
        "reward": normal(B, scale=2.0),
        "terminated": jnp.asarray(ends == 1),
        "truncated": jnp.asarray(ends == 2),
        "next_observation": normal(B, 3),
        "action_mask": mask,
        "next_action_mask": mask,
    }
    return Transition(**values | given)


def one_critic(critics: Any, i: int, inputs: np.ndarray) -> np.ndarray:
    """The outputs of the i-th critic, with one hidden layer of tanh, by hand in float64."""
    layers = jax.tree.map(lambda x: np.asarray(x[i], np.float64), critics.heads)
    hidden = np.tanh(inputs @ layers.hidden[0].weight + layers.hidden[0].bias)
    return hidden @ layers.output.weight + layers.output.bias


def to_units(action: Any) -> np.ndarray:
    """Actions of `BOX` as [−1, 1] has them: its bounds are [−1, 3] and [0, 10]."""
    return (np.asarray(action, np.float64) - [1.0, 5.0]) / [2.0, 5.0]
