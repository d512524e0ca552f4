"""What the methods share: whose candidate plays where, what its fitness is, and what is known, saved and resumed."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms.registry import ALGORITHMS
from operant.algorithms.search.ars import ARS
from operant.algorithms.search.cem import CEM
from operant.algorithms.search.policy import ConstantPolicy, Policy, Shape
from operant.algorithms.search.search import PolicySearch
from operant.engine import collect
from operant.engine.chunk import begin
from operant.engine.files import load_tree, save_tree
from operant.engine.train_state import initial_state
from operant.envs import probes
from operant.envs.classic.cartpole import CartPole
from operant.networks import Network
from operant.ops.schedules import Linear
from operant.spaces import Box, Discrete, MultiBinary, MultiDiscrete
from operant.types import Batch, Clock, EnvSpec, Transition
from tests.shared import clock

RNG = np.random.default_rng(0)
KINDS = (Discrete(3), MultiDiscrete((2, 3)), MultiBinary(3), Box((-1.0, 0.0), (3.0, 1.0), (2,)))
METHODS = {name: cls for name, cls in ALGORITHMS.items() if issubclass(cls, PolicySearch)}
NOW = clock(50)


def spec_of(environment, algorithm):
    return replace(environment.spec, num_envs=algorithm.default_num_envs)


# Whose candidate plays where


@pytest.fixture(scope="module")
def generation():
    """Two episodes of each of four candidates, whose observations are normalised; weights far from 0."""
    algorithm = ARS(n_delta=2, n_eval_episodes=2, max_steps=12, delta_std=2.0, normalize_observations=True)
    environment = CartPole()
    spec = spec_of(environment, algorithm)

    @jax.jit
    def play(key):
        run = begin(algorithm, environment, spec, initial_state(algorithm, spec, key), key)
        seen = Transition(5 + 2 * jax.random.normal(key, (9, 4, 4)), *[jnp.zeros((9, 4))] * 5)
        flags = jnp.zeros((9, 4), bool)
        run = eqx.tree_at(
            lambda r: r.state,
            run,
            algorithm.update_statistics(run.state, replace(seen, terminated=flags, truncated=flags)),
        )
        return run.state, collect.episodes(algorithm, environment, spec, run, algorithm.experience)[1]

    return algorithm, *jax.device_get(play(jax.random.key(0)))


def test_policy_search_has_each_candidate_play_its_own_episodes(generation):
    """The linear policy, one step at a time: argmax of Wᵀ(x − mean)/deviation + b."""
    _, state, tape = generation
    moments = state.normalizer.observation[0]
    assert tape.action.shape == (12, 8)
    different = 0
    for column in range(8):
        parameters = state.candidates[column % 4]
        weight, bias = parameters[:8].reshape(4, 2), parameters[8:]
        for t in np.flatnonzero(tape.valid[:, column]):
            x = np.clip((tape.observation[t, column] - moments.mean) / np.sqrt(moments.variance), -10, 10)
            assert tape.action[t, column] == np.argmax(x @ weight + bias)
            different += tape.action[t, column] != tape.action[t, (column + 1) % 4]
    assert different > 5


def test_policy_search_fitness_is_the_mean_return_of_a_candidates_episodes(generation):
    algorithm, _, tape = generation
    weight = tape.valid.astype(np.float32)
    reward = np.where(tape.valid, RNG.normal(size=(12, 8)), 100.0).astype(
        np.float32
    )  # padding counts for nothing
    for offset in (0.0, -1.0):
        fitness = replace(algorithm, alive_bonus_offset=offset).fitness(
            Batch(replace(tape, reward=reward), weight)
        )
        for i in range(4):
            returns = [
                sum(reward[t, column] + offset for t in range(12) if tape.valid[t, column])
                for column in (i, i + 4)
            ]
            np.testing.assert_allclose(fitness[i], np.mean(returns), rtol=1e-5)


def test_policy_search_update_tells_the_method_and_asks_it_for_the_next(generation):
    algorithm, state, tape = generation
    batch = Batch(tape, tape.valid.astype(np.float32))
    key = jax.random.key(1)
    after, metrics = jax.jit(algorithm.update)(state, batch, key, NOW)
    fitness = algorithm.fitness(batch)
    told, _ = algorithm.tell(state.method, state.candidates, fitness, state.asked)
    np.testing.assert_allclose(after.method.theta, told.theta, rtol=1e-5)
    np.testing.assert_allclose(after.candidates, algorithm.ask(told, key, NOW), rtol=1e-5)
    assert after.asked.step == 50
    np.testing.assert_allclose(
        [metrics[f"train/fitness_{name}"] for name in ("mean", "std", "max")],
        [np.mean(fitness), np.std(fitness), np.max(fitness)],
        rtol=1e-5,
    )


def test_policy_search_plays_any_number_of_environments_outside_training(generation):
    """The best known policy, or with `explore` candidates spread over them."""
    algorithm, state, _ = generation
    observation = RNG.normal(size=(6, 4)).astype(np.float32)
    action, _, _ = algorithm.act(state, observation, None, (), None, NOW, explore=True)
    own = [algorithm.act(state, np.stack([x] * 4), None, (), None, NOW, explore=True)[0] for x in observation]
    assert [int(a) for a in action] == [int(own[i][i * 4 // 6]) for i in range(6)]
    best, _, _ = algorithm.act(state, observation, None, (), None, NOW, explore=False)
    alone = replace(state, candidates=jnp.stack([state.method.theta] * 4))
    np.testing.assert_array_equal(
        best, algorithm.act(alone, observation, None, (), None, NOW, explore=True)[0]
    )


# Which policies are searched


def test_policy_is_a_vector_and_back():
    algorithm = CEM(network=Network(hidden_sizes=(3,), memory="gru", memory_size=2))
    state = algorithm.init(spec_of(CartPole(), algorithm), jax.random.key(0))
    vector = jnp.arange(float(state.shape.size))
    policy = state.shape.policy(vector)
    assert Shape.of(policy) == state.shape
    np.testing.assert_array_equal(state.shape.vector(policy), vector)
    many = state.shape.policy(jnp.stack([vector, -vector]))
    np.testing.assert_array_equal(state.shape.vector(jax.tree.map(lambda x: x[1], many)), -vector)


@pytest.mark.parametrize(
    "kind",
    [
        kind if isinstance(kind, Discrete | Box) else pytest.param(kind, marks=pytest.mark.slow)
        for kind in KINDS
    ],
    ids=lambda kind: type(kind).__name__,
)
def test_cem_tells_observations_and_actions_apart_for_every_kind_of_action(kind):
    algorithm = CEM(population_size=60, elite_fraction=0.2, max_steps=1, n_eval_episodes=8)
    agent = Agent(algorithm, probes.ObservationActionReward(actions=kind))
    agent.learn(12_000, progress_bar=False)
    sides = np.array([[-1.0], [1.0]], np.float32)
    right = np.stack([probes.right_action(kind, jnp.asarray(side)) for side in (0, 1)])
    if isinstance(kind, Box):
        np.testing.assert_allclose(agent.predict(sides), right, atol=0.3)
    else:
        np.testing.assert_array_equal(agent.predict(sides), right)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: type(kind).__name__)
def test_constant_policy_does_the_same_whatever_it_sees(kind):
    policy = ConstantPolicy.build(EnvSpec("Test", Box(-1, 1, (3,)), kind))
    policy = eqx.tree_at(
        lambda p: p.outputs, policy, jnp.asarray([0.5, -0.5, 2.0, 0.0, 1.0])[: len(policy.outputs)]
    )
    action, _ = policy.act(RNG.normal(size=(4, 3)), None, ())
    expected = {
        "Discrete": 2,
        "MultiDiscrete": [0, 0],
        "MultiBinary": [1, 0, 1],
        "Box": [2.0, 0.25],  # three quarters and one quarter of the way from low to high
    }[type(kind).__name__]
    np.testing.assert_allclose(action, np.broadcast_to(expected, np.shape(action)))
    assert list(policy.quantities()) == (
        ["search/action_0", "search/action_1"] if isinstance(kind, Box) else []
    )


def test_cem_never_takes_a_forbidden_action():
    agent = Agent(CEM(population_size=20, elite_fraction=0.2, max_steps=4), probes.Masked())
    seen = []
    agent.learn(800, progress_bar=False, observers=[Watcher(seen)])
    assert max(seen) == 1.0  # a forbidden action pays 10
    assert agent.evaluate(20).mean == 2.0


class Watcher:
    """Remembers the highest reward of each chunk."""

    def __init__(self, seen):
        self.seen = seen

    def __call__(self, transition):
        self.seen.append(float(transition.reward.max()))

    def close(self): ...


@pytest.mark.slow
def test_cem_finds_a_policy_that_remembers():
    algorithm = CEM(
        population_size=100,
        n_eval_episodes=16,
        max_steps=4,
        extra_std=Linear(1.0, 0.0),
        network=Network(hidden_sizes=(), memory="gru", memory_size=3),
    )
    agent = Agent(algorithm, probes.Memory(delay=2)).learn(160_000, progress_bar=False)
    assert agent.remembers
    assert agent.evaluate(100).mean > 0.9  # without memory: 0.5


class Threshold(Policy):
    """A policy of the user's own, of two parameters: to the right where a weighted sum is positive."""

    weights: jax.Array

    def act(self, observation, action_mask, carry):
        return (observation[:, 2:] @ self.weights > 0).astype(jnp.int32), carry


