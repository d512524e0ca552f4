"""Tables of action values as pictures of the grid: the best actions, the value of every move, the visits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from operant.envs.layout import CLIFF, GOAL, HOLE, OBSTACLE, Layout, Panel
from operant.studio import style
from operant.studio.tables import EMPTY, UNDECIDED, best_actions, checked, symbol, undecided

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from matplotlib.figure import Figure

Part = Literal["values", "q_values", "visits"]
TITLES = {"values": "Best actions and their value", "q_values": "Value of every move", "visits": "Visits"}
COLOURS = {"values": style.BLUE, "q_values": style.BLUE, "visits": style.GREEN}
FILL = {OBSTACLE: style.INK, HOLE: "#8A93A0", CLIFF: "#C3B3A4", GOAL: "#F5D98B"}
CORNERS = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])  # (right, down) of a cell's middle
SIDES = {
    (-1, 0): (0, 1),
    (0, 1): (1, 2),
    (1, 0): (2, 3),
    (0, -1): (3, 0),
}  # the corners at each side of a cell
LOW = 0.1  # colours begin at this quantile: a few terrible moves would make all others look the same
LARGEST, WIDEST = 0.95, 16.0  # inches: of a cell, and of all grids together
POINTS = 72  # an inch
ARROW: dict[str, Any] = {  # drawn in units of the grid
    **dict.fromkeys(("angles", "scale_units", "units"), "xy"),
    **{"scale": 1, "width": 0.045, "headwidth": 3.8, "headlength": 3.6, "headaxislength": 3.3},
}
SMALLEST = 4.5  # points; smaller numbers are left out


def table_map(
    q_values: Any,
    layout: Layout,
    *,
    visits: Any = None,
    show: Sequence[Part] | None = None,
    title: str = "",
    path: str | Path | None = None,
) -> Figure:
    """Draw a table over its grid.

    Args:
        q_values: `[S, A]`; −∞ for impossible actions.
        layout: The places of its states: see `operant.studio.tables.layout`.
        visits: How often each state, `[S]`, or each action in it, `[S, A]`, was tried.
        show: What is drawn. `values`: the value of the best action as a colour and arrows for all that are best (a
            letter for one that does not move). `q_values`: a triangle for each move. `visits`. By default all of
            them; of an environment with several grids the first.
        title: The title of the picture.
        path: The PNG file to write.

    Raises:
        ValueError: the table is not one of this layout, or `show` names what cannot be drawn.
    """
    q_values = checked(q_values, layout)
    several = len(layout.panels) > 1
    if show is None:
        show = ("values",) if several else ("values", "q_values", "visits")[: 2 + (visits is not None)]
    for part in show:
        if part not in get_args(Part) or (part == "visits" and visits is None):
            without = " without visits" if part == "visits" else ""
            raise ValueError(
                f"show={part!r} cannot be drawn{without}; there are {', '.join(get_args(Part))}."
            )
    counts = None if visits is None else np.asarray(visits, np.float64).reshape(len(q_values), -1).sum(axis=1)
    with style.look():
        figure, grids, size = _arrange(layout, show)
        for part, row in zip(show, grids, strict=True):
            canvases = [
                Canvas(axes, layout, panel, size) for axes, panel in zip(row, layout.panels, strict=True)
            ]
            if part == "values":
                colours = _values(canvases, q_values)
            elif part == "q_values":
                colours = _q_values(canvases, q_values)
            else:
                assert counts is not None
                colours = draw_visits(canvases, counts)
            for canvas in canvases:
                canvas.furnish(canvas.panel.title if several and len(show) == 1 else TITLES[part])
            bar = figure.colorbar(colours, ax=row, pad=0.02, aspect=30, shrink=0.85)
            bar.outline.set_visible(False)
        letters = [
            f"{symbol(layout, a)}: {layout.actions[a]}" for a, move in enumerate(layout.moves) if not move
        ]
        if letters and "values" in show:
            figure.supxlabel(", ".join(letters), x=0.012, ha="left", fontsize=9.5, color=style.GREY)
        if title:
            figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold")
        return style.finish(figure, path)


@dataclass(frozen=True)
class Canvas:
    """One grid: a cell is 1 × 1 around (column, row), rows downwards."""

    axes: Axes
    layout: Layout
    panel: Panel
    size: float  # of a cell, in inches

    @property
    def cells(self) -> list[tuple[int, int, int]]:
        """`(row, column, state)` of all cells that have actions."""
        rows, columns = self.panel.shape
        places = (
            (row, column, *self.panel.at(row, column)) for row in range(rows) for column in range(columns)
        )
        return [(row, column, state) for row, column, kind, state in places if kind not in EMPTY]

    @property
    def states(self) -> list[int]:
        return [state for _, _, state in self.cells]

    def text(self, column: float, row: float, text: str, size: float, **options: Any) -> None:
        """Write around a point, `size` cells high, unless that is too small to read."""
        if (points := size * self.size * POINTS) >= SMALLEST:
            options = {"ha": "center", "va": "center", "color": style.INK} | options
            self.axes.text(column, row, text, fontsize=points, **options).set_in_layout(False)

    def colour(self, values: np.ndarray, colours: ScalarMappable) -> None:
        """Fill each cell with the colour of its state's value `[S]`."""
        rows, columns = self.panel.shape
        shown = np.ma.masked_all((rows, columns))
        for row, column, state in self.cells:
            shown[row, column] = values[state]
        self.axes.imshow(shown, colours.get_cmap(), norm=colours.norm)  # pyright: ignore[reportArgumentType] (its norm is a Normalize)

    def furnish(self, title: str) -> None:
        """Draw the map: cells without actions, labels, lines and walls."""
        from matplotlib.patches import Rectangle

        axes, (rows, columns) = self.axes, self.panel.shape
        for row in range(rows):
            for column in range(columns):
                kind, _ = self.panel.at(row, column)
                if kind in EMPTY:
                    axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=FILL[kind], zorder=2))
                    if kind != OBSTACLE:
                        self.text(column, row, kind, 0.26, fontweight="bold", zorder=3)
                elif label := self.panel.label(row, column):
                    box = {
                        "boxstyle": "circle,pad=0.2",
                        "facecolor": "white",
                        "edgecolor": style.GREY,
                        "lw": 0.6,
                    }
                    self.text(column - 0.34, row - 0.32, label, 0.13, fontweight="bold", bbox=box, zorder=5)
        lines = {"colors": "white", "linewidths": 1.2, "zorder": 2.5}
        axes.vlines(np.arange(columns - 1) + 0.5, -0.5, rows - 0.5, **lines)
        axes.hlines(np.arange(rows - 1) + 0.5, -0.5, columns - 0.5, **lines)
        for row, column in self.layout.walls:
            walls = axes.vlines(column + 0.5, row - 0.5, row + 0.5, colors=style.INK, linewidths=4, zorder=4)
            walls.set_capstyle("butt")
        axes.add_patch(
            Rectangle(
                (-0.5, -0.5), columns, rows, fill=False, edgecolor=style.INK, lw=1.6, zorder=6, clip_on=False
            )
        )
        axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5), xticks=[], yticks=[], aspect="equal")
        axes.spines[:].set_visible(False)
        axes.set_title(title, loc="left", color=style.GREY, fontsize=9.5, pad=6)


