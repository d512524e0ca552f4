"""Wrappers: the native ones against Gymnasium's own, step by step, over one environment that is written twice."""

from __future__ import annotations

import math
from functools import partial
from typing import ClassVar

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from operant.envs import base
from operant.envs import gymnasium as bridge
from operant.envs.base import Environment
from operant.envs.classic.cartpole import CartPole
from operant.envs.classic.pendulum import Pendulum
from operant.envs.gymnasium_vector import VectorEnvironments
from operant.envs.probes import Senses
from operant.envs.source import Source
from operant.envs.wrappers import (
    ClipAction,
    ClipReward,
    Discretize,
    DiscretizeObservation,
    FrameStack,
    PotentialShaping,
    Repeat,
    RescaleAction,
    ScaleReward,
    Select,
    StickyActions,
    TimeAware,
    TimeLimit,
    wrap,
)
from operant.envs.wrappers.base import Wrapped
from operant.spaces import Box, MultiDiscrete

KEY = jax.random.key(3)
LOW, HIGH, LIMIT, EDGE = (-1.0, -2.0), (3.0, 2.0), 14, 12.0
GAMMA = 0.5


class Track(Environment):
    """A walk that ends at ±12, in numbers that float32 holds exactly, seen as [position, step] or in an image."""

    id: ClassVar[str] = "Track"
    max_episode_steps: int | None = eqx.field(default=LIMIT, static=True)
    image: bool = eqx.field(default=False, static=True)

    @property
    def observation_space(self) -> Box:
        return (
            Box(0.0, 255.0, (3, 4, 2), "uint8") if self.image else Box((-20.0, 0.0), (20.0, math.inf), (2,))
        )

    @property
    def action_space(self) -> Box:
        return Box(LOW, HIGH, (2,))

    def sample_noise(self, key):
        return jax.random.uniform(key)

    def reset(self, noise):
        return jnp.zeros(2)

    def step(self, state, action, noise):
        position = state[0] + action[0] + 0.5 * action[1]
        return jnp.stack([position, state[1] + 1]), 0.25 * position + 0.5, jnp.abs(position) >= EDGE

    def observation(self, state):
        if not self.image:
            return state
        return jnp.broadcast_to(jnp.floor(state) + 100, (3, 4, 2)).astype(jnp.uint8)


