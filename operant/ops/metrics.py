"""Metrics that are not there at every update: what says so, and averages over those that are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp


class Masked(NamedTuple):
    """A metric that an update may not have computed: absent where `mask` is False, whatever `value` is then.

    It is left out of averages there, and of rows, files and pictures where it was absent all along.
    """

    value: jax.Array
    mask: jax.Array  # bool, of value's shape


Metrics = Mapping[str, jax.Array | Masked]


def only_where(mask: jax.Array, metrics: Metrics) -> dict[str, jax.Array | Masked]:
    """The metrics as they are where `mask` (bool, a scalar) is True, and absent elsewhere."""

    def one(metric: jax.Array | Masked) -> Masked:
        if isinstance(metric, Masked):
            return Masked(metric.value, metric.mask & mask)
        return Masked(metric, jnp.broadcast_to(mask, jnp.shape(metric)))

    return {name: one(metric) for name, metric in metrics.items()}


def mean_metrics(metrics: Metrics) -> dict[str, jax.Array | Masked]:
    """Means over the first axis, of those that are there; absent where none is."""

    def one(metric: jax.Array | Masked) -> jax.Array | Masked:
        if not isinstance(metric, Masked):
            return jnp.mean(metric, 0)
        total = jnp.sum(jnp.where(metric.mask, metric.value, 0.0), 0)
        return Masked(total / jnp.maximum(jnp.sum(metric.mask, 0), 1), jnp.any(metric.mask, 0))

    return {name: one(metric) for name, metric in metrics.items()}
