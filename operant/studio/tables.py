"""Tables of action values as text: a grid with all values of each cell, and a grid of its best actions."""

from __future__ import annotations

from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from operant.envs.layout import CLIFF, GOAL, HOLE, OBSTACLE, Layout, Panel
from operant.envs.native_gym import AsGymnasium
from operant.envs.registry import NATIVE
from operant.envs.tabular import Tabular
from operant.envs.toy_text import toy_layout
from operant.envs.wrappers.base import Wrapped

ARROWS: dict[tuple[int, int] | None, str] = {
    (-1, 0): "↑",
    (0, 1): "→",
    (1, 0): "↓",
    (0, -1): "←",
    (-1, -1): "↖",
    (-1, 1): "↗",
    (1, 1): "↘",
    (1, -1): "↙",
}
SIDES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left
EMPTY = (GOAL, HOLE, OBSTACLE, CLIFF)  # kinds of cells without actions
UNDECIDED = "·"  # all actions are equally good: nothing is known, or nothing matters
TIE = 1e-4  # of the spread of a table's values: actions that differ by less are equally good


def layout(environment: Any) -> Layout | None:
    """The grid of an environment's states (given an id, a native or a Gymnasium environment); None without one.

    It is known for gridworlds, FrozenLake, CliffWalking and Taxi.
    """
    if isinstance(environment, str):
        return layout(NATIVE[environment]()) if environment in NATIVE else None
    if isinstance(environment, gym.Env):
        inner = environment.unwrapped
        return layout(inner.environment) if isinstance(inner, AsGymnasium) else toy_layout(inner)
    if isinstance(environment, Wrapped):  # in time or in its rewards: neither moves a state
        same = environment.observation_space == environment.inner.observation_space
        return layout(environment.inner) if same else None
    return environment.layout if isinstance(environment, Tabular) else None


class GridTable(NamedTuple):
    """A learnt table of an environment with a grid: the arguments of `q_text` and `table_map`."""

    layout: Layout
    q_values: np.ndarray  # [S, A]; −∞ for impossible actions
    visits: np.ndarray | None  # [S, A]


def learnt_table(state: Any, environment: Any) -> GridTable | None:
    """The table in one learner's state; None if it has no `q_values` or the environment no grid."""
    grid, state = layout(environment), getattr(state, "learner", state)  # of a curious learner: what learns
    if grid is None or not hasattr(state, "q_values"):
        return None
    q_values = np.array(state.q_values, np.float64)
    possible = _possible_actions(environment)
    visits = getattr(state, "visits", None)
    return GridTable(
        grid,
        q_values if possible is None else np.where(possible, q_values, -np.inf),
        None if visits is None else np.asarray(visits),
    )


def _possible_actions(environment: Any) -> np.ndarray | None:
    """True for the possible actions of every observation, `[S, A]`; None if all are."""
    if isinstance(environment, gym.Env):
        inner: Any = environment.unwrapped
        if hasattr(inner, "action_mask"):
            return np.stack([inner.action_mask(state) for state in range(len(inner.P))]).astype(bool)
        environment = getattr(inner, "environment", None)
    table = NATIVE[environment]() if isinstance(environment, str) else environment
    while isinstance(table, Wrapped):
        table = table.inner
    if not isinstance(table, Tabular) or table.possible_actions is None:
        return None
    possible = np.asarray(table.possible_actions)
    if table.observations is None:
        return possible
    seen = np.zeros((table.observation_count, possible.shape[1]), bool)
    seen[np.asarray(table.observations)] = possible  # states that look the same allow the same
    return seen


def best_actions(q_values: np.ndarray) -> np.ndarray:
    """True for the best actions `[S, A]` of each state, all that tie; impossible actions have the value −∞."""
    finite = q_values[np.isfinite(q_values)]
    tie = TIE * np.ptp(finite) if finite.size else 0.0
    return np.isfinite(q_values) & np.asarray(q_values >= q_values.max(axis=1, keepdims=True) - tie)


def undecided(q_values: np.ndarray) -> np.ndarray:
    """True for the states `[S]` in which all actions are possible and tie."""
    return np.all(best_actions(q_values), axis=1)


