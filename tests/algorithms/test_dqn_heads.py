"""DQN's losses with every head: a loop over samples in float64, rlax, and Q* as their fixed point."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import rlax

from operant.algorithms.value.dqn import DQN
from operant.algorithms.value.heads import C51
from operant.networks import Network
from operant.ops.normalization import Normalizer
from operant.spaces import Box, Discrete
from operant.types import Batch, EnvSpec, Transition
from tests.shared import clock, normals

RNG = np.random.default_rng(0)
normal = normals(RNG)
SPEC = EnvSpec("Test", Box(-1.0, 1.0, (3,)), Discrete(4))
GAMMA, B, N_STEP = 0.9, 12, 3
KEY = jax.random.key(5)
COMMON = {
    "gamma": GAMMA,
    "network": Network(hidden_sizes=(8,), activation="tanh", initialization="uniform"),
    "n_atoms": 11,
    "v_min": -3.0,
    "v_max": 4.0,
    "n_quantiles": 5,
    "n_target_quantiles": 4,
    "n_policy_quantiles": 6,
    "n_cosines": 8,
    "munchausen_temperature": 0.3,
}
NORMALIZER = Normalizer.build(SPEC, observations=False, rewards=False)


def networks(algorithm):
    """Two different ones, with weights from NumPy."""
    shapes = jax.eval_shape(lambda key: algorithm.init(SPEC, key).network, KEY)
    return tuple(jax.tree.map(lambda x: normal(*x.shape, scale=0.5), shapes) for _ in range(2))


def minibatch(masked: bool, n_step: int) -> Batch:
    ends = RNG.integers(0, 3, B)
    mask = RNG.random((2, B, 4)) < 0.6
    mask[:, np.arange(B), RNG.integers(0, 4, B)] = True
    action = mask[0].argmax(-1)  # a possible one
    mask[1, 0] = False  # where nothing is possible nothing follows
    steps = RNG.integers(1, n_step + 1, B)
    rewards = RNG.normal(size=(n_step, B)) * (np.arange(n_step)[:, None] < steps)
    transition = Transition(
        observation=normal(B, 3),
        action=jnp.asarray(action, jnp.int32),
        reward=jnp.asarray(rewards[0], jnp.float32),
        terminated=jnp.asarray(ends == 1),
        truncated=jnp.asarray(ends == 2),
        next_observation=normal(B, 3),
        action_mask=jnp.asarray(mask[0]) if masked else None,
        next_action_mask=jnp.asarray(mask[1]) if masked else None,
    )
    weight = jnp.asarray(RNG.random(B) * (RNG.random(B) < 0.8), jnp.float32)
    if n_step == 1:
        return Batch(transition, weight)
    return Batch(
        transition,
        weight,
        rewards=jnp.asarray(rewards, jnp.float32),
        steps=jnp.asarray(steps, jnp.int32),
    )


@jax.jit
def learnt(algorithm, online, target, batch):
    """`(loss, metrics, td_error)`, the gradient of the target network, and every output that a loop needs."""
    head = algorithm.parts.head
    taus, target_taus = head.sample_taus(jax.random.split(KEY, 5)[3], (B,))

    def loss(target):
        return algorithm.loss(online, target, NORMALIZER, batch, KEY)

    (value, (metrics, td_error)), gradient = jax.value_and_grad(loss, has_aux=True)(target)

    def outputs(network, observation, taus):
        return network.head(network.features(observation, ())[0], fractions=taus)

    policy_taus, selector = head.policy_taus((B,)), online if algorithm.double else target
    observation, next_observation = batch.transition.observation, batch.transition.next_observation
    return {
        "loss": value,
        "metrics": metrics,
        "td_error": td_error,
        "gradient": gradient,
        "output": outputs(online, observation, taus),
        "next_output": outputs(target, next_observation, target_taus),
        "q_selector": head.q_values(outputs(selector, observation, policy_taus)),
        "next_q_selector": head.q_values(outputs(selector, next_observation, policy_taus)),
        "taus": taus,
    }


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def loop(algorithm, batch, found) -> tuple[np.ndarray, np.ndarray]:
    """Losses and Q of the actions taken, one sample after another, in float64."""
    kind, t = algorithm.distributional, batch.transition
    output, next_output, q_selector, next_q_selector = (
        np.asarray(found[name], np.float64)
        for name in ("output", "next_output", "q_selector", "next_q_selector")
    )
    losses, values = np.zeros(B), np.zeros(B)
    for i in range(B):
        possible = range(4) if t.next_action_mask is None else np.flatnonzero(t.next_action_mask[i])
        allowed = range(4) if t.action_mask is None else np.flatnonzero(t.action_mask[i])
        if batch.rewards is None:
            reward, discount = float(t.reward[i]), GAMMA
        else:
            steps = int(batch.steps[i])
            reward = sum(GAMMA**j * float(batch.rewards[j, i]) for j in range(steps))
            discount = GAMMA**steps
        if t.terminated[i] or len(possible) == 0:
            discount = 0.0
        taken = output[i, t.action[i]]
        returns = softmax(next_output[i]) if kind == "categorical" else next_output[i]
        if len(possible) == 0:
            next_return = returns[0]
        elif algorithm.munchausen:
            tau = 0.3
            policy = softmax(next_q_selector[i, list(possible)] / tau)
            next_return = sum(p * returns[a] for p, a in zip(policy, possible, strict=True))
            reward += discount * -tau * (policy * np.log(policy)).sum()
        else:
            next_return = returns[max(possible, key=lambda a, i=i: next_q_selector[i, a])]
        if algorithm.munchausen:
            log_policy = 0.3 * np.log(softmax(q_selector[i, list(allowed)] / 0.3))
            reward += 0.9 * max(-1.0, log_policy[list(allowed).index(int(t.action[i]))])
        if kind == "none":
            error = abs(reward + discount * next_return[0] - taken[0])
            losses[i] = 0.5 * error**2 if error <= 1 else error - 0.5
            values[i] = taken[0]
        elif kind == "categorical":
            support = np.linspace(-3, 4, 11)
            target = np.zeros(11)
            for z, p in zip(support, next_return, strict=True):
                place = (np.clip(reward + discount * z, -3, 4) + 3) / 0.7
                low = min(int(place), 9)
                target[low] += p * (low + 1 - place)
                target[low + 1] += p * (place - low)
            losses[i] = -(target * np.log(softmax(taken))).sum()
            values[i] = softmax(taken) @ support
        else:
            taus = (np.arange(5) + 0.5) / 5 if kind == "quantile" else np.asarray(found["taus"][i])
            for tau, z in zip(taus, taken, strict=True):
                for sample in reward + discount * next_return:
                    error = sample - z
                    huber = 0.5 * error**2 if abs(error) <= 1 else abs(error) - 0.5
                    losses[i] += abs(tau - (error < 0)) * huber / len(next_return)
            values[i] = taken.mean()
    return losses, values


CASES = {
    "n-step": {"n_step": N_STEP},
    "munchausen": {"munchausen": True},
    "categorical double n-step": {"distributional": "categorical", "double": True, "n_step": N_STEP},
    "categorical munchausen": {"distributional": "categorical", "munchausen": True},
    "quantile double": {"distributional": "quantile", "double": True},
    "implicit double munchausen n-step": {
        "distributional": "implicit",
        "double": True,
        "munchausen": True,
        "n_step": N_STEP,
    },
    "implicit dueling": {"distributional": "implicit", "dueling": "mean"},
}
UNMASKED = ("categorical double n-step", "quantile double")  # rlax knows no masks


@pytest.mark.parametrize("name", CASES)
def test_dqn_loss_of_every_head_is_that_of_a_loop_over_samples(name):
    algorithm = DQN(**COMMON, **CASES[name])
    online, target = networks(algorithm)
    batch = minibatch(masked=name not in UNMASKED, n_step=algorithm.n_step)
    found = learnt(algorithm, online, target, batch)
    losses, values = loop(algorithm, batch, found)
    weight = np.asarray(batch.weight, np.float64)
    happened = weight > 0
    np.testing.assert_allclose(found["loss"], (weight * losses).sum() / happened.sum(), rtol=1e-4)
    np.testing.assert_allclose(
        found["metrics"]["train/q_value"], values[happened].mean(), rtol=1e-3, atol=1e-5
    )
    if algorithm.distributional in ("quantile", "implicit"):
        np.testing.assert_allclose(found["td_error"], losses, rtol=1e-3)
    assert all((np.asarray(x) == 0).all() for x in jax.tree.leaves(found["gradient"]))  # the target's
    if name in UNMASKED:
        rlaxs = categorical_by_rlax if algorithm.distributional == "categorical" else quantiles_by_rlax
        np.testing.assert_allclose(losses, rlaxs(batch, found), rtol=1e-3)


def categorical_by_rlax(batch, found):
    support = jnp.linspace(-3.0, 4.0, 11)
    powers = GAMMA ** np.arange(N_STEP)[:, None]
    return jax.vmap(rlax.categorical_double_q_learning, in_axes=(None, 0, 0, 0, 0, None, 0, 0))(
        support,
        found["output"],
        batch.transition.action,
        (powers * batch.rewards).sum(0),
        GAMMA**batch.steps * (1.0 - batch.transition.terminated),
        support,
        found["next_output"],
        found["next_q_selector"],
    )


def quantiles_by_rlax(batch, found):
    middles = jnp.broadcast_to((jnp.arange(5) + 0.5) / 5, (B, 5))
    selector = jnp.broadcast_to(found["next_q_selector"][:, None], (B, 1, 4))

    def last(x):  # rlax has actions last
        return jnp.swapaxes(x, -1, -2)

    return jax.vmap(rlax.quantile_q_learning, in_axes=(0, 0, 0, 0, 0, 0, 0, None))(
        last(found["output"]),
        middles,
        batch.transition.action,
        batch.transition.reward,
        GAMMA * (1.0 - batch.transition.terminated),
        selector,
        last(found["next_output"]),
        1.0,
    )


# Priorities


def test_dqn_priorities_are_errors_to_the_power_of_the_exponent():
    algorithm = DQN(**COMMON, priority=True, priority_exponent=0.7)
    online, target = networks(algorithm)
    batch = minibatch(masked=False, n_step=1)
    shapes = jax.eval_shape(lambda key: algorithm.init(SPEC, key), KEY)
    state = replace(
        jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes),
        network=online,
        target=target,
        normalizer=NORMALIZER,
    )
    now = clock(5, 10)
    _, _, priority = jax.jit(lambda s, b: algorithm.update(s, b, KEY, now))(state, batch)
    found = learnt(algorithm, online, target, batch)
    t = batch.transition
    taken = np.asarray(found["output"])[np.arange(B), t.action, 0]
    best = np.asarray(found["next_output"])[..., 0].max(-1)
    error = np.abs(t.reward + GAMMA * np.where(t.terminated, 0, best) - taken)
    np.testing.assert_allclose(priority, (error + 1e-6) ** 0.7, rtol=1e-4)
    # Of a distribution, how far it is from its target: 0 if it is there, whatever the entropy of both.
    head, output = C51(11, -3.0, 4.0), normal(5, 11)
    _, td_error = head.loss(output, jax.nn.softmax(output), None)
    np.testing.assert_allclose(td_error, 0, atol=1e-5)


def test_c51_keeps_a_priority_for_what_is_known_already():
    """Rounded, a divergence of equal distributions is below 0, and a power of that would spoil all of the tree."""
    head, reward = C51(51, -250.0, 250.0), jnp.linspace(-249.0, 249.0, 2001)
    certain = jnp.broadcast_to(reward[:, None], (2001, 51))  # whatever follows counts 0
    target = head.project(certain, jnp.full((2001, 51), 1 / 51))
    learnt = jnp.log(jnp.maximum(target, 1e-30))
    loss, td_error = head.loss(learnt, target, None)
    assert (loss - jnp.sum(jax.scipy.special.entr(target), -1) < -1e-6).any()
    assert (td_error >= 0).all()


def test_dqn_importance_weights_correct_wholly_at_the_end():
    algorithm = DQN(priority=True, priority_beta=0.4)
    for step, beta in ((0, 0.4), (50, 0.7), (100, 1.0)):
        assert float(algorithm.importance(clock(step))) == pytest.approx(beta)
