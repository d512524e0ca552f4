"""One learner on several devices is the learner of one device, but for the order of float32 sums."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

import operant
from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.value.dqn import DQN
from operant.engine.device import DeviceLoop
from operant.engine.devices import Devices, require, shape_of
from operant.engine.files import leaf_names
from operant.engine.host import HostLoop
from operant.envs.classic.cartpole import CartPole
from operant.envs.classic.pendulum import Pendulum
from operant.envs.host import NativeOnHost
from operant.networks import Network
from operant.ops.devices import gathered, spread
from operant.ops.seeds import key_of, keys_of

NETWORK = Network(hidden_sizes=(8,))
NUM_ENVS = 4
REPLAY = {"buffer_size": 64, "batch_size": 8, "learning_starts": 8, "network": NETWORK}
CASES = {
    "PPO": (PPO(n_steps=8, batch_size=16, n_epochs=2, network=NETWORK), CartPole()),
    "DQN": (DQN(train_freq=4, gradient_steps=2, **REPLAY), CartPole()),
    "SAC": (SAC(gradient_steps=2, **REPLAY), Pendulum()),
}


def numbers(tree) -> dict[str, np.ndarray]:
    """Every leaf by its name; keys as the numbers that they are."""

    def plain(x):
        return jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x

    return dict(zip(leaf_names(tree), (np.asarray(plain(x)) for x in jax.tree.leaves(tree)), strict=True))


def assert_close(run, other):
    there, here = numbers(run), numbers(other)
    assert there.keys() == here.keys()
    for name, values in there.items():
        np.testing.assert_allclose(values, here[name], rtol=2e-4, atol=2e-5, err_msg=name)


def trained(loop, seeds=None, iterations=3) -> Any:
    run = loop.init(key_of(3) if seeds is None else keys_of(range(seeds)))
    if plan := loop.algorithm.experience.replay:
        run, *_ = loop.warm_up(run, plan.warm_up_iterations(NUM_ENVS))
    return loop.step(run, iterations, iterations)


def on_devices(name, devices, seeds=None):
    algorithm, environment = CASES[name]
    return DeviceLoop(algorithm, environment, NUM_ENVS, seeds, return_experience=True, devices=devices)


@pytest.mark.parametrize("name", CASES)
def test_devices_of_a_learner_give_what_one_gives(name):
    (one, metrics, seen), (two, others, also) = (trained(on_devices(name, count)) for count in (1, 2))
    assert two.observation.sharding.spec == PartitionSpec("environments")
    assert all(x.sharding.is_fully_replicated for x in jax.tree.leaves((two.state, two.replay)))
    assert_close(one, two)
    assert_close(seen, also)
    steps = CASES[name][0].experience.unroll_length  # before anything was learnt, there is no sum
    for part, rows in numbers((seen.observation, seen.action, seen.reward)).items():
        first = numbers((also.observation, also.action, also.reward))[part][:steps]
        np.testing.assert_array_equal(rows[:steps], first, err_msg=part)
    assert_close(
        {k: v for k, v in metrics.items() if k != "nan"}, {k: v for k, v in others.items() if k != "nan"}
    )


def test_spread_divides_batches_among_devices():
    loop = on_devices("PPO", 2)
    run = loop.devices.placed(loop.init(key_of(0)))
    with loop.devices.in_force():
        text = str(jax.jit(lambda run: spread(run.observation)).lower(run).compile().as_text())
        minibatch = jax.jit(lambda x: spread(x * 2.0)).lower(jnp.zeros((6, 3))).compile()
        odd = jax.jit(lambda x: spread(x * 2.0)).lower(jnp.zeros((5, 3))).compile()
    assert "f32[2,4]" in text
    assert minibatch.output_shardings.spec == PartitionSpec("environments")
    assert "f32[3,3]" in minibatch.as_text()
    assert "f32[3,3]" not in odd.as_text()  # nor is it filled up to 6


def test_gathered_arrays_are_whole_on_every_device():
    loop = on_devices("PPO", 2)
    x = jnp.zeros((6, 3))
    with loop.devices.in_force():
        divided = jax.jit(lambda x: spread(x * 2.0)).lower(x).compile()
        whole = jax.jit(lambda x: gathered(spread(x * 2.0))).lower(x).compile()
    assert divided.output_shardings.spec == PartitionSpec("environments")
    assert whole.output_shardings.is_fully_replicated
    assert gathered(x) is x  # where there is no mesh


@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        ("PPO", None),
        pytest.param("PPO", 2, marks=pytest.mark.full),
        pytest.param("DQN", None, marks=pytest.mark.full),
    ],
)
def test_devices_act_and_learn_for_environments_in_python(name, seeds):
    algorithm, environment = CASES[name]

    def loop(devices):
        environments = NativeOnHost(environment, NUM_ENVS * (seeds or 1))
        return HostLoop(algorithm, environments, seeds, devices=devices)

    (one, *_), (two, *_) = (trained(loop(count), seeds) for count in (1, 2))
    assert all(len(x.sharding.device_set) == 2 for x in jax.tree.leaves(two.state))
    assert_close(one, two)


def test_seeds_are_divided_among_devices_before_environments():
    there = len(jax.devices())
    assert [shape_of(count, seeds) for count, seeds in ((1, 4), (2, 4), (2, 3), (4, 6), (4, None))] == [
        *((1, 1), (2, 1), (1, 2)),
        *((2, 2), (1, 4)),
    ]
    assert shape_of(None, 4) == (there, 1)
    assert shape_of(None, None) == (1, 1)
    assert Devices(2, 4, 3).mesh.shape == {"seeds": 2, "environments": 1}


def test_seeds_on_devices_of_their_own_learn_what_they_learn_on_one():
    (one, *_), (two, *_) = (trained(on_devices("PPO", count, 2), 2, 1) for count in (1, 2))
    assert_close(one, two)


@pytest.mark.parametrize(
    ("count", "seeds", "num_envs", "message"),
    [
        (64, None, 64, "devices=64: there are 2 .cpu.;.*XLA_FLAGS"),
        (0, None, 4, "devices=0: must be a whole number, at least 1"),
        (2, None, 3, "num_envs=3: on devices=2 it must be a multiple of 2. Set num_envs=4, or devices=1"),
        (2, 3, 5, "3 seeds are divided among 1 of them, and num_envs must be a multiple of 2"),
    ],
)
def test_require_says_what_devices_there_must_be(count, seeds, num_envs, message):
    with pytest.raises(ValueError, match=message):
        require(count, seeds, num_envs)


def ppo(**arguments):
    return operant.PPO(
        "CartPole-v1",
        preset=None,
        n_steps=8,
        batch_size=16,
        n_epochs=2,
        network=NETWORK,
        num_envs=NUM_ENVS,
        **arguments,
    )


def test_a_checkpoint_of_one_device_resumes_on_two(tmp_path):
    whole = ppo(devices=1).learn(128, progress_bar=False, log_interval=32, run_dir=tmp_path / "whole")

    def stop(progress):
        return progress.step < 64

    ppo(devices=1).learn(128, stop, progress_bar=False, log_interval=32, run_dir=tmp_path / "run")
    agent = operant.resume(tmp_path / "run", devices=2, progress_bar=False)
    assert agent.step == 128
    assert agent.config()["devices"] == 2
    assert_close(whole.learner.run, agent.learner.run)
    loaded = operant.load(tmp_path / "run")
    assert_close(loaded.learner.state, agent.learner.state)
    assert agent.evaluate(episodes=2).mean == loaded.evaluate(episodes=2).mean


def test_a_run_of_more_devices_than_there_are_goes_on_with_a_warning(tmp_path):
    ppo(devices=2).learn(
        64, lambda progress: False, progress_bar=False, log_interval=32, run_dir=tmp_path / "run"
    )
    config = tmp_path / "run" / "config.json"
    config.write_text(config.read_text().replace('"devices": 2', '"devices": 16'))
    with pytest.warns(operant.TrainingWarning, match="was trained on 16 devices, and there are 2"):
        agent = operant.Agent.restore(tmp_path / "run")
    assert agent.learner.devices is None


def test_datasets_are_divided_among_seeds_only():
    data = {"observations": np.zeros((8, 4), np.float32), "actions": np.zeros(8, np.int32)}
    with pytest.raises(ValueError, match=r"devices=2: BC learns from a dataset.*Set devices=1"):
        operant.BC("CartPole-v1", dataset=data, devices=2)


FOUR = """
import sys
sys.path.insert(0, {tests!r})
from tests.engine.test_devices import *
assert len(jax.devices()) == 4
name, seeds = {name!r}, {seeds!r}
one, four = (trained(on_devices(name, count, seeds), seeds, 2)[0] for count in (1, 4))
expected = ("environments",) if seeds is None else ("seeds", "environments")
assert four.observation.sharding.spec == PartitionSpec(*expected)
assert_close(one, four)
"""


@pytest.mark.parametrize(
    ("name", "seeds"),
    [
        ("PPO", 2),
        pytest.param("PPO", None, marks=pytest.mark.full),
        ("DQN", None),
        pytest.param("SAC", None, marks=pytest.mark.full),
    ],
)
def test_four_devices_give_what_one_gives(name, seeds):
    flags = "--xla_force_host_platform_device_count=4 --xla_backend_optimization_level=0"
    text = FOUR.format(tests=str(Path(__file__).parents[2]), name=name, seeds=seeds)
    run_script(text, XLA_FLAGS=flags)


TOGETHER = """
import sys
import jax, numpy as np
import operant
port, index, directory, seeds = sys.argv[1:]
operant.connect_processes("127.0.0.1:" + port, 2, int(index))
assert len(jax.devices()) == 2 and len(jax.local_devices()) == 1
agent = operant.PPO(
    "CartPole-v1", preset=None, n_steps=8, batch_size=16, n_epochs=2, num_envs=4, seeds=int(seeds) or None,
    network=operant.Network(hidden_sizes=(8,)),
)
how = {"progress_bar": False, "log_interval": 32, "checkpoint_every": 32, "evaluate_every": 64,
       "evaluation_episodes": 2, "run_dir": directory}
