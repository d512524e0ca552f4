"""MinBreakout against a slow game in plain Python, which was written from the rules alone."""

from __future__ import annotations

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.envs.breakout import MinBreakout
from operant.envs.classic.cartpole import CartPole
from operant.envs.native_gym import AsGymnasium
from operant.envs.registry import native

STEPS = 6000


class Slow:
    """The game as its rules say, one thing after the other, on sets of cells."""

    def __init__(self, sticky, rows, width):
        self.sticky, self.rows, self.width = sticky, rows, width

    def begin(self, edge):
        self.r, self.c = self.rows + 1, 9 if edge < 0.5 else 0
        self.dr, self.dc = 1, -1 if edge < 0.5 else 1
        self.last, self.paddle, self.before = 0, min(4, 10 - self.width), (self.r, self.c)
        self.bricks = {(r, c) for r in range(1, self.rows + 1) for c in range(10)}

    def play(self, action, stick):
        if stick < self.sticky:
            action = self.last
        self.last = action
        if action == 1 and self.paddle > 0:
            self.paddle -= 1
        if action == 2 and self.paddle + self.width < 10:
            self.paddle += 1
        under = range(self.paddle, self.paddle + self.width)
        self.before = (self.r, self.c)
        reward, over = 0, False
        column = self.c + self.dc
        if column in (-1, 10):
            column, self.dc = self.c, -self.dc
        row = self.r + self.dr
        if row == -1:
            row, self.dr = self.r, 1
        elif (row, column) in self.bricks:
            self.bricks.remove((row, column))
            reward, row, self.dr = 1, self.r, -self.dr
        elif row == 9:
            if self.c in under:
                row, self.dr = 8, -1
            elif column in under:
                row, self.dr, self.dc = 8, -1, -self.dc
            else:
                over = True
            if not over and not self.bricks:
                self.bricks = {(r, c) for r in range(1, self.rows + 1) for c in range(10)}
        if (row, column) in self.bricks:
            column, self.dc = self.c, -self.dc
        self.r, self.c = row, column
        return reward, over

    def seen(self):
        image = np.zeros((10, 10, 4), np.uint8)
        image[9, self.paddle : self.paddle + self.width, 0] = 1
        image[self.r, self.c, 1] = 1
        image[(*self.before, 2)] = 1
        for cell in self.bricks:
            image[(*cell, 3)] = 1
        return image


GAMES = [(0.1, 3, 1), (0.0, 1, 1), (0.3, 6, 2), (0.1, 2, 10)]


@pytest.mark.parametrize(("sticky", "rows", "width"), GAMES)
def test_min_breakout_steps_as_the_slow_game(sticky, rows, width):
    """Mostly by a player that follows the ball, so that whole walls are broken, and by chance."""
    environment, slow = MinBreakout(sticky=sticky, rows=rows, paddle_width=width), Slow(sticky, rows, width)
    generator = np.random.default_rng(0)
    numbers = generator.random((STEPS, 2)).astype(np.float32)
    chance, random = generator.random(STEPS) < 0.02, generator.integers(0, 3, STEPS)
    taken, images, rewards, ends = [], [], [], []
    slow.begin(numbers[0, 1])
    for t in range(STEPS):
        target = slow.c + slow.dc * (slow.dr > 0)
        follow = 1 if target < slow.paddle else 2 if target >= slow.paddle + width else 0
        taken.append(int(random[t] if chance[t] else follow))
        reward, over = slow.play(taken[-1], numbers[t, 0])
        images.append(slow.seen()), rewards.append(reward), ends.append(over)
        if over:
            slow.begin(numbers[t, 1])

    @jax.jit
    def play(actions, numbers):
        def step(state, row):
            action, noise = row
            state, reward, over = environment.step(state, action, noise)
            again = environment.reset(noise)
            next_state = jax.tree.map(lambda new, old: jnp.where(over, new, old), again, state)
            return next_state, (environment.observation(state), reward, over)

        return jax.lax.scan(step, environment.reset(numbers[0]), (actions, numbers))[1]

    seen, paid, over = jax.device_get(play(jnp.array(taken), jnp.array(numbers)))
    np.testing.assert_array_equal(over, ends)
    np.testing.assert_array_equal(paid, rewards)
    np.testing.assert_array_equal(seen, images)
    assert (width < 10) == bool(over.any())
    left = seen[..., 3].sum((1, 2))
    assert ((np.diff(left.astype(int)) == rows * 10) & ~over[1:]).any() or rows == 6  # a wall was renewed
    assert set(paid.tolist()) == {0, 1}


def test_min_breakout_has_its_reset_and_spaces():
    environment = MinBreakout()
    state = environment.reset(jnp.array([0.0, 0.9]))
    slow = Slow(0.1, 3, 1)
    slow.begin(0.9)
    np.testing.assert_array_equal(environment.observation(state), slow.seen())
    assert environment.observation(state).dtype == jnp.uint8
    assert environment.action_space.n == 3
    assert MinBreakout(all_actions=True).action_space.n == 6
    for action in (3, 4, 5):
        noise = jnp.array([1.0, 0.0])
        next_state, _, _ = MinBreakout(all_actions=True).step(state, jnp.int32(action), noise)
        assert next_state.paddle == state.paddle


@pytest.mark.parametrize("values", [{"rows": 0}, {"rows": 7}, {"paddle_width": 11}, {"sticky": 1.5}])
def test_min_breakout_refuses_values_that_make_no_game(values):
    ((name, value),) = values.items()
    with pytest.raises(ValueError, match=f"MinBreakout: {name}={value}: must be from"):
        MinBreakout(**values)


def test_min_breakout_with_other_values_is_scored_on_itself():
    env = operant.Random(MinBreakout(paddle_width=10, max_episode_steps=30)).source.single("rgb_array")
    env.reset(seed=0)
    ends = [env.step(0)[2:4] for _ in range(30)]  # with a paddle everywhere nothing is missed
    assert ends == [(False, False)] * 29 + [(False, True)]
    assert env.render().shape == (240, 240, 3)


def test_min_breakout_is_played_and_filmed_through_gymnasium(tmp_path):
    env = gym.make("MinBreakout", render_mode="rgb_array")
    seen, _ = env.reset(seed=3)
    assert env.observation_space.contains(seen)
    again, _ = env.reset(seed=3)
    np.testing.assert_array_equal(seen, again)
    picture = env.render()
    assert picture.shape == (240, 240, 3)
    assert picture.dtype == np.uint8
    # A cell of each kind, at its centre, has a colour of its own.
    centres = picture[12::24, 12::24]
    colours = {tuple(centres[tuple(np.argwhere(seen[..., kind])[0])].tolist()) for kind in (0, 1, 3)}
    assert len(colours) == 3
    assert gym.make("MinBreakout").unwrapped.render() is None
    window = gym.make("MinBreakout", render_mode="human")  # SDL's dummy, as conftest says
    window.reset(seed=0)
    assert window.render_mode == "human"
    window.close()
    with pytest.raises(ValueError, match="CartPole-v1 cannot be shown: it has no pictures"):
        AsGymnasium(CartPole(), "rgb_array")
    assert native("MinBreakout").spec.id == "MinBreakout"
    film = operant.Random("MinBreakout", wrappers="frame-stack:2").record(
        tmp_path / "film.mp4", deterministic=False
    )
    assert (tmp_path / "film.mp4").stat().st_size > 0
    assert film.frames[0].shape == (240, 240, 3)
    assert film.observations[0].shape == (10, 10, 8)
