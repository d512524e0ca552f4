"""Noisy layers against products with the noise of every weight written out."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import filled, normal

from operant.networks import Network
from operant.networks.noisy import NoisyLinear, sample_noise
from operant.networks.q_head import QHead

LAYER = filled(lambda key: NoisyLinear.build(4, 3, key, "uniform", 1.0, 0.5))


def by_hand(layer, x, noise):
    noise_in, noise_out = np.asarray(noise[:4]), np.asarray(noise[4:])
    weight = np.asarray(layer.weight) + np.asarray(layer.weight_scale) * np.outer(noise_in, noise_out)
    return x @ weight + np.asarray(layer.bias) + np.asarray(layer.bias_scale) * noise_out


def test_noisy_linear_weights_are_their_mean_plus_scaled_factorised_noise():
    x, shared, own = np.asarray(normal(5, 2, 4)), normal(7), normal(5, 7)
    call = jax.jit(lambda layer, x, noise: layer(x, noise))
    np.testing.assert_allclose(call(LAYER, x, shared), by_hand(LAYER, x, shared), atol=1e-5)
    rows = call(LAYER, x, own)  # each of the five has its own noise
    for i in range(5):
        np.testing.assert_allclose(rows[i], by_hand(LAYER, x[i], own[i]), atol=1e-5)
    np.testing.assert_allclose(call(LAYER, x, None), by_hand(LAYER, x, jnp.zeros(7)), atol=1e-5)


def test_sample_noise_of_a_factor_is_the_signed_root_of_a_normal_number():
    (noise,) = jax.jit(lambda key: sample_noise([LAYER], key, (20_000,)))(jax.random.key(0))
    assert noise.shape == (20_000, 7)
    square = np.asarray(noise) * np.abs(noise)  # f⁻¹(f(ε)) = ε
    np.testing.assert_allclose(square.mean(0), 0, atol=0.03)
    np.testing.assert_allclose(square.std(0), 1, atol=0.03)
    np.testing.assert_allclose(np.corrcoef(square.T), np.eye(7), atol=0.03)


def test_noisy_linear_begins_with_noise_of_sigma_over_the_root_of_the_inputs():
    layer = NoisyLinear.build(16, 3, jax.random.key(0), "uniform", 1.0, 0.5)
    assert (layer.weight_scale == 0.125).all()
    assert (layer.bias_scale == 0.125).all()
    assert 0.2 < jnp.abs(layer.weight).max() <= 0.25  # μ in ±1/√16


@pytest.mark.parametrize("dueling", ["none", "mean"])
def test_q_head_has_noise_of_its_own_for_every_noisy_linear(dueling):
    config = Network(hidden_sizes=(6, 5), initialization="uniform")
    head = filled(lambda key: QHead.build(config, 4, 2, key, dueling=dueling, sigma=0.5))
    noise = head.sample_noise(jax.random.key(0))
    streams = 1 if dueling == "none" else 2
    assert [x.shape for x in noise] == [(10,), *[(11,), (7,), (11,), (6,)][: 2 * streams]]
    assert len(np.unique(np.concatenate(noise))) == sum(x.size for x in noise)
    x = normal(1, 4)
    call = jax.jit(lambda head, noise: head(x, noise=noise))
    outputs = [call(head, noise)]
    for i in range(len(noise)):
        outputs.append(call(head, (*noise[:i], 2 * noise[i], *noise[i + 1 :])))
    assert len({float(output[0, 0, 0]) for output in outputs}) == len(noise) + 1


def test_q_head_without_noise_draws_none():
    head = filled(lambda key: QHead.build(Network(hidden_sizes=(5,)), 4, 2, key))
    assert head.sample_noise(jax.random.key(0)) == ()
