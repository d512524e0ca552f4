"""DQN against a loop over samples, rlax, finite differences, and a count of target updates."""

from __future__ import annotations

import math
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import rlax

from operant.algorithms.value.dqn import DQN, DQNState
from operant.algorithms.value.heads import C51, ExpectedValue, ImplicitQuantiles, QuantileRegression
from operant.algorithms.value.parts import Munchausen, Prioritized
from operant.networks import Network
from operant.ops.normalization import Normalizer
from operant.ops.schedules import Linear
from operant.ops.td import munchausen_target, td_error
from operant.plans import Replay
from operant.spaces import Box, Discrete
from operant.types import Batch, EnvSpec, Transition
from tests.shared import clock, normals

RNG = np.random.default_rng(0)
normal = normals(RNG)
SPEC = EnvSpec("Test", Box(-1.0, 1.0, (3,)), Discrete(4), num_envs=5)
SMALL = Network(hidden_sizes=(8,), activation="tanh", initialization="uniform")
B = 12


def state_of(algorithm):
    """A state whose online and target networks differ."""
    shapes = jax.eval_shape(lambda key: algorithm.init(SPEC, key), jax.random.key(0))
    return DQNState(
        network=jax.tree.map(lambda x: normal(*x.shape, scale=0.5), shapes.network),
        target=jax.tree.map(lambda x: normal(*x.shape, scale=0.5), shapes.network),
        target_updates=jnp.zeros((), jnp.int32),
        optimizer=jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes.optimizer),
        normalizer=Normalizer.build(
            SPEC, observations=algorithm.normalize_observations, rewards=algorithm.normalize_rewards
        ),
        held_out=None,
    )


def minibatch(size=B, masked=False, **given):
    ends = RNG.integers(0, 3, size)
    mask = RNG.random((size, 4)) < 0.5
    mask[np.arange(size), RNG.integers(0, 4, size)] = True
    values = {
        "observation": normal(size, 3),
        "action": jnp.asarray(RNG.integers(0, 4, size), jnp.int32),
        "reward": normal(size, scale=2.0),  # so that some errors are beyond Huber's corner
        "terminated": jnp.asarray(ends == 1),
        "truncated": jnp.asarray(ends == 2),
        "next_observation": normal(size, 3),
        "next_action_mask": jnp.asarray(mask) if masked else None,
    }
    return Transition(**values | given)


@jax.jit
def loss_and_gradients(algorithm, state, batch):
    """`((loss, metrics), (∂/∂online, ∂/∂target))`."""

    def loss(networks):
        loss, (metrics, _) = algorithm.loss(*networks, state.normalizer, batch, jax.random.key(0))
        return loss, metrics

    return jax.value_and_grad(loss, has_aux=True)((state.network, state.target))


def q_values(algorithm, network, observation):
    """Q of observations by a network without memory or noise."""
    return algorithm.q_values(network, network.features(observation, ())[0])


@jax.jit
def update(algorithm, state, batch, moment):
    return algorithm.update(state, batch, jax.random.key(0), moment)


ALGORITHM = DQN(gamma=0.9, network=SMALL)


# The loss


