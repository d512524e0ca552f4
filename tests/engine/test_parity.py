"""The loops on the device and on the host give the same numbers to the last bit.

Why most cases run without FMA instructions: docs/decisions/0003-bit-parity.md.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Collection

import jax
import numpy as np
import pytest

from operant.algorithms.actor_critic.crossq import CrossQ
from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.actor_critic.td3 import TD3
from operant.algorithms.policy_gradient.a2c import A2C
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.policy_gradient.reinforce import REINFORCE
from operant.algorithms.policy_gradient.trpo import TRPO
from operant.algorithms.search.ars import ARS
from operant.algorithms.search.genetic import GeneticAlgorithm
from operant.algorithms.tabular.dyna_q import DynaQ
from operant.algorithms.tabular.linear import LinearQ
from operant.algorithms.tabular.monte_carlo import MonteCarlo
from operant.algorithms.tabular.q_learning import QLearning
from operant.algorithms.tabular.sarsa_lambda import SARSALambda
from operant.algorithms.value.dqn import DQN
from operant.algorithms.value.pqn import PQN
from operant.engine.device import DeviceLoop
from operant.engine.files import leaf_names
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.envs import probes
from operant.envs.breakout import MinBreakout
from operant.envs.classic.cartpole import CartPole
from operant.envs.classic.mountain_car import MountainCar
from operant.envs.classic.pendulum import Pendulum
from operant.envs.gridworld import GridWorld
from operant.envs.host import NativeOnHost
from operant.envs.toy_text import toy_text
from operant.envs.wrappers import ClipReward, Discretize, FrameStack, Repeat, StickyActions, TimeLimit, wrap
from operant.networks import Network
from operant.spaces import Box, Discrete, MultiBinary


def network(**values) -> Network:
    return Network(hidden_sizes=(8,), initialization="uniform", **values)


def ppo(**hyperparameters) -> PPO:
    defaults = {"n_steps": 16, "batch_size": 16, "n_epochs": 2, "network": network()}
    return PPO(**(defaults | hyperparameters))


def dqn(**hyperparameters) -> DQN:
    # Small enough to wrap its ring, renew its target and lower ε several times.
    defaults = {
        "buffer_size": 200,
        "learning_starts": 40,
        "batch_size": 16,
        "target_update_interval": 50,
        "exploration_fraction": 0.5,
        "network": network(activation="relu"),
    }
    return DQN(**(defaults | hyperparameters))


def off_policy(cls, **hyperparameters):
    """SAC or TD3, small enough to wrap its ring."""
    defaults = {
        "buffer_size": 200,
        "learning_starts": 40,
        "batch_size": 16,
        "network": network(activation="relu"),
    }
    return cls(**(defaults | hyperparameters))


RAINBOW = {"double": True, "dueling": "mean", "priority": True, "noisy": True, "n_step": 3}


WRAPPERS = (TimeLimit(30), StickyActions(0.2), Repeat(2), Discretize(3), FrameStack(2), ClipReward(-5.0, 0.0))
CASES = {
    "recurrent masked PPO": (
        ppo(clip_range_vf=0.2, target_kl=0.01, network=network(memory="gru", memory_size=8)),
        probes.Masked(),
        4,
        256,
    ),
    "normalised PPO of a Box": (
        ppo(normalize_observations=True, normalize_rewards=True),
        Pendulum(),
        4,
        1024,
    ),
    "PPO in units of an uneven Box": (
        ppo(),
        probes.ObservationActionReward(actions=Box((-1.0, 0.1), (2.3, 1000.7), (2,))),
        4,
        512,
    ),
    "A2C with noise held for three steps": (
        A2C(n_steps=16, use_sde=True, sde_sample_freq=3, network=network()),
        Pendulum(),
        4,
        256,
    ),
    "A2C, MultiDiscrete of a Dict": (A2C(network=network(convolutions=())), probes.Senses(size=3), 4, 256),
    "TRPO, MultiBinary": (
        TRPO(n_steps=16, batch_size=16, n_critic_updates=2, network=network()),
        probes.ObservationActionReward(actions=MultiBinary(3)),
        4,
        256,
    ),
    "masked DQN": (dqn(), probes.Masked(), 2, 480),
    "recurrent masked PQN": (
        PQN(
            n_steps=16,
            batch_size=32,
            exploration_fraction=0.5,
            network=network(layer_norm=True, memory="gru", memory_size=8),
        ),
        probes.Masked(),
        4,
        256,
    ),
    "PQN of stacked frames, normalised": (
        PQN(
            n_steps=8,
            batch_size=16,
            exploration_repeat=2.0,
            normalize_observations=True,
            normalize_rewards=True,
            network=network(layer_norm=True),
        ),
        FrameStack(2).native(CartPole()),
        4,
        256,
    ),
    "PQN of a Dict": (
        PQN(n_steps=8, batch_size=16, network=network(layer_norm=True, convolutions=())),
        probes.Senses(size=3, actions=Discrete(3)),
        4,
        128,
    ),
    "SAC of three steps by priority, normalised": (
        off_policy(SAC, priority=True, n_step=3, normalize_observations=True, normalize_rewards=True),
        Pendulum(),
        2,
        480,
    ),
    "masked SAC with a temperature": (off_policy(SAC, target_update_interval=2), probes.Masked(), 2, 480),
    "TQC of a Dict with gSDE, in units of an uneven Box": (
        off_policy(
            SAC,
            distributional="quantile",
            policy_q="mean",
            n_quantiles=5,
            n_critics=3,
            critic_subset=2,
            use_sde=True,
            action_noise="normal",
            policy_delay=2,
            network=network(activation="relu", convolutions=()),
        ),
        probes.Senses(size=3, actions=Box((-1.0, 0.1, 0.0), (2.3, 1000.7, 1.0), (3,))),
        2,
        480,
    ),
    "TD3 of stacked frames with drifting noise": (
        off_policy(TD3, action_noise="ornstein-uhlenbeck"),
        FrameStack(2).native(Pendulum()),
        2,
        480,
    ),
    "CrossQ of normalised sequences": (
        off_policy(
            CrossQ,
            renorm_warmup_steps=20,
            normalize_observations=True,
            learning_starts=60,
            sequence_length=3,
            burn_in=1,
            n_step=2,
            network=network(memory="gru", memory_size=4),
        ),
        Pendulum(),
        2,
        480,
    ),
    "masked XQC by priority": (
        off_policy(
            CrossQ,
            distributional="categorical",
            n_atoms=11,
            v_min=0.0,
            priority=True,
            n_step=3,
            network=network(weight_norm=True),
        ),
        probes.Masked(),
        2,
        480,
    ),
    "recurrent SAC of two steps by priority": (
        off_policy(
            SAC,
            priority=True,
            n_step=2,
            sequence_length=3,
            burn_in=1,
            network=network(memory="gru", memory_size=4, critic_memory="own", share_features_extractor=False),
        ),
        Pendulum(),
        2,
        240,
    ),
    "DQN of images, with spectral norm": (
        dqn(
            tau=0.5,
            network=network(
                convolutions=((2, 3, 2),), residual=True, spectral_norm=True, convolution_features=8
            ),
        ),
        MinBreakout(),
        2,
        240,
    ),
    "DQN that repeats random actions": (dqn(exploration_repeat=2.0), CartPole(), 2, 480),
    "Rainbow": (
        dqn(distributional="categorical", n_atoms=11, held_out_states=20, **RAINBOW),
        CartPole(),
        2,
        480,
    ),
    "prioritised sequences of frames": (
        dqn(
            priority=True,
            n_step=2,
            sequence_length=3,
            burn_in=1,
            network=network(memory="gru", memory_size=4),
        ),
        FrameStack(3).native(CartPole()),
        2,
        480,
    ),
    "recurrent implicit Rainbow": (
        dqn(
            distributional="implicit",
            n_quantiles=4,
            n_target_quantiles=3,
            n_policy_quantiles=4,
            munchausen=True,
            temperature=0.1,
            network=network(memory="gru", memory_size=4),
            sequence_length=4,
            burn_in=2,
            **RAINBOW,
        ),
        probes.Masked(),
        2,
        240,
    ),
    "ARS, normalised, two rounds of episodes": (
        ARS(n_delta=2, n_top=1, n_eval_episodes=2, max_steps=20, normalize_observations=True),
        Pendulum(),
        4,
        320,
    ),
    "recurrent masked genetic algorithm": (
        GeneticAlgorithm(
            population_size=6, n_survivors=2, max_steps=3, network=network(memory="gru", memory_size=4)
        ),
        probes.Masked(),
        6,
        60,
    ),
    "DQN in many wrappers": (dqn(), wrap(Pendulum(), WRAPPERS), 2, 480),
    "Q-learning, where actions may be impossible": (QLearning(), toy_text("Taxi-v4"), 2, 2000),
    "SARSA(λ)": (SARSALambda(), toy_text("FrozenLake-v1"), 2, 2000),
    "Dyna-Q": (DynaQ(), GridWorld(), 2, 500),
    "linear Q-learning": (LinearQ(), MountainCar(), 2, 500),
    "Monte Carlo": (MonteCarlo(), GridWorld(max_episode_steps=20), 1, 400),
    "recurrent episodes": (
        REINFORCE(
            n_episodes=8,
            max_steps=20,
            baseline=True,
            network=network(memory="lstm", memory_size=8, memory_layers=2, critic_memory="own"),
        ),
        CartPole(),
        4,
        640,
    ),
}
AS_USERS_HAVE_IT = {
    f"{type(algorithm).__name__} of {count}": (algorithm, CartPole(), count, 1024)
    for algorithm in (ppo(), dqn())
    for count in (1, 8)
}
# CI compares these: one of each family, and of each kind of memory, noise, replay and normalisation.
OFTEN = {
    "recurrent masked PPO",
    "normalised PPO of a Box",
    "A2C with noise held for three steps",
    "TRPO, MultiBinary",
    "SAC of three steps by priority, normalised",
    "TD3 of stacked frames with drifting noise",
    "CrossQ of normalised sequences",
    "recurrent SAC of two steps by priority",
    "PQN of stacked frames, normalised",
    "Rainbow",
    "prioritised sequences of frames",
    "ARS, normalised, two rounds of episodes",
    "DQN in many wrappers",
    "Dyna-Q",
    "recurrent episodes",
}


def differences(algorithm, environment, num_envs: int, total: int) -> list[str]:
    """The leaves of the run that differ between the loops."""
    device = DeviceLoop(algorithm, environment, num_envs, None)
    host = HostLoop(algorithm, NativeOnHost(environment, num_envs), None)
    results = []
    for loop in (device, host):
        run = train(loop, loop.init(jax.random.key(3)), total, 2, lambda run, metrics: True)
        acting = run.observation, run.action_mask, run.carry, run.exploration
        results.append((run.state, run.replay, run.statistics, run.clock, run.iteration, acting))
    named = zip(leaf_names(results[0]), *map(jax.tree.leaves, results), strict=True)
    return [name for name, one, other in named if not np.array_equal(one, other, equal_nan=True)]


def assert_the_same_in_a_process(cases: Collection[str], flags: str) -> None:
    """With XLA's flags as they are given, not those of the tests."""
    done = subprocess.run(
        [sys.executable, __file__, *cases],
        env=os.environ | {"XLA_FLAGS": flags},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {name: [] for name in cases}


def test_cartpole_is_the_same_on_both_loops_with_the_settings_that_users_have():
    assert_the_same_in_a_process(AS_USERS_HAVE_IT, "")


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(OFTEN, marks=pytest.mark.slow, id="some"),
        pytest.param(CASES.keys() - OFTEN, marks=pytest.mark.full, id="others"),
    ],
)
@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the flag is for x86 only")
def test_everything_is_the_same_on_both_loops_without_fused_multiply_add(cases):
    flags = "--xla_cpu_max_isa=AVX --xla_backend_optimization_level=0"
    assert_the_same_in_a_process(sorted(cases), flags)


if __name__ == "__main__":
    known = CASES | AS_USERS_HAVE_IT
    print(json.dumps({name: differences(*known[name]) for name in sys.argv[1:]}))
