"""Wrappers of image environments: frame by frame against Gymnasium's AtariPreprocessing, and natively."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.envs.base import Environment
from operant.envs.source import Source
from operant.envs.wrappers import FireStart, FrameStack, Grayscale, LifeLoss, NoopStart, Repeat, Resize, wrap
from operant.spaces import Box, Discrete


def ale(id, **kwargs):
    pytest.importorskip("ale_py")
    return gym.make(id, disable_env_checker=True, **kwargs)


@pytest.mark.parametrize(("game", "obs_type", "noops"), [("Breakout", "grayscale", 30), ("Pong", "rgb", 1)])
def test_wrappers_are_gymnasiums_atari_preprocessing_frame_by_frame(game, obs_type, noops):
    """Catches another frame than the last two in the maximum, an image of the wrong side, one reward lost, and a number
    of no-ops that is one off.
    """
    pytest.importorskip("cv2")
    theirs = gym.wrappers.AtariPreprocessing(ale(f"{game}NoFrameskip-v4"), noop_max=noops, screen_size=84)
    ours = wrap(
        ale(f"{game}NoFrameskip-v4", obs_type=obs_type),
        [NoopStart(noops), *([Grayscale()] if obs_type == "rgb" else []), Repeat(4, 2), Resize(84, 84)],
    )
    assert ours.observation_space == theirs.observation_space
    generator, episodes, rewards = np.random.default_rng(0), 0, set()
    over = True
    for t in range(450):
        if over:
            first, info = theirs.reset(seed=t)
            mine, own = ours.reset(seed=t)
            np.testing.assert_array_equal(mine, first)
            assert own["episode_frame_number"] == info["episode_frame_number"]
            episodes += 1
        action = int(generator.integers(theirs.action_space.n))
        seen, reward, *ended, info = theirs.step(action)
        mine, *outcome, own = ours.step(action)
        assert (*outcome, own) == (reward, *ended, info)
        over, _ = any(ended), rewards.add(reward)
        if not over:  # there AtariPreprocessing shows what it held before
            np.testing.assert_array_equal(mine, seen)
    assert len(rewards) > 1
    assert episodes > 1 or game == "Pong"


class Beacon(gym.Env):
    """An image of three colours that shows the number of the step, one colour brighter than another."""

    observation_space = gym.spaces.Box(0, 255, (6, 5, 3), np.uint8)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, ends: int = 7, meanings: tuple[str, ...] = ("NOOP", "FIRE", "LEFT")) -> None:
        self.ends, self.taken, self.meanings = ends, [], meanings

    def get_action_meanings(self):
        return list(self.meanings)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.seen(), {"steps": 0}

    def step(self, action):
        self.taken.append(int(action))
        self.steps += 1
        return self.seen(), float(self.steps), self.steps >= self.ends, False, {"steps": self.steps}

    def seen(self):
        rows = np.arange(6)[:, None, None] + np.arange(3) * 10
        flicker = 100 * (self.steps % 2)
        return np.broadcast_to(rows + 3 * self.steps + flicker, (6, 5, 3)).astype(np.uint8)


class NativeBeacon(Environment):
    id: ClassVar[str] = "Beacon"
    max_episode_steps: ClassVar[int | None] = None
    ends: int = eqx.field(default=7, static=True)
    observation_space: ClassVar[Box] = Box(0.0, 255.0, (6, 5, 3), "uint8")
    action_space: ClassVar[Discrete] = Discrete(3)

    def sample_noise(self, key):
        return jnp.zeros(())

    def reset(self, noise):
        return jnp.zeros((), jnp.int32)

    def step(self, state, action, noise):
        state = state + 1
        return state, state.astype(jnp.float32), state >= self.ends

    def observation(self, state):
        rows = np.arange(6)[:, None, None] + np.arange(3) * 10 + 3 * state + 100 * (state % 2)
        return jnp.broadcast_to(rows, (6, 5, 3)).astype(jnp.uint8)


STACK = [Repeat(4, 2), Grayscale(), Resize(3, 3), FrameStack(2)]


def test_wrappers_of_images_agree_natively_with_those_around_gymnasium():
    """Catches a maximum that remembers the step before, or the end of an episode that shows a frame of nothing."""
    from tests.envs.test_wrappers import assert_equal_tapes, tape

    ours, theirs = (
        Source(env, how, wrappers=tuple(STACK))
        for env, how in ((NativeBeacon(), "auto"), (Beacon, "gymnasium"))
    )
    assert ours.spec.observation_space == theirs.spec.observation_space == Box(0.0, 255.0, (3, 3, 2), "uint8")
    assert ours.spec.frame_stack == theirs.spec.frame_stack == 2
    mine, gymnasiums = tape(ours, 2, 8), tape(theirs, 2, 8)
    assert_equal_tapes(mine, gymnasiums)
    # Steps 1 to 4, of which 3 is the brighter of the last two, 109 + 8.15 in its first row and 1 more in the second;
    # then 5 to 7, which is the end. Halves go to even numbers.
    assert [row.next_observation[0, 0, 0, 1] for row in mine[1][:2]] == [118, 130]
    assert [row.terminated[0] for row in mine[1][:2]] == [False, True]


def test_repeat_with_a_pool_shows_nothing_of_the_step_before():
    """Catches a frame of the step before in the maximum, where an episode ends with the first of the skipped frames."""
    env, native = wrap(Beacon(ends=4), Repeat(3, 2)), wrap(NativeBeacon(ends=4), Repeat(3, 2))
    env.reset()
    state, step = native.reset(jnp.zeros(3)), jax.jit(native.step)
    noise = native.sample_noise(jax.random.key(0))
    for darkest in (103 + 6, 12):  # step 3 is bright, and 4, the end, is not
        observation, _, terminated, _, _ = env.step(0)
        state, _, ended = step(state, 0, noise)
        assert observation.min() == darkest
        np.testing.assert_array_equal(native.observation(state), observation)
        assert bool(ended) == terminated
    assert terminated


def test_repeat_with_a_pool_keeps_frames_that_the_environment_writes_over():
    """Catches a maximum of the same array twice."""

    class Reusing(Beacon):
        frame = np.zeros((6, 5, 3), np.uint8)

        def seen(self):
            self.frame[:] = super().seen()
            return self.frame

    one, other = (wrap(env, Repeat(2, 2)) for env in (Reusing(), Beacon()))
    one.reset(), other.reset()
    np.testing.assert_array_equal(one.step(0)[0], other.step(0)[0])


def test_noop_start_and_fire_start_take_their_actions_before_anything_is_seen():
    """Catches rewards of no-ops counted as the game's, no-ops after a reset that never come, and a game left ended."""
    env = Beacon(ends=100)
    wrapped = wrap(env, ["noop-start:5:2", "fire-start"])
    counts = set()
    for seed in range(30):
        env.taken.clear()
        observation, info = wrapped.reset(seed=seed)
        counts.add(len(env.taken) - 1)
        assert env.taken == [2] * (len(env.taken) - 1) + [1]
        assert info == {"steps": len(env.taken)}
        np.testing.assert_array_equal(observation, env.seen())
    assert counts == {1, 2, 3, 4, 5}
    inside = wrap(env, ["clip-reward", "noop-start:3"])
    inside.reset(seed=0)
    assert inside.step(0)[4]["operant/raw_reward"] == env.steps  # and nothing of the steps before it

    short = Beacon(ends=2)
    wrap(short, NoopStart(1)).reset(seed=0)
    assert short.steps == 1
    observation, info = wrap(short, [NoopStart(1), FireStart(2)]).reset(seed=0)
    assert (info, short.steps) == ({"steps": 1}, 1)  # it ended with the second step, and began anew

    no_fire = Beacon(meanings=("NOOP", "LEFT"))
    wrap(no_fire, FireStart()).reset()
    assert no_fire.taken == []


