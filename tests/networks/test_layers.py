"""Layers against what Equinox and arithmetic say of them."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import call, filled, normal

from operant.networks import ACTIVATIONS, MLP, LayerNorm, Linear, dropout
from operant.networks.layers import affine, initial, orthonormal

KEY = jax.random.key(0)


@pytest.mark.parametrize("leading", [(), (6,), (2, 3)])
@pytest.mark.parametrize("learners", [None, 3])
def test_linear_has_the_gradients_of_its_formula(leading, learners):
    layer = filled(lambda key: Linear.build(5, 4, key))
    x, weights = normal(*leading, 5), normal(*leading, 4)
    if learners is not None:
        layer, x, weights = jax.tree.map(lambda a: jnp.stack([a * k for k in (1, 2, 3)]), (layer, x, weights))

    def gradients(apply):
        function = jax.grad(lambda layer, x, weights: jnp.sum(apply(layer, x) * weights), argnums=(0, 1))
        return jax.jit(function if learners is None else jax.vmap(function))(layer, x, weights)

    def reference(layer, x):
        y = jnp.tensordot(x, layer.weight, 1)
        return y + jnp.broadcast_to(layer.bias, y.shape)

    ours, theirs = gradients(lambda layer, x: layer(x)), gradients(reference)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("size_in", "size_out"), [(5, 3), (3, 5), (4, 4)])
def test_linear_and_initial_have_orthogonal_weights(size_in, size_out):
    layer = Linear.build(size_in, size_out, KEY, gain=2.0)
    w = np.asarray(layer.weight)
    gram = w.T @ w if size_in >= size_out else w @ w.T
    np.testing.assert_allclose(gram, 4 * np.eye(min(size_in, size_out)), atol=1e-5)
    assert (layer.bias == 0).all()
    np.testing.assert_array_equal(initial(KEY, size_in, size_out, "orthogonal", 2.0)[0], w)


def test_linear_with_uniform_weights_fills_pytorchs_interval():
    layer = Linear.build(100, 400, KEY, "uniform", gain=7.0)
    for leaf in (layer.weight, layer.bias):
        assert 0.098 < np.abs(leaf).max() <= 0.1
    np.testing.assert_allclose(np.std(layer.weight), 0.1 / np.sqrt(3), rtol=0.01)


def test_linear_and_affine_take_any_leading_axes():
    layer = Linear(jnp.arange(6.0).reshape(2, 3), jnp.arange(3.0))
    x = normal(4, 5, 2)
    expected = np.einsum("abi,io->abo", x, layer.weight) + np.arange(3)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-5)
    np.testing.assert_allclose(affine(x, layer.weight, layer.bias), expected, rtol=1e-5)


def test_layer_norm_is_equinoxs():
    theirs = eqx.nn.LayerNorm(6)
    scale, shift = jnp.arange(1.0, 7.0), jnp.linspace(-1, 1, 6)
    theirs = eqx.tree_at(lambda n: (n.weight, n.bias), theirs, (scale, shift))
    x = 3 + 2 * normal(4, 5, 6)
    np.testing.assert_allclose(
        LayerNorm(scale, shift)(x), jax.vmap(jax.vmap(theirs))(x), rtol=1e-4, atol=1e-5
    )


def test_dropout_drops_its_share_and_keeps_the_mean():
    x = jnp.ones((200, 500))
    y = np.asarray(dropout(x, 0.3, KEY))
    assert set(np.unique(y)) == {0.0, np.float32(1 / 0.7)}
    np.testing.assert_allclose((y == 0).mean(), 0.3, atol=0.005)
    assert dropout(x, 0.3, None) is x
    assert dropout(x, 0.0, KEY) is x


def test_mlp_is_its_layers_one_by_one():
    mlp = filled(lambda key: MLP.build(3, (5, 4), 2, key, activation="relu", layer_norm=True))
    x = normal(6, 3)
    expected = x
    for layer, norm in zip(mlp.hidden, mlp.norms, strict=True):
        expected = jnp.maximum(norm(layer(expected)), 0)
    assert mlp.output is not None
    np.testing.assert_allclose(call(mlp, x), mlp.output(expected), rtol=1e-4)


def test_mlp_drops_out_only_with_a_key_and_differently_in_each_layer():
    mlp = filled(lambda key: MLP.build(3, (50, 50), None, key, activation="sigmoid", dropout=0.5))
    x = jnp.ones((1, 3))
    assert (mlp(x) != 0).all()
    dropped = mlp(x, key=KEY) == 0
    assert 10 < dropped.sum() < 40
    assert (dropped != (mlp(x, key=jax.random.key(1)) == 0)).any()
    first = MLP(mlp.hidden[:1], (), None, "sigmoid", 0.5)(x, key=KEY) == 0
    assert (dropped != first).any()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_have_gradients(name):
    value, gradient = jax.value_and_grad(ACTIVATIONS[name])(1.5)
    assert np.isfinite(value)
    assert gradient > 0


@pytest.mark.parametrize("shape", [(7, 3), (3, 7), (40, 40), (1, 5)])
def test_orthonormal_is_the_factorisation_with_a_positive_diagonal(shape):
    x = np.asarray(jax.random.normal(KEY, shape))
    tall = x if shape[0] >= shape[1] else x.T
    q, r = np.linalg.qr(tall.astype(np.float64))
    q = q * np.sign(np.diag(r))
    np.testing.assert_allclose(
        orthonormal(jnp.asarray(x)), q if shape[0] >= shape[1] else q.T, rtol=0, atol=2e-6
    )


def test_orthonormal_holds_where_vectors_are_nearly_parallel():
    # One turn of Gram and Schmidt is 1e-3 off here.
    x = jnp.ones((20, 1)) + 1e-3 * jax.random.normal(KEY, (20, 12))
    q = np.asarray(orthonormal(x))
    np.testing.assert_allclose(q.T @ q, np.eye(12), atol=2e-6)


def test_linear_weights_of_several_seeds_are_those_of_each_alone():
    def build(key):
        return Linear.build(6, 5, key).weight

    keys = jax.random.split(KEY, 3)
    together = jax.jit(jax.vmap(build))(keys)
    for weight, key in zip(together, keys, strict=True):
        np.testing.assert_allclose(weight, jax.jit(build)(key), atol=1e-6)
