"""GRPO against loops over samples in float64, the exact gradient of a bandit, and what must change nothing."""

from __future__ import annotations

import itertools
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import operant
from operant.algorithms import registry
from operant.algorithms.policy_gradient.grpo import GRPO, Graded
from operant.networks import Network
from operant.ops.groups import AGGREGATIONS
from operant.ops.kl import ESTIMATORS
from operant.spaces import Box, Discrete
from operant.types import Batch, EnvSpec, Transition
from tests.shared import clock, normals

RNG = np.random.default_rng(0)
normal = normals(RNG)
SPEC = EnvSpec("Test", Box(-1.0, 1.0, (3,)), Discrete(3), num_envs=6)
SMALL = Network(hidden_sizes=(8,), initialization="uniform")
T, N, G = 4, 6, 3
LENGTHS = np.array([4, 2, 3, 1, 4, 2])
NOW = clock(25)


def grpo(**values):
    sizes = {"n_episodes": N, "group_size": G, "max_steps": T, "network": SMALL}
    return GRPO(**{**sizes, "learning_rate": 0.01, **values})


def state_of(algorithm, scale=0.5):
    shapes = jax.eval_shape(lambda key: algorithm.init(SPEC, key), jax.random.key(0))
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    return replace(zeros, network=jax.tree.map(lambda x: normal(*x.shape, scale=scale), shapes.network))


def episodes(reward=None):
    """Episodes of several lengths, whose rows after an end are of what never happened."""
    t = np.arange(T)[:, None]
    return Transition(
        observation=normal(T, N, 3),
        action=jnp.asarray(RNG.integers(0, 3, (T, N)), jnp.int32),
        reward=normal(T, N) if reward is None else reward,
        terminated=jnp.asarray(t == LENGTHS - 1),
        truncated=jnp.zeros((T, N), bool),
        next_observation=normal(T, N, 3),
        valid=jnp.asarray(t < LENGTHS),
        extras=normal(T, N) - 1.0,
    )


def acted(network, step):
    """The same, as if this network had acted."""
    return replace(step, extras=jnp.asarray(taken(network, step), jnp.float32))


