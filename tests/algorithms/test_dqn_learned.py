"""What DQN's named configurations, and DQN with memory, learn on the probe environments."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.agent import Agent
from operant.algorithms import registry
from operant.algorithms.value.dqn import DQN
from operant.envs import probes
from operant.networks import Network
from operant.networks.noisy import NoisyLinear
from operant.ops.schedules import Linear
from operant.spaces import Discrete
from operant.types import Batch, Clock, Transition

GAMMA = 0.9
SMALL = {
    "learning_rate": Linear(1e-2, 0.0),
    "optimizer_eps": 1e-6,
    "buffer_size": 1_000,
    "learning_starts": 200,
    "train_freq": 1,
    "target_update_interval": 100,
    "gamma": GAMMA,
    "network": Network(hidden_sizes=(16,), activation="relu", initialization="uniform"),
    "n_atoms": 41,
    "v_min": 0.0,
    "v_max": 12.0,
    "n_quantiles": 8,
    "n_target_quantiles": 8,
    "n_policy_quantiles": 8,
    "n_cosines": 8,
}
EXPLORING = {"exploration_fraction": 0.8, "exploration_final_eps": 0.2}


def learnt(name: str, environment, steps: int, **values) -> Agent:
    algorithm = registry.build(DQN, registry.defaults(name) | SMALL | values)
    return Agent(algorithm, environment, num_envs=4).learn(steps, progress_bar=False)


def action_values(agent: Agent, observation) -> np.ndarray:
    network = agent.state.network
    features, _ = network.features(jnp.asarray(observation), network.initial_carry(len(observation)))
    return np.asarray(agent.algorithm.q_values(network, features))


def test_rainbow_bootstraps_a_truncated_episode_from_its_true_successor():
    """Its n steps end with the episode, and its weights' noise is all that explores."""
    agent = learnt("rainbow", probes.TwoStates(), 12_000, held_out_states=100)
    q = action_values(agent, np.array([0, 1], np.int32))
    np.testing.assert_allclose(q, [[9.0, 9.0], [10.0, 10.0]], atol=0.4)
    # A third of the random policy's states are A.
    assert agent.history[-1]["train/average_max_q"] == pytest.approx(9.67, abs=0.4)
    assert agent.history[-1]["rollout/exploration_rate"] == 0


def test_qr_dqn_tells_observations_and_actions_apart():
    agent = learnt("qr-dqn", probes.ObservationActionReward(actions=Discrete(3)), 8_000, **EXPLORING)
    q = action_values(agent, np.array([[-1.0], [1.0]], np.float32))
    np.testing.assert_allclose(q, [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], atol=0.1)


def test_iqn_discounts_stops_at_a_terminal_step_and_never_takes_a_forbidden_action():
    agent = learnt("iqn", probes.Masked(), 8_000, n_step=2, **EXPLORING)
    q = action_values(agent, np.array([0, 1], np.int32))
    best = [q[0, 1], q[1, 1], q[1, 2]]
    np.testing.assert_allclose(best, [1 + GAMMA, 0.0, 1.0], atol=0.15)
    assert agent.evaluate(10).mean == 2.0


def remembering(memory: str) -> float:
    network = replace(SMALL["network"], memory=memory, memory_size=16)
    agent = learnt(
        "dqn", probes.Memory(delay=2), 8_000, network=network, sequence_length=8, burn_in=3, train_freq=2,
        n_step=2, priority=True, **EXPLORING
    )  # fmt: skip
    return agent.evaluate(50).mean


def test_dqn_with_memory_remembers():
    assert remembering("gru") > 0.95


@pytest.mark.slow  # that the probe cannot be solved without memory is its own documentation's word
def test_dqn_without_memory_cannot_remember():
    assert remembering("none") < 0.7


# Noise


def rainbow(**values) -> DQN:
    return registry.build(DQN, registry.defaults("rainbow") | SMALL | values)


