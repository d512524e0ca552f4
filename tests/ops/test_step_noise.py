"""Noise of large action spaces as keys: the same distributions, and little memory."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from operant import distributions, memory
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.random import Random, RandomState
from operant.algorithms.value.dqn import DQN
from operant.distributions import Bernoulli, Categorical, DiagonalGaussian, MultiCategorical
from operant.engine import collect
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.engine.train_state import Stream
from operant.envs.host import NativeOnHost
from operant.envs.probes import ObservationReward
from operant.networks import Network
from operant.ops.exploration import epsilon_greedy, epsilon_soft
from operant.ops.step_noise import MOST_NUMBERS, numbers, numbers_or_keys
from operant.spaces import Box, Discrete, MultiBinary, MultiDiscrete

N, TOKENS = 4, 50_000
MANY = 4000  # samples


def is_key(x) -> bool:
    return jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


@pytest.mark.parametrize(
    "space",
    [Discrete(TOKENS), MultiDiscrete((TOKENS, 3)), MultiBinary(TOKENS), Box(-1.0, 1.0, (TOKENS,))],
    ids=lambda space: type(space).__name__,
)
def test_sample_noise_is_keys_above_a_size_and_numbers_below(space):
    assert is_key(distributions.sample_noise(space, jax.random.key(0), (N,)))
    small = distributions.sample_noise(
        Discrete(MOST_NUMBERS // N) if isinstance(space, Discrete) else MultiBinary(3),
        jax.random.key(0),
        (N,),
    )
    assert not is_key(small)


def test_numbers_of_small_noise_are_the_noise_itself():
    noise = distributions.sample_noise(Discrete(5), jax.random.key(3), (N,))
    np.testing.assert_array_equal(noise, jax.random.gumbel(jax.random.key(3), (N, 5)))
    np.testing.assert_array_equal(numbers(jax.random.gumbel, noise, 5), noise)


def keys(size: int) -> jax.Array:
    made = numbers_or_keys(jax.random.gumbel, jax.random.key(1), (size,), MOST_NUMBERS)
    assert is_key(made)
    return made


def counted(actions: jax.Array, n: int) -> np.ndarray:
    return np.bincount(np.asarray(actions), minlength=n)


def test_categorical_and_multi_categorical_sample_from_numbers_or_keys():
    p = np.array([0.5, 0.3, 0.15, 0.05])
    logits = jnp.broadcast_to(jnp.log(jnp.asarray(p)), (MANY, 4))
    actions = Categorical(logits).sample(keys(MANY))
    assert stats.chisquare(counted(actions, 4), MANY * p).pvalue > 1e-3

    parts = jnp.concatenate([logits, jnp.log(jnp.broadcast_to(jnp.asarray([0.2, 0.8]), (MANY, 2)))], -1)
    pairs = MultiCategorical(parts, (4, 2)).sample(keys(MANY))
    joint = counted(pairs[:, 0] * 2 + pairs[:, 1], 8)
    assert stats.chisquare(joint, MANY * np.outer(p, [0.2, 0.8]).ravel()).pvalue > 1e-3  # and independent


def test_bernoulli_and_diagonal_gaussian_sample_from_numbers_or_keys():
    switches = Bernoulli(jnp.broadcast_to(jnp.asarray([-1.0, 0.0, 2.0]), (MANY, 3))).sample(keys(MANY))
    expected = jax.nn.sigmoid(jnp.asarray([-1.0, 0.0, 2.0]))
    np.testing.assert_allclose(switches.mean(0), expected, atol=4 * 0.5 / np.sqrt(MANY))
    normal = DiagonalGaussian(jnp.full((MANY, 1), 2.0), jnp.full((MANY, 1), np.log(3.0)), (1,))
    assert stats.kstest(normal.sample(keys(MANY))[:, 0], "norm", (2.0, 3.0)).pvalue > 1e-3


def test_epsilon_greedy_and_epsilon_soft_choose_from_numbers_or_keys():
    score = jnp.broadcast_to(jnp.asarray([0.0, 1.0, 1.0, 0.0]), (MANY, 4))
    mask = jnp.broadcast_to(jnp.asarray([True, True, True, False]), score.shape)
    # With ε = 0.3: a third of 0.3 each for the possible ones, and half of 0.7 each for the two best.
    p = np.array([0.1, 0.1 + 0.35, 0.1 + 0.35])
    made = counted(epsilon_greedy(score, mask, 0.3, keys(MANY)), 4)
    assert made[3] == 0
    assert stats.chisquare(made[:3], MANY * p).pvalue > 1e-3
    p = 0.1 + 0.7 * np.exp([0, 1, 1]) / (1 + 2 * np.e)
    made = counted(epsilon_soft(score, mask, 0.3, 1.0, keys(MANY)), 4)
    assert stats.chisquare(made[:3], MANY * p).pvalue > 1e-3


@pytest.mark.parametrize("space", [Discrete(TOKENS), Box(-1.0, 1.0, (TOKENS,))])
def test_random_acts_in_a_large_space_with_noise_from_keys(space):
    spec = replace(ObservationReward().spec, action_space=space, num_envs=N)
    noise = Random().sample_noise(spec, jax.random.key(0))
    action, _, _ = Random().act(RandomState(spec), None, None, (), noise, None, explore=True)  # pyright: ignore
    assert is_key(noise)
    assert action.shape == (N, *space.shape)
    assert len({float(jnp.sum(row)) for row in action}) == N
    if isinstance(space, Box):
        assert stats.kstest(np.asarray(action).ravel(), "uniform", (-1, 2)).pvalue > 1e-3


SMALL = Network(hidden_sizes=(2,))
ALGORITHMS = {
    "PPO": PPO(n_steps=8, batch_size=16, n_epochs=1, network=SMALL),
    "DQN": DQN(buffer_size=32, batch_size=4, learning_starts=8, train_freq=4, network=SMALL),
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_sample_rollout_noise_over_tokens_keeps_little_noise_in_memory_and_trains(name):
    algorithm, environment = ALGORITHMS[name], ObservationReward(actions=Discrete(TOKENS))
    spec, steps = replace(environment.spec, num_envs=N), 4096
    noise = jax.eval_shape(
        lambda key: collect.sample_rollout_noise(
            algorithm, environment, spec, key, Stream.ACT, jnp.zeros((), jnp.int32), steps
        ),
        jax.random.key(0),
    )
    assert memory.nbytes(noise) < steps * N * 64  # as numbers, 50,000 times 4 bytes for each step

    acted = []
    for loop in (
        DeviceLoop(algorithm, environment, N, None, return_experience=True),
        HostLoop(algorithm, NativeOnHost(environment, N), None, return_experience=True),
    ):
        rows, metrics = [], {}
        step = loop.step if name == "PPO" else loop.warm_up
        run = loop.init(jax.random.key(2))
        for _ in range(2):
            run, metrics, experience = step(run, 1, 1)
            assert experience is not None
            rows.append(experience.action)
            step = loop.step
        assert np.isfinite(metrics["train/loss"])
        acted.append(np.concatenate(rows))
    np.testing.assert_array_equal(*acted)
    assert len(np.unique(acted[0][:4])) > 3 * N  # of 16 random tokens nearly all differ
