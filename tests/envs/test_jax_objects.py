"""Environments with the interfaces of gymnax and Brax, against stepping the objects by hand."""

from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.envs import base
from operant.envs.jax_objects import adopted, key_of
from operant.envs.source import Source
from operant.networks import Network

dataclass_of_arrays = partial(jax.tree_util.register_dataclass, meta_fields=[])
NETWORK = Network((8,))
COPIES = 8


# an environment of gymnax's interface


@dataclass(frozen=True)
class Params:
    max_steps_in_episode: int = 7
    width: float = 2.0


@partial(dataclass_of_arrays, data_fields=["place", "time"])
@dataclass
class Place:
    place: Any
    time: Any


def left(state, params):
    return abs(state.place) > params.width


def late(state, params):
    return state.time >= params.max_steps_in_episode


class BareLine:
    """A noisy walk: an episode ends beyond ±width or after its time, and it does not say which of the two."""

    default_params = Params()
    name = "Line"

    def done(self, state, params):
        return left(state, params) | late(state, params)

    def reset_env(self, key, params):
        state = Place(jax.random.uniform(key, minval=-1.0, maxval=1.0), 0)
        return self.seen(state), state

    def step_env(self, key, state, action, params):
        place = state.place + 0.8 * (2 * action - 1) + 0.3 * jax.random.normal(key)
        state = Place(place, state.time + 1)
        return self.seen(state), state, place, self.done(state, params), {}

    def step(self, key, state, action, params):
        """As gymnax has it."""
        key, key_reset = jax.random.split(key)
        seen, state, reward, done, info = self.step_env(key, state, action, params)
        fresh, begun = self.reset_env(key_reset, params)
        choose = partial(jax.tree.map, lambda new, old: jnp.where(done, new, old))
        return choose(fresh, seen), choose(begun, state), reward, done, info

    def seen(self, state):
        return jnp.stack([state.place, jnp.asarray(state.time, jnp.float32)])

    def action_space(self, params):
        return SimpleNamespace(n=2, shape=(), dtype=jnp.int32)

    def observation_space(self, params):
        return SimpleNamespace(low=-jnp.inf, high=jnp.array([jnp.inf, 99.0]), shape=(2,), dtype=jnp.float32)


class Line(BareLine):
    """As gymnax has it before 1.0."""

    def is_terminal(self, state, params):
        return self.done(state, params)


class NewLine(BareLine):
    """As gymnax has it from 1.0 on: the time limit is not among the ends that `step_env` tells."""

    def done(self, state, params):
        return left(state, params)

    def is_truncated(self, state, params):
        return late(state, params)


def tape(environment, steps=40):
    """`(noise of each step, actions, time steps)`, leaves `[T, N, …]`, and the first observation."""
    keys = jax.random.split(jax.random.key(0), steps + 1)
    noise = jax.vmap(lambda key: base.sample_noise(environment, key, COPIES))(keys)
    states, first, _ = base.reset(environment, noise[0])
    actions = jax.vmap(jax.vmap(environment.action_space.sample))(
        jax.random.split(jax.random.key(1), (steps, COPIES))
    )

    def advance(states, now):
        return base.step(environment, states, *now)

    _, seen = jax.jit(partial(jax.lax.scan, advance))(states, (actions, noise[1:]))
    return noise, actions, seen, first


def test_like_gymnax_steps_and_resets_as_the_object_by_hand():
    line, params = Line(), Params(5)
    environment = adopted((line, params))
    noise, actions, seen, first = tape(environment)

    keys = jax.vmap(jax.vmap(key_of))(noise)
    observation, state = jax.vmap(lambda key: line.reset_env(jax.random.split(key)[1], params))(keys[0])
    np.testing.assert_array_equal(first, observation)
    step = jax.jit(jax.vmap(lambda key, state, action: line.step(key, state, action, params)))
    for t in range(len(actions)):
        observation, state, reward, done, _ = step(keys[t + 1], state, actions[t])
        np.testing.assert_allclose(seen.observation[t], observation, rtol=1e-6)
        np.testing.assert_allclose(seen.reward[t], reward, rtol=1e-6)
        np.testing.assert_array_equal(seen.terminated[t] | seen.truncated[t], done)
    place, time = np.moveaxis(np.asarray(seen.next_observation), -1, 0)  # also where an episode has ended
    np.testing.assert_allclose(place, seen.reward, rtol=1e-5)
    np.testing.assert_array_equal(seen.terminated, abs(place) > params.width)
    assert (seen.terminated & (time == 5)).any()
    assert seen.truncated.any()
    assert not (seen.terminated & seen.truncated).any()


