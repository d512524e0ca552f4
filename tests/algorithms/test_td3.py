"""TD3 and DDPG against loops over samples, counts, closed forms, and the Riccati solution of a linear system."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from off_policy_samples import BOX, SMALL, B, minibatch, normal, one_critic, state_of, to_units

from operant.algorithms import registry
from operant.algorithms.actor_critic.samples import Sample
from operant.algorithms.actor_critic.td3 import TD3
from operant.algorithms.value.samples import TDSample
from operant.networks.encoder import Flatten
from operant.networks.torso import Torso
from operant.ops.exploration_noise import GaussianNoise, Independent, OrnsteinUhlenbeck
from operant.spaces import Box, Discrete
from operant.types import Batch
from tests.shared import clock

ALGORITHM = TD3(gamma=0.9, network=SMALL)
KEY = jax.random.key(5)


def ddpg(**values) -> TD3:
    return registry.build(TD3, registry.defaults("ddpg") | values)


@jax.jit
def critic_loss(algorithm, state, batch):
    sample = algorithm.sample(batch, state)
    return algorithm.critic_loss(state.critics, state.target_critics, state.target_actor, sample, KEY)


@jax.jit
def update(algorithm, state, batch, moment):
    return algorithm.update(state, batch, KEY, moment)


def policy_by_hand(actor, observation):
    layers = jax.tree.map(lambda x: np.asarray(x, np.float64), actor.head)
    hidden = np.tanh(np.asarray(observation, np.float64) @ layers.hidden[0].weight + layers.hidden[0].bias)
    return np.tanh(hidden @ layers.output.weight + layers.output.bias)


@pytest.mark.parametrize("algorithm", [ALGORITHM, ddpg(gamma=0.9, network=SMALL)], ids=lambda a: a.name)
def test_td3_critic_loss_is_that_of_a_loop_over_samples(algorithm):
    """DDPG's has one critic, and no noise in its target."""
    state, transition = state_of(algorithm), minibatch()
    loss, _ = critic_loss(algorithm, state, Batch(transition, jnp.ones(B)))
    noise = np.asarray(jax.random.normal(jax.random.split(KEY, 5)[0], (B, 2), jnp.float32), np.float64)
    assert (np.abs(0.2 * noise) > 0.3).any()
    losses = []
    for i in range(B):
        action = policy_by_hand(state.target_actor, transition.next_observation[i])
        if algorithm.name == "TD3":
            action = (action + (0.2 * noise[i]).clip(-0.5, 0.5)).clip(-1, 1)
        after = np.concatenate([transition.next_observation[i], action])
        here = np.concatenate([transition.observation[i], to_units(transition.action[i])])
        count = algorithm.n_critics
        least = min(one_critic(state.target_critics, k, after)[0] for k in range(count))
        y = float(transition.reward[i]) + (0.0 if transition.terminated[i] else 0.9 * least)
        losses.append(sum((y - one_critic(state.critics, k, here)[0]) ** 2 for k in range(count)))
    np.testing.assert_allclose(loss, np.mean(losses), rtol=1e-3)


def test_td3_smoothed_actions_are_clipped_twice():
    algorithm = TD3(target_policy_noise=0.2, target_noise_clip=0.5)
    action = jnp.asarray([0.0, 0.0, 0.0, 0.9, -0.9])
    noise = jnp.asarray([1.0, 10.0, -10.0, 1.0, -10.0])
    np.testing.assert_allclose(algorithm.smoothed(action, noise), [0.2, 0.5, -0.5, 1.0, -1.0], rtol=1e-6)


def test_td3_critic_loss_has_no_gradient_but_by_the_online_critics():
    state, transition = state_of(ALGORITHM), minibatch()
    sample = ALGORITHM.sample(Batch(transition, jnp.ones(B)), state)

    @jax.jit
    @jax.grad
    def gradient(learnt):
        return ALGORITHM.critic_loss(*learnt, sample, KEY)[0]

    of_critics, *others = gradient((state.critics, state.target_critics, state.target_actor))
    assert all((np.asarray(x) == 0).all() for x in jax.tree.leaves(others))
    assert any((np.asarray(x) != 0).any() for x in jax.tree.leaves(of_critics))


