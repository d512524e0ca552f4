"""Learning curves over one or many seeds, and the diagnostics of a run as small multiples."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from operant.engine.log import RETURN
from operant.engine.log import STEP as STEPS
from operant.fields import blamed
from operant.ops.intervals import iqm_interval
from operant.studio import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VALUE, Q_VALUE, ENT_COEF = "train/average_max_q", "train/q_value", "train/ent_coef"
ALONGSIDE = {  # what is drawn next to the returns: its heading, and what it says
    VALUE: ("Expected return", "by its own values"),
    Q_VALUE: ("Expected return", "by its own values, of the actions it learns from"),
    ENT_COEF: ("Temperature", "α, the weight of the policy's entropy"),
}
LABELS = {
    STEPS: "environment steps",
    RETURN: "mean return of recent episodes",
    "rollout/ep_len_mean": "mean length of recent episodes",
    "time/time_elapsed": "seconds",
    VALUE: "average largest Q of held-out states",
    Q_VALUE: "mean Q of minibatches",
    ENT_COEF: "temperature of the entropy",
    "train/approx_kl": "approximate KL divergence",
    "train/policy_gradient_loss": "policy loss",
    "train/loss": "total loss",
}
# Those that say first whether a run is healthy come first; others follow by name.
ORDER = (
    "train/approx_kl",
    "train/clip_fraction",
    "train/entropy_loss",
    "train/explained_variance",
    "train/policy_gradient_loss",
    "train/value_loss",
    "train/loss",
    Q_VALUE,
    "train/critic_loss",
    "train/actor_loss",
    ENT_COEF,
    "train/ent_coef_loss",
    "train/learning_rate",
)
FEW = 5  # seeds, below which the interval is much too narrow: of two it holds the truth half the time
COUNTERS = ("train/n_updates",)  # they only count: nothing to see


def label(key: str) -> str:
    """The words for a log key: `train/value_loss` as `value loss`."""
    return LABELS.get(key, key.rsplit("/", 1)[-1].replace("_", " "))


def series(rows: Sequence[Mapping[str, Any]], y: str = RETURN) -> tuple[np.ndarray, np.ndarray]:
    """`(steps [K], values [S, K])` of logged rows, for `learning_curve`; NaN where a row does not have `y` yet."""
    steps = np.array([row[STEPS] for row in rows])
    values = np.broadcast_arrays(*(np.asarray(row.get(y, np.nan), np.float64) for row in rows))
    return steps, np.atleast_2d(np.array(values).T)


def learning_curve(
    series: Mapping[str, tuple[np.ndarray, np.ndarray]],
    *,
    title: str,
    threshold: float | None = None,
    reference: Mapping[str, float] | None = None,
    x: str = STEPS,
    y: str = RETURN,
    alongside: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]] | None = None,
    path: str | Path | None = None,
) -> Figure:
    """Draw `{label: (steps [K], values [S, K])}`, one row of values a seed (`[K]` for a single one); NaN
    leaves a gap.

    Several seeds: their interquartile mean, its 95 % bootstrap interval as a band, and the single seeds as
    thin lines. One seed: its values as a thin line, and their centred moving average. `threshold` and
    `reference` (`{"random policy": 22.0}`) are horizontal lines. `alongside` are more series, by log key
    (those of `ALONGSIDE`), each in axes of its own: what is expected should rise with the returns (Mnih et al. 2013,
    figure 2). Written as PNG to `path`, if given.
    """
    if not series:
        raise ValueError("A learning curve needs at least one series; got none.")
    curves = _checked(series)
    with style.look():
        figure, (axes, *others) = _arrange(len(alongside or {}))
        draw_curves(axes, curves, x, y)
        for other, (key, also) in zip(others, (alongside or {}).items(), strict=True):
            draw_curves(other, _checked(also), x, key)
            style.heading(other, *ALONGSIDE[key])
        lines = {"threshold": threshold} if threshold is not None else {}
        for name, level in {**lines, **(reference or {})}.items():
            axes.axhline(level, color=style.GREY, linewidth=1, dashes=(4, 3), zorder=1)
            axes.annotate(
                f"{name}\n{level:.4g}",
                (1, level),
                (6, 0),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                color=style.GREY,
                fontsize=8.5,
                va="center",
            )
        rows = 0
        if len(curves) > 1:
            columns = min(4, len(curves))
            rows = math.ceil(len(curves) / columns)
            lines_drawn = axes.get_legend_handles_labels()[0]
            by_rows = [line for column in range(columns) for line in lines_drawn[column::columns]]
            style.legend_above(axes, columns, by_rows)
        style.heading(axes, title, _explanation([len(drawn) for _, drawn in curves.values()]), 17.0 * rows)
        return style.finish(figure, path)


def _arrange(count: int) -> tuple[Figure, list[Axes]]:
    """A figure with axes for returns, and for `count` others: one to the right of them, several below."""
    if count < 2:
        figure = style.figure(13.0 if count else 8.0)
        return figure, [figure.add_subplot(1, 1 + count, 1 + index) for index in range(1 + count)]
    figure = style.figure(4.5 * count, 8.5)
    places = figure.add_gridspec(2, count, height_ratios=(1.2, 1.0))
    return figure, [
        figure.add_subplot(places[0, :]),
        *(figure.add_subplot(places[1, index]) for index in range(count)),
    ]


def _checked(
    series: Mapping[str, tuple[np.ndarray, np.ndarray]],
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    curves = {name: (np.asarray(steps), np.atleast_2d(values)) for name, (steps, values) in series.items()}
    for name, (steps, values) in curves.items():
        if values.shape[1:] != steps.shape:
            raise ValueError(
                f"Series {name!r} has values of shape {values.shape} for steps of shape {steps.shape}; "
                "give steps [K] and values [S, K]."
            )
    return curves


def draw_curves(axes: Axes, curves: Mapping[str, tuple[np.ndarray, np.ndarray]], x: str, y: str) -> None:
    """Draw `{label: (steps [K], values [S, K])}` into these axes, as `learning_curve` does; `x` and `y`: log keys."""
    axes.grid(axis="y")
    for index, (name, (steps, values)) in enumerate(curves.items()):
        _draw_series(axes, steps, np.asarray(values, np.float64), style.colour(index), name)
    axes.set_xlabel(label(x))
    axes.set_ylabel(label(y))
    axes.xaxis.set_major_formatter(lambda value, _: style.short_number(value))
    axes.margins(x=0)


def _draw_series(axes: Axes, steps: np.ndarray, values: np.ndarray, colour: str, name: str) -> None:
    alone = _marker(np.isfinite(values).max(axis=0))
    if len(values) == 1:
        axes.plot(steps, values[0], color=colour, linewidth=0.9, alpha=0.4)
        axes.plot(steps, smoothed(values[0]), color=colour, linewidth=2.2, label=name, marker=alone)
        return
    centre, low, high = iqm_interval(values)
    axes.plot(steps, values.T, color=colour, linewidth=0.6, alpha=0.25, marker=alone)
    axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    axes.plot(steps, centre, color=colour, linewidth=2.2, label=name, marker=alone)


def _marker(known: np.ndarray) -> str | None:
    """A dot if there is only one point, and so no line."""
    return "o" if known.sum() == 1 else None


def _explanation(seeds: list[int]) -> str:
    """The explanation of lines and bands, given the number of seeds of each curve."""
    if max(seeds) == 1:
        return "one seed; thick: moving average"
    count = str(seeds[0]) if len(set(seeds)) == 1 else f"{min(seeds)} to {max(seeds)}"
    narrow = ", too narrow for so few" if min(seeds) < FEW else ""
    return f"interquartile mean of {count} seeds with its 95 % bootstrap interval{narrow}; thin: single seeds"


def constant(values: np.ndarray) -> bool:
    """Whether values stay the same, but for how they were rounded; NaN is left out."""
    known = values[np.isfinite(values)]
    return len(known) > 0 and bool(np.allclose(known, known.flat[0], rtol=1e-4, atol=0.0))


def smoothed(values: np.ndarray, window: int | None = None) -> np.ndarray:
    """The centred moving average of `values` `[K]` over `window` points (default: a twentieth of them), NaN
    left out.

    Towards the ends the window shrinks; where it holds no number, the average is NaN.
    """
    window = max(1, len(values) // 20) if window is None else window
    known = np.isfinite(values)
    before, after = window // 2, window - window // 2
    index = np.arange(len(values))
    low, high = np.maximum(index - before, 0), np.minimum(index + after, len(values))
    total = np.concatenate([[0.0], np.cumsum(np.where(known, values, 0.0))])
    count = np.concatenate([[0], np.cumsum(known)])
    with np.errstate(invalid="ignore"):
        return (total[high] - total[low]) / (count[high] - count[low])


def metrics_panel(
    columns: Mapping[str, np.ndarray], path: str | Path | None = None, *, title: str = "Training diagnostics"
) -> Figure:
    """Small multiples of the `train/…` columns of one run over its steps; columns `[K]`, NaN where nothing
    was logged.

    Raises ValueError if no such column holds a number.
    """
    steps = np.asarray(columns[STEPS], np.float64)
    present = [key for key in columns if key.startswith("train/") and key not in COUNTERS]
    present = [key for key in present if np.isfinite(np.asarray(columns[key], np.float64)).any()]
    if not present:
        raise ValueError("No train/… column holds a number: this run has not learnt anything yet.")
    keys = [key for key in ORDER if key in present] + sorted(set(present) - set(ORDER))
    width = min(3, len(keys))
    height = math.ceil(len(keys) / width)
    with style.look():
        figure = style.figure(max(3.2 * width, 5.0), 2.0 * height + 0.7)
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        for index, key in enumerate(keys):
            axes = figure.add_subplot(height, width, index + 1)
            values = np.asarray(columns[key], np.float64)
            known = np.isfinite(values)
            axes.grid(axis="y")
            axes.plot(steps[known], values[known], color=style.BLUE, linewidth=0.7, alpha=0.4)
            alone = _marker(known)
            axes.plot(steps[known], smoothed(values[known]), color=style.BLUE, linewidth=1.6, marker=alone)
            axes.set_title(label(key), loc="left", fontsize=9.5, color=style.INK)
            axes.margins(x=0)
            if constant(values) and (level := abs(values[known][0])) > 0:
                axes.set_ylim(values[known][0] - level / 2, values[known][0] + level / 2)
            axes.locator_params(nbins=4)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(lambda value, _: style.short_number(value))
        figure.supxlabel(label(STEPS), fontsize=9.5, color=style.GREY)
        return style.finish(figure, path)


def read_metrics(path: str | Path) -> dict[str, np.ndarray]:
    """The columns of a `metrics.csv` as float arrays `[K]`, NaN where a cell is empty; no columns of text."""
    with open(path, newline="", encoding="utf-8") as file, blamed(path):
        rows = list(csv.DictReader(file))
    columns = {}
    for key in rows[0] if rows else ():
        try:
            columns[key] = np.array([float(row[key] or "nan") for row in rows])
        except ValueError:
            continue
    return columns
