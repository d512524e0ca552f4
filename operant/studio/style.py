"""The common style of all pictures: colours safe for colour-blind people, quiet axes, headings.

Matplotlib is imported only when something is drawn, and only `Figure` objects are used: no window, no global
state that outlives a call.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

# Okabe & Ito's palette (2008), distinguishable under every common colour blindness; without its yellow and
# black, which vanish on white and among text.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
)
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
INK, GREY, PALE, FAINT = "#20242A", "#6B7280", "#A9B4C0", "#E3E6EA"
DPI = 150
_SHADES = (
    (0.06, 1.0),
    (0.5, 1.0),
    (1.0, 1.0),
    (1.0, 0.5),
)  # (how much of a colour there is in white, brightness)

_RC: dict[Any, Any] = {
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "text.color": INK,
    "text.usetex": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.labelsize": 9.5,
    "axes.linewidth": 0.8,
    "axes.facecolor": "white",
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "lines.solid_capstyle": "round",
    "lines.solid_joinstyle": "round",
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.major.size": 3.5,
    "ytick.major.size": 3.5,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "image.interpolation": "nearest",
}


def look() -> AbstractContextManager[None]:
    """Everything drawn inside `with look():` has this style; the settings are restored afterwards."""
    import matplotlib

    return matplotlib.rc_context(_RC)


def figure(width: float = 8.0, height: float = 4.5) -> Figure:
    """An empty figure, in inches, whose layout keeps labels from overlapping."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    class Picture(Figure):
        """A figure that a notebook shows as a cell's value, with or without pyplot."""

        def _repr_png_(self) -> bytes:
            return png(self)

    return Picture(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))


def colour(index: int) -> str:
    """The colour of the index-th of several things; they repeat after six."""
    return PALETTE[index % len(PALETTE)]


def diverging() -> LinearSegmentedColormap:
    """A colour map from blue over near-white to vermillion, for quantities with a neutral middle."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("operant", [BLUE, "#7FB4D6", "#F7F6F4", "#EBA878", VERMILLION])


def sequential(full: str = BLUE) -> LinearSegmentedColormap:
    """A colour map from near-white over a colour to its dark shade, for quantities from little to much."""
    from matplotlib.colors import LinearSegmentedColormap, to_rgb

    colour = to_rgb(full)
    stops = [tuple(shade * (1 - strength * (1 - c)) for c in colour) for strength, shade in _SHADES]
    return LinearSegmentedColormap.from_list("operant-from-white", stops)


def colours_between(low: float, high: float) -> tuple[LinearSegmentedColormap, float, float]:
    """Colours for a quantity between two bounds, and the values at their ends: 0 is neutral where it lies between."""
    if low < 0 < high:
        largest = max(-low, high)
        return diverging(), -largest, largest
    return sequential(), low, high


def heading(axes: Axes, title: str, subtitle: str = "", clearance: float = 0.0) -> None:
    """A bold title above the axes' left edge and a grey subtitle beneath, `clearance` points higher up."""
    if subtitle:
        axes.annotate(
            subtitle,
            (0, 1),
            (0, 8 + clearance),
            xycoords="axes fraction",
            textcoords="offset points",
            color=GREY,
            fontsize=9.5,
            va="bottom",
        )
    pad = 8 + clearance + (17 if subtitle else 0)
    axes.set_title(title, loc="left", fontsize=13, fontweight="bold", pad=pad)


def legend_above(axes: Axes, columns: int, handles: Sequence[Artist] | None = None) -> None:
    """A legend in columns, above the axes and within their width; of all that is labelled, or of `handles`."""
    axes.legend(
        handles=axes.get_legend_handles_labels()[0] if handles is None else handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        borderaxespad=0.4,
        borderpad=0,
        handlelength=1.4,
        columnspacing=1.6,
    )


def short_number(value: float) -> str:
    """12000 as `12k`, 3500000 as `3.5M`, 0.0003 as it is: for the ticks of an axis."""
    for size, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{suffix}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def finish(figure: Figure, path: str | Path | None) -> Figure:
    """Write the figure as PNG if a path is given, making its folder if needed. Returns the figure."""
    if path is None:
        figure.draw_without_rendering()  # ticks take their look when first drawn, so draw inside `look()`
    else:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.partial")
        try:
            figure.savefig(partial, dpi=DPI, format="png")
            os.replace(partial, path)  # a link gives way, rather than what it leads to
        finally:
            partial.unlink(missing_ok=True)
    return figure


def png(figure: Figure) -> bytes:
    """The figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=DPI, format="png")
    return buffer.getvalue()