class TrackGym(gym.Env):
    """The same for Gymnasium, without its time limit."""

    action_space = gym.spaces.Box(np.float32(LOW), np.float32(HIGH))

    def __init__(self, image: bool = False) -> None:
        self.image = image
        self.observation_space = (
            gym.spaces.Box(0, 255, (3, 4, 2), np.uint8)
            if image
            else gym.spaces.Box(np.float32([-20, 0]), np.float32([20, np.inf]))
        )

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position, self.steps = 0.0, 0
        return self.seen(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self.position += float(action[0] + 0.5 * action[1])
        self.steps += 1
        return self.seen(), 0.25 * self.position + 0.5, abs(self.position) >= EDGE, False, {}

    def seen(self):
        if self.image:
            return np.broadcast_to(np.floor([self.position, self.steps]) + 100, (3, 4, 2)).astype(np.uint8)
        return np.array([self.position, self.steps], np.float32)


def limited(image: bool = False) -> gym.Env:
    return gym.wrappers.TimeLimit(TrackGym(image), LIMIT)


def potential(observation):
    return 2.0 * observation[..., 0] - observation[..., 1]


STACKS = {
    "none": [],
    "discretize": [Discretize((4, 2))],
    "discretize each": [Discretize((4, 2), multi=True)],
    "clip action": [ClipAction()],
    "rescale action": [RescaleAction(-4.0, 4.0)],
    "repeat": [Repeat(4)],
    "shorter": [TimeLimit(5)],
    "longer": [TimeLimit(17)],
    "unlimited": [TimeLimit(None)],
    "time aware": [TimeLimit(8), TimeAware(), Repeat(3)],
    "frame stack": [FrameStack(3)],
    "select": [Select((1, 0))],
    "discretize observation": [DiscretizeObservation((5, 3), -8.0, (8.0, 9.0))],
    "discretize part of it": [Select(0), DiscretizeObservation(4)],
    "select one": [TimeLimit(8), TimeAware(), Select(2), FrameStack(2)],
    "rewards": [ScaleReward(0.5), ClipReward(-0.25, 0.75)],
    "rewards in a repeat": [ClipReward(-0.25, 0.75), Repeat(3), ScaleReward(2.0)],
    "shaping": [Repeat(2), PotentialShaping(potential, GAMMA)],
    "everything": [TimeLimit(8), TimeAware(), Repeat(3), Discretize(4), FrameStack(2), ClipReward()],
}


# How episodes end there, for some.
ENDS = {
    "none": ("terminated", "truncated"),
    "repeat": ("terminated", "truncated"),
    "shorter": ("truncated",),
    "longer": ("terminated",),
    "unlimited": ("terminated",),
    "everything": ("terminated", "truncated"),
}


def both(stack, image=False, n=2):
    native = Source(Track(image=image), wrappers=tuple(stack))
    return native, Source(partial(limited, image), "gymnasium", wrappers=tuple(stack))


class Steps:
    """A native environment on the host without its randomness: one function to compile instead of three."""

    def __init__(self, environment: Environment, n: int) -> None:
        self.environment, self.noise = environment, base.sample_noise(environment, KEY, n)
        self.compiled = jax.jit(partial(base.step, environment))

    def reset(self, key, start_key=None, group=1):
        self.states, *seen = base.reset(self.environment, self.noise)
        return seen

    def step(self, action):
        self.states, timestep = self.compiled(self.states, action, self.noise)
        return jax.tree.map(np.asarray, timestep)


def tape(source, n, steps):
    """`(what reset showed, every step)` of random actions, also beyond the bounds of what has some."""
    generator, space = np.random.default_rng(0), source.spec.action_space
    host = source.host(n) if source.native is None else Steps(source.native, n)
    first, rows = host.reset(KEY)[0], []
    for _ in range(steps):
        if isinstance(space, Box):  # quarters, so that sums are exact
            action = np.round(generator.uniform(-5, 5, (n, 2)) * 4).astype(np.float32) / 4
            low, high = space.bounds
            action = action.clip(low, high).astype(np.float32)
        else:
            counts = np.array(getattr(space, "nvec", getattr(space, "n", 0)))
            action = generator.integers(0, counts, (n, *space.shape))
        rows.append(host.step(action.astype(space.dtype)))
    return first, rows


def assert_equal_tapes(one, other):
    np.testing.assert_array_equal(one[0], other[0])
    for mine, theirs in zip(one[1], other[1], strict=True):
        for name in ("observation", "next_observation", "reward", "terminated", "raw_reward"):
            np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name), err_msg=name)
        # Gymnasium's time limit also calls truncated what terminates at that very step.
        np.testing.assert_array_equal(mine.truncated, theirs.truncated & ~theirs.terminated)


@pytest.mark.parametrize("name", STACKS)
def test_wrappers_of_native_and_gymnasium_environments_agree_step_by_step(name):
    ours, theirs = both(STACKS[name])
    spec = ours.spec
    assert (spec.observation_space, spec.action_space) == (
        theirs.spec.observation_space,
        theirs.spec.action_space,
    )
    assert (spec.max_episode_steps, spec.frame_stack) == (
        theirs.spec.max_episode_steps,
        theirs.spec.frame_stack,
    )
    mine, gymnasiums = tape(ours, 2, 50), tape(theirs, 2, 50)
    assert_equal_tapes(mine, gymnasiums)
    for how in ENDS.get(name, ()):
        assert any(getattr(row, how).any() for row in mine[1])
    changed = any(wrapper.training_only for wrapper in STACKS[name])
    assert (mine[1][0].raw_reward is not None) == changed