def test_td3_actor_loss_is_minus_the_first_critics_value_of_the_policy():
    state, transition = state_of(ALGORITHM), minibatch()
    weight = jnp.ones(B).at[3:].set(0.0)
    sample = ALGORITHM.sample(Batch(transition, weight), state)
    loss = jax.jit(lambda s: ALGORITHM.actor_loss(s.actor, s.critics, sample, KEY))(state)
    inputs = np.concatenate(
        [transition.observation[:3], policy_by_hand(state.actor, transition.observation[:3])], -1
    )
    np.testing.assert_allclose(loss, -one_critic(state.critics, 0, inputs).mean(), rtol=1e-3)


def test_td3_update_is_a_step_down_the_loss_by_both_target_networks():
    state, batch = state_of(ALGORITHM), Batch(minibatch(), jnp.ones(B))
    _, metrics = update(ALGORITHM, state, batch, clock())

    @jax.jit
    def loss(state):
        networks = state.critics, state.target_critics, state.target_actor
        return ALGORITHM.critic_loss(*networks, ALGORITHM.sample(batch, state), jax.random.split(KEY)[0])[0]

    np.testing.assert_allclose(metrics["train/critic_loss"], loss(state), rtol=1e-5)


def test_td3_policy_and_both_targets_move_at_every_second_update_and_ddpgs_at_every_one():
    for algorithm, expected in ((ALGORITHM, [False, True] * 2), (ddpg(network=SMALL), [True] * 2)):
        state, batch = state_of(algorithm), Batch(minibatch(), jnp.ones(B))
        moved = []
        for _ in expected:
            after, _ = update(algorithm, state, batch, clock())
            names = ("actor", "target_actor", "target_critics", "critics")
            moved.append(
                [
                    any(
                        (np.asarray(a) != np.asarray(b)).any()
                        for a, b in zip(
                            *map(jax.tree.leaves, (getattr(after, name), getattr(state, name))), strict=True
                        )
                    )
                    for name in names
                ]
            )
            state = after
        assert [m[:3] for m in moved] == [[due] * 3 for due in expected]
        assert all(m[3] for m in moved)


def test_td3_targets_follow_by_polyak_averages_in_closed_form():
    algorithm = TD3(network=SMALL, learning_rate=0.0, tau=0.1)
    state, batch = state_of(algorithm), Batch(minibatch(), jnp.ones(B))
    before = state
    for _ in range(4):  # of which two move them
        state, _ = update(algorithm, state, batch, clock())
    for new, old, online in (
        (state.target_actor, before.target_actor, before.actor),
        (state.target_critics, before.target_critics, before.critics),
    ):
        for a, b, c in zip(*map(jax.tree.leaves, (new, old, online)), strict=True):
            np.testing.assert_allclose(a, 0.81 * np.asarray(b) + 0.19 * np.asarray(c), rtol=1e-4, atol=1e-6)


def test_td3_explores_by_noise_in_units_of_the_box_and_not_without():
    state, observation = state_of(ALGORITHM), normal(5, 3)
    noise = 3 * normal(5, 2)
    by_hand = policy_by_hand(state.actor, observation)
    for algorithm, added in (
        (ALGORITHM, 0.0),
        (replace(ALGORITHM, action_noise="normal"), np.asarray(noise)),
    ):
        best, _, _ = algorithm.act(state, observation, None, (), None, clock(), explore=False)
        explored, _, _ = algorithm.act(state, observation, None, (), noise, clock(), explore=True)
        np.testing.assert_allclose(to_units(best), by_hand, atol=1e-5)
        np.testing.assert_allclose(to_units(explored), (by_hand + added).clip(-1, 1), atol=1e-5)
    kinds = {None: Independent(), "normal": GaussianNoise(0.1), "ornstein-uhlenbeck": OrnsteinUhlenbeck(0.1)}
    for name, process in kinds.items():
        assert TD3(action_noise=name).exploration == process
    assert "action_noise=None: the policy is deterministic" in TD3().advice(BOX)[0]
    assert TD3(action_noise="normal").advice(BOX) == []


