"""Convolutions against XLA's own: values and all gradients, whatever the platform chooses."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import call, filled, normal

from operant.networks import Convolution, convolution


def reference(layer, x):
    s, p = layer.stride, layer.padding
    y = jax.lax.conv_general_dilated(
        x, layer.weight, (s, s), [(p, p), (p, p)], dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return y + jnp.broadcast_to(layer.bias, y.shape)


@pytest.mark.parametrize(
    ("size", "channels", "kernel", "stride", "padding"),
    [
        ((20, 20), 3, 8, 4, 0),
        ((7, 6), 3, 3, 1, 0),
        ((10, 13), 1, 5, 2, 0),
        ((11, 8), 3, 2, 3, 0),
        ((7, 9), 3, 3, 1, 1),
        ((9, 6), 64, 3, 2, 1),
        ((5, 5), 2, 5, 1, 2),
    ],
)
def test_convolution_is_xlas_with_its_gradients(size, channels, kernel, stride, padding):
    layer = filled(lambda key: Convolution.build(channels, 4, kernel, stride, key, padding=padding))
    x = normal(2, *size, channels)
    expected = reference(layer, x)
    np.testing.assert_allclose(call(layer, x), expected, rtol=1e-4, atol=1e-4)
    weights = normal(*expected.shape)
    ours, theirs = (
        jax.jit(jax.grad(lambda layer, x, f=f: jnp.sum(f(layer, x) * weights), argnums=(0, 1)))(layer, x)
        for f in (lambda layer, x: layer(x), reference)
    )
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_convolution_takes_any_leading_axes():
    layer = filled(lambda key: Convolution.build(1, 2, 2, 1, key))
    x = normal(2, 3, 4, 5, 1)
    y = call(layer, x)
    assert y.shape == (2, 3, 3, 4, 2)
    np.testing.assert_allclose(y[1, 2], call(layer, x[1, 2]), atol=1e-5)


def gradients(f, layer, x, weights):
    return jax.grad(lambda layer, x: jnp.sum(f(layer, x) * weights), argnums=(0, 1))(layer, x)


def assert_close(ours, theirs, atol=1e-4):
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=atol)


@pytest.mark.parametrize("count", [1, 9, 40])
def test_convolution_of_slices_is_that_of_all_images(count, monkeypatch):
    """With slices of 2 to 3 images, and loops over groups of 12 of them: one, a rest of 1, three and a rest of 4."""
    for name, value in (("LEAST", 2), ("MOST", 3), ("SLICES", 4)):
        monkeypatch.setattr(convolution, name, value)
    layer = filled(lambda key: Convolution.build(2, 3, 3, 2, key, padding=1))
    x = normal(count, 5, 6, 2)
    expected, weights = reference(layer, x), normal(count, 3, 3, 3)
    np.testing.assert_allclose(jax.jit(lambda layer, x: layer(x))(layer, x), expected, rtol=1e-4, atol=1e-4)
    ours = jax.jit(lambda layer, x: gradients(lambda layer, x: layer(x), layer, x, weights))(layer, x)
    assert_close(ours, gradients(reference, layer, x, weights))


@pytest.mark.parametrize("of", ["learners", "images"])
def test_convolution_of_many_is_that_of_each(of):
    """Learners with weights of their own, and the same weights for several batches; within a loop, with gradients."""
    layers = [filled(lambda key: Convolution.build(2, 3, 3, 1, key, padding=1)) for _ in range(3)]
    layer = jax.tree.map(lambda *leaves: jnp.stack(leaves), *layers) if of == "learners" else layers[0]
    x, weights = normal(3, 4, 5, 6, 2), normal(4, 5, 6, 3)
    axes = (0 if of == "learners" else None, 0)

    @jax.jit
    def ours(layer, x):
        def turn(total, _):
            found = jax.vmap(lambda layer, x: gradients(lambda layer, x: layer(x), layer, x, weights), axes)
            return jax.tree.map(jnp.add, total, found(layer, x)), None

        nothing = jax.tree.map(jnp.zeros_like, jax.eval_shape(jax.vmap(lambda *pair: pair, axes), layer, x))
        return jax.lax.scan(turn, nothing, None, 2)[0]

    each = [gradients(reference, layers[i if of == "learners" else 0], x[i], weights) for i in range(3)]
    expected = jax.tree.map(lambda *leaves: 2 * jnp.stack(leaves), *each)
    assert_close(ours(layer, x), expected)


def test_convolution_has_second_derivatives():
    """A Fisher-vector product is the gradient of a gradient: against XLA's convolution, by weights and input."""
    layer = filled(lambda key: Convolution.build(2, 3, 3, 2, key, padding=1))
    x, direction = normal(2, 6, 5, 2), filled(lambda key: Convolution.build(2, 3, 3, 2, key, padding=1))

    def product(f):
        def slope(layer, x):
            by_layer, by_x = jax.grad(lambda layer, x: jnp.sum(jnp.tanh(f(layer, x))), argnums=(0, 1))(
                layer, x
            )
            return jnp.sum(by_layer.weight * direction.weight) + jnp.sum(by_x * by_x)

        return jax.jit(jax.grad(slope, argnums=(0, 1)))(layer, x)

    assert_close(product(lambda layer, x: layer(x)), product(reference), atol=1e-3)


def test_a_program_has_xlas_convolution_where_it_is_not_for_a_processor():
    layer = filled(lambda key: Convolution.build(2, 3, 3, 1, key))
    x = normal(40, 5, 6, 2)

    def text(platform):
        gradient = jax.jit(jax.grad(lambda layer, x: jnp.sum(layer(x) ** 2)))
        return jax.export.export(gradient, platforms=[platform])(layer, x).mlir_module()

    on_cpu, on_gpu = text("cpu"), text("cuda")
    assert on_gpu.count("stablehlo.convolution") == 2  # forward, and by the weights
    assert on_cpu.count("stablehlo.convolution") == 10  # in slices of 8
    assert on_gpu.count("stablehlo.optimization_barrier") == 0
