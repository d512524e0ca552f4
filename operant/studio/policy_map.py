"""Maps of a policy over two quantities of the observation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from operant.studio import style
from operant.studio.names import Names, names
from operant.studio.views import View, default_view

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = 6  # elements of an action, each with a map of its own: the legs of HalfCheetah
Limits = Sequence[float] | Sequence[Sequence[float]] | np.ndarray


def policy_map(
    policy: Callable[[np.ndarray], np.ndarray],
    *,
    environment: str | None = None,
    view: View | None = None,
    states: np.ndarray | None = None,
    continuous: bool = False,
    actions: tuple[str, ...] = (),
    limits: Limits | None = None,
    resolution: int = 201,
    title: str = "",
    path: str | Path | None = None,
) -> Figure:
    """Draw the actions of `policy` at every point of a view.

    `policy` takes observations `[M, D]` (float32) and gives the probabilities `[M, A]` of A actions, or with
    `continuous=True` the mean action, `[M]` or `[M, A]` of at most `PANELS` elements. Two choices: coloured by the
    probability of the second, with a line where they are equal. More: the colour of the most likely one, paler where
    it is less likely. Continuous: a map for each element, coloured by its value between `limits`, `(low, high)` or a
    pair for each element. `states` `[N, D]`, visited while acting, are drawn as dots. `view`, names and limits default
    to those known for `environment`. Written as PNG to `path`.
    """
    view = default_view(environment, states) if view is None else view
    known = names(environment)
    words = Names(known.observation, actions or known.actions)
    output = np.asarray(policy(view.grid(resolution)), np.float64)
    if continuous:
        output = output.reshape(len(output), -1)
    expected = "probabilities [M, A] of two or more actions"
    if continuous:
        expected = f"mean actions [M, A] of at most {PANELS} elements"
    fits = output.ndim == 2 and (1 <= output.shape[1] <= PANELS if continuous else output.shape[1] > 1)
    if not fits or len(output) != resolution**2:
        raise ValueError(
            f"A policy map needs {expected} for M = {resolution**2} observations; got {output.shape}."
        )
    cells = output.reshape(resolution, resolution, -1)
    title = title or ("Policy on " + environment if environment else "Policy")
    with style.look():
        if continuous:
            figure = _draw_elements(view, cells, words, known.limits if limits is None else limits)
        else:
            figure = style.figure(6.6, 5.2)
            draw = _draw_two if cells.shape[-1] == 2 else _draw_many
            draw(figure.add_subplot(), view, cells, words)
        panels = [axes for axes in figure.axes if axes.images]
        for axes in panels:
            _furnish(axes, view, states)
        equal = "line: equally likely" if not continuous and cells.shape[-1] == 2 else ""
        notes = [view.held, equal, "dots: states visited" if states is not None else ""]
        style.heading(panels[0], title, "; ".join(filter(None, notes)))
        return style.finish(figure, path)


def _furnish(axes: Axes, view: View, states: np.ndarray | None) -> None:
    """Visited states as dots, and the names of the view's quantities."""
    if states is not None:
        shown = np.asarray(states)[:: max(1, len(states) // 3000)]
        axes.scatter(view.x.read(shown), view.y.read(shown), s=4, color=style.INK, alpha=0.35, linewidths=0)
    axes.set_xlim(view.x.low, view.x.high)
    axes.set_ylim(view.y.low, view.y.high)
    axes.set_xlabel(view.x.label)
    axes.set_ylabel(view.y.label)


def _extent(view: View) -> tuple[float, float, float, float]:
    return view.x.low, view.x.high, view.y.low, view.y.high


def _draw_two(axes: Axes, view: View, probabilities: np.ndarray, words: Names) -> None:
    probability = probabilities[..., 1]
    image = axes.imshow(
        probability, style.diverging(), origin="lower", extent=_extent(view), aspect="auto", vmin=0, vmax=1
    )
    if probability.min() < 0.5 < probability.max():
        axes.contour(
            probability, [0.5], origin="lower", extent=_extent(view), colors=style.INK, linewidths=1.2
        )
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, aspect=30, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.outline.set_visible(False)
    bar.set_label(f"probability of “{words.action(1)}”")
    bar.ax.set_yticklabels([f"0  {words.action(0)}", "0.25", "0.5", "0.75", f"1  {words.action(1)}"])


def _draw_many(axes: Axes, view: View, probabilities: np.ndarray, words: Names) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    count = probabilities.shape[-1]
    colours = np.array([to_rgb(style.colour(action)) for action in range(count)])
    likeliest = probabilities.argmax(axis=-1)
    # From nearly white where all actions are equally likely to the full colour where one is certain.
    certainty = (probabilities.max(axis=-1, keepdims=True) - 1 / count) / (1 - 1 / count)
    strength = 0.1 + 0.9 * np.clip(certainty, 0, 1)
    axes.imshow(
        1 - strength * (1 - colours[likeliest]), origin="lower", extent=_extent(view), aspect="auto", zorder=0
    )
    axes.figure.legend(
        handles=[Patch(color=style.colour(action), label=words.action(action)) for action in range(count)],
        title="likeliest action\n(pale: unsure)",
        alignment="left",
        loc="outside right upper",
        handlelength=1,
        handleheight=1,
    )


def _draw_elements(view: View, actions: np.ndarray, words: Names, limits: Limits | None) -> Figure:
    """A map for each element of actions `[R, R, A]`, at most three side by side."""
    count = actions.shape[-1]
    if limits is None:
        largest = float(np.abs(actions).max()) or 1.0
        limits = (-largest, largest)
    bounds = np.broadcast_to(np.asarray(limits, np.float64), (count, 2))
    columns = min(count, 3)
    rows = -(-count // columns)
    width, height = (6.6, 5.2) if count == 1 else (5.4 * columns, 4.4 * rows)
    figure = style.figure(width, height)
    for index, (low, high) in enumerate(bounds):
        axes = figure.add_subplot(rows, columns, index + 1)
        colours, low, high = style.colours_between(low, high)
        image = axes.imshow(
            *(actions[..., index], colours),
            origin="lower",
            extent=_extent(view),
            aspect="auto",
            vmin=low,
            vmax=high,
        )
        bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=30)
        bar.outline.set_visible(False)
        bar.set_label(f"mean {words.action(index)}")
    return figure
