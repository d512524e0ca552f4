"""PPO against a loop over samples, a loop over minibatches, finite differences, and what must not change it."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from operant.algorithms.policy_gradient.learner import RolloutEstimates
from operant.algorithms.policy_gradient.ppo import PPO, PPOState
from operant.engine import collect
from operant.engine.chunk import begin
from operant.engine.learn import to_environment
from operant.envs.probes import DelayedReward
from operant.networks import Network
from operant.ops.normalization import Normalizer
from operant.ops.schedules import Linear, at
from operant.ops.shuffle import permutations
from operant.spaces import Box, Discrete
from operant.types import Batch, EnvSpec, Transition
from tests.shared import clock, normals

RNG = np.random.default_rng(0)
normal = normals(RNG)
SPEC = EnvSpec("Test", Box(-1.0, 1.0, (3,)), Discrete(3), num_envs=4)
SMALL = Network(hidden_sizes=(8,))
T, N, B = 6, 4, 16


NOW = clock(25)


def rollout(*leading, terminated=None, truncated=None):
    nothing = np.zeros(leading, bool)
    return Transition(
        observation=normal(*leading, 3),
        action=jnp.asarray(RNG.integers(0, 3, leading), jnp.int32),
        reward=normal(*leading),
        terminated=jnp.asarray(nothing if terminated is None else terminated),
        truncated=jnp.asarray(nothing if truncated is None else truncated),
        next_observation=normal(*leading, 3),
    )


def state_of(algorithm, spec=SPEC):
    """A state whose weights are far from their first values, so that policies and values differ."""
    shapes = jax.eval_shape(lambda key: algorithm.init(spec, key), jax.random.key(0))
    return PPOState(
        jax.tree.map(lambda x: normal(*x.shape, scale=0.5), shapes.network),
        jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes.optimizer),
        Normalizer.build(
            spec, observations=algorithm.normalize_observations, rewards=algorithm.normalize_rewards
        ),
        shapes.kl_coef,
    )


@jax.jit
def one_sample(network, observation):
    """`(log-probabilities [3], value)` of one observation by itself."""
    policy, value = network.unroll(observation[None, None], None, (), jnp.zeros((1, 1), bool))
    return policy.log_probabilities[0, 0], value[0, 0]


@jax.jit
def loss_and_gradient(algorithm, network, transition, sample, weight, moment):
    return jax.value_and_grad(algorithm.loss, has_aux=True)(network, transition, sample, weight, (), moment)


@pytest.fixture(scope="module")
def minibatch():
    """A network, and a minibatch `[1, B]` of an older policy's: ratios on both sides of the clip, and inside."""
    network = state_of(PPO(network=SMALL)).network
    transition = rollout(1, B)
    log_p = [
        one_sample(network, o)[0][a]
        for o, a in zip(transition.observation[0], transition.action[0], strict=True)
    ]
    old = jnp.asarray(log_p)[None] + normal(1, B, scale=0.3)
    sample = RolloutEstimates(None, old, normal(1, B), normal(1, B), normal(1, B))
    weight = jnp.asarray(RNG.random((1, B)) < 0.75, jnp.float32)
    return network, transition, sample, weight


# The loss


