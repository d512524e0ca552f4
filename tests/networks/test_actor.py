"""Actors: their outputs by hand, their distributions, and whose encoder they use."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import filled, normal

from operant.distributions import Categorical, StateDependentGaussian, Transformed
from operant.networks import Actor, CriticEnsemble, Network
from operant.spaces import Box, Dict, Discrete
from operant.types import EnvSpec

KEY = jax.random.key(0)
OWN = Network(hidden_sizes=(6,), activation="relu", initialization="uniform", share_features_extractor=False)
SPEC = EnvSpec("test", Box(-1.0, 1.0, (4,)), Box(-1.0, 3.0, (2, 1)))
CHOICES = replace(SPEC, action_space=Discrete(3))


def built(spec=SPEC, config=OWN, **values):
    def build(key):
        critics = CriticEnsemble.build(config, spec, key, count=2)
        return Actor.build(config, spec, key, critics, **values), critics

    return filled(build)


def outputs_by_hand(actor, x):
    hidden, output = actor.head.hidden[0], actor.head.output
    x = np.maximum(x @ np.asarray(hidden.weight) + np.asarray(hidden.bias), 0)
    return x @ np.asarray(output.weight) + np.asarray(output.bias), x


def test_actor_that_is_deterministic_gives_tanh_of_its_outputs_in_the_shape_of_the_box():
    actor, critics = built(stochastic=False)
    observation = normal(5, 4)
    action = actor.action(actor.torso(critics).encoder(observation))
    expected, _ = outputs_by_hand(actor, np.asarray(observation))
    np.testing.assert_allclose(action, np.tanh(expected).reshape(5, 2, 1), rtol=1e-4, atol=1e-5)


def test_actor_policy_is_a_squashed_gaussian_in_units_whose_log_std_is_clipped():
    actor, critics = built(stochastic=True)
    observation = 30 * normal(50, 4)
    policy = actor.policy(actor.torso(critics).encoder(observation))
    expected, _ = outputs_by_hand(actor, np.asarray(observation))
    assert isinstance(policy, Transformed)
    np.testing.assert_allclose(policy.base.mean, expected[:, :2], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(policy.base.log_std, expected[:, 2:].clip(-20, 2), rtol=1e-3, atol=1e-3)
    assert {-20.0, 2.0} <= set(np.asarray(policy.base.log_std).ravel().tolist())
    np.testing.assert_allclose(policy.mode(), np.tanh(expected[:, :2]).reshape(50, 2, 1), atol=1e-4)


def test_actor_policy_of_discrete_actions_heeds_masks():
    actor, critics = built(CHOICES, stochastic=True)
    mask = jnp.asarray([[True, False, True]])
    policy = actor.policy(actor.torso(critics).encoder(normal(1, 4)), mask)
    assert isinstance(policy, Categorical)
    probabilities = np.exp(policy.log_probabilities)[0]
    assert probabilities[1] == 0
    assert probabilities[[0, 2]].sum() == pytest.approx(1)


def test_actor_with_sde_has_noise_of_its_last_layers_features():
    actor, critics = built(stochastic=True, use_sde=True, log_std_init=-2.0)
    observation = normal(5, 4)
    policy = actor.policy(actor.torso(critics).encoder(observation))
    outputs, latent = outputs_by_hand(actor, np.asarray(observation))
    assert isinstance(policy.base, StateDependentGaussian)
    assert policy.base.log_std.shape == (6, 2)
    np.testing.assert_allclose(policy.base.features, latent, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(policy.base.mean, 2 * np.tanh(outputs / 2), rtol=1e-4, atol=1e-5)


def test_actor_with_sde_starts_with_the_deviation_that_is_asked_for():
    critics, _ = built(stochastic=False)[::-1]
    fresh = Actor.build(OWN, SPEC, KEY, critics, stochastic=True, use_sde=True, log_std_init=-2.0)
    np.testing.assert_array_equal(fresh.log_std, np.full((6, 2), -2.0))


def test_actor_uses_the_critics_encoder_without_a_gradient_where_it_is_shared():
    config = replace(OWN, encoders=(("a", (7,)),))
    spec = replace(SPEC, observation_space=Dict((("a", Box(-1.0, 1.0, (4,))),)))
    observation = {"a": normal(5, 4)}
    own, critics = built(spec, config, stochastic=False)
    assert own.encoder is not None
    shared, critics = built(spec, replace(config, share_features_extractor=True), stochastic=False)
    assert shared.encoder is None
    np.testing.assert_array_equal(
        shared.torso(critics).encoder(observation), critics.torso.encoder(observation)
    )
    gradient = jax.grad(lambda c: jnp.sum(shared.action(shared.torso(c).encoder(observation))))(critics)
    assert all((np.asarray(x) == 0).all() for x in jax.tree.leaves(gradient))
