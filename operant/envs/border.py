"""Between what a user's environment gives and takes and what policies see and choose, one at a time or in batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import jax
import numpy as np

from operant.envs.gymnasium_spaces import (
    action_to_gym,
    first_action,
    flat_mask,
    observation_to_jax,
    space_to_gymnasium,
)
from operant.envs.gymnasium_values import brief, fault
from operant.types import EnvSpec, PyTree


@dataclass(frozen=True)
class Border:
    """The spaces of an environment as Gymnasium has them: with starts, axes, types and bounds of their own.

    `Border.of(spec)` is an environment's. It is written as JSON values, so that a loaded model acts without its
    environment.
    """

    observation_space: gym.Space
    action_space: gym.Space

    @classmethod
    def of(cls, spec: EnvSpec) -> Border:
        """That of an environment; a native one has the spaces that operant has."""
        if spec.border is not None:
            return spec.border
        return cls(*map(space_to_gymnasium, (spec.observation_space, spec.action_space)))

    def observation_in(self, observation: PyTree) -> tuple[PyTree, bool]:
        """`(observations [M, …] as policies see them, whether they were a batch)`; one becomes a batch of one.

        Raises ValueError, with what is wrong, for what is neither one observation nor a batch of them.
        """
        space = self.observation_space
        pair = isinstance(observation, tuple) and len(observation) == 2 and isinstance(observation[1], dict)
        if pair and not isinstance(space, gym.spaces.Tuple):
            raise ValueError(
                "observation is a pair with a dict: reset() returns (observation, info), of which only the first is "
                f"acted on (observation, info = env.reset()). The observation space is {brief(space)}."
            )
        reason = fault(space, observation)
        if reason is None:
            return jax.tree.map(lambda x: x[None], observation_to_jax(space, observation)), False
        many = _batch_size(space, observation)
        reason = reason if many is None else fault(space, observation, (many,))
        if reason is not None or many == 0:
            what = reason or "observation is a batch of none."
            known = "" if brief(space) in what else f" The observation space is {brief(space)}."
            raise ValueError(f"{what}{known} A batch has one more axis in front.")
        return observation_to_jax(space, observation), True

    def action_mask_in(self, mask: Any, count: int, batched: bool) -> np.ndarray | None:
        """Flags `[M, n]`, True for what is possible, of the mask of one observation or the masks of M.

        Raises ValueError for one of another length, or with nothing possible.
        """
        if mask is None:
            return None
        if not batched:
            return flat_mask(self.action_space, mask)[None]
        if len(mask) != count:
            raise ValueError(f"action_mask holds {len(mask)} masks for {count} observations.")
        return np.stack([flat_mask(self.action_space, one) for one in mask])

    def action_out(self, actions: PyTree, batched: bool = True) -> PyTree:
        """What `env.step` takes: a policy's actions `[M, …]` as a batch, or the first of them alone."""
        actions = action_to_gym(self.action_space, actions)
        return actions if batched else first_action(self.action_space, actions)

    def observation_out(self, observation: PyTree) -> PyTree:
        """What the environment shows, of one observation as policies see it; real numbers as they are."""
        return _shown(self.observation_space, observation)

    def action_in(self, action: PyTree) -> PyTree:
        """An action as policies choose it, of one that the environment takes.

        Raises ValueError, saying what is wrong, for what is none; real numbers may be outside of a Box.
        """
        reason = fault(self.action_space, action, name="action")
        if reason is not None:
            raise ValueError(reason)
        return observation_to_jax(self.action_space, action)

    def to_json(self) -> dict[str, Any]:
        """A value that `json.dumps` takes and `from_json` turns back into an equal border."""
        return {
            "observation_space": to_json(self.observation_space),
            "action_space": to_json(self.action_space),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Border:
        """The inverse of `to_json`. Raises ValueError for what it never wrote."""
        return cls(from_json(value["observation_space"]), from_json(value["action_space"]))


def _shown(space: gym.Space, observation: PyTree) -> PyTree:
    if isinstance(space, gym.spaces.Dict):
        return {name: _shown(part, observation[name]) for name, part in space.items()}
    if isinstance(space, gym.spaces.Tuple):
        return tuple(_shown(part, own) for part, own in zip(space.spaces, observation, strict=True))
    return observation if isinstance(space, gym.spaces.Box) else action_to_gym(space, observation)


def _batch_size(space: gym.Space, value: PyTree) -> int | None:
    """How many observations a value holds, by its first part; None where that has no axis too many."""
    while isinstance(space, gym.spaces.Dict | gym.spaces.Tuple):
        try:
            key: Any = next(iter(space)) if isinstance(space, gym.spaces.Dict) else 0
            space, value = space[key], value[key]
        except (KeyError, IndexError, TypeError, StopIteration):
            return None
    try:
        shape = np.shape(value)
    except ValueError:
        return None
    return shape[0] if len(shape) == len(space.shape or ()) + 1 else None


def to_json(space: gym.Space) -> dict[str, Any]:
    """A Gymnasium space as JSON values: numbers exactly, arrays of one number as that number, infinities as text."""
    kind: dict[str, Any] = {"kind": type(space).__name__}
    if isinstance(space, gym.spaces.Dict):
        return kind | {"items": [[key, to_json(part)] for key, part in space.items()]}
    if isinstance(space, gym.spaces.Tuple):
        return kind | {"items": [to_json(part) for part in space.spaces]}
    own = kind | {"dtype": np.dtype(space.dtype).name}
    if isinstance(space, gym.spaces.Box):
        return own | {"low": _written(space.low), "high": _written(space.high), "shape": list(space.shape)}
    if isinstance(space, gym.spaces.Discrete):
        return own | {"n": int(space.n), "start": int(space.start)}
    if isinstance(space, gym.spaces.MultiDiscrete):
        return own | {"nvec": space.nvec.tolist(), "start": space.start.tolist()}
    assert isinstance(space, gym.spaces.MultiBinary)
    return own | {"n": int(space.n) if isinstance(space.n, int | np.integer) else list(space.shape)}


def from_json(value: Mapping[str, Any]) -> gym.Space:
    """The inverse of `to_json`; the kind comes from a closed list.

    Raises:
        ValueError: it is no space, naming what is wrong.
    """
    try:
        return _from_json(value)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, AssertionError) as error:
        raise ValueError(f"{value!r} is no space: {type(error).__name__}: {error}") from error


