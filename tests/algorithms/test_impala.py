"""IMPALA's update: A2C's where the policy that acted is the present one, and a loop over samples where it is older."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_policy_gradient import NOW, RNG, SMALL, N, T, normal, state_of

import operant
from operant.algorithms.policy_gradient.a2c import A2C
from operant.algorithms.policy_gradient.impala import IMPALA
from operant.spaces import Box, Discrete
from operant.types import Batch, EnvSpec, Transition

GRU = replace(SMALL, memory="gru", memory_size=4)
SHARED = {"gamma": 0.9, "ent_coef": 0.05, "vf_coef": 0.3, "gae_lambda": 1.0}
DISCRETE = EnvSpec("Discrete", Box(-1.0, 1.0, (2,)), Discrete(3), num_envs=N)
CONTINUOUS = EnvSpec("Box", Box(-1.0, 1.0, (2,)), Box(-1.0, 3.0, (2,)), num_envs=N)


def rollout(spec) -> Transition:
    terminated, truncated = RNG.random((2, T, N)) < 0.25
    discrete = isinstance(spec.action_space, Discrete)
    return Transition(
        observation=normal(T, N, 2),
        action=jnp.asarray(RNG.integers(0, 3, (T, N)), jnp.int32) if discrete else normal(T, N, 2),
        reward=normal(T, N),
        terminated=jnp.asarray(terminated),
        truncated=jnp.asarray(truncated & ~terminated),
        next_observation=normal(T, N, 2),
    )


@pytest.mark.parametrize("network", [SMALL, GRU], ids=["feed-forward", "memory"])
@pytest.mark.parametrize("spec", [DISCRETE, CONTINUOUS], ids=lambda spec: spec.id)
def test_impala_has_the_gradient_of_a2c_where_the_newest_policy_acted(spec, network):
    impala = IMPALA(policy_lag=0, network=network, **SHARED)
    a2c = A2C(network=network, **SHARED)
    learnt = state_of(impala, spec).network
    carry = jax.tree.map(lambda x: normal(*x.shape), learnt.initial_carry(N))
    step, weight = rollout(spec), jnp.ones((T, N)).at[1, 2].set(0.0)

    @jax.jit
    def both(learnt):
        policy, _ = learnt.unroll(step.observation, None, carry, step.done)
        noted = replace(step, extras=policy.log_prob(step.action))
        one = jax.grad(lambda n: impala.loss(n, noted, weight, carry, NOW)[0])(learnt)
        return one, jax.grad(lambda n: a2c.loss(n, step, weight, carry, NOW)[0])(learnt)

    for mine, its in zip(*map(jax.tree.leaves, both(learnt)), strict=True):
        np.testing.assert_allclose(mine, its, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("clip", [(1.0, 1.0), (2.0, 0.7), (1e9, 1e9)], ids=str)
def test_impala_loss_is_that_of_a_loop_over_samples(clip):
    """Equation 1 and section 4.2 of the paper, in float64, one environment after another."""
    rho_max, c_max = clip
    algorithm = IMPALA(network=SMALL, clip_rho=rho_max, clip_c=c_max, **{**SHARED, "gae_lambda": 0.8})
    learnt = state_of(algorithm, DISCRETE).network
    step = rollout(DISCRETE)
    step = replace(step, extras=normal(T, N, scale=0.5) - 1.0)
    weight = jnp.ones((T, N)).at[2, 1].set(0.0)
    loss, metrics = jax.jit(algorithm.loss)(learnt, step, weight, (), NOW)
    policy, value = learnt.unroll(step.observation, None, (), step.done)
    _, next_value = learnt.unroll(step.next_observation, None, (), step.done)
    log_prob, entropy = (np.asarray(x, np.float64) for x in (policy.log_prob(step.action), policy.entropy()))
    value, next_value, reward, log_mu = (
        np.asarray(x, np.float64) for x in (value, next_value, step.reward, step.extras)
    )
    ratio = np.exp(log_prob - log_mu)
    terms, errors = [], []
    for n in range(N):
        later = 0.0  # v_{t+1} − V(s_{t+1})
        for t in reversed(range(T)):
            later = 0.0 if step.done[t, n] else later
            bootstrap = 0.0 if step.terminated[t, n] else next_value[t, n]
            rho, c = min(rho_max, ratio[t, n]), 0.8 * min(c_max, ratio[t, n])
            advantage = rho * (reward[t, n] + 0.9 * (bootstrap + 0.8 * later) - value[t, n])
            later = rho * (reward[t, n] + 0.9 * bootstrap - value[t, n]) + 0.9 * c * later
            if weight[t, n]:
                terms.append(-log_prob[t, n] * advantage - 0.05 * entropy[t, n])
                errors.append(later**2)
    assert float(loss) == pytest.approx(np.mean(terms) + 0.3 * np.mean(errors), rel=1e-4)
    assert float(metrics["train/value_loss"]) == pytest.approx(np.mean(errors), rel=1e-4)


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_impala_acts_with_a_policy_some_updates_old_and_notes_its_own_probabilities(lag):
    algorithm = IMPALA(policy_lag=lag, n_steps=T, learning_rate=0.05, network=SMALL)
    state = algorithm.init(DISCRETE, jax.random.key(0))
    seen, networks = normal(N, 2), []
    for i in range(6):
        networks.append(state.network)
        noise = algorithm.sample_noise(DISCRETE, jax.random.key(i))
        action, _, noted = algorithm.act(state, seen, None, (), noise, NOW, explore=True)
        acting, _ = networks[max(i - lag, 0)].policy(seen, None, ())
        np.testing.assert_array_equal(action, acting.sample(noise))
        np.testing.assert_array_equal(noted, acting.log_prob(action))
        best, _, _ = algorithm.act(state, seen, None, (), None, NOW, explore=False)
        np.testing.assert_array_equal(best, state.network.policy(seen, None, ())[0].mode())
        step = replace(rollout(DISCRETE), extras=jnp.full((T, N), -1.0))
        state, _ = algorithm.update(state, Batch(step, jnp.ones((T, N))), jax.random.key(i), NOW)
    assert (jax.tree.leaves(networks[0])[0] != jax.tree.leaves(networks[-1])[0]).any()


@pytest.mark.parametrize("seeds", [None, 2])
def test_impala_learns_from_environments_in_python(seeds):
    agent = operant.IMPALA(
        "CartPole-v1", backend="gymnasium", num_envs=2, n_steps=4, seeds=seeds, network={"hidden_sizes": (8,)}
    )
    agent.learn(24, progress_bar=False)
    noted = np.asarray(agent.history[-1]["train/approx_kl"])
    assert np.isfinite(noted).all()
    assert (noted >= 0).all()


@pytest.mark.parametrize(("name", "value"), [("policy_lag", -1), ("clip_rho", 0.0), ("clip_c", -1.0)])
def test_impala_refuses_wrong_values(name, value):
    with pytest.raises(ValueError, match=f"{name}={value}"):
        IMPALA(**{name: value})
