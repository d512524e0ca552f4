"""Pytrees to safetensors files and back: one named tensor an array leaf, and a JSON header.

A file holds numbers and text only; nothing that is loaded is ever executed.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open

from operant import formats
from operant.engine import tensors
from operant.engine.tensors import save_file
from operant.fields import FileError, blamed, parse, table
from operant.frozen import ARRAYS
from operant.types import PyTree

DTYPES = (
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("bfloat16", "float16", "float32", "float64", "complex64"),
)


ENVIRONMENTS = "environments/"  # how names of arrays begin that are of environments in Python

SMALL = 2**18  # numbers: larger arrays are not read by the safetensors library, which keeps what it read

# What is wrong with the disk, rather than with what was asked for.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_DISK = (*_FULL, errno.EIO, errno.EROFS)


class DiskError(OSError):
    """A file could not be written. The message names it, the bytes that it needs and those that are free."""


@contextmanager
def writing(path: str | Path, needed: int | None = None) -> Iterator[None]:
    """In this block `path`, of `needed` bytes, is written. Raises DiskError where the disk does not take it."""
    try:
        yield
    except DiskError:
        raise
    except OSError as error:
        code = error.errno
        if error.filename is not None and code not in _DISK:
            raise  # a folder that is not there, or not to be written: Python says which
        raise _disk_error(Path(path), needed, code, error) from error


def _disk_error(path: Path, needed: int | None, code: int | None, error: Exception) -> DiskError:
    reason = os.strerror(code) if code else str(error)
    folder = next((parent for parent in path.absolute().parents if parent.exists()), Path.cwd())
    try:
        free = f"{shutil.disk_usage(folder).free:,} are free on its disk"
    except OSError:
        free = "how many are free is not known"
    size = "Some more" if needed is None else f"{needed:,}"
    remedy = " Make room, or choose another place." if code in _FULL else ""
    problem = DiskError(
        f"{path} could not be written: {reason}. {size} bytes are needed, and {free}.{remedy} Nothing that was there "
        "before is lost."
    )
    problem.errno = code
    return problem


def sync(path: Path) -> None:
    """Wait until a file, or a directory's list of names, is on the disk."""
    if os.name == "nt" and path.is_dir():  # which has no such thing
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some shared file systems take files only
        if error.errno not in (errno.EINVAL, errno.ENOTSUP) or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Make a directory, and those above it, such that a machine that loses its power still has it."""
    if not path.is_dir():
        make_directory(path.parent)
        path.mkdir(exist_ok=True)
        sync(path.parent)


def delete(path: Path) -> None:
    """Delete a file or a directory; of a link, wherever it leads to, only the link."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def replacing(path: str | Path, needed: int | None = None) -> Iterator[Path]:
    """A temporary path next to `path`; what the block writes there, `needed` bytes, replaces `path` in one step when it
    ends.

    A reader, or a machine that loses its power, finds the old file or the new one, whole. If the block
    raises, the old one stays. A link or a hard link in its place is replaced, and where it leads to stays as it is.
    Raises DiskError where the disk does not take it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with writing(path, needed):
        delete(temporary)  # a stray of that name, which may be a link
        try:
            yield temporary
            os.chmod(temporary, path.parent.stat().st_mode & 0o666)  # for whom the directory is
            sync(temporary)
            os.replace(temporary, path)
            sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def leaf_names(tree: PyTree) -> list[str]:
    """A readable name, such as `state.policy.0.weight`, for every leaf in the order of `jax.tree.leaves`."""
    paths = [path for path, _ in jax.tree_util.tree_leaves_with_path(tree)]
    names = [jax.tree_util.keystr(path, simple=True, separator=".") or "value" for path in paths]
    if len(set(names)) < len(names):  # {"a.b": x, "a": {"b": y}}: the quoted form tells them apart
        names = [jax.tree_util.keystr(path) for path in paths]
    return names


def has_nan(tree: PyTree) -> bool:
    """Whether any number of its arrays is none."""
    leaves = (np.asarray(leaf) for leaf in jax.tree.leaves(tree) if not is_key(leaf))
    return any(leaf.dtype.kind not in "biu" and bool(np.isnan(leaf).any()) for leaf in leaves)


def not_finite(tree: PyTree, learners: int | None = None) -> dict[str, np.ndarray]:
    """Of every leaf that holds what nothing can be computed with, its name and of which learners: `[S]`, or `[1]`.

    That is NaN anywhere, and infinities in arrays; a single number may be infinite, such as the best score of none.
    """
    found, axes = {}, 1 if learners else 0
    for name, leaf in zip(leaf_names(tree), jax.tree.leaves(tree), strict=True):
        if is_key(leaf) or np.asarray(leaf).dtype.kind in "biu":
            continue
        values = np.asarray(leaf).astype(np.float64)
        wrong = np.isnan(values) if values.ndim == axes else ~np.isfinite(values)
        if wrong.any():
            found[name] = wrong.reshape(learners or 1, -1).any(1)
    return found


def save_tree(
    path: str | Path, tree: PyTree, metadata: dict[str, Any], besides: Mapping[str, Any] | None = None
) -> str:
    """Write every leaf (an array, a typed PRNG key or a Python number) and `metadata` as JSON, atomically; the SHA-256
    of the file. The same tree and metadata give the same bytes.

    Python numbers are stored with 64 bits. `besides` are arrays of an algorithm's `Frozen` fields, or of environments
    (`ENVIRONMENTS`), which are no part of the tree that is loaded. Raises TypeError for a leaf that is none of these,
    and for metadata that JSON does not take.
    """
    arrays, keys = {}, {}
    leaves = dict(zip(leaf_names(tree), jax.tree.leaves(tree), strict=True)) | dict(besides or {})
    for name, leaf in leaves.items():
        if is_key(leaf):
            keys[name] = str(jax.random.key_impl(leaf))
            leaf = jax.random.key_data(leaf)
        arrays[name] = leaf if isinstance(leaf, jax.Array) else np.asarray(leaf)
        if arrays[name].dtype.name not in DTYPES:
            raise TypeError(
                f"Cannot save {name}: {type(leaf).__name__} of dtype {arrays[name].dtype}. "
                f"Make it a static field, or convert it to one of {', '.join(DTYPES)}."
            )
    header = {"metadata": json.dumps(metadata, sort_keys=True), "prng_keys": json.dumps(keys, sort_keys=True)}
    with replacing(path, sum(array.nbytes for array in arrays.values())) as temporary:
        return save_file(arrays, temporary, header)


def load_tree(
    path: str | Path, like: PyTree, written_by: str | None = None, *, in_place: bool = False
) -> PyTree:
    """The tree that was saved, in the structure of `like`; arrays may have the names that operant 0.1 gave them.

    Leaves of `like` are arrays or `jax.ShapeDtypeStruct`s, whose shapes and dtypes the file must have; the
    results are new JAX arrays, or NumPy arrays and Python numbers where `like` has those. With `in_place` each large
    array of `like` is deleted before its own is read, so that memory holds one tree and not two; a file that does not
    fit `like` is refused before that. Arrays that came later (`formats.LATER`) are those of `like` where a file of
    before has none of them.

    Raises FileError naming the leaves that are missing, unexpected or of another shape or dtype, FileNotFoundError, and
    FileError for something that is not a whole safetensors file.
    """
    names, (leaves, structure) = leaf_names(like), jax.tree.flatten(like)
    with _opened(path) as file, blamed(path), Path(path).open("rb") as plain:
        keys = table(
            parse((file.metadata() or {}).get("prng_keys", "{}"), field="prng_keys"), field="prng_keys"
        )
        names_stored = file.keys()
        stored = {name for name in names_stored if not name.startswith((ARRAYS, ENVIRONMENTS))}
        earlier = {name: formats.earlier_name(name) for name in names if name not in stored}
        earlier = {name: old for name, old in earlier.items() if old in stored}
        problems = [
            f"{name} of the file is unexpected"
            for name in sorted(stored - set(names) - set(earlier.values()))
        ]
        sources = [earlier.get(name, name) for name in names]
        before = not any(name.startswith(formats.LATER) for name in stored)
        for name, source, leaf in zip(names, sources, leaves, strict=True):
            if source not in stored and before and _came_later(name, leaf):
                continue
            if source not in stored:
                problems.append(f"{name} is missing from the file")
                continue
            with blamed(field=source):
                problem = _mismatch(file, source, leaf, keys)
            if problem:
                problems.append(f"{name} {problem}")
        if problems:
            rest = f"; and {len(problems) - 8} more" if len(problems) > 8 else ""
            raise FileError(
                f"it holds something else than what is loaded from it: {'; '.join(problems[:8])}{rest}. "
                "Load it with the algorithm, hyperparameters and environment that it was saved with"
                + (f", and with that version: operant {written_by}." if written_by else ".")
            )
        where, loaded = tensors.places(plain), []
        for source, leaf in zip(sources, leaves, strict=True):
            if source not in stored:
                loaded.append(leaf)
            elif (
                isinstance(leaf, jax.Array | jax.ShapeDtypeStruct) and leaf.size > SMALL and not is_key(leaf)
            ):
                if in_place and isinstance(leaf, jax.Array) and not leaf.is_deleted():
                    leaf.delete()
                loaded.append(tensors.read_array(plain, where[source], leaf.shape, leaf.dtype))
            else:
                loaded.append(_small(file, source, leaf, keys))
    return jax.tree.unflatten(structure, loaded)


def read_text(path: str | Path) -> str | None:
    """The metadata that `save_tree` was given, as JSON; None for a file from elsewhere. Raises as `load_tree` does."""
    with _opened(path) as file:
        return (file.metadata() or {}).get("metadata")


def read_metadata(path: str | Path) -> dict[str, Any]:
    """The same as values; `{}` for a file from elsewhere. Raises as `load_tree` does."""
    return table(parse(read_text(path) or "{}", path, "metadata"), path, "metadata")


def read_array(path: str | Path, name: str) -> np.ndarray:
    """One tensor, as it was stored. Raises as `load_tree`, and ValueError where the file has none of that name."""
    with _opened(path) as file:
        return file.get_tensor(name)


def read_arrays(path: str | Path, prefix: str) -> dict[str, np.ndarray]:
    """All tensors whose names begin so, without this beginning. Raises as `load_tree`."""
    with _opened(path) as file:
        names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 (it is no dict)
        return {name.removeprefix(prefix): file.get_tensor(name) for name in names}


def read_shapes(path: str | Path) -> dict[str, dict[str, Any]]:
    """`{name: {"shape": …, "dtype": …}}` of every tensor, in the file's own words. Raises as `load_tree`."""
    with _opened(path) as file:
        slices = {name: file.get_slice(name) for name in sorted(file.keys())}
        return {name: {"shape": part.get_shape(), "dtype": part.get_dtype()} for name, part in slices.items()}


