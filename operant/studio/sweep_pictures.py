"""Pictures of a sweep: parallel coordinates, what each hyperparameter explains, and the curve of each trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from operant.studio import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCORE = "score"
MOST_LINES = 2_000  # trials of which a line can be told from others, the best


def parallel_coordinates(
    axes: Mapping[str, Sequence[float]],
    ticks: Mapping[str, Sequence[tuple[float, str]]],
    scores: Sequence[float],
    finished: Sequence[bool],
    *,
    title: str,
    path: str | Path | None = None,
) -> Figure:
    """An axis for each hyperparameter and one for the score; a line for each of T trials, the better the darker.

    Args:
        axes: Where each trial lies on each axis, from 0 to 1, `[T]`.
        ticks: What is written at which places of each axis.
        scores: `[T]`; NaN for one that diverged, which is drawn at the bottom.
        finished: `[T]`; lines of trials that were stopped early are thin and dashed.
    """
    from matplotlib.collections import LineCollection

    places, shades = _places(scores)
    columns = np.column_stack([*map(np.asarray, axes.values()), places])
    order = np.argsort(shades, kind="stable")[-MOST_LINES:]  # the best on top
    with style.look():
        figure = style.figure(max(6.0, 1.9 * columns.shape[1]), 4.8)
        picture = figure.add_subplot()
        colours = style.sequential()(0.15 + 0.85 * shades[order])
        lines = [np.column_stack([np.arange(columns.shape[1]), columns[i]]) for i in order]
        done = np.array(finished)[order]
        picture.add_collection(
            LineCollection(
                lines,
                colors=colours,
                linewidths=np.where(done, 1.4, 0.8),
                linestyles=["solid" if each else "dashed" for each in done],
            )
        )
        known = np.asarray(scores, float)
        known = known[~np.isnan(known)]
        ends = np.linspace(known.min(), known.max(), 5) if len(known) else np.array([])
        on_score = [
            (place, style.short_number(value))
            for place, value in zip(np.linspace(0, 1, 5), ends, strict=False)
        ]
        for index, written in enumerate([*(ticks[name] for name in axes), on_score]):
            _axis(picture, index, written)
        picture.set(
            xlim=(-0.1, columns.shape[1] - 0.6), ylim=(-0.04, 1.04), xticks=range(columns.shape[1]), yticks=[]
        )
        picture.set_xticklabels([*axes, SCORE])
        picture.tick_params(axis="x", length=0, pad=8)
        for spine in picture.spines.values():
            spine.set_visible(False)
        style.heading(picture, title, f"{len(scores)} trials; dashed: stopped early", clearance=4)
        return style.finish(figure, path)


def importance_bars(
    importances: Sequence[tuple[str, float, float]], step: int, *, title: str, path: str | Path | None = None
) -> Figure:
    """A bar for each hyperparameter, as long as the share that it explains; `importances` are `(name, ε², p-value)`."""
    names = [name for name, *_ in importances][::-1]
    shares = [share for _, share, _ in importances][::-1]
    sure = [p < 0.05 for *_, p in importances][::-1]
    with style.look():
        figure = style.figure(7.0, 1.4 + 0.42 * max(len(names), 1))
        picture = figure.add_subplot()
        picture.barh(names, shares, color=[style.BLUE if each else style.PALE for each in sure], height=0.6)
        for place, (share, (_, _, p)) in enumerate(zip(shares, list(importances)[::-1], strict=True)):
            picture.annotate(
                f"{share:.2f}  (p = {p:.3f})",
                (share, place),
                (6, 0),
                textcoords="offset points",
                va="center",
                color=style.GREY,
            )
        picture.set(xlim=(0, 1.2), xlabel="share of the variance of ranks that it explains by itself (ε²)")
        picture.tick_params(axis="y", length=0)
        style.heading(picture, title, f"after {step:,} steps; grey: no more than chance (p ≥ 0.05)")
        return style.finish(figure, path)


def trial_curves(
    curves: Sequence[tuple[np.ndarray, np.ndarray, bool]], *, title: str, path: str | Path | None = None
) -> Figure:
    """The learning curve of each trial: `(steps, returns, whether it was finished)`, the best first."""
    with style.look():
        figure = style.figure(8.0, 4.5)
        picture = figure.add_subplot()
        for place, (steps, returns, finished) in reversed(list(enumerate(curves))):
            looks: dict[str, Any] = {"color": style.PALE, "linewidth": 0.8, "alpha": 0.9 if finished else 0.5}
            if place == 0:
                looks = {"color": style.VERMILLION, "linewidth": 2.0, "label": "the best trial"}
            picture.plot(steps, returns, **looks)
        picture.set(xlabel="environment steps", ylabel="mean return of recent episodes, mean over seeds")
        picture.grid(axis="y")
        picture.xaxis.set_major_formatter(lambda value, _: style.short_number(value))
        style.heading(
            picture, title, f"{len(curves)} trials; those that end early were stopped", clearance=14
        )
        style.legend_above(picture, 1)
        return style.finish(figure, path)


def _places(scores: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Where scores lie between the lowest and the highest, and where their ranks do: both from 0 to 1."""
    known = np.asarray(scores, float)
    lost = np.isnan(known)
    if lost.all():
        return np.zeros(len(known)), np.zeros(len(known))
    filled = np.where(lost, np.nanmin(known), known)
    spread = np.ptp(filled)
    places = (filled - filled.min()) / spread if spread else np.full(len(known), 1.0)
    ranks = np.argsort(np.argsort(np.where(lost, -np.inf, known), kind="stable"), kind="stable")
    return places, ranks / max(len(known) - 1, 1)


def _axis(picture: Any, index: int, written: Sequence[tuple[float, str]]) -> None:
    """A vertical axis with what is written at its places."""
    picture.axvline(index, 0.04 / 1.08, 1.04 / 1.08, color=style.GREY, linewidth=0.8, zorder=0.5)
    for place, text in written:
        picture.annotate(
            text,
            (index, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=style.GREY,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
        )