def _arrange(layout: Layout, show: Sequence[Part]) -> tuple[Figure, list[list[Axes]], float]:
    """`(figure, axes of every part and grid, size of a cell in inches)`."""
    panels, (rows, columns) = len(layout.panels), layout.panels[0].shape
    if panels > 1:
        across = ceil(sqrt(panels)) if len(show) == 1 else panels
    else:  # parts side by side, or one above the other where the grid is wide
        across = len(show) if columns <= 1.5 * rows else 1
    count = panels * len(show)
    down = ceil(count / across)
    size = min(LARGEST, WIDEST / (across * columns), WIDEST / (down * rows))
    bars = 1 if panels > 1 else across
    figure = style.figure(across * (columns * size + 0.3) + bars * 0.8, down * (rows * size + 0.45) + 0.6)
    places = figure.add_gridspec(down, across)
    axes = [figure.add_subplot(places[i // across, i % across]) for i in range(count)]
    return figure, [axes[i * panels : (i + 1) * panels] for i in range(len(show))], size


def _values(canvases: list[Canvas], q_values: np.ndarray) -> ScalarMappable:
    value, best, open_ = q_values.max(axis=1), best_actions(q_values), undecided(q_values)
    colours = _colours("values", np.concatenate([value[canvas.states] for canvas in canvases]))
    for canvas in canvases:
        canvas.colour(value, colours)
        arrows: list[tuple[float, float, float, float]] = []  # (column, row) of the tail, (right, down)
        inks = []
        for row, column, state in canvas.cells:
            ink = _ink(colours, value[state])
            canvas.text(column, row + 0.37, _number(value[state]), 0.14, color=ink)
            actions = [] if open_[state] else np.flatnonzero(best[state]).tolist()
            if not actions:
                canvas.text(column, row, UNDECIDED, 0.3, color=ink)
            tail, length = (0.2, 0.4) if len(actions) == 1 else (0.0, 0.29)
            for action in actions:
                if (move := canvas.layout.moves[action]) is None:
                    canvas.text(column, row, symbol(canvas.layout, action), 0.3, color=ink, fontweight="bold")
                    continue
                down, right = move
                x, y = column - tail * right, row - 0.09 - tail * down
                arrows.append((x, y, length * right, length * down))
                inks.append(ink)
        if arrows:
            canvas.axes.quiver(*np.array(arrows).T, color=inks, zorder=3, **ARROW)
    return colours


def _q_values(canvases: list[Canvas], q_values: np.ndarray) -> ScalarMappable:
    from matplotlib.collections import PolyCollection

    best, open_ = best_actions(q_values), undecided(q_values)
    actions = [(action, move) for action, move in enumerate(canvases[0].layout.moves) if move in SIDES]
    shown = np.concatenate(
        [q_values[canvas.states][:, [a for a, _ in actions]].ravel() for canvas in canvases]
    )
    colours = _colours("q_values", shown, quantile=LOW)
    for canvas in canvases:
        triangles, values = [], []
        for row, column, state in canvas.cells:
            for action, (down, right) in actions:
                value = q_values[state, action]
                corners = CORNERS[list(SIDES[down, right])] + [column, row]
                triangles.append([*corners, (column, row)])
                values.append(value if np.isfinite(value) else np.nan)
                if not np.isfinite(value):
                    continue
                canvas.text(
                    column + 0.3 * right,
                    row + 0.33 * down,
                    _number(value),
                    0.115,
                    color=_ink(colours, value),
                    fontweight="bold" if best[state, action] and not open_[state] else "normal",
                )
        collection = PolyCollection(
            triangles, cmap=colours.get_cmap(), norm=colours.norm, edgecolors="white", lw=0.6
        )
        collection.set_array(np.ma.masked_invalid(values))
        canvas.axes.add_collection(collection)
    return colours


def draw_visits(canvases: list[Canvas], counts: np.ndarray, most: float = 0.0) -> ScalarMappable:
    """The visits `[S]` of every cell, in colours that reach to the largest of them, or to `most` if that is more."""
    shown = np.concatenate([counts[canvas.states] for canvas in canvases])
    colours = _colours("visits", np.append(shown, max(most, shown.max())))
    for canvas in canvases:
        canvas.colour(counts, colours)
        for row, column, state in canvas.cells:
            text = style.short_number(float(f"{counts[state]:.3g}"))
            canvas.text(column, row, text, 0.2, color=_ink(colours, counts[state]))
    return colours


def _colours(part: Part, shown: np.ndarray, quantile: float = 0.0) -> ScalarMappable:
    """Colours from pale to dark over the shown values; values below the quantile have its colour."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize, SymLogNorm

    finite = shown[np.isfinite(shown)]
    low, high = (0.0, 0.0) if not finite.size else (float(np.quantile(finite, quantile)), float(finite.max()))
    high = high if high > low else low + 1
    colours = style.sequential(COLOURS[part]).with_extremes(bad=style.FAINT)
    extend: Any = "min" if finite.size and finite.min() < low else "neither"
    colours.colorbar_extend = extend
    norm: Normalize = Normalize(low, high)
    if part == "visits":
        norm = SymLogNorm(1.0, vmin=0, vmax=max(high, 1.0))
    return ScalarMappable(norm, colours)


def _ink(colours: ScalarMappable, value: float) -> str:
    """Black or white, whichever is readable on the value's colour."""
    red, green, blue, _ = colours.to_rgba(np.array(value))
    return style.INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def _number(value: float) -> str:
    """The number with two decimals, or fewer if it is large."""
    return f"{value:.{2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0}f}".replace("-", "−")
