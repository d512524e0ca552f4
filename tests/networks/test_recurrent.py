"""Recurrent cells against Equinox's, and a rollout at once against one step at a time."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import call, filled, normal

from operant.networks import GRU, LSTM, unroll
from operant.networks.recurrent import reset_carry

KEY = jax.random.key(0)
CELLS = {"gru": GRU, "lstm": LSTM}


def cell_of(name: str):
    return filled(lambda key: CELLS[name].build(3, 4, key))


def test_gru_is_equinoxs():
    ours = cell_of("gru")
    theirs = filled(lambda key: eqx.nn.GRUCell(3, 4, key=key))
    new, old = slice(8, 12), ours.recurrent_bias
    theirs = eqx.tree_at(
        lambda c: (c.weight_ih, c.weight_hh, c.bias, c.bias_n),
        theirs,
        (ours.weight.T, ours.recurrent_weight.T, ours.bias + old.at[new].set(0.0), old[new]),
    )
    x, h = normal(5, 3), normal(5, 4)
    output, carry = ours(x, h)
    np.testing.assert_array_equal(output, carry)
    np.testing.assert_allclose(output, jax.vmap(theirs)(x, h), atol=1e-6)


def test_lstm_is_equinoxs():
    ours = cell_of("lstm")
    theirs = filled(lambda key: eqx.nn.LSTMCell(3, 4, key=key))
    theirs = eqx.tree_at(
        lambda c: (c.weight_ih, c.weight_hh, c.bias),
        theirs,
        (ours.weight.T, ours.recurrent_weight.T, ours.bias),
    )
    x, h, c = (normal(5, n) for n in (3, 4, 4))
    output, carry = ours(x, (h, c))
    np.testing.assert_array_equal(output, carry[0])
    for a, b in zip(carry, jax.vmap(theirs)(x, (h, c)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_gru_and_lstm_are_orthogonal_per_gate():
    for name, gates in (("gru", 3), ("lstm", 4)):
        cell = CELLS[name].build(3, 4, KEY)
        assert cell.recurrent_weight.shape == (4, 4 * gates)
        for block in np.split(np.asarray(cell.recurrent_weight), gates, axis=1):
            np.testing.assert_allclose(block.T @ block, np.eye(4), atol=1e-5)


@pytest.mark.parametrize("name", CELLS)
def test_unroll_is_step_by_step_and_begins_anew_after_done(name):
    cell = cell_of(name)
    features = normal(6, 2, 3)
    done = jnp.zeros((6, 2), bool).at[2, 0].set(True).at[5, 1].set(True)
    start = jax.tree.map(lambda x: x + 0.5, cell.initial_carry((2,)))
    outputs, carries = jax.jit(unroll)(cell, features, start, done)

    for n in range(2):
        carry = jax.tree.map(lambda x, n=n: x[n], start)
        for t in range(6):
            output, carry = call(cell, features[t, n], carry)
            np.testing.assert_allclose(outputs[t, n], output, atol=1e-6)
            for a, b in zip(jax.tree.leaves(carries), jax.tree.leaves(carry), strict=True):
                np.testing.assert_allclose(a[t, n], b, atol=1e-6)  # before the reset
            if done[t, n]:
                carry = cell.initial_carry(())


@pytest.mark.parametrize("name", CELLS)
def test_unroll_stops_gradients_at_the_end_of_an_episode(name):
    cell = cell_of(name)
    done = jnp.zeros((4, 1), bool).at[1].set(True)

    def last(features):
        return jnp.sum(unroll(cell, features, cell.initial_carry((1,)), done)[0][-1])

    gradient = np.asarray(jax.jit(jax.grad(last))(normal(4, 1, 3)))
    assert (gradient[:2] == 0).all()
    assert (gradient[2:] != 0).any(axis=(1, 2)).all()


@pytest.mark.parametrize("name", CELLS)
def test_unroll_has_the_gradients_of_one_step_after_another_with_reset_carry(name):
    cell, features = cell_of(name), normal(6, 2, 3)
    done = jnp.zeros((6, 2), bool).at[2, 0].set(True).at[4, 1].set(True)
    start = jax.tree.map(lambda x: x + 0.5, cell.initial_carry((2,)))
    initial = cell.initial_carry((2,))

    def slowly(cell, features, carry):
        outputs, carries = [], []
        for t in range(6):
            output, carry = cell(features[t], carry)
            outputs.append(output)
            carries.append(carry)
            carry = reset_carry(carry, initial, done[t])
        return jnp.stack(outputs), jax.tree.map(lambda *x: jnp.stack(x), *carries)

    def weighed(results):  # by numbers that are all different, so that every part counts
        leaves = jnp.concatenate([jnp.ravel(leaf) for leaf in jax.tree.leaves(results)])
        return jnp.sin(jnp.arange(leaves.size)) @ leaves**2

    at_once = jax.grad(lambda *x: weighed(unroll(*x, done)), argnums=(0, 1, 2))(cell, features, start)
    one_by_one = jax.grad(lambda *x: weighed(slowly(*x)), argnums=(0, 1, 2))(cell, features, start)
    for got, expected in zip(jax.tree.leaves(at_once), jax.tree.leaves(one_by_one), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
