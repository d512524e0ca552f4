"""Messages between processes: JSON and arrays, as bytes. Nothing that is read here can run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

ALIGNMENT = 16  # bytes, to a multiple of which the beginning of every array is put
LENGTH = 8  # bytes that say how long the JSON is


def pack(header: Any, arrays: Sequence[Any] = ()) -> bytes:
    """A message of JSON values, and of arrays (NumPy's or JAX's); None stands for one that is left out."""
    own = [None if x is None else np.asarray(x, order="C") for x in arrays]
    kinds = [None if x is None else [x.dtype.name, x.shape] for x in own]
    text = json.dumps([header, kinds]).encode()
    parts = [len(text).to_bytes(LENGTH, "little"), text, _padding(LENGTH + len(text))]
    for array in own:
        if array is not None:
            parts += [array.tobytes(), _padding(array.nbytes)]
    return b"".join(parts)


def unpack(message: bytes) -> tuple[Any, list[np.ndarray | None]]:
    """`(header, arrays)` of a message that `pack` made; the arrays are parts of it, and cannot be written to."""
    start = LENGTH + int.from_bytes(message[:LENGTH], "little")
    header, kinds = json.loads(message[LENGTH:start])
    start += len(_padding(start))
    arrays: list[np.ndarray | None] = []
    for kind in kinds:
        if kind is None:
            arrays.append(None)
            continue
        dtype, shape = np.dtype(kind[0]), tuple(kind[1])
        count = int(np.prod(shape, dtype=np.int64))
        arrays.append(np.frombuffer(message, dtype, count, start).reshape(shape))
        end = start + count * dtype.itemsize
        start = end + len(_padding(count * dtype.itemsize))
    return header, arrays


def _padding(length: int) -> bytes:
    return bytes(-length % ALIGNMENT)
