"""How values converge: a line for each state, or each state and action, over iterations or steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from operant.mdp.solution import Solution
from operant.studio import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED_LINES = 12  # more than these are too many for a legend
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))


def convergence(
    panels: Mapping[str, Solution | tuple[Any, Any]],
    *,
    title: str,
    exact: Any = None,
    path: str | Path | None = None,
) -> Figure:
    """Draw the values of one or more methods side by side, on one scale.

    Args:
        panels: By name, a planner's solution, or `(steps [K], values [K, S] or [K, S, A])` of any algorithm.
            A line ends where its values are not finite; impossible actions have none.
        title: The title of the picture.
        exact: The exact values, `[S]` or `[S, A]`: horizontal lines.
        path: Where to write it as PNG.

    Raises:
        ValueError: there is no panel, or values do not fit their steps.
    """
    if not panels:
        raise ValueError("A picture of convergence needs at least one panel; got none.")
    with style.look():
        figure = style.figure(4.6 * len(panels) + 0.8, 4.5)
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        every: list[Axes] = []
        for index, (name, panel) in enumerate(panels.items()):
            axes = figure.add_subplot(1, len(panels), index + 1, sharey=every[0] if every else None)
            every.append(axes)
            steps, values = _series(name, panel)
            _draw(axes, steps, values)
            if exact is not None:
                levels = np.asarray(exact, np.float64).ravel()
                for level in levels[np.isfinite(levels)]:
                    axes.axhline(level, color=style.GREY, linewidth=0.7, dashes=(2, 2), zorder=1)
            axes.set_title(name, loc="left", fontsize=10.5, color=style.INK)
            axes.set_xlabel("iterations" if isinstance(panel, Solution) else "steps")
            axes.xaxis.set_major_formatter(lambda value, _: style.short_number(value))
            axes.margins(x=0)
            axes.grid(axis="y")
        handles, labels = every[0].get_legend_handles_labels()
        if len(handles) <= NAMED_LINES:
            figure.legend(handles, labels, loc="outside right center", handlelength=2.4)
        every[0].set_ylabel("value" if _series(*next(iter(panels.items())))[1].ndim == 2 else "Q-value")
        return style.finish(figure, path)


def _series(name: str, panel: Solution | tuple[Any, Any]) -> tuple[np.ndarray, np.ndarray]:
    """`(steps [K], values [K, S] or [K, S, A])`."""
    if isinstance(panel, Solution):
        return panel.history.steps, panel.history.values
    steps, values = np.asarray(panel[0]), np.asarray(panel[1], np.float64)
    if steps.ndim != 1 or values.ndim not in (2, 3) or len(values) != len(steps):
        raise ValueError(
            f"{name!r} has values of shape {values.shape} for steps of shape {steps.shape}; "
            "give steps [K] and values [K, S] or [K, S, A]."
        )
    return steps, values


def _draw(axes: Axes, steps: np.ndarray, values: np.ndarray) -> None:
    by_action = values.ndim == 3
    for state in range(values.shape[1]):
        for action in range(values.shape[2]) if by_action else (None,):
            line = values[:, state] if action is None else values[:, state, action]
            if np.isfinite(line).any():
                axes.plot(
                    steps,
                    np.where(np.isfinite(line), line, np.nan),
                    color=style.colour(state),
                    linestyle=DASHES[(action or 0) % len(DASHES)],
                    linewidth=1.6,
                    label=f"V({state})" if action is None else f"Q({state}, {action})",
                )
