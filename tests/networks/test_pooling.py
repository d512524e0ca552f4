"""Pooling against PyTorch's definitions, by a loop over every window."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import normal

from operant.networks.pooling import adaptive_max_pool, max_pool


@pytest.mark.parametrize(
    ("size", "window", "stride", "padding"),
    [((8, 7), 3, 2, 1), ((9, 10), 2, 2, 0), ((7, 5), 3, 1, 1), ((6, 11), 3, 4, 0)],
)
def test_max_pool_is_the_largest_of_each_window(size, window, stride, padding):
    x = np.asarray(normal(2, *size, 3)) - 5  # zeros beyond the image would be the largest
    y = np.asarray(max_pool(jnp.asarray(x), window, stride, padding))
    height, width = ((n + 2 * padding - window) // stride + 1 for n in size)
    assert y.shape == (2, height, width, 3)
    for i in range(height):
        for j in range(width):
            top, left = i * stride - padding, j * stride - padding
            part = x[:, max(top, 0) : top + window, max(left, 0) : left + window]
            np.testing.assert_array_equal(y[:, i, j], part.max((1, 2)))


@pytest.mark.parametrize(
    ("size", "pooled"), [((11, 11), 6), ((13, 7), 4), ((3, 5), 6), ((6, 6), 6), ((5, 9), 1)]
)
def test_adaptive_max_pool_is_the_largest_of_each_part(size, pooled):
    x = np.asarray(normal(2, *size, 3))
    y = np.asarray(adaptive_max_pool(jnp.asarray(x), pooled))
    assert y.shape == (2, pooled, pooled, 3)
    for i in range(pooled):
        for j in range(pooled):
            (top, bottom), (left, right) = (
                (int(np.floor(k * n / pooled)), int(np.ceil((k + 1) * n / pooled)))
                for k, n in zip((i, j), size, strict=True)
            )
            np.testing.assert_array_equal(y[:, i, j], x[:, top:bottom, left:right].max((1, 2)))


def test_max_pool_gives_the_gradient_to_the_largest_and_shares_it_between_equals():
    x = jnp.asarray([[1.0, 5.0, 2.0], [3.0, 5.0, 0.0]])[..., None]
    gradient = jax.grad(lambda x: jnp.sum(max_pool(x, 2, 1)))(x)[..., 0]
    np.testing.assert_allclose(gradient, [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
