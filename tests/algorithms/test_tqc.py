"""TQC: its targets and its loss by hand, with and without truncation, and what tells it from SAC."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from off_policy_samples import SMALL, B, minibatch, one_critic, state_of, to_units

from operant.algorithms import registry
from operant.algorithms.actor_critic.critics import (
    CriticKind,
    ExpectedValue,
    TruncatedQuantiles,
    policy_value,
)
from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.actor_critic.soft import Choice
from operant.types import Batch

KEY = jax.random.key(5)


def tqc(**values) -> SAC:
    given = {"gamma": 0.9, "network": SMALL, "ent_coef": 0.3, "n_quantiles": 4}
    return registry.build(SAC, registry.defaults("tqc") | given | values)


def quantile_huber(quantiles, targets):
    """Kuznetsov et al. 2020, equations 12 and 13, in loops."""
    total, count = 0.0, len(quantiles)
    for m, theta in enumerate(quantiles):
        tau = (2 * m + 1) / (2 * count)
        for y in targets:
            u = y - theta
            huber = 0.5 * u**2 if abs(u) <= 1 else abs(u) - 0.5
            total += abs(tau - (u < 0)) * huber
    return total / (count * len(targets))


@pytest.mark.parametrize(("critics", "dropped"), [(1, 0), (3, 1)])
def test_tqc_loss_is_that_of_its_truncated_quantiles_by_hand(critics, dropped):
    """With one critic and nothing dropped that is a quantile SAC, whose target has all atoms of it."""
    algorithm = tqc(n_critics=critics, top_quantiles_to_drop_per_net=dropped)
    assert algorithm.name == "TQC"
    state, transition = state_of(algorithm), minibatch()

    @jax.jit
    def run(state, batch):
        sample = algorithm.sample(batch, state)
        loss = algorithm.critic_loss(state.critics, state.target, state.actor, jnp.asarray(0.3), sample, KEY)
        policy = state.actor.policy(sample.next_observation)
        return loss, Choice.of(policy, jax.random.split(KEY, 5)[0])

    (loss, (_, td_error)), choice = run(state, Batch(transition, jnp.ones(B)))
    losses = []
    for i in range(B):
        after = np.concatenate([transition.next_observation[i], choice.action[i]]).astype(np.float64)
        here = np.concatenate([transition.observation[i], to_units(transition.action[i])])
        atoms = sorted(z for k in range(critics) for z in one_critic(state.target, k, after))
        atoms = np.array(atoms[: critics * (4 - dropped)])
        if dropped == 0:
            assert len(atoms) == 4 * critics
        follows = 0.0 if transition.terminated[i] else 0.9
        y = float(transition.reward[i]) + follows * (atoms - 0.3 * float(choice.log_prob[i]))
        each = [quantile_huber(one_critic(state.critics, k, here), y) for k in range(critics)]
        np.testing.assert_allclose(td_error[i], np.mean(each), rtol=2e-3, atol=1e-4)
        losses.append(0.5 * sum(each))
    np.testing.assert_allclose(loss, np.mean(losses), rtol=2e-3)


def test_tqc_policy_is_improved_by_the_mean_of_all_quantiles():
    algorithm = tqc(n_critics=3)
    state, transition = state_of(algorithm), minibatch()
    sample = algorithm.sample(Batch(transition, jnp.ones(B)), state)
    loss, _ = jax.jit(lambda s: algorithm.actor_loss(s.actor, s.critics, jnp.asarray(0.3), sample, KEY))(
        state
    )
    choice = Choice.of(state.actor.policy(transition.observation), jax.random.split(KEY, 3)[0])
    inputs = np.concatenate([transition.observation, choice.action], -1).astype(np.float64)
    q = np.mean([one_critic(state.critics, k, inputs) for k in range(3)], (0, 2))
    np.testing.assert_allclose(loss, np.mean(0.3 * np.asarray(choice.log_prob) - q), rtol=1e-3)


def test_policy_value_is_the_least_the_mean_or_the_first():
    q = jnp.asarray([[1.0, -1.0], [-2.0, 4.0], [4.0, 0.0]])
    for which, expected in {"min": [-2, -1], "mean": [1, 1], "first": [1, -1]}.items():
        np.testing.assert_allclose(policy_value(q, which), expected, rtol=1e-6)


def test_critic_kinds_shift_and_scale_what_they_learn():
    kinds: list[CriticKind] = [ExpectedValue(), TruncatedQuantiles(3, 1)]
    assert [kind.outputs for kind in kinds] == [1, 3]
    shift, scale = jnp.asarray([1.0, 2.0]), jnp.asarray([0.5, 0.0])
    for kind in kinds:
        shifted = kind.shifted(jnp.asarray([[2.0, 4.0], [2.0, 4.0]]), shift, scale)
        np.testing.assert_allclose(shifted, [[2, 3], [2, 2]])
    output = jnp.asarray([[[3.0]], [[1.0]]])
    np.testing.assert_allclose(ExpectedValue().pessimistic(output), [[1.0]])


def test_tqc_is_what_a_sac_of_quantiles_is_called():
    assert registry.name_of(tqc()) == "tqc"
    assert registry.name_of(SAC()) == "sac"
    assert SAC(distributional="quantile").name == "SAC"  # its policy climbs the least of the means