@contextmanager
def _opened(path: str | Path) -> Iterator[Any]:
    if not Path(path).exists():
        longer = f"{path}.safetensors"
        hint = f" Did you mean {longer}? Names are taken as they are." if Path(longer).exists() else ""
        raise FileNotFoundError(f"There is no file {path}.{hint}")
    try:
        with safe_open(path, framework="np") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise FileError(
            f"it is not a whole safetensors file ({error}): it was cut short, or is something else.", path
        ) from error


def is_key(leaf: Any) -> bool:
    """Whether a leaf is an array of random keys, or the shape of one."""
    if not isinstance(leaf, jax.Array | jax.ShapeDtypeStruct) or isinstance(leaf.dtype, np.dtype):
        return False
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _is_number(leaf: Any) -> bool:
    return isinstance(leaf, bool | int | float) and not isinstance(leaf, np.generic)


def _same_kind(one: Any, other: Any) -> bool:
    kinds = (np.floating, np.integer, np.bool_)
    return [jnp.issubdtype(one, kind) for kind in kinds] == [jnp.issubdtype(other, kind) for kind in kinds]


def _mismatch(file: Any, name: str, leaf: Any, keys: Mapping[str, Any]) -> str | None:
    """Why a stored tensor cannot take the place of `leaf`. One of another size is not read."""
    part = file.get_slice(name)
    shape, expected = tuple(part.get_shape()), np.shape(leaf)
    if (shape[:-1] if name in keys else shape) != expected:
        return f"has shape {shape} in the file where {expected} is expected"
    stored: Any = np.dtype(tensors.NAMES.get(part.get_dtype(), "object"))
    dtype = np.asarray(leaf).dtype if _is_number(leaf) else leaf.dtype
    if name in keys:
        stored = _small(file, name, leaf, keys).dtype
    # A hyperparameter is a Python number before it goes through a jitted function, and a scalar array after.
    number = _is_number(leaf) or (shape == () and str(stored) in ("int64", "float64"))
    if stored != dtype and not (number and _same_kind(stored, dtype)):
        return f"has dtype {stored} in the file where {dtype} is expected"
    return None


def _came_later(name: str, leaf: Any) -> bool:
    return name.startswith(formats.LATER) and isinstance(leaf, jax.Array)


def _small(file: Any, name: str, leaf: Any, keys: Mapping[str, Any]) -> Any:
    """A tensor in the place of a leaf; a copy, since what is loaded may be donated."""
    value = file.get_tensor(name)
    if name in keys:
        return jax.random.wrap_key_data(jnp.array(value), impl=keys[name])
    if _is_number(leaf):
        return type(leaf)(value)
    if isinstance(leaf, np.ndarray | np.generic):
        return value.astype(leaf.dtype)
    return jnp.array(value, leaf.dtype)
