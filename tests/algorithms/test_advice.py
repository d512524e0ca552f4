"""What is allowed and probably not meant is said once, before training; what cannot be had is refused in a line."""

from __future__ import annotations

import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.actor_critic.td3 import TD3
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.policy_gradient.trpo import TRPO
from operant.algorithms.registry import build
from operant.algorithms.tabular.q_learning import QLearning
from operant.algorithms.tabular.sarsa_lambda import SARSALambda
from operant.algorithms.tabular.table import number_of_states, state_number
from operant.algorithms.value.dqn import DQN
from operant.algorithms.value.heads import C51
from operant.cli import main
from operant.envs import probes
from operant.networks import Network
from operant.spaces import Box, Dict, Discrete, MultiDiscrete, Tuple
from operant.types import EnvSpec

SPEC = EnvSpec("test", Box(-1.0, 1.0, (2,)), Discrete(2), num_envs=4)
SMALL = Network(hidden_sizes=(4,))


@pytest.mark.parametrize(
    ("algorithm", "said"),
    [
        (
            PPO(n_steps=10, batch_size=16),
            "batch_size=16 does not divide n_steps × num_envs = 40: 8 samples, ",
        ),
        (
            TRPO(n_steps=10, batch_size=16),
            "batch_size=16 does not divide n_steps × num_envs = 40: 8 samples, ",
        ),
        (PPO(n_steps=10, batch_size=20), None),
        (PPO(n_steps=10, batch_size=16, network=Network(memory="gru")), None),  # minibatches of sequences
        (DQN(target_update_interval=3), "target_update_interval=3 is less than num_envs=4"),
        (DQN(target_update_interval=4), None),
        (DQN(target_update_interval=1, tau=0.01), None),  # a little at every update is meant so
    ],
)
def test_advice_of_ppo_trpo_and_dqn_is_what_is_allowed_and_probably_not_meant(algorithm, said):
    algorithm.check(SPEC)
    advice = algorithm.advice(SPEC)
    assert len(advice) == (said is not None)
    assert said is None or advice[0].startswith(said)


@pytest.mark.parametrize(("bound", "given"), [(20.0, False), (100.0, True)])
def test_advice_of_sac_and_td3_names_a_box_whose_bounds_are_as_wide_as_none(bound, given):
    spec = replace(SPEC, action_space=Box((-1.0, -bound), (1.0, bound), (2,)))
    for algorithm in (SAC(), TD3(action_noise="normal")):
        algorithm.check(spec)
        said = [line for line in algorithm.advice(spec) if line.startswith("test has actions of Box")]
        assert len(said) == given


def test_advice_is_given_when_training_begins():
    agent = Agent(
        PPO(n_steps=8, batch_size=6, n_epochs=1, network=SMALL), probes.ConstantReward(), num_envs=2
    )
    with pytest.warns(operant.TrainingWarning, match="16: 4 samples"):
        agent.learn(16, progress_bar=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        agent.predict(np.zeros(1, np.float32))


def test_training_warning_is_a_line_on_the_command_line(monkeypatch, capsys):
    def say(arguments):
        for category in (operant.TrainingWarning, DeprecationWarning):
            print(warnings.formatwarning("batch_size=6 does not divide 16.", category, "file.py", 3), end="")

    before = warnings.formatwarning
    monkeypatch.setattr("operant.cli._run", say)
    assert main(["train"]) == 0
    ours, theirs, *_ = capsys.readouterr().out.splitlines()
    assert ours == "operant: batch_size=6 does not divide 16."
    assert theirs == "file.py:3: DeprecationWarning: batch_size=6 does not divide 16."
    assert warnings.formatwarning is before


def test_ppo_needs_advantages_as_they_are_for_minibatches_of_one_sample():
    with pytest.raises(ValueError, match=r"PPO needs 2 to .*batch_size=1, .*set normalize_advantage=False"):
        PPO(batch_size=1).check(SPEC)
    learner = PPO(n_steps=2, batch_size=1, n_epochs=1, normalize_advantage=False, network=SMALL)
    agent = Agent(learner, probes.ObservationReward(), num_envs=1).learn(8, progress_bar=False)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(agent.state.network))
    PPO(n_steps=1, batch_size=1, normalize_advantage=False).check(
        EnvSpec("x", SPEC.observation_space, Discrete(2))
    )
    with pytest.raises(ValueError, match="n_steps=1: must be at least 2"):
        PPO(n_steps=1, batch_size=1).check(EnvSpec("x", SPEC.observation_space, Discrete(2)))


