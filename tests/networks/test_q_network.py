"""Q-networks: sizes, initialization, dueling and fractions by hand, memory, and what they refuse."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import filled, normal

from operant.networks import Network, QNetwork, UserModule
from operant.networks.q_head import QHead
from operant.spaces import Box, Discrete, MultiDiscrete
from operant.types import EnvSpec

KEY = jax.random.key(0)
SPEC = EnvSpec("test", Box(-1.0, 1.0, (4,)), Discrete(2))
SMALL = Network(hidden_sizes=(6, 5), activation="relu", initialization="uniform")


def count(tree) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def layer(linear, x):
    return x @ np.asarray(linear.weight) + np.asarray(linear.bias)


def stream(mlp, x):
    """One hidden layer and an output, by hand."""
    return layer(mlp.output, np.maximum(layer(mlp.hidden[0], x), 0))


@jax.jit
def run(module, *inputs, **named):
    return module(*inputs, **named)


def test_q_network_has_the_published_parameter_count_and_values():
    config = Network(hidden_sizes=(24, 24), activation="relu", initialization="uniform")
    q = QNetwork.build(config, SPEC, KEY)
    assert count(q) == 770
    x = np.asarray(normal(5, 4))
    features, carry = q.features(x, ())
    assert carry == ()
    shared = np.maximum(layer(q.head.shared.hidden[0], x), 0)
    np.testing.assert_allclose(q.head(features)[..., 0], stream(q.head.action, shared), atol=1e-5)
    assert 0.45 < np.abs(q.head.shared.hidden[0].weight).max() <= 0.5  # ±1/√4
    assert np.abs(q.head.action.output.weight).max() <= 1 / np.sqrt(24)


@pytest.mark.parametrize(
    ("config", "size"),
    [
        (Network(hidden_sizes=()), 1_693_362),  # 84×84×4 pixels and 18 actions, Mnih et al. 2015
        (  # Mnih et al. 2013: 16 and 32 filters, 256 units
            Network(convolutions=((16, 8, 4), (32, 4, 2)), convolution_features=256, hidden_sizes=()),
            8 * 8 * 4 * 16 + 16 + 4 * 4 * 16 * 32 + 32 + 9 * 9 * 32 * 256 + 256 + 256 * 18 + 18,
        ),
        (Network(convolution_features=0, hidden_sizes=(512,)), 1_693_362),
    ],
    ids=["nature", "2013", "nature, its last layer the head's"],
)
def test_q_network_has_the_sizes_of_the_papers(config, size):
    spec = EnvSpec("test", Box(0.0, 255.0, (84, 84, 4), "uint8"), Discrete(18))
    q = jax.eval_shape(lambda key: QNetwork.build(config, spec, key), KEY)
    assert count(q) == size
    pixels = jax.ShapeDtypeStruct((2, 84, 84, 4), jnp.uint8)
    values = jax.eval_shape(lambda q, x: q.head(q.features(x, ())[0]), q, pixels)
    assert values.shape == (2, 18, 1)


def test_q_head_when_dueling_is_the_value_plus_the_advantage_over_the_mean_or_the_best():
    heads = {
        kind: filled(lambda key, kind=kind: QHead.build(SMALL, 4, 3, key, dueling=kind))
        for kind in ("mean", "max")
    }
    x = np.asarray(normal(7, 4))
    for kind, head in heads.items():
        shared = np.maximum(layer(head.shared.hidden[0], x), 0)
        value, advantage = stream(head.value, shared), stream(head.action, shared)
        over = advantage.mean(1) if kind == "mean" else advantage.max(1)
        q = run(head, x)[..., 0]
        np.testing.assert_allclose(q, value + advantage - over[:, None], atol=1e-5)
        identified = (
            np.mean(q, 1) if kind == "mean" else np.max(q, 1)
        )  # equations 9 and 8: V can be read from Q
        np.testing.assert_allclose(identified, value[:, 0], atol=1e-5)


def test_q_head_of_a_dueling_distribution_aggregates_each_atom_by_itself():
    head = filled(lambda key: QHead.build(SMALL, 4, 3, key, dueling="mean", outputs=11))
    x = np.asarray(normal(7, 4))
    output = run(head, x)
    shared = np.maximum(layer(head.shared.hidden[0], x), 0)
    value, advantage = stream(head.value, shared), stream(head.action, shared).reshape(7, 3, 11)
    assert output.shape == (7, 3, 11)
    np.testing.assert_allclose(
        output, value[:, None] + advantage - advantage.mean(1, keepdims=True), atol=1e-5
    )


def test_q_head_embeds_fractions_by_their_cosines():
    """Equation 4 of Dabney et al. 2018: relu(Σ_i cos(π i τ) w_i + b), multiplied into the features."""
    head = filled(lambda key: QHead.build(SMALL, 4, 3, key, cosines=8))
    x, fractions = np.asarray(normal(2, 4)), np.array([[0.1, 0.9], [0.5, 0.3]], np.float32)
    output = run(head, x, fractions=jnp.asarray(fractions))
    assert output.shape == (2, 3, 2)
    for row in range(2):
        shared = np.maximum(layer(head.shared.hidden[0], x[row]), 0)
        for column in range(2):
            cosines = np.cos(np.pi * np.arange(8) * fractions[row, column])
            mixed = shared * np.maximum(layer(head.embedding, cosines), 0)
            np.testing.assert_allclose(output[row, :, column], stream(head.action, mixed), atol=1e-5)


def test_q_network_has_its_head_on_a_user_module():
    module = filled(lambda key: eqx.nn.MLP(4, 6, 8, 1, key=key))
    q = QNetwork.build(UserModule(module), SPEC, KEY)
    x = normal(5, 4)
    features, _ = jax.jit(lambda q, x: q.features(x, ()))(q, x)
    np.testing.assert_allclose(features, jax.vmap(module)(x), rtol=1e-5)
    assert q.head.action.hidden == ()


def test_q_network_says_which_actions_it_cannot_value():
    with pytest.raises(ValueError, match=r"test has MultiDiscrete\(2, 3\)"):
        QNetwork.build(Network(), EnvSpec("test", SPEC.observation_space, MultiDiscrete((2, 3))), KEY)