@pytest.mark.parametrize("masked", [False, True])
def test_dqn_loss_is_that_of_a_loop_over_samples(masked):
    reward = (
        normal(B, scale=2.0).at[:2].set(jnp.array([0.0, 9.0]))
    )  # one error on either side of Huber's corner
    state, transition = state_of(ALGORITHM), minibatch(masked=masked, reward=reward)
    weight = jnp.asarray(RNG.random(B) < 0.7, jnp.float32).at[:2].set(1.0)
    (loss, metrics), _ = loss_and_gradients(ALGORITHM, state, Batch(transition, weight))
    online, target = jax.jit(lambda network, o: q_values(ALGORITHM, network, o)), state.target
    losses, taken, corners = [], [], set()
    for i in np.flatnonzero(weight):
        q = float(online(state.network, transition.observation[i])[transition.action[i]])
        next_q = np.asarray(online(target, transition.next_observation[i]))
        best = max(x for a, x in enumerate(next_q) if not masked or transition.next_action_mask[i, a])
        td_target = float(transition.reward[i]) + (0.0 if transition.terminated[i] else 0.9 * float(best))
        error = abs(td_target - q)
        losses.append(0.5 * error**2 if error <= 1 else error - 0.5)
        taken.append(q)
        corners.add(error <= 1)
    assert corners == {True, False}
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-4)
    np.testing.assert_allclose(metrics["train/loss"], np.mean(losses), rtol=1e-4)
    np.testing.assert_allclose(metrics["train/q_value"], np.mean(taken), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "of"), [("huber", lambda error: rlax.huber_loss(error, 1.0)), ("mse", rlax.l2_loss)]
)
def test_dqn_loss_is_that_of_rlax_q_learning(name, of):
    algorithm = replace(ALGORITHM, loss_function=name)
    state, transition = state_of(algorithm), minibatch()
    (loss, _), _ = loss_and_gradients(algorithm, state, Batch(transition, jnp.ones(B)))
    error = jax.vmap(rlax.q_learning)(
        q_values(ALGORITHM, state.network, transition.observation),
        transition.action,
        transition.reward,
        0.9 * (1.0 - transition.terminated),
        q_values(ALGORITHM, state.target, transition.next_observation),
    )
    np.testing.assert_allclose(loss, np.mean(of(error)), rtol=1e-5)


def test_double_dqn_loss_is_that_of_rlax_double_q_learning():
    algorithm = replace(ALGORITHM, double=True)
    state, transition = state_of(algorithm), minibatch()
    (loss, _), _ = loss_and_gradients(algorithm, state, Batch(transition, jnp.ones(B)))
    network, target = (
        q_values(ALGORITHM, state.network, transition.next_observation),
        q_values(ALGORITHM, state.target, transition.next_observation),
    )
    assert (jnp.argmax(network, -1) != jnp.argmax(target, -1)).any()  # otherwise double says nothing new
    error = jax.vmap(rlax.double_q_learning)(
        q_values(ALGORITHM, state.network, transition.observation),
        transition.action,
        transition.reward,
        0.9 * (1.0 - transition.terminated),
        target,
        network,
    )
    np.testing.assert_allclose(loss, np.mean(rlax.huber_loss(error, 1.0)), rtol=1e-5)


def test_munchausen_dqn_loss_is_that_of_its_target():
    algorithm = replace(ALGORITHM, munchausen=True, munchausen_temperature=0.3, double=True)
    state, transition = state_of(algorithm), minibatch()
    (loss, _), _ = loss_and_gradients(algorithm, state, Batch(transition, jnp.ones(B)))
    q, next_q_selector = (
        q_values(ALGORITHM, state.network, observation)
        for observation in (transition.observation, transition.next_observation)
    )
    next_q = q_values(ALGORITHM, state.target, transition.next_observation)
    target = jax.vmap(munchausen_target, in_axes=(0,) * 6 + (None,) * 3)(
        *(transition.reward, 0.9 * (1.0 - transition.terminated), next_q, next_q_selector, q),
        *(transition.action, 0.9, 0.3, -1.0),
    )
    error = td_error(q[np.arange(B), transition.action], target)
    np.testing.assert_allclose(loss, np.mean(rlax.huber_loss(error, 1.0)), rtol=1e-5)


def test_dqn_bootstraps_at_a_truncation_and_not_at_a_termination():
    state, nothing = state_of(ALGORITHM), jnp.zeros(B, bool)
    free, cut = (minibatch(terminated=nothing, truncated=nothing) for _ in range(2))
    ended = jnp.ones(B, bool)
    value = {
        name: float(loss_and_gradients(ALGORITHM, state, Batch(transition, jnp.ones(B)))[0][0])
        for name, transition in {
            "going on": free,
            "truncated": replace(free, truncated=ended),
            "terminated": replace(free, terminated=ended),
            "terminated, elsewhere": replace(free, terminated=ended, next_observation=cut.next_observation),
        }.items()
    }
    assert value["truncated"] == value["going on"]
    assert value["terminated"] != value["going on"]
    assert value["terminated, elsewhere"] == value["terminated"]