agent.learn(128, lambda progress: progress.step < 64, **how)
assert agent.step == 64
agent = operant.resume(directory, progress_bar=False)
assert agent.step == 128
"""


@pytest.mark.parametrize("seeds", [0, pytest.param(2, marks=pytest.mark.full)])
def test_two_processes_give_what_one_with_two_devices_gives(tmp_path, seeds):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    directory = tmp_path / "together"
    flags = (
        "--xla_force_host_platform_device_count=1 --xla_backend_optimization_level=0 --xla_cpu_max_isa=AVX"
    )
    both = [
        subprocess.Popen(
            [sys.executable, "-c", TOGETHER, port, str(index), str(directory), str(seeds)],
            env=environment_of(XLA_FLAGS=flags),
            stderr=subprocess.PIPE,
            text=True,
        )
        for index in (0, 1)
    ]
    errors = [process.communicate(timeout=900)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    agent = ppo(devices=2, seeds=seeds or None)
    agent.learn(
        128,
        progress_bar=False,
        log_interval=32,
        evaluate_every=64,
        evaluation_episodes=2,
        checkpoint_every=32,
        run_dir=tmp_path / "alone",
    )
    one, two = (operant.Agent.restore(tmp_path / name, devices=1) for name in ("alone", "together"))
    assert_close(one.learner.run, two.learner.run)
    metrics = [(tmp_path / name / "metrics.csv").read_text().splitlines() for name in ("alone", "together")]
    assert len(metrics[0]) == len(metrics[1]) == 4 * (seeds or 1) + 1
    one, two = (operant.load(tmp_path / name).learner.state for name in ("alone", "together"))
    assert_close(one, two)


def environment_of(**changed):
    return {**os.environ, "PYTHONPATH": str(Path(operant.__file__).parents[1]), **changed}


def run_script(text, **changed):
    done = subprocess.run(
        [sys.executable, "-c", text],
        env=environment_of(**changed),
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
