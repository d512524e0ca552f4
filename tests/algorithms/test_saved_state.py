"""A state that was written and read acts as before, and its next update is the same to the last bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.algorithms.policy_gradient.a2c import A2C
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.policy_gradient.trpo import TRPO
from operant.algorithms.value.dqn import DQN
from operant.engine.files import load_tree, save_tree
from operant.networks import Network
from operant.spaces import Box, Discrete
from operant.types import Batch, Clock, EnvSpec, Transition

RNG = np.random.default_rng(0)
T, N = 4, 3
SPEC = EnvSpec("Test", Box(-1.0, 1.0, (3,)), Discrete(2), num_envs=N)
NORMALIZED = {
    "normalize_observations": True,
    "normalize_rewards": True,
    "learning_rate": 0.01,
    "network": Network(hidden_sizes=(8,), initialization="uniform"),
}


def rollout(*leading):
    def normal(*shape):
        return jnp.asarray(2 + 3 * RNG.normal(size=shape), jnp.float32)

    nothing = jnp.zeros(leading, bool)
    action = jnp.asarray(RNG.integers(0, 2, leading), jnp.int32)
    return Transition(normal(*leading, 3), action, normal(*leading), nothing, nothing, normal(*leading, 3))


@pytest.mark.parametrize(
    ("algorithm", "shape"),
    [
        (PPO(n_steps=T, batch_size=6, n_epochs=2, **NORMALIZED), (T, N)),
        (A2C(n_steps=T, **NORMALIZED), (T, N)),
        (TRPO(n_steps=T, batch_size=6, **NORMALIZED), (T, N)),
        (DQN(target_update_interval=10, **NORMALIZED), (8,)),
    ],
    ids=["ppo", "a2c", "trpo", "dqn"],
)
def test_load_tree_gives_back_actions_and_the_next_update(algorithm, shape, tmp_path):
    @jax.jit
    def update(state, batch, step):
        clock = Clock(step, jnp.asarray(100, jnp.int32))
        return algorithm.update(state, batch, jax.random.fold_in(jax.random.key(1), step), clock)

    @jax.jit
    def greedy(state, observation):
        return algorithm.act(state, observation, None, (), None, None, explore=False)[0]

    batches = [Batch(rollout(*shape), jnp.ones(shape)) for _ in range(2)]
    before = algorithm.init(SPEC, jax.random.key(0))
    before = algorithm.update_statistics(before, rollout(T, N))
    before, _ = update(before, batches[0], jnp.asarray(10, jnp.int32))

    save_tree(tmp_path / "state.safetensors", before, {})
    after = load_tree(tmp_path / "state.safetensors", algorithm.init(SPEC, jax.random.key(7)))
    observation = 2 + 3 * RNG.normal(size=(200, 3)).astype(np.float32)
    np.testing.assert_array_equal(greedy(before, observation), greedy(after, observation))
    futures = [update(state, batches[1], jnp.asarray(12, jnp.int32)) for state in (before, after)]
    for one, other in zip(*map(jax.tree.leaves, futures), strict=True):
        np.testing.assert_array_equal(one, other)
    # Each part matters: with any one of them as in a fresh state, the future is another.
    fresh = algorithm.init(SPEC, jax.random.key(0))
    for part in ("network", "optimizer", "normalizer"):
        forgetful = replace(before, **{part: getattr(fresh, part)})
        future = update(forgetful, batches[1], jnp.asarray(12, jnp.int32))
        same = [
            np.array_equal(a, b) for a, b in zip(*map(jax.tree.leaves, (futures[0], future)), strict=True)
        ]
        assert not all(same), part


def test_load_reads_a_recurrent_network_with_the_names_of_operant_0_1():
    agent = operant.load(Path(__file__).parent / "old_files" / "recurrent.safetensors")
    network = agent.state.network
    assert len(network.core.cells) == len(network.critic_core.cells) == 2
    observation = np.asarray([0.1, 0.2, -0.05, 0.3], np.float32)
    np.testing.assert_allclose(agent.action_probabilities(observation), [0.49947223, 0.50052774], rtol=1e-5)
    np.testing.assert_allclose(agent.value(observation), -0.0044171875, rtol=1e-4)