def test_dqn_target_has_no_gradient_and_the_network_that_of_finite_differences():
    state, batch = state_of(ALGORITHM), Batch(minibatch(), jnp.ones(B))
    _, (gradient, of_target) = loss_and_gradients(ALGORITHM, state, batch)
    assert all((np.asarray(x) == 0).all() for x in jax.tree.leaves(of_target))
    leaves, structure = jax.tree.flatten(state.network)
    for _ in range(4):
        direction = structure.unflatten([normal(*x.shape) for x in leaves])
        near = []
        for step in (1e-3, -1e-3):
            moved = jax.tree.map(lambda x, d, step=step: x + step * d, state.network, direction)
            moved = eqx.tree_at(lambda s: s.network, state, moved)
            near.append(float(loss_and_gradients(ALGORITHM, moved, batch)[0][0]))
        slope = (near[0] - near[1]) / 2e-3
        assert float(optax.tree.vdot(gradient, direction)) == pytest.approx(slope, rel=0.02, abs=5e-3)


def test_dqn_learns_nothing_from_rows_without_weight():
    state, transition = state_of(ALGORITHM), minibatch()
    spoilt = jax.tree.map(lambda x: x.at[8:].multiply(50), transition.observation)
    spoilt = replace(transition, observation=spoilt, reward=transition.reward.at[8:].set(1e4))
    one = loss_and_gradients(ALGORITHM, state, Batch(spoilt, jnp.ones(B).at[8:].set(0.0)))
    kept = jax.tree.map(lambda x: x[:8], transition)
    other = loss_and_gradients(ALGORITHM, state, Batch(kept, jnp.ones(8)))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_dqn_normalizes_both_observations_and_scales_rewards():
    algorithm = DQN(gamma=0.9, network=SMALL, normalize_observations=True, normalize_rewards=True)
    transition = minibatch()
    tape = jax.tree.map(lambda x: 1 + 3 * x.reshape(-1, SPEC.num_envs, *x.shape[1:]), minibatch(20))
    state = algorithm.update_statistics(state_of(algorithm), replace(tape, terminated=tape.terminated > 3))
    (loss, _), _ = loss_and_gradients(algorithm, state, Batch(transition, jnp.ones(B)))
    n = state.normalizer
    by_hand = replace(
        transition,
        observation=n.observations(transition.observation),
        next_observation=n.observations(transition.next_observation),
        reward=n.rewards(transition.reward),
    )
    plain = eqx.tree_at(
        lambda s: s.normalizer, state, state_of(ALGORITHM).normalizer, is_leaf=lambda x: x is n
    )
    np.testing.assert_allclose(
        loss, loss_and_gradients(ALGORITHM, plain, Batch(by_hand, jnp.ones(B)))[0][0], rtol=1e-5
    )
    assert abs(float(n.reward.variance) - 1) > 0.1


# The target network


def test_dqn_copies_the_target_every_target_update_interval_steps():
    """Learning every 4 steps, the target is updated by the first learning at or after each tenth step."""
    algorithm = DQN(target_update_interval=10, learning_rate=0.05, network=SMALL)
    state = state_of(algorithm)
    batch = Batch(minibatch(), jnp.ones(B))
    copied = []
    for step in range(4, 61, 4):
        before = state
        state, _ = update(algorithm, state, batch, clock(step))
        assert not equal(before.network, state.network)
        if equal(state.target, state.network):
            copied.append(step)
        else:
            assert equal(state.target, before.target)
    assert copied == [12, 20, 32, 40, 52, 60]
    assert int(state.target_updates) == 6


def equal(one, other):
    return all(
        np.array_equal(a, b) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )


def test_dqn_target_follows_by_polyak_averaging():
    """With θ standing still, θ⁻ after k updates is θ + (1 − τ)^k (θ⁻₀ − θ)."""
    algorithm = DQN(target_update_interval=10, learning_rate=0.0, tau=0.25, network=SMALL)
    first = state = state_of(algorithm)
    for step in range(10, 51, 10):
        state, _ = update(algorithm, state, Batch(minibatch(), jnp.ones(B)), clock(step))
    assert equal(state.network, first.network)
    for now, online, start in zip(
        *map(jax.tree.leaves, (state.target, first.network, first.target)), strict=True
    ):
        np.testing.assert_allclose(now, online + 0.75**5 * (start - online), rtol=1e-5, atol=1e-6)