def loss_by_sample(network, transition, sample, weight, *, clip, clip_vf, normalize, ent, vf):
    """Equation 9 one sample at a time, in float64; and how many ratios were beyond the clip."""
    kept = np.flatnonzero(np.asarray(weight[0]))
    advantages = np.asarray(sample.advantage[0], np.float64)
    if normalize:
        advantages = (advantages - advantages[kept].mean()) / (advantages[kept].std() + 1e-8)
    policy = value_loss = entropy = kl = clipped = 0.0
    for i in kept:
        log_p, value = (np.asarray(x, np.float64) for x in one_sample(network, transition.observation[0, i]))
        log_ratio = log_p[int(transition.action[0, i])] - float(sample.log_prob[0, i])
        ratio = np.exp(log_ratio)
        policy += min(ratio * advantages[i], np.clip(ratio, 1 - clip, 1 + clip) * advantages[i]) / len(kept)
        old = float(sample.value[0, i])
        value = value if clip_vf is None else old + np.clip(value - old, -clip_vf, clip_vf)
        value_loss += (value - float(sample.target[0, i])) ** 2 / len(kept)
        entropy -= np.sum(np.exp(log_p) * log_p) / len(kept)
        kl += (ratio - 1 - log_ratio) / len(kept)
        clipped += (abs(ratio - 1) > clip) / len(kept)
    return {
        "train/loss": -policy + vf * value_loss - ent * entropy,
        "train/policy_gradient_loss": -policy,
        "train/value_loss": value_loss,
        "train/entropy_loss": -entropy,
        "train/approx_kl": kl,
        "train/clip_fraction": clipped,
    }


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("clip_vf", [None, 0.4])
def test_ppo_loss_is_that_of_a_loop_over_samples(minibatch, clip_vf, normalize):
    algorithm = PPO(
        network=SMALL, clip_range_vf=clip_vf, normalize_advantage=normalize, ent_coef=0.1, vf_coef=0.7
    )
    (loss, metrics), _ = loss_and_gradient(algorithm, *minibatch, NOW)
    expected = loss_by_sample(*minibatch, clip=0.2, clip_vf=clip_vf, normalize=normalize, ent=0.1, vf=0.7)
    assert loss == metrics["train/loss"]
    assert metrics.keys() == expected.keys()
    assert 0.2 < expected["train/clip_fraction"] < 0.9
    for name, value in expected.items():
        np.testing.assert_allclose(metrics[name], value, rtol=1e-4, atol=1e-5, err_msg=name)


def test_ppo_clipping_takes_the_pessimistic_side(minibatch):
    """The gradient of a sample is 0 exactly where its ratio has already moved past the clip in Â's direction."""
    network, transition, sample, _ = minibatch
    algorithm = PPO(network=SMALL, vf_coef=0.0, normalize_advantage=False)
    seen = set()
    for i in range(B):
        one = jax.tree.map(lambda x, i=i: x[:, i : i + 1], (transition, sample))
        _, gradient = loss_and_gradient(algorithm, network, *one, jnp.ones((1, 1)), NOW)
        length = float(optax.tree.norm(gradient))
        log_p, _ = one_sample(network, transition.observation[0, i])
        ratio = float(jnp.exp(log_p[transition.action[0, i]] - sample.log_prob[0, i]))
        advantage = float(sample.advantage[0, i])
        past = ratio > 1.2 if advantage > 0 else ratio < 0.8
        seen.add((past, advantage > 0))
        assert (length == 0) == past
    assert len(seen) == 4


@pytest.mark.parametrize("clip_vf", [None, 0.4])
def test_ppo_gradient_is_that_of_finite_differences(minibatch, clip_vf):
    network, *rest = minibatch
    algorithm = PPO(network=SMALL, clip_range_vf=clip_vf, ent_coef=0.1)
    (_, _), gradient = loss_and_gradient(algorithm, network, *rest, NOW)
    leaves, structure = jax.tree.flatten(network)
    for _ in range(4):
        direction = structure.unflatten([normal(*x.shape) for x in leaves])
        near = []
        for step in (1e-3, -1e-3):  # small, so that no ratio crosses a clip
            moved = jax.tree.map(lambda x, d, step=step: x + step * d, network, direction)
            near.append(loss_and_gradient(algorithm, moved, *rest, NOW)[0][0])
        slope = (float(near[0]) - float(near[1])) / 2e-3
        assert float(optax.tree.vdot(gradient, direction)) == pytest.approx(slope, rel=0.02, abs=5e-3)


def test_ppo_loss_does_not_know_rows_without_weight(minibatch):
    network, transition, sample, _ = minibatch
    weight = jnp.ones((1, B)).at[:, 10:].set(0.0)
    algorithm = PPO(network=SMALL, ent_coef=0.1, clip_range_vf=0.4)
    garbage = jax.tree.map(
        lambda x: x.at[:, 10:].multiply(50.0), (transition.observation, sample.advantage, sample.target)
    )
    spoilt = eqx.tree_at(
        lambda pair: (pair[0].observation, pair[1].advantage, pair[1].target), (transition, sample), garbage
    )
    kept = jax.tree.map(lambda x: x[:, :10], (transition, sample))
    one = loss_and_gradient(algorithm, network, *spoilt, weight, NOW)
    other = loss_and_gradient(algorithm, network, *kept, jnp.ones((1, 10)), NOW)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_ppo_loss_does_not_know_the_scale_of_advantages(minibatch):
    network, transition, sample, weight = minibatch
    algorithm = PPO(network=SMALL)
    scaled = eqx.tree_at(lambda s: s.advantage, sample, 100.0 * sample.advantage + 7.0)
    for metric in ("train/policy_gradient_loss", "train/value_loss"):
        before, after = (
            loss_and_gradient(algorithm, network, transition, s, weight, NOW)[0][1][metric]
            for s in (sample, scaled)
        )
        np.testing.assert_allclose(before, after, rtol=1e-3, atol=1e-4)


