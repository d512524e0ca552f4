"""Learners with hyperparameters of their own learn, to the last bit, what learners learn that all have these."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.algorithms import registry
from operant.algorithms.varied import Varied, VariedState, apart, as_traced, differing
from operant.engine.device import DeviceLoop
from operant.engine.files import leaf_names
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.engine.train_state import Stream, stream
from operant.envs import gymnasium
from operant.envs.classic.cartpole import CartPole
from operant.envs.gridworld import GridWorld
from operant.ops.seeds import keys_of
from operant.types import Clock

SMALL = {"network": {"hidden_sizes": (8,), "initialization": "uniform"}}
PPO = {**SMALL, "n_steps": 16, "batch_size": 32, "n_epochs": 2}
DQN = {**SMALL, "buffer_size": 200, "learning_starts": 32, "batch_size": 8, "priority": True}
NUM_ENVS, TOTAL = 2, 128
SEEDS = (3, 4)


def build(name: str, **values: Any):
    return registry.build(registry.algorithm(name), values)


def loop_of(kind: str, algorithm: Any, learners: int):
    if kind == "table":
        return DeviceLoop(algorithm, GridWorld(), NUM_ENVS, learners)
    if kind == "host":
        return HostLoop(algorithm, gymnasium.make("CartPole-v1", NUM_ENVS * learners), learners)
    return DeviceLoop(algorithm, CartPole(), NUM_ENVS, learners)


def trained(loop: Any, run: Any):
    rows: list[dict[str, Any]] = []
    run = train(loop, run, TOTAL, 2, lambda run, metrics: rows.append(metrics) or True)
    return run, rows[-1]


def arrays(tree: Any) -> dict[str, np.ndarray]:
    def plain(x: Any) -> Any:
        return jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x

    return dict(zip(leaf_names(tree), (np.array(plain(x)) for x in jax.tree.leaves(tree)), strict=True))


CASES = [
    pytest.param(
        "table", "q-learning", {}, [{"learning_rate": 0.1, "epsilon": 0.5}, {"learning_rate": 0.9, "epsilon": 0.1}],
        id="table",
    ),
    pytest.param(
        "device", "ppo", PPO,
        [{"learning_rate": "linear:1e-3:0", "gamma": 0.9}, {"learning_rate": "linear:3e-3:1e-4", "gamma": 0.99}],
        id="ppo",
    ),
    pytest.param("host", "ppo", PPO, [{"clip_range": 0.1}, {"clip_range": 0.3}], id="host", marks=pytest.mark.slow),
    pytest.param(
        "device", "dqn", DQN,
        [{"gamma": 0.9, "exploration_final_eps": 0.5}, {"gamma": 0.99, "exploration_final_eps": 0.1}],
        id="replay", marks=pytest.mark.slow,
    ),
    pytest.param(
        "device", "ppo", {**PPO, "objective": "kl", "network": {**SMALL["network"], "memory": "gru"}},
        [{"kl_coef": 0.5}, {"kl_coef": 2.0}], id="numbers-of-init", marks=pytest.mark.full,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name", "shared", "values"), CASES)
def test_varied_learners_learn_what_learners_with_their_numbers_learn(kind, name, shared, values):
    """Each of two settings has two seeds; next to them, four learners that all have one of the settings."""
    algorithms = [build(name, **shared, **each) for each in values]
    varied = Varied(algorithms[0], differing(algorithms))
    numbers = tuple(np.repeat(each, len(SEEDS)) for each in varied.numbers_of(algorithms))
    keys = keys_of(SEEDS * len(values))
    loop = loop_of(kind, varied, len(keys))
    run = loop.init(keys)
    begin = jax.vmap(lambda own, key: varied.begin(loop.spec, stream(key, Stream.INIT), own))
    run = eqx.tree_at(lambda r: r.state, run, jax.jit(begin)(numbers, keys))
    run, row = trained(loop, run)
    alone = loop_of(kind, algorithms[0], len(keys))
    for index, algorithm in enumerate(algorithms):
        alone.exchange(algorithm)
        alone_run, alone_row = trained(alone, alone.init(keys))
        own = slice(index * len(SEEDS), (index + 1) * len(SEEDS))
        for expected, found in ((alone_run.state, run.state.learner), (alone_run.statistics, run.statistics)):
            for leaf, value in arrays(expected).items():
                np.testing.assert_array_equal(arrays(found)[leaf][own], value[own], err_msg=leaf)
        for metric, value in alone_row.items():
            np.testing.assert_array_equal(row[metric][own], value[own], err_msg=metric)
    np.testing.assert_array_equal(run.state.numbers, numbers)


def test_differing_finds_the_leaves_that_differ():
    algorithms = [build("ppo", learning_rate=rate, gamma=0.9) for rate in (1e-3, 1e-4)]
    (place,) = differing(algorithms)
    assert [jax.tree.leaves(algorithm)[place] for algorithm in algorithms] == [1e-3, 1e-4]
    assert differing(algorithms[:1]) == ()


def test_varied_numbers_are_what_a_program_is_given():
    algorithms = [
        build("ppo", learning_rate=rate, gamma=gamma) for rate, gamma in ((1e-3, 0.9), (1e-4, 0.99))
    ]
    varied = Varied(algorithms[0], differing(algorithms))
    rates, gammas = varied.numbers_of(algorithms)
    assert rates.dtype == gammas.dtype == np.float32
    np.testing.assert_array_equal(rates, np.float32([1e-3, 1e-4]))
    own = varied.by([rates[1], gammas[1]])
    assert (own.learning_rate, own.gamma) == (np.float32(1e-4), np.float32(0.99))
    assert own.gae_lambda == algorithms[0].gae_lambda
    state = varied.init(DeviceLoop(algorithms[0], CartPole(), 2, None).spec, jax.random.key(0))
    assert isinstance(state, VariedState)
    np.testing.assert_array_equal(state.numbers, np.float32([1e-3, 0.9]))


@pytest.mark.parametrize(
    ("leaf", "kind"), [(1.5, np.float32), (3, np.int32), (np.float16(1), np.float16), (True, np.bool_)]
)
def test_as_traced_has_32_bits(leaf, kind):
    assert as_traced(leaf).dtype == kind


SPEC = DeviceLoop(build("ppo", **PPO), CartPole(), NUM_ENVS, None).spec


def same(name: str, shared: dict[str, Any], one: dict[str, Any], other: dict[str, Any]) -> bool:
    return apart(build(name, **shared, **one), SPEC) == apart(build(name, **shared, **other), SPEC)


def test_apart_tells_what_one_program_cannot_train():
    assert same("ppo", PPO, {"gamma": 0.9}, {"gamma": 0.99})
    assert same("ppo", PPO, {"learning_rate": "linear:1:0"}, {"learning_rate": "linear:2:0.5"})
    assert not same("ppo", PPO, {"learning_rate": "linear:1:0"}, {"learning_rate": 1.0})
    assert not same("ppo", PPO, {"target_kl": None}, {"target_kl": 0.1})
    assert not same("ppo", {**SMALL}, {"n_steps": 16}, {"n_steps": 32})
    assert not same("ppo", {}, SMALL, {"network": {"hidden_sizes": (16,)}})


def test_apart_tells_numbers_that_are_used_without_the_state():
    """β of replay by priority is computed of the clock alone, and noise that lasts is a process of its own."""
    assert not same("dqn", DQN, {"priority_beta": 0.4}, {"priority_beta": 0.6})
    repeated = {**DQN, "exploration_repeat": 2.0}
    assert not same("dqn", repeated, {"exploration_final_eps": 0.1}, {"exploration_final_eps": 0.2})
    assert same("dqn", DQN, {"exploration_final_eps": 0.1}, {"exploration_final_eps": 0.2})


def test_varied_answers_with_the_numbers_of_the_state():
    """ε is a number of the state: with 0 the best action is taken, with 1 any."""
    algorithms = [
        build("dqn", **DQN, exploration_initial_eps=eps, exploration_final_eps=eps) for eps in (0.0, 1.0)
    ]
    varied = Varied(algorithms[0], differing(algorithms))
    state = varied.init(SPEC, jax.random.key(0))
    noise = varied.sample_noise(SPEC, jax.random.key(1))
    observation, clock = jnp.ones((NUM_ENVS, 4)), Clock(jnp.int32(0), jnp.int32(10))
    for numbers, algorithm in zip(zip(*varied.numbers_of(algorithms), strict=True), algorithms, strict=True):
        own = VariedState(state.learner, tuple(map(jnp.asarray, numbers)))
        found, _, _ = varied.act(own, observation, None, (), noise, clock, explore=True)
        expected, _, _ = algorithm.act(state.learner, observation, None, (), noise, clock, explore=True)
        np.testing.assert_array_equal(found, expected)
