"""Policies of a Box act in units of it: they reach all of it and learn there, and old files keep their units."""

from __future__ import annotations

import json
from pathlib import Path

import jax
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms import registry
from operant.algorithms.policy_gradient.a2c import A2C
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.policy_gradient.reinforce import REINFORCE
from operant.algorithms.policy_gradient.trpo import TRPO
from operant.algorithms.search.ars import ARS
from operant.envs import probes
from operant.networks import Network
from operant.spaces import Box
from operant.types import Clock, EnvSpec

OLD = Path(__file__).parent / "old_files"
WIDE = Box((0.0, 0.0, -5.0), (1000.0, 10.0, 1.0), (3,))
SPEC = EnvSpec("test", Box(-1.0, 1.0, (2,)), WIDE, num_envs=500)
SMALL = Network(hidden_sizes=(4,))


@pytest.mark.parametrize("algorithm", [PPO, A2C, TRPO, REINFORCE])
@pytest.mark.parametrize("use_sde", [False, True])
def test_scale_actions_lets_the_first_policy_cover_the_space(algorithm, use_sde):
    learner = algorithm(use_sde=use_sde, log_std_init=-0.5, network=SMALL)
    state, observation = learner.init(SPEC, jax.random.key(0)), np.ones((500, 2), np.float32)
    clock = Clock(np.int32(0), np.int32(1))
    noise = learner.sample_noise(SPEC, jax.random.key(1))
    action = np.asarray(learner.act(state, observation, None, (), noise, clock, explore=True)[0])
    low, high = WIDE.bounds
    inside = (action > low) & (action < high)
    assert inside.mean() > 0.7
    quarters = np.floor(4 * (action - low) / (high - low))
    assert all(((quarters == quarter).mean(0) > 0.05).all() for quarter in range(4))
    best = np.asarray(learner.act(state, observation, None, (), None, clock, explore=False)[0])
    np.testing.assert_allclose(best[0], (low + high) / 2, atol=0.05 * (high - low).max())
    plain = registry.build(algorithm, {"scale_actions": False, "network": SMALL})
    action = plain.act(
        plain.init(SPEC, jax.random.key(0)),
        observation,
        None,
        (),
        plain.sample_noise(SPEC, jax.random.key(1)),
        clock,
        explore=True,
    )[0]
    assert np.abs(action).max() < 10


def test_estimates_of_ppo_are_of_actions_as_the_environment_takes_them():
    learner = PPO(network=SMALL)
    state, observation = learner.init(SPEC, jax.random.key(0)), np.ones((500, 2), np.float32)
    estimates, _ = learner.estimates(state, observation, None, ())
    clock = Clock(np.int32(0), np.int32(1))
    best, _, _ = learner.act(state, observation, None, (), None, clock, explore=False)
    np.testing.assert_allclose(estimates.distribution.mode(), best, rtol=1e-6)
    assert estimates.value.shape == (500,)
    assert estimates.q_values is None
    assert (
        REINFORCE().estimates(REINFORCE().init(SPEC, jax.random.key(0)), observation, None, ())[0].value
        is None
    )


def test_ppo_learns_in_a_box_from_0_to_1000():
    """Far from 0 and off its middle: the random policy is paid 0.42, and one in other units −1.2."""
    environment = probes.ActionReward(actions=Box(0.0, 1000.0, (1,)))
    values = {"n_steps": 16, "batch_size": 64, "n_epochs": 4, "learning_rate": 0.02, "network": SMALL}
    agent = Agent(PPO(**values), environment, num_envs=16).learn(4096, progress_bar=False)
    assert float(agent.predict(np.ones(1, np.float32))[0]) == pytest.approx(750, abs=75)
    plain = Agent(PPO(scale_actions=False, **values), environment, num_envs=16).learn(
        4096, progress_bar=False
    )
    assert float(plain.predict(np.ones(1, np.float32))[0]) < 100