def test_frame_stack_of_images_is_gymnasiums():
    ours, theirs = both([FrameStack(3)], image=True)
    assert ours.spec == theirs.spec.__class__(**{**vars(theirs.spec), "id": "Track"})
    assert ours.spec.frame_stack == 3
    assert ours.spec.observation_space == Box(0.0, 255.0, (3, 4, 6), "uint8")
    mine = tape(ours, 2, 30)
    assert_equal_tapes(mine, tape(theirs, 2, 30))
    # Channels are position, step; position, step; …, the newest last, and the first one repeated at the start.
    assert mine[0][0, 0, 0].tolist() == [100] * 6
    rows = [np.array([100] * 6)] * 2
    for row in mine[1]:
        done = row.terminated | row.truncated
        for n in range(2):
            newest = row.next_observation[n, 0, 0, -2:]
            assert row.next_observation[n, 2, 3].tolist() == [*rows[n][2:], *newest]
            rows[n] = np.array([100] * 6) if done[n] else np.array([*rows[n][2:], *newest])
            assert row.observation[n, 1, 1].tolist() == rows[n].tolist()


class Grey(Track):
    """Seen as an image without an axis of channels."""

    observation_space = Box(0.0, 255.0, (3, 4), "uint8")

    def observation(self, state):
        return jnp.full((3, 4), state[1], jnp.uint8)


def test_frame_stack_of_images_without_channels_is_gymnasiums():
    ours = Source(wrap(Grey(), FrameStack(3)))
    shades = gym.spaces.Box(0, 255, (3, 4), np.uint8)
    grey = gym.wrappers.TransformObservation(
        limited(), lambda seen: np.full((3, 4), seen[1], np.uint8), shades
    )
    theirs = Source(wrap(grey, FrameStack(3)))
    assert ours.spec.observation_space == theirs.spec.observation_space == Box(0.0, 255.0, (3, 4, 3), "uint8")
    mine = tape(ours, 1, 20)
    assert_equal_tapes(mine, tape(theirs, 1, 20))
    assert mine[1][3].next_observation[0, 2, 1].tolist() == [2, 3, 4]


class Taking(gym.Env):
    """Keeps what it was told."""

    observation_space = gym.spaces.Box(-1, 1, (1,))

    def __init__(self, actions):
        self.action_space, self.taken = actions, []

    def reset(self, *, seed=None, options=None):
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.taken.append(action)
        return np.zeros(1, np.float32), 0.0, False, False, {}


