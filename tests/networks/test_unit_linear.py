"""Weights that are kept at length 1: at the start, after steps of an optimiser, in ensembles; where they cannot be."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import normal

from operant.algorithms.policy_gradient.trpo import TRPO
from operant.algorithms.search.ars import ARS
from operant.algorithms.value.dqn import DQN
from operant.networks import CriticEnsemble, Network, UnitLinear
from operant.ops.constraints import Constrained, project, unit_columns
from operant.ops.optimizers import descend, make
from operant.spaces import Box, Discrete
from operant.types import EnvSpec

SPEC = EnvSpec("test", Box(-1.0, 1.0, (4,)), Box(-1.0, 3.0, (2,)))
KEY = jax.random.key(0)


def test_unit_columns_and_unit_linear_have_length_1_and_the_direction_of_their_weights():
    weight = normal(3, 5, 4)
    unit = np.asarray(unit_columns(weight))
    for i in range(3):
        for j in range(4):
            column = np.asarray(weight[i, :, j])
            np.testing.assert_allclose(unit[i, :, j], column / np.sqrt((column**2).sum()), rtol=1e-5)
    layer = UnitLinear(unit_columns(normal(5, 4)), normal(4))
    x = normal(2, 3, 5)
    product = np.asarray(x) @ np.asarray(layer.weight)
    np.testing.assert_allclose(layer(x), product + np.asarray(layer.bias), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(UnitLinear(layer.weight, None)(x), product, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("initialization", ["orthogonal", "uniform"])
def test_unit_linear_keeps_its_length_through_descent(initialization):
    config = Network((6, 5), activation="relu", weight_norm=True, initialization=initialization)
    critics = CriticEnsemble.build(config, SPEC, KEY, count=2)
    features, action = normal(7, 4), normal(7, 2)
    optimizer = make(
        "adam", 0.1, None, eps=1e-8, betas=(0.9, 0.999), decay=0.9, momentum=0.0, weight_decay=None
    )
    state = optimizer.init(critics)
    start = critics
    for _ in range(3):
        for layer in critics.heads.hidden:
            np.testing.assert_allclose(np.linalg.norm(layer.weight, axis=-2), 1.0, rtol=1e-5)
        gradient = jax.grad(lambda c: jnp.mean((c(features, action) - 3) ** 2))(critics)
        critics, state = descend(optimizer, gradient, state, critics)
    assert (np.abs(critics.heads.hidden[0].weight - start.heads.hidden[0].weight) > 0.01).any()
    output = critics.heads.output.weight
    assert (np.abs(np.linalg.norm(output, axis=-2) - 1) > 1e-3).all()  # the output's is free


def test_constrained_parts_alone_are_brought_to_their_place_by_project():
    unit, free = UnitLinear(normal(4, 3), normal(3)), normal(4, 3)
    assert isinstance(unit, Constrained)
    projected = project({"unit": (unit,), "free": free})
    np.testing.assert_array_equal(projected["free"], free)
    np.testing.assert_array_equal(projected["unit"][0].bias, unit.bias)
    np.testing.assert_allclose(np.linalg.norm(projected["unit"][0].weight, axis=0), 1.0, rtol=1e-5)


def test_network_with_weight_norm_is_refused_without_an_optimiser():
    with pytest.raises(ValueError, match=r"weight_norm=True keeps weights .* a policy search has none"):
        ARS(network={"weight_norm": True})
    trpo = TRPO(network={"architecture": "simba_v2"})
    with pytest.raises(ValueError, match="TRPO has none for its policy"):
        trpo.check(EnvSpec("test", Box(-1.0, 1.0, (4,)), Discrete(2)))


def test_network_with_weight_norm_is_refused_with_noisy_layers():
    noisy = DQN(noisy=True, network={"weight_norm": True})
    with pytest.raises(ValueError, match="weight_norm=True has no noisy layers"):
        noisy.init(EnvSpec("test", Box(-1.0, 1.0, (4,)), Discrete(2)), KEY)
