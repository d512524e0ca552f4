"""What a policy would do at one observation: its action probabilities, or its Gaussian density."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np

from operant.studio import style
from operant.studio.names import names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def action_probabilities(
    probabilities: np.ndarray,
    *,
    environment: str | None = None,
    actions: tuple[str, ...] = (),
    frame: np.ndarray | None = None,
    title: str = "What the policy would do",
    note: str = "",
    path: str | Path | None = None,
) -> Figure:
    """A bar for each of the probabilities `[A]`, the most likely in colour, next to the rendered `frame`
    `[H, W, 3]`.

    The actions' names default to those known for `environment`. Written as PNG to `path`, if given.
    """
    values = np.asarray(probabilities, np.float64)
    if values.ndim != 1 or not np.isclose(values.sum(), 1, atol=1e-3) or values.min() < 0:
        raise ValueError(f"Action probabilities must be a vector [A] that sums to 1; got {values}.")
    words = names(environment)
    labels = [actions[i] if i < len(actions) else words.action(i) for i in range(len(values))]
    with style.look():
        figure, (axes,) = next_to_frame(frame, max(2.4, 0.5 * len(values) + 1.1), note=note)
        colours = [style.BLUE if i == values.argmax() else style.PALE for i in range(len(values))]
        bars = axes.barh(np.arange(len(values)), values, height=0.62, color=colours)
        axes.bar_label(bars, [_percent(value) for value in values], padding=5, color=style.INK)
        axes.set_yticks(np.arange(len(values)), labels, color=style.INK)
        axes.tick_params(axis="y", length=0)
        axes.spines[["left", "bottom"]].set_visible(False)
        axes.set_xticks([])
        axes.set_xlim(0, 1.12)
        room = (
            0.5 if frame is None else max(0.5, (5 - len(values)) / 2)
        )  # next to a tall frame, few bars stay slim
        axes.set_ylim(len(values) - 1 + room, -room)
        said = ["probability of each action", note if frame is None else ""]
        style.heading(axes, title, ", ".join(filter(None, said)))
        return style.finish(figure, path)


def action_density(
    mean: np.ndarray,
    deviation: np.ndarray,
    *,
    environment: str | None = None,
    actions: tuple[str, ...] = (),
    limits: tuple[float, float] | None = None,
    frame: np.ndarray | None = None,
    title: str = "What the policy would do",
    path: str | Path | None = None,
) -> Figure:
    """The Gaussian density of every element of a continuous action, from `mean` and `deviation` `[A]`.

    Values outside `limits` (default: those known for `environment`) are shaded: the environment clips them.
    Next to the rendered `frame` `[H, W, 3]`, and written as PNG to `path`, if given.
    """
    centre, spread = np.atleast_1d(mean).astype(np.float64), np.atleast_1d(deviation).astype(np.float64)
    if centre.shape != spread.shape or centre.ndim != 1 or not (spread > 0).all():
        raise ValueError(
            f"Mean and deviation must be vectors [A], deviations positive; got {centre}, {spread}."
        )
    words = names(environment)
    limits = limits or words.limits
    low, high = float((centre - 4 * spread).min()), float((centre + 4 * spread).max())
    if limits is not None:
        margin = 0.1 * (limits[1] - limits[0])
        low, high = min(low, limits[0] - margin), max(high, limits[1] + margin)
    grid = np.linspace(low, high, 600)
    with style.look():
        figure, (axes,) = next_to_frame(frame, 3.6)
        for index, (mu, sigma) in enumerate(zip(centre, spread, strict=True)):
            density = np.exp(-0.5 * ((grid - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi))
            name = actions[index] if index < len(actions) else words.action(index)
            axes.plot(
                grid,
                density,
                color=style.colour(index),
                linewidth=2,
                label=f"{name}: {style.short_number(mu)} ± {sigma:.2g}",
            )
            axes.fill_between(grid, density, color=style.colour(index), alpha=0.2, linewidth=0)
        if limits is not None:
            for start, end in ((low, limits[0]), (limits[1], high)):
                axes.axvspan(start, end, color=style.GREY, alpha=0.15, linewidth=0)
        axes.set_xlim(low, high)
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel("action")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.4, borderpad=0, handlelength=1.4)
        subtitle = "density; grey: outside the action space" if limits is not None else "density"
        style.heading(axes, title, subtitle, 17.0 * len(centre))
        return style.finish(figure, path)


def next_to_frame(
    frame: np.ndarray | None, height: float, heights: Sequence[float] = (1.0,), note: str = ""
) -> tuple[Figure, list[Axes]]:
    """A figure with axes to draw in, one below the other in these proportions, to the right of the frame, with a note
    below it, if there is one."""
    if frame is None:
        figure = style.figure(6.0, height)
        places = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    else:
        figure = style.figure(9.0, max(height, 3.4))
        places = figure.add_gridspec(len(heights), 2, height_ratios=heights, width_ratios=(0.8, 1.0))
        picture = figure.add_subplot(places[:, 0])
        picture.imshow(frame)
        picture.set_xlabel(fill(note, 50))
        picture.set_xticks([])
        picture.set_yticks([])
        picture.spines[:].set_visible(True)
        picture.spines[:].set_color(style.FAINT)
    return figure, [figure.add_subplot(places[row, -1]) for row in range(len(heights))]


def _percent(value: float) -> str:
    return "< 0.1 %" if 0 < value < 0.001 else f"{100 * value:.1f} %"