SPEC = replace(probes.TwoStates().spec, num_envs=3)
BATCH = Batch(
    Transition(
        observation=jnp.zeros(4, jnp.int32),
        action=jnp.ones(4, jnp.int32),
        reward=jnp.ones(4),
        terminated=jnp.zeros(4, bool),
        truncated=jnp.zeros(4, bool),
        next_observation=jnp.ones(4, jnp.int32),
    ),
    jnp.ones(4),
)


def test_dqn_noise_differs_across_environments_acts_and_seeds_and_is_off_without_exploration():
    algorithm = rainbow(noisy_std=5.0)
    state = jax.jit(lambda key: algorithm.init(SPEC, key))(jax.random.key(0))
    observation = jnp.zeros(3, jnp.int32)
    features, _ = state.network.features(observation, ())

    @jax.jit
    def q(key):
        return algorithm.q_values(state.network, features, algorithm.sample_noise(SPEC, key).weights)

    keys = [jax.random.fold_in(jax.random.key(seed), step) for seed in (0, 1) for step in (0, 1)]
    noisy = np.stack([q(key) for key in keys])  # [acts, environments, actions], all of one observation
    assert len(np.unique(noisy[..., 0])) == 12
    np.testing.assert_array_equal(q(keys[0]), noisy[0])

    mean = algorithm.q_values(state.network, features)
    assert np.ptp(mean[:, 0]) == 0
    many = jnp.zeros(200, jnp.int32)  # with so much noise, some would be taken for another action
    best, _, _ = jax.jit(lambda o: algorithm.act(state, o, None, (), None, None, explore=False))(many)
    np.testing.assert_array_equal(best, np.argmax(mean[0]))


def test_dqn_has_noise_of_its_own_for_each_update_and_network():
    """With weights that stand still losses differ by nothing but the noise of the network that has some."""
    algorithm = rainbow(priority=False, n_step=1)
    state = jax.jit(lambda key: algorithm.init(SPEC, key))(jax.random.key(0))

    @jax.jit
    def loss(network, target, key):
        return algorithm.loss(network, target, state.normalizer, BATCH, key)[0]

    noisy, quiet = state.network, replace(state.network, head=without_noise(state.network.head))
    first, second = jax.random.split(jax.random.key(1))
    assert loss(quiet, quiet, first) == loss(quiet, quiet, second)
    assert loss(noisy, quiet, first) != loss(noisy, quiet, second)
    assert loss(quiet, noisy, first) != loss(quiet, noisy, second)


def without_noise(head):
    def quiet(layer):
        if not isinstance(layer, NoisyLinear):
            return layer
        nothing = (jnp.zeros_like(layer.weight_scale), jnp.zeros_like(layer.bias_scale))
        return replace(layer, weight_scale=nothing[0], bias_scale=nothing[1])

    return jax.tree.map(quiet, head, is_leaf=lambda x: isinstance(x, NoisyLinear))


@pytest.mark.parametrize("distributional", ["categorical", "implicit"])
def test_dqn_with_noise_uses_no_key_twice(distributional):
    algorithm = rainbow(
        distributional=distributional,
        munchausen=True,
        priority=False,
        n_step=1,
        network=replace(SMALL["network"], dropout=0.1),
    )
    state = jax.eval_shape(lambda key: algorithm.init(SPEC, key), jax.random.key(0))
    clock = Clock(jnp.ones((), jnp.int32), jnp.ones((), jnp.int32))

    def act(state, key):
        noise = algorithm.sample_noise(SPEC, key)
        return algorithm.act(state, jnp.zeros(3, jnp.int32), None, (), noise, clock, explore=True)[0]

    with jax.debug_key_reuse(True):
        jax.eval_shape(jax.jit(lambda key: algorithm.init(SPEC, key)), jax.random.key(0))
        jax.eval_shape(jax.jit(act), state, jax.random.key(0))
        jax.eval_shape(
            jax.jit(lambda state, key: algorithm.update(state, BATCH, key, clock)), state, jax.random.key(0)
        )
