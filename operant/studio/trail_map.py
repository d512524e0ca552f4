"""Where learners have been lately, as dots over two quantities of the observation, and what replay holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from operant.studio import style
from operant.studio.views import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BINS = 30


def trail_map(
    places: Any, steps: Any, view: View, *, title: str = "", path: str | Path | None = None
) -> Figure:
    """Places `[K, D]` as dots over the two quantities of a view, darker where the step `[K]` is later; as PNG to
    `path`, if given. Raises ValueError where there are none, or not a step for each."""
    places, steps = np.asarray(places, np.float64), np.asarray(steps)
    if places.ndim != 2 or len(places) == 0 or steps.shape != (len(places),):
        raise ValueError(
            f"places {places.shape} and steps {steps.shape}: must be [K, D] and [K], and at least one."
        )
    with style.look():
        figure = style.figure(6.6, 5.2)
        axes = figure.add_subplot()
        colours = style.sequential()
        shown = colours(0.25 + 0.75 * (steps - steps.min()) / max(np.ptp(steps), 1))
        axes.scatter(view.x.read(places), view.y.read(places), s=9, color=shown, linewidths=0)
        axes.set_xlabel(view.x.label)
        axes.set_ylabel(view.y.label)
        axes.grid()
        span = f"steps {steps.min():,} to {steps.max():,}"
        style.heading(axes, title, f"{len(places):,} places, {span}; the darker, the later")
        return style.finish(figure, path)


def replay_picture(
    reward: Any, priority: Any | None, *, title: str = "", note: str = "", path: str | Path | None = None
) -> Figure:
    """Histograms of stored rewards `[K]`, and by priority of how much more often than the mean each is drawn `[K]`.

    As PNG to `path`, if given. Raises ValueError where nothing is stored.
    """
    reward = np.asarray(reward, np.float64)
    if not reward.size:
        raise ValueError("Nothing is stored yet.")
    panels: list[tuple[str, np.ndarray, Sequence[float] | int]] = [
        ("reward", reward, BINS),
    ]
    if priority is not None:
        times = np.asarray(priority, np.float64) * len(reward)
        times = times[times > 0]
        if times.size:
            low, high = times.min(), max(times.max(), times.min() * 1.01)
            panels.append(
                ("times as often drawn as the mean", times, np.geomspace(low, high, BINS + 1).tolist())
            )
    with style.look():
        figure = style.figure(4.8 * len(panels) + 0.4, 4.2)
        every: list[Axes] = []
        for index, (label, values, bins) in enumerate(panels):
            axes = figure.add_subplot(1, len(panels), index + 1)
            axes.hist(values, bins, color=style.colour(index))
            axes.set_xlabel(label)
            axes.set_ylabel("transitions")
            if index:
                axes.set_xscale("log")
            axes.grid(axis="y")
            every.append(axes)
        style.heading(every[0], title, note)
        return style.finish(figure, path)