def test_ppo_loss_of_a_minibatch_of_one_stays_finite(minibatch):
    one = jax.tree.map(lambda x: x[:, :1], minibatch[1:3])
    out = loss_and_gradient(PPO(network=SMALL), minibatch[0], *one, jnp.ones((1, 1)), NOW)
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(out))
    nothing = loss_and_gradient(PPO(network=SMALL), minibatch[0], *one, jnp.zeros((1, 1)), NOW)
    assert all((np.asarray(x) == 0).all() for x in jax.tree.leaves(nothing))


def test_ppo_schedules_its_clip_ranges_and_entropy(minibatch):
    """A quarter into training, Linear(1, 0) is 0.75."""
    scheduled = PPO(
        network=SMALL, clip_range=Linear(0.2), clip_range_vf=Linear(0.4), ent_coef=Linear(0.1), vf_coef=0.3
    )
    constant = PPO(network=SMALL, clip_range=0.15, clip_range_vf=0.3, ent_coef=0.075, vf_coef=0.3)
    one, other = (loss_and_gradient(algorithm, *minibatch, NOW)[0][1] for algorithm in (scheduled, constant))
    for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-5, err_msg=name)


def test_ppo_kl_objective_charges_for_moving(minibatch):
    """Equation 8 one sample at a time, in float64."""
    network, transition, sample, weight = minibatch
    older = state_of(PPO(network=SMALL)).network
    before, _ = older.unroll(transition.observation, None, (), transition.done)
    algorithm = PPO(network=SMALL, objective="kl", vf_coef=0.0, normalize_advantage=False)
    loss = jax.jit(algorithm.loss)(
        network, transition, replace(sample, policy=before), weight, (), NOW, jnp.asarray(0.7)
    )[0]
    kept = np.flatnonzero(np.asarray(weight[0]))
    expected = 0.0
    for i in kept:
        log_p, log_q = (
            np.asarray(one_sample(n, transition.observation[0, i])[0], np.float64) for n in (older, network)
        )
        ratio = np.exp(log_q[int(transition.action[0, i])] - float(sample.log_prob[0, i]))
        charged = 0.7 * np.sum(np.exp(log_p) * (log_p - log_q))
        expected -= (ratio * float(sample.advantage[0, i]) - charged) / len(kept)
    assert float(loss) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("kl", "factor"), [(0.016, 2.0), (0.014, 1.0), (0.007, 1.0), (0.006, 0.5)])
def test_adapt_kl_coef_follows_the_divergence(kl, factor):
    algorithm = PPO(objective="kl", target_kl=0.01)
    assert algorithm.adapt_kl_coef(jnp.asarray(0.7), jnp.asarray(kl)) == pytest.approx(0.7 * factor)
    assert replace(algorithm, target_kl=None).adapt_kl_coef(
        jnp.asarray(0.7), jnp.asarray(kl)
    ) == pytest.approx(0.7)


def test_ppo_kl_objective_keeps_its_charge_in_the_state():
    algorithm = PPO(
        n_steps=T,
        batch_size=8,
        objective="kl",
        kl_coef=0.5,
        target_kl=1e-4,
        learning_rate=0.02,
        network=SMALL,
    )
    state = state_of(algorithm)
    state = eqx.tree_at(lambda s: s.kl_coef, state, algorithm.init(SPEC, jax.random.key(0)).kl_coef)
    batch = Batch(rollout(T, N), jnp.ones((T, N)))
    after, metrics = jax.jit(algorithm.update)(state, batch, jax.random.key(0), NOW)
    policies = [
        n.unroll(batch.transition.observation, None, (), None)[0] for n in (state.network, after.network)
    ]
    assert metrics["train/kl_divergence"] == pytest.approx(
        float(jnp.mean(policies[0].kl(policies[1]))), rel=1e-3
    )
    assert metrics["train/kl_divergence"] > 1.5e-4
    assert (state.kl_coef, metrics["train/kl_coef"], after.kl_coef) == (0.5, 0.5, 1.0)