def test_dqn_target_is_a_copy_with_its_own_buffers():
    state = ALGORITHM.init(SPEC, jax.random.key(0))
    assert equal(state.network, state.target)
    pointers = [x.unsafe_buffer_pointer() for x in jax.tree.leaves((state.network, state.target))]
    assert len(set(pointers)) == len(pointers)


# Acting


@jax.jit
def act(state, observation, mask, noise, moment):
    return ALGORITHM.act(state, observation, mask, (), noise, moment, explore=True)[0]


def test_dqn_explores_with_probability_epsilon_and_never_where_masked():
    state, many = state_of(ALGORITHM), replace(SPEC, num_envs=20_000)
    observation = jnp.broadcast_to(normal(1, 3), (20_000, 3))
    noise = jax.jit(lambda key: ALGORITHM.sample_noise(many, key))(jax.random.key(0))
    greedy = int(jnp.argmax(q_values(ALGORITHM, state.network, observation[0])))
    for step, epsilon in ((0, 1.0), (5, 0.525), (10, 0.05), (100, 0.05)):
        everything = jnp.ones((20_000, 4), bool)
        share = np.bincount(act(state, observation, everything, noise, clock(step)), minlength=4) / 20_000
        expected = np.full(4, epsilon / 4)
        expected[greedy] += 1 - epsilon
        np.testing.assert_allclose(share, expected, atol=0.015)
        two = everything.at[:, greedy].set(False).at[:, (greedy + 1) % 4].set(False)
        share = np.bincount(act(state, observation, two, noise, clock(step)), minlength=4)
        assert share[greedy] == share[(greedy + 1) % 4] == 0
        assert min(share[(greedy + 2) % 4], share[(greedy + 3) % 4]) > 20_000 * epsilon / 2 * 0.8
    best, _, _ = ALGORITHM.act(state, observation[:1], None, (), None, clock(0), explore=False)
    assert best[0] == greedy


def test_dqn_noise_differs_across_environments_steps_and_seeds_and_never_otherwise():
    def numbers(key):
        return np.concatenate([np.ravel(x) for x in jax.tree.leaves(draw(key))])

    draw = jax.jit(lambda key: ALGORITHM.sample_noise(SPEC, key))
    keys = [jax.random.fold_in(jax.random.key(seed), step) for seed in (0, 1) for step in (0, 1)]
    drawn = np.concatenate([numbers(key) for key in keys])
    assert len(np.unique(drawn)) == len(drawn) == 4 * 5 * (1 + 4)
    np.testing.assert_array_equal(numbers(keys[0]), drawn[:25])


def test_dqn_uses_no_key_twice():
    algorithm = replace(ALGORITHM, network=replace(SMALL, dropout=0.1))
    state, batch = state_of(algorithm), Batch(minibatch(), jnp.ones(B))
    with jax.debug_key_reuse(True):
        for use in (
            lambda key: algorithm.init(SPEC, key),
            lambda key: algorithm.sample_noise(SPEC, key),
            lambda key: algorithm.update(state, batch, key, clock(1)),
        ):
            jax.eval_shape(jax.jit(use), jax.random.key(0))


def test_dqn_schedules_follow_the_clock():
    algorithm = DQN(learning_rate=Linear(1e-2), network=SMALL)
    state, batch = state_of(algorithm), Batch(minibatch(), jnp.ones(B))
    after, metrics = update(algorithm, state, batch, clock(100))
    assert equal(after.network, state.network)
    assert metrics["train/learning_rate"] == 0
    after, metrics = update(algorithm, state, batch, clock(5))
    assert not equal(after.network, state.network)
    np.testing.assert_allclose(metrics["train/learning_rate"], 0.95e-2, rtol=1e-5)
    np.testing.assert_allclose(metrics["rollout/exploration_rate"], 0.525, rtol=1e-5)
    at_once = replace(algorithm, exploration_fraction=0.0)
    np.testing.assert_allclose(at_once.epsilon(clock(0)), 0.05, rtol=1e-6)


# Checks


