"""Spectral norm: the largest singular value by a factorisation, and where its estimate lives."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from random_weights import normal

from operant.algorithms.policy_gradient.trpo import TRPO
from operant.algorithms.search.ars import ARS
from operant.networks import Convolution
from operant.networks.spectral import SpectralConvolution
from operant.ops.constraints import project
from operant.ops.optimizers import descend, make
from operant.spaces import Box, Discrete
from operant.types import EnvSpec


def layer_of(weight: jax.Array) -> SpectralConvolution:
    """With an estimate that is not right yet."""
    filters = weight.shape[-1]
    return SpectralConvolution(weight, normal(filters), jnp.full(filters, filters**-0.5), 1, 1)


def largest(weight) -> float:
    return np.linalg.svd(np.asarray(weight, np.float64).reshape(-1, weight.shape[-1]), compute_uv=False)[0]


@jax.jit
def later(layer, turns):
    return jax.lax.fori_loop(0, turns, lambda _, layer: layer.projected(), layer)


def test_spectral_convolution_divides_by_the_largest_singular_value():
    layer = later(layer_of(normal(3, 3, 4, 5)), 100)
    np.testing.assert_allclose(layer.norm, largest(layer.weight), rtol=1e-5)
    plain = Convolution(layer.weight / largest(layer.weight), layer.bias, 1, 1)
    x = normal(2, 6, 5, 4)
    np.testing.assert_allclose(layer(x), plain(x), rtol=1e-4, atol=1e-5)
    assert layer(x).shape == (2, 6, 5, 5)


def test_spectral_convolution_turns_once_where_it_is_used_and_keeps_a_turn_in_projected():
    layer = layer_of(normal(3, 3, 4, 5))
    matrix, u = np.asarray(layer.matrix, np.float64), np.asarray(layer.vector, np.float64)
    for _ in range(3):
        v = matrix @ u / np.linalg.norm(matrix @ u)
        np.testing.assert_allclose(layer.norm, np.linalg.norm(matrix.T @ v), rtol=1e-5)
        u = matrix.T @ v / np.linalg.norm(matrix.T @ v)
        layer = layer.projected()
        np.testing.assert_allclose(layer.vector, u, rtol=1e-4, atol=1e-5)


def test_spectral_convolution_has_the_gradient_of_the_singular_value():
    """∂σ/∂W = v uᵀ, and none by the estimate: both against differences of the factorisation."""
    layer = later(layer_of(normal(2, 2, 3, 4)), 200)
    gradient = jax.grad(lambda layer: layer.norm)(layer)
    assert not gradient.vector.any()
    step = 1e-3
    for index in [(0, 0, 0, 0), (1, 0, 2, 3), (1, 1, 1, 2)]:
        weight = np.asarray(layer.weight, np.float64)
        there, back = weight.copy(), weight.copy()
        there[index] += step
        back[index] -= step
        slope = (largest(there) - largest(back)) / (2 * step)
        np.testing.assert_allclose(gradient.weight[index], slope, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("initialization", ["orthogonal", "uniform"])
def test_spectral_convolution_begins_with_a_good_estimate(initialization):
    layer = SpectralConvolution.build(4, 8, 3, 1, jax.random.key(0), initialization)
    np.testing.assert_allclose(layer.norm, largest(layer.weight), rtol=0.02)
    np.testing.assert_allclose(np.linalg.norm(layer.vector), 1, rtol=1e-5)


def test_the_estimate_follows_the_weights_through_descent_and_into_target_networks():
    """As DQN has it: Adam moves the online layer, whose average is the target; both divide by their own σ."""
    layer = target = later(layer_of(normal(3, 3, 4, 5)), 100)
    optimizer = make(
        "adam", 0.01, None, eps=1e-8, betas=(0.9, 0.999), decay=0.9, momentum=0.0, weight_decay=None
    )
    state, x = optimizer.init(layer), normal(2, 6, 5, 4)

    @jax.jit
    def step(layer, target, state):
        gradient = jax.grad(lambda layer: jnp.mean((layer(x) - 1) ** 2))(layer)
        layer, state = descend(optimizer, gradient, state, layer)
        return layer, optax.incremental_update(layer, target, 0.1), state

    start = layer
    for _ in range(60):
        layer, target, state = step(layer, target, state)
    assert abs(largest(layer.weight) / largest(start.weight) - 1) > 0.01
    for each in (layer, target):
        np.testing.assert_allclose(each.norm, largest(each.weight), rtol=2e-3)
        np.testing.assert_allclose(np.linalg.norm(each.vector), 1, rtol=1e-2)
    stale = replace(layer, vector=start.vector)
    assert abs(stale.vector @ layer.vector) < 0.99


def test_seeds_have_their_own_estimates():
    layers = [layer_of(normal(2, 2, 3, 4) * k) for k in (1, 2)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *layers)
    together = jax.vmap(project)(stacked)
    for i, layer in enumerate(layers):
        np.testing.assert_allclose(together.vector[i], project(layer).vector, rtol=1e-5, atol=1e-6)


def test_network_with_spectral_norm_is_refused_without_an_optimiser():
    with pytest.raises(
        ValueError, match=r"spectral_norm=True follows the weights .* a policy search has none"
    ):
        ARS(network={"spectral_norm": True})
    trpo = TRPO(network={"spectral_norm": True})
    with pytest.raises(ValueError, match="TRPO has none for its policy"):
        trpo.check(EnvSpec("test", Box(-1.0, 1.0, (4,)), Discrete(2)))
