"""The native classics against Gymnasium's own, step by step from the same state, and in a batch."""

from functools import cache

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.envs import base
from operant.envs.classic.pendulum import Pendulum
from operant.envs.registry import native

STEPS = 4000
# Most episodes start anywhere in these ranges, so that walls, clips, wraps and goals all occur.
ANYWHERE = {
    "CartPole-v1": ([-2.4, -3.0, -0.2, -3.0], [2.4, 3.0, 0.2, 3.0]),
    "Pendulum-v1": ([-20.0, -8.0], [20.0, 8.0]),
    "MountainCar-v0": ([-1.2, -0.07], [0.6, 0.07]),
    "MountainCarContinuous-v0": ([-1.2, -0.07], [0.6, 0.07]),
    "Acrobot-v1": ([-3.14, -3.14, -12.5, -28.0], [3.14, 3.14, 12.5, 28.0]),
}


def wall(position: np.ndarray) -> np.ndarray:
    """How far the mountain cars are from touching the wall; infinite for those at it."""
    at_it = position == np.asarray(-1.2, position.dtype)
    return np.where(at_it, np.inf, abs(position + 1.2))


# How far Gymnasium's float64 state is from a decision that float32 may take differently.
EDGES = {
    "CartPole-v1": lambda s: np.minimum(abs(abs(s[:, 0]) - 2.4), abs(abs(s[:, 2]) - np.radians(12))),
    "Pendulum-v1": lambda s: np.full(len(s), np.inf),
    "MountainCar-v0": lambda s: np.minimum(abs(s[:, 0] - 0.5), wall(s[:, 0])),
    "MountainCarContinuous-v0": lambda s: np.minimum(abs(s[:, 0] - 0.45), wall(s[:, 0])),
    "Acrobot-v1": lambda s: abs(-np.cos(s[:, 0]) - np.cos(s[:, 0] + s[:, 1]) - 1),
}
# Relative to the largest number in the state. At 20 rad/s one step of the acrobot magnifies rounding a lot.
TOLERANCE = dict.fromkeys(ANYWHERE, 1e-6) | {"Acrobot-v1": 5e-5}


