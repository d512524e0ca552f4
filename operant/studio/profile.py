"""Comparing algorithms over several seeds: performance profiles, and interquartile means with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from operant.ops.comparison import performance_profile
from operant.ops.intervals import iqm_interval
from operant.studio import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def profiles(
    scores: Mapping[str, ArrayLike], *, title: str, unit: str = "seed", path: str | Path | None = None
) -> Figure:
    """Draw `{name: scores [S]}`: on the left which fraction of them lies above each return, with pointwise 95 %
    intervals (Agarwal et al. 2021, section 4.2); on the right their interquartile means with theirs.

    Written as PNG to `path`, if given.
    """
    known = {name: np.asarray(values, np.float64).ravel() for name, values in scores.items()}
    everything = np.concatenate(list(known.values()))
    margin = 0.03 * (np.ptp(everything) or 1.0)
    ends = everything.min() - margin, everything.max() + margin
    thresholds = np.unique([*ends, *everything])  # it falls at scores only
    with style.look():
        figure = style.figure(10.0, 3.9)
        left, right = figure.subplots(1, 2, width_ratios=[3, 2])
        for index, (name, values) in enumerate(known.items()):
            colour = style.colour(index)
            fraction, low, high = performance_profile(values, thresholds)
            left.fill_between(thresholds, low, high, color=colour, alpha=0.2, linewidth=0, step="post")
            left.step(thresholds, fraction, where="post", color=colour, linewidth=2.2, label=name)
            _interquartile_mean(right, index, values, colour)
        left.grid(axis="y")
        left.set_xlabel("return")
        left.set_ylabel(f"fraction of {unit}s above it")
        left.set_ylim(-0.02, 1.05)
        left.margins(x=0)
        left.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
        left.xaxis.set_major_formatter(lambda value, _: style.short_number(value))
        style.heading(left, title, "performance profile with its 95 % bootstrap interval at each return")
        right.grid(axis="x")
        right.set_yticks(range(len(known)), list(known), color=style.INK)
        right.set_xlim(*ends)
        right.set_ylim(len(known) - 0.5, -0.5)
        right.tick_params(axis="y", length=0)
        right.spines["left"].set_visible(False)
        right.xaxis.set_major_formatter(lambda value, _: style.short_number(value))
        right.set_xlabel("return")
        style.heading(right, "Interquartile mean", f"dots: {unit}s; box: 95 % interval")
        return style.finish(figure, path)


def _interquartile_mean(axes: Axes, row: int, values: np.ndarray, colour: str) -> None:
    centre, low, high = iqm_interval(values)
    height = row + np.random.default_rng(0).uniform(-0.2, 0.2, len(values))
    axes.scatter(values, height, s=9, color=colour, alpha=0.4, linewidths=0)
    if np.isfinite(low):
        axes.barh(row, high - low, 0.6, low, color=colour, alpha=0.35)
    axes.vlines(float(centre), row - 0.35, row + 0.35, color=colour, linewidth=2.2)
