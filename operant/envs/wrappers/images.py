"""Wrappers of images: grey, and smaller."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import equinox as eqx
import gymnasium as gym
import jax
import numpy as np

from operant.envs.base import Environment
from operant.envs.wrappers.base import State, Wrapped, Wrapper
from operant.ops.images import grayscale, resize_area
from operant.spaces import Box, channels_first
from operant.types import EnvSpec


class ImageWrapper(Wrapper):
    """Changes the images that are observed, each by itself."""

    changes_observations: ClassVar[bool] = True

    @abstractmethod
    def image(self, image: Any) -> Any:
        """The new image of one that an environment shows, in NumPy or JAX."""

    def check(self, spec: EnvSpec) -> None:
        if spec.frame_stack != 1:
            raise ValueError(
                f"{type(self).__name__}: the observations of {spec.id} are stacks of {spec.frame_stack}: put "
                "frame-stack after it."
            )

    def native(self, environment: Environment) -> Environment:
        return NativeImages.around(environment, self)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        box: Any = env.observation_space
        low, high = (self.bound(bound) for bound in (box.low, box.high))
        return gym.wrappers.TransformObservation(env, self.image, gym.spaces.Box(low, high, dtype=box.dtype))

    def bound(self, bound: np.ndarray) -> np.ndarray:
        """The new image's bound of the old one's; one number for all pixels, which may be infinite, stays."""
        same = bool((bound == bound.flat[0]).all())
        changed = self.image(np.zeros_like(bound) if same else bound)
        return np.full_like(changed, bound.flat[0]) if same else changed


class NativeImages(Wrapped):
    """The native environment."""

    wrapper: ImageWrapper = eqx.field(static=True)

    @property
    def observation_space(self) -> Box:
        box = self.inner.observation_space
        assert isinstance(box, Box)
        low, high = (self.wrapper.bound(bound.astype(box.dtype)) for bound in box.bounds)
        return Box(tuple(low.ravel().tolist()), tuple(high.ravel().tolist()), low.shape, box.dtype)

    def observation(self, state: State) -> jax.Array:
        return self.wrapper.image(self.inner.observation(state.inner))


@dataclass(frozen=True)
class Grayscale(ImageWrapper):
    """Colours become brightness, 0.299 R + 0.587 G + 0.114 B: `[H, W, 3]` or `[3, H, W]` becomes `[H, W]`.

    Of Atari's colours that is the emulator's own grey screen. Gymnasium's GrayscaleObservation has other weights.
    """

    def check(self, spec: EnvSpec) -> None:
        super().check(spec)
        space = spec.observation_space
        if not isinstance(space, Box) or _channels_last(space.shape)[-1:] != (3,) or len(space.shape) != 3:
            raise self.refuse(spec, "images of three colours", space)

    def image(self, image: Any) -> Any:
        return grayscale(image.transpose(1, 2, 0) if channels_first(image.shape) else image)


@dataclass(frozen=True)
class Resize(ImageWrapper):
    """Images become smaller, each pixel the mean over the area that it covers: `[H, W]` or `[H, W, C]`.

    Those with channels first, `[C, H, W]`, come out with channels last. The numbers are those of Gymnasium's
    ResizeObservation, which takes OpenCV's `INTER_AREA`.
    """

    height: int
    """The new height, in pixels."""
    width: int
    """The new width."""

    def __post_init__(self) -> None:
        self.require_whole("height", 1)
        self.require_whole("width", 1)

    def check(self, spec: EnvSpec) -> None:
        super().check(spec)
        space = spec.observation_space
        if not isinstance(space, Box) or len(space.shape) not in (2, 3):
            raise self.refuse(spec, "images", space)
        height, width = _channels_last(space.shape)[:2]
        if self.height > height or self.width > width:
            raise ValueError(
                f"Resize: {self.height}×{self.width} is more than the {height}×{width} pixels of {spec.id}: it makes "
                "images smaller only."
            )

    def image(self, image: Any) -> Any:
        if image.ndim == 2:
            return resize_area(image, self.height, self.width)
        first = image if channels_first(image.shape) else image.transpose(2, 0, 1)
        return resize_area(first, self.height, self.width).transpose(1, 2, 0)


def _channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[1:], shape[0]) if channels_first(shape) else shape
