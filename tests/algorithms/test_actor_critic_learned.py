"""What SAC, TD3, DDPG and TQC learn on probe environments, each in seconds."""

from __future__ import annotations

from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest

from operant.agent import Agent
from operant.algorithms import registry
from operant.envs import probes
from operant.networks import Network
from operant.ops.schedules import Linear
from operant.spaces import Box, Discrete

SMALL = {
    "learning_rate": Linear(1e-2, 0.0),
    "buffer_size": 1_000,
    "learning_starts": 100,
    "batch_size": 32,
    "tau": 0.05,
    "gamma": 0.9,
    "network": Network(hidden_sizes=(16,), activation="relu", initialization="uniform"),
}
UNEVEN = Box((-1.0, 0.0), (3.0, 10.0), (2,))


def learnt(name: str, environment, steps: int, **values) -> Agent:
    cls = registry.algorithm(name)
    small = {key: value for key, value in SMALL.items() if key in cls.__dataclass_fields__}
    algorithm = registry.build(cls, registry.defaults(name) | small | values)
    return Agent(algorithm, environment, num_envs=4).learn(steps, progress_bar=False)


CASES = {
    "sac": {"ent_coef": 0.01},
    "td3": {"action_noise": "normal", "action_noise_sigma": 0.3},
    "ddpg": {"action_noise": "ornstein-uhlenbeck", "action_noise_sigma": 2.0},
    "tqc": {"ent_coef": "auto_0.1", "target_entropy": -4.0, "n_quantiles": 5, "priority": True},
    "crossq": {"ent_coef": 0.01},
    "xqc": {
        "ent_coef": 0.01,
        "n_atoms": 41,
        "v_min": -2.0,
        "v_max": 2.0,
        "normalize_rewards": False,
        "policy_delay": 1,
    },
}


@pytest.mark.parametrize("name", CASES)
def test_actor_critics_find_the_right_action_of_an_uneven_box(name):
    """In one dimension a quarter of the way from low to high, in the other three quarters, and the other way round."""
    # How exact the actions are is a matter of the critics: with 16 units TD3's are off by 0.3 of half the Box.
    network = replace(SMALL["network"], value_hidden_sizes=(32, 32))
    values = CASES[name] | {"learning_rate": Linear(3e-3, 0.0), "network": network}
    agent = learnt(name, probes.ObservationActionReward(actions=UNEVEN), 6_000, **values)
    observations = np.array([[-1.0], [1.0]], np.float32)
    action, _, _ = agent.algorithm.act(
        agent.state, jnp.asarray(observations), None, (), None, None, explore=False
    )
    expected = np.array([probes.right_action(UNEVEN, jnp.asarray(side)) for side in (0, 1)])
    assert (np.abs(action - expected) < 0.2 * np.array([2.0, 5.0])).all()
    assert agent.evaluate(20).mean > 0.96


REMEMBERING = {
    "sac": (Discrete(2), {"ent_coef": 0.01, "n_step": 2, "priority": True}),
    "tqc": (Box(-1.0, 3.0, (1,)), {"ent_coef": 0.01, "n_quantiles": 5}),
    "td3": (Box(-1.0, 3.0, (1,)), CASES["td3"]),
}


@pytest.mark.parametrize(
    "name", ["sac", *(pytest.param(name, marks=pytest.mark.full) for name in REMEMBERING if name != "sac")]
)
def test_actor_critics_with_memory_remember(name):
    """Without memory no policy is paid more than 0.5, and 0.75 in a Box."""
    actions, values = REMEMBERING[name]
    network = replace(SMALL["network"], memory="gru", memory_size=16, critic_memory="own")
    sequences = {"sequence_length": 8, "burn_in": 3, "train_freq": 2, "learning_starts": 200}
    environment = probes.Memory(delay=2, actions=actions)
    agent = learnt(name, environment, 8_000, network=network, **sequences, **values)
    assert agent.evaluate(50).mean > 0.95


def test_tqc_reads_every_part_of_a_composite_observation():
    environment = probes.Senses(size=4, actions=Box(-1.0, 3.0, (3,)))
    network = replace(SMALL["network"], hidden_sizes=(32,), convolutions=())
    values = CASES["tqc"] | {"network": network, "normalize_observations": True}
    assert learnt("tqc", environment, 6_000, **values).evaluate(50).mean > 0.97  # blind to the kind 17/18


def test_sac_of_discrete_actions_never_takes_a_forbidden_one():
    agent = learnt("sac", probes.Masked(), 4_000, ent_coef=0.01)
    assert agent.evaluate(10).mean == 2.0


def test_sac_bootstraps_a_truncated_episode_from_its_true_successor():
    agent = learnt("sac", probes.TwoStates(), 6_000, ent_coef=0.0)
    known, _ = agent.algorithm.estimates(agent.state, jnp.asarray([0, 1], jnp.int32), None, ())
    np.testing.assert_allclose(np.max(known.q_values, -1), [9.0, 10.0], atol=0.3)  # of what it does


def test_sac_learns_by_noise_that_depends_on_the_state():
    environment = probes.ActionReward(actions=Box(-1.0, 3.0, (1,)))
    values = {"use_sde": True, "log_std_init": -1.0, "learning_rate": Linear(3e-3, 0.0), "ent_coef": 0.05}
    # A policy at either bound is paid 0.79 at most.
    assert learnt("sac", environment, 3_000, **values).evaluate(20).mean > 0.85
