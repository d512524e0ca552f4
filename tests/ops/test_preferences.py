"""Losses of preferences: by hand, by loops, and what they must be where nothing has been learnt."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.ops.preferences import bradley_terry_loss, centering_loss, kto_loss, preference_loss

RANDOM = np.random.default_rng(0)
CHOSEN, REJECTED = (RANDOM.normal(size=5).astype(np.float32) * 3 for _ in range(2))


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def test_bradley_terry_loss_by_a_loop():
    margin = np.array([0.0, 0.5, 1.0, 0.0, 2.0], np.float32)
    expected = [-math.log(sigmoid(c - r - m)) for c, r, m in zip(CHOSEN, REJECTED, margin, strict=True)]
    np.testing.assert_allclose(bradley_terry_loss(CHOSEN, REJECTED, margin), expected, rtol=1e-5)
    assert bradley_terry_loss(jnp.float32(2), jnp.float32(2)) == pytest.approx(math.log(2))
    assert bradley_terry_loss(jnp.float32(-200), jnp.float32(200)) == pytest.approx(400)  # and no infinity


def test_centering_loss_is_least_where_rewards_cancel():
    np.testing.assert_allclose(centering_loss(CHOSEN, REJECTED), (CHOSEN + REJECTED) ** 2, rtol=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("kind", ["sigmoid", "hinge", "ipo"])
def test_preference_loss_by_a_loop(kind, smoothing):
    beta = 0.3

    def one(h: float) -> float:
        if kind == "sigmoid":
            return -(1 - smoothing) * math.log(sigmoid(beta * h)) - smoothing * math.log(sigmoid(-beta * h))
        if kind == "hinge":
            return (1 - smoothing) * max(0, 1 - beta * h) + smoothing * max(0, 1 + beta * h)
        return (h - 1 / (2 * beta)) ** 2

    expected = [one(c - r) for c, r in zip(CHOSEN.tolist(), REJECTED.tolist(), strict=True)]
    np.testing.assert_allclose(preference_loss(CHOSEN, REJECTED, beta, kind, smoothing), expected, rtol=1e-5)


def test_preference_loss_at_the_reference():
    """ln 2 for DPO, whatever the smoothing; its slope is −β/2 by the chosen response and β/2 by the other."""
    zero = jnp.zeros(())
    assert preference_loss(zero, zero, 0.1, "sigmoid") == pytest.approx(math.log(2))
    assert preference_loss(zero, zero, 0.1, "sigmoid", 0.3) == pytest.approx(math.log(2))
    assert preference_loss(zero, zero, 0.1, "hinge") == 1
    assert preference_loss(zero, zero, 0.1, "ipo") == pytest.approx(25)
    slopes = jax.grad(preference_loss, argnums=(0, 1))(zero, zero, 0.1, "sigmoid")
    np.testing.assert_allclose(slopes, [-0.05, 0.05], rtol=1e-6)


def test_preference_loss_has_the_gradient_of_the_paper():
    """−β σ(β(h_l − h_w)) by h_w (Rafailov et al. 2023, section 4)."""
    beta = 0.7
    slopes = jax.vmap(jax.grad(lambda c, r: preference_loss(c, r, beta, "sigmoid")))(CHOSEN, REJECTED)
    expected = [
        -beta * sigmoid(beta * (r - c)) for c, r in zip(CHOSEN.tolist(), REJECTED.tolist(), strict=True)
    ]
    np.testing.assert_allclose(slopes, expected, rtol=1e-5)


def test_kto_loss_by_a_loop():
    desirable = np.array([1, 0, 1, 0, 0], np.float32)
    beta, z, good, bad = 0.4, 0.7, 1.5, 0.5

    def one(h: float, label: float) -> float:
        return good * (1 - sigmoid(beta * (h - z))) if label else bad * (1 - sigmoid(beta * (z - h)))

    expected = [one(h, label) for h, label in zip(CHOSEN.tolist(), desirable.tolist(), strict=True)]
    made = kto_loss(CHOSEN, desirable, jnp.float32(z), beta, good, bad)
    np.testing.assert_allclose(made, expected, rtol=1e-5)


def test_kto_loss_at_the_reference_is_half_and_no_gradient_passes_its_baseline():
    assert kto_loss(jnp.zeros(()), jnp.ones(()), jnp.zeros(()), 0.1) == 0.5

    def loss(h: jax.Array, z: jax.Array) -> jax.Array:
        return kto_loss(h, jnp.ones(()), z, 0.1)

    slopes = jax.grad(loss, argnums=(0, 1))(jnp.zeros(()), jnp.zeros(()))
    assert slopes[0] == pytest.approx(-0.025)
    assert slopes[1] == 0
