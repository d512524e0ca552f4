"""What deep learners make of values that end where episodes do not: `probes.Endings`, whose values are known."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from test_probes_learned import values

from operant.agent import Agent
from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.policy_gradient.a2c import A2C
from operant.algorithms.policy_gradient.impala import IMPALA
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.policy_gradient.reinforce import REINFORCE
from operant.algorithms.value.dqn import DQN
from operant.algorithms.value.pqn import PQN
from operant.envs.probes import Endings
from operant.networks import Network
from operant.ops.schedules import Linear

GAMMA = 0.8
ENDS = ("terminated", "truncated", "never")
TABLE = Network(hidden_sizes=(), initialization="uniform")  # a number for every observation
SHARED = {"gamma": GAMMA, "learning_rate": Linear(0.05, 0.0)}
REPLAY = SHARED | {
    "buffer_size": 2_000,
    "learning_starts": 200,
    "train_freq": 1,
    "target_update_interval": 64,
    "exploration_fraction": 1.0,
    "exploration_final_eps": 1.0,  # what is done is of no consequence there
    "loss_function": "mse",
    "network": TABLE,
}
MEMORY = Network(hidden_sizes=(16,), memory="gru", memory_size=16, initialization="uniform")
KINDS = {  # a change of DQN each, and steps to learn in
    "plain": ({}, 6_000),
    "n_step": ({"n_step": 3}, 6_000),
    "priority": ({"priority": True, "n_step": 2, "double": True}, 6_000),
    "categorical": ({"distributional": "categorical", "v_min": 0.0, "v_max": 4.0, "n_atoms": 41}, 6_000),
    "quantile": ({"distributional": "quantile", "n_quantiles": 8}, 6_000),
    "implicit": (
        {
            "distributional": "implicit",
            "n_quantiles": 8,
            "n_target_quantiles": 8,
            "n_policy_quantiles": 8,
            "n_cosines": 8,
            "network": Network(hidden_sizes=(16,), initialization="uniform"),
            "learning_rate": Linear(0.003, 0.0),
        },
        16_000,
    ),
    "memory": (
        {
            "network": MEMORY,
            "sequence_length": 8,
            "burn_in": 3,
            "n_step": 2,
            "learning_rate": Linear(0.01, 0.0),
        },
        8_000,
    ),
}
ROLLOUTS = {
    "PPO": PPO(n_steps=16, batch_size=64, n_epochs=4, network=TABLE, **SHARED),
    "A2C": A2C(n_steps=5, network=TABLE, **SHARED),
    "IMPALA": IMPALA(n_steps=5, policy_lag=2, network=TABLE, **SHARED),
    "REINFORCE": REINFORCE(n_episodes=64, max_steps=4, baseline=True, network=TABLE, **SHARED),
    "memory": PPO(
        n_steps=16,
        batch_size=64,
        n_epochs=4,
        **SHARED
        | {
            "learning_rate": Linear(0.01, 0.0),
            "network": Network(hidden_sizes=(16,), memory="gru", memory_size=16),
        },
    ),
}

SOFT = SHARED | {
    "buffer_size": 2_000,
    "learning_starts": 200,
    "batch_size": 32,
    "tau": 0.05,
    "ent_coef": 0.0,
    "network": TABLE,
}
SACS = {
    "SAC": SAC(n_step=2, priority=True, **SOFT),
    "TQC": SAC(distributional="quantile", n_quantiles=5, policy_q="mean", **SOFT),
    "memory": SAC(
        **SOFT
        | {
            "network": replace(MEMORY, critic_memory="own"),
            "sequence_length": 8,
            "burn_in": 3,
            "learning_rate": Linear(0.01, 0.0),
        }
    ),
}


def cases(names, default):
    """All combinations: those of `default` are quick enough to be run each time, cut episodes of all others by CI."""
    marks = {ends: pytest.mark.slow if ends == "truncated" else pytest.mark.full for ends in ENDS}
    return [
        pytest.param(name, ends, marks=() if (name, ends) in default else marks[ends])
        for name in names
        for ends in ENDS
    ]


def sequences(ends: str, memory: bool) -> np.ndarray:
    """What the steps of an episode of every kind show, `[T, kinds]`: two, or with memory many, unless it terminates."""
    count = 12 if memory and ends != "terminated" else 2
    return 2 * np.arange(len(Endings.DISCOUNTS))[None] + np.arange(count, dtype=np.int32)[:, None] % 2


def by_observation(values_of_last_two) -> np.ndarray:
    """Values `[2, kinds]` of A and B in the order of observations."""
    return np.asarray(values_of_last_two).T.reshape(-1)


def learnt(algorithm, ends: str, steps: int) -> Agent:
    environment = Endings.ending(ends)
    if ends == "truncated" and algorithm.network.memory != "none":
        # What would follow is remembered differently from all that was ever seen: of two steps nobody could know it.
        environment = Endings(20, ends)
    return Agent(algorithm, environment, num_envs=16).learn(steps, progress_bar=False)


@pytest.mark.parametrize(("kind", "ends"), cases(KINDS, {("plain", "truncated"), ("n_step", "never")}))
def test_dqn_learns_the_values_of_every_combination_of_ends(kind, ends):
    change, steps = KINDS[kind]
    algorithm = DQN(**REPLAY | change)
    agent = learnt(algorithm, ends, steps)
    network, seen = agent.state.network, jnp.asarray(sequences(ends, kind == "memory"))
    carry, found = network.initial_carry(seen.shape[1]), []
    for observation in seen:
        features, carry = network.features(observation, carry)
        found.append(algorithm.q_values(network, features).mean(-1))
    np.testing.assert_allclose(by_observation(found[-2:]), Endings.values(ends, GAMMA), atol=0.1)


@pytest.mark.parametrize(("name", "ends"), cases(["PQN"], {("PQN", "never")}))
def test_pqn_learns_the_values_of_every_combination_of_ends(name, ends):
    algorithm = PQN(n_steps=16, batch_size=64, n_epochs=4, exploration_final_eps=1.0, network=TABLE, **SHARED)
    found = learnt(algorithm, ends, 32_000).q_values(np.arange(8, dtype=np.int32)).mean(-1)
    np.testing.assert_allclose(found, Endings.values(ends, GAMMA), atol=0.1)


@pytest.mark.parametrize(("name", "ends"), cases(SACS, ()))
def test_sac_learns_the_values_of_every_combination_of_ends(name, ends):
    agent = learnt(SACS[name], ends, 16_000)
    seen = jnp.asarray(sequences(ends, name == "memory"))
    carry, found = agent.algorithm.initial_carry(agent.state, seen.shape[1]), []
    for observation in seen:
        known, carry = agent.algorithm.estimates(agent.state, observation, None, carry)
        found.append(known.value)
    np.testing.assert_allclose(by_observation(found[-2:]), Endings.values(ends, GAMMA), atol=0.1)


@pytest.mark.parametrize(("name", "ends"), cases(ROLLOUTS, {("PPO", "truncated")}))
def test_policy_gradient_learns_the_values_of_every_combination_of_ends(name, ends):
    agent = learnt(ROLLOUTS[name], ends, 80_000 if name == "REINFORCE" else 16_000)
    if name != "memory":
        found = values(agent, np.arange(8, dtype=np.int32))
    else:
        seen = jnp.asarray(sequences(ends, True))
        network, carry = agent.state.network, agent.state.network.initial_carry(seen.shape[1])
        _, rows = network.unroll(seen, None, carry, jnp.zeros(seen.shape, bool))
        found = by_observation(rows[-2:])
    np.testing.assert_allclose(found, Endings.values(ends, GAMMA), atol=0.1)
