"""Whether an algorithm acts as the loops need it to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.authoring.words import FaultError, of_error, require_alike, require_arrays, shape
from operant.envs import base as envs
from operant.envs.base import Environment
from operant.spaces import Discrete, example
from operant.types import Clock, EnvSpec, PyTree

DRAWS = 8  # with how many noises masks are tried
REPEATS = 5  # of one action; chance gives two environments of two actions the same ones every fourth time


def look_at_acting(
    algorithm: Algorithm, environment: Environment, spec: EnvSpec, state: PyTree, key: jax.Array
) -> None:
    """Raise FaultError where an action, a memory or extras are not what they must be."""
    _, observation, mask = envs.reset(environment, envs.sample_noise(environment, key, spec.num_envs))
    carry = algorithm.initial_carry(state, spec.num_envs)
    require_arrays("the memory that initial_carry makes", carry)
    clock = Clock.start(1000)
    require_arrays("the noise that sample_noise makes", algorithm.sample_noise(spec, key))

    def fresh(key: jax.Array) -> PyTree:
        return algorithm.exploration.fresh(algorithm.sample_noise(spec, key), clock)

    noise = fresh(key)

    compiled = jax.jit(algorithm.act, static_argnames="explore")

    def act(mask: PyTree, noise: PyTree, explore: bool) -> Any:
        try:
            return compiled(state, observation, mask, carry, noise, clock, explore=explore)
        except Exception as error:
            given = "" if explore else ", which is given no noise (None)"
            raise FaultError(f"act with explore={explore}{given}: {of_error(error)}") from error

    for explore in (True, False):
        result = act(mask, noise if explore else None, explore)
        if not isinstance(result, tuple) or len(result) != 3:
            given = f"{len(result)} things" if isinstance(result, tuple) else f"a {type(result).__name__}"
            raise FaultError(
                f"act must return (action, carry, extras), extras () for nothing; it returned {given} with "
                f"explore={explore}."
            )
        action, after, extras = result
        _look_at_action(spec, action, explore)
        require_alike(
            "the memory (carry) that act returns", carry, after, "initial_carry says what it is like."
        )
        for leaf in jax.tree.leaves(extras):
            if np.shape(leaf)[:1] != (spec.num_envs,):
                raise FaultError(
                    f"extras hold {shape(leaf)}: they are of each environment, [{spec.num_envs}, …]."
                )
    # Not compiled, since a compiled one would give what NumPy said when it was compiled.
    first, *again = (
        jax.tree.leaves(algorithm.act(state, observation, mask, carry, noise, clock, explore=True)[0])
        for _ in range(REPEATS)
    )
    if not all(np.array_equal(*pair) for other in again for pair in zip(first, other, strict=True)):
        raise FaultError(
            "act gives different actions for the same arguments: all its randomness must come from sample_noise."
        )
    if isinstance(spec.action_space, Discrete):
        _look_at_masks(algorithm, spec, act, fresh, key)


def _look_at_action(spec: EnvSpec, action: PyTree, explore: bool) -> None:
    like = example(spec.action_space, (spec.num_envs,))
    if jax.tree.structure(action) != jax.tree.structure(like):
        raise FaultError(f"act gives an action of another structure than the space {spec.action_space}.")
    for given, wanted in zip(jax.tree.leaves(action), jax.tree.leaves(like), strict=True):
        integer = np.issubdtype(np.asarray(wanted).dtype, np.integer)
        right = jnp.issubdtype(given.dtype, jnp.integer) or not integer
        if given.shape != np.shape(wanted) or not right:
            raise FaultError(
                f"act with explore={explore} gives an action {shape(given)}; with {spec.num_envs} environments it must "
                f"be {np.asarray(wanted).dtype} {list(np.shape(wanted))}."
            )


def _look_at_masks(algorithm: Algorithm, spec: EnvSpec, act: Any, fresh: Any, key: jax.Array) -> None:
    """Masks are heeded, or environments with masks are refused."""
    assert isinstance(spec.action_space, Discrete)
    try:
        algorithm.check(replace(spec, masked=True))
    except ValueError:
        return
    for i in range(DRAWS):
        only = i % spec.action_space.n
        mask = jnp.zeros((spec.num_envs, spec.action_space.n), bool).at[:, only].set(True)
        for explore in (True, False):
            noise = fresh(jax.random.fold_in(key, i)) if explore else None
            if (np.asarray(act(mask, noise, explore)[0]) != only).any():
                raise FaultError(
                    f"act with explore={explore} takes an action that action_mask forbids. Heed the mask, or raise "
                    "ValueError in check(spec) where spec.masked."
                )
