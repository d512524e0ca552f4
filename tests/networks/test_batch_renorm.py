"""Batch renormalisation against a loop in NumPy, batch normalisation, and closed forms of its running statistics."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import filled, normal

from operant.networks import MLP, Actor, BatchRenorm, CriticEnsemble, Network, with_statistics
from operant.ops.optimizers import descend, make
from operant.spaces import Box
from operant.types import EnvSpec

SPEC = EnvSpec("test", Box(-1.0, 1.0, (4,)), Box(-1.0, 3.0, (2,)))
SMALL = Network(hidden_sizes=(6, 5), activation="relu", share_features_extractor=False)


def layer(warmup=0, count=1.0):
    built = BatchRenorm.build(3, warmup)
    return replace(
        built,
        scale=jnp.asarray([1.0, 2.0, -1.5]),
        shift=jnp.asarray([0.5, 0.0, -1.0]),
        mean=jnp.asarray([0.2, 8.0, -0.1]),
        variance=jnp.asarray([1.5, 0.01, 0.8]),
        count=jnp.asarray(count),
    )


def by_hand(layer, x, corrected):
    """Each column by itself, in float64."""
    x, y = np.asarray(x, np.float64), np.zeros(x.shape)
    for j in range(x.shape[1]):
        mean = sum(x[:, j]) / len(x)
        deviation = np.sqrt(sum((v - mean) ** 2 for v in x[:, j]) / len(x) + 1e-3)
        running = np.sqrt(float(layer.variance[j]) + 1e-3)
        r = min(max(deviation / running, 1 / 3), 3) if corrected else 1.0
        d = min(max((mean - float(layer.mean[j])) / running, -5), 5) if corrected else 0.0
        for i in range(len(x)):
            unit = (x[i, j] - mean) / deviation * r + d
            y[i, j] = unit * float(layer.scale[j]) + float(layer.shift[j])
    return y


@pytest.mark.parametrize(("warmup", "corrected"), [(0, True), (1, True), (2, False)])
def test_batch_renorm_is_a_loop_over_columns(warmup, corrected):
    x = 2 * normal(8, 3) + 1
    renorm = layer(warmup)
    y, _ = renorm.learn(x)
    np.testing.assert_allclose(y, by_hand(renorm, x, corrected), rtol=1e-4, atol=1e-4)
    other = by_hand(renorm, x, not corrected)
    assert np.abs(y - other).max() > 0.1  # the two are not the same here


def test_batch_renorm_leaves_out_rows_that_do_not_count():
    x, renorm = 2 * normal(8, 3) + 1, layer()
    mask = jnp.asarray([True, False, True, True, False, True, False, True])
    y, learnt = renorm.learn(jnp.where(mask[:, None], x, jnp.nan), mask)
    expected, alone = renorm.learn(x[mask])
    np.testing.assert_allclose(y[mask], expected, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(jax.tree.leaves(learnt), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    _, same = renorm.learn(x, jnp.zeros(8, bool))
    for ours, before in zip(jax.tree.leaves(same), jax.tree.leaves(renorm), strict=True):
        np.testing.assert_array_equal(ours, before)


def test_batch_renorm_clips_its_corrections():
    x = 2 * normal(8, 3) + 1
    renorm = layer()
    y, _ = renorm.learn(x)
    unit = (np.asarray(y) - np.asarray(renorm.shift)) / np.asarray(renorm.scale)
    np.testing.assert_allclose(unit[:, 1].mean(), -5, rtol=1e-4)  # (1 − 8) / 0.1 is far below −5
    assert 2.9 < unit[:, 1].std() <= 3  # 2 / 0.1 is far above 3


def test_batch_renorm_without_corrections_is_batch_normalisation_with_its_gradient():
    x, weights = normal(8, 3), normal(8, 3)
    renorm = layer(warmup=10)

    def batch_norm(renorm, x):
        unit = (x - x.mean(0, keepdims=True)) / jnp.sqrt(x.var(0, keepdims=True) + 1e-3)
        return unit * renorm.scale[None] + renorm.shift[None]

    for a, b in zip(
        *(
            jax.tree.leaves(jax.grad(lambda r, x, f=f: jnp.sum(f(r, x) * weights), argnums=(0, 1))(renorm, x))
            for f in (lambda r, x: r.learn(x)[0], batch_norm)
        ),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_batch_renorm_has_no_gradient_through_its_corrections():
    x, weights = normal(8, 3), normal(8, 3)
    renorm = replace(layer(), mean=jnp.zeros(3), variance=jnp.ones(3))
    y, _ = renorm.learn(x)

    def fixed(x):
        """With r and d as numbers, found from two values of each column."""
        centred = (x - x.mean(0, keepdims=True)) / jnp.sqrt(x.var(0, keepdims=True) + 1e-3)
        unit = (y - renorm.shift[None]) / renorm.scale[None]
        r = (unit[0] - unit[1]) / jax.lax.stop_gradient(centred[0] - centred[1])
        d = jax.lax.stop_gradient(unit[0] - r * centred[0])
        return (centred * jax.lax.stop_gradient(r)[None] + d[None]) * renorm.scale[None] + renorm.shift[None]

    ours = jax.grad(lambda x: jnp.sum(renorm.learn(x)[0] * weights))(x)
    np.testing.assert_allclose(ours, jax.grad(lambda x: jnp.sum(fixed(x) * weights))(x), rtol=1e-2, atol=1e-3)


def test_batch_renorm_running_statistics_approach_those_of_the_data():
    x = jnp.asarray([[1.0, 4.0, -2.0], [3.0, 4.0, 0.0]])
    renorm = BatchRenorm.build(3)
    for _ in range(5):
        _, renorm = renorm.learn(x)
    left = 0.99**5
    np.testing.assert_allclose(renorm.mean, (1 - left) * np.array([2.0, 4.0, -1.0]), rtol=1e-5)
    np.testing.assert_allclose(renorm.variance, left + (1 - left) * np.array([1.0, 0.0, 1.0]), rtol=1e-5)
    assert renorm.count == 5


def test_batch_renorm_acts_by_its_running_statistics():
    renorm, x = layer(), normal(1, 3)
    mean, variance, scale, shift = map(np.asarray, (renorm.mean, renorm.variance, renorm.scale, renorm.shift))
    unit = (np.asarray(x) - mean) / np.sqrt(variance + 1e-3)
    np.testing.assert_allclose(renorm(x), unit * scale + shift, rtol=1e-4, atol=1e-5)


def test_with_statistics_of_learnt_layers_undoes_what_an_optimiser_did_to_them():
    mlp = MLP.build(4, (6,), 2, jax.random.key(0), renorm=BatchRenorm.build)
    x = normal(8, 4)

    def loss(mlp):
        y, learnt = mlp.learn(x)
        return jnp.mean(y**2), learnt

    gradient, learnt = jax.grad(loss, has_aux=True)(mlp)
    for renorm in gradient.renorms:
        assert (renorm.mean == 0).all()
        assert (renorm.variance == 0).all()
        assert renorm.count == 0
    optimizer = make(
        "adamw", 0.1, None, eps=1e-8, betas=(0.9, 0.999), decay=0.9, momentum=0.0, weight_decay=0.5
    )
    moved, _ = descend(optimizer, gradient, optimizer.init(mlp), mlp)
    assert (moved.renorms[0].variance != learnt.renorms[0].variance).all()
    kept = with_statistics(moved, learnt)
    for ours, statistics, weights in zip(kept.renorms, learnt.renorms, moved.renorms, strict=True):
        np.testing.assert_array_equal(ours.mean, statistics.mean)
        np.testing.assert_array_equal(ours.variance, statistics.variance)
        assert ours.count == 1
        np.testing.assert_array_equal(ours.scale, weights.scale)
    np.testing.assert_array_equal(kept.hidden[0].weight, moved.hidden[0].weight)


def test_mlp_with_batch_renorm_is_its_layers_one_by_one():
    mlp = MLP.build(4, (6, 5), 2, jax.random.key(0), activation="relu", renorm=BatchRenorm.build)
    x = normal(8, 4)
    y, learnt = mlp.learn(x)
    expected = x
    for i, linear in enumerate(mlp.hidden):
        expected, renorm = mlp.renorms[i].learn(expected)
        np.testing.assert_array_equal(renorm.mean, learnt.renorms[i].mean)
        expected = jnp.maximum(linear(expected), 0)
    expected, _ = mlp.renorms[2].learn(expected)
    np.testing.assert_allclose(y, mlp.output(expected), rtol=1e-4, atol=1e-5)
    acted = x
    for renorm, linear in zip(learnt.renorms, mlp.hidden, strict=False):
        acted = jnp.maximum(linear(renorm(acted)), 0)
    np.testing.assert_allclose(learnt(x), mlp.output(learnt.renorms[2](acted)), rtol=1e-4, atol=1e-5)


def test_critic_ensemble_learns_statistics_of_each_critic():
    critics = filled(lambda key: CriticEnsemble.build(SMALL, SPEC, key, count=2, renorm=BatchRenorm.build))
    features, action = normal(7, 4), normal(7, 2)
    output, learnt = critics.learn(features, action)
    for i in range(2):
        head = jax.tree.map(lambda leaf, i=i: leaf[i], critics.heads)
        y, after = head.learn(jnp.concatenate([features, action], -1))
        np.testing.assert_allclose(output[i], y, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(
            learnt.heads.renorms[1].mean[i], after.renorms[1].mean, rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize("use_sde", [False, True])
def test_actor_learns_its_statistics_from_a_minibatch(use_sde):
    key = jax.random.key(0)
    critics = CriticEnsemble.build(SMALL, SPEC, key, count=2, renorm=BatchRenorm.build)
    actor = Actor.build(SMALL, SPEC, key, critics, stochastic=True, use_sde=use_sde, renorm=BatchRenorm.build)
    features = 3 * normal(7, 4) + 2
    policy, learnt = actor.learn(features)
    np.testing.assert_allclose(learnt.head.renorms[0].mean, 0.01 * features.mean(0), rtol=1e-4)
    assert (np.abs(policy.mode() - actor.policy(features).mode()) > 1e-4).any()


def test_batch_renorm_is_refused_in_residual_blocks():
    config = Network((8,), architecture="simba")
    with pytest.raises(ValueError, match="architecture='simba' has its own normalisation"):
        CriticEnsemble.build(config, SPEC, jax.random.key(0), count=2, renorm=BatchRenorm.build)
