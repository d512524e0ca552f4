"""A curve of any length as the few points that a picture of it needs."""

from __future__ import annotations

import numpy as np


def decimated(x: np.ndarray, y: np.ndarray, buckets: int) -> np.ndarray:
    """The indices, in order, of at most `4 · buckets` points of a curve that look like all of them.

    Args:
        x: `[K]`, finite and not falling, such as environment steps.
        y: `[K]`; points whose y is not finite are left out.
        buckets: Equal parts of the range of x, as many as the picture has columns of pixels.

    Of each part these are the first, the last, the lowest and the highest point: a line through them covers the same
    pixels as the line through all points (M4; Jugel et al. 2014, section 4). Raises ValueError for no buckets.
    """
    if buckets < 1:
        raise ValueError(f"buckets={buckets}: must be at least 1.")
    known = np.flatnonzero(np.isfinite(y))
    if len(known) <= 4 * buckets:
        return known
    x, y = np.asarray(x, np.float64)[known], np.asarray(y)[known]
    width = (x[-1] - x[0]) or 1.0
    part = np.minimum(((x - x[0]) / width * buckets).astype(np.int64), buckets - 1)
    first = np.flatnonzero(np.diff(part, prepend=-1))
    last = np.append(first[1:], len(part)) - 1
    # Sorted by value within its part, the lowest point of each part comes first and the highest last.
    by_value = np.lexsort((y, part))
    return known[np.unique(np.concatenate([first, last, by_value[first], by_value[last]]))]