def test_dqn_plan_is_of_replay():
    algorithm = DQN(buffer_size=50, batch_size=7, train_freq=3, gradient_steps=2, learning_starts=11)
    assert algorithm.experience == Replay(50, 7, collect_steps=3, updates=2, learning_starts=11)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"buffer_size": 0}, "buffer_size=0: must be at least 1"),
        ({"gradient_steps": 0}, "gradient_steps=0: must be at least 1, or -1"),
        ({"learning_starts": -1}, "learning_starts=-1: must be at least 0"),
        ({"tau": 1.1}, r"tau=1.1: must be a number in \[0, 1\]"),
        ({"loss_function": "l1"}, "loss_function=.l1.: must be huber or mse"),
        ({"buffer_size": 1e3}, "buffer_size=1000.0: must be a whole number"),
        ({"gradient_steps": -2}, "gradient_steps=-2: must be at least -1"),
        ({"optimizer_eps": 0.0}, "optimizer_eps=0.0: must be more than 0"),
        ({"optimizer_decay": 1.0}, "optimizer_decay=1.0: must be from 0 to below 1"),
        ({"max_grad_norm": 0}, "max_grad_norm=0: must be more than 0"),
        ({"learning_rate": math.nan}, "learning_rate=nan: must be at least 0"),
        ({"learning_rate": Linear(-1e-3)}, "learning_rate='linear:-0.001:0.0:1.0': must be at least 0"),
        ({"temperature": Linear(1.0, -1.0)}, "temperature='linear.*': must be at least 0"),
        ({"exploration_repeat": 1.0}, "exploration_repeat=1.0: must be more than 1, or None"),
        ({"v_max": math.inf}, "v_max=inf: must be a finite number"),
        ({"munchausen_clip": 1.0}, "munchausen_clip=1.0: must be at most 0"),
    ],
)
def test_dqn_refuses_wrong_hyperparameters(wrong, message):
    with pytest.raises(ValueError, match=message):
        DQN(**wrong)


def test_dqn_takes_hyperparameters_that_are_traced_as_they_are():
    def rate(gamma, v_max):
        algorithm = DQN(gamma=gamma, v_max=v_max, munchausen_clip=-gamma, max_grad_norm=None)
        return algorithm.gamma + algorithm.v_max

    assert jax.jit(rate)(0.5, 2.0) == 2.5


def test_dqn_makes_its_parts_of_the_flat_values():
    assert DQN().parts == (ExpectedValue("huber"), None, None)
    parts = DQN(
        distributional="categorical", n_atoms=5, v_min=-2.0, v_max=3.0, munchausen=True, priority=True
    ).parts
    assert parts == (C51(5, -2.0, 3.0), Munchausen(0.9, 0.03, -1.0), Prioritized(0.6, 0.4))
    assert DQN(distributional="quantile", n_quantiles=7).parts.head == QuantileRegression(1.0, 7)
    implicit = DQN(distributional="implicit", n_quantiles=7, n_target_quantiles=6, n_policy_quantiles=5)
    assert implicit.parts.head == ImplicitQuantiles(1.0, 7, 6, 5, 64)


def test_dqn_keeps_numbers_of_its_parts_traced():
    """Another v_min or α is another argument of the same program."""
    count = 0

    @jax.jit
    def numbers(algorithm):
        nonlocal count
        count += 1
        return jax.tree.leaves(algorithm.parts)

    flags = {"distributional": "categorical", "munchausen": True, "priority": True, "network": SMALL}
    for v_min, alpha, exponent in ((-10.0, 0.9, 0.6), (-5.0, 0.5, 1.0)):
        algorithm = DQN(v_min=v_min, munchausen_alpha=alpha, priority_exponent=exponent, **flags)
        found = numbers(algorithm)
        np.testing.assert_allclose(found, [v_min, 10.0, alpha, 0.03, -1.0, exponent, 0.4], rtol=1e-6)
    assert count == 1


def test_dqn_says_what_it_cannot_learn():
    with pytest.raises(ValueError, match=r"DQN needs a Discrete action space: Test has Box\(2\)"):
        DQN().check(replace(SPEC, action_space=Box(-1.0, 1.0, (2,))))
    with pytest.raises(ValueError, match="buffer_size=10: must be at least train_freq × num_envs = 20"):
        DQN(buffer_size=10).check(SPEC)
    DQN().check(SPEC)