def test_like_gymnax_tells_ends_of_time_from_others_in_every_release():
    old, new, bare = (tape(adopted(line()))[2] for line in (Line, NewLine, BareLine))
    for name in ("observation", "next_observation", "reward", "terminated", "truncated"):
        np.testing.assert_array_equal(getattr(new, name), getattr(old, name), err_msg=name)
    last = bare.next_observation[..., 1] == Params().max_steps_in_episode
    np.testing.assert_array_equal(bare.truncated, last)  # where it cannot be told
    np.testing.assert_array_equal(bare.terminated, old.terminated & ~last)


def test_adopted_describes_the_object():
    environment = adopted((Line(), replace(Params(), max_steps_in_episode=3)))
    assert environment.id == "test_jax_objects/Line"
    assert environment.spec.max_episode_steps == 3
    assert environment.action_space == operant.spaces.Discrete(2)
    assert environment.observation_space.high == (np.inf, 99.0)
    line, other = Line(), Line()
    assert adopted(line) == adopted(line) != adopted(other)  # a program for each object, and no more
    assert hash(adopted(line)) == hash(adopted(line))
    for left_alone in ("CartPole-v1", environment, [line], (1, 2), None):
        assert adopted(left_alone) is left_alone


@pytest.mark.parametrize(
    ("algorithm", "values"),
    [
        ("PPO", {"n_steps": 16, "batch_size": 32, "num_envs": 4}),
        ("DQN", {"buffer_size": 200, "learning_starts": 20, "batch_size": 8}),
    ],
)
def test_adopted_objects_train_on_the_device_and_are_scored(algorithm, values, tmp_path):
    given = Line(), Params()
    agent = getattr(operant, algorithm)(given, preset=None, network=NETWORK, **values)
    assert "native" in repr(agent)
    agent.learn(128, progress_bar=False)
    assert agent.step == 128
    assert 1 <= agent.evaluate(4).lengths.max() <= 7
    agent.save(tmp_path / "model.safetensors")
    loaded = operant.load(tmp_path / "model.safetensors", env=given)
    observation = np.zeros(2, np.float32)
    assert loaded.predict(observation) == agent.predict(observation)


# an environment of Brax's interface


@partial(dataclass_of_arrays, data_fields=["pipeline_state", "obs", "reward", "done", "metrics", "info"])
@dataclass
class BraxState:
    pipeline_state: Any
    obs: Any
    reward: Any
    done: Any
    metrics: dict[str, Any] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)


class Slide:
    """Pushed along two axes; an episode ends 2 away from the middle, where the distance is large."""

    observation_size = 2
    action_size = 2

    def reset(self, rng):
        place = jax.random.uniform(rng, (2,), minval=-1.0, maxval=1.0)
        zero = jnp.zeros(())
        return BraxState(place, place, zero, zero, {"distance": zero}, {"steps": 0})

    def step(self, state, action):
        place = state.pipeline_state + action
        distance = jnp.sqrt((place**2).sum())
        done = jnp.where(distance > 2, 1.0, 0.0)
        info = {**state.info, "steps": state.info["steps"] + 1}
        return replace(
            state,
            pipeline_state=place,
            obs=place,
            reward=-distance,
            done=done,
            metrics={"distance": distance},
            info=info,
        )


class Limited:
    """As Brax's EpisodeWrapper: it ends an episode after its time, and says so."""

    observation_size = 2
    action_size = 2
    unwrapped = Slide()
    episode_length, action_repeat = 6, 2  # in the steps of what is inside

    def reset(self, rng):
        state = self.unwrapped.reset(rng)
        return replace(state, info=state.info | {"truncation": jnp.zeros(())})

    def step(self, state, action):
        paid = 0.0
        for _ in range(self.action_repeat):
            after = self.unwrapped.step(state, action)
            state, paid = after, paid + after.reward
        over = state.info["steps"] >= self.episode_length
        cut = jnp.where(over, 1 - state.done, 0.0)
        return replace(
            state,
            reward=paid,
            done=jnp.where(over, 1.0, state.done),
            info=state.info | {"truncation": cut},
        )


@pytest.mark.parametrize("env", [Slide(), Limited()], ids=["bare", "with a time limit"])
def test_like_brax_steps_as_the_object_by_hand(env):
    environment = adopted(env)
    assert environment.id == "test_jax_objects/Slide"
    assert environment.max_episode_steps == (None if isinstance(env, Slide) else 3)
    noise, actions, seen, first = tape(environment)

    keys = jax.vmap(jax.vmap(key_of))(noise)
    states = jax.vmap(env.reset)(keys[0])
    np.testing.assert_allclose(first, states.obs, rtol=1e-6)
    for t in range(len(actions)):
        after = jax.vmap(env.step)(states, actions[t])
        done = np.asarray(after.done > 0)
        np.testing.assert_allclose(seen.next_observation[t], after.obs, rtol=1e-5)
        np.testing.assert_allclose(seen.reward[t], after.reward, rtol=1e-5)
        np.testing.assert_array_equal(seen.terminated[t] | seen.truncated[t], done)
        np.testing.assert_array_equal(seen.truncated[t], after.info.get("truncation", np.zeros(COPIES)) > 0)
        fresh = jax.vmap(env.reset)(keys[t + 1])
        states = jax.tree.map(
            lambda new, old, done=done: jnp.where(done.reshape(-1, *[1] * (old.ndim - 1)), new, old),
            fresh,
            after,
        )
        np.testing.assert_allclose(seen.observation[t], states.obs, rtol=1e-5)
    assert seen.terminated.any()
    assert seen.truncated.any() == isinstance(env, Limited)


