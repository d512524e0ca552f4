"""TRPO against an explicit Fisher matrix, NumPy's solver and its own constraint."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from operant.algorithms.policy_gradient.trpo import TRPO, divergence_from, fisher_product
from operant.networks import Network
from operant.ops.shuffle import sequences
from operant.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from operant.types import Batch, EnvSpec, Transition
from tests.shared import clock, normals

RNG = np.random.default_rng(0)
normal = normals(RNG)
NOW = clock(25)
T, N = 6, 4
TINY = Network(hidden_sizes=(3,))
DELTA = 0.01


def learner(actions, **hyperparameters):
    """`(algorithm, state, batch)` of a rollout `[T, N]` with episodes that end, some by a limit, and masks."""
    algorithm = TRPO(
        **{"n_steps": T, "batch_size": 8, "n_critic_updates": 2, "network": TINY} | hyperparameters
    )
    spec = EnvSpec("Test", Box(-1.0, 1.0, (2,)), actions, num_envs=N)
    shapes = jax.eval_shape(lambda key: algorithm.init(spec, key), jax.random.key(0))
    state = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    network = jax.tree.map(lambda x: normal(*x.shape, scale=0.5), shapes.network)
    state = eqx.tree_at(lambda s: s.network, state, network)

    sizes = {Discrete: lambda: (actions.n,), MultiDiscrete: lambda: actions.nvec}.get(type(actions))
    mask = None
    if sizes is None:
        chosen = (
            RNG.integers(0, 2, (T, N, actions.n)) if isinstance(actions, MultiBinary) else normal(T, N, 2)
        )
    else:  # the first of each choice is always possible
        parts = [
            np.concatenate([np.ones((T, N, 1), bool), RNG.random((T, N, n - 1)) < 0.7], -1) for n in sizes()
        ]
        mask = jnp.asarray(np.concatenate(parts, -1))
        chosen = np.stack([np.argmax(RNG.random(part.shape) * part, -1) for part in parts], -1)
        chosen = chosen[..., 0] if isinstance(actions, Discrete) else chosen
    terminated, truncated = RNG.random((2, T, N)) < 0.15
    transition = Transition(
        observation=normal(T, N, 2),
        action=jnp.asarray(chosen, actions.dtype),
        reward=normal(T, N),
        terminated=jnp.asarray(terminated),
        truncated=jnp.asarray(truncated & ~terminated),
        next_observation=normal(T, N, 2),
        action_mask=mask,
        next_action_mask=mask,
    )
    carry = jax.tree.map(lambda x: normal(*x.shape), algorithm.initial_carry(state, N))
    return algorithm, state, Batch(transition, jnp.ones((T, N)).at[2, 1].set(0.0), carry)


def prepared(algorithm, state, batch):
    """`(θ, θ ↦ policy, transition, sample, weight)` as one update has them."""
    sample = algorithm.estimate(state.network, batch.transition, batch.carry)
    theta, policy_at = ravel_pytree(replace(state.network, value_head=None))
    rows = sequences((batch.transition, sample, batch.weight), whole=state.network.recurrent)
    return theta, policy_at, *rows


def explicit_fisher(theta, policy_at, transition, weight):
    """E[∇ log π ∇ log πᵀ] over all choices of a Discrete space, or in closed form for a Gaussian: float64 `[P, P]`."""
    rows = [np.argwhere(np.asarray(weight) > 0)][0]

    @jax.jit
    def jacobians(theta, observation, mask):
        def outputs(theta):
            policy, _ = policy_at(theta).policy(observation[None], None if mask is None else mask[None], ())
            if hasattr(policy, "logits"):
                return policy.log_probabilities[0]
            return jnp.concatenate([policy.mean[0], policy.log_std[0]])

        return outputs(theta), jax.jacrev(outputs)(theta)

    fisher = np.zeros((theta.size, theta.size))
    for row in map(tuple, rows):
        mask = None if transition.action_mask is None else transition.action_mask[row]
        value, jacobian = (
            np.asarray(x, np.float64) for x in jacobians(theta, transition.observation[row], mask)
        )
        if mask is None:  # information is 1/σ² about a mean and 2 about log σ
            information = np.concatenate(
                [np.exp(-2 * value[len(value) // 2 :]), np.full(len(value) // 2, 2.0)]
            )
        else:
            information = np.exp(value)
        fisher += jacobian.T @ (information[:, None] * jacobian) / len(rows)
    return fisher


@pytest.mark.parametrize(
    ("actions", "every", "damping"),
    [(Discrete(3), 1, 1.0), (Box(-1.0, 1.0, (2,)), 3, 0.1)],
    ids=["Discrete", "Box, every third"],
)
def test_trpo_steps_as_an_explicit_fisher_matrix_says(actions, every, damping):
    algorithm, state, batch = learner(actions, cg_max_steps=60, sub_sampling_factor=every, cg_damping=damping)
    theta, policy_at, transition, sample, weight = prepared(algorithm, state, batch)
    some, known, counts = jax.tree.map(lambda x: x[:, ::every], (transition, sample, weight))
    divergence = divergence_from(policy_at, some, known, counts, ())
    fisher = explicit_fisher(theta, policy_at, some, counts)
    product = jax.jit(lambda v: fisher_product(divergence, theta)(v))
    for _ in range(3):
        v = normal(theta.size)
        np.testing.assert_allclose(product(v), fisher @ np.asarray(v, np.float64), rtol=1e-3, atol=1e-4)

    def mean(x):
        return jnp.sum(x * weight) / jnp.sum(weight)

    @jax.jit
    @jax.value_and_grad
    def surrogate(theta):
        log_prob = (
            policy_at(theta)
            .unroll(transition.observation, transition.action_mask, (), transition.done)[0]
            .log_prob(transition.action)
        )
        advantage = sample.advantage - mean(sample.advantage)
        advantage = advantage / jnp.sqrt(mean(advantage**2))
        return mean(jnp.exp(log_prob - sample.log_prob) * advantage)

    objective, gradient = surrogate(theta)
    damped = fisher + damping * np.eye(theta.size)
    direction = np.linalg.solve(damped, np.asarray(gradient, np.float64))
    longest = np.sqrt(2 * DELTA / (direction @ damped @ direction)) * direction
    actor, metrics = jax.jit(algorithm.policy_step)(policy_at(theta), transition, sample, weight, ())
    step = np.asarray(ravel_pytree(actor)[0] - theta, np.float64)
    assert metrics["train/is_line_search_success"] == 1
    everything = jax.jit(divergence_from(policy_at, transition, sample, weight, ()))
    shortened = 0  # as often as it takes for the first that is better, and near enough
    while True:
        there = theta + jnp.asarray(0.8**shortened * longest, jnp.float32)
        if surrogate(there)[0] > objective and everything(there) < DELTA:
            break
        shortened += 1
    assert (shortened == 0) == (damping == 1)
    np.testing.assert_allclose(step, 0.8**shortened * longest, rtol=0.02, atol=2e-4)


CASES = {
    "Discrete, masked, with a GRU": (Discrete(3), {"network": replace(TINY, memory="gru", memory_size=3)}),
    "MultiDiscrete, masked": (MultiDiscrete((2, 3)), {"sub_sampling_factor": 3}),
    "MultiBinary": (MultiBinary(2), {}),
    "Box, exploring by state": (Box(-1.0, 1.0, (2,)), {"use_sde": True}),
}


@pytest.mark.parametrize("name", CASES)
def test_trpo_never_moves_the_policy_further_than_the_constraint(name):
    """Measured from outside, over updates that follow each other; and without anything to gain it does not move."""
    actions, values = CASES[name]
    algorithm, state, batch = learner(actions, **values)

    @jax.jit
    def update(state, batch, key):
        after, metrics = algorithm.update(state, batch, key, NOW)
        transition = batch.transition
        rollout = (transition.observation, transition.action_mask, batch.carry, transition.done)
        (old, _), (new, _) = state.network.unroll(*rollout), after.network.unroll(*rollout)
        return after, metrics, jnp.sum(old.kl(new) * batch.weight) / jnp.sum(batch.weight)

    successes = 0
    for i in range(4):
        after, metrics, moved = update(state, batch, jax.random.key(i))
        success = bool(metrics["train/is_line_search_success"])
        successes += success
        assert moved < DELTA
        assert (moved > 1e-4) == success
        np.testing.assert_allclose(moved, metrics["train/kl_divergence_loss"], atol=1e-5)
        changed = (np.asarray(a) != b for a, b in zip(*map(jax.tree.leaves, (after, state)), strict=True))
        assert all(x.any() for x in changed)
        state = after
    assert successes >= 2

    idle = eqx.tree_at(
        lambda s: s.network.value_head, state, jax.tree.map(jnp.zeros_like, state.network.value_head)
    )
    nothing = replace(batch, transition=replace(batch.transition, reward=jnp.zeros((T, N))))
    after, metrics, moved = update(idle, nothing, jax.random.key(9))
    assert metrics["train/is_line_search_success"] == 0
    before = ravel_pytree(replace(idle.network, value_head=None))[0]
    np.testing.assert_array_equal(ravel_pytree(replace(after.network, value_head=None))[0], before)


OWN_CRITICS = {
    "none": {},
    "an encoder": {"share_features_extractor": False, "value_hidden_sizes": (16,)},
    "a memory": {"memory": "gru", "memory_size": 8, "critic_memory": "own"},
}


@pytest.mark.parametrize("own", OWN_CRITICS)
def test_trpo_fits_the_value_function_to_the_targets(own):
    algorithm, state, batch = learner(
        Discrete(3),
        n_critic_updates=300,
        learning_rate=0.01,
        network=Network(hidden_sizes=(4,), **OWN_CRITICS[own]),
    )
    transition, target = batch.transition, normal(T, N)
    carry = state.network.initial_carry(N)
    weight = jnp.ones((T, N)).at[0, 0].set(0.0)
    fit = jax.jit(
        lambda network, optimizer, target: algorithm.fit_value(
            network, optimizer, transition, target, weight, carry, jax.random.key(0), NOW
        )
    )
    wild = fit(state.network, state.optimizer, target.at[0, 0].set(1e3))[0]
    network, *_ = fit(state.network, state.optimizer, target)
    for one, other in zip(*map(jax.tree.leaves, (network, wild)), strict=True):
        np.testing.assert_array_equal(one, other)  # what has no weight teaches nothing
    value = network.unroll(transition.observation, None, carry, transition.done)[1]
    error = np.square(value - target)[np.asarray(weight) > 0].mean()
    assert error < 0.7 * np.var(np.asarray(target)[np.asarray(weight) > 0])
    for before, after in zip(*(jax.tree.leaves(n.actor) for n in (state.network, network)), strict=True):
        np.testing.assert_array_equal(before, after)
    moved = zip(*(jax.tree.leaves(n.critic) for n in (state.network, network)), strict=True)
    assert all((np.asarray(before) != after).any() for before, after in moved)