@pytest.mark.parametrize("use_sde", [False, True])
def test_squash_output_keeps_actions_inside_and_learns(use_sde):
    values = {"n_steps": 16, "batch_size": 64, "n_epochs": 4, "learning_rate": 0.02, "network": SMALL}
    learner = PPO(
        use_sde=use_sde, sde_sample_freq=4 if use_sde else -1, squash_output=True, log_std_init=0.5, **values
    )
    state, clock = learner.init(SPEC, jax.random.key(0)), Clock(np.int32(0), np.int32(1))
    noise = learner.sample_noise(SPEC, jax.random.key(1))
    observation = np.ones((500, 2), np.float32)
    action = np.asarray(learner.act(state, observation, None, (), noise, clock, explore=True)[0])
    low, high = WIDE.bounds
    assert ((action >= low) & (action <= high)).all()
    environment = probes.ActionReward(actions=Box(0.0, 1000.0, (1,)))
    agent = Agent(learner, environment, num_envs=16).learn(4096, progress_bar=False)
    assert float(agent.predict(np.ones(1, np.float32))[0]) == pytest.approx(750, abs=75)


def test_full_std_and_use_expln_choose_the_deviations_of_ppo():
    """One for each feature, the same for all elements, and growing as expln."""
    learner = PPO(use_sde=True, full_std=False, use_expln=True, log_std_init=2.0, network=SMALL)
    state = learner.init(SPEC, jax.random.key(0))
    assert state.network.log_std.shape == (4, 1)
    policy = learner.estimates(state, np.ones((500, 2), np.float32), None, ())[0].distribution.base
    np.testing.assert_allclose(np.exp(policy.log_std), np.full((4, 3), np.log1p(2.0) + 1), rtol=1e-5)
    np.testing.assert_allclose(learner.report(state)["train/std"], np.log1p(2.0) + 1, rtol=1e-5)


@pytest.mark.parametrize(
    ("values", "space", "reason"),
    [
        ({"full_std": False}, WIDE, "full_std=False: must be True without use_sde"),
        ({"use_expln": True}, WIDE, "use_expln=True: must be False without use_sde"),
        (
            {"squash_output": True, "scale_actions": False},
            WIDE,
            "squash_output=True: must be False without scale_act",
        ),
        (
            {"squash_output": True},
            Box(0.0, np.inf, (2,)),
            r"squash_output=True keeps .*; test has Box\(2\) without bou",
        ),
    ],
)
def test_ppo_refuses_options_of_actions_that_do_not_fit(values, space, reason):
    with pytest.raises(ValueError, match=reason):
        PPO(**values).check(EnvSpec("test", Box(-1.0, 1.0, (2,)), space))


def test_ars_acts_in_units_of_the_box():
    learner = ARS(n_delta=2)
    spec = EnvSpec("test", Box(-1.0, 1.0, (2,)), WIDE, num_envs=4)
    state, observation = learner.init(spec, jax.random.key(0)), np.ones((4, 2), np.float32)
    best, _, _ = learner.act(
        state, observation, None, (), None, Clock(np.int32(0), np.int32(1)), explore=False
    )
    np.testing.assert_array_equal(best[0], [500, 5, -2])


@pytest.mark.parametrize("name", ["ppo", "ars"])
def test_load_reads_old_files_that_act_as_they_did(name):
    """Files from before `scale_actions` do not name it."""
    expected = json.loads((OLD / "actions.json").read_text())
    agent = operant.load(OLD / f"{name}.safetensors")
    assert agent.algorithm.scale_actions is False
    actions = [agent.predict(np.asarray(seen, np.float32)) for seen in expected["observations"]]
    np.testing.assert_allclose(actions, expected["actions"][name], rtol=1e-5)
    assert registry.restore(type(agent.algorithm), registry.to_json(agent.algorithm)).scale_actions is False
    assert registry.restore(PPO, registry.to_json(PPO())).scale_actions is True
