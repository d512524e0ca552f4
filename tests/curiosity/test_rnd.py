"""Random network distillation against hand-computed numbers, a loop over samples, and what it is for."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.curiosity import RND
from operant.curiosity.rnd import RNDState
from operant.curiosity.whitening import Whitening
from operant.networks import Network
from operant.spaces import Box, Dict, Discrete, MultiDiscrete, Tuple
from operant.types import EnvSpec, Transition
from tests.shared import clock

RNG = np.random.default_rng(0)
NOW = clock(1, 10)
SPEC = EnvSpec("Test", Box(-1.0, 1.0, (3,)), Discrete(2), num_envs=4)
LINEAR = Network(hidden_sizes=())


def arrivals(observation) -> Transition:
    """Transitions that arrive in these observations."""
    leading = jax.tree.leaves(observation)[0].shape[:1]
    nothing = jnp.zeros(leading)
    elsewhere = jax.tree.map(jnp.zeros_like, observation)
    return Transition(elsewhere, nothing, nothing, nothing > 0, nothing > 0, observation)


def test_rnd_reward_of_two_linear_networks_by_hand():
    state = RND(features=2, network=LINEAR, normalize_observations=False).init(SPEC, jax.random.key(0))
    target = replace(state.target.head.output, weight=jnp.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]))
    state = replace(
        state,
        target=replace(state.target, head=replace(state.target.head, output=target)),
        predictor=jax.tree.map(jnp.zeros_like, state.predictor),
    )
    seen = jnp.array([[1.0, 1.0, 5.0], [3.0, 0.0, 0.0], [0.0, 0.0, 7.0]])
    reward = RND(features=2, network=LINEAR).reward(state, arrivals(seen))
    np.testing.assert_allclose(reward, [(1 + 4) / 2, 9 / 2, 0.0])


def test_rnd_loss_is_the_weighted_mean_of_a_loop_and_one_step_follows_its_gradient():
    algorithm = RND(features=3, network=LINEAR, batch_size=6, learning_rate=0.01)
    state = algorithm.init(SPEC, jax.random.key(0))
    seen = jnp.asarray(RNG.normal(2, 3, (6, 3)), jnp.float32)
    weight = jnp.array([1.0, 0.5, 0.0, 1.0, 0.0, 1.0])
    state = algorithm.update_statistics(state, arrivals(seen), weight)
    updated, metrics = algorithm.update(state, arrivals(seen), weight, jax.random.key(1), NOW)

    kept = np.asarray(seen, np.float64)[np.asarray(weight) > 0]
    share = np.asarray(weight)[np.asarray(weight) > 0][:, None]
    mean = (share * kept).sum(0) / share.sum()
    white = (np.asarray(seen) - mean) / np.sqrt((share * (kept - mean) ** 2).sum(0) / share.sum())
    white = np.clip(white, -5, 5)

    def outputs(network):
        layer = network.head.output
        return [
            sum(x[i] * np.asarray(layer.weight, np.float64)[i] for i in range(3)) + np.asarray(layer.bias)
            for x in white
        ]

    errors = [
        np.mean((a - b) ** 2) for a, b in zip(outputs(state.predictor), outputs(state.target), strict=True)
    ]
    expected = sum(w * e for w, e in zip(np.asarray(weight), errors, strict=True)) / 3.5
    np.testing.assert_allclose(metrics["train/rnd_loss"], expected, rtol=1e-5)
    # Adam's first step is the learning rate times the gradient's sign, wherever that is not tiny.
    moved = updated.predictor.head.output.weight - state.predictor.head.output.weight
    difference = np.array(outputs(state.predictor)) - np.array(outputs(state.target))
    gradient = (white * np.asarray(weight)[:, None]).T @ difference
    np.testing.assert_allclose(moved, -0.01 * np.sign(gradient), rtol=1e-3)


def test_rnd_learns_nothing_from_what_never_happened():
    algorithm = RND(features=4, network=Network(hidden_sizes=(8,)), batch_size=4, n_epochs=2)
    weight = jnp.array([1.0, 0.0, 1.0, 0.0])
    seen = jnp.asarray(RNG.normal(size=(4, 3)), jnp.float32)
    futures = []
    for nonsense in (1.0, 1e3):
        observation = jnp.where(weight[:, None] > 0, seen, nonsense)
        state = algorithm.init(SPEC, jax.random.key(0))
        state = algorithm.update_statistics(state, arrivals(observation), weight)
        futures.append(algorithm.update(state, arrivals(observation), weight, jax.random.key(1), NOW))
    for one, other in zip(*map(jax.tree.leaves, futures), strict=True):
        np.testing.assert_array_equal(one, other)


def trained(algorithm: RND, state: RNDState, seen: jax.Array, rounds: int) -> RNDState:
    @jax.jit
    def update(state, key):
        return algorithm.update(state, arrivals(seen), jnp.ones(len(seen)), key, NOW)[0]

    for i in range(rounds):
        state = update(state, jax.random.fold_in(jax.random.key(2), i))
    return state


def test_rnd_error_falls_where_it_has_been_and_stays_where_it_has_not():
    spec = EnvSpec("Test", Discrete(40), Discrete(2))
    algorithm = RND(features=16, network=Network(hidden_sizes=(32,)), learning_rate=3e-3, batch_size=20)
    before = algorithm.init(spec, jax.random.key(0))
    after = trained(algorithm, before, jnp.arange(20), 200)
    everywhere = arrivals(jnp.arange(40))
    ratio = algorithm.reward(after, everywhere) / algorithm.reward(before, everywhere)
    assert ratio[:20].max() < 0.05
    assert ratio[20:].mean() > 0.5
    for one, other in zip(jax.tree.leaves(before.target), jax.tree.leaves(after.target), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rnd_has_two_networks_of_their_own():
    state = RND().init(SPEC, jax.random.key(0))
    weights = [x for x in jax.tree.leaves(state.target) if x.ndim == 2]
    others = [x for x in jax.tree.leaves(state.predictor) if x.ndim == 2]
    assert all(not np.array_equal(a, b) for a, b in zip(weights, others, strict=True))


MIXED = Dict.of(
    {
        "choice": MultiDiscrete((2, 3)),
        "view": Box(0, 255, (6, 6, 2), "uint8"),
        "parts": Tuple((Box(-9.0, 9.0, (2,)), Discrete(4))),
    }
)


def mixed(count):
    return {
        "choice": jnp.asarray(RNG.integers(0, 2, (count, 2)), jnp.int32),
        "view": jnp.asarray(RNG.integers(0, 256, (count, 6, 6, 2)), jnp.uint8),
        "parts": (
            jnp.asarray(RNG.normal(3, 2, (count, 2)), jnp.float32),
            jnp.asarray(RNG.integers(0, 4, count), jnp.int32),
        ),
    }


def test_whitening_is_of_boxes_and_pixels_and_not_of_choices():
    whitening, everything = Whitening.build(MIXED, True), []
    for _ in range(3):
        seen = mixed(50)
        everything.append(seen)
        whitening = whitening.update(seen, jnp.ones(50))
    together = jax.tree.map(lambda *x: np.concatenate(x).astype(np.float64), *everything)
    probe = mixed(5)
    white = whitening(probe)
    for get in (lambda o: o["view"], lambda o: o["parts"][0]):
        mean, deviation = get(together).mean(0), get(together).std(0)
        expected = np.clip((np.asarray(get(probe), np.float64) - mean) / deviation, -5, 5)
        np.testing.assert_allclose(get(white), expected, rtol=2e-3, atol=2e-3)
    np.testing.assert_array_equal(white["choice"], probe["choice"])
    np.testing.assert_array_equal(white["parts"][1], probe["parts"][1])
    far = {**probe, "parts": (jnp.full((5, 2), 1e6), probe["parts"][1])}
    np.testing.assert_array_equal(whitening(far)["parts"][0], 5)


def test_rnd_takes_every_kind_of_observation():
    spec = EnvSpec("Test", MIXED, Discrete(2))
    network = Network(hidden_sizes=(8,), convolutions=((4, 3, 1),), convolution_features=8)
    algorithm = RND(features=4, network=network)
    state = algorithm.init(spec, jax.random.key(0))
    transition, weight = arrivals(mixed(6)), jnp.ones(6)
    state = algorithm.update_statistics(state, transition, weight)
    reward = algorithm.reward(state, transition)
    assert reward.shape == (6,)
    assert np.isfinite(reward).all()
    assert len(set(np.asarray(reward).tolist())) == 6
    _, metrics = algorithm.update(state, transition, weight, jax.random.key(0), NOW)
    np.testing.assert_allclose(metrics["train/rnd_loss"], reward.mean(), rtol=1e-4)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scale": -1.0}, "scale=-1.0: must be at least 0"),
        ({"features": 0}, "features=0: must be at least 1"),
        ({"network": Network(memory="gru")}, "network.memory='gru': must be 'none'"),
        ({"network": {"dropout": 0.1}}, "network.dropout=0.1: must be 0"),
        ({"network": jnp.tanh}, "must be an operant.Network or a dict of its values"),
    ],
)
def test_rnd_refuses_wrong_hyperparameters(wrong, message):
    with pytest.raises(ValueError, match=message):
        RND(**wrong)