def test_like_brax_trains_with_a_time_limit_of_operants():
    agent = operant.PPO(
        Slide(), preset=None, wrappers="time-limit:5", network=NETWORK, num_envs=4, n_steps=16, batch_size=32
    )
    agent.learn(128, progress_bar=False)
    assert "native" in repr(agent)
    assert agent.history[-1]["rollout/ep_len_mean"] <= 5


# what is refused


class Wrapper:
    """As gymnax's: what it does not define is that of the environment inside."""

    def __init__(self, env):
        self._env = env

    def __getattr__(self, name):
        return getattr(self._env, name)

    def reset(self, key, params=None): ...

    def step(self, key, state, action, params=None): ...


Wrapper.__module__ = "gymnax.wrappers.purerl"


class WrongShape(Line):
    def seen(self, state):
        return jnp.zeros(3)


class WrongSpace(Line):
    def action_space(self, params):
        return "left or right"


class Resetting(Slide):
    def reset(self, rng):
        state = super().reset(rng)
        return replace(state, info=state.info | {"first_obs": state.obs})


class Batched(Slide):
    def reset(self, rng):
        return jax.vmap(super().reset)(jax.random.split(rng, 3))


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (
            Wrapper(Line()),
            r"Wrapper is of gymnax, but no environment object without a wrapper: give what gymnax.make",
        ),
        (WrongShape(), r"test_jax_objects/Line: observation must have shape \(2,\); got \(3,\)"),
        (WrongSpace(), r"Line: operant cannot take the space 'left or right': give one with low"),
        (Resetting(), r"Resetting resets itself.*AutoResetWrapper"),
        (Batched(), r"Batched: observation must have shape \(2,\); got \(3, 2\)"),
    ],
)
def test_adopted_refuses_what_it_would_get_wrong(env, message):
    with pytest.raises(ValueError, match=message):
        _ = Source(env).spec


# the libraries themselves


def test_gymnaxs_cartpole_agrees_with_its_own_step():
    gymnax = pytest.importorskip("gymnax")
    env, params = gymnax.make("CartPole-v1")
    params = params.replace(max_steps_in_episode=12)
    environment = adopted((env, params))
    assert environment.id == "gymnax/CartPole-v1"
    noise, actions, seen, first = tape(environment)
    keys = jax.vmap(jax.vmap(key_of))(noise)
    observation, state = jax.vmap(lambda key: env.reset(jax.random.split(key)[1], params))(keys[0])
    np.testing.assert_allclose(first, observation, rtol=1e-6)
    step = jax.vmap(lambda key, state, action: env.step(key, state, action, params))
    for t in range(len(actions)):
        observation, state, reward, *ends, _ = step(keys[t + 1], state, actions[t])
        np.testing.assert_allclose(seen.observation[t], observation, rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(seen.reward[t], reward)
        np.testing.assert_array_equal(seen.terminated[t] | seen.truncated[t], np.any(ends, 0))
    assert seen.terminated.any()
    assert seen.truncated.any()
    agent = operant.PPO((env, params), preset=None, network=NETWORK, num_envs=4, n_steps=16, batch_size=32)
    assert agent.learn(128, progress_bar=False).step == 128


def test_braxs_fast_environment_agrees_with_its_own_step():
    envs = pytest.importorskip("brax.envs")
    env = envs.create("fast", episode_length=5, auto_reset=False)
    environment = adopted(env)
    assert (environment.id, environment.max_episode_steps) == ("brax/Fast", 5)
    noise, actions, seen, first = tape(environment, 12)
    state = env.reset(key_of(noise[0, 0]))
    np.testing.assert_allclose(first[0], state.obs)
    for t in range(12):
        state = env.step(state, actions[t, 0])
        np.testing.assert_allclose(seen.next_observation[t, 0], state.obs)
        np.testing.assert_allclose(seen.reward[t, 0], state.reward)
        assert bool(seen.truncated[t, 0]) == bool(state.info["truncation"])
        if state.done:
            state = env.reset(key_of(noise[t + 1, 0]))
    assert seen.truncated[4].all()
    agent = operant.PPO(env, preset=None, network=NETWORK, num_envs=4, n_steps=16, batch_size=32)
    assert agent.learn(128, progress_bar=False).step == 128
