"""Several seeds in one program are the same learners as each of them alone."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import partial

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.search.ars import ARS
from operant.algorithms.search.cem import CEM
from operant.algorithms.value.dqn import DQN
from operant.engine import device
from operant.engine.collect import sample_rollout_noise
from operant.engine.device import DeviceLoop
from operant.engine.files import leaf_names
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.engine.train_state import Stream, stream
from operant.envs import gymnasium
from operant.envs.breakout import MinBreakout
from operant.envs.classic.cartpole import CartPole
from operant.envs.host import NativeOnHost
from operant.networks import Network
from operant.ops.seeds import key_of, keys_of

SEEDS = (3, 14, 15, 92)
NUM_ENVS = 8
KEYS = jnp.stack([jax.random.key(seed) for seed in SEEDS])


def algorithm() -> PPO:
    return PPO(
        n_steps=32,
        batch_size=64,
        n_epochs=4,
        gae_lambda=0.8,
        gamma=0.98,
        learning_rate=5e-3,
        network=Network(hidden_sizes=(32,), initialization="uniform"),
    )


@pytest.fixture(scope="module")
def together() -> DeviceLoop:
    return DeviceLoop(algorithm(), CartPole(), NUM_ENVS, len(SEEDS), return_experience=True)


@pytest.fixture(scope="module")
def alone() -> DeviceLoop:
    return DeviceLoop(algorithm(), CartPole(), NUM_ENVS, None, return_experience=True)


@pytest.fixture(scope="module")
def first(together, alone):
    """`(run, experience)` after one iteration: of all seeds together, and of each alone."""
    run, _, experience = together.step(together.init(KEYS), 1, 1)
    each = [alone.step(alone.init(key), 1, 1) for key in KEYS]
    return (run, experience), [(run, experience) for run, _, experience in each]


def arrays(tree) -> dict[str, np.ndarray]:
    """Every leaf by its name; keys as the numbers that they are."""

    def plain(x):
        return jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x

    return dict(zip(leaf_names(tree), (np.array(plain(x)) for x in jax.tree.leaves(tree)), strict=True))


def test_devices_to_spread_seeds_over_are_two(together):
    assert len(jax.devices()) == 2
    assert together._mesh.size == 2


def test_seeds_differ(first):
    (run, experience), _ = first
    keys = jax.random.key_data(run.key)
    assert len(np.unique(keys, axis=0)) == len(SEEDS)
    columns = experience.observation.reshape(32, len(SEEDS), NUM_ENVS, 4)
    assert len(np.unique(columns[0].reshape(-1, 4), axis=0)) == len(SEEDS) * NUM_ENVS


def test_sample_rollout_noise_of_a_seed_is_the_same_alone():
    def sample_noise(key):
        return sample_rollout_noise(algorithm(), CartPole(), together_spec, key, Stream.ACT, 7, 5)

    together_spec = DeviceLoop(algorithm(), CartPole(), NUM_ENVS, None).spec
    all_of_them = jax.tree.leaves(jax.jit(jax.vmap(sample_noise))(KEYS))
    for s, key in enumerate(KEYS):
        for whole, one in zip(all_of_them, jax.tree.leaves(jax.jit(sample_noise)(key)), strict=True):
            np.testing.assert_array_equal(whole[s], one)


def test_device_loop_and_host_loop_begin_the_same_with_a_seed_alone(first):
    (_, together), each = first
    for s, (_, alone) in enumerate(each):
        columns = slice(s * NUM_ENVS, (s + 1) * NUM_ENVS)
        for name, rows in arrays(together).items():
            np.testing.assert_array_equal(rows[:, columns], arrays(alone)[name], err_msg=name)


@pytest.mark.parametrize(
    "environments",
    [
        pytest.param(lambda count: NativeOnHost(CartPole(), count), id="native", marks=pytest.mark.slow),
        pytest.param(lambda count: gymnasium.make("CartPole-v1", count), id="single"),
        pytest.param(lambda count: gymnasium.make(vector(count)), id="vector", marks=pytest.mark.slow),
    ],
)
def test_host_loop_through_python_begins_the_same_with_a_seed_alone(environments):
    def first(key, seeds):
        loop = HostLoop(algorithm(), environments(NUM_ENVS * (seeds or 1)), seeds, return_experience=True)
        run = loop.init(key)
        return loop.step(loop.restart(run), 1, 1)[2]  # which resets a second time

    together = arrays(first(KEYS, len(SEEDS)))
    for s, key in enumerate(KEYS):
        for name, rows in arrays(first(key, None)).items():
            own = together[name][:, s * NUM_ENVS : (s + 1) * NUM_ENVS]
            np.testing.assert_array_equal(rows, own, err_msg=name)


def vector(count: int) -> gym.vector.VectorEnv:
    one = partial(gym.make, "CartPole-v1")
    return gym.vector.SyncVectorEnv([one] * count, autoreset_mode=gym.vector.AutoresetMode.SAME_STEP)


def test_keys_of_seeds_are_those_that_jax_makes():
    seeds = [0, 7, 2**31, 2**32 - 1]
    made = jax.random.key_data(keys_of(seeds))
    assert made.tolist() == [jax.random.key_data(jax.random.key(seed)).tolist() for seed in seeds]


def test_key_of_a_seed_of_more_than_32_bits_is_like_no_other():
    seeds = (0, 5, 2**31, 2**32 - 1, 2**32, 2**32 + 5, 2**33 + 5, 2**63 - 1)
    keys = [jax.random.key_data(key_of(seed)).tolist() for seed in seeds]
    assert len(np.unique(keys, axis=0)) == len(seeds)
    for seed, key in zip(seeds[:4], keys, strict=False):  # as ever
        np.testing.assert_array_equal(jax.random.key_data(jax.random.key(seed)), key)
    assert keys[5] == [1, 5]  # as JAX has it with numbers of 64 bits
    streams = [jax.random.key_data(stream(key_of(5), which)).tolist() for which in Stream]
    assert keys[5] not in streams


def test_one_update_of_a_seed_is_the_same_alone(first):
    (together, _), each = first
    for s, (alone, _) in enumerate(each):
        for name, value in arrays(together).items():
            np.testing.assert_allclose(value[s], arrays(alone)[name], atol=1e-5, rtol=1e-5, err_msg=name)


def test_one_update_of_a_seed_that_sees_images_is_the_same_alone():
    """Convolutions of several learners, each with weights of its own."""
    layers = Network(convolutions=((3, 3, 2),), convolution_features=8, hidden_sizes=())
    images = PPO(n_steps=8, batch_size=16, n_epochs=2, network=layers)
    runs = []
    for keys in (KEYS[:2], KEYS[0], KEYS[1]):
        loop = DeviceLoop(images, MinBreakout(), 4, 2 if keys.ndim else None)
        runs.append(loop.step(loop.init(keys), 1, 1)[0].state.network)
    together, *each = runs
    for s, alone in enumerate(each):
        for name, rows in arrays(together).items():
            np.testing.assert_allclose(rows[s], arrays(alone)[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_seeds_spread_over_two_devices_are_those_of_one(first, monkeypatch):
    (spread, experience), _ = first
    one_device = jax.devices()[:1]
    monkeypatch.setattr(device.jax, "devices", lambda: one_device)
    loop = DeviceLoop(algorithm(), CartPole(), NUM_ENVS, len(SEEDS), return_experience=True)
    assert loop._mesh.size == 1
    run, _, seen = loop.step(loop.init(KEYS), 1, 1)
    # Other programs, which may differ in last bits; what is done and what ends must not.
    for one, other in ((experience, seen), (spread, run)):
        for name, value in arrays(one).items():
            if value.dtype.kind == "f":
                np.testing.assert_allclose(value, arrays(other)[name], atol=1e-5, rtol=1e-5, err_msg=name)
            else:
                np.testing.assert_array_equal(value, arrays(other)[name], err_msg=name)


def test_seeds_learn_as_well_together_as_alone(together, alone):
    def returns(loop, key) -> np.ndarray:
        reported = []
        train(loop, loop.init(key), 25_000, 1, lambda run, metrics: reported.append(metrics) or True)
        return np.atleast_1d(reported[-1]["rollout/ep_rew_mean"])

    one = returns(together, KEYS)
    other = np.concatenate([returns(alone, key) for key in KEYS])
    assert min(one.min(), other.min()) > 60  # a random policy gets 22
    spread = np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / len(SEEDS))
    assert abs(one.mean() - other.mean()) < 4 * spread


# Whole episodes, which differ in length from seed to seed


@pytest.mark.parametrize(
    ("where", "search"),
    [
        ("device", ARS(n_delta=4, learning_rate=0.1, delta_std=0.2, max_steps=100)),
        ("host", ARS(n_delta=4, learning_rate=0.1, delta_std=0.2, max_steps=100)),
        ("device", CEM(population_size=8, elite_fraction=0.5, max_steps=100)),  # learns even from nothing
    ],
    ids=["device", "host", "cem"],
)
def test_train_gives_every_seed_the_steps_that_it_would_take_alone(where, search):

    def trained(key):
        seeds = len(key) if key.ndim else None
        if where == "device":
            loop = DeviceLoop(search, CartPole(), 8, seeds, return_experience=True)
        else:
            loop = HostLoop(search, NativeOnHost(CartPole(), 8 * (seeds or 1)), seeds, return_experience=True)
        rows, seen = [], []
        run = train(loop, loop.init(key), 4_000, 1, lambda run, row: rows.append(row) or True, [seen.append])
        return run, rows, sum(np.sum(each.mask.reshape(-1, seeds or 1, 8), (0, 2)) for each in seen)

    together, rows, played = trained(KEYS)
    generations = []
    for s, key in enumerate(KEYS):
        alone, own, _ = trained(key)
        generations.append(len(own))
        assert together.clock.step[s] == alone.clock.step
        assert together.statistics.episodes[s] == alone.statistics.episodes
        for learnt, expected in zip(
            *map(jax.tree.leaves, (together.state.method, alone.state.method)), strict=True
        ):
            np.testing.assert_allclose(learnt[s], expected, rtol=1e-4, atol=1e-5)
        # While it waits it reports nothing of training, and shows no step to anybody.
        there = [~np.isnan(row["train/fitness_mean"][s]) for row in rows]
        assert there == [True] * len(own) + [False] * (len(rows) - len(own))
        np.testing.assert_allclose(
            rows[-1]["rollout/ep_rew_mean"][s], own[-1]["rollout/ep_rew_mean"], rtol=1e-6
        )
    assert len(set(generations)) > 1  # else nobody waits
    assert (np.asarray(together.clock.step) >= 4_000).all()
    np.testing.assert_array_equal(together.clock.step, played)


def test_count_updates_leaves_out_seeds_that_wait():
    agent = operant.make("ars", "CartPole-v1", seeds=4, n_delta=4, learning_rate=0.1)
    agent.learn(3_000, log_interval=1_000, progress_bar=False)  # several iterations a row
    episodes = agent.history[-1]["time/episodes"]
    assert len(set(episodes.tolist())) > 1
    np.testing.assert_array_equal(agent.history[-1]["train/n_updates"], episodes // 8)
    assert agent.step == agent.learner.run.clock.step.min() >= 3_000


# The same seed in another process


def fingerprint() -> str:
    """A hash of all of a run of DQN."""
    dqn = DQN(buffer_size=300, learning_starts=50, target_update_interval=100, network=algorithm().network)
    agent = Agent(dqn, "CartPole-v1", seed=5, num_envs=2).learn(1_000, progress_bar=False)
    digest = hashlib.sha256()
    for name, value in arrays(agent.learner.run).items():
        digest.update(name.encode() + value.tobytes())
    return digest.hexdigest()


def test_the_same_seed_in_a_fresh_process_is_bit_identical():
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == fingerprint()


if __name__ == "__main__":
    print(fingerprint())