# The estimate: whose log-probabilities, values and advantages


@pytest.mark.parametrize("memory", ["none", "gru"])
def test_ppo_log_probabilities_are_of_the_policy_that_acted_and_of_what_it_chose(memory):
    """Known noise gives the density that the actor saw: with statistics, memory, episode ends and clipped actions.

    So ratios are 1 before the first step, and none comes from a clipped action or another observation.
    """
    environment = DelayedReward(actions=Box(-0.5, 0.5, (2,)))
    algorithm = PPO(
        n_steps=T,
        network=Network(hidden_sizes=(8,), memory=memory, memory_size=4),
        normalize_observations=True,
    )
    spec = replace(environment.spec, num_envs=N)
    state = state_of(algorithm, spec)

    @jax.jit
    def collected(state, key):
        run = begin(algorithm, environment, spec, state, key)
        noise = collect.sample_rollout_noise(algorithm, environment, spec, key, 2, jnp.asarray(0), 2 * T)
        first, second = (jax.tree.map(lambda x, s=s: x[s], noise) for s in (slice(0, T), slice(T, None)))
        initial = algorithm.initial_carry(state, N), ()  # it explores by itself
        run, tape, _ = collect.rollout(algorithm, state, environment, run, initial, first, remember=False)
        # Learning changes the statistics, and only then does the next rollout begin, in the middle of episodes.
        state = algorithm.update_statistics(state, jax.tree.map(lambda x: 3 * x, tape))
        carry = run.carry
        run, tape, _ = collect.rollout(algorithm, state, environment, run, initial, second, remember=False)
        sample = algorithm.estimate(state.network, state.normalizer.transition(tape), carry)
        return tape, sample, second[0], state.network.log_std

    tape, sample, noise, log_std = collected(state, jax.random.key(0))
    assert (np.abs(tape.action) > 0.5).any()  # stored as chosen …
    assert (
        np.abs(to_environment(environment.action_space, tape.action)) <= 0.5
    ).all()  # … and applied inside
    noise, log_std = np.asarray(noise), np.asarray(log_std)
    half = np.log(0.5)  # of the Box: deviations are in units of it
    density = np.sum(-0.5 * np.square(noise) - log_std - half - 0.5 * np.log(2 * np.pi), -1)
    np.testing.assert_allclose(sample.log_prob, density, rtol=1e-3, atol=1e-4)


