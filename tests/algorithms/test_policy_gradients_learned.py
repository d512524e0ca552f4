"""What REINFORCE, A2C, IMPALA and TRPO learn on the probe environments; PPO: `test_probes_learned`."""

from __future__ import annotations

import numpy as np
import pytest
from test_probes_learned import GAMMA, KINDS, SIDES, STEPS, Highest, network, values

from operant.agent import Agent
from operant.algorithms.policy_gradient.a2c import A2C
from operant.algorithms.policy_gradient.impala import IMPALA
from operant.algorithms.policy_gradient.reinforce import REINFORCE
from operant.algorithms.policy_gradient.trpo import TRPO
from operant.envs import probes
from operant.envs.wrappers import TimeLimit
from operant.networks import Network
from operant.ops.schedules import Linear
from operant.spaces import Box, MultiBinary, MultiDiscrete

SHARED = {"gamma": GAMMA, "learning_rate": Linear(1e-2, 0.0), "network": network()}
LEARNERS = {
    "REINFORCE": lambda **values: REINFORCE(
        **({"n_episodes": 64, "max_steps": 4, "baseline": True} | SHARED | values)
    ),
    "A2C": lambda **values: A2C(**({"n_steps": 2} | SHARED | values)),
    "IMPALA": lambda **values: IMPALA(**({"n_steps": 2, "policy_lag": 2} | SHARED | values)),
    "TRPO": lambda **values: TRPO(**({"n_steps": 16, "batch_size": 64, "target_kl": 0.05} | SHARED | values)),
}
NAMES = list(LEARNERS)
DEFAULT = {("REINFORCE", MultiDiscrete), ("TRPO", MultiBinary)}
slow = pytest.mark.slow


def learnt(name: str, environment, steps: int = 16_000, observers=(), **hyperparameters) -> Agent:
    agent = Agent(LEARNERS[name](**hyperparameters), environment, num_envs=16)
    return agent.learn(steps, progress_bar=False, observers=observers)


@pytest.mark.parametrize(
    ("name", "kind"),
    [  # by default two kinds of actions, and by CI all with A2C (PPO learns them all)
        pytest.param(
            name,
            kind,
            marks=() if (name, type(kind)) in DEFAULT else slow if name == "A2C" else pytest.mark.full,
            id=f"{name}-{type(kind).__name__}",
        )
        for name in NAMES
        for kind in KINDS
    ],
)
def test_policy_gradient_tells_observations_and_actions_apart(name, kind):
    agent = learnt(
        name, probes.ObservationActionReward(actions=kind), 32_000 if name in ("A2C", "IMPALA") else 16_000
    )
    right = np.stack([probes.right_action(kind, np.asarray(side)) for side in (0, 1)])
    action = agent.predict(SIDES)
    if isinstance(kind, Box):
        low, high = kind.bounds
        np.testing.assert_allclose(action, right, atol=0.1 * float((high - low).max()))
    else:
        np.testing.assert_array_equal(action, right)
        np.testing.assert_allclose(values(agent, SIDES), 1.0, atol=0.15)


def test_a2c_finds_the_actions_with_state_dependent_exploration():
    kind = KINDS[3]
    environment = probes.ObservationActionReward(actions=kind)
    agent = learnt("A2C", environment, 32_000, use_sde=True, sde_sample_freq=2, log_std_init=-1.0)
    right = np.stack([probes.right_action(kind, np.asarray(side)) for side in (0, 1)])
    low, high = kind.bounds
    np.testing.assert_allclose(agent.predict(SIDES), right, atol=0.1 * float((high - low).max()))


@slow
@pytest.mark.parametrize("name", NAMES)
def test_policy_gradient_values_discount_and_stop_at_a_terminal_step(name):
    agent = learnt(name, probes.DelayedReward())
    np.testing.assert_allclose(values(agent, STEPS), [GAMMA, 1.0], atol=0.05)


@slow
@pytest.mark.parametrize("name", NAMES)
def test_policy_gradient_bootstraps_a_truncated_episode_from_its_true_successor(name):
    agent = learnt(name, probes.TwoStates(), steps=64_000)
    np.testing.assert_allclose(values(agent, np.array([0, 1], np.int32)), [9.0, 10.0], atol=0.5)


@slow
@pytest.mark.parametrize("name", NAMES)
def test_policy_gradient_never_takes_a_forbidden_action(name):
    seen = Highest()
    agent = learnt(name, probes.Masked(), observers=[seen])
    assert seen.reward == 1.0  # a forbidden action pays 10
    masks = np.array([[True, True, False], [False, True, True]])
    np.testing.assert_array_equal(agent.predict(np.array([0, 1]), action_mask=masks), [1, 2])
    assert agent.evaluate(20).mean == 2.0


@slow
def test_reinforce_with_five_units_balances_a_pole_for_200_steps():
    """As published: ten episodes an update, γ 0.95, Adam 0.01."""
    limit = [TimeLimit(200)]
    algorithm = REINFORCE(max_steps=200, network=Network(hidden_sizes=(5,)))
    agent = Agent(algorithm, "CartPole-v1", wrappers=limit, num_envs=10).learn(200_000, progress_bar=False)
    assert agent.evaluate(100).mean > 195


MEMORY = {
    "REINFORCE": {"n_episodes": 128},
    "A2C": {"n_steps": 8, "use_rms_prop": False},
    "IMPALA": {"n_steps": 8, "optimizer": "adam"},
    "TRPO": {"n_steps": 32, "batch_size": 128},
}
REMEMBERED = {("REINFORCE", "gru"), ("A2C", "lstm"), ("IMPALA", "gru")}


def remembered(name: str, kind: str) -> float:
    """The mean return where a cue must be remembered for three steps; without memory at most 0.5."""
    agent = learnt(
        name,
        probes.Memory(delay=3),
        steps=120_000,
        network=Network(hidden_sizes=(16,), memory=kind, memory_size=16),
        **MEMORY[name],
    )
    return agent.evaluate(100).mean


@pytest.mark.parametrize(
    ("name", "kind"),
    [  # CI learns with each kind of memory, and TRPO, which takes the longest, not at all
        pytest.param(name, kind, marks=slow if (name, kind) in REMEMBERED else pytest.mark.full)
        for name in NAMES
        for kind in ("gru", "lstm")
    ],
)
def test_policy_gradient_with_memory_remembers_three_steps(name, kind):
    assert remembered(name, kind) > 0.95


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=slow if name == "A2C" else pytest.mark.full) for name in NAMES]
)
def test_policy_gradient_without_memory_cannot_remember(name):
    assert remembered(name, "none") < 0.7
