"""The optimisers against loops over one parameter at a time."""

from __future__ import annotations

from typing import get_args

import jax.numpy as jnp
import numpy as np
import pytest

from operant.ops import optimizers
from operant.ops.optimizers import Optimizer, adam, centred_rmsprop, descend, make, rmsprop

RNG = np.random.default_rng(0)
START = {"a": RNG.normal(size=(2, 3)), "b": RNG.normal(size=4)}
GRADIENTS = [{name: RNG.normal(size=value.shape) for name, value in START.items()} for _ in range(8)]


def taken(optimizer):
    """The parameters after a step along each of the gradients."""
    parameters = {name: jnp.asarray(value, jnp.float32) for name, value in START.items()}
    state = optimizer.init(parameters)
    for gradient in GRADIENTS:
        parameters, state = descend(
            optimizer, {k: jnp.asarray(g) for k, g in gradient.items()}, state, parameters
        )
    return np.concatenate([np.ravel(value) for value in parameters.values()])


def by_hand(step, max_norm):
    """The same as a loop, in float64; `step(g, t)` is what to subtract."""
    flat = [np.concatenate([np.ravel(tree[name]) for name in START]) for tree in (START, *GRADIENTS)]
    parameters, *gradients = flat
    for t, gradient in enumerate(gradients):
        norm = np.linalg.norm(gradient)
        if max_norm is not None and norm > max_norm:
            gradient = gradient * max_norm / norm
        parameters = parameters - step(gradient, t + 1)
    return parameters


@pytest.mark.parametrize("max_norm", [None, 0.5])
def test_rmsprop_begins_at_0_and_has_epsilon_behind_the_root(max_norm):
    square = np.zeros(10)

    def step(g, t):
        nonlocal square
        square = 0.9 * square + 0.1 * g**2
        return 0.1 * g / (np.sqrt(square) + 1e-2)

    got = taken(rmsprop(0.1, max_norm, eps=1e-2, decay=0.9))
    np.testing.assert_allclose(got, by_hand(step, max_norm), rtol=1e-5)


@pytest.mark.parametrize("max_norm", [None, 0.5])
def test_adam_is_bias_corrected_and_has_epsilon_behind_the_root(max_norm):
    first, second = np.zeros(10), np.zeros(10)

    def step(g, t):
        nonlocal first, second
        first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
        return 0.1 * first / (1 - 0.9**t) / (np.sqrt(second / (1 - 0.999**t)) + 1e-2)

    got = taken(adam(0.1, max_norm, eps=1e-2))
    np.testing.assert_allclose(got, by_hand(step, max_norm), rtol=1e-4)


@pytest.mark.parametrize("max_norm", [None, 0.5])
def test_centred_rmsprop_divides_by_the_deviation(max_norm):
    mean, square = np.zeros(10), np.zeros(10)

    def step(g, t):
        nonlocal mean, square
        mean, square = 0.95 * mean + 0.05 * g, 0.95 * square + 0.05 * g**2
        return 0.1 * g / np.sqrt(square - mean**2 + 1e-2)

    got = taken(centred_rmsprop(0.1, max_norm, eps=1e-2, decay=0.95))
    np.testing.assert_allclose(got, by_hand(step, max_norm), rtol=1e-4)


@pytest.mark.parametrize("max_norm", [None, 0.5])
def test_adam_steps_large_networks_as_small_ones(max_norm, monkeypatch):
    small = taken(adam(0.1, max_norm, eps=1e-5))
    monkeypatch.setattr(optimizers, "LARGEST_VECTOR", 0)
    np.testing.assert_allclose(taken(adam(0.1, max_norm, eps=1e-5)), small, rtol=1e-6)


def made(name, max_norm=None, **values):
    defaults = {"eps": 1e-2, "betas": (0.8, 0.95), "decay": 0.9, "momentum": 0.7, "weight_decay": None}
    return make(name, 0.1, max_norm, **(defaults | values))


@pytest.mark.parametrize("max_norm", [None, 0.5])
@pytest.mark.parametrize("weight_decay", [None, 0.3])
@pytest.mark.parametrize("name", get_args(Optimizer))
def test_make_optimizers_by_name_and_descend_as_pytorch_does(name, weight_decay, max_norm):
    """Written out from PyTorch's documentation, and RMSpropTFLike from Stable-Baselines3's code."""
    decay = {None: 0.01 if name == "adamw" else 0.0}.get(weight_decay, weight_decay)
    parameters = np.concatenate([np.ravel(value) for value in START.values()])
    first, second, square, velocity = np.zeros(10), np.zeros(10), np.zeros(10), np.zeros(10)
    square = square + (name == "rmsprop_tf")
    for t, tree in enumerate(GRADIENTS, start=1):
        g = np.concatenate([np.ravel(tree[key]) for key in START])
        norm = np.linalg.norm(g)
        g = g * max_norm / norm if max_norm is not None and norm > max_norm else g
        if name in ("adam", "adamw"):
            if name == "adamw":
                parameters = parameters - 0.1 * decay * parameters
            first, second = 0.8 * first + 0.2 * g, 0.95 * second + 0.05 * g**2
            step = first / (1 - 0.8**t) / (np.sqrt(second / (1 - 0.95**t)) + 1e-2)
        elif name == "radam":  # by optax; the step is rectified once 5 samples' worth of the square are known
            first, second = 0.8 * first + 0.2 * g, 0.95 * second + 0.05 * g**2
            most = 2 / (1 - 0.95) - 1
            known = most - 2 * t * 0.95**t / (1 - 0.95**t)
            step = first / (1 - 0.8**t)
            if known >= 5:
                rectified = (known - 4) * (known - 2) * most / ((most - 4) * (most - 2) * known)
                step = step * np.sqrt(rectified) / (np.sqrt(second / (1 - 0.95**t)) + 1e-2)
        elif name == "sgd":
            g = g + decay * parameters
            velocity = 0.7 * velocity + g
            step = velocity
        else:
            square = 0.9 * square + 0.1 * g**2
            step = g / (np.sqrt(square) + 1e-2) if name == "rmsprop" else g / np.sqrt(square + 1e-2)
        parameters = parameters - 0.1 * step
    np.testing.assert_allclose(taken(made(name, max_norm, weight_decay=weight_decay)), parameters, rtol=1e-4)


def test_make_refuses_an_unknown_optimizer():
    with pytest.raises(ValueError, match="optimizer='lion' is unknown"):
        made("lion")
