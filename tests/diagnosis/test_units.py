"""Hidden units are those of a forward pass by hand; dormancy and rank are their definitions."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.diagnosis.units import dormant_share, effective_rank, hidden_units
from operant.networks.layers import MLP

DRAW = np.random.default_rng(3)


def weights(*shape):
    return jnp.asarray(DRAW.normal(size=shape), jnp.float32)


def mlp(size_in=3, hidden=(5, 4), size_out=2, **values):
    return MLP.build(size_in, hidden, size_out, jax.random.key(0), activation="relu", **values)


def by_hand(network, x):
    """The outputs of the hidden layers, in order."""
    found = []
    for layer in network.hidden:
        x = np.maximum(np.asarray(x) @ np.asarray(layer.weight) + np.asarray(layer.bias), 0)
        found.append(x)
    return found


def same(found, expected):
    assert [each.shape for each in found] == [each.shape for each in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_hidden_units_are_those_of_a_forward_pass_by_hand():
    network, x = mlp(), weights(7, 3)
    same(hidden_units(lambda network, x: network(x), network, x), by_hand(network, x))


def test_hidden_units_leave_out_what_the_answer_does_not_depend_on():
    networks, x = (mlp(), mlp(hidden=(6,))), weights(7, 3)
    found = hidden_units(lambda networks, x: (networks[0](x), networks[1](x))[1], networks, x)
    same(found, by_hand(networks[1], x))


def test_hidden_units_of_two_heads_over_the_same_features_come_once():
    def answer(known, x):
        torso, heads = known
        features = jax.nn.relu(x @ torso)
        return features @ heads[0] + features @ heads[1]

    known, x = (weights(3, 6), (weights(6, 2), weights(6, 2))), weights(7, 3)
    same(hidden_units(answer, known, x), [np.maximum(np.asarray(x) @ np.asarray(known[0]), 0)])


def test_hidden_units_of_networks_side_by_side_are_units_of_their_own():
    networks = jax.vmap(lambda key: MLP.build(3, (5,), 1, key, activation="relu"))(
        jax.random.split(jax.random.key(1), 2)
    )
    x = weights(7, 3)
    (found,) = hidden_units(lambda networks, x: jax.vmap(lambda one: one(x))(networks), networks, x)
    each = [by_hand(jax.tree.map(lambda leaf, i=i: leaf[i], networks), x)[0] for i in range(2)]
    np.testing.assert_allclose(found, np.concatenate(each, 1), rtol=1e-5, atol=1e-6)


def test_hidden_units_of_a_convolution_are_its_channels():
    first, second, x = weights(2, 2, 1, 3), weights(2, 2, 3, 4), weights(5, 4, 4, 1)

    def answer(known, x):
        for kernel in known:
            numbers = ("NHWC", "HWIO", "NHWC")
            x = jax.nn.relu(
                jax.lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=numbers)
            )
        return x

    (found,) = hidden_units(answer, (first, second), x)
    expected = np.asarray(answer((first,), x)).reshape(-1, 3)
    np.testing.assert_allclose(np.sort(found, 0), np.sort(expected, 0), rtol=1e-5, atol=1e-6)


def test_hidden_units_of_a_users_module_are_found():
    class Mine(eqx.Module):
        inner: jax.Array
        outer: jax.Array

        def __call__(self, x):
            return jnp.sin(x @ self.inner) @ self.outer

    mine, x = Mine(weights(3, 8), weights(8, 1)), weights(7, 3)
    same(hidden_units(lambda mine, x: mine(x), mine, x), [np.sin(np.asarray(x) @ np.asarray(mine.inner))])


def test_dormant_share_is_sokars_definition_by_a_loop():
    units = DRAW.normal(size=(50, 9))
    units[:, 2], units[:, 5], units[:, 7] = 0.0, 1e-3 * units[:, 5], -3.0
    mean = np.mean([np.mean(np.abs(units[:, k])) for k in range(9)])
    scores = [np.mean(np.abs(units[:, k])) / mean for k in range(9)]
    assert dormant_share(units) == pytest.approx(sum(score <= 0.025 for score in scores) / 9)
    assert dormant_share(units) == pytest.approx(2 / 9)
    assert dormant_share(np.zeros((5, 4))) == 1.0


@pytest.mark.parametrize("rank", [1, 3, 6])
def test_effective_rank_counts_directions(rank):
    equal = (
        np.linalg.qr(DRAW.normal(size=(40, 6)))[0][:, :rank]
        @ np.linalg.qr(DRAW.normal(size=(6, 6)))[0][:rank]
    )
    assert effective_rank(equal) == rank


def test_effective_rank_leaves_out_the_last_hundredth_of_singular_values():
    left, right = (np.linalg.qr(DRAW.normal(size=(n, 4)))[0] for n in (30, 4))
    assert effective_rank(left * np.array([1.0, 1.0, 1.0, 0.02]) @ right) == 3
    assert effective_rank(left * np.array([1.0, 1.0, 1.0, 0.05]) @ right) == 4
    assert effective_rank(np.zeros((5, 3))) == 0
