"""MinBreakout: Breakout on 10×10 cells, the fast testbed for learning from pixels."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.base import Environment
from operant.spaces import Box, Discrete

SIZE = 10  # rows and columns; row 0 is at the top
FLOOR = SIZE - 1  # the paddle's row
LEFT, RIGHT = 1, 2  # actions; all others leave the paddle where it is
PADDLE_START = 4
MOST_ROWS = 6  # of bricks, below which the ball can still start
CELL = 24  # pixels
BACKGROUND = (18, 22, 33)
COLOURS = {
    "paddle": (94, 200, 255),
    "ball": (255, 255, 255),
    "trail": (110, 116, 135),
    "brick": (232, 93, 76),
}


class Field(NamedTuple):
    """Where everything is; positions are (row, column)."""

    ball: jax.Array  # [2] int32
    heading: jax.Array  # [2] int32: how far it moves next, ±1 each
    trail: jax.Array  # [2] int32: where it was before
    paddle: jax.Array  # int32: its leftmost column
    bricks: jax.Array  # [SIZE, SIZE] bool
    action: jax.Array  # int32: the last one


class MinBreakout(Environment):
    """Keep the ball off the floor and break bricks, for a reward of 1 each; the episode ends when the ball is missed.

    After the description in Young & Tian 2019, "MinAtar" (arXiv:1903.03176): a game of the same kind, but not the same
    game, so scores are not to be compared with those of MinAtar. The rules:

    - The ball moves one cell diagonally at each step, after the paddle.
    - An obstacle stops one part of its motion and reverses it: a side wall that of its column; the top, a brick and the
      paddle that of its row. A brick breaks. If the cell next to it is then a brick, its column is turned as well.
    - A paddle below the ball's own column sends it on in its direction sideways; one that only reaches the column which
      the ball comes to sends it back.
    - When no brick is left, a new wall appears as soon as the ball leaves the paddle.
    - It starts below the wall, at the left or the right edge, on its way down and inwards.

    Observation: `[10, 10, 4]` of 0 and 1, the channels being paddle, ball, trail (where the ball was before) and brick.
    Actions: stay, left, right.
    """

    id: ClassVar[str] = "MinBreakout"
    max_episode_steps: int | None = eqx.field(default=1000, static=True)
    sticky: float = eqx.field(default=0.1, static=True)
    """Probability that the previous action is repeated instead (Machado et al. 2018)."""
    rows: int = eqx.field(default=3, static=True)
    """Rows of bricks, 1 to 6: with more of them the ball comes back sooner."""
    paddle_width: int = eqx.field(default=1, static=True)
    """Width of the paddle in cells; a wider one is easier."""
    all_actions: bool = eqx.field(default=False, static=True)
    """Six actions, as in MinAtar, of which the last three do nothing."""

    def __check_init__(self) -> None:
        for name, value, least, most in (
            ("rows", self.rows, 1, MOST_ROWS),
            ("paddle_width", self.paddle_width, 1, SIZE),
            ("sticky", self.sticky, 0, 1),
        ):
            if not least <= value <= most:
                raise ValueError(f"MinBreakout: {name}={value!r}: must be from {least} to {most}.")

    @property
    def observation_space(self) -> Box:
        return Box(0.0, 1.0, (SIZE, SIZE, len(COLOURS)), "uint8")

    @property
    def action_space(self) -> Discrete:
        return Discrete(6 if self.all_actions else 3)

    def sample_noise(self, key: jax.Array) -> jax.Array:
        """Two numbers from 0 to 1: whether the action sticks, and at which edge the ball starts."""
        return jax.random.uniform(key, (2,), dtype=jnp.float32)

    def reset(self, noise: jax.Array) -> Field:
        right = noise[1] < 0.5
        ball = jnp.stack([jnp.int32(self.rows + 1), jnp.where(right, SIZE - 1, 0)])
        heading = jnp.stack([jnp.int32(1), jnp.where(right, -1, 1)])
        start = min(PADDLE_START, SIZE - self.paddle_width)
        return Field(ball, heading, ball, jnp.int32(start), self._wall, jnp.int32(0))

    def step(self, state: Field, action: jax.Array, noise: jax.Array) -> tuple[Field, jax.Array, jax.Array]:
        action = jnp.where(noise[0] < self.sticky, state.action, action).astype(jnp.int32)
        moved = state.paddle + (action == RIGHT) - (action == LEFT)
        paddle = jnp.clip(moved, 0, SIZE - self.paddle_width)

        (row, column), (down, right) = state.ball, state.heading
        aside, ahead = column + right, row + down
        wall = (aside < 0) | (aside >= SIZE)
        aside, right = jnp.where(wall, column, aside), jnp.where(wall, -right, right)

        top, low = ahead < 0, ahead == FLOOR
        brick = ~top & state.bricks[ahead, aside]
        below, beside = self._covers(paddle, column), self._covers(paddle, aside)
        caught = low & (below | beside)
        right = jnp.where(caught & ~below, -right, right)
        held = top | brick | caught
        ahead, down = jnp.where(held, row, ahead), jnp.where(held, -down, down)

        bricks = state.bricks & ~(brick & _cell(row + state.heading[0], aside))
        blocked = bricks[ahead, aside]
        aside, right = jnp.where(blocked, column, aside), jnp.where(blocked, -right, right)
        bricks = jnp.where(caught & ~bricks.any(), self._wall, bricks)
        ball, heading = jnp.stack([ahead, aside]), jnp.stack([down, right])
        next_state = Field(ball, heading, state.ball, paddle, bricks, action)
        return next_state, brick.astype(jnp.float32), low & ~caught

    def observation(self, state: Field) -> jax.Array:
        paddle = (jnp.arange(SIZE) == FLOOR)[:, None] & self._covers(state.paddle, jnp.arange(SIZE))[None]
        channels = (paddle, _cell(*state.ball), _cell(*state.trail), state.bricks)
        return jnp.stack(channels, -1).astype(jnp.uint8)

    def picture(self, state: Field) -> jax.Array:
        seen, cells = self.observation(state), jnp.full((SIZE, SIZE, 3), np.array(BACKGROUND, np.uint8))
        for name in ("trail", "ball", "paddle", "brick"):
            shown = seen[..., list(COLOURS).index(name)][..., None] > 0
            cells = jnp.where(shown, jnp.array(COLOURS[name], jnp.uint8)[None, None], cells)
        pixels = jnp.repeat(jnp.repeat(cells, CELL, 0), CELL, 1)
        inside = jnp.arange(SIZE * CELL) % CELL > 0  # a line between cells
        grid = (inside[:, None] & inside[None])[..., None]
        return jnp.where(grid, pixels, jnp.array(BACKGROUND, jnp.uint8)[None, None])

    def _covers(self, paddle: jax.Array, column: jax.Array) -> jax.Array:
        return (column >= paddle) & (column < paddle + self.paddle_width)

    @property
    def _wall(self) -> jax.Array:
        rows = np.arange(SIZE)
        return jnp.asarray(np.broadcast_to(((rows >= 1) & (rows <= self.rows))[:, None], (SIZE, SIZE)))


def _cell(row: jax.Array, column: jax.Array) -> jax.Array:
    """True in one cell, `[SIZE, SIZE]`."""
    cells = jnp.arange(SIZE)
    return (cells == row)[:, None] & (cells == column)[None]