ON_ACTIONS = {
    "none": [],
    "rescale": [RescaleAction(-1, 1)],
    "rescale, rescale": [RescaleAction(-3, 7), RescaleAction(-1, 1)],
    "clip": [ClipAction()],
    "clip, rescaled inside": [RescaleAction(-1, 1), ClipAction()],
    "discretize": [Discretize(3)],
    "Gymnasium's": "Gymnasium's",
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("how", ON_ACTIONS)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")  # in Gymnasium's Box
def test_rescale_action_clip_action_and_discretize_reach_the_environment_in_its_space(how, dtype):
    """Whatever the bounds; rounding left it at one edge in five."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        low = rng.normal(size=2) * 10 ** rng.uniform(-3, 3)
        high = low + np.abs(rng.normal(size=2)) * 10 ** rng.uniform(-3, 3)
        inner = Taking(gym.spaces.Box(low.astype(dtype), high.astype(dtype), dtype=dtype))
        if how == "Gymnasium's":
            made = gym.wrappers.RescaleAction(inner, np.float32(-1), np.float32(1))
            environments = bridge.make(lambda made=made: made)
        else:
            environments = bridge.make(lambda inner=inner: inner, wrappers=ON_ACTIONS[how])
        environments.reset(jax.random.key(0))
        if how == "discretize":
            actions = np.int32([[0], [8]])
        else:
            space = environments.spec.action_space
            edges = [np.nan_to_num(bound, posinf=1e9, neginf=-1e9) for bound in space.bounds]
            actions = np.float32([[edges[0]], [edges[1]], [rng.uniform(*edges)]])
        for action in actions:
            environments.step(action)
        assert len(inner.taken) == len(actions)
        for taken in inner.taken:
            assert isinstance(taken, np.ndarray)
            assert inner.action_space.contains(taken), (taken, low, high)


class ChannelsFirst(Track):
    """Seen as an image `[C, H, W]` of which each channel has bounds of its own."""

    observation_space = Box((0.0,) * 20 + (5.0,) * 20, 250.0, (2, 4, 5))

    def observation(self, state):
        return jnp.stack([jnp.full((4, 5), state[1]), 100 + jnp.arange(20).reshape(4, 5)]).astype(jnp.float32)


def test_frame_stack_of_images_with_their_channels_first_is_along_these():
    ours = Source(wrap(ChannelsFirst(), FrameStack(3)))
    shades = gym.spaces.Box(*(bound.astype(np.float32) for bound in ChannelsFirst.observation_space.bounds))
    rest = 100 + np.arange(20).reshape(4, 5)
    theirs = gym.wrappers.TransformObservation(
        limited(), lambda seen: np.stack([np.full((4, 5), seen[1]), rest]).astype(np.float32), shades
    )
    theirs = Source(wrap(theirs, FrameStack(3)))
    assert ours.spec.observation_space == theirs.spec.observation_space
    assert ours.spec.observation_space == Box((0.0, 5.0) * 60, 250.0, (4, 5, 6))
    mine = tape(ours, 1, 20)
    assert_equal_tapes(mine, tape(theirs, 1, 20))
    assert mine[1][3].next_observation[0, 2, 1].tolist() == [2, 111, 3, 111, 4, 111]


def twice(env):
    return gym.wrappers.TransformObservation(env, lambda seen: 2 * seen, env.observation_space)


def test_discretize_observation_makes_numbers_the_parts_that_they_lie_in():
    wrapper = DiscretizeObservation((4, 2), (-2.0, 0.0), (2.0, 1.0))
    box = Box((-20.0, 0.0), (20.0, math.inf), (2,))
    for seen, parts in (
        ((-2.0, 0.0), (0, 0)),
        ((-1.01, 0.49), (0, 0)),
        ((-1.0, 0.5), (1, 1)),
        ((1.99, 7.0), (3, 1)),
        ((-19.0, math.inf), (0, 1)),
    ):
        for array in (np.float32(seen), jnp.float32(seen)):
            np.testing.assert_array_equal(wrapper.choose(box, array), parts)
    environment = wrap(CartPole(), "discretize-observation:3,2,6,4:-2.4,-2,-0.2,-2:2.4,2,0.2,2")
    assert environment.observation_space == MultiDiscrete((3, 2, 6, 4))


class Doubled(Wrapped):
    """A native environment whose observations are doubled."""

    def observation(self, state):
        return 2 * self.inner.observation(state.inner)


def test_frame_stack_is_stored_frame_by_frame_only_where_it_grows_by_one_at_a_step():
    for how, frames in (
        ([Repeat(2), FrameStack(3)], 3),
        ([FrameStack(3), TimeLimit(5), ClipReward(), PotentialShaping(potential), RescaleAction()], 3),
        ([FrameStack(3), Repeat(2)], 1),
        ([FrameStack(3), Repeat(2), FrameStack(2)], 2),
    ):
        ours, theirs = both(how)
        assert ours.spec.frame_stack == theirs.spec.frame_stack == frames, how
    assert Source(twice(wrap(limited(), FrameStack(3)))).spec.frame_stack == 1
    assert Doubled.around(wrap(Track(), FrameStack(3))).frame_stack == 1
    assert Source(wrap(twice(limited()), FrameStack(3))).spec.frame_stack == 3


def test_sticky_actions_agree_given_the_same_random_numbers():
    """Gymnasium's wrapper draws a number at every step of an episode but the first."""
    environment = wrap(Track(), StickyActions(0.5))
    noise = environment.sample_noise(jax.random.key(0))
    numbers = np.random.default_rng(1).random(60).astype(np.float32)
    actions = np.round(np.random.default_rng(2).uniform(LOW, HIGH, (60, 2)) * 4).astype(np.float32) / 4

    class Numbers:
        def uniform(self):
            return self.next

        def integers(self, low, high):
            return low  # how long it sticks: one step

    env = wrap(limited(), StickyActions(0.5))
    env.unwrapped._np_random = Numbers()  # what `np_random` returns
    step = jax.jit(environment.step)
    state = environment.reset(noise)
    env.reset()
    repeated = elapsed = 0
    for number, action in zip(numbers, actions, strict=True):
        env.unwrapped._np_random.next = number
        observation, reward, terminated, truncated, _ = env.step(action)
        before = state.own[0]
        state, ours, ended = step(state, action, (noise[0], number))
        elapsed += 1
        np.testing.assert_array_equal(environment.observation(state), observation)
        assert (float(ours), bool(ended)) == (reward, terminated)
        repeated += elapsed > 1 and bool((state.own[0] == before).all())
        if terminated or truncated:
            env.reset()
            state, elapsed = environment.reset(noise), 0
    assert 15 < repeated < 40


def test_potential_shaping_pays_what_the_potential_says_and_nothing_for_an_end():
    """Discounted, what an episode is paid is γ^T Φ(s_T) − Φ(s_0) where it is truncated, and −Φ(s_0) where it ends."""
    ours, _ = both([PotentialShaping(lambda o: potential(o) + 7.0, GAMMA)])
    _, rows = tape(ours, 1, 60)
    total, discount, ends = 0.0, 1.0, set()
    for row in rows:
        total += discount * float(row.reward[0] - row.raw_reward[0])
        discount *= GAMMA
        if row.truncated[0]:
            expected = discount * (potential(row.next_observation[0]) + 7.0) - 7.0
        if row.terminated[0]:
            expected = -7.0
        if row.terminated[0] or row.truncated[0]:
            assert total == pytest.approx(expected, abs=1e-4)
            total, discount = 0.0, 1.0
            ends.add("terminated" if row.terminated[0] else "truncated")
    assert ends == {"terminated", "truncated"}


def test_vector_environments_with_wrappers_tell_the_raw_reward_of_every_step():
    """As several processes do, whose `info` is put together by Gymnasium."""
    stack = (Repeat(2), ClipReward(-0.25, 0.75))
    single = bridge.make(limited, 2, wrappers=stack)
    several = VectorEnvironments(
        SyncVectorEnv(
            [partial(bridge._create, limited, {}, stack)] * 2, autoreset_mode=AutoresetMode.SAME_STEP
        )
    )
    single.reset(KEY), several.reset(KEY)
    generator = np.random.default_rng(0)
    for _ in range(30):
        action = np.round(generator.uniform(LOW, HIGH, (2, 2)) * 4).astype(np.float32) / 4
        one, other = single.step(action), several.step(action)
        np.testing.assert_array_equal(one.raw_reward, other.raw_reward)
        np.testing.assert_array_equal(one.reward, other.reward)


def test_source_scores_without_wrappers_that_only_change_rewards():
    stack = (Repeat(2), ClipReward(), Discretize(3), ScaleReward(0.1))
    for source in (Source(Track(), wrappers=stack), Source(limited, "gymnasium", wrappers=stack)):
        env = source.single()
        assert env.action_space == gym.spaces.Discrete(9)
        env.reset(seed=0)
        # Twice the centre of the last part of each dimension, 7/3 and 4/3, which move it by 3.
        total = 0.25 * 3 * (1 + 2) + 2 * 0.5
        assert env.step(8)[1] == pytest.approx(total, rel=1e-6)


def test_time_limit_replaces_that_of_a_registered_environment():
    for backend in ("native", "gymnasium"):
        for steps in (7, 300, None):
            source = Source("Pendulum-v1", backend, wrappers=(TimeLimit(steps),))
            assert source.spec.max_episode_steps == steps
    env = Source("Pendulum-v1", wrappers=(TimeLimit(300),)).single()
    env.reset(seed=0)
    ends = [env.step(np.zeros(1, np.float32))[3] for _ in range(300)]
    assert ends == [False] * 299 + [True]
    env = Source("GridWorld", wrappers=(TimeLimit(None),)).single()
    env.reset(seed=0)
    assert not any(env.step(3)[3] for _ in range(1100))  # into the wall for ever


REFUSED = {
    "Discretize needs Box actions: CartPole-v1 has Discrete": (CartPole(), Discretize(3)),
    "bins=.3, 3.: Pendulum-v1 has 1 dimension": (Pendulum(), Discretize((3, 3))),
    "RescaleAction needs bounded actions": (wrap(Pendulum(), ClipAction()), RescaleAction()),
    "Discretize needs bounded actions": (wrap(Pendulum(), ClipAction()), Discretize(3)),
    "stacks of 2 already": (wrap(Pendulum(), FrameStack(2)), FrameStack(2)),
    "FrameStack needs vectors or images": (Senses(size=3), FrameStack(2)),
    "stacks of 2, to which it": (wrap(Pendulum(), FrameStack(2)), TimeAware()),
    "stacks of 2: put FrameStack after": (wrap(Pendulum(), FrameStack(2)), Select(0)),
    "DiscretizeObservation needs vectors": (Senses(size=3), DiscretizeObservation(2)),
    "bins=.3, 3.: observations of CartPole-v1 have 4 element": (CartPole(), DiscretizeObservation((3, 3))),
    "element 1 of CartPole-v1 would range from -inf to inf": (CartPole(), DiscretizeObservation(3)),
    "have elements 0 to 2": (Pendulum(), Select((0, 3))),
    "needs a time limit, and Pendulum-v1 has none": (Pendulum(max_episode_steps=None), TimeAware()),
}


@pytest.mark.parametrize("message", REFUSED)
def test_wrappers_that_do_not_suit_an_environment_are_refused(message):
    environment, wrapper = REFUSED[message]
    with pytest.raises(ValueError, match=message):
        wrap(environment, wrapper)


def test_source_of_a_vector_environment_takes_no_wrappers():
    envs = SyncVectorEnv([limited], autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(ValueError, match=r"Discretize\(bins=3, multi=False\).*vector environment"):
        bridge.make(envs, wrappers=[Discretize(3)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Discretize(1), "Discretize: bins=1: must be a whole number, at least 2"),
        (lambda: Discretize("x"), "bins='x'"),
        (lambda: Repeat(0), "Repeat: times=0: must be a whole number, at least 1"),
        (lambda: TimeLimit(2.5), "steps=2.5"),
        (lambda: StickyActions(1.0), "probability=1.0: must be a number from 0 to below 1"),
        (lambda: ClipReward(1, -1), "high=-1: must be more than low=1"),
        (lambda: ScaleReward(0), "factor=0: must be a number above 0"),
        (lambda: RescaleAction(1.0, math.inf), "high=inf"),
        (lambda: FrameStack(1), "size=1"),
        (lambda: Select((1, 1)), r"keep=\(1, 1\): must be different whole numbers"),
        (lambda: DiscretizeObservation(1), "bins=1: must be a whole number, at least 2"),
        (lambda: DiscretizeObservation(3, -math.inf), "low=-inf: must be a finite number"),
        (lambda: Select(-1), "keep=-1: must be different"),
        (lambda: PotentialShaping(3.0), "potential=3.0: must be a function"),
        (lambda: PotentialShaping(potential, 2), r"gamma=2: must be a number in \[0, 1\]"),
    ],
)
def test_wrappers_refuse_values_that_make_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()
