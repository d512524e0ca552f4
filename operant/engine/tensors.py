"""safetensors files written and read part by part: a replay of gigabytes is never in memory a second time.

The format is a length of 8 bytes, that many bytes of JSON (of every tensor its dtype, shape and place), and the bytes
of the tensors. The safetensors library copies all of them to write them, and what it reads it holds until the file is
closed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import jax
import jax.numpy as jnp
import numpy as np

PART = 2**24  # bytes that are written, or read, at a time
NAMES = {  # of dtypes in the format
    **{"BOOL": "bool", "U8": "uint8", "I8": "int8", "U16": "uint16", "I16": "int16", "F16": "float16"},
    **{"BF16": "bfloat16", "U32": "uint32", "I32": "int32", "F32": "float32", "U64": "uint64"},
    **{"I64": "int64", "F64": "float64", "C64": "complex64"},
}
_CODES = {name: code for code, name in NAMES.items()}


def save_file(tensors: Mapping[str, Any], path: str | Path, metadata: Mapping[str, str]) -> str:
    """Write arrays (NumPy's or JAX's, of the dtypes in `NAMES`) by name; the SHA-256 of the file. The same arrays and
    metadata give the same bytes.
    """
    names = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))  # all are aligned, then
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    end = 0
    for name in names:
        tensor, start = tensors[name], end
        end += tensor.nbytes
        header[name] = {
            "dtype": _CODES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text = text.ljust(-(-len(text) // 8) * 8)
    digest = hashlib.sha256()
    with Path(path).open("wb") as file:
        for part in (len(text).to_bytes(8, "little"), text):
            file.write(part)
            digest.update(part)
        for name in names:
            for piece in _pieces(tensors[name]):
                flat = piece.reshape(-1).view(np.uint8)
                for first in range(0, len(flat), PART):
                    part = flat[first : first + PART].data
                    file.write(part)
                    digest.update(part)
    return digest.hexdigest()


def _pieces(tensor: Any) -> Iterator[np.ndarray]:
    """An array's bytes in order. What is spread over devices along its first axis comes device by device, since it is
    copied where it is put together.
    """
    shards = list(tensor.addressable_shards) if isinstance(tensor, jax.Array) and tensor.ndim else []
    if len(shards) > 1 and all(shard.data.shape[1:] == tensor.shape[1:] for shard in shards):
        each = {shard.index[0].indices(tensor.shape[0])[0]: shard.data for shard in shards}
        if sum(len(data) for data in each.values()) == len(tensor):
            for start in sorted(each):
                yield np.asarray(each[start], order="C")
            return
    yield np.asarray(tensor, order="C")


def places(file: BinaryIO) -> dict[str, int]:
    """Where each tensor of a safetensors file, which is known to be whole, begins."""
    size = int.from_bytes(file.read(8), "little")
    header = json.loads(file.read(size))
    return {
        name: 8 + size + about["data_offsets"][0] for name, about in header.items() if name != "__metadata__"
    }


def read_array(file: BinaryIO, place: int, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """A tensor that begins at `place`, as a new JAX array."""
    file.seek(place)
    size = math.prod(shape) * dtype.itemsize
    if size <= PART:
        return jnp.array(_read(file, size, dtype).reshape(shape))  # a copy: it may be donated
    axis, row = 0, size // shape[0]
    while row > PART and axis + 1 < len(shape):
        axis += 1
        row //= shape[axis]
    array, rows = jnp.zeros(shape, dtype), max(1, PART // row)
    for before in np.ndindex(shape[:axis]):
        for first in range(0, shape[axis], rows):
            count = min(rows, shape[axis] - first)
            part = _read(file, count * row, dtype).reshape((1,) * axis + (count, *shape[axis + 1 :]))
            at = (*before, first, *(0,) * (len(shape) - axis - 1))
            array = _put(array, part, at).block_until_ready()
    return array


def _read(file: BinaryIO, size: int, dtype: Any) -> np.ndarray:
    read = np.fromfile(file, np.uint8, size)
    if len(read) < size:
        raise OSError(f"{size - len(read):,} bytes are missing")
    return read.view(dtype)


def _put(array: jax.Array, part: np.ndarray, at: tuple[int, ...]) -> jax.Array:
    return _update(array, part, tuple(map(np.int32, at)))


_update = jax.jit(jax.lax.dynamic_update_slice, donate_argnums=0)
