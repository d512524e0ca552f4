"""What an exported policy takes and gives, and its graph: `env.step` takes what comes out, as from `agent.predict`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.random import Random
from operant.engine.policy import Policy
from operant.envs.border import Border
from operant.envs.gymnasium_spaces import is_whole, mask_size, whole_bounds
from operant.export.graph import Graph, graph_of
from operant.types import Clock, PyTree


@dataclass(frozen=True)
class Part:
    """One array of an observation."""

    name: str
    path: tuple[str | int, ...]  # keys of Dicts and places in Tuples
    space: gym.Space
    dtype: np.dtype  # that the policy computes with


@dataclass(frozen=True)
class Exported:
    """A graph whose inputs are the parts of an observation, the mask where there may be one, and the memory's arrays;
    and whose outputs are the action and the memory's arrays after it. All have a first axis for a batch.
    """

    title: str
    graph: Graph
    parts: list[Part]
    choices: int | None  # length of an action mask; None where the environment gives none
    memory: list[np.ndarray]  # its arrays at the start of an episode, `[…]`
    action_space: gym.Space

    @property
    def memory_names(self) -> list[str]:
        return [f"state_{i}" for i in range(len(self.memory))]


def exported(policy: Policy, border: Border, title: str) -> Exported:
    """The deterministic policy as a graph. Raises ValueError, naming what is in the way, where there is none."""
    algorithm, space = policy.algorithm, border.action_space
    if isinstance(algorithm, Random):
        raise ValueError("The random policy computes nothing: there is nothing to export.")
    parts = list(_parts(border.observation_space))
    start = jax.tree.map(np.asarray, algorithm.initial_carry(policy.state, 1))
    carries, memory_tree = jax.tree.flatten(start)
    memory = [carry[0] for carry in carries]
    choices = mask_size(space) if policy.spec.masked else None
    inputs: dict[str, tuple[tuple[int, ...], Any]] = {
        part.name: (part.space.shape or (), part.dtype) for part in parts
    }
    if choices is not None:
        inputs["action_mask"] = ((choices,), np.bool_)
    inputs |= {f"state_{i}": (array.shape, array.dtype) for i, array in enumerate(memory)}

    def act(learnt: tuple[Any, Any], *arrays: jax.Array) -> list[jax.Array]:
        algorithm, state = learnt
        given = dict(zip(inputs, arrays, strict=True))
        observation = _observation(border.observation_space, given)
        mask = given.get("action_mask")
        carry = jax.tree.unflatten(memory_tree, [given[f"state_{i}"] for i in range(len(memory))])
        end = Clock.finished()
        action, carry, _ = algorithm.act(state, observation, mask, carry, None, end, explore=False)
        return [_action(space, action), *jax.tree.leaves(carry)]

    graph = graph_of(act, (algorithm, policy.state), inputs)
    return Exported(title, graph, parts, choices, memory, space)


def _parts(space: gym.Space, path: tuple[str | int, ...] = ()) -> Iterator[Part]:
    if isinstance(space, gym.spaces.Dict | gym.spaces.Tuple):
        items = space.items() if isinstance(space, gym.spaces.Dict) else enumerate(space.spaces)
        for key, part in items:
            yield from _parts(part, (*path, key))
        return
    kind = np.dtype(space.dtype)
    dtype = np.float32 if kind.kind == "f" else np.uint8 if kind == np.uint8 else np.int32
    words = "_".join(map(str, path))
    name = "".join(c if c.isalnum() else "_" for c in f"observation_{words}") if path else "observation"
    yield Part(name, path, space, np.dtype(dtype))


def _observation(space: gym.Space, given: dict[str, jax.Array], path: tuple[str | int, ...] = ()) -> PyTree:
    """As `Border.observation_in` has it, from its parts."""
    if isinstance(space, gym.spaces.Dict):
        return {key: _observation(part, given, (*path, key)) for key, part in space.items()}
    if isinstance(space, gym.spaces.Tuple):
        return tuple(_observation(part, given, (*path, i)) for i, part in enumerate(space.spaces))
    (part,) = _parts(space, path)
    value = given[part.name]
    start = getattr(space, "start", None)
    if start is not None and np.any(start):
        value = value - np.asarray(start, np.int32)[None]
    several_axes = not isinstance(space, gym.spaces.Box) and len(space.shape or ()) > 1
    return value.reshape(value.shape[0], -1) if several_axes else value


def _action(space: gym.Space, action: jax.Array) -> jax.Array:
    """As `Border.action_out` has it, but for the type."""
    if isinstance(space, gym.spaces.Box):
        bounds = whole_bounds(space) if is_whole(space) else (space.low, space.high)
        action = jnp.round(action) if is_whole(space) else action
        low, high = (np.asarray(bound, np.float32)[None] for bound in bounds)
        return jnp.clip(action, low, high) if np.isfinite([low, high]).any() else action
    if not isinstance(space, gym.spaces.Discrete):
        action = action.reshape(action.shape[0], *(space.shape or ()))
    start = getattr(space, "start", None)
    return action if start is None or not np.any(start) else action + np.asarray(start, np.int32)[None]
