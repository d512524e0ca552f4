"""An algorithm that is curious: what it learns from, what it leaves as it was, and what its curiosity sees."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.value.dqn import DQN
from operant.curiosity import ICM, RND, Counts, Curiosity, Curious, curiosity, make_curious, parts, to_json
from operant.networks import Network
from operant.ops.schedules import Linear
from operant.plans import Episodes, Replay, Rollout
from operant.spaces import Box, Discrete
from operant.types import Batch, EnvSpec, Transition
from tests.shared import Acting, clock

RNG = np.random.default_rng(0)
T, N = 6, 3
SPEC = EnvSpec("Test", Box(-1.0, 1.0, (2,)), Discrete(2), num_envs=N)
NOW = clock(5, 10)
TINY = Network(hidden_sizes=(4,), initialization="uniform")


class Distance(Curiosity):
    """Surprised by what is far from 0, and counting what it has seen and learnt from."""

    def check(self, spec):
        pass

    def init(self, spec, key):
        return {"seen": jnp.zeros(()), "learnt": jnp.zeros(())}

    def update_statistics(self, state, transition, weight):
        return {**state, "seen": state["seen"] + jnp.sum(weight)}

    def reward(self, state, transition):
        return jnp.sum(jnp.abs(transition.next_observation), -1)

    def update(self, state, transition, weight, key, clock):
        return {**state, "learnt": state["learnt"] + jnp.sum(weight)}, {
            "train/key": jax.random.key_data(key)[0]
        }


class Listener(Acting):
    """Tells what rewards it is given."""

    plan: Rollout | Replay | Episodes = eqx.field(default=Rollout(T), static=True)
    gamma: float = 0.9
    normalize_rewards: bool = eqx.field(default=False, static=True)

    @property
    def experience(self):
        return self.plan

    def init(self, spec, key):
        return jnp.zeros(())

    def update(self, state, batch, key, clock):
        metrics = {"reward": batch.transition.reward, "normalizes": self.normalize_rewards}
        prioritized = isinstance(self.plan, Replay) and self.plan.priority
        return (state, metrics, batch.weight) if prioritized else (state, metrics)


def experience(*leading, done=None) -> Transition:
    def normal(*shape):
        return jnp.asarray(RNG.normal(size=shape), jnp.float32)

    nothing = jnp.zeros(leading, bool)
    return Transition(
        normal(*leading, 2),
        jnp.asarray(RNG.integers(0, 2, leading), jnp.int32),
        normal(*leading),
        nothing if done is None else jnp.asarray(done),
        nothing,
        normal(*leading, 2),
    )


def running_deviation(rewards, dones, gamma, returns):
    """The deviation of all discounted returns so far, and these returns, by a loop."""
    seen = []
    for reward, done in zip(rewards, dones, strict=True):
        returns = gamma * returns + reward
        seen.append(returns)
        returns = np.where(done, 0.0, returns)
    return seen, returns


def test_curious_has_the_algorithm_learn_from_the_sum():
    algorithm = Curious(Listener(), Distance(scale=Linear(1.0, 0.0)))
    transition = experience(T, N)
    state, metrics = algorithm.update(
        algorithm.init(SPEC, jax.random.key(0)), Batch(transition, jnp.ones((T, N))), jax.random.key(1), NOW
    )
    bonus = 0.5 * np.abs(np.asarray(transition.next_observation)).sum(-1)  # half of training has passed
    np.testing.assert_allclose(metrics["reward"], transition.reward + bonus, rtol=1e-6)
    np.testing.assert_allclose(metrics["rollout/intrinsic_reward"], bonus.mean(), rtol=1e-6)
    assert state.curiosity == {"seen": T * N, "learnt": T * N}
    observed = algorithm.update_statistics(state, transition)
    assert observed.curiosity["seen"] == T * N  # a rollout is seen once


class Alone(Distance):
    """In place of the environment's reward."""

    alone: ClassVar[bool] = True