@cache
def gymnasium_tape(id: str) -> dict[str, np.ndarray]:
    """`STEPS` random steps of Gymnasium's environment and the states before and after, over many episodes."""
    env = gymnasium.make(id, disable_env_checker=True)
    generator = np.random.default_rng(0)
    env.action_space.seed(0)
    rows, fresh, anywhere = [], True, False
    env.reset(seed=0)
    for _ in range(STEPS):
        if fresh:
            env.reset()
            anywhere = generator.random() < 0.9
            if anywhere:
                env.unwrapped.state = generator.uniform(*ANYWHERE[id])
        before = np.array(env.unwrapped.state, np.float64)
        action = env.action_space.sample()
        if isinstance(env.action_space, gymnasium.spaces.Box):
            action = 2 * action  # half of them beyond the bounds
        observation, reward, terminated, truncated, _ = env.step(action)
        after = np.array(env.unwrapped.state, np.float64)
        rows.append((before, action, after, observation, reward, terminated))
        fresh = terminated or truncated or generator.random() < (0.2 if anywhere else 0.01)
    names = ("before", "action", "after", "observation", "reward", "terminated")
    return {name: np.stack(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


@cache
def native_steps(id: str) -> dict[str, np.ndarray]:
    """The native environment's answers to every row of the tape."""
    tape, environment = gymnasium_tape(id), native(id)

    @jax.jit
    @jax.vmap
    def answer(state, action, noise):
        next_state, reward, terminated = environment.step(state, action, noise)
        return {
            "after": next_state,
            "observation": environment.observation(next_state),
            "reward": reward,
            "terminated": terminated,
        }

    noise = base.sample_noise(environment, jax.random.key(0), STEPS)
    return jax.device_get(
        answer(jnp.asarray(tape["before"], jnp.float32), jnp.asarray(tape["action"]), noise)
    )


@pytest.mark.parametrize("id", ANYWHERE)
def test_classic_environments_step_as_gymnasiums_do(id):
    tape, ours = gymnasium_tape(id), native_steps(id)
    clear = EDGES[id](tape["after"]) > 1e-5
    assert clear.mean() > 0.99

    difference = ours["after"] - tape["after"]
    if id == "Acrobot-v1":  # −π and π are the same angle
        difference[:, :2] = (difference[:, :2] + np.pi) % (2 * np.pi) - np.pi
    scale = 1 + abs(tape["before"]).max(axis=1)
    assert (abs(difference).max(axis=1) / scale)[clear].max() < TOLERANCE[id]
    difference = abs(ours["observation"] - tape["observation"]).max(axis=1)
    assert (difference / scale)[clear].max() < TOLERANCE[id]
    difference = abs(ours["reward"] - tape["reward"]) / (scale + abs(tape["reward"]))
    assert difference[clear].max() < TOLERANCE[id]
    np.testing.assert_array_equal(ours["terminated"][clear], tape["terminated"][clear])
    assert ours["after"].dtype == ours["observation"].dtype == ours["reward"].dtype == np.float32


def test_classic_environments_meet_every_branch_on_their_tapes():
    ends = {id: int(gymnasium_tape(id)["terminated"].sum()) for id in ANYWHERE}
    assert ends.pop("Pendulum-v1") == 0
    assert min(ends.values()) >= 10, ends
    cart = gymnasium_tape("CartPole-v1")["after"]
    assert (cart[:, 0] < -2.4).any()
    assert (cart[:, 0] > 2.4).any()
    assert (cart[:, 2] < -np.radians(12)).any()
    assert (cart[:, 2] > np.radians(12)).any()
    for id in ("MountainCar-v0", "MountainCarContinuous-v0"):
        car = gymnasium_tape(id)["observation"]
        assert (car[:, 0] == np.float32(-1.2)).sum() >= 10
        assert (car[:, 1] == np.float32(0.07)).any()
        assert (car[:, 1] == np.float32(-0.07)).any()
    assert (abs(gymnasium_tape("MountainCarContinuous-v0")["action"]) > 1).any()
    pendulum = gymnasium_tape("Pendulum-v1")
    assert (abs(pendulum["action"]) > 2).any()
    assert (abs(pendulum["after"][:, 1]) == 8).any()
    assert (abs(pendulum["before"][:, 0]) > np.pi).any()
    acrobot = gymnasium_tape("Acrobot-v1")["after"]
    assert (abs(acrobot[:, 2]) == 4 * np.pi).any()
    assert (abs(acrobot[:, 3]) == 9 * np.pi).any()


@pytest.mark.parametrize("id", ANYWHERE)
def test_classic_environments_have_gymnasiums_spaces_and_time_limit(id):
    theirs, ours = gymnasium.make(id), native(id).spec
    assert ours.id == theirs.spec.id
    assert ours.max_episode_steps == theirs.spec.max_episode_steps
    assert type(ours.action_space).__name__ == type(theirs.action_space).__name__
    assert ours.action_space.shape == theirs.action_space.shape
    spaces = [(ours.observation_space, theirs.observation_space)]
    if isinstance(theirs.action_space, gymnasium.spaces.Discrete):
        assert ours.action_space.n == theirs.action_space.n
    else:
        spaces.append((ours.action_space, theirs.action_space))
    for mine, gymnasiums in spaces:
        np.testing.assert_allclose(mine.bounds[0], gymnasiums.low, rtol=1e-6)
        np.testing.assert_allclose(mine.bounds[1], gymnasiums.high, rtol=1e-6)


@pytest.mark.parametrize(
    ("id", "low", "high"),
    [
        ("CartPole-v1", [-0.05] * 4, [0.05] * 4),
        ("Pendulum-v1", [-np.pi, -1.0], [np.pi, 1.0]),
        ("MountainCar-v0", [-0.6, 0.0], [-0.4, 0.0]),
        ("MountainCarContinuous-v0", [-0.6, 0.0], [-0.4, 0.0]),
        ("Acrobot-v1", [-0.1] * 4, [0.1] * 4),
    ],
)
def test_classic_environments_reset_uniformly_within_gymnasiums_bounds(id, low, high):
    environment, n = native(id), 4096
    states, observation, mask = base.reset(environment, base.sample_noise(environment, jax.random.key(1), n))
    state, low, high = np.asarray(states.inner), np.array(low), np.array(high)
    assert mask is None
    assert (state >= low - 1e-6).all()
    assert (state <= high + 1e-6).all()
    # The mean and the standard deviation of n uniform draws, within five standard errors.
    width = high - low
    assert (abs(state.mean(0) - (low + high) / 2) <= 5 * width / np.sqrt(12 * n)).all()
    np.testing.assert_allclose(state.std(0), width / np.sqrt(12), rtol=0.05)
    correlations = np.atleast_2d(np.corrcoef(state[:, width > 0].T))
    assert abs(correlations - np.eye(len(correlations))).max() < 0.1
    assert observation.shape == (n, *environment.observation_space.shape)


@pytest.mark.parametrize("id", ANYWHERE)
def test_classic_environments_truncate_when_gymnasiums_do(id):
    """Three copies: two steps before the limit, one step before it, and at the start of an episode."""
    environment, n = native(id), 3
    limit = gymnasium.make(id).spec.max_episode_steps
    noise = jax.vmap(lambda key: base.sample_noise(environment, key, n))(
        jax.random.split(jax.random.key(2), 4)
    )

    def row(t):
        return jax.tree.map(lambda x: x[t], noise)

    states, _, _ = base.reset(environment, row(0))
    states = base.EnvironmentState(states.inner, jnp.array([limit - 2, limit - 1, 0]))
    action = jnp.zeros((n, *environment.action_space.shape), environment.action_space.dtype)
    advance = jax.jit(lambda s, noise: base.step(environment, s, action, noise))
    fresh, fresh_observation, _ = base.reset(environment, row(1))

    expected, _, _ = jax.vmap(environment.step)(states.inner, action, row(1))
    states, first = advance(states, row(1))
    assert first.truncated.tolist() == [False, True, False]
    assert not first.terminated.any()
    assert states.elapsed.tolist() == [limit - 1, 0, 1]
    # The true successor in next_observation; the reset observation only where the episode ended.
    successor = jax.vmap(environment.observation)(expected)
    np.testing.assert_allclose(first.next_observation, successor, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(first.observation[1], fresh_observation[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(first.observation[0], first.next_observation[0])
    assert not np.allclose(first.observation[1], first.next_observation[1])
    np.testing.assert_allclose(states.inner[1], fresh.inner[1], rtol=1e-5, atol=1e-6)

    states, second = advance(states, row(2))
    assert second.truncated.tolist() == [True, False, False]
    assert states.elapsed.tolist() == [0, 1, 2]


def test_step_that_terminates_at_the_time_limit_is_not_truncated():
    environment = native("CartPole-v1")
    falling = jnp.array([[0.0, 0.0, 0.2, 3.0], [0.0, 0.0, 0.0, 0.0]])
    states = base.EnvironmentState(falling, jnp.array([499, 499]))
    noise = base.sample_noise(environment, jax.random.key(0), 2)
    states, step = base.step(environment, states, jnp.array([1, 1]), noise)
    assert step.terminated.tolist() == [True, False]
    assert step.truncated.tolist() == [False, True]
    np.testing.assert_array_equal(states.inner, noise)
    assert step.next_observation[0, 2] > 0.2  # fallen
    np.testing.assert_array_equal(step.observation, noise)


def test_pendulum_without_a_limit_is_never_truncated():
    environment = Pendulum(max_episode_steps=None)
    states = base.EnvironmentState(jnp.zeros((1, 2)), jnp.array([10_000]))
    noise = base.sample_noise(environment, jax.random.key(0), 1)
    states, step = base.step(environment, states, jnp.zeros((1, 1)), noise)
    assert not step.truncated.any()
    assert not step.terminated.any()
    assert states.elapsed.tolist() == [10_001]


def test_native_of_an_unknown_id_offers_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'CartPole-v1'"):
        native("Cartpole-v1")
    with pytest.raises(
        ValueError, match=r"Native are CartPole-v1, Pendulum-v1, MountainCar-v0, MountainCarCon"
    ):
        native("zzz")
