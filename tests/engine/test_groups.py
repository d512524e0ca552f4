"""Episodes in groups: each group begins in one and the same state, and goes on by itself."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import SyncVectorEnv

from operant.algorithms.base import Algorithm
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.envs.classic.cartpole import CartPole
from operant.envs.gymnasium_stepping import SingleEnvironments
from operant.envs.gymnasium_vector import VectorEnvironments
from operant.envs.host import NativeOnHost
from operant.plans import Episodes, Rollout

STEPS = 6


class Begins(Algorithm):
    """Learns by heart how episodes began, what was done in them, and of which groups they were."""

    plan: Episodes = eqx.field(static=True)

    @property
    def experience(self):
        return self.plan

    def check(self, spec):
        pass

    def init(self, spec, key):
        count = self.plan.count
        return jnp.zeros((count, 4)), jnp.zeros((STEPS, count), jnp.int32), jnp.zeros(count, jnp.int32)

    def sample_noise(self, spec, key):
        return jax.random.randint(key, (spec.num_envs,), 0, 2)

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        return noise, carry, ()

    def update(self, state, batch, key, clock):
        return (batch.transition.observation[0], batch.transition.action, batch.group), {}


def learnt(loop: DeviceLoop | HostLoop, seeds: int | None = None) -> list[list[np.ndarray]]:
    """What each of two iterations began with, `[count, 4]`, did and was."""
    key = jax.random.key(3)
    run, iterations = loop.init(key if seeds is None else jax.random.split(key, seeds)), []
    run = replace(run, clock=replace(run.clock, total=jnp.full_like(run.clock.total, 10**6)))  # nobody waits
    for _ in range(2):
        run, _, _ = loop.step(run, 1, 1)
        iterations.append([np.asarray(leaf) for leaf in run.state])
    return iterations


def check_groups(iterations: list, group: int) -> None:
    starts = []
    for first, actions, groups in iterations:
        np.testing.assert_array_equal(groups, np.arange(len(first)) // group)
        each = first.reshape(-1, group, 4)
        np.testing.assert_array_equal(each, np.broadcast_to(each[:, :1], each.shape))
        starts += [tuple(one) for one in each[:, 0]]
        assert len({tuple(one) for one in actions.T}) > len(first) / 2
    assert len(set(starts)) == len(starts)  # every group of every iteration has its own


@pytest.mark.parametrize(("num_envs", "group"), [(4, 2), (2, 4)])  # within a round, and over two
def test_episodes_of_a_group_begin_alike_on_both_loops(num_envs, group):
    algorithm = Begins(Episodes(8, STEPS, group))
    device = learnt(DeviceLoop(algorithm, CartPole(), num_envs, None))
    host = learnt(HostLoop(algorithm, NativeOnHost(CartPole(), num_envs), None))
    check_groups(device, group)
    for one, other in zip(jax.tree.leaves(device), jax.tree.leaves(host), strict=True):
        np.testing.assert_array_equal(one, other)


def test_episodes_in_groups_of_several_seeds_are_those_that_each_has_alone():
    num_envs, group = 2, 4
    algorithm = Begins(Episodes(8, STEPS, group))
    together = learnt(HostLoop(algorithm, NativeOnHost(CartPole(), 2 * num_envs), 2), 2)
    device = learnt(DeviceLoop(algorithm, CartPole(), num_envs, 2), 2)
    for one, other in zip(jax.tree.leaves(device), jax.tree.leaves(together), strict=True):
        np.testing.assert_array_equal(one, other)
    for seed in range(2):
        check_groups([[leaf[seed] for leaf in iteration] for iteration in together], group)


def cartpoles(n: int) -> list:
    return [gym.make("CartPole-v1") for _ in range(n)]


@pytest.mark.parametrize(("num_envs", "group"), [(4, 2), (2, 4)])
@pytest.mark.parametrize("vector", [False, True])
def test_episodes_of_a_group_of_gymnasium_environments_have_the_same_seed(num_envs, group, vector):
    if vector:
        made = VectorEnvironments(SyncVectorEnv([lambda: gym.make("CartPole-v1")] * num_envs))
    else:
        made = SingleEnvironments(cartpoles(num_envs))
    check_groups(learnt(HostLoop(Begins(Episodes(8, STEPS, group)), made, None)), group)


def test_batch_without_groups_says_none():
    assert Episodes(8, STEPS).groups(4) is None
    assert Rollout(5).groups(4) is None


@pytest.mark.parametrize("group", [0, 3, 16])
def test_episodes_must_be_in_whole_groups(group):
    with pytest.raises(
        ValueError, match=rf"Episodes\(count=8, group={group}\): group must be a divisor of count"
    ):
        Episodes(8, STEPS, group)


def test_episodes_in_groups_must_fit_the_environments():
    with pytest.raises(
        ValueError, match="Groups of 4 episodes cannot be shared by num_envs=6: choose a divisor or"
    ):
        Episodes(12, STEPS, 4).require_shared(6)


def test_episodes_in_groups_are_refused_of_a_vector_environment_that_takes_one_seed():

    made = VectorEnvironments(gym.make_vec("CartPole-v1", 2, vectorization_mode="vector_entry_point"))
    with pytest.raises(ValueError, match="2 episodes that begin alike need a seed for each environment"):
        made.reset(jax.random.key(0), None, 2)
