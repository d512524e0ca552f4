"""Which pixels of an image a policy looks at, drawn over the image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from operant.studio import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT = 3.2  # of each picture, in inches
FULL = 99.5  # the percentile of a map that is drawn in its full colour
DIM = 0.55  # how much of the image's contrast is left under a map


def saliency_maps(
    image: np.ndarray,
    maps: Mapping[str, np.ndarray],
    *,
    frame: np.ndarray | None = None,
    title: str = "What the policy looks at",
    note: str = "",
    path: str | Path | None = None,
) -> Figure:
    """Maps `[H, W]`, each with its name, in colour over the `image` `[H, W]` or `[H, W, 3]` that they are of.

    Each has colours of its own: full is what only one pixel in 200 exceeds. Next to the rendered `frame`; written as
    PNG to `path`, if given. Raises ValueError for a map of another size than the image.
    """
    for name, values in maps.items():
        if values.shape != image.shape[:2]:
            raise ValueError(f"The map {name!r} is {values.shape}, and the image {image.shape[:2]}.")
    picture = shown(image)
    panels = [] if frame is None else [("the screen", frame, None)]
    panels += [("what is seen", picture, None), *((name, picture, each) for name, each in maps.items())]
    with style.look():
        widths = [HEIGHT * each.shape[1] / each.shape[0] for _, each, _ in panels]
        figure = style.figure(sum(widths) + 0.3 * len(panels), HEIGHT + 0.9)
        places = figure.subplots(1, len(panels), width_ratios=widths, squeeze=False)[0]
        for axes, (name, each, values) in zip(places, panels, strict=True):
            if values is None:
                axes.imshow(each, cmap="gray", vmin=0, vmax=1, aspect="auto")
            else:
                axes.imshow(coloured(each, values), aspect="auto")
            axes.set(xticks=[], yticks=[], xlabel=name)
            axes.spines[:].set_visible(False)
        style.heading(places[0], title, note)
        return style.finish(figure, path)


def coloured(image: np.ndarray, values: np.ndarray) -> np.ndarray:
    """`[H, W, 3]` from 0 to 1: the image, paler, and over it as much vermillion as the map has."""
    from matplotlib.colors import to_rgb

    grey = image if image.ndim == 2 else image.mean(-1)
    full = np.percentile(values, FULL) or values.max() or 1.0
    share = np.clip(values / full, 0, 1)[..., None]
    return (1 - share) * (DIM * grey[..., None] + np.zeros(3)) + share * np.array(to_rgb(style.VERMILLION))


def shown(image: np.ndarray) -> np.ndarray:
    """An image of any range from 0 to 1."""
    low, high = float(image.min()), float(image.max())
    if image.dtype == np.uint8 and high > 1:
        low, high = 0.0, 255.0
    return np.clip((image.astype(np.float64) - low) / ((high - low) or 1.0), 0, 1)
