"""Where learners have been in a gridworld, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from operant.envs.layout import Layout
from operant.studio import style
from operant.studio.table_map import Canvas, draw_visits

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, CELL = 13.0, 0.5  # inches: of the whole picture at most, and of a cell


def visit_map(
    visits: Mapping[str, Any], layout: Layout, *, title: str = "", path: str | Path | None = None
) -> Figure:
    """Draw how often each cell was visited, in the same colours for all.

    Args:
        visits: `[S]` by the name that is shown above the map.
        layout: The places of the states: see `operant.studio.tables.layout`. Of several grids the first is drawn.
        title: The title of the picture.
        path: The PNG file to write.

    Raises:
        ValueError: there is nothing to draw, or the visits are not those of this layout's states.
    """
    counts = {name: np.asarray(value, np.float64) for name, value in visits.items()}
    panel = layout.panels[0]
    (rows, columns), states = panel.shape, max(panel.states) + 1
    if not counts:
        raise ValueError("visits={}: there is nothing to draw.")
    for name, value in counts.items():
        if value.ndim != 1 or len(value) < states:
            raise ValueError(
                f"visits[{name!r}] has shape {value.shape}: must be one number for each of {states} states."
            )
    size = min(CELL, WIDTH / (len(counts) * columns))
    with style.look():
        figure = style.figure(len(counts) * (columns * size + 0.3) + 0.8, rows * size + 1.0)
        places = figure.add_gridspec(1, len(counts))
        canvases = [Canvas(figure.add_subplot(places[0, i]), layout, panel, size) for i in range(len(counts))]
        most = max(value[canvases[0].states].max() for value in counts.values())
        colours = [
            draw_visits([canvas], value, most)
            for canvas, value in zip(canvases, counts.values(), strict=True)
        ]
        for canvas, name in zip(canvases, counts, strict=True):
            canvas.furnish(name)
        bar = figure.colorbar(colours[0], ax=[c.axes for c in canvases], pad=0.02, aspect=30, shrink=0.85)
        bar.outline.set_visible(False)
        if title:
            figure.suptitle(title, x=0.012, ha="left", fontsize=13, fontweight="bold")
        return style.finish(figure, path)