def q_text(q_values: Any, layout: Layout, decimals: int = 2) -> str:
    """Every cell with the value of each move at the side it goes to; `q_values` is `[S, A]`.

    Other actions (the taxi's) have lines of their own. Impossible actions, of value −∞, are shown as –. A cell's
    character on the map, or its label, is in its corner.
    """
    q_values = checked(q_values, layout)
    numbers = [[f"{q:.{decimals}f}" if np.isfinite(q) else "–" for q in row] for row in q_values]
    width = max(len(number) for row in numbers for number in row)
    others = [action for action, move in enumerate(layout.moves) if move not in SIDES]
    inner = max(2 * width + 4, *(len(layout.actions[action]) + width + 3 for action in others), 0)

    def cell(panel: Panel, row: int, column: int) -> list[str]:
        kind, state = panel.at(row, column)
        if kind in EMPTY:
            return [" " * inner, kind.center(inner), " " * inner] + [" " * inner] * len(others)
        side = {move: numbers[state][action] for action, move in enumerate(layout.moves) if move in SIDES}
        up, right, down, left = (side.get(move, "") for move in SIDES)
        label = panel.label(row, column)
        return [
            label + up.center(inner)[len(label) :],
            f" {left.ljust(width)}{right.rjust(inner - width - 2)} ",
            down.center(inner),
            *(f" {layout.actions[a]} {numbers[state][a].rjust(width)}".ljust(inner) for a in others),
        ]

    grids = []
    for panel in layout.panels:
        rows, columns = panel.shape
        rules = ["─" * inner] * columns
        lines = [panel.title] * bool(panel.title) + [f"┌{'┬'.join(rules)}┐"]
        for row in range(rows):
            borders = ["┃" if (row, column) in layout.walls else "│" for column in range(columns)]
            for texts in zip(*(cell(panel, row, column) for column in range(columns)), strict=True):
                lines.append(
                    "│" + "".join(text + border for text, border in zip(texts, borders, strict=True))
                )
            lines.append(f"├{'┼'.join(rules)}┤" if row < rows - 1 else f"└{'┴'.join(rules)}┘")
        grids.append("\n".join(lines))
    return "\n\n".join(grids)


def best_action_text(q_values: Any, layout: Layout) -> str:
    """Every cell with the arrows of its best actions, all that tie; `q_values` is `[S, A]`.

    Other actions are shown by their first letter, cells without actions by their character on the map, and cells in
    which all actions are equally good by a dot.
    """
    q_values = checked(q_values, layout)
    best, open_ = best_actions(q_values), undecided(q_values)

    def cell(panel: Panel, row: int, column: int) -> str:
        kind, state = panel.at(row, column)
        if kind in EMPTY:
            return kind
        return (
            UNDECIDED
            if open_[state]
            else "".join(symbol(layout, a) for a in np.flatnonzero(best[state]).tolist())
        )

    grids = []
    for panel in layout.panels:
        rows, columns = panel.shape
        cells = [[cell(panel, row, column) for column in range(columns)] for row in range(rows)]
        width = max(len(text) for row in cells for text in row)
        lines = [
            "".join(
                text.ljust(width) + (" ┃ " if (row, column) in layout.walls else "   ")
                for column, text in enumerate(line)
            ).rstrip()
            for row, line in enumerate(cells)
        ]
        grids.append("\n".join([panel.title] * bool(panel.title) + lines))
    return "\n\n".join(grids)


def symbol(layout: Layout, action: int) -> str:
    """The arrow of a move, the first letter of any other action."""
    return ARROWS.get(layout.moves[action], layout.actions[action][0].upper())


def checked(q_values: Any, layout: Layout) -> np.ndarray:
    """`q_values` as an array `[S, A]` in float64; ValueError if it is not a table of this layout."""
    q_values = np.asarray(q_values, np.float64)
    states = max(max(panel.states) for panel in layout.panels) + 1
    if q_values.ndim != 2 or q_values.shape[1] != len(layout.actions) or len(q_values) < states:
        raise ValueError(
            f"This layout shows tables of at least {states} states and {len(layout.actions)} actions "
            f"({', '.join(layout.actions)}); the table is {q_values.shape}."
        )
    return q_values
