"""Intrinsic returns of another kind than the algorithm's, against closed forms."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.random import Random
from operant.algorithms.value.dqn import DQN
from operant.curiosity import RND, Curious
from operant.curiosity.value import IntrinsicValue, targets, update
from operant.networks import Network
from operant.ops.returns import generalized_advantages
from operant.spaces import Discrete
from operant.types import Batch, EnvSpec, Transition
from tests.shared import clock

NOW = clock(1, 10)
SPEC = EnvSpec("Test", Discrete(3), Discrete(2), num_envs=1)
LINEAR = Network(hidden_sizes=())


def around(laps: int) -> Transition:
    """States 0, 1 and then the end, 2, again and again: `[3·laps, 1]`, a reward of 1 for each step."""
    seen = jnp.tile(jnp.array([0, 1]), laps)[:, None]
    terminated = seen == 1
    nothing = jnp.zeros_like(terminated)
    return Transition(seen, seen, jnp.ones(seen.shape), terminated, nothing, seen + 1)


def table(values) -> IntrinsicValue:
    """A value function that is a table."""
    value = IntrinsicValue.build(RND(network=LINEAR), SPEC, jax.random.key(0))
    output = value.network.head.output
    output = replace(output, weight=jnp.asarray(values, jnp.float32)[:, None], bias=jnp.zeros(1))
    return replace(value, network=replace(value.network, head=replace(value.network.head, output=output)))


def test_intrinsic_value_ahead_stops_where_the_return_does():
    value, transition = table([10.0, 20.0, 30.0]), around(2)
    bootstrap, ahead = value.ahead(transition, episodic=True)
    np.testing.assert_allclose(bootstrap[:, 0], [20, 0, 20, 0])
    np.testing.assert_allclose(ahead[:, 0], [20, 0, 20, 0])
    bootstrap, ahead = value.ahead(transition, episodic=False)
    np.testing.assert_allclose(bootstrap[:, 0], [20, 0, 20, 0])
    np.testing.assert_allclose(ahead[:, 0], [20, 10, 20, 30])  # the last has not seen its next episode
    cut = replace(transition, truncated=transition.terminated, terminated=transition.truncated)
    bootstrap, ahead = value.ahead(cut, episodic=False)
    np.testing.assert_allclose(bootstrap[:, 0], [20, 30, 20, 30])
    np.testing.assert_allclose(ahead[:, 0], [20, 10, 20, 30])


@pytest.mark.parametrize(("episodic", "expected"), [(True, (1.5, 1.0)), (False, (2.0, 2.0))])
def test_intrinsic_value_is_that_of_the_endless_or_the_ending_return(episodic, expected):
    """1 + γ and 1 where the return ends; 1/(1 − γ) = 2 everywhere where it goes on."""
    curiosity = RND(network=LINEAR, episodic=episodic, learning_rate=0.05, batch_size=40)
    transition, weight = around(20), jnp.ones((40, 1))

    @jax.jit
    def learn(value, key):
        return update(value, curiosity, transition, weight, 0.5, key, NOW)[0]

    value = table(
        [0.0, 0.0, 2.0]
    )  # the end is never acted in: its value is only looked at once, at the very last
    for i in range(150):
        value = learn(value, jax.random.fold_in(jax.random.key(0), i))
    np.testing.assert_allclose(value(jnp.array([0, 1])), expected, rtol=0.02)


def test_targets_reach_over_the_end_of_an_episode_only_where_the_return_does():
    value, transition = table([0.0, 0.0, 0.0]), around(2)
    endless = targets(value, RND(episodic=False, gae_lambda=1.0), transition, 0.5)
    np.testing.assert_allclose(endless[:, 0], [1.875, 1.75, 1.5, 1.0])
    ending = targets(value, RND(gae_lambda=1.0), transition, 0.5)
    np.testing.assert_allclose(ending[:, 0], [1.5, 1.0, 1.5, 1.0])


def test_curious_makes_the_algorithms_value_that_of_both_returns():
    """With V = V_e + V_i, the errors of the rewarded algorithm are those of the two value functions, added."""
    rng = np.random.default_rng(0)
    gamma, own = 0.9, 0.5
    transition = around(3)
    extrinsic = jnp.asarray(rng.normal(size=(6, 1)), jnp.float32)
    v_e, v_i = jnp.array([1.0, -2.0, 5.0]), jnp.array([0.3, 0.7, 4.0])
    bootstrap, ahead = table(v_i).ahead(transition, episodic=False)
    reward = extrinsic + 1.0 + own * ahead - gamma * bootstrap
    both = v_e + v_i

    def errors(reward, value, next_value, terminated):
        done = jnp.ones_like(terminated)  # λ has nothing to do with it
        return generalized_advantages(reward, value, next_value, terminated, done, gamma, 0.0)

    seen, after, never = transition.observation, transition.next_observation, transition.truncated
    together = errors(reward, both[seen], both[after], transition.terminated)
    apart = errors(extrinsic, v_e[seen], v_e[after], transition.terminated)
    apart_intrinsic = errors(jnp.ones_like(reward), v_i[seen], own / gamma * ahead, never)
    np.testing.assert_allclose(together, apart + apart_intrinsic, rtol=1e-5, atol=1e-5)


def test_curious_pays_the_algorithm_what_lies_ahead_by_each_discount_of_its_own(monkeypatch):
    told = lambda self, state, batch, key, clock: (state, {"given": batch.transition.reward})  # noqa: E731
    monkeypatch.setattr(PPO, "update", told)
    own = {"gamma": 0.5, "episodic": False, "scale": 0.3, "normalize_reward": False}
    algorithm = Curious(
        PPO(n_steps=6, batch_size=6, gamma=0.9, network=LINEAR), RND(features=4, network=LINEAR, **own)
    )
    transition, weight, value = around(3), jnp.ones((6, 1)), table([0.3, 0.7, 4.0])
    state = replace(algorithm.init(SPEC, jax.random.key(0)), value=value)
    surprise = algorithm.curiosity.reward(algorithm.see(state, transition, weight).curiosity, transition)
    bootstrap, ahead = value.ahead(transition, episodic=False)
    given = algorithm.update(state, Batch(transition, weight), jax.random.key(1), NOW)[1]["given"]
    np.testing.assert_allclose(given, 1 + 0.3 * (surprise + 0.5 * ahead - 0.9 * bootstrap), rtol=1e-5)


def test_curious_with_a_return_like_the_algorithms_own_is_only_the_sum():
    ppo = PPO(n_steps=6, batch_size=6, n_epochs=1, gamma=0.9, network=LINEAR)
    plain = Curious(ppo, RND(features=4, network=LINEAR))
    valued = Curious(ppo, RND(features=4, network=LINEAR, gamma=0.9))
    batch = Batch(around(3), jnp.ones((6, 1)))
    states = []
    for algorithm in (plain, valued):
        state = algorithm.init(SPEC, jax.random.key(0))
        states.append(algorithm.update(state, batch, jax.random.key(1), NOW)[0])
    assert states[0].value is None
    assert states[1].value is not None
    learnt = [jax.tree.leaves((state.learner, state.curiosity, state.intrinsic)) for state in states]
    for one, other in zip(*learnt, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("algorithm", [DQN(), Random()])
def test_curious_refuses_another_return_where_it_is_not_possible(algorithm):
    with pytest.raises(ValueError, match="episodic=False of RND: another intrinsic return needs"):
        Curious(algorithm, RND(episodic=False)).check(SPEC)
    Curious(PPO(), RND(episodic=False)).check(SPEC)
    with pytest.raises(ValueError, match="SAME_STEP"):
        Curious(PPO(), RND(episodic=False)).check(replace(SPEC, dummy_steps=True))
