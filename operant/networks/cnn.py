"""The encoder of images."""

from __future__ import annotations

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.networks.config import Network
from operant.networks.convolution import Convolution
from operant.networks.encoder import Encoder, as_floats
from operant.networks.images import ImageNorm, ResidualStage, image_norm
from operant.networks.layers import MLP, LayerNorm
from operant.networks.pooling import adaptive_max_pool
from operant.networks.spectral import SpectralConvolution
from operant.spaces import Box, channels_first, describe
from operant.types import PyTree


class CNN(Encoder):
    """Convolutions, or stages of them, and one linear layer, each followed by ReLU: see `Network.convolutions`.

    With 0 `convolution_features` the linear layer is left out. Stacks of k images `[k, H, W, C]`, as Gymnasium's
    FrameStackObservation makes them, are taken as `[H, W, k·C]`.
    """

    convolutions: tuple[Convolution | SpectralConvolution | ResidualStage, ...]
    projection: MLP | None
    space: Box = eqx.field(static=True)
    channels_first: bool = eqx.field(static=True)
    features: int = eqx.field(static=True)
    norms: tuple[LayerNorm | ImageNorm, ...] = ()  # one a convolution, or none
    pooling: int = eqx.field(static=True, default=0)  # rows and columns; 0: as many as there are

    @classmethod
    def of(cls, config: Network, space: Box, key: jax.Array) -> CNN:
        *stack, shape = *space.shape[:-3], space.shape[-3:]
        first = config.channels == "first" or (config.channels == "auto" and channels_first(shape))
        height, width, channels = (*shape[1:], shape[0]) if first else shape
        channels *= math.prod(stack)
        layers, residual, features = config.image_layers
        keys = jax.random.split(key, len(layers) + 1)
        start: dict[str, Any] = {"initialization": config.initialization, "gain": math.sqrt(2)}
        build = SpectralConvolution.build if config.spectral_norm else Convolution.build
        convolutions, norms = [], []
        for (filters, kernel, stride), k in zip(layers, keys[:-1], strict=True):
            if residual:
                norm, spectral, of = config.convolution_norm, config.spectral_norm, (filters, kernel, stride)
                size = (height, width, channels)
                stage = ResidualStage.build(size, of, k, norm=norm, spectral=spectral, **start)
                convolutions.append(stage)
                height, width = -(-height // stride), -(-width // stride)
            elif min(height, width) < kernel:
                raise ValueError(
                    f"network.convolutions={config.convolutions} do not fit {describe(space)}: a kernel of "
                    f"{kernel} meets {height}×{width} pixels. Choose smaller kernels, or () to flatten the image."
                )
            else:
                convolutions.append(build(channels, filters, kernel, stride, k, **start))
                height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
                norms.append(image_norm(config.convolution_norm, (height, width, filters)))
            channels = filters
        pooling = config.convolution_pooling
        size = (pooling**2 if pooling else height * width) * channels
        projection = None
        if features:
            projection = MLP.build(
                size,
                (features,),
                None,
                keys[-1],
                activation="relu",
                layer_norm=config.convolution_norm != "none",
                initialization=config.initialization,
            )
        norms = tuple(norm for norm in norms if norm is not None)
        return cls(tuple(convolutions), projection, space, first, features or size, norms, pooling)

    @property
    def size(self) -> int:
        return self.features

    def __call__(self, observation: PyTree, *, key: jax.Array | None = None) -> jax.Array:
        x = as_floats(observation, self.space)
        x = jnp.moveaxis(x, -3, -1) if self.channels_first else x
        if len(self.space.shape) == 4:
            x = jnp.moveaxis(x, -4, -2)
            x = x.reshape(*x.shape[:-2], -1)
        for i, convolution in enumerate(self.convolutions):
            x = convolution(x)
            x = self.norms[i](x) if self.norms else x
            # A stage ends in a sum, and the next one begins with a convolution.
            last = i == len(self.convolutions) - 1
            x = jax.nn.relu(x) if last or not isinstance(convolution, ResidualStage) else x
        x = adaptive_max_pool(x, self.pooling) if self.pooling else x
        x = x.reshape(*x.shape[:-3], -1)
        return x if self.projection is None else self.projection(x)
