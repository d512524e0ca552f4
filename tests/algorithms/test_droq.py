"""DroQ: the values that make it of SAC, and where its critics' dropout is on."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from off_policy_samples import B, minibatch, normal, state_of

import operant
from operant.algorithms import registry
from operant.algorithms.actor_critic.sac import SAC
from operant.networks import MLP, Network
from operant.types import Batch
from tests.shared import clock

NETWORK = Network((8,), activation="relu", value_layer_norm=True, value_dropout=0.5)
ALGORITHM = SAC(network=replace(NETWORK, share_features_extractor=False), ent_coef=0.0, gamma=0.9)


def test_droq_has_the_papers_values_and_its_name():
    droq = operant.DroQ("Pendulum-v1", network={"hidden_sizes": (64,)}).algorithm
    assert (droq.n_critics, droq.gradient_steps, droq.policy_delay) == (2, 20, 20)  # M, G of algorithm 2
    assert droq.policy_q == "mean"  # line 10
    critic = droq.network.of_value
    assert (critic.hidden_sizes, critic.dropout, critic.layer_norm) == ((64,), 0.01, True)
    assert (droq.network.dropout, droq.network.layer_norm) == (0.0, False)  # the policy's
    assert (droq.name, registry.name_of(droq)) == ("DroQ", "droq")
    assert registry.build(SAC, registry.to_json(droq)) == droq


def silent(critics):
    """With outputs of 0, whatever is dropped."""
    output = jax.tree.map(jnp.zeros_like, critics.heads.output)
    return replace(critics, heads=replace(critics.heads, output=output))


@pytest.mark.parametrize("which", ["online", "target", "neither"])
def test_droq_drops_units_of_the_online_and_the_target_critics(which):
    """With the other one silent, and actions that the critics do not see, the key matters by what is dropped alone."""
    state, transition = state_of(ALGORITHM), minibatch()

    def blind(critics):
        weight = critics.heads.hidden[0].weight.at[:, 3:].set(0.0)
        return replace(
            critics, heads=replace(critics.heads, hidden=(replace(critics.heads.hidden[0], weight=weight),))
        )

    online, target = (
        blind(critics) if which == name else silent(critics)
        for name, critics in (("online", state.critics), ("target", state.target))
    )
    sample = ALGORITHM.sample(Batch(transition, jnp.ones(B)), state)
    loss = jax.jit(
        lambda key: ALGORITHM.critic_loss(online, target, state.actor, jnp.asarray(0.0), sample, key)[0]
    )
    losses = [float(loss(jax.random.key(seed))) for seed in range(3)]
    assert (len(set(losses)) == 3) == (which != "neither")


def test_droq_acts_and_estimates_without_dropout():
    state, observation = state_of(ALGORITHM), normal(5, 3)
    plain = replace(ALGORITHM, network=replace(ALGORITHM.network, value_dropout=0.0))
    action, value = [], []
    for algorithm in (ALGORITHM, plain):
        given = jax.tree.unflatten(jax.tree.structure(state_of(algorithm)), jax.tree.leaves(state))
        action.append(algorithm.act(given, observation, None, (), None, clock(), explore=False)[0])
        value.append(algorithm.estimates(given, observation, None, ())[0].value)
    np.testing.assert_array_equal(*action)
    np.testing.assert_array_equal(*value)


def test_mlp_with_layer_norm_drops_units_before_they_are_normalised():
    """Dropped units are 0 before the normalisation, so that all kept ones still have mean 0 after it with them."""
    mlp = MLP.build(3, (8,), None, jax.random.key(0), activation="identity", layer_norm=True, dropout=0.5)
    y = np.asarray(mlp(normal(6, 3), key=jax.random.key(1)))
    np.testing.assert_allclose(y.mean(-1), 0, atol=1e-5)
    for row in y:
        values, counts = np.unique(row.round(5), return_counts=True)
        assert counts.max() > 1  # all that are dropped have one value, and it is not 0
        assert abs(values[counts.argmax()]) > 1e-3