def test_td3_and_ddpg_refuse_what_is_no_box_and_say_what_takes_it():
    for algorithm, name in ((TD3(), "TD3"), (ddpg(), "DDPG")):
        with pytest.raises(
            ValueError, match=f"{name} needs actions of a Box: Test has Discrete.* SAC and DQN take"
        ):
            algorithm.check(replace(BOX, action_space=Discrete(3)))
        with pytest.raises(ValueError, match=f"{name} scales actions to their bounds"):
            algorithm.check(replace(BOX, action_space=Box(-np.inf, np.inf, (1,))))
    with pytest.raises(ValueError, match=r"target_policy_noise=-0.1: must be at least 0"):
        TD3(target_policy_noise=-0.1)


# A linear system x' = A x + B u that costs q x² + r u²: its optimal Q is a quadratic, by the Riccati equation.

A, INPUT, Q_COST, R_COST, GAMMA = 0.9, 0.5, 1.0, 1.5, 0.95


AS_IT_IS = Torso(Flatten(Box(-1.0, 1.0, (1,))), None)  # what the policy and the critics see of x


class Quadratic(eqx.Module):
    """Critics that are linear in 1, x², x u and u²."""

    weight: jax.Array  # [n, 4]

    torso: ClassVar = AS_IT_IS

    def __call__(self, x, u, *, key=None):
        terms = jnp.stack([jnp.ones_like(x), x * x, x * u, u * u], -1)[:, 0]  # [B, 4]
        return jnp.einsum("bf,nf->nb", terms, self.weight)[..., None]

    @property
    def first(self):
        return self


class Proportional(eqx.Module):
    """The policy u = −k x."""

    gain: jax.Array

    def torso(self, critics):
        return AS_IT_IS

    def action(self, x, *, key=None):
        return -self.gain * x


def riccati() -> tuple[float, np.ndarray]:
    """The best gain, and the coefficients of Q in x², x u and u²."""
    p = 0.0
    for _ in range(2000):  # the value −p x²
        k = GAMMA * p * A * INPUT / (R_COST + GAMMA * p * INPUT**2)
        p = Q_COST + R_COST * k**2 + GAMMA * p * (A - INPUT * k) ** 2
    following = GAMMA * p
    return k, -np.array([Q_COST + following * A**2, 2 * following * A * INPUT, R_COST + following * INPUT**2])


def test_td3_critic_has_the_riccati_solution_for_its_fixed_point_and_the_policy_is_best_there():
    algorithm = TD3(gamma=GAMMA, target_policy_noise=0.0, n_critics=1, max_grad_norm=None)
    x, u = (grid.reshape(-1, 1) for grid in np.meshgrid(np.linspace(-1, 1, 9), np.linspace(-1, 1, 9)))
    x, u = jnp.asarray(x, jnp.float32), jnp.asarray(u, jnp.float32)
    count = len(x)
    sample = Sample(
        x,
        A * x + INPUT * u,
        u,
        TDSample(
            u,
            None,
            None,
            -(Q_COST * x**2 + R_COST * u**2)[:, 0],
            jnp.full(count, GAMMA),
            jnp.ones(count),
            None,
        ),
    )
    gain, expected = riccati()
    policy = Proportional(jnp.asarray(gain, jnp.float32))
    assert float(jnp.abs(policy.action(sample.next_observation, key=None)).max()) < 1  # nothing is clipped

    def gradient(weight, target):
        loss = lambda w: algorithm.critic_loss(Quadratic(w), Quadratic(target), policy, sample, KEY)[0]  # noqa: E731
        return jax.grad(loss)(weight)

    @jax.jit
    def fitted(target):
        """The minimum of the loss for this target, which is a quadratic in the weights: Newton's step from 0."""
        zero = jnp.zeros((1, 4))
        slope = gradient(zero, target).reshape(4)
        curvature = jax.jacobian(lambda w: gradient(w, target))(zero).reshape(4, 4)
        return -jnp.linalg.solve(curvature, slope).reshape(1, 4)

    weight = jnp.zeros((1, 4))
    for _ in range(300):
        weight = fitted(weight)
    np.testing.assert_allclose(weight[0], [0, *expected], rtol=2e-3, atol=2e-3)

    def slope(k):
        return float(
            jax.grad(lambda p: algorithm.actor_loss(p, Quadratic(weight), sample, KEY))(
                Proportional(jnp.asarray(k, jnp.float32))
            ).gain
        )

    assert abs(slope(gain)) < 2e-3
    assert slope(gain + 0.2) > 0.05
    assert slope(gain - 0.2) < -0.05
