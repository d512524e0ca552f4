"""Curious learners in the loops, in files and on the command line."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import get_args, get_type_hints

import jax
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.agent.saving import FORMAT
from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.value.dqn import DQN
from operant.cli import train as command
from operant.cli.asked import read
from operant.cli.errors import WrongInput
from operant.cli.training import Training
from operant.curiosity import CURIOSITIES, ICM, RND, Curious
from operant.engine.device import DeviceLoop
from operant.engine.files import leaf_names, save_tree
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.envs.classic.cartpole import CartPole
from operant.envs.host import NativeOnHost
from operant.networks import Network

NETWORK = Network(hidden_sizes=(8,), initialization="uniform")
CURIOUS = {
    "PPO with RND": Curious(
        PPO(n_steps=16, batch_size=32, n_epochs=2, normalize_rewards=True, network=NETWORK),
        RND(features=4, network=NETWORK),
    ),
    "DQN with ICM": Curious(
        DQN(buffer_size=300, learning_starts=100, target_update_interval=100, network=NETWORK),
        ICM(features=4, network=NETWORK, normalize_reward=True),
    ),
    "SAC with RND": Curious(
        SAC(buffer_size=300, batch_size=32, train_freq=8, network=NETWORK),
        RND(features=4, network=NETWORK),
    ),
}


def learnt(loop, total=512):
    run = train(loop, loop.init(jax.random.key(3)), total, 2, lambda run, metrics: True)
    return run.state, run.replay, run.statistics, run.clock


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "PPO with RND" else pytest.mark.full) for name in CURIOUS]
)
def test_curious_learns_the_same_on_both_loops(name):
    device = learnt(DeviceLoop(CURIOUS[name], CartPole(), 4, None))
    host = learnt(HostLoop(CURIOUS[name], NativeOnHost(CartPole(), 4), None))
    names = leaf_names(device)
    leaves = zip(names, *map(jax.tree.leaves, (device, host)), strict=True)
    assert [n for n, one, other in leaves if not np.array_equal(one, other, equal_nan=True)] == []


@pytest.mark.slow
def test_curious_of_several_seeds_stopped_and_resumed_is_that_which_was_not(tmp_path):
    def learn(run_dir, callback=None):
        agent = Agent(CURIOUS["PPO with RND"], "CartPole-v1", seed=7, seeds=2, num_envs=4)
        return agent.learn(
            768, callback, progress_bar=False, log_interval=256, run_dir=run_dir, checkpoint_every=256
        )

    expected = learn(tmp_path / "whole")
    stopped = learn(tmp_path / "run", lambda progress: progress.step < 400)
    assert 0 < stopped.step < 768
    resumed = Agent.resume(tmp_path / "run", progress_bar=False)
    assert resumed.name == "PPO with RND"
    pairs = zip(jax.tree.leaves(expected.state), jax.tree.leaves(resumed.state), strict=True)
    assert all(np.array_equal(one, other) for one, other in pairs)
    assert "rollout/intrinsic_reward" in resumed.history[-1]


def test_curious_is_held_in_a_model_file_and_one_without_it_still_loads(tmp_path):
    curious = operant.PPO("CartPole-v1", preset=None, curiosity=RND(scale=0.3), num_envs=4, n_steps=16)
    config = json.loads(json.dumps(curious.config()))
    assert config["algorithm"] == "ppo"
    assert config["curiosity"]["name"] == "rnd"
    curious.save(tmp_path / "model.safetensors")
    loaded = operant.load(tmp_path / "model.safetensors")
    assert loaded.algorithm == curious.algorithm
    observations = np.random.default_rng(0).normal(size=(50, 4))
    np.testing.assert_array_equal(loaded.predict(observations), curious.predict(observations))

    plain = operant.PPO("CartPole-v1", preset=None, num_envs=4, n_steps=16)
    old = plain.config()
    del old["curiosity"]  # as it was written before there was any
    save_tree(tmp_path / "old.safetensors", plain.state, {"format": FORMAT, "config": old})
    assert isinstance(operant.load(tmp_path / "old.safetensors").algorithm, PPO)


def test_curious_is_scored_by_the_environments_own_reward():
    agent = operant.QLearning("GridWorld", preset=None, curiosity=operant.Counts(scale=1000.0))
    agent.learn(2_000, progress_bar=False)
    assert agent.history[-1]["rollout/intrinsic_reward"] > 10
    assert agent.history[-1]["rollout/ep_rew_mean"] < 100
    assert agent.evaluate(2).mean <= 100


def flags(*arguments):
    return command._agent(read("ppo", ["CartPole-v1", *arguments])).algorithm


def test_curiosity_and_its_values_are_flags():
    assert isinstance(flags(), PPO)
    assert isinstance(flags("--curiosity", "none"), PPO)
    made = flags(
        "--curiosity", "rnd", "--curiosity.scale", "linear:1:0", "--curiosity.network.hidden-sizes", "8"
    )
    assert isinstance(made, Curious)
    expected = operant.RND(scale=operant.Linear(1.0, 0.0))
    assert made.curiosity == replace(expected, network=replace(expected.network, hidden_sizes=(8,)))
    # A preset may have values for each curiosity; those by hand go first.
    tuned = flags("--preset", "SparseMaze", "--curiosity", "rnd", "--curiosity.features", "8")
    assert (tuned.curiosity.learning_rate, tuned.curiosity.features) == (0.003, 8)
    assert (
        operant.PPO("SparseMaze", preset="auto", curiosity="rnd").algorithm.curiosity.learning_rate == 0.003
    )
    assert operant.PPO("SparseMaze", preset="auto", curiosity=RND()).algorithm.curiosity == RND()
    assert flags("--curiosity=icm", "--curiosity.beta", "0.5").curiosity == ICM(beta=0.5)
    choices = get_args(get_type_hints(Training)["curiosity"])
    assert choices == ("none", *CURIOSITIES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--curiosity", "rdn"), "invalid choice 'rdn'"),
        (("--curiosity.scale", "1"), "Unrecognized options: --curiosity.scale"),
        (("--curiosity", "icm", "--curiosity.normalize-observations"), "Unrecognized options"),
        (("--curiosity", "counts"), "Counts keeps a table"),
    ],
)
def test_curiosity_flags_that_are_wrong_are_refused(arguments, message):
    with pytest.raises((ValueError, WrongInput), match=message):
        flags(*arguments)


@pytest.mark.full  # minutes
@pytest.mark.parametrize(
    ("curiosity", "right"),
    [  # Of four learners one may be lucky, or not; which one is depends on the processor's last bits.
        ("none", lambda solved: solved <= 1),
        ("rnd", lambda solved: solved >= 3),
        ("icm", lambda solved: solved >= 3),
    ],
)
def test_curiosity_solves_a_maze_that_pays_nothing_but_for_its_goal(curiosity, right):
    agent = operant.PPO("SparseMaze", preset="auto", curiosity=curiosity, seeds=4)
    scores = agent.learn(200_000, progress_bar=False).evaluate(1)
    assert right(sum(score.mean for score in scores)), scores