def test_image_wrappers_refuse_what_they_do_not_fit():
    for wrapper, match in (
        ("grayscale", "needs images of three colours: .* has Box"),
        ("resize:84:84", "needs images: "),
    ):
        with pytest.raises(ValueError, match=match):
            wrap(gym.make("CartPole-v1"), wrapper)
    for how, match in (
        (["grayscale", "grayscale"], "three colours"),
        (["resize:7:5"], "7×5 is more than the 6×5 pixels"),
        (["frame-stack:2", "resize:3:3"], "put frame-stack after it"),
        (["repeat:2:3"], "pool=3: must be at most times=2"),
        (["resize:0:3"], "height=0"),
        (["noop-start:0"], "most=0"),
    ):
        with pytest.raises(ValueError, match=match):
            wrap(Beacon(), how)
    with pytest.raises(ValueError, match="images or vectors, of which to take the maximum"):
        wrap(gym.make("FrozenLake-v1"), "repeat:2:2")
    for wrapper in (NoopStart(3), FireStart()):
        with pytest.raises(ValueError, match="Beacon is native"):
            wrap(NativeBeacon(), wrapper)
    silent = Beacon()
    del Beacon.get_action_meanings
    try:
        with pytest.raises(ValueError, match="fire-start:1"):
            wrap(silent, FireStart()).reset()
    finally:
        Beacon.get_action_meanings = lambda self: list(self.meanings)


def test_images_with_channels_first_come_out_last():
    class First(Beacon):
        observation_space = gym.spaces.Box(0, 255, (3, 6, 5), np.uint8)

        def seen(self):
            return super().seen().transpose(2, 0, 1)

    for how in (["grayscale"], ["resize:4:3"], ["grayscale", "resize:4:3"]):
        one, other = (wrap(env, how) for env in (First(), Beacon()))
        assert one.observation_space == other.observation_space
        one.reset(), other.reset()
        np.testing.assert_array_equal(one.step(0)[0], other.step(0)[0])


def test_life_loss_and_repeat_ends_values_at_a_life_lost_between_two_frames():
    """Catches the discount of the last of the skipped frames in place of all."""

    class Lives(Beacon):
        def step(self, action):
            *rest, info = super().step(action)
            return *rest, info | {"lives": 3 - (self.steps >= 2)}

        def reset(self, **options):
            observation, info = super().reset(**options)
            return observation, info | {"lives": 3}

    for how in ([LifeLoss(), Repeat(3, 2)], [Repeat(3, 2), LifeLoss()]):
        env = wrap(Lives(100), how)
        assert env.reset()[1]["discount"] == 1
        assert [env.step(0)[4]["discount"] for _ in range(3)] == [0, 1, 1]
