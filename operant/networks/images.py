"""Residual stages of convolutions, and the normalisation of images."""

from __future__ import annotations

from collections.abc import Callable

import equinox as eqx
import jax

from operant.networks.convolution import Convolution
from operant.networks.layers import LayerNorm
from operant.networks.pooling import max_pool
from operant.networks.published import Filters, Norm
from operant.networks.spectral import SpectralConvolution

AnyConvolution = Convolution | SpectralConvolution
Build = Callable[..., AnyConvolution]
POOLED = 3  # rows and columns of which a residual stage takes the largest
BLOCKS = 2  # residual blocks of a stage


class ImageNorm(eqx.Module):
    """An image `[..., h, w, c]` with mean 0 and variance 1, then an affine map of each of its elements."""

    norm: LayerNorm  # [h·w·c]

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.norm(x.reshape(*x.shape[:-3], -1)).reshape(x.shape)


def image_norm(kind: Norm, shape: tuple[int, int, int]) -> LayerNorm | ImageNorm | None:
    """The normalisation of images of this shape: of the channels of each pixel, or of all elements together."""
    height, width, channels = shape
    if kind == "none":
        return None
    return (
        LayerNorm.build(channels)
        if kind == "channels"
        else ImageNorm(LayerNorm.build(height * width * channels))
    )


class ResidualConvolution(eqx.Module):
    """x + C₂ max(C₁ max(x, 0), 0), with convolutions C that keep the size of an image."""

    first: AnyConvolution
    second: AnyConvolution

    def __call__(self, x: jax.Array) -> jax.Array:
        return x + self.second(jax.nn.relu(self.first(jax.nn.relu(x))))


class ResidualStage(eqx.Module):
    """A convolution that keeps the size of an image, pooling that makes it smaller, and two residual blocks.

    Espeholt et al. 2018, arXiv:1802.01561, figure 3 (right). Pooling is centred on every `stride`-th pixel, as Clark
    et al. 2025, arXiv:2411.03820, have it, who also normalise before it; with a stride of 1 there is none.
    """

    convolution: Convolution
    norm: LayerNorm | ImageNorm | None
    blocks: tuple[ResidualConvolution, ...]
    stride: int = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        shape: tuple[int, int, int],
        filters: Filters,
        key: jax.Array,
        *,
        initialization: str,
        gain: float,
        norm: Norm,
        spectral: bool,
    ) -> ResidualStage:
        """For images of this shape; `spectral` is for the convolutions in the blocks."""
        height, width, channels = shape
        count, kernel, stride = filters
        key_first, *keys = jax.random.split(key, 1 + 2 * BLOCKS)
        of: Build = SpectralConvolution.build if spectral else Convolution.build

        def convolution(build: Build, size_in: int, key: jax.Array) -> AnyConvolution:
            return build(size_in, count, kernel, 1, key, initialization, gain, padding=kernel // 2)

        first = convolution(Convolution.build, channels, key_first)
        assert isinstance(first, Convolution)
        blocks = tuple(
            ResidualConvolution(convolution(of, count, one), convolution(of, count, other))
            for one, other in zip(keys[::2], keys[1::2], strict=True)
        )
        return cls(first, image_norm(norm, (height, width, count)), blocks, stride)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = self.convolution(x)
        x = x if self.norm is None else self.norm(x)
        if self.stride > 1:
            x = max_pool(x, POOLED, self.stride, POOLED // 2)
        for block in self.blocks:
            x = block(x)
        return x
