"""Spaces: what observations and actions look like, as static, hashable values.

They mirror Gymnasium's, with two differences. A space here never holds a generator (`sample` takes a key), and it is
hashable, so it can be a static part of a jitted program. Numbers follow JAX's defaults: `int32` and `float32`;
pixels stay `uint8`. `Discrete` values count from 0; a Gymnasium space that starts elsewhere is shifted at the bridge.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Bound = float | tuple[float, ...]


@dataclass(frozen=True)
class Box:
    """Real vectors, matrices or images between `low` and `high` (one number for all, or one an element, flattened)."""

    low: Bound
    high: Bound
    shape: tuple[int, ...]
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            bound = getattr(self, name)
            if isinstance(bound, tuple) and len(bound) != math.prod(self.shape):
                needed = math.prod(self.shape)
                raise ValueError(f"Box.{name} has {len(bound)} numbers; shape {self.shape} needs {needed}.")
            if isinstance(bound, tuple) and len(set(bound)) == 1:  # one way to write it: spaces are compared
                object.__setattr__(self, name, bound[0])

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """`(low, high)`, each of the space's shape."""
        size = (math.prod(self.shape),)
        low, high = (np.broadcast_to(np.asarray(bound, np.float64), size) for bound in (self.low, self.high))
        return low.reshape(self.shape), high.reshape(self.shape)

    @property
    def bounded(self) -> bool:
        """Whether every element has finite bounds on both sides."""
        return all(bool(np.isfinite(b).all()) for b in self.bounds)

    def sample(self, key: jax.Array) -> jax.Array:
        """Uniform between finite bounds; an unbounded side falls back on a unit-scale normal, as Gymnasium does."""
        low, high = (bound.astype(np.float32) for bound in self.bounds)
        finite = np.isfinite(low) & np.isfinite(high)
        key_bounded, key_unbounded = jax.random.split(key)
        uniform = jax.random.uniform(key_bounded, self.shape, dtype=jnp.float32)
        below, above = np.where(finite, low, 0), np.where(finite, high, 0)
        integers = np.issubdtype(self.dtype, np.integer)
        value = (
            below * (1 - uniform) + (above + integers) * uniform
        )  # high − low may be more than float32 holds
        if not finite.all():
            value = jnp.where(finite, value, jax.random.normal(key_unbounded, self.shape, dtype=jnp.float32))
        value = jnp.floor(value) if integers else value
        return jnp.clip(value, low, high).astype(self.dtype)


@dataclass(frozen=True)
class Discrete:
    """One of `n` choices, 0 to n−1."""

    n: int

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    @property
    def dtype(self) -> str:
        return "int32"

    def sample(self, key: jax.Array) -> jax.Array:
        return jax.random.randint(key, (), 0, self.n, dtype=jnp.int32)


@dataclass(frozen=True)
class MultiDiscrete:
    """Several independent choices; the i-th is one of `nvec[i]`."""

    nvec: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.nvec),)

    @property
    def dtype(self) -> str:
        return "int32"

    def sample(self, key: jax.Array) -> jax.Array:
        return jax.random.randint(key, self.shape, 0, jnp.asarray(self.nvec), dtype=jnp.int32)


@dataclass(frozen=True)
class MultiBinary:
    """`n` independent switches, each 0 or 1."""

    n: int

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.n,)

    @property
    def dtype(self) -> str:
        return "int32"

    def sample(self, key: jax.Array) -> jax.Array:
        return jax.random.bernoulli(key, 0.5, self.shape).astype(jnp.int32)


@dataclass(frozen=True)
class Dict:
    """Named parts, in the order of their names (so that it is also the order of JAX's pytrees)."""

    items: tuple[tuple[str, Space], ...]

    @classmethod
    def of(cls, parts: Mapping[str, Space]) -> Dict:
        return cls(tuple(sorted(parts.items())))

    @property
    def parts(self) -> dict[str, Space]:
        return dict(self.items)

    def sample(self, key: jax.Array) -> dict[str, Any]:
        keys = jax.random.split(key, len(self.items))
        return {name: space.sample(k) for (name, space), k in zip(self.items, keys, strict=True)}


@dataclass(frozen=True)
class Tuple:
    """Parts by position."""

    items: tuple[Space, ...]

    def sample(self, key: jax.Array) -> tuple[Any, ...]:
        keys = jax.random.split(key, len(self.items))
        return tuple(space.sample(k) for space, k in zip(self.items, keys, strict=True))


Space = Box | Discrete | MultiDiscrete | MultiBinary | Dict | Tuple
KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (Box, Discrete, MultiDiscrete, MultiBinary, Dict, Tuple)
}


def channels_first(shape: tuple[int, ...]) -> bool:
    """Whether an image of this shape is taken for `[C, H, W]`: its first axis is shorter than both of the others."""
    return len(shape) == 3 and shape[0] < min(shape[1:])