def test_ppo_advantages_bootstrap_from_the_true_successor():
    terminated, truncated = np.zeros((2, T, N), bool)
    terminated[2, 0] = truncated[3, 1] = truncated[-1, 2] = True
    transition = rollout(T, N, terminated=terminated, truncated=truncated)
    algorithm = PPO(network=SMALL, gamma=0.9, gae_lambda=0.8)
    network = state_of(algorithm).network
    sample = jax.jit(algorithm.estimate)(network, transition, ())
    values = np.array([[one_sample(network, o)[1] for o in row] for row in transition.observation])
    successors = np.array([[one_sample(network, o)[1] for o in row] for row in transition.next_observation])
    advantage = np.zeros((T + 1, N))
    for t in reversed(range(T)):
        delta = transition.reward[t] + 0.9 * successors[t] * ~terminated[t] - values[t]
        advantage[t] = delta + 0.72 * advantage[t + 1] * ~(terminated | truncated)[t]
    np.testing.assert_allclose(sample.value, values, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sample.advantage, advantage[:-1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(sample.target, advantage[:-1] + values, rtol=1e-4, atol=1e-5)


# The update


@jax.jit
def update(algorithm, state, batch, key, moment):
    return algorithm.update(state, batch, key, moment)


CONSTANT = PPO(
    n_steps=T,
    batch_size=7,
    n_epochs=3,
    learning_rate=0.02,
    network=SMALL,
    normalize_observations=True,
    normalize_rewards=True,
)
STOPPING = eqx.tree_at(
    lambda a: (a.learning_rate, a.target_kl), CONSTANT, (Linear(0.02), 0.01), is_leaf=lambda x: x is None
)


def update_by_minibatch(algorithm, state, optimizer_state, batch, key, moment):
    """`(network, optimizer state, updates, losses)` of a Python loop over epochs and minibatches of flat samples."""
    seen, normalizer = batch.transition, state.normalizer
    transition = replace(
        seen,
        observation=normalizer.observations(seen.observation),
        next_observation=normalizer.observations(seen.next_observation),
        reward=normalizer.rewards(seen.reward),
    )
    sample = jax.jit(algorithm.estimate)(state.network, transition, ())
    data = jax.tree.map(lambda x: x.reshape(1, T * N, *x.shape[2:]), (transition, sample, batch.weight))
    optimizer = optax.chain(
        optax.clip_by_global_norm(algorithm.max_grad_norm),
        optax.adam(float(at(algorithm.learning_rate, moment)), eps=1e-5),
    )
    network, updates, losses = state.network, 0, []
    optimizer_state = optimizer.init(network) if optimizer_state is None else optimizer_state
    for epoch in np.asarray(permutations(jax.random.split(key)[0], algorithm.n_epochs, T * N)):
        for first in range(0, T * N - algorithm.batch_size + 1, algorithm.batch_size):
            index = epoch[first : first + algorithm.batch_size]
            part = jax.tree.map(lambda x, index=index: x[:, index], data)
            (loss, metrics), gradient = loss_and_gradient(algorithm, network, *part, moment)
            losses.append(loss)
            if algorithm.target_kl is not None and metrics["train/approx_kl"] > 1.5 * algorithm.target_kl:
                return network, optimizer_state, updates, losses
            change, optimizer_state = optimizer.update(gradient, optimizer_state, network)
            network, updates = optax.apply_updates(network, change), updates + 1
    return network, optimizer_state, updates, losses


@pytest.mark.parametrize(
    ("algorithm", "moment", "stops"),
    [(CONSTANT, 25, False), (STOPPING, 0, True), (STOPPING, 99, False)],
    ids=["constant", "stops at target_kl", "its schedule is too slow to get there"],
)
def test_ppo_and_a2c_update_is_a_loop_over_minibatches(algorithm, moment, stops):
    state = state_of(algorithm)
    state = algorithm.update_statistics(
        state, jax.tree.map(lambda x: 3 * x, rollout(T, N))
    )  # scales other than 1
    optimizer_state = None
    for i in range(2):  # the second begins with the optimiser as the first left it
        batch = Batch(rollout(T, N, terminated=RNG.random((T, N)) < 0.2), jnp.ones((T, N)))
        key = jax.random.key(i)
        got, metrics = update(algorithm, state, batch, key, clock(moment))
        network, optimizer_state, updates, losses = update_by_minibatch(
            algorithm, state, optimizer_state, batch, key, clock(moment)
        )
        loss = metrics["train/loss"].value if algorithm.target_kl is not None else metrics["train/loss"]
        np.testing.assert_allclose(
            loss, np.mean(losses), rtol=1e-4, atol=1e-5
        )  # of the minibatches looked at
        assert int(metrics["train/n_updates"]) == updates
        assert updates < 9 if stops else updates == 9  # 24 samples are 3 minibatches of 7, and 3 sit out
        for mine, theirs in zip(jax.tree.leaves(got.network), jax.tree.leaves(network), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=2e-5)
        for mine, theirs in zip(
            jax.tree.leaves(got.normalizer), jax.tree.leaves(state.normalizer), strict=True
        ):
            np.testing.assert_array_equal(mine, theirs)
        state = got


def test_ppo_stops_where_the_policy_has_moved_one_and_a_half_times_target_kl():
    state, batch, key = state_of(STOPPING), Batch(rollout(T, N), jnp.ones((T, N))), jax.random.key(0)

    def after(target_kl):
        algorithm = eqx.tree_at(lambda a: a.target_kl, STOPPING, target_kl)
        return update(algorithm, state, batch, key, clock(0))

    moved_once, metrics = after(1e-9)
    assert metrics["train/n_updates"] == 1  # at the first minibatch nothing has moved yet
    second = np.asarray(permutations(jax.random.split(key)[0], 3, T * N))[0, 7:14]
    seen, done = state.normalizer.observations(batch.transition.observation), batch.transition.done

    def log_prob(network):
        policy = network.unroll(seen, None, (), done)[0]
        return np.asarray(policy.log_prob(batch.transition.action), np.float64).reshape(-1)[second]

    log_ratio = log_prob(moved_once.network) - log_prob(state.network)
    moved = np.mean(np.exp(log_ratio) - 1 - log_ratio)
    assert after(moved / 1.55)[1]["train/n_updates"] == 1
    assert after(moved / 1.45)[1]["train/n_updates"] > 1


def test_ppo_learns_nothing_at_a_learning_rate_of_0():
    state, batch = state_of(STOPPING), Batch(rollout(T, N), jnp.ones((T, N)))
    after, metrics = update(STOPPING, state, batch, jax.random.key(0), clock(100))
    assert metrics["train/learning_rate"] == 0
    for before, now in zip(jax.tree.leaves(state.network), jax.tree.leaves(after.network), strict=True):
        np.testing.assert_array_equal(before, now)


@pytest.mark.parametrize("memory", ["none", "gru"])
def test_ppo_ratio_is_1_before_the_first_step(memory):
    algorithm = PPO(clip_range=1e-5, network=replace(SMALL, memory=memory, memory_size=4))
    state = state_of(algorithm)
    transition = rollout(T, N, truncated=RNG.random((T, N)) < 0.3)
    carry = jax.tree.map(lambda x: normal(*x.shape), algorithm.initial_carry(state, N))

    @jax.jit
    def first(state, transition, carry):
        sample = algorithm.estimate(state.network, transition, carry)
        part = jax.tree.map(lambda x: x[:, 1:3], (transition, sample))
        start = jax.tree.map(lambda x: x[1:3], carry)
        return algorithm.loss(state.network, *part, jnp.ones((T, 2)), start, NOW)[1]

    metrics = first(state, transition, carry)
    assert metrics["train/clip_fraction"] == 0
    assert abs(metrics["train/approx_kl"]) < 1e-6
    np.testing.assert_allclose(metrics["train/policy_gradient_loss"], 0.0, atol=1e-5)  # Â has mean 0


# Randomness and checks


def test_ppo_noise_differs_across_environments_steps_and_seeds_and_never_otherwise():
    algorithm, environment = PPO(network=SMALL), DelayedReward()
    spec = replace(environment.spec, num_envs=N)
    draw = jax.jit(
        lambda key, first: collect.sample_rollout_noise(algorithm, environment, spec, key, 2, first, T)[0]
    )
    noise = np.asarray(draw(jax.random.key(0), 0))
    assert noise.shape == (T, N, 2)
    assert len(np.unique(noise)) == noise.size
    np.testing.assert_array_equal(noise[2:], draw(jax.random.key(0), 2)[: T - 2])  # whatever the block
    assert not np.isin(noise, draw(jax.random.key(0), T)).any()
    assert not np.isin(noise, draw(jax.random.key(1), 0)).any()


def test_ppo_uses_no_key_twice():
    algorithm = PPO(n_steps=T, batch_size=12, n_epochs=1, network=replace(SMALL, dropout=0.1))
    batch, state = Batch(rollout(T, N), jnp.ones((T, N))), state_of(algorithm)
    with jax.debug_key_reuse(True):
        for use in (
            lambda key: algorithm.init(SPEC, key),
            lambda key: algorithm.sample_noise(SPEC, key),
            lambda key: algorithm.update(state, batch, key, NOW),
        ):
            jax.eval_shape(jax.jit(use), jax.random.key(0))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"n_steps": 0}, "n_steps=0: must be at least 1"),
        ({"batch_size": 0}, "batch_size=0: must be at least 1"),
        ({"gamma": 1.5}, r"gamma=1.5: must be a number in \[0, 1\]"),
        ({"gae_lambda": -0.1}, "gae_lambda=-0.1"),
    ],
)
def test_ppo_refuses_wrong_hyperparameters(wrong, message):
    with pytest.raises(ValueError, match=message):
        PPO(**wrong)


def test_ppo_minibatches_must_fit_the_rollout():
    with pytest.raises(ValueError, match="n_steps=8 × num_envs=4 gives 32"):
        PPO(n_steps=8, batch_size=33).check(SPEC)
    with pytest.raises(ValueError, match="batch_size=1,"):
        PPO(n_steps=8, batch_size=1).check(SPEC)
    with pytest.raises(ValueError, match="n_steps=1: must be at least 2"):
        PPO(n_steps=1).check(replace(SPEC, num_envs=1))
    PPO(n_steps=8, batch_size=32).check(SPEC)
