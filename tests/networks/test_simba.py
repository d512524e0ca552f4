"""Residual networks: each block by hand, lengths after steps, numbers of parameters, and what they refuse."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import filled, normal

from operant.algorithms.value.dqn import DQN
from operant.networks import CriticEnsemble, Network, QNetwork
from operant.networks.simba import ResidualBlock, Scaler, Simba, SimbaV2, SphereBlock, on_sphere
from operant.ops.optimizers import descend, make
from operant.spaces import Box, Discrete
from operant.types import EnvSpec

KEY = jax.random.key(0)
SPEC = EnvSpec("test", Box(-1.0, 1.0, (4,)), Box(-1.0, 3.0, (2,)))
CHOICES = EnvSpec("test", Box(-1.0, 1.0, (4,)), Discrete(3))


def linear(layer, x):
    y = x @ np.asarray(layer.weight, np.float64)
    return y if layer.bias is None else y + np.asarray(layer.bias)


def layer_norm(layer, x):
    unit = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    return unit * np.asarray(layer.scale) + np.asarray(layer.shift)


def unit(x):
    return x / np.sqrt((x**2).sum(-1, keepdims=True))


def size(module):
    return sum(leaf.size for leaf in jax.tree.leaves(module))


def test_simba_is_a_residual_block_after_the_other_by_hand():
    simba = filled(lambda key: Simba.build(3, 5, 2, 4, key))
    x = normal(6, 3)
    h = linear(simba.embedding, np.asarray(x, np.float64))
    for block in simba.blocks:
        assert isinstance(block, ResidualBlock)
        before = h
        h = linear(block.wide, layer_norm(block.norm, h))
        h = linear(block.narrow, np.maximum(h, 0)) + before
    expected = layer_norm(simba.norm, h)
    np.testing.assert_allclose(simba(x), linear(simba.output, expected), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(replace(simba, output=None)(x), expected, rtol=1e-3, atol=1e-4)
    assert simba.size == 4
    assert replace(simba, output=None).size == 5
    assert simba.layers == ()


def test_simba_has_the_parameters_of_its_layers():
    def expected(size_in, width, blocks, out):
        block = 2 * width + width * 4 * width + 4 * width + 4 * width * width + width
        return (size_in + 1) * width + blocks * block + 2 * width + (width + 1) * out

    shapes = jax.eval_shape(lambda key: Simba.build(23, 512, 2, 1, key), KEY)
    assert size(shapes) == expected(23, 512, 2, 1)


def test_simba_v2_moves_by_a_sphere_block_after_the_other_by_hand():
    v2 = filled(lambda key: SimbaV2.build(3, 5, 2, 4, key))
    x = normal(6, 3)
    h = unit(np.concatenate([np.asarray(x, np.float64), np.full((6, 1), 3.0)], -1))
    h = unit(np.asarray(v2.scaler.vector) * np.sqrt(2 / 5) / np.sqrt(2 / 5) * linear(v2.embedding, h))
    for block in v2.blocks:
        assert isinstance(block, SphereBlock)
        towards = np.maximum(np.asarray(block.scaler.vector) * linear(block.wide, h), 0) + 1e-8
        towards = unit(linear(block.narrow, towards))
        step = np.asarray(block.step.vector) * (1 / 3) * np.sqrt(5)
        h = unit(h + step * (towards - h))
    features = np.asarray(v2.last_scaler.vector) * linear(v2.last, h)
    np.testing.assert_allclose(v2(x), linear(v2.output, features), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(replace(v2, output=None)(x), features, rtol=1e-3, atol=1e-4)
    assert v2.size == 4
    assert v2.layers == ()


def test_simba_v2_has_the_parameters_of_its_layers():
    shapes = jax.eval_shape(lambda key: SimbaV2.build(23, 512, 2, 101, key), KEY)
    block = 512 * 2048 + 2048 + 2048 * 512 + 512
    assert size(shapes) == 24 * 512 + 512 + 2 * block + 512 * 512 + 512 + 512 * 101 + 101


def test_scaler_begins_at_its_first_value_and_moves_by_its_share():
    scaler = Scaler.build(4, 0.5, 0.1)
    np.testing.assert_allclose(scaler(jnp.ones(4)), 0.5, rtol=1e-6)
    moved = replace(scaler, vector=scaler.vector + 0.01)
    np.testing.assert_allclose(moved(jnp.ones(4)), 0.55, rtol=1e-5)


def test_on_sphere_has_length_1_and_a_gradient_at_the_origin():
    np.testing.assert_allclose(np.linalg.norm(on_sphere(normal(3, 4)), axis=-1), 1.0, rtol=1e-5)
    assert np.isfinite(jax.grad(lambda x: jnp.sum(on_sphere(x)))(jnp.zeros(3))).all()


def test_simba_v2_keeps_all_weights_at_length_1_through_descent():
    config = Network((8, 8), activation="relu", architecture="simba_v2")
    critics = CriticEnsemble.build(config, SPEC, KEY, count=2)
    features, action = normal(7, 4), normal(7, 2)
    optimizer = make(
        "adam", 0.1, None, eps=1e-8, betas=(0.9, 0.999), decay=0.9, momentum=0.0, weight_decay=None
    )
    gradient = jax.grad(lambda c: jnp.mean((c(features, action) - 3) ** 2))(critics)
    moved, _ = descend(optimizer, gradient, optimizer.init(critics), critics)
    heads = moved.heads
    assert (np.abs(heads.output.weight - critics.heads.output.weight) > 1e-3).any()
    blocks = [layer for block in heads.blocks for layer in (block.wide, block.narrow)]
    for layer in (heads.embedding, *blocks, heads.last, heads.output):
        np.testing.assert_allclose(np.linalg.norm(layer.weight, axis=-2), 1.0, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["simba", "simba_v2"])
def test_simba_shares_its_blocks_between_value_and_advantage(architecture):
    config = Network((8, 8), activation="relu", architecture=architecture)
    network = QNetwork.build(config, CHOICES, KEY, dueling="mean")
    head = network.head
    assert len(head.shared.blocks) == 2
    assert head.action.hidden == head.value.hidden == ()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"hidden_sizes": (8, 6)}, r"needs the width of each block, all the same; hidden sizes are \(8, 6\)"),
        ({"hidden_sizes": ()}, "needs the width of each block"),
        ({"value_hidden_sizes": (8, 6)}, "needs the width of each block"),
        ({"layer_norm": True}, "network.layer_norm=True: network.architecture='simba' has its own"),
        ({"dropout": 0.1}, "network.dropout=0.1: network.architecture='simba'"),
        ({"architecture": "resnet"}, "network.architecture='resnet' is unknown; choose from mlp, simba"),
    ],
)
def test_network_refuses_what_residual_blocks_cannot_have(values, reason):
    with pytest.raises(ValueError, match=reason):
        Network(**({"hidden_sizes": (8,), "architecture": "simba"} | values))


def test_network_with_residual_blocks_is_refused_with_noisy_layers():
    noisy = DQN(noisy=True, network={"hidden_sizes": (8,), "architecture": "simba"})
    with pytest.raises(ValueError, match="architecture='simba' has no noisy layers"):
        noisy.init(CHOICES, KEY)
