"""Encoders: from raw observations of any space to one vector of features."""

from __future__ import annotations

import inspect
import math
from abc import abstractmethod
from dataclasses import replace
from functools import reduce
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.networks.config import Combine, Network, UserModule
from operant.networks.hidden import Layers, hidden_layers
from operant.spaces import (
    Box,
    Dict,
    Discrete,
    MultiBinary,
    MultiDiscrete,
    Space,
    Tuple,
    describe,
    example,
    holds_pixels,
)
from operant.types import PyTree


class Encoder(eqx.Module):
    """`encoder(observation) -> features [..., size]`, for observations with any leading axes."""

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of features that it gives."""

    @abstractmethod
    def __call__(self, observation: PyTree, *, key: jax.Array | None = None) -> jax.Array:
        """`key` turns dropout on."""

    @staticmethod
    def build(
        config: Network | UserModule, space: Space, key: jax.Array, *, stacked: bool = False
    ) -> Encoder:
        """The encoder of a space's observations: as `config` says, or the user's own module.

        `stacked` says that they are a `FrameStack`'s, whose images have their channels last.

        Raises:
            ValueError: the configuration does not fit the space; it says what does.
        """
        if isinstance(config, UserModule):
            return encode_with(config.module, space)
        names = _names(space)
        for name, _ in config.encoders:
            if name not in names:
                known = f"its inputs are {', '.join(names)}" if names else "it has no named inputs"
                raise ValueError(f"network.encoders names {name!r}; of {describe(space)} {known}.")
        if stacked and config.channels == "auto":
            config = replace(config, channels="last")
        return _build(config, space, key, "")


class Flatten(Encoder):
    """Numbers as they are, pixels divided by 255, choices one-hot: no weights."""

    space: Box | Discrete | MultiDiscrete | MultiBinary = eqx.field(static=True)

    @property
    def size(self) -> int:
        if isinstance(self.space, Discrete):
            return self.space.n
        return sum(self.space.nvec) if isinstance(self.space, MultiDiscrete) else math.prod(self.space.shape)

    def __call__(self, observation: PyTree, *, key: jax.Array | None = None) -> jax.Array:
        if isinstance(self.space, Discrete):
            return jax.nn.one_hot(observation, self.space.n)
        if isinstance(self.space, MultiDiscrete):
            parts = [jax.nn.one_hot(observation[..., i], n) for i, n in enumerate(self.space.nvec)]
            return jnp.concatenate(parts, axis=-1)
        leading = observation.shape[: observation.ndim - len(self.space.shape)]
        return as_floats(observation, self.space).reshape(*leading, self.size)


class DictEncoder(Encoder):
    """One encoder for each part of a Dict or Tuple, whose features are concatenated, summed or multiplied."""

    parts: tuple[Encoder, ...]
    names: tuple[str | int, ...] = eqx.field(static=True)
    combine: Combine = eqx.field(static=True)

    @property
    def size(self) -> int:
        sizes = [part.size for part in self.parts]
        return sum(sizes) if self.combine == "concatenate" else sizes[0]

    def __call__(self, observation: PyTree, *, key: jax.Array | None = None) -> jax.Array:
        features = [
            part(observation[name], key=None if key is None else jax.random.fold_in(key, i))
            for i, (name, part) in enumerate(zip(self.names, self.parts, strict=True))
        ]
        if self.combine == "concatenate":
            return jnp.concatenate(features, axis=-1)
        return reduce(jnp.add if self.combine == "sum" else jnp.multiply, features)


class Sequential(Encoder):
    """An encoder, followed by an MLP."""

    first: Encoder
    then: Layers

    @property
    def size(self) -> int:
        return self.then.size

    def __call__(self, observation: PyTree, *, key: jax.Array | None = None) -> jax.Array:
        keys = (None, None) if key is None else tuple(jax.random.split(key))
        return self.then(self.first(observation, key=keys[0]), key=keys[1])


class ModuleEncoder(Encoder):
    """A user's Equinox module, from one raw observation to a vector of features, mapped over all leading axes.

    Its arrays are learnt. Its other leaves (activation functions, flags) are moved to a static part, so that
    plain `jax.jit`, `jax.vmap` and `jax.grad` take it. Without a key it runs in inference mode.
    """

    arrays: PyTree
    rest: tuple[Any, ...] = eqx.field(static=True)  # the other leaves; None in the arrays' places
    structure: Any = eqx.field(static=True)
    space: Space = eqx.field(static=True)
    features: int = eqx.field(static=True)

    @property
    def size(self) -> int:
        return self.features

    @property
    def module(self) -> Any:
        """The module as the user wrote it."""
        return jax.tree.unflatten(
            self.structure, [r if a is None else a for a, r in zip(self.arrays, self.rest, strict=True)]
        )

    def __call__(self, observation: PyTree, *, key: jax.Array | None = None) -> jax.Array:
        ranks = jax.tree.map(jnp.ndim, example(self.space))
        first, rank = jax.tree.leaves(observation)[0], jax.tree.leaves(ranks)[0]
        leading = first.shape[: first.ndim - rank]
        flat = jax.tree.map(lambda x, rank: x.reshape(-1, *x.shape[x.ndim - rank :]), observation, ranks)
        if key is None:
            features = jax.vmap(eqx.nn.inference_mode(self.module))(flat)
        elif "key" in inspect.signature(type(self.module).__call__).parameters:
            keys = jax.random.split(key, math.prod(leading))
            features = jax.vmap(lambda x, k: self.module(x, key=k))(flat, keys)
        else:
            features = jax.vmap(self.module)(flat)
        return features.reshape(*leading, self.features)


def encode_with(module: Any, space: Space) -> ModuleEncoder:
    """Wrap the user's module.

    Raises:
        ValueError: it cannot be called, cannot be learned, or makes no vector of floats from an observation.
    """
    name = type(module).__name__
    if not isinstance(module, eqx.Module) or not callable(module):
        raise ValueError(
            f"network={module!r} must be an operant.Network or a callable Equinox module; it is a {name}."
        )
    for layer in jax.tree.leaves(module, is_leaf=lambda x: isinstance(x, eqx.nn.StatefulLayer)):
        if isinstance(layer, eqx.nn.StatefulLayer):
            raise ValueError(
                f"network={name} holds a {type(layer).__name__}, whose running statistics cannot be kept while "
                "learning. Use a layer without them, such as LayerNorm; normalize_observations=True normalises inputs."
            )
    leaves, structure = jax.tree.flatten(module)
    leaves = [jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf for leaf in leaves]
    for leaf in leaves:
        if eqx.is_array(leaf) and not jnp.issubdtype(leaf.dtype, jnp.floating):
            raise ValueError(
                f"network={name} holds an array of {leaf.dtype} {leaf.shape}, which cannot be learned. "
                "Keep it as a tuple in a static field (equinox.field(static=True))."
            )
    arrays = [leaf if eqx.is_array(leaf) else None for leaf in leaves]
    rest = tuple(None if eqx.is_array(leaf) else leaf for leaf in leaves)
    try:
        module = eqx.nn.inference_mode(module)
        output = jax.eval_shape(module, example(space))
    except Exception as error:
        raise ValueError(
            f"network={name} must take one observation of {describe(space)}; "
            f"it raised {type(error).__name__}: {error}"
        ) from error
    if not isinstance(output, jax.ShapeDtypeStruct) or len(output.shape) != 1 or output.dtype != jnp.float32:
        raise ValueError(
            f"network={name} must make one vector of float32 features from an observation; it made {output}."
        )
    return ModuleEncoder(arrays, rest, structure, space, output.shape[0])


def _build(config: Network, space: Space, key: jax.Array, name: str) -> Encoder:
    key_own, key_mlp = jax.random.split(key)
    if isinstance(space, Dict | Tuple):
        items = space.items if isinstance(space, Dict) else tuple(enumerate(space.items))
        keys = jax.random.split(key_own, len(items))
        names = [f"{name}/{n}" if name else str(n) for n, _ in items]
        parts = [_build(config, part, k, n) for n, (_, part), k in zip(names, items, keys, strict=True)]
        sizes = {n: part.size for n, part in zip(names, parts, strict=True)}
        if config.combine != "concatenate" and len(set(sizes.values())) > 1:
            raise ValueError(
                f"network.combine={config.combine!r} needs inputs of one size; they have {sizes}. "
                "Give each input a last layer of the same size in network.encoders, or concatenate them."
            )
        encoder: Encoder = DictEncoder(tuple(parts), tuple(n for n, _ in items), config.combine)
    elif isinstance(space, Box) and _is_image(space) and config.convolutions:
        from operant.networks.cnn import CNN  # only who sees images needs its layers

        encoder = CNN.of(config, space, key_own)
    else:
        encoder = Flatten(space)
    sizes = dict(config.encoders).get(name, ())
    if not sizes:
        return encoder
    plain = replace(config, architecture="mlp")  # these are the layers after all encoders
    return Sequential(encoder, hidden_layers(plain, encoder.size, sizes, None, key_mlp))


def _names(space: Space, name: str = "") -> list[str]:
    """The names of all parts, as `Network.encoders` takes them."""
    if not isinstance(space, Dict | Tuple):
        return [name] if name else []
    items = space.items if isinstance(space, Dict) else tuple(enumerate(space.items))
    names = [known for n, part in items for known in _names(part, f"{name}/{n}" if name else str(n))]
    return [name, *names] if name else names


def _is_image(space: Box) -> bool:
    """Whether it has three axes, or four and holds pixels (a stack of images)."""
    return len(space.shape) == 3 or (len(space.shape) == 4 and holds_pixels(space))


def as_floats(x: jax.Array, space: Space) -> jax.Array:
    """Pixels divided by 255; all else is only cast."""
    return x.astype(jnp.float32) / 255 if holds_pixels(space) else x.astype(jnp.float32)