@pytest.mark.parametrize("make", [lambda **values: DQN(**values), lambda **values: build(DQN, values)])
def test_dqn_refuses_to_learn_after_episodes_and_takes_pairs_of_steps(make):
    for given in ((1, "episode"), [3, "episode"]):
        with pytest.raises(
            ValueError, match=r"train_freq=\(\d, 'episode'\): replay is learnt from after a number of"
        ):
            make(train_freq=given)
    assert make(train_freq=(8, "step")).train_freq == make(train_freq=8).train_freq == 8
    with pytest.raises(ValueError, match="train_freq=0: must be at least 1"):
        make(train_freq=0)


def test_c51_says_how_much_of_a_target_lies_at_the_ends_of_its_support():
    head = C51(11, 0.0, 10.0)
    certain = jnp.eye(11)[jnp.array([5, 10, 0])]  # the next states' returns: 5, 10 and 0
    atoms = jnp.array([2.0, 3.0, -4.0])[:, None] + head.atoms(certain)
    target = head.project(atoms, certain)  # 7, 13 and −4
    metrics = head.metrics(target, jnp.array([True, True, True]))
    np.testing.assert_allclose(metrics["train/target_at_v_max"], 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(metrics["train/target_at_v_min"], 1 / 3, rtol=1e-6)
    only = head.metrics(target, jnp.array([True, False, False]))
    assert only["train/target_at_v_max"] == only["train/target_at_v_min"] == 0


# Tables


def spec_of(space, num_envs=1):
    return EnvSpec("Cards", space, Discrete(2), num_envs=num_envs)


BLACKJACK = Tuple((Discrete(32), Discrete(11), Discrete(2)))
NESTED = Dict.of({"a": MultiDiscrete((2, 3)), "b": Tuple((Discrete(4),))})


def test_state_number_of_tuples_and_dicts_of_choices_is_a_row_for_each_observation():
    assert number_of_states(BLACKJACK) == 32 * 11 * 2
    every = np.stack([x.ravel() for x in np.meshgrid(*map(np.arange, (32, 11, 2)), indexing="ij")])
    numbers = state_number(BLACKJACK, tuple(jnp.asarray(x) for x in every))
    np.testing.assert_array_equal(numbers, np.arange(32 * 11 * 2))
    seen = {"a": jnp.array([[1, 2]]), "b": (jnp.array([3]),)}
    assert number_of_states(NESTED) == 24
    np.testing.assert_array_equal(state_number(NESTED, seen), [23])


def test_q_learning_learns_blackjack():
    agent = Agent(QLearning(), "Blackjack-v1", num_envs=4).learn(400, progress_bar=False)
    assert agent.state.q_values.shape == (704, 2)
    assert int(agent.state.visits.sum()) == 400
    assert agent.predict((np.array(20), np.array(10), np.array(0))) in (0, 1)


@pytest.mark.parametrize(
    ("algorithm", "space", "num_envs", "reason"),
    [
        (
            QLearning(),
            MultiDiscrete((1000, 1000, 1000)),
            1,
            r"1,000,000,000 states × 2 actions .*; .* are available",
        ),
        (QLearning(), MultiDiscrete((100,) * 30), 1, r"at most 2\^31 − 1 pairs can be counted\. Use DQN"),
        (
            SARSALambda(),
            Discrete(100_000),
            1_000_000,
            r"100,000 states × 2 actions for Cards, which takes 800\.0 GB; 10\.0 GB are available",
        ),
        (
            QLearning(),
            Tuple((Discrete(3), Box(0.0, 1.0, (2,)))),
            1,
            "needs Discrete or MultiDiscrete observations, or a",
        ),
    ],
)
def test_q_learning_and_sarsa_lambda_refuse_tables_that_do_not_fit_before_they_are_made(
    algorithm, space, num_envs, reason, monkeypatch
):
    monkeypatch.setattr("operant.algorithms.tabular.table.available", lambda devices: 10**10)
    with pytest.raises(ValueError, match=reason):
        algorithm.check(spec_of(space, num_envs))
    algorithm.check(spec_of(Discrete(100)))
