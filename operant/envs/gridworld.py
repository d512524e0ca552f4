"""Gridworlds from maps written as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from inspect import cleandoc
from types import MappingProxyType

import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.layout import FREE, GOAL, HOLE, OBSTACLE, START, grid
from operant.envs.tabular import Tabular

ACTIONS = ("up", "right", "down", "left")
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))
MAPS = {
    "3x3": ("S..", ".#.", "..G"),
    # 64 steps from start to goal, and dead ends
    "maze": (
        "S......#...#.",
        "######.#.#.#.",
        ".#...#...#...",
        ".#.#.#######.",
        ".#.#.......#.",
        ".#.#######.#.",
        ".#.#.....#...",
        ".#.#.#.######",
        ".#.#.#.......",
        ".#.#.#####.#.",
        ".#.#.#.....#.",
        ".#.###.#####.",
        ".......#....G",
    ),
    # Sutton & Barto 2018, figure 8.2
    "dyna": (".......#G", "..#....#.", "S.#....#.", "..#......", ".....#...", "........."),
}
PIXELS = 480  # of the longer side of a picture, about
COLOURS = {OBSTACLE: (107, 114, 128), GOAL: (0, 158, 115), HOLE: (55, 65, 81), START: (225, 229, 235)}
FLOOR, LINES, AGENT = (247, 246, 244), (209, 213, 219), (0, 114, 178)


class GridWorld(Tabular):
    """Walk from the start to the goal: up, right, down, left, one cell at a time.

    The state is the cell's number, row by row from the top left. A move against the edge of the map or an obstacle
    leaves the agent where it is. The characters of a map:

        .  free           S  start, drawn uniformly from all of them         #  obstacle
        G  goal: ends     H  hole: ends                          other: free, with a reward of its own
    """

    def __init__(
        self,
        cells: str | Sequence[str] = "3x3",
        *,
        goal: float = 100.0,
        wall: float = -10.0,
        step: float = -1.0,
        hole: float = -100.0,
        others: Mapping[str, float] = MappingProxyType({}),
        slip: float = 0.0,
        max_episode_steps: int | None = 1000,
        id: str | None = None,
    ) -> None:
        """A map and the rewards of its cells.

        Args:
            cells: A map of several lines, its rows, or the name of one of `MAPS`.
            goal: Reward for entering a goal.
            wall: Reward for a move against an obstacle or the edge of the map.
            step: Reward for any other move.
            hole: Reward for entering a hole.
            others: Rewards for entering cells of other characters.
            slip: The probability of moving at right angles to the direction chosen, half of it to either side.
            max_episode_steps: Episodes are truncated after this many steps; None for never.
            id: Its name; by default GridWorld and its size.

        Raises:
            ValueError: the map is no rectangle, has no start or an unknown character, or slip is no probability.
        """
        rows = _rows(cells)
        entering = {FREE: step, START: step, GOAL: goal, HOLE: hole, **others}
        _check(rows, entering)
        if not 0 <= slip <= 1:
            raise ValueError(f"slip={slip}: it is a probability, from 0 to 1.")
        shape = len(rows), len(rows[0])
        kinds = np.array([list(row) for row in rows])
        here = np.indices(shape)  # [2, rows, columns]
        target = here[:, None] + np.array(MOVES).T[:, :, None, None]  # [2, 4, rows, columns]
        inside = ((target >= 0) & (target < np.array(shape)[:, None, None, None])).all(axis=0)
        target = np.where(inside, target, here[:, None])
        blocked = ~inside | (kinds[tuple(target)] == OBSTACLE)
        target = np.where(blocked, here[:, None], target)
        pay = np.vectorize(lambda kind: entering.get(kind, 0.0), otypes=[float])(kinds)
        # [states, 4]: what moving in each direction does
        successors = np.ravel_multi_index(tuple(target), shape).reshape(4, -1).T
        rewards = np.where(blocked, wall, pay[tuple(target)]).reshape(4, -1).T
        ends = np.isin(kinds, (GOAL, HOLE))
        over = (ends | (kinds == OBSTACLE)).ravel()[:, None]  # where no episode goes on
        states = np.arange(over.size)[:, None]
        successors, rewards = np.where(over, states, successors), np.where(over, 0.0, rewards)
        turns = np.array([0, -1, 1] if slip else [0])
        moves = (np.arange(4)[:, None] + turns) % 4  # [4, K]: an action's directions
        probabilities = np.array([1 - slip, slip / 2, slip / 2])[: len(turns)]
        starts = (kinds == START).ravel()
        super().__init__(
            successors[:, moves],
            np.broadcast_to(probabilities, (len(states), 4, len(turns))),
            rewards[:, moves],
            over.ravel()[successors[:, moves]],
            starts / starts.sum(),
            max_episode_steps=max_episode_steps,
            id=f"GridWorld-{shape[0]}x{shape[1]}" if id is None else id,
            layout=grid(rows, ACTIONS, MOVES),
        )

    @property
    def cells(self) -> tuple[str, ...]:
        """The map, row by row."""
        assert self.layout is not None
        return self.layout.panels[0].cells

    @property
    def shape(self) -> tuple[int, int]:
        """`(rows, columns)`."""
        return len(self.cells), len(self.cells[0])

    def picture(self, state: jax.Array) -> jax.Array:
        """The map from above, and the agent as a disc."""
        rows, columns = self.shape
        size = int(np.clip(PIXELS // max(rows, columns), 8, 64)) // 2 * 2
        colours = np.array([[COLOURS.get(kind, FLOOR) for kind in row] for row in self.cells], np.uint8)
        pixels = colours.repeat(size, 0).repeat(size, 1)
        pixels[::size], pixels[:, ::size] = LINES, LINES
        y, x = (
            (jnp.arange(count * size) + 0.5) / size - 0.5 for count in self.shape
        )  # in cells, from their middles
        away = jnp.square(y - state // columns)[:, None] + jnp.square(x - state % columns)[None]
        return jnp.where(
            (away < 0.1)[..., None], jnp.array(AGENT, jnp.uint8)[None, None], jnp.asarray(pixels)
        )


def _rows(cells: str | Sequence[str]) -> tuple[str, ...]:
    if not isinstance(cells, str):
        return tuple(cells)
    if cells in MAPS:
        return MAPS[cells]
    if "\n" not in cells:
        raise ValueError(
            f"There is no map named {cells!r}; there are {', '.join(MAPS)}. A map of one row is a list: [{cells!r}]."
        )
    return tuple(row.strip() for row in cleandoc(cells).splitlines())


def _check(rows: tuple[str, ...], known: Mapping[str, float]) -> None:
    if not rows or not rows[0]:
        raise ValueError("The map is empty.")
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"Row {number} of the map has {len(row)} cells, row 0 has {len(rows[0])}: {row!r}. All must have the "
                "same number."
            )
        for column, kind in enumerate(row):
            if kind not in known and kind != OBSTACLE:
                raise ValueError(
                    f"Row {number}, column {column} of the map is {kind!r}, which is none of "
                    f"{' '.join((*known, OBSTACLE))}; give its reward with others={{{kind!r}: …}}."
                )
    if not any(START in row for row in rows):
        raise ValueError(f"The map has no start: mark one or more cells with {START}.")
