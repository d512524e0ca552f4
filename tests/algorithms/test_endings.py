"""Values that end where the episode does not, and the other way round: every combination of a lost life and an end."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import NamedTuple

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from operant.algorithms.base import Algorithm
from operant.algorithms.registry import ALGORITHMS, build
from operant.algorithms.tabular.q_learning import QLearning
from operant.algorithms.value.samples import TDSample
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.envs.gymnasium_checks import EnvironmentFault
from operant.envs.gymnasium_stepping import SingleEnvironments
from operant.envs.gymnasium_vector import VectorEnvironments
from operant.envs.host import NativeOnHost
from operant.envs.native_gym import as_gymnasium
from operant.envs.probes import Endings
from operant.envs.wrappers import LifeLoss, Repeat
from operant.ops.normalization import Normalizer
from operant.ops.returns import discounted_returns, generalized_advantages, lambda_returns, n_step, vtrace
from operant.plans import Replay, Rollout
from operant.replay import ring
from operant.types import Batch, Transition

ENDS = ("terminated", "truncated", "never")
GAMMA = 0.5
RNG = np.random.default_rng(0)
T, N = 9, 40


def tape(discounted=True):
    """Random steps with every combination of terminated, truncated or neither, and a discount of 0, ½ or 1."""
    terminated, truncated = RNG.random((2, T, N)) < 0.2
    truncated &= ~terminated
    return Transition(
        observation=jnp.zeros((T, N)),
        action=jnp.zeros((T, N), jnp.int32),
        reward=jnp.asarray(RNG.normal(size=(T, N)), jnp.float32),
        terminated=jnp.asarray(terminated),
        truncated=jnp.asarray(truncated),
        next_observation=jnp.zeros((T, N)),
        discount=jnp.asarray(RNG.choice([0.0, 0.5, 1.0], (T, N)), jnp.float32) if discounted else None,
    )


def ahead(step, t, n, depth, values=None, lambda_=1.0, length=T):
    """`λ-return` of row t by its definition: at every step on the way, with probability 1 − λ what follows is V."""
    d = float(step.discount[t, n]) if step.discount is not None else 1.0
    if step.terminated[t, n]:
        rest = 0.0
    else:
        value = 0.0 if values is None else float(values[t, n])
        last = step.truncated[t, n] or depth == 1 or t == length - 1
        rest = (
            value
            if last
            else (1 - lambda_) * value + lambda_ * ahead(step, t + 1, n, depth - 1, values, lambda_, length)
        )
    return float(step.reward[t, n]) + GAMMA * d * rest


def everywhere(function):
    return np.array([[function(t, n) for n in range(N)] for t in range(T)])


@pytest.mark.parametrize("lambda_", [0.0, 0.7, 1.0])
def test_generalized_advantages_end_where_values_and_where_episodes_do(lambda_):
    step, (value, next_value) = tape(), RNG.normal(size=(2, T, N)).astype(np.float32)
    expected = everywhere(lambda t, n: ahead(step, t, n, T, next_value, lambda_)) - value
    # V of the next row's state is not its successor's value here: where they go on the definition needs it to be.
    consistent = np.where(step.done[:-1], next_value[:-1], value[1:])
    next_value[:-1] = consistent
    expected = everywhere(lambda t, n: ahead(step, t, n, T, next_value, lambda_)) - value
    given = (step.reward, value, next_value, step.terminated, step.done, GAMMA, lambda_)
    np.testing.assert_allclose(generalized_advantages(*given, step.discount), expected, rtol=1e-4, atol=1e-5)
    targets, advantage = vtrace(jnp.zeros((T, N)), *given, discount=step.discount)
    np.testing.assert_allclose(targets - value, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(advantage, expected, rtol=1e-4, atol=1e-5)  # on-policy they are one


@pytest.mark.parametrize("discounted", [True, False])
@pytest.mark.parametrize("lambda_", [0.0, 0.65, 1.0])
def test_lambda_returns_are_their_definition_and_reach_one_step_or_all(lambda_, discounted):
    step, value = tape(discounted), RNG.normal(size=(T, N)).astype(np.float32)
    expected = everywhere(lambda t, n: ahead(step, t, n, T, value, lambda_))
    given = (step.reward, value, step.terminated, step.done, GAMMA)
    found = lambda_returns(*given, lambda_, step.discount)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    if lambda_ in (0.0, 1.0):
        reward, steps, own = n_step(step.reward, step.done, GAMMA, 1 if lambda_ == 0 else T, step.discount)
        last = np.arange(T)[:, None] + steps - 1, np.arange(N)
        rest = np.where(step.terminated[last], 0.0, value[last]) * (1.0 if own is None else own)
        np.testing.assert_allclose(found, reward + GAMMA**steps * rest, rtol=1e-4, atol=1e-5)


def test_discounted_returns_end_where_values_and_where_episodes_do():
    step = replace(tape(), terminated=jnp.zeros((T, N), bool))
    expected = everywhere(lambda t, n: ahead(step, t, n, T))
    found = discounted_returns(step.reward, step.done, GAMMA, step.discount)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def normalizer():
    return Normalizer(None, None, None)


@pytest.mark.parametrize("discounted", [True, False])
def test_td_sample_ends_likewise_from_sequences_and_from_replay(discounted):
    step, value = tape(discounted), RNG.normal(size=(T, N)).astype(np.float32)
    expected = everywhere(lambda t, n: ahead(step, t, n, 3, value))

    sample = TDSample.of(Batch(step, jnp.ones((T, N))), normalizer(), GAMMA, 3, 0)
    assert sample.next_rows is not None
    found = sample.reward + sample.discount * value[sample.next_rows]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)

    plan = Replay(T * N, T * N, collect_steps=T, n_step=3)
    like = jax.tree.map(lambda x: x[0], step)
    numbered = replace(step, next_observation=jnp.arange(T * N, dtype=jnp.float32).reshape(T, N))
    batch, _ = ring.sample(
        plan, ring.insert(plan, ring.init(plan, like), numbered), jnp.arange(T * N, dtype=jnp.uint32)
    )
    sample = TDSample.of(batch, normalizer(), GAMMA, 3, None)
    which = batch.transition.next_observation.astype(int)
    found = sample.reward + sample.discount * value.reshape(-1)[which]
    np.testing.assert_allclose(found, expected.reshape(-1), rtol=1e-4, atol=1e-5)

    one = TDSample.of(Batch(step, jnp.ones((T, N))), normalizer(), GAMMA, 1, None)
    np.testing.assert_allclose(
        one.reward + one.discount * value,
        everywhere(lambda t, n: ahead(step, t, n, 1, value)),
        rtol=1e-4,
        atol=1e-5,
    )


# Learners, with values known for every combination


def loops(algorithm, ends, num_envs):
    yield DeviceLoop(algorithm, Endings.ending(ends), num_envs, None)
    yield HostLoop(algorithm, NativeOnHost(Endings.ending(ends), num_envs), None)


def learnt(loop, steps, chunk=64):
    rows = []
    run = train(
        loop, loop.init(jax.random.key(0)), steps, chunk, lambda run, metrics: rows.append(metrics) or True
    )
    return run, rows[-1]


TABLES = {
    "QLearning": {},
    "DoubleQLearning": {},
    "ExpectedSARSA": {},
    "SARSA": {},
    "SARSALambda": {"trace_decay": 0.5, "learning_rate": 0.5},
    "DynaQ": {"planning_steps": 2},
    "DynaQ, prioritised": {"planning_steps": 2, "prioritized": True},
    "TD": {"trace_decay": 0.5, "learning_rate": 0.5},
}


@pytest.mark.parametrize(
    ("name", "ends"),
    [
        (name, ends)
        for name in TABLES
        for ends in ENDS
        if ends == "truncated" or name in ("QLearning", "SARSA")
    ],
)
def test_tabular_algorithms_learn_the_values_of_every_combination_of_ends(name, ends):
    kind = next(kind for kind in ALGORITHMS.values() if kind.__name__ == name.split(",")[0])
    algorithm = build(kind, {"learning_rate": 1.0, "gamma": GAMMA} | TABLES[name])
    run, row = learnt(next(loops(algorithm, ends, 16)), 1600)
    state = run.state
    found = state.values if name == "TD" else getattr(state, "q_values", None)
    if name == "DoubleQLearning":
        found = state.tables.mean(0)
    found = np.asarray(found if name == "TD" else found.mean(-1))
    np.testing.assert_allclose(found, Endings.values(ends, GAMMA), atol=1e-3)
    if ends == "never":
        assert row["time/episodes"] == 0
    else:  # a lost life is no end of the game
        assert row["rollout/ep_len_mean"] == 2
        assert row["rollout/ep_rew_mean"] == 1


def test_device_loop_and_host_loop_learn_the_same_where_values_end():
    found = [learnt(loop, 64, 4)[0].state.q_values for loop in loops(QLearning(epsilon=1.0), "truncated", 4)]
    np.testing.assert_array_equal(*found)


class Mind(NamedTuple):
    """What the policy remembers: how many steps it has acted in its episode."""

    steps: jax.Array


class Remembers(Algorithm):
    """Counts the steps of its episodes in its memory, and says the longest count that it has acted with."""

    @property
    def experience(self):
        return Rollout(4)

    def check(self, spec):
        pass

    def init(self, spec, key):
        return jnp.zeros((), jnp.int32)

    def initial_carry(self, state, num_envs):
        return Mind(jnp.zeros(num_envs, jnp.int32))

    def sample_noise(self, spec, key):
        return jnp.zeros(spec.num_envs, jnp.int32)

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        return noise, Mind(carry.steps + 1), carry.steps

    def update(self, state, batch, key, clock):
        assert batch.transition.discount is not None
        return jnp.maximum(state, jnp.max(batch.transition.extras)), {}


@pytest.mark.parametrize(("ends", "longest"), [("terminated", 1), ("truncated", 1), ("never", 31)])
def test_reset_carry_is_at_the_end_of_a_game_only(ends, longest):
    for loop in loops(Remembers(), ends, 8):
        assert int(learnt(loop, 256, 8)[0].state) == longest


# Gymnasium


class Game(gym.Env):
    """Two lives, one of which is lost at every third step; the game ends with the last, or is cut after five steps."""

    observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, limit=100):
        self.limit = limit

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {"lives": 2}

    def step(self, action):
        self.t += 1
        lives = 2 - self.t // 3
        return np.zeros(1, np.float32), 1.0, lives == 0, self.t >= self.limit, {"lives": lives}


def steps_of(environments, count=8):
    environments.reset(jax.random.key(0))
    return [environments.step(np.zeros(environments.spec.num_envs, np.int32)) for _ in range(count)]


@pytest.mark.parametrize("vector", [False, True], ids=["one by one", "a vector environment"])
def test_discount_of_gymnasium_is_0_where_a_life_is_lost(vector):
    def make(limit=100):
        return LifeLoss().gymnasium(Game(limit))

    if vector:
        made = SyncVectorEnv([make, make], autoreset_mode=AutoresetMode.SAME_STEP)
        environments = VectorEnvironments(made)
    else:
        environments = SingleEnvironments([make(), make()])
    assert environments.spec.discounted
    steps = steps_of(environments)
    for column in (0, 1):
        assert [float(step.discount[column]) for step in steps] == [1, 1, 0, 1, 1, 0, 1, 1]
        assert [bool(step.terminated[column]) for step in steps] == [False] * 5 + [True] + [False] * 2


def test_discount_of_a_native_environment_reaches_gymnasium():
    environments = SingleEnvironments([as_gymnasium(Endings.ending("truncated")) for _ in range(8)])
    steps = steps_of(environments, 4)
    for before, step in itertools.pairwise(steps):
        np.testing.assert_array_equal(
            step.discount, np.array(Endings.DISCOUNTS).reshape(-1)[before.observation]
        )


def test_discount_that_is_wrong_is_refused_with_its_remedy():
    class Wrong(Game):
        def reset(self, *, seed=None, options=None):
            return super().reset(seed=seed)[0], {"discount": 1.0}

        def step(self, action):
            return *super().step(action)[:-1], {"discount": 2.0} if self.t == 2 else {}

    environments = SingleEnvironments([Wrong()])
    with pytest.raises(EnvironmentFault, match=r'info\["discount"\] is None after a step.*from 0 to 1'):
        steps_of(environments)
    with pytest.raises(ValueError, match=r'gives no info\["lives"\].*Leave the wrapper out'):
        LifeLoss().gymnasium(gym.make("CartPole-v1")).reset()
    with pytest.raises(ValueError, match=r"LifeLoss needs .* native"):
        LifeLoss().native(Endings.ending("never"))


def test_discount_of_repeated_steps_is_the_product():
    environment = Repeat(2).native(Endings.ending("never"))
    state = environment.reset(jnp.full(2, 2))
    state, *_ = environment.step(state, jnp.zeros((), jnp.int32), jnp.zeros((2,), jnp.int32))
    assert environment.discount(state) == 0  # 1 and then 0
    state = environment.reset(jnp.full(2, 3))
    state, *_ = environment.step(state, jnp.zeros((), jnp.int32), jnp.zeros((2,), jnp.int32))
    assert environment.discount(state) == 0.5
