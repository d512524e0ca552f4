"""Estimates of the KL divergence against the divergence itself, by sums over all actions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.ops.kl import ESTIMATORS, adapted_coefficient, kl_estimate, kl_loss

RANDOM = np.random.default_rng(0)
LOGITS, OLD, REFERENCE = (jnp.asarray(RANDOM.normal(size=7), jnp.float32) for _ in range(3))


def log_p(logits):
    return jax.nn.log_softmax(logits)


def exact(logits):
    return jnp.sum(jnp.exp(log_p(logits)) * (log_p(logits) - log_p(REFERENCE)))


@pytest.mark.parametrize("estimator", ["k1", "k3"])
def test_kl_estimate_is_unbiased(estimator):
    mean = jnp.exp(log_p(LOGITS)) @ kl_estimate(log_p(LOGITS), log_p(REFERENCE), estimator)
    assert float(mean) == pytest.approx(float(exact(LOGITS)), abs=1e-6)
    if estimator == "k3":
        assert (kl_estimate(log_p(LOGITS), log_p(REFERENCE), estimator) >= 0).all()


def test_kl_estimate_k2_agrees_with_the_divergence_of_policies_near_each_other():
    """To second order in their distance, and not as it is."""
    near = REFERENCE + 0.05 * LOGITS
    mean = jnp.exp(log_p(near)) @ kl_estimate(log_p(near), log_p(REFERENCE), "k2")
    assert float(mean) == pytest.approx(float(exact(near)), rel=0.05)
    difference = log_p(LOGITS) - log_p(REFERENCE)
    np.testing.assert_allclose(kl_estimate(log_p(LOGITS), log_p(REFERENCE), "k2"), difference**2 / 2)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("old", [LOGITS, OLD], ids=["of the policy itself", "of an older one"])
def test_kl_loss_has_the_gradient_of_the_divergence(estimator, old):
    def mean_loss(logits):
        return jnp.exp(log_p(old)) @ kl_loss(log_p(logits), log_p(REFERENCE), estimator, log_p(old))

    np.testing.assert_allclose(jax.grad(mean_loss)(LOGITS), jax.grad(exact)(LOGITS), atol=1e-6)
    if estimator != "k2":
        assert float(mean_loss(LOGITS)) == pytest.approx(float(exact(LOGITS)), abs=1e-6)


def test_k3_differentiated_as_it_is_follows_the_divergence_the_other_way_round():
    """Why `kl_loss` is there: E_π[∇ k3] = ∇ KL(π_ref ‖ π), and E_π[∇ k1] = 0."""

    def mean_of(estimator):
        acted = jnp.exp(log_p(LOGITS))
        return jax.grad(lambda logits: acted @ kl_estimate(log_p(logits), log_p(REFERENCE), estimator))(
            LOGITS
        )

    def other_way_round(logits):
        return jnp.sum(jnp.exp(log_p(REFERENCE)) * (log_p(REFERENCE) - log_p(logits)))

    np.testing.assert_allclose(mean_of("k3"), jax.grad(other_way_round)(LOGITS), atol=1e-6)
    np.testing.assert_allclose(mean_of("k1"), np.zeros(7), atol=1e-6)


def test_no_gradient_passes_the_reference_and_the_older_policy():
    for argument in (1, 3):
        for estimator in ESTIMATORS:

            def loss(x, argument=argument, estimator=estimator):
                given = [log_p(LOGITS), log_p(REFERENCE), estimator, log_p(OLD)]
                given[argument] = x
                return jnp.sum(kl_loss(*given))

            np.testing.assert_array_equal(jax.grad(loss)(log_p(OLD)), np.zeros(7))


def test_adapted_coefficient_by_hand():
    """Ziegler et al. 2019: errors of more than a fifth count as a fifth."""
    for kl, expected in ((6.0, 1.0), (6.6, 1.01), (60.0, 1.02), (5.4, 0.99), (0.0, 0.98)):
        assert float(adapted_coefficient(1.0, jnp.asarray(kl), 6.0, 0.1)) == pytest.approx(expected)
