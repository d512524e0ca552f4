"""Ensembles of critics: each by itself, by hand; inputs, masks of dropout, and what they refuse."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import filled, normal

from operant.networks import CriticEnsemble, Network, UserModule
from operant.spaces import Box, Dict, Discrete, MultiDiscrete
from operant.types import EnvSpec

KEY = jax.random.key(0)
SMALL = Network(hidden_sizes=(6, 5), activation="relu", initialization="uniform")
CONTINUOUS = EnvSpec("test", Box(-1.0, 1.0, (4,)), Box(-1.0, 3.0, (2, 1)))
CHOICES = EnvSpec("test", Box(-1.0, 1.0, (4,)), Discrete(3))


def layer(linear, x):
    return x @ np.asarray(linear.weight) + np.asarray(linear.bias)


def one_by_hand(critics, i, x):
    head = jax.tree.map(lambda leaf: leaf[i], critics.heads)
    for hidden in head.hidden:
        x = np.maximum(layer(hidden, x), 0)
    return layer(head.output, x)


def test_critic_ensemble_is_n_networks_of_features_and_action():
    critics = filled(lambda key: CriticEnsemble.build(SMALL, CONTINUOUS, key, count=3, outputs=2))
    observation, action = normal(7, 4), normal(7, 2, 1)
    values = jax.jit(lambda c, o, a: c(c.torso.encoder(o), a))(critics, observation, action)
    assert values.shape == (3, 7, 2)
    inputs = np.concatenate([observation, action.reshape(7, 2)], -1)
    for i in range(3):
        np.testing.assert_allclose(values[i], one_by_hand(critics, i, inputs), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(critics.first(observation, action), values[:1], rtol=1e-5, atol=1e-6)
    assert critics.count == 3
    assert critics.first.count == 1


def test_critic_ensemble_starts_from_weights_of_their_own():
    critics = CriticEnsemble.build(SMALL, CONTINUOUS, KEY, count=2)
    first, second = (np.asarray(critics.heads.hidden[0].weight[i]) for i in range(2))
    assert (first != second).all()
    assert np.abs(first).max() <= 1 / np.sqrt(4 + 2)  # uniform in ±1/√inputs, as of a network by itself


def test_critic_ensemble_has_outputs_for_each_discrete_action():
    critics = filled(lambda key: CriticEnsemble.build(SMALL, CHOICES, key, count=2, outputs=5))
    observation, action = normal(7, 4), jnp.asarray([0, 1, 2, 2, 1, 0, 1], jnp.int32)
    each = critics.of_each_action(observation)
    assert each.shape == (2, 7, 3, 5)
    for i in range(2):
        by_hand = one_by_hand(critics, i, np.asarray(observation)).reshape(7, 3, 5)
        np.testing.assert_allclose(each[i], by_hand, rtol=1e-4, atol=1e-5)
    expected = np.stack([np.asarray(each)[:, i, a] for i, a in enumerate(action)], 1)
    np.testing.assert_array_equal(critics(observation, action), expected)


def test_critic_ensemble_drops_other_units_of_each_critic():
    config = Network(hidden_sizes=(50,), dropout=0.5, activation="relu", initialization="uniform")
    critics = CriticEnsemble.build(config, CONTINUOUS, KEY, count=2)
    same = jax.tree.map(lambda x: jnp.stack([x[0], x[0]]), critics.heads)
    critics = eqx.tree_at(lambda c: c.heads, critics, same)
    observation, action = normal(3, 4), normal(3, 2, 1)
    one, other = critics(observation, action, key=KEY)
    assert (one != other).any()
    one, other = critics(observation, action)
    np.testing.assert_array_equal(one, other)


def test_critic_ensemble_has_layers_of_its_own_size_and_encoders_of_a_dict():
    spec = EnvSpec("test", Dict((("a", Box(-1.0, 1.0, (3,))), ("b", Discrete(2)))), CONTINUOUS.action_space)
    config = Network(hidden_sizes=(6,), value_hidden_sizes=(9, 8), encoders=(("a", (7,)),))
    critics = CriticEnsemble.build(config, spec, KEY, count=2)
    assert [h.weight.shape for h in critics.heads.hidden] == [(2, 7 + 2 + 2, 9), (2, 9, 8)]
    observation = {"a": normal(5, 3), "b": jnp.zeros(5, jnp.int32)}
    assert critics(critics.torso.encoder(observation), normal(5, 2, 1)).shape == (2, 5, 1)


class Features(eqx.Module):
    """A network of a user's."""

    def __call__(self, observation):
        return 2 * observation


def test_critic_ensemble_on_a_users_module_is_not_linear_in_actions():
    critics = CriticEnsemble.build(UserModule(Features()), CONTINUOUS, KEY, count=2)
    at = [critics(critics.torso.encoder(jnp.ones(4)), jnp.full((2, 1), x)) for x in (-1.0, 0.0, 1.0)]
    assert (np.abs(at[0] + at[2] - 2 * at[1]) > 1e-6).all()


def test_critic_ensemble_refuses_actions_that_are_neither_a_box_nor_discrete():
    spec = EnvSpec("test", Box(-1.0, 1.0, (4,)), MultiDiscrete((2, 3)))
    with pytest.raises(ValueError, match="need Box or Discrete actions; test has MultiDiscrete"):
        CriticEnsemble.build(SMALL, spec, KEY, count=2)