def test_curious_has_the_algorithm_learn_from_a_curiosity_that_stands_alone_and_from_nothing_else():
    algorithm = Curious(Listener(), Alone(scale=0.5))
    transition = experience(T, N)
    state = algorithm.init(SPEC, jax.random.key(0))
    _, metrics = algorithm.update(state, Batch(transition, jnp.ones((T, N))), jax.random.key(1), NOW)
    paid = 0.5 * np.abs(np.asarray(transition.next_observation)).sum(-1)
    np.testing.assert_allclose(metrics["reward"], paid, rtol=1e-6)


def test_curious_sees_replay_when_it_is_collected_and_rewards_it_when_it_is_drawn():
    algorithm = Curious(Listener(Replay(100, 8, priority=True)), Distance())
    state = algorithm.init(SPEC, jax.random.key(0))
    state = algorithm.update_statistics(
        state, replace(experience(2, N), valid=jnp.array([[True] * N, [False] * N]))
    )
    assert state.curiosity == {"seen": N, "learnt": 0}
    drawn, weight = experience(8), jnp.arange(8.0)
    state, metrics, priority = algorithm.update(state, Batch(drawn, weight), jax.random.key(1), NOW)
    bonus = np.abs(np.asarray(drawn.next_observation)).sum(-1)
    np.testing.assert_allclose(metrics["reward"], drawn.reward + bonus, rtol=1e-6)
    np.testing.assert_allclose(metrics["rollout/intrinsic_reward"], (bonus * weight).sum() / 28, rtol=1e-6)
    np.testing.assert_array_equal(priority, weight)
    assert state.curiosity == {"seen": N, "learnt": 28}


@pytest.mark.parametrize("plan", [Rollout(T), Replay(100, 8)], ids=["rollout", "replay"])
def test_curious_divides_intrinsic_rewards_by_the_deviation_of_their_discounted_return(plan):
    algorithm = Curious(Listener(plan), Distance(normalize_reward=True))
    state, returns, seen = algorithm.init(SPEC, jax.random.key(0)), np.zeros(N), []
    for _ in range(3):
        fresh = experience(T, N, done=RNG.random((T, N)) < 0.3)
        bonus = np.abs(np.asarray(fresh.next_observation, np.float64)).sum(-1)
        more, returns = running_deviation(bonus, np.asarray(fresh.terminated), 0.9, returns)
        seen += more
        if isinstance(plan, Replay):
            state, metrics = algorithm.update_statistics(state, fresh), {}
        else:  # the deviation is that of all returns, those of this rollout included
            batch = Batch(fresh, jnp.ones((T, N)))
            state, metrics = algorithm.update(state, batch, jax.random.key(1), NOW)
            state = algorithm.update_statistics(state, fresh)
    if isinstance(plan, Replay):
        fresh = experience(8)
        bonus = np.abs(np.asarray(fresh.next_observation, np.float64)).sum(-1)
        _, metrics = algorithm.update(state, Batch(fresh, jnp.ones(8)), jax.random.key(1), NOW)
    expected = np.asarray(fresh.reward) + bonus / np.std(seen)
    np.testing.assert_allclose(metrics["reward"], expected, rtol=1e-4)


def test_curious_has_a_return_for_every_column_of_episodes():
    algorithm = Curious(Listener(Episodes(2 * N, T)), Distance(normalize_reward=True))
    fresh = experience(T, 2 * N, done=np.arange(T)[:, None] == np.full(2 * N, T - 1))
    bonus = np.abs(np.asarray(fresh.next_observation, np.float64)).sum(-1)
    seen, _ = running_deviation(bonus, np.asarray(fresh.terminated), 0.9, np.zeros(2 * N))
    state = algorithm.init(SPEC, jax.random.key(0))
    _, metrics = algorithm.update(state, Batch(fresh, jnp.ones((T, 2 * N))), jax.random.key(1), NOW)
    np.testing.assert_allclose(metrics["reward"], np.asarray(fresh.reward) + bonus / np.std(seen), rtol=1e-4)


