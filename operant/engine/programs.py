"""Compiled programs, which may be kept between processes.

JAX keeps what XLA compiles, and finds it by the program's text. To have that text, a chunk of training is traced in
Python and lowered at every start, for half a second. Here a program is found by a fingerprint of all it is made of.

That knows operant's own files, and nothing of what somebody may have changed in a running Python: only the command
line, whose process has no other code, turns it on. A file holds machine code, as those of JAX's own cache do, and lies
next to them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import jax
import numpy as np

from operant import memory, private_jax, settings, supported
from operant.engine.files import is_key, read_array, read_metadata, save_tree
from operant.engine.fingerprint import Unknown, fingerprint
from operant.engine.train_state import TrainState
from operant.types import PyTree

KEPT = 100  # programs, those that were used last
_kept = False


@contextmanager
def kept() -> Iterator[None]:
    """In this block, programs are kept between processes, unless operant's settings or JAX's cache are turned off."""
    global _kept
    before, _kept = _kept, settings.enabled() and _jax_keeps()
    try:
        yield
    finally:
        _kept = before


def _jax_keeps() -> bool:
    """Whether JAX keeps programs itself; not where a later JAX no longer says what its options are."""
    return bool((private_jax.options() or {}).get("jax_enable_compilation_cache"))


def directory() -> Path:
    """Where they are kept, next to JAX's own cache."""
    return settings.cache_directory().parent / "programs"


class Program:
    """A compiled `function(constant, *trees) → (run, others)`, where others are lists, dicts and arrays.

    `about` is all that it depends on but for its arguments, or None if it is not for keeping. The constant is the same
    tree from call to call; the arguments of `donate` are used up. `options` are XLA's.
    """

    def __init__(
        self,
        function: Callable[..., tuple[TrainState, Any]],
        about: Any,
        donate: Sequence[int] = (),
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._function, self._about, self._donate = function, about, tuple(donate)
        self._options = dict(options or {})
        self._jitted = jax.jit(function, donate_argnums=self._donate, compiler_options=self._options)
        self._keeps, self._is_compiled = _kept and about is not None, False
        self._executable: Executable | None = None
        self._constant: PyTree = None
        self._constants: list[jax.Array] = []  # its arrays, handed over once
        self._making = threading.Lock()

    def __call__(self, *trees: PyTree, like: PyTree) -> tuple[TrainState, Any]:
        """`like` is anything of the run's structure and dtypes."""
        if self._keeps and self._executable is None:
            with self._making:
                if self._executable is None:
                    self._make(trees)
            self._keeps = self._executable is not None
        if self._executable is None:
            if not self._is_compiled:
                self._jitted.lower(*trees).compile()  # which the call finds
                memory.give_back()
                self._is_compiled = True
            return self._jitted(*trees)
        constant, *changing = trees
        if constant is not self._constant:
            (arrays,) = _arrays([constant])
            self._constant, self._constants = constant, [jax.device_put(array) for array in arrays]
        arrays, others = self._executable(self._constants, *_arrays(changing))
        return _like(like, arrays), others

    def prepare(self, *trees: PyTree) -> None:
        """Begin to load or to compile it for arguments of these shapes, while the program goes on."""

        def prepare() -> None:
            with self._making, suppress(Exception):  # the call will fail as well, where it is seen
                self._make(trees)

        if self._keeps:
            threading.Thread(target=prepare).start()

    def _make(self, trees: Sequence[PyTree]) -> None:
        """Load it, or else compile and keep it; neither where it may be something else in every process."""
        kinds = [str(jax.typeof(leaf)) for leaf in jax.tree.leaves(trees)]
        try:
            name = fingerprint(self._about, self._donate, self._options, kinds)
        except Unknown:
            return
        path = directory() / f"{name}.safetensors"
        self._executable = Executable.read(path)
        if self._executable is None:
            self._executable = self._compiled(trees)
            memory.give_back()
            if self._executable is not None:
                self._executable.write(path)

    def _compiled(self, trees: Sequence[PyTree]) -> Executable | None:
        """XLA's program, as a function of arrays only; None where it cannot be had."""
        likes, shapes = jax.eval_shape(lambda *trees: (trees, _arrays(trees)), *trees)

        def on_arrays(*arrays: list) -> tuple[list, Any]:
            run, others = self._function(*map(_like, likes, arrays))
            return _arrays([run])[0], others

        on_arrays.__name__ = f"program_{uuid4().hex}"
        jitted = jax.jit(
            on_arrays, donate_argnums=self._donate, keep_unused=True, compiler_options=self._options
        )
        lowered = jitted.lower(*shapes)
        with _by_xla:
            compiled = lowered.compile()
        result = compiled.out_tree.unflatten(range(compiled.out_tree.num_leaves))
        loaded = private_jax.executable(compiled)
        return None if loaded is None else Executable(loaded, result)


class Executable(NamedTuple):
    """A program over arrays, as XLA has it."""

    loaded: Any  # jaxlib's LoadedExecutable
    result: Any  # how its results go together: `[run's arrays, others]`, of their numbers

    def __call__(self, *arguments: list) -> Any:
        given = [x if isinstance(x, jax.Array) else jax.device_put(x) for own in arguments for x in own]
        results = private_jax.execute(self.loaded, given)
        return jax.tree.map(lambda i: results[i], self.result)

    @classmethod
    def read(cls, path: Path) -> Executable | None:
        """What `write` wrote; None if there is nothing, or nothing that can be read."""
        if not path.exists():
            return None
        try:
            loaded = private_jax.read(read_array(path, "executable").tobytes())
            executable = cls(loaded, read_metadata(path)["result"])
        except Exception:
            return None
        if loaded is None:
            return None
        with suppress(OSError):
            os.utime(path)  # it is in use
        return executable

    def write(self, path: Path) -> None:
        """Keep it in a file, and no more than `KEPT` of them."""
        content = np.frombuffer(private_jax.written(self.loaded), np.uint8)
        with suppress(OSError):  # no room or no permission: the next start takes as long as this one
            path.parent.mkdir(parents=True, exist_ok=True)
            save_tree(path, {"executable": content}, {"result": self.result})
            _forget_oldest(path.parent)


def _forget_oldest(files: Path) -> None:
    """Only the newest `KEPT` are kept, of about a megabyte each."""
    used = sorted(files.glob("*.safetensors"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in used[KEPT:]:
        path.unlink(missing_ok=True)


class _ByXla:
    """In this block JAX's own cache takes up nothing; several threads may be in it.

    What comes out of that cache cannot be written a second time: its functions would be missing. So a program to be
    kept has a name that nothing there has, too.
    """

    SETTING = "jax_persistent_cache_min_compile_time_secs"

    def __init__(self) -> None:
        self._lock, self._inside, self._before = threading.Lock(), 0, 0.0

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._before = (private_jax.options() or {}).get(self.SETTING, 0.0)
                supported.set_option(self.SETTING, float("inf"))
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                supported.set_option(self.SETTING, self._before)


_by_xla = _ByXla()


def _arrays(trees: Sequence[PyTree]) -> list[list]:
    """The arrays of each tree, random keys as their data."""
    return [[jax.random.key_data(x) if is_key(x) else x for x in jax.tree.leaves(tree)] for tree in trees]


def _like(like: PyTree, arrays: list) -> PyTree:
    """The tree of these arrays, of the structure and dtypes of `like`."""
    leaves, structure = jax.tree.flatten(like)
    wrapped = [
        jax.random.wrap_key_data(array) if is_key(leaf) else array
        for leaf, array in zip(leaves, arrays, strict=True)
    ]
    return structure.unflatten(wrapped)
