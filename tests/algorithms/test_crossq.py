"""CrossQ: its one forward pass, its losses and its running statistics by hand; what moves when; what counts."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from off_policy_samples import BOX, CHOICES, SMALL, B, minibatch, state_of, to_units
from scipy.special import logsumexp

import operant
from operant.algorithms import registry
from operant.algorithms.actor_critic.crossq import CrossQ, joint_pass
from operant.algorithms.actor_critic.soft import Choice
from operant.networks import BatchRenorm, Network
from operant.types import Batch
from tests.shared import clock

CORRECTED = CrossQ(gamma=0.9, network=SMALL, ent_coef=0.3, renorm_warmup_steps=0)
LEARNING = CrossQ(gamma=0.9, network=SMALL, learning_rate=0.01)
KEY = jax.random.key(5)
KEPT = np.arange(B) % 4 != 0
WEIGHT = jnp.asarray(np.where(KEPT, 0.5 + np.arange(B) / B, 0.0), jnp.float32)


def start(algorithm, spec=BOX):
    """Random numbers, and variances above 0."""

    def possible(part):
        if not isinstance(part, BatchRenorm):
            return part
        return replace(part, variance=0.5 + jnp.abs(part.variance), count=jnp.zeros_like(part.count))

    return jax.tree.map(possible, state_of(algorithm, spec), is_leaf=lambda x: isinstance(x, BatchRenorm))


def sample_of(algorithm, state, batch):
    return algorithm.sample(batch, state)


@jax.jit
def critic_loss(algorithm, state, batch):
    return algorithm.critic_loss(
        state.critics, state.actor, jnp.asarray(0.3), sample_of(algorithm, state, batch), KEY
    )


@jax.jit
def actor_loss(algorithm, state, batch):
    return algorithm.actor_loss(
        state.actor, state.critics, jnp.asarray(0.3), sample_of(algorithm, state, batch), KEY
    )


@jax.jit
def update(algorithm, state, batch):
    return algorithm.update(state, batch, KEY, clock())


@jax.jit
def choice_of_next(state, observation, mask=None):
    policy = state.actor.policy(state.actor.torso(state.critics)(observation, ())[0], mask)
    return Choice.of(policy, jax.random.split(KEY, 3)[0])


def renormed(layer, x, kept, corrected=True):
    """Batch renormalisation of rows, one column after another; and the running statistics after it."""
    y, means, variances = np.zeros_like(x), [], []
    for j in range(x.shape[1]):
        column = x[kept, j]
        mean, running = column.mean(), np.sqrt(layer.variance[j] + 1e-3)
        variance = ((column - mean) ** 2).mean()
        deviation = np.sqrt(variance + 1e-3)
        r = min(max(deviation / running, 1 / 3), 3) if corrected else 1
        d = min(max((mean - layer.mean[j]) / running, -5), 5) if corrected else 0
        y[:, j] = ((x[:, j] - mean) / deviation * r + d) * layer.scale[j] + layer.shift[j]
        means.append(0.99 * layer.mean[j] + 0.01 * mean)
        variances.append(0.99 * layer.variance[j] + 0.01 * variance)
    return y, replace(layer, mean=np.array(means), variance=np.array(variances))


def running(layer, x):
    return (x - layer.mean) / np.sqrt(layer.variance + 1e-3) * layer.scale + layer.shift


def forward(head, x, norm):
    """One hidden layer of tanh; `norm(i, x)` is the normalisation before the i-th layer."""
    hidden = np.tanh(norm(0, x) @ head.hidden[0].weight + head.hidden[0].bias)
    return norm(1, hidden) @ head.output.weight + head.output.bias


def head_of(critics, i):
    return jax.tree.map(lambda x: np.asarray(x[i], np.float64), critics.heads)


def learn_by_hand(head, x, kept, corrected=True):
    """The outputs of all rows by the statistics of those that count, and the layers that have seen them."""
    seen = list(head.renorms)

    def norm(i, x):
        y, seen[i] = renormed(head.renorms[i], x, kept, corrected)
        return y

    return forward(head, x, norm), tuple(seen)


def rows(transition, choice):
    """(s, a) and below it (s', a')."""
    here = np.concatenate([transition.observation, to_units(transition.action)], -1)
    after = np.concatenate([transition.next_observation, choice.action], -1)
    return np.concatenate([here, after]).astype(np.float64)


@pytest.mark.parametrize("warmup", [0, 100])
def test_crossq_critic_loss_is_that_of_one_forward_pass_of_both_batches_by_hand(warmup):
    algorithm = replace(CORRECTED, renorm_warmup_steps=warmup)
    state, transition = start(algorithm), minibatch()
    loss, (metrics, td_error, seen) = critic_loss(algorithm, state, Batch(transition, WEIGHT))
    choice = choice_of_next(state, transition.next_observation)
    heads = [head_of(state.critics, i) for i in range(2)]
    made = [
        learn_by_hand(head, rows(transition, choice), np.tile(KEPT, 2), corrected=warmup == 0)
        for head in heads
    ]
    losses, errors = [], []
    for i in range(B):
        least = min(output[B + i, 0] for output, _ in made)
        y = float(transition.reward[i])
        if not transition.terminated[i]:
            y += 0.9 * (least - 0.3 * float(choice.log_prob[i]))
        delta = [y - output[i, 0] for output, _ in made]
        losses.append(sum(0.5 * d**2 for d in delta))
        errors.append(np.mean(np.abs(delta)))
    expected = np.sum((np.asarray(WEIGHT) * losses)[KEPT]) / KEPT.sum()
    np.testing.assert_allclose(loss, expected, rtol=2e-3)
    np.testing.assert_allclose(np.asarray(td_error)[KEPT], np.array(errors)[KEPT], rtol=2e-3, atol=2e-3)
    assert set(metrics) == {"train/critic_loss", "train/q_value"}
    for i, (_, layers) in enumerate(made):
        for j, layer in enumerate(layers):
            np.testing.assert_allclose(seen.heads.renorms[j].mean[i], layer.mean, rtol=1e-3, atol=1e-4)
            np.testing.assert_allclose(seen.heads.renorms[j].variance[i], layer.variance, rtol=1e-3)


def test_crossq_of_discrete_actions_sums_over_those_that_are_possible():
    state, transition = start(CORRECTED, CHOICES), minibatch(CHOICES, masked=True)
    loss, _ = critic_loss(CORRECTED, state, Batch(transition, jnp.ones(B)))
    both = np.concatenate([transition.observation, transition.next_observation]).astype(np.float64)
    made = [learn_by_hand(head_of(state.critics, i), both, np.ones(2 * B, bool))[0] for i in range(2)]
    actor = jax.tree.map(lambda x: np.asarray(x, np.float64), state.actor.head)
    logits = forward(actor, both[B:], lambda i, x: running(actor.renorms[i], x))
    losses = []
    for i in range(B):
        possible = np.flatnonzero(transition.next_action_mask[i])
        log_pi = logits[i, possible] - logsumexp(logits[i, possible])
        least = np.minimum(made[0][B + i], made[1][B + i])[possible]
        y = float(transition.reward[i])
        if not transition.terminated[i]:
            y += 0.9 * np.sum(np.exp(log_pi) * (least - 0.3 * log_pi))
        losses.append(sum(0.5 * (y - output[i, int(transition.action[i])]) ** 2 for output in made))
    np.testing.assert_allclose(loss, np.mean(losses), rtol=2e-3)


def test_crossq_actor_loss_has_the_policy_of_the_minibatch_and_critics_of_running_statistics():
    state, transition = start(CORRECTED), minibatch()
    loss, (_, missing, seen) = actor_loss(CORRECTED, state, Batch(transition, WEIGHT))
    head = jax.tree.map(lambda x: np.asarray(x, np.float64), state.actor.head)
    parameters, layers = learn_by_hand(head, np.asarray(transition.observation, np.float64), KEPT)
    mean, log_std = np.split(parameters, 2, -1)
    noise = np.asarray(jax.random.normal(jax.random.split(KEY, 3)[0], (B, 2)))
    raw = mean + np.exp(log_std) * noise
    log_prob = -0.5 * noise**2 - log_std - 0.5 * np.log(2 * np.pi) - np.log(1 - np.tanh(raw) ** 2)
    log_prob, inputs = log_prob.sum(-1), np.concatenate([transition.observation, np.tanh(raw)], -1)
    q = []
    for i in range(2):
        critic = head_of(state.critics, i)
        q.append(forward(critic, inputs, lambda j, x, critic=critic: running(critic.renorms[j], x))[:, 0])
    expected = np.asarray(WEIGHT) * (0.3 * log_prob - np.min(q, 0))
    np.testing.assert_allclose(loss, expected[KEPT].mean(), rtol=2e-3)
    np.testing.assert_allclose(missing, (np.asarray(WEIGHT) * (-2 + log_prob))[KEPT].mean(), rtol=2e-3)
    for j, layer in enumerate(layers):
        np.testing.assert_allclose(seen.head.renorms[j].mean, layer.mean, rtol=1e-3, atol=1e-4)


def test_crossq_target_is_a_constant_although_it_is_of_the_same_pass():
    state, transition = start(CORRECTED), minibatch()
    sample = sample_of(CORRECTED, state, Batch(transition, WEIGHT))
    key_choice, _, key_pass = jax.random.split(KEY, 3)

    @jax.jit
    def gradients(critics):
        policy = state.actor.policy(sample.next_observation)
        choice = Choice.of(policy, key_choice)
        _, next_output, _ = joint_pass(critics, sample, choice, key_pass)
        y = sample.td.reward + sample.td.discount * (jnp.min(next_output[..., 0], 0) - 0.3 * choice.log_prob)

        def fitted(critics):
            output, _, _ = joint_pass(critics, sample, choice, key_pass)
            return 0.5 * sample.mean(jnp.sum(jnp.square(output[..., 0] - y[None]), 0))

        def ours(critics):
            return CORRECTED.critic_loss(critics, state.actor, jnp.asarray(0.3), sample, KEY)[0]

        return jax.grad(fitted)(critics), jax.grad(ours)(critics)

    expected, found = gradients(state.critics)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_crossq_running_statistics_after_some_updates_are_averages_of_both_batches():
    state, transition = start(LEARNING), minibatch()
    batch, before = Batch(transition, jnp.ones(B)), state
    for _ in range(3):
        state, _ = update(replace(LEARNING, learning_rate=0.0), state, batch)
    # The first three inputs of the critics are observations, those of the actor all.
    both = np.concatenate([transition.observation, transition.next_observation]).astype(np.float64)
    for now, then, data, updates in (
        (state.critics.heads.renorms[0].mean[1], before.critics.heads.renorms[0].mean[1], both, 3),
        (state.actor.head.renorms[0].mean, before.actor.head.renorms[0].mean, both[:B], 1),
    ):
        expected = 0.99**updates * np.asarray(then[:3]) + (1 - 0.99**updates) * data.mean(0)
        np.testing.assert_allclose(now[:3], expected, rtol=1e-4, atol=1e-5)


def test_crossq_policy_and_its_statistics_move_at_every_third_update_and_there_is_no_target():
    state, batch, moved = start(LEARNING), Batch(minibatch(), jnp.ones(B)), []
    assert not [name for name in vars(state) if "target" in name]
    for _ in range(6):
        after, metrics = update(LEARNING, state, batch)
        of = (after.actor, state.actor), (after.critics, state.critics)
        pairs = [zip(*map(jax.tree.leaves, pair), strict=True) for pair in of]
        different = [any((np.asarray(a) != np.asarray(b)).any() for a, b in pair) for pair in pairs]
        assert bool(metrics["train/actor_loss"].mask) == different[0]
        assert (after.log_ent_coef != state.log_ent_coef) == different[0]
        assert different[1]
        moved.append(different[0])
        state = after
    assert moved == [False, False, True] * 2
    assert state.critics.heads.renorms[0].count[0] == 6
    assert state.actor.head.renorms[0].count == 2


def test_crossq_learns_nothing_from_what_never_happened():
    """Neither by the losses nor by the statistics; of a minibatch in which nothing happened nothing at all."""
    state, transition = replace(start(LEARNING), updates=jnp.asarray(2, jnp.int32)), minibatch()

    def spoilt(x):
        never = jnp.asarray(~KEPT).reshape(B, *(1,) * (x.ndim - 1))
        return jnp.where(never, jnp.asarray(7, x.dtype), x) if x.dtype == jnp.float32 else x

    states = [
        update(LEARNING, state, Batch(t, WEIGHT))[0] for t in (transition, jax.tree.map(spoilt, transition))
    ]
    for a, b in zip(*map(jax.tree.leaves, states), strict=True):
        np.testing.assert_array_equal(a, b)
    after = update(LEARNING, state, Batch(transition, jnp.zeros(B)))[0]
    learnt = [(after.actor, after.critics), (state.actor, state.critics)]
    for a, b in zip(*map(jax.tree.leaves, learnt), strict=True):
        np.testing.assert_array_equal(a, b)


def test_crossq_optimisers_have_the_betas_of_the_authors_code():
    """After a first step the averages are (1 − β₁) g and (1 − β₂) g²."""
    state = replace(start(LEARNING), updates=jnp.asarray(2, jnp.int32))
    state, _ = update(LEARNING, state, Batch(minibatch(), jnp.ones(B)))
    for optimizer, beta in ((state.critic_optimizer, 0.5), (state.ent_coef_optimizer, 0.9)):
        _, mean, square = (np.asarray(x).ravel() for x in jax.tree.leaves(optimizer)[:3])
        moved = np.abs(mean) > 1e-6
        ratio = np.abs(mean[moved]) / np.sqrt(square[moved])
        np.testing.assert_allclose(ratio, (1 - beta) / np.sqrt(0.001), rtol=1e-3)


def test_crossq_without_batch_normalisation_may_have_residual_blocks():
    network = Network((8,), architecture="simba", share_features_extractor=False)
    with pytest.raises(ValueError, match=r"has its own normalisation.*\s*Set batch_norm=False"):
        CrossQ(network=network).init(BOX, KEY)
    algorithm, batch = CrossQ(network=network, batch_norm=False), Batch(minibatch(), jnp.ones(B))
    before = jax.eval_shape(lambda key: algorithm.init(BOX, key), KEY)
    after, _ = jax.eval_shape(update, algorithm, before, batch)
    assert jax.tree.structure(after) == jax.tree.structure(before)


def test_crossq_refuses_minibatches_of_one():
    with pytest.raises(ValueError, match="batch_size=1: must be at least 2 with batch_norm"):
        CrossQ(batch_size=1)
    assert CrossQ(batch_size=1, batch_norm=False).batch_size == 1


def test_xqc_is_crossq_with_weights_of_length_one_and_a_categorical_critic():
    given = {"hidden_sizes": (8,), "value_hidden_sizes": (8,)}
    algorithm = operant.XQC("Pendulum-v1", network=given).algorithm
    assert type(algorithm) is CrossQ
    assert (algorithm.name, registry.name_of(algorithm)) == ("XQC", "xqc")
    assert algorithm.network == replace(CrossQ().network, **given, weight_norm=True)
    assert CrossQ(distributional="categorical").name == "CrossQ"


def test_xqc_weights_stay_at_length_one():
    given = {"network": replace(SMALL, weight_norm=True), "n_atoms": 5}
    algorithm = registry.build(CrossQ, registry.defaults("xqc") | given)
    after, metrics = update(algorithm, start(algorithm), Batch(minibatch(), jnp.ones(B)))
    np.testing.assert_allclose(jnp.sum(after.critics.heads.hidden[0].weight ** 2, -2), 1, rtol=1e-5)
    assert {"train/target_at_v_min", "train/target_at_v_max"} <= set(metrics)