def test_curious_normalizes_each_reward_by_its_own_return():
    algorithm = Curious(Listener(normalize_rewards=True), Distance())
    state = algorithm.init(SPEC, jax.random.key(0))
    before, fresh = experience(T, N), experience(T, N)
    state = algorithm.update_statistics(state, before)
    _, metrics = algorithm.update(state, Batch(fresh, jnp.ones((T, N))), jax.random.key(1), NOW)
    nothing = np.zeros((T, N), bool)
    seen, _ = running_deviation(np.asarray(before.reward, np.float64), nothing, 0.9, np.zeros(N))
    bonus = np.abs(np.asarray(fresh.next_observation)).sum(-1)
    np.testing.assert_allclose(metrics["reward"], np.asarray(fresh.reward) / np.std(seen) + bonus, rtol=1e-4)
    assert not metrics["normalizes"]  # the algorithm would do it a second time, to the sum


ALGORITHMS = {
    "ppo": (PPO(n_steps=T, batch_size=9, n_epochs=2, normalize_rewards=True, network=TINY), (T, N)),
    "dqn": (DQN(target_update_interval=1, normalize_rewards=True, network=TINY), (8,)),
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_curious_without_weight_changes_nothing(name):
    algorithm, leading = ALGORITHMS[name]
    curious = Curious(algorithm, RND(scale=0.0, features=4, network=TINY))
    batch, fresh = Batch(experience(*leading), jnp.ones(leading)), experience(T, N)

    @eqx.filter_jit
    def learnt(algorithm):
        state = algorithm.init(SPEC, jax.random.key(0))
        for i in range(2):
            state, *_ = algorithm.update(state, batch, jax.random.key(i), NOW)
            state = algorithm.update_statistics(state, fresh)
        noise = algorithm.sample_noise(SPEC, jax.random.key(3))
        action, _, _ = algorithm.act(state, fresh.observation[0], None, (), noise, NOW, explore=True)
        probabilities = algorithm.probabilities(SPEC, state, fresh.observation[0], None, ())
        return state, action, probabilities

    plain, action, probabilities = learnt(algorithm)
    with_, action_with, probabilities_with = learnt(curious)
    np.testing.assert_array_equal(action_with, action)
    np.testing.assert_allclose(probabilities_with, probabilities, rtol=1e-6)
    for one, other in zip(
        jax.tree.leaves(plain.network), jax.tree.leaves(with_.learner.network), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", [RND(features=4, network=TINY), ICM(features=4, network=TINY)])
def test_curious_uses_no_key_twice(kind):
    algorithm = Curious(PPO(n_steps=T, batch_size=6, n_epochs=1, network=TINY), kind)
    batch, state = Batch(experience(T, N), jnp.ones((T, N))), algorithm.init(SPEC, jax.random.key(0))
    with jax.debug_key_reuse(True):
        for use in (
            lambda key: algorithm.init(SPEC, key),
            lambda key: algorithm.update(state, batch, key, NOW),
        ):
            jax.eval_shape(jax.jit(use), jax.random.key(0))


def test_curious_refuses_a_transition_over_several_steps():
    with pytest.raises(ValueError, match="n_step=3 with curiosity"):
        Curious(Listener(Replay(100, 8, n_step=3)), Distance()).check(SPEC)
    Curious(Listener(Replay(100, 8, n_step=3, sequence=5)), Distance()).check(SPEC)


def test_curiosity_is_made_from_names_and_values():
    ppo = PPO()
    assert make_curious(ppo, None) is ppo
    assert make_curious(ppo, "none") is ppo
    assert parts(ppo) == (ppo, None)
    assert Curious(ppo, RND()).name == "PPO with RND"
    for value in (RND(scale=Linear(1.0, 0.0)), ICM(beta=0.5, network=TINY), Counts(scale=2.0)):
        curious = make_curious(ppo, to_json(value))
        assert curious == Curious(ppo, value)
        assert parts(curious) == (ppo, value)
    assert curiosity({"name": "rnd", "scale": "linear:1:0"}) == RND(scale=Linear(1.0, 0.0))
    assert to_json(None) is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("rdn", "curiosity='rdn': must be one of none, counts, icm, preferences, rnd"),
        (0.5, "curiosity=0.5: must be one of none"),
        ({"scale": 1.0}, "must be one of none"),
        ({"name": "icm", "bata": 1.0}, "ICM has no hyperparameter 'bata'"),
    ],
)
def test_curiosity_refuses_wrong_names_and_values(value, message):
    with pytest.raises(ValueError, match=message):
        curiosity(value)