def batch_of(transition):
    return Batch(transition, transition.weight, (), group=jnp.arange(N) // G)


@jax.jit
def log_probabilities(network, observation):
    """`[T, N, 3]`, each of its observation by itself."""
    policy, _ = network.unroll(observation, None, (), jnp.zeros(observation.shape[:2], bool))
    return policy.log_probabilities


def taken(network, step):
    table = np.asarray(log_probabilities(network, step.observation), np.float64)
    return np.take_along_axis(table, np.asarray(step.action)[..., None], -1)[..., 0]


@pytest.mark.parametrize("aggregation", AGGREGATIONS)
@pytest.mark.parametrize("unbiased", [True, False])
def test_grpo_loss_is_a_loop_over_samples(aggregation, unbiased):
    """Ratios on both sides of both clips; the estimate of the KL divergence of each token, weighed by ρ or not."""
    algorithm = grpo(
        clip_range=0.1,
        clip_range_high=0.3,
        kl_coef=0.2,
        kl_unbiased=unbiased,
        ent_coef=0.05,
        aggregation=aggregation,
    )
    network = state_of(algorithm).network
    step, advantage = episodes(), normal(N)
    now = taken(network, step)
    old = now + np.asarray(normal(T, N, scale=0.3))
    reference = now + np.asarray(normal(T, N, scale=0.5))
    rows = []
    table = np.asarray(log_probabilities(network, step.observation), np.float64)
    for n, length in enumerate(LENGTHS):
        row = []
        for t in range(length):
            ratio, difference = np.exp(now[t, n] - old[t, n]), now[t, n] - reference[t, n]
            clipped = min(max(ratio, 0.9), 1.3)
            surrogate = min(ratio * advantage[n], clipped * advantage[n])
            kl = (np.exp(-difference) - 1 + difference) * (ratio if unbiased else 1.0)
            entropy = -np.sum(np.exp(table[t, n]) * table[t, n])
            row.append(-surrogate + 0.2 * kl - 0.05 * entropy)
        rows.append(row)
    expected = {
        "sequence": np.mean([np.mean(row) for row in rows]),
        "token": np.mean(np.concatenate(rows)),
        "constant": np.sum(np.concatenate(rows)) / (N * T),
    }
    spread = jnp.broadcast_to(advantage, (T, N))
    data = Graded(step, *(jnp.asarray(x, jnp.float32) for x in (old, reference)), spread, step.weight)
    loss, metrics = jax.jit(algorithm.loss)(network, data, (), NOW)
    assert float(loss) == pytest.approx(expected[aggregation], rel=1e-4)
    assert 0.2 < float(metrics["train/clip_fraction"]) < 0.9


def test_grpo_grades_by_the_returns_of_whole_episodes_within_their_group():
    algorithm = grpo(gamma=0.9)
    step = episodes()
    returns = [sum(0.9**t * float(step.reward[t, n]) for t in range(LENGTHS[n])) for n in range(N)]
    groups = np.array(returns).reshape(2, 3)
    expected = (groups - groups.mean(1, keepdims=True)) / (groups.std(1, ddof=1, keepdims=True) + 1e-4)
    state = state_of(algorithm)
    data, differ = jax.jit(algorithm.graded)(state, batch_of(step))
    np.testing.assert_allclose(data.advantage, np.broadcast_to(expected.reshape(-1), (T, N)), atol=1e-4)
    np.testing.assert_array_equal(data.log_prob, np.where(step.valid, step.extras, 0))
    assert differ.all()


def test_grpo_extras_are_the_log_probabilities_of_what_was_done():
    algorithm = grpo()
    state, seen, noise = state_of(algorithm), normal(N, 3), algorithm.sample_noise(SPEC, jax.random.key(0))
    action, _, extras = algorithm.act(state, seen, None, (), noise, NOW, explore=True)
    step = replace(episodes(), observation=seen[None], action=action[None])
    np.testing.assert_allclose(extras, taken(state.network, step)[0], atol=1e-6)
    assert algorithm.act(state, seen, None, (), noise, NOW, explore=False)[2] == ()


def equal_in_the_first_group():
    reward = np.zeros((T, N), np.float32)
    for n, length in enumerate(LENGTHS):
        reward[length - 1, n] = 0.1 if n < G else n
    return jnp.asarray(reward)


def test_equal_rewards_move_nothing_at_all():
    """Not one bit of one parameter, also in several epochs of minibatches."""
    algorithm = grpo(n_epochs=2, batch_size=3)
    state = state_of(algorithm)
    reward = jnp.where(jnp.asarray(np.arange(T)[:, None] == LENGTHS - 1), 0.7, 0.0)
    learnt, metrics = jax.jit(algorithm.update)(state, batch_of(episodes(reward)), jax.random.key(0), NOW)
    for before, after in zip(jax.tree.leaves(state.network), jax.tree.leaves(learnt.network), strict=True):
        np.testing.assert_array_equal(before, after)
    assert float(metrics["train/equal_groups"]) == 1
    assert float(metrics["train/loss"]) == 0


def test_groups_of_equal_returns_are_left_out_of_means():
    """With `skip_equal_groups` the update is that of the other groups alone."""
    step = episodes(equal_in_the_first_group())
    alone = jax.tree.map(lambda x: x[:, G:], step)
    values = {"aggregation": "token", "ent_coef": 0.1, "learning_rate": 0.1}
    algorithm, smaller = grpo(skip_equal_groups=True, **values), grpo(n_episodes=G, **values)
    state = state_of(algorithm)
    learnt, metrics = jax.jit(algorithm.update)(state, batch_of(step), jax.random.key(0), NOW)
    expected, _ = jax.jit(smaller.update)(state, Batch(alone, alone.weight), jax.random.key(0), NOW)
    for one, other in zip(jax.tree.leaves(learnt.network), jax.tree.leaves(expected.network), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    assert float(metrics["train/equal_groups"]) == 0.5


def test_grpo_epochs_are_a_loop_of_gradient_steps_with_the_ratio():
    """The ratio stays that to the policy that acted, so that the second step's is not 1."""
    algorithm = grpo(n_epochs=3, optimizer="sgd", learning_rate=0.5, max_grad_norm=1e9)
    state = state_of(algorithm)
    batch = batch_of(acted(state.network, episodes()))
    learnt, metrics = jax.jit(algorithm.update)(state, batch, jax.random.key(0), NOW)
    data, _ = algorithm.graded(state, batch)
    network = state.network
    descend = jax.jit(jax.grad(lambda network: algorithm.loss(network, data, (), NOW)[0]))
    for _ in range(3):
        network = jax.tree.map(lambda x, g: x - 0.5 * g, network, descend(network))
    for one, other in zip(jax.tree.leaves(learnt.network), jax.tree.leaves(network), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert float(metrics["train/approx_kl"]) > 0
    assert int(metrics["train/n_updates"]) == 3


@pytest.mark.parametrize(("size", "alike"), [(None, 6), (18, 6), (12, 6), (9, 3), (4, 2), (5, 1)])
def test_grpo_minibatches_keep_episodes_of_a_group_together(monkeypatch, size, alike):
    algorithm = grpo(n_episodes=36, group_size=6, batch_size=size, n_epochs=2)
    assert algorithm.alike == alike
    orders = []

    def recorded(step, start, rows):
        orders.append(np.asarray(rows[0]))
        return start, {}

    monkeypatch.setattr(jax.lax, "scan", recorded)
    wide = jax.tree.map(lambda x: jnp.repeat(x[:, :1], 36, 1), episodes())
    algorithm.update(state_of(algorithm), Batch(wide, wide.weight, ()), jax.random.key(0), NOW)
    (order,) = orders
    assert order.shape == (2 * (36 // (size or 36)), size or 36)
    runs = order.reshape(len(order), -1, alike)
    np.testing.assert_array_equal(runs, runs[..., :1] + np.arange(alike))
    np.testing.assert_array_equal(runs[..., 0] % alike, 0)
    for epoch in np.split(order, 2):
        assert len(np.unique(epoch)) == epoch.size
        assert (np.diff(epoch.ravel()) < 0).any()  # in an order of its own


def test_rloo_is_unbiased_on_a_bandit():
    """The mean gradient over all pairs of actions, each as likely as it is, is that of the expected reward."""
    spec = replace(SPEC, num_envs=2)
    algorithm = registry.build(
        GRPO, {**registry.defaults("rloo"), "n_episodes": 2, "group_size": 2, "max_steps": 1}
    )
    algorithm = replace(algorithm, network=SMALL)
    shapes = jax.eval_shape(lambda key: algorithm.init(spec, key), jax.random.key(0))
    network = jax.tree.map(lambda x: normal(*x.shape, scale=0.7), shapes.network)
    reward, seen = jnp.asarray([0.3, -1.0, 2.0]), jnp.broadcast_to(normal(3), (1, 2, 3))
    table = log_probabilities(network, seen)[0, 0]

    def gradient(actions):
        ended = jnp.ones((1, 2), bool)
        step = Transition(
            seen, actions[None], reward[actions][None], ended, ~ended, seen, extras=table[actions][None]
        )
        state = replace(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes), network=network)
        data, _ = algorithm.graded(state, Batch(step, jnp.ones((1, 2))))
        return ravel_pytree(jax.grad(lambda n: algorithm.loss(n, data, (), NOW)[0])(network))[0]

    pairs = jnp.asarray(list(itertools.product(range(3), repeat=2)), jnp.int32)
    gradients = jax.jit(jax.vmap(gradient))(pairs)
    mean = jnp.exp(table[pairs[:, 0]] + table[pairs[:, 1]]) @ gradients

    def expected_reward(network):
        policy, _ = network.unroll(seen, None, (), jnp.zeros((1, 2), bool))
        return jnp.exp(policy.log_probabilities[0, 0]) @ reward

    np.testing.assert_allclose(-mean, ravel_pytree(jax.grad(expected_reward)(network))[0], atol=1e-6)


def test_configurations_of_grpo_are_named():
    for name in ("dr-grpo", "dapo", "rloo"):
        assert registry.name_of(registry.build(GRPO, registry.defaults(name))) == name
    assert operant.DrGRPO.__name__ == "dr-grpo"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"group_size": 1}, "group_size=1: must be at least 2"),
        ({"n_episodes": 10, "group_size": 4}, "n_episodes=10: must be a multiple of group_size=4"),
        ({"n_episodes": 8, "batch_size": 9}, "batch_size=9: must be at most n_episodes=8"),
        ({"scale": "all"}, "scale='all': must be one of group, batch, none"),
        ({"kl_estimator": "k4"}, f"kl_estimator='k4': must be one of {', '.join(ESTIMATORS)}"),
        ({"network": Network(value_hidden_sizes=(8,))}, "GRPO has no separate value function"),
    ],
)
def test_values_of_grpo_that_cannot_be_are_named(values, message):
    with pytest.raises(ValueError, match=message):
        GRPO(**values)


def test_grpo_needs_a_reference_for_its_kl_term():
    with pytest.raises(ValueError, match=r"kl_coef=0.1: there is no reference model .*operant\.pretrained"):
        grpo(kl_coef=0.1).check(SPEC)


def test_grpo_of_text_needs_a_language_model_and_as_many_steps_as_a_response_has_tokens():
    with pytest.raises(ValueError, match="Arithmetic is of text, which needs a language model"):
        operant.GRPO("Arithmetic", preset=None, num_envs=64)
    network = operant.language.Transformer(vocab_size=17, width=8, layers=1, heads=2, context=16)
    with pytest.raises(ValueError, match="max_steps=64: must be 4 in Arithmetic"):
        operant.GRPO("Arithmetic", preset=None, num_envs=64, network=network)


def test_grpo_learns_cartpole():
    agent = operant.GRPO(
        "CartPole-v1", n_episodes=32, group_size=8, max_steps=64, learning_rate=0.01, num_envs=32
    )
    agent.learn(20_000, progress_bar=False)
    returns = [row["rollout/ep_rew_mean"] for row in agent.history]
    assert returns[-1] > 2 * returns[0]
