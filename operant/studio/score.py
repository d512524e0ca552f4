"""The returns of an evaluation, their mean and its interval, above those of the random policy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from operant.studio import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def score(
    evaluations: Mapping[str, Mapping[str, Any]],
    *,
    title: str,
    threshold: float | None = None,
    subtitle: str = "dots: episodes; line: mean, in its 95 % interval",
    path: str | Path | None = None,
) -> Figure:
    """Draw one row for each of `{label: {"mean": …, "interval": [low, high], "returns": […]}}`.

    Only the mean is required. Single returns are dots; the mean is a line in a box from low to high.
    Written as PNG to `path`, if given.
    """
    jitter = np.random.default_rng(0)
    with style.look():
        figure = style.figure(8.0, 1.3 + 0.55 * len(evaluations))
        axes = figure.add_subplot()
        axes.grid(axis="x")
        for row, (name, evaluation) in enumerate(evaluations.items()):
            colour = style.BLUE if row == 0 else style.GREY
            returns = np.asarray(evaluation.get("returns", ()), np.float64)
            height = row + jitter.uniform(-0.22, 0.22, len(returns))
            axes.scatter(returns, height, s=9, color=colour, alpha=0.35, linewidths=0)
            interval = known_interval(evaluation)
            if interval is not None:
                low, high = interval
                axes.barh(row, high - low, 0.66, low, color=colour, alpha=0.35, label=name)
            axes.vlines(evaluation["mean"], row - 0.38, row + 0.38, color=colour, linewidth=2.2)
        if threshold is not None:
            axes.axvline(threshold, color=style.GREY, linewidth=1, dashes=(4, 3), zorder=1)
            axes.annotate(
                f"threshold {threshold:g}",
                (threshold, 1),
                (-4, 2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                color=style.GREY,
                fontsize=8.5,
                ha="right",
                va="bottom",
            )
        axes.set_yticks(range(len(evaluations)), list(evaluations), color=style.INK)
        axes.set_ylim(len(evaluations) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.xaxis.set_major_formatter(lambda value, _: style.short_number(value))
        axes.set_xlabel("return of an episode")
        style.heading(axes, title, subtitle, 14.0 * (threshold is not None))
        return style.finish(figure, path)


def known_interval(evaluation: Mapping[str, Any]) -> tuple[float, float] | None:
    """The `(low, high)` of an evaluation; None without one, as after a single episode."""
    low, high = evaluation.get("interval") or (None, None)
    if low is None or high is None or not np.isfinite([low, high]).all():
        return None
    return float(low), float(high)
