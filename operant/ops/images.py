"""Images in NumPy or JAX: grey as the emulator's, and smaller by means over areas as OpenCV's, to the last pixel."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

LUMA = (0.299, 0.587, 0.114)
"""How bright red, green and blue are (ITU-R recommendation BT.601), as the Arcade Learning Environment has it."""


def grayscale(image: Any) -> Any:
    """The brightness 0.299 R + 0.587 G + 0.114 B of images `[…, H, W, 3]`, as `[…, H, W]` of the same type.

    Whole numbers are rounded to the nearest. Of Atari's palette that is the grey screen of the emulator.
    """
    red, green, blue = (image[..., i].astype(np.float32) * np.float32(LUMA[i]) for i in range(3))
    return _as(image.dtype, red + green + blue)


def resize_area(image: Any, height: int, width: int) -> Any:
    """Images `[…, H, W]`, made smaller: each pixel is the mean over the area that it covers, `[…, height, width]`.

    Along each axis that is a weighted sum of neighbours, first along rows, with float32 sums in the order of OpenCV's
    `INTER_AREA`, whose numbers it gives; only where an image shrinks by whole factors OpenCV rounds halves upwards.
    """
    across = _along(image.astype(np.float32).swapaxes(-1, -2), width)
    return _as(image.dtype, _along(across.swapaxes(-1, -2), height))


def _along(image: Any, size: int) -> Any:
    """Images `[…, n, m]` with the mean over areas of their second-to-last axis, `[…, size, m]`."""
    index, weights = areas(image.shape[-2], size)
    weights = weights.reshape(len(weights), *[1] * (image.ndim - 2), size, 1)
    return sum(image[..., i, :] * weight for i, weight in zip(index, weights, strict=True))


@cache
def areas(length: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """`(which of `length` pixels, with which weight float32)`, each `[k, size]`: the k parts of each of `size` pixels.

    Pixel i covers from i·length/size to (i + 1)·length/size. Where it touches fewer than k, the rest has weight 0.
    """
    scale = length / size
    edges = np.arange(size) * scale
    first = np.floor(edges + 1e-3).astype(int)  # what is touched by less than a thousandth is left out
    last = np.minimum(np.ceil(edges + scale - 1e-3).astype(int), length) - 1
    index = first + np.arange((last - first).max() + 1)[:, None]
    covered = np.minimum(index + 1, edges + scale) - np.maximum(index, edges)
    weights = np.where(index <= last, covered / scale, 0).astype(np.float32)
    return np.minimum(index, length - 1), weights


def _as(dtype: Any, values: Any) -> Any:
    """Numbers of a type: whole ones are rounded, halves to even."""
    whole = np.issubdtype(dtype, np.integer)
    return (values.round() if whole else values).astype(dtype)