def holds_pixels(space: Space) -> bool:
    """Whether a space is of bytes up to 255, or of numbers from 0 to 255 of another type, over two axes or more."""
    if not isinstance(space, Box):
        return False
    low, high = space.bounds
    if space.dtype == "uint8":
        return bool(high.size) and high.max() == 255
    return len(space.shape) >= 2 and bool((low == 0).all() and (high == 255).all())


def example(space: Space, leading: tuple[int, ...] = ()) -> Any:
    """Zeros of the space's structure, each leaf with `leading` axes in front: what buffers are allocated from."""
    if isinstance(space, Dict):
        return {name: example(part, leading) for name, part in space.items}
    if isinstance(space, Tuple):
        return tuple(example(part, leading) for part in space.items)
    return jnp.zeros((*leading, *space.shape), space.dtype)


def mismatch(
    space: Space, value: Any, leading: tuple[int, ...] = (), name: str = "observation"
) -> str | None:
    """Why `value` is not of this space's structure, shapes and kind of number, in one sentence; None when it is."""
    if isinstance(space, Dict):
        if not isinstance(value, Mapping) or set(value) != set(space.parts):
            got = sorted(value) if isinstance(value, Mapping) else type(value).__name__
            return f"{name} must be a dict with the keys {sorted(space.parts)}; got {got}."
        reasons = (mismatch(part, value[key], leading, f"{name}[{key!r}]") for key, part in space.items)
        return next((reason for reason in reasons if reason), None)
    if isinstance(space, Tuple):
        if not isinstance(value, tuple | list) or len(value) != len(space.items):
            got = type(value).__name__ + (f" of {len(value)}" if isinstance(value, tuple | list) else "")
            return f"{name} must be a tuple of {len(space.items)} parts; got {got}."
        parts = enumerate(zip(space.items, value, strict=True))
        reasons = (mismatch(part, v, leading, f"{name}[{i}]") for i, (part, v) in parts)
        return next((reason for reason in reasons if reason), None)
    try:
        array = np.asarray(value)
    except ValueError:
        return f"{name} must be an array of numbers; its rows differ in length."
    if (expected := (*leading, *space.shape)) != array.shape:
        return f"{name} must have shape {expected}; got {array.shape}."
    if array.dtype.kind not in "biuf":
        return f"{name} must hold numbers; got {array.dtype}."
    return None


def cast(space: Space, value: Any) -> Any:
    """`value`, lists and all, as NumPy arrays of the space's structure and types; any leading axes are kept."""
    if isinstance(space, Dict):
        return {name: cast(part, value[name]) for name, part in space.items}
    if isinstance(space, Tuple):
        return tuple(cast(part, v) for part, v in zip(space.items, value, strict=True))
    return np.asarray(value, space.dtype)


def describe(space: Space) -> str:
    """One line for tables and error messages, such as `Box(4)` or `Dict(goal: Box(2), view: Box(8×8×3 uint8))`."""
    if isinstance(space, Box):
        size = "×".join(map(str, space.shape)) or "scalar"
        return f"Box({size})" if space.dtype == "float32" else f"Box({size} {space.dtype})"
    if isinstance(space, Dict):
        return f"Dict({', '.join(f'{name}: {describe(part)}' for name, part in space.items)})"
    if isinstance(space, Tuple):
        return f"Tuple({', '.join(map(describe, space.items))})"
    size = ", ".join(map(str, space.nvec)) if isinstance(space, MultiDiscrete) else str(space.n)
    return f"{type(space).__name__}({size})"


def to_json(space: Space) -> dict[str, Any]:
    """A value that `json.dumps` takes and `from_json` turns back into an equal space."""
    if isinstance(space, Dict):
        return {"kind": "Dict", "items": {name: to_json(part) for name, part in space.items}}
    if isinstance(space, Tuple):
        return {"kind": "Tuple", "items": [to_json(part) for part in space.items]}
    values = {field.name: getattr(space, field.name) for field in fields(space)}
    if isinstance(space, Box):  # JSON has no infinities: they travel as strings
        values |= {name: jax.tree.map(str, values[name]) for name in ("low", "high")}
    return {"kind": type(space).__name__, **values}


def from_json(value: Mapping[str, Any]) -> Space:
    """The inverse of `to_json`; the kind comes from a closed list."""
    values = dict(value)
    kind = values.pop("kind", None)
    if kind not in KINDS:
        raise ValueError(f"Unknown space kind {kind!r}; known: {', '.join(KINDS)}.")
    if kind == "Dict":
        return Dict.of({name: from_json(part) for name, part in values["items"].items()})
    if kind == "Tuple":
        return Tuple(tuple(from_json(part) for part in values["items"]))
    if kind == "Box":
        for name in ("low", "high"):
            bound = values[name]
            values[name] = tuple(map(float, bound)) if isinstance(bound, list | tuple) else float(bound)
    return KINDS[kind](**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})
