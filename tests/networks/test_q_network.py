"""Q-networks: sizes, initialization, and what they refuse."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import filled, normal

from operant.networks import Given, Network, QNetwork
from operant.spaces import Box, Discrete, MultiDiscrete
from operant.types import EnvSpec

KEY = jax.random.key(0)
SPEC = EnvSpec("test", Box(-1.0, 1.0, (4,)), Discrete(2))


def count(tree) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_parameter_count_and_values():
    config = Network(hidden_sizes=(24, 24), activation="relu", initialization="uniform")
    q = QNetwork.build(config, SPEC, KEY)
    assert count(q) == 770
    x = np.asarray(normal(5, 4))
    h = x
    for layer in q.head.hidden:
        h = np.maximum(h @ np.asarray(layer.weight) + np.asarray(layer.bias), 0)
    np.testing.assert_allclose(
        q(x), h @ np.asarray(q.head.output.weight) + np.asarray(q.head.output.bias), atol=1e-5
    )
    assert 0.45 < np.abs(q.head.hidden[0].weight).max() <= 0.5  # ±1/√4
    assert np.abs(q.head.output.weight).max() <= 1 / np.sqrt(24)


def test_the_nature_network_has_its_published_size():
    spec = EnvSpec("test", Box(0.0, 255.0, (84, 84, 4), "uint8"), Discrete(18))
    q = jax.eval_shape(lambda key: QNetwork.build(Network(hidden_sizes=()), spec, key), KEY)
    assert count(q) == 1_693_362  # 84×84×4 pixels and 18 actions, Mnih et al. 2015
    values = jax.eval_shape(lambda q, x: q(x), q, jax.ShapeDtypeStruct((2, 84, 84, 4), jnp.uint8))
    assert values.shape == (2, 18)


def test_a_users_module():
    module = filled(lambda key: eqx.nn.MLP(4, 6, 8, 1, key=key))
    q = QNetwork.build(Given(module), SPEC, KEY)
    x = normal(5, 4)
    np.testing.assert_allclose(
        jax.jit(lambda q, x: q(x))(q, x), q.head.output(jax.vmap(module)(x)), rtol=1e-5
    )


def test_what_it_cannot_do_is_said():
    with pytest.raises(ValueError, match=r"test has MultiDiscrete\(2, 3\)"):
        QNetwork.build(Network(), EnvSpec("test", SPEC.observation_space, MultiDiscrete((2, 3))), KEY)
    with pytest.raises(ValueError, match=r"network.memory='gru'.*replay"):
        QNetwork.build(Network(memory="gru"), SPEC, KEY)
