"""APPO: PPO where the newest policy acted, and V-trace's estimates in the clipped objective where an older one did."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_impala import DISCRETE, GRU, rollout
from test_policy_gradient import NOW, SMALL, N, T

import operant
from operant.algorithms.policy_gradient.ppo import PPO
from operant.types import Batch

VALUES = {"n_steps": T, "batch_size": 2 * T, "n_epochs": 2, "gamma": 0.9, "gae_lambda": 0.8, "ent_coef": 0.05}
WEIGHT = jnp.ones((T, N)).at[1, 2].set(0.0)


def states(algorithm, count=2):
    return [algorithm.init(DISCRETE, jax.random.key(seed)) for seed in range(count)]


@pytest.mark.parametrize("network", [SMALL, GRU], ids=["feed-forward", "memory"])
def test_appo_where_the_newest_policy_acted_is_ppo(network):
    step, learnt = rollout(DISCRETE), []
    for vtrace in (False, True):
        algorithm = PPO(network=network, vtrace=vtrace, **VALUES)
        (state,) = states(algorithm, 1)
        carry = state.network.initial_carry(N)
        batch = Batch(step, WEIGHT, carry)
        learnt.append(jax.jit(algorithm.update)(state, batch, jax.random.key(7), NOW))
    for mine, its in zip(*map(jax.tree.leaves, learnt), strict=True):
        np.testing.assert_allclose(mine, its, rtol=2e-4, atol=1e-5)


def test_appo_estimates_are_those_of_a_loop_over_samples():
    """Equation 1 and section 4.2 of IMPALA's paper with λ, in float64, one environment after another."""
    algorithm = PPO(network=SMALL, vtrace=True, **VALUES)
    state, acted = states(algorithm)
    step = rollout(DISCRETE)
    old = algorithm.corrected(state, acted, Batch(step, WEIGHT))
    of_mu, _ = acted.network.unroll(step.observation, None, (), step.done)
    policy, value = state.network.unroll(step.observation, None, (), step.done)
    _, next_value = state.network.unroll(step.next_observation, None, (), step.done)
    log_prob, log_mu = policy.log_prob(step.action), of_mu.log_prob(step.action)
    np.testing.assert_allclose(old.log_prob, log_prob, rtol=1e-5, atol=1e-6)
    ratio = np.minimum(1.0, np.exp(np.asarray(log_prob - log_mu, np.float64)))
    assert (ratio < 0.999).any()
    value, next_value, reward = (np.asarray(x, np.float64) for x in (value, next_value, step.reward))
    for n in range(N):
        later = 0.0  # v_{t+1} − V(s_{t+1})
        for t in reversed(range(T)):
            later = 0.0 if step.done[t, n] else later
            ahead = 0.0 if step.terminated[t, n] else 0.9 * next_value[t, n]
            delta = reward[t, n] + ahead - value[t, n]
            later = ratio[t, n] * (delta + 0.9 * 0.8 * later)
            assert old.target[t, n] == pytest.approx(value[t, n] + later, rel=1e-4, abs=1e-5)
            assert old.advantage[t, n] == pytest.approx(later, rel=1e-4, abs=1e-5)


def test_appo_clips_the_ratio_to_the_policy_before_the_update():
    """One step down the gradient of all of a rollout, whose ratio is then 1 whoever acted."""
    algorithm = PPO(
        network=SMALL,
        vtrace=True,
        optimizer="sgd",
        max_grad_norm=1e9,
        **{**VALUES, "n_epochs": 1, "batch_size": T * N},
    )
    state, acted = states(algorithm)
    step = rollout(DISCRETE)
    batch = Batch(step, WEIGHT, behavior=acted)
    learnt, metrics = jax.jit(algorithm.update)(state, batch, jax.random.key(7), NOW)
    assert abs(float(metrics["train/approx_kl"])) < 1e-6
    old = replace(algorithm.corrected(state, acted, batch), policy=None)
    gradient = jax.grad(lambda network: algorithm.loss(network, step, old, WEIGHT, (), NOW)[0])(state.network)
    for mine, before, g in zip(*map(jax.tree.leaves, (learnt.network, state.network, gradient)), strict=True):
        np.testing.assert_allclose(mine, before - 3e-4 * g, rtol=1e-4, atol=1e-6)


def test_appo_is_a_name_of_ppo_with_vtrace():
    agent = operant.APPO("CartPole-v1", preset=None)
    assert agent.algorithm.name == "APPO"
    assert agent.algorithm.vtrace
    assert agent.learner.workers.count == 4
    assert agent.config()["algorithm"] == "appo"
