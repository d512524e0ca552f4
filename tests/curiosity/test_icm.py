"""The intrinsic curiosity module against hand-computed numbers, a loop over samples, and the noise it should ignore."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.curiosity import ICM
from operant.curiosity.icm import Dynamics, applied
from operant.networks import Network
from operant.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from operant.types import EnvSpec, Transition
from tests.shared import clock, normals

RNG = np.random.default_rng(0)
normal = normals(RNG)
NOW = clock(1, 10)
LINEAR = Network(hidden_sizes=())


def steps(observation, action, next_observation) -> Transition:
    nothing = jnp.zeros(observation.shape[:-1])
    return Transition(observation, action, nothing, nothing > 0, nothing > 0, next_observation)


def linear(layer, weight):
    output = replace(
        layer.output, weight=jnp.asarray(weight, jnp.float32), bias=jnp.zeros(np.shape(weight)[1])
    )
    return replace(layer, output=output)


def test_icm_reward_and_losses_of_linear_networks_by_hand():
    spec = EnvSpec("Test", Box(-1.0, 1.0, (2,)), Discrete(2))
    algorithm = ICM(features=1, network=LINEAR, beta=0.25)
    dynamics = algorithm.init(spec, jax.random.key(0)).dynamics
    dynamics = replace(
        dynamics,
        features=replace(dynamics.features, head=linear(dynamics.features.head, [[1], [0]])),  # φ(s) = s₀
        forward=linear(dynamics.forward, [[1], [-1], [1]]),  # φ̂ = φ − 1 with action 0, φ + 1 with action 1
        inverse=linear(dynamics.inverse, [[1, -1], [-1, 1]]),  # logits ∓(φ' − φ)
    )
    transition = steps(
        jnp.array([[0.0, 9.0], [2.0, 9.0]]), jnp.array([1, 0]), jnp.array([[1.0, -9.0], [4.0, 9.0]])
    )
    forward, inverse = dynamics.errors(transition)
    np.testing.assert_allclose(forward, [0.0, 0.5 * 3**2])
    expected = [np.log(1 + np.exp(-2)), np.log(1 + np.exp(4))]  # −log softmax of (−1, 1)[1] and (−2, 2)[0]
    np.testing.assert_allclose(inverse, expected, rtol=1e-5)
    state = replace(algorithm.init(spec, jax.random.key(0)), dynamics=dynamics)
    np.testing.assert_allclose(algorithm.reward(state, transition), forward)
    loss, metrics = algorithm.loss(dynamics, transition, jnp.array([1.0, 0.5]))
    parts = (0.5 * 4.5 / 1.5, (expected[0] + 0.5 * expected[1]) / 1.5)
    np.testing.assert_allclose(metrics["train/icm_forward_loss"], parts[0], rtol=1e-5)
    np.testing.assert_allclose(metrics["train/icm_inverse_loss"], parts[1], rtol=1e-5)
    np.testing.assert_allclose(loss, 0.25 * parts[0] + 0.75 * parts[1], rtol=1e-5)


def one_sample(space, dynamics: Dynamics, before, action, after):
    """L_F and L_I of one step, in plain NumPy, with networks of one linear layer."""

    def network(layer, x):
        return x @ np.asarray(layer.output.weight, np.float64) + np.asarray(layer.output.bias, np.float64)

    phi, phi_after = (network(dynamics.features.head, x) for x in (before, after))
    outputs = network(dynamics.inverse, np.concatenate([phi, phi_after]))

    def softmax_surprise(logits, choice):
        return np.log(np.exp(logits).sum()) - logits[choice]

    if isinstance(space, Discrete):
        encoded, surprise = np.eye(space.n)[action], softmax_surprise(outputs, action)
    elif isinstance(space, MultiDiscrete):
        encoded = np.concatenate([np.eye(n)[a] for n, a in zip(space.nvec, action, strict=True)])
        split = np.split(outputs, np.cumsum(space.nvec)[:-1])
        surprise = sum(softmax_surprise(logits, a) for logits, a in zip(split, action, strict=True))
    elif isinstance(space, MultiBinary):
        encoded = np.asarray(action, np.float64)
        on = 1 / (1 + np.exp(-outputs))
        surprise = -np.log(np.where(np.asarray(action) == 1, on, 1 - on)).sum()
    else:
        low, high = space.bounds
        encoded = 2 * (np.clip(action, low, high) - low) / (high - low) - 1
        surprise = (0.5 * (encoded - outputs) ** 2 + 0.5 * np.log(2 * np.pi)).sum()
    foreseen = network(dynamics.forward, np.concatenate([phi, encoded]))
    return 0.5 * ((foreseen - phi_after) ** 2).sum(), surprise


SPACES = {
    "Discrete": (Discrete(3), lambda: jnp.asarray(RNG.integers(0, 3, 5), jnp.int32)),
    "MultiDiscrete": (MultiDiscrete((2, 3)), lambda: jnp.asarray(RNG.integers(0, 2, (5, 2)), jnp.int32)),
    "MultiBinary": (MultiBinary(3), lambda: jnp.asarray(RNG.integers(0, 2, (5, 3)), jnp.int32)),
    "Box": (Box((-1.0, 0.0), (3.0, 0.5), (2,)), lambda: 3 * normal(5, 2)),  # mostly out of bounds
}


@pytest.mark.parametrize("kind", SPACES)
def test_icm_errors_are_those_of_a_loop_over_samples_for_every_action_space(kind):
    space, actions = SPACES[kind]
    algorithm = ICM(features=4, network=LINEAR)
    dynamics = algorithm.init(EnvSpec("Test", Box(-1.0, 1.0, (3,)), space), jax.random.key(0)).dynamics
    transition = steps(normal(5, 3), actions(), normal(5, 3))
    forward, inverse = dynamics.errors(transition)
    expected = [
        one_sample(space, dynamics, *(np.asarray(x)[i] for x in row))
        for row in [(transition.observation, transition.action, transition.next_observation)]
        for i in range(5)
    ]
    np.testing.assert_allclose(np.stack([forward, inverse], -1), expected, rtol=2e-4)


def test_icm_counts_actions_as_the_environment_takes_them():
    space = Box((-1.0, 0.0), (3.0, 0.5), (2,))
    actions = jnp.array([[-1.0, 0.0], [3.0, 0.5], [1.0, 0.25], [99.0, -99.0]])
    np.testing.assert_allclose(applied(space, actions), [[-1, -1], [1, 1], [0, 0], [1, -1]])
    half = Box(-np.inf, 1.0, (1,))
    np.testing.assert_allclose(applied(half, jnp.array([[7.0], [-7.0]])), [[1.0], [-7.0]])


def test_icm_learns_nothing_from_what_never_happened():
    algorithm = ICM(features=4, network=Network(hidden_sizes=(8,)), batch_size=4, n_epochs=2)
    state = algorithm.init(EnvSpec("Test", Box(-1.0, 1.0, (3,)), Discrete(2)), jax.random.key(0))
    weight, transition = (
        jnp.array([1.0, 0.0, 1.0, 0.0]),
        steps(normal(4, 3), jnp.array([0, 1, 1, 0]), normal(4, 3)),
    )
    futures = []
    for nonsense in (1.0, 1e3):
        next_observation = jnp.where(weight[:, None] > 0, transition.next_observation, nonsense)
        part = replace(transition, next_observation=next_observation)
        futures.append(algorithm.update(state, part, weight, jax.random.key(1), NOW))
    for one, other in zip(*map(jax.tree.leaves, futures), strict=True):
        np.testing.assert_array_equal(one, other)


def walk(count):
    """Steps to the left and right on a line, seen as ten numbers: five tell the place, five are noise."""
    place, action = RNG.uniform(-1, 1, count), RNG.integers(0, 2, count)
    after = place + 0.5 * (2 * action - 1)

    def seen(at):
        directions = np.array([1.0, -0.5, 0.3, 0.8, -1.0])
        return jnp.asarray(
            np.concatenate([at[:, None] * directions, RNG.normal(size=(count, 5))], 1), jnp.float32
        )

    return steps(seen(place), jnp.asarray(action, jnp.int32), seen(after))


def test_icm_is_not_surprised_for_long_by_noise_that_actions_do_not_influence():
    algorithm = ICM(features=8, network=Network(hidden_sizes=(32,), activation="relu"), learning_rate=3e-3)
    state = algorithm.init(EnvSpec("Test", Box(-1.0, 1.0, (10,)), Discrete(2)), jax.random.key(0))
    batch = walk(2048)
    # The same loss without its inverse part and with features that cannot adapt is a plain forward model.
    plain = ICM(features=8, network=algorithm.network, learning_rate=3e-3, beta=1.0)

    @jax.jit
    def learn(state, plain_state, key):
        one, _ = algorithm.update(state, batch, jnp.ones(2048), key, NOW)
        other, _ = plain.update(plain_state, batch, jnp.ones(2048), key, NOW)
        features = plain_state.dynamics.features
        return one, replace(other, dynamics=replace(other.dynamics, features=features))

    plain_state = state
    for i in range(40):
        state, plain_state = learn(state, plain_state, jax.random.fold_in(jax.random.key(1), i))

    def unexplained(algorithm, state):
        """The part of the features' variance that the forward model does not foresee, on new steps."""
        fresh = walk(2048)
        after = state.dynamics.features(fresh.next_observation)
        return float(algorithm.reward(state, fresh).mean() / (0.5 * jnp.var(after, axis=0).sum()))

    assert unexplained(algorithm, state) < 0.1
    assert unexplained(plain, plain_state) > 0.4


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beta": 1.5}, r"beta=1.5: must be a number in \[0, 1\]"),
        ({"n_epochs": 0}, "n_epochs=0: must be at least 1"),
    ],
)
def test_icm_refuses_wrong_hyperparameters(wrong, message):
    with pytest.raises(ValueError, match=message):
        ICM(**wrong)
