"""Projections and quantile losses against rlax, loops, and what they must leave as it is."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import rlax

from operant.ops.distributional import (
    categorical_projection,
    midpoints,
    quantile_huber_loss,
    truncated_mixture,
)

RNG = np.random.default_rng(0)
SUPPORT = jnp.linspace(-2.0, 3.0, 11)


def distributions(*shape):
    weights = RNG.random(shape)
    return jnp.asarray(weights / weights.sum(-1, keepdims=True), jnp.float32)


def test_categorical_projection_is_rlaxs_and_shares_an_atom_between_its_neighbours():
    atoms = jnp.asarray(RNG.uniform(-3, 4, (8, 11)), jnp.float32)
    probabilities = distributions(8, 11)
    projected = jax.jit(categorical_projection)(atoms, probabilities, SUPPORT)
    expected = jax.vmap(rlax.categorical_l2_project, in_axes=(0, 0, None))(atoms, probabilities, SUPPORT)
    np.testing.assert_allclose(projected, expected, atol=1e-5)

    by_hand = np.zeros((8, 11))
    for i in range(8):
        for atom, probability in zip(np.asarray(atoms[i], float), np.asarray(probabilities[i]), strict=True):
            place = (min(max(atom, -2.0), 3.0) + 2.0) / 0.5
            low = min(int(place), 9)
            by_hand[i, low] += probability * (low + 1 - place)
            by_hand[i, low + 1] += probability * (place - low)
    np.testing.assert_allclose(projected, by_hand, atol=1e-5)


def test_categorical_projection_keeps_probability_the_mean_and_its_own_support():
    atoms = jnp.asarray(RNG.uniform(-2, 3, (8, 7)), jnp.float32)
    probabilities = distributions(8, 7)
    projected = categorical_projection(atoms, probabilities, SUPPORT)
    np.testing.assert_allclose(projected.sum(-1), 1, atol=1e-5)
    np.testing.assert_allclose(projected @ SUPPORT, (atoms * probabilities).sum(-1), atol=1e-5)
    same = distributions(8, 11)
    on_support = jnp.broadcast_to(SUPPORT, (8, 11))
    np.testing.assert_allclose(categorical_projection(on_support, same, SUPPORT), same, atol=1e-5)


def test_quantile_huber_loss_is_rlaxs_over_kappa_and_a_loop():
    quantiles, samples = (jnp.asarray(RNG.normal(size=(6, n)), jnp.float32) for n in (5, 4))
    fractions = jnp.asarray(RNG.random((6, 5)), jnp.float32)
    for kappa in (0.5, 1.0):
        loss = jax.jit(quantile_huber_loss)(quantiles, fractions, samples, kappa)
        expected = jax.vmap(rlax.quantile_regression_loss, in_axes=(0, 0, 0, None))(
            quantiles, fractions, samples, kappa
        )
        by_hand = np.zeros(6)
        for row in range(6):
            for quantile, fraction in zip(quantiles[row], fractions[row], strict=True):
                for sample in samples[row]:
                    error = float(sample - quantile)
                    size = abs(error)
                    huber = 0.5 * size**2 if size <= kappa else kappa * (size - 0.5 * kappa)
                    by_hand[row] += abs(float(fraction) - (error < 0)) * huber / kappa / 4
        np.testing.assert_allclose(loss, by_hand, rtol=1e-4)
        np.testing.assert_allclose(kappa * loss, expected, rtol=1e-4)


def test_quantile_huber_loss_has_the_gradient_of_rlaxs():
    quantiles, samples = (jnp.asarray(RNG.normal(size=(6, n)), jnp.float32) for n in (5, 20))
    fractions, weights = jnp.asarray(RNG.random((6, 5)), jnp.float32), jnp.arange(1.0, 7.0)
    theirs = jax.vmap(rlax.quantile_regression_loss, in_axes=(0, 0, 0, None))
    for kappa in (0.5, 1.0):
        got, expected = (
            jax.grad(lambda q, loss=loss, k=kappa: weights @ loss(q, fractions, samples, k))(quantiles)
            for loss in (quantile_huber_loss, theirs)
        )
        np.testing.assert_allclose(kappa * got, expected, rtol=1e-4, atol=1e-6)


def test_quantile_huber_loss_at_midpoints_is_least_at_the_quantiles():
    samples = jnp.asarray(np.sort(RNG.normal(size=1001)), jnp.float32)
    fractions = midpoints(5)
    np.testing.assert_allclose(fractions, [0.1, 0.3, 0.5, 0.7, 0.9], rtol=1e-6)

    @jax.jit
    def descend(quantiles):
        gradient = jax.grad(lambda q: quantile_huber_loss(q, fractions, samples, 1e-3))
        return jax.lax.fori_loop(0, 5_000, lambda _, q: q - 0.02 * gradient(q), quantiles)

    np.testing.assert_allclose(descend(jnp.zeros(5)), np.quantile(samples, fractions), atol=0.02)


def test_truncated_mixture_is_what_sorting_and_cutting_all_quantiles_leaves():
    quantiles = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)  # [N, B, M]
    cut = jax.jit(truncated_mixture, static_argnums=1)(jnp.asarray(quantiles), 2)
    assert cut.shape == (4, 9)
    for row in range(4):
        np.testing.assert_array_equal(cut[row], sorted(quantiles[:, row].ravel())[: 3 * 5 - 3 * 2])
