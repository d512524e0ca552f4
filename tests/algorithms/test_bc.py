"""Behaviour cloning: its loss, where it converges to, and every action space with masks and memory."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant import spaces
from operant.algorithms.imitation.bc import BC
from operant.networks import Network
from operant.types import Batch, Clock, EnvSpec, Transition

NETWORK = Network(hidden_sizes=(8,), initialization="uniform")
CLOCK = Clock(jnp.int32(1), jnp.int32(10))
TWO_STATES = np.eye(2, dtype=np.float32)


def steps(observation, action, mask=None) -> Transition:
    flags = np.zeros(len(action), bool)
    return Transition(observation, action, np.zeros(len(action), np.float32), flags, flags, None, mask)


def test_loss_is_the_cross_entropy_of_two_states():
    """With logits (0, log 3) in state 0 and (log 4, 0) in state 1: π(1|0) = 3/4, π(0|1) = 4/5."""
    spec = EnvSpec("two", spaces.Box(0.0, 1.0, (2,)), spaces.Discrete(2))
    made = BC(network=Network(hidden_sizes=()), ent_coef=0.1)
    state = made.init(spec, jax.random.key(0))
    weight = jnp.array([[0.0, np.log(4)], [np.log(3), 0.0]])  # [actions, states]
    output = state.network.policy_head.output
    shape = output.weight.shape
    weight = weight if shape == weight.shape and not np.allclose(shape[0], -1) else weight.T
    network = jax.tree_util.tree_map(lambda x: x, state.network)
    head = type(output)  # noqa: F841
    import equinox as eqx

    network = eqx.tree_at(
        lambda n: (n.policy_head.output.weight, n.policy_head.output.bias),
        network,
        (_as_layer(output, weight), jnp.zeros(2)),
    )
    state = eqx.tree_at(lambda s: s.network, state, network)
    batch = Batch(
        steps(TWO_STATES[np.array([0, 0, 1, 0])], np.array([1, 0, 0, 0])), jnp.array([1.0, 1.0, 1.0, 0.0])
    )
    loss, metrics = made.loss(state, batch, CLOCK)
    cross_entropy = -(np.log(3 / 4) + np.log(1 / 4) + np.log(4 / 5)) / 3
    entropies = [-(p * np.log(p) + (1 - p) * np.log(1 - p)) for p in (3 / 4, 3 / 4, 4 / 5)]
    assert metrics["train/neglogp"] == pytest.approx(cross_entropy, rel=1e-5)
    assert metrics["train/prob_true_act"] == pytest.approx((3 / 4 + 1 / 4 + 4 / 5) / 3, rel=1e-5)
    assert loss == pytest.approx(cross_entropy - 0.1 * np.mean(entropies), rel=1e-5)
    assert made.validation(state, batch)["validation/loss"] == pytest.approx(cross_entropy, rel=1e-5)