def _from_json(value: Mapping[str, Any]) -> gym.Space:
    kind = value["kind"]
    if kind == "Dict":
        return gym.spaces.Dict([(key, _from_json(part)) for key, part in value["items"]])
    if kind == "Tuple":
        return gym.spaces.Tuple([_from_json(part) for part in value["items"]])
    if kind not in ("Box", "Discrete", "MultiDiscrete", "MultiBinary"):
        raise ValueError(f"Unknown space kind {kind!r}.")
    dtype: Any = np.dtype(value["dtype"]).type
    if kind == "Box":
        shape = tuple(value["shape"])
        low, high = (_read(value[name], shape, dtype) for name in ("low", "high"))
        return gym.spaces.Box(low, high, shape, dtype)
    if kind == "Discrete":
        other = {} if dtype is np.int64 else {"dtype": dtype}  # not in every release that will do
        return gym.spaces.Discrete(int(value["n"]), start=int(value["start"]), **other)
    if kind == "MultiDiscrete":
        return gym.spaces.MultiDiscrete(value["nvec"], dtype, start=value["start"])
    return gym.spaces.MultiBinary(value["n"])


def _written(bound: np.ndarray) -> Any:
    """The numbers of a bound, flattened, or the one that all are."""
    flat = bound.ravel()
    same = flat.size and (flat == flat[0]).all()
    values = [str(x) if np.isinf(x) else x.item() for x in (flat[:1] if same else flat)]
    return values[0] if same else values


def _read(values: Any, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    if isinstance(values, list):
        return np.array([dtype(float(x) if isinstance(x, str) else x) for x in values], dtype).reshape(shape)
    return np.full(shape, float(values) if isinstance(values, str) else values, dtype)