def test_grid_search_takes_a_policy_of_the_users_own_as_it_is(tmp_path):
    policy = Threshold(jnp.asarray([0.0, 0.0]))
    agent = operant.GridSearch("CartPole-v1", network=policy, resolution=5, population_size=25, max_steps=200)
    agent.learn(1, progress_bar=False)  # the whole grid at once
    assert agent.evaluate(20).mean > 150  # pole angle and its velocity are enough
    assert agent.state.method.count.tolist() == [1.0] * 25
    agent.save(tmp_path / "model.safetensors")
    again = operant.load(tmp_path / "model.safetensors", network=policy)
    assert again.evaluate(5).returns.tolist() == agent.evaluate(5).returns.tolist()


# Saved, resumed, many, on the host


@pytest.mark.parametrize("name", METHODS)
def test_policy_search_goes_on_the_same_from_a_state_that_was_written_and_read(name, tmp_path):
    sizes = {"n_delta": 2} if name == "ars" else {"population_size": 4}
    special = {
        "cem": {"elite_fraction": 0.5},
        "genetic": {"n_survivors": 2},
        "grid-search": {"resolution": 2},
    }
    algorithm = METHODS[name](**sizes, **special.get(name, {}), max_steps=8, normalize_observations=True)
    environment = probes.ObservationReward()
    spec = spec_of(environment, algorithm)
    rewards = [jnp.asarray(RNG.normal(size=(1, 4)), jnp.float32) for _ in range(2)]
    flags = jnp.zeros((1, 4), bool)
    observation = jnp.asarray(RNG.normal(size=(1, 4, 1)), jnp.float32)

    @jax.jit
    def once(state, reward, step):
        tape = Transition(observation, None, reward, ~flags, flags, observation)
        clock = Clock(step, jnp.asarray(100, jnp.int32))
        key = jax.random.fold_in(jax.random.key(1), step)
        state, _ = algorithm.update(state, Batch(tape, jnp.ones((1, 4))), key, clock)
        return algorithm.update_statistics(state, tape)

    before = once(algorithm.init(spec, jax.random.key(0)), rewards[0], 10)
    save_tree(tmp_path / "state.safetensors", before, {})
    after = load_tree(tmp_path / "state.safetensors", algorithm.init(spec, jax.random.key(7)))
    for one, other in zip(
        *(jax.tree.leaves(once(state, rewards[1], 20)) for state in (before, after)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_ars_is_resumed_to_the_last_bit_and_seeds_are_learners_of_their_own(tmp_path):
    def agent():
        algorithm = ARS(n_delta=2, max_steps=64, normalize_observations=True, learning_rate=Linear(0.1, 0.0))
        return Agent(algorithm, "CartPole-v1", seeds=[3, 4])

    whole = agent().learn(1_500, progress_bar=False)
    agent().learn(1_500, lambda progress: progress.step < 500, progress_bar=False, run_dir=tmp_path / "run")
    resumed = Agent.resume(tmp_path / "run", progress_bar=False)
    assert resumed.step == whole.step >= 1_500
    for one, other in zip(*(jax.tree.leaves(a.state) for a in (whole, resumed)), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(*whole.state.method.theta)


def test_cem_plays_a_copy_of_a_gymnasium_environment_for_each_candidate():
    agent = operant.CEM(
        "CartPole-v1",
        preset=None,
        backend="gymnasium",
        population_size=10,
        elite_fraction=0.2,
        max_steps=100,
        extra_std=0.5,
    )
    assert agent.num_envs == 10
    agent.learn(3_000, progress_bar=False)
    assert agent.evaluate(10).mean > 50  # the random policy: 22


# What is refused


def test_cem_needs_an_environment_for_every_candidate():
    with pytest.raises(
        ValueError, match=r"CEM plays each of its 100 candidates .* num_envs=8\. Leave num_envs out"
    ):
        operant.CEM("CartPole-v1", preset=None, num_envs=8)
    assert operant.ARS("CartPole-v1", preset=None, num_envs=16).num_envs == 16


def test_grid_search_refuses_a_grid_that_is_too_large():
    with pytest.raises(
        ValueError, match="resolution=5 in 10 parameters has 9,765,625 points; at most 1,000,000"
    ):
        operant.GridSearch("CartPole-v1")
    assert operant.GridSearch("CartPole-v1", resolution=3).state.method.total.shape == (3**10,)


@pytest.mark.parametrize("name", METHODS)
def test_policy_search_uses_no_key_twice(name):
    algorithm = METHODS[name](**({"resolution": 2} if name == "grid-search" else {}))
    spec = spec_of(probes.ObservationReward(), algorithm)
    state = jax.eval_shape(lambda key: algorithm.init(spec, key), jax.random.key(0))
    tape = Transition(None, None, *[jnp.zeros((2, spec.num_envs))] * 3, None)
    batch = Batch(tape, jnp.ones((2, spec.num_envs)))
    with jax.debug_key_reuse(True):
        jax.eval_shape(jax.jit(lambda key: algorithm.init(spec, key)), jax.random.key(0))
        jax.eval_shape(jax.jit(lambda s, key: algorithm.update(s, batch, key, NOW)), state, jax.random.key(0))


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"grid-search"}))  # a grid is the same for everybody
def test_policy_search_of_another_seed_tries_other_candidates(name):
    algorithm = METHODS[name]()
    spec = spec_of(probes.ObservationReward(), algorithm)
    one, other = (algorithm.init(spec, jax.random.key(seed)).candidates for seed in (0, 1))
    assert not np.isin(one, other).any()
