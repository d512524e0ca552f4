"""A heat map of the return over two parameters of a policy, and the path of a search on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from operant.studio import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def search_map(
    returns: np.ndarray,
    ranges: Sequence[tuple[float, float]],
    labels: Sequence[str],
    *,
    title: str,
    subtitle: str = "",
    way: np.ndarray | None = None,
    path: str | Path | None = None,
) -> Figure:
    """Draw `returns` `[X, Y]` at evenly spaced values of two parameters, NaN or −∞ if unknown.

    Args:
        ranges: `(first, last)` value of each parameter.
        labels: The name of each.
        way: `[K, 2]` the best known parameters of a search after each generation; the last is a star.
        path: Where to write it as PNG, if anywhere.

    Raises ValueError if the shapes do not fit.
    """
    returns = np.asarray(returns, np.float64)
    if returns.ndim != 2 or min(returns.shape) < 2:
        raise ValueError(f"A map needs returns over a grid, at least 2 × 2; they are {returns.shape}.")
    if way is not None and np.shape(way)[1:] != (2,):
        raise ValueError(
            f"The way of a search is [K, 2], a point for each generation; it is {np.shape(way)}."
        )
    edges = [_edges(low, high, count) for (low, high), count in zip(ranges, returns.shape, strict=True)]
    with style.look():
        figure = style.figure(7.0, 5.4)
        axes = figure.add_subplot()
        mesh = axes.pcolormesh(*edges, np.ma.masked_invalid(returns).T, cmap="cividis")
        figure.colorbar(mesh, ax=axes, label="return of an episode").outline.set_visible(False)
        if way is not None and len(way):
            way = np.asarray(way)
            axes.plot(*way.T, color="white", linewidth=1.2, alpha=0.9)
            axes.scatter(*way.T, s=9, color="white", zorder=3)
            axes.scatter(
                *way[-1], s=190, marker="*", color=style.VERMILLION, edgecolor="white", zorder=4, label="best"
            )
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])
        style.heading(axes, title, subtitle)
        return style.finish(figure, path)


def _edges(low: float, high: float, count: int) -> np.ndarray:
    """The borders of `count` cells whose centres are evenly spaced from `low` to `high`."""
    half = (high - low) / (count - 1) / 2
    return np.linspace(low - half, high + half, count + 1)
