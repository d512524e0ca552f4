"""The metrics of a run as arrays, read from its `metrics.csv` while it grows, and as curves of few points."""

from __future__ import annotations

import io
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np

from operant.engine.log import STEP
from operant.fields import FileError
from operant.live.decimation import decimated
from operant.ops.intervals import iqm_interval

SEED = "seed"
BLOCK = 2**24  # bytes of the file that are read at a time
MOST_POINTS = 2_000  # of a curve that is asked for


class Metrics:
    """The columns of a run's `metrics.csv`, which another thread or process may be writing.

    Only what is new is read, and whole lines of it; where a column came later, the file was written anew and so it is
    read. Safe to call from several threads.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._forget()

    def _forget(self) -> None:
        self._file: tuple[int, bytes] | None = None  # its inode and first line, and with them what follows
        self._read = 0  # bytes
        self._names: list[str] = []
        self._blocks: list[np.ndarray] = []  # [lines, columns] each
        self.version = 0  # another number for other contents

    def refresh(self) -> int:
        """Read what is new; the version. Raises FileError where a line is not as training writes it."""
        with self._lock:
            try:
                file = self.path.open("rb")
            except OSError:
                return self.version
            with file:
                about = os.fstat(file.fileno())
                now = (
                    about.st_ino,
                    file.readline(),
                )  # an inode may be used again: the first line is another then
                if now != self._file or about.st_size < self._read:
                    version = self.version
                    self._forget()
                    self._file, self.version = now, version + 1
                file.seek(self._read)
                while block := file.read(BLOCK):
                    if not self._take(block):
                        break
                    file.seek(self._read)
            return self.version

    def _take(self, block: bytes) -> bool:
        """Take over the whole lines of a block; whether there were any."""
        whole = block[: block.rfind(b"\n") + 1]
        if not whole:
            return False
        self._read += len(whole)
        if not self._names:
            header, _, whole = whole.partition(b"\n")
            self._names = header.decode("utf-8", "replace").split(",")
        if whole:
            self._blocks.append(self._numbers(whole))
            self.version += 1
        return True

    def _numbers(self, lines: bytes) -> np.ndarray:
        # A cell may be empty; NumPy's reader wants a word for it.
        text = b"\n" + lines.replace(b",,", b",nan,").replace(b",,", b",nan,")
        text = text.replace(b"\n,", b"\nnan,").replace(b",\n", b",nan\n")[1:]
        try:
            rows = np.loadtxt(io.BytesIO(text), np.float64, comments=None, delimiter=",", ndmin=2)
        except ValueError as error:
            raise FileError(f"it is not as training writes it: {error}", self.path) from None
        if rows.shape[1] != len(self._names):
            raise FileError(f"a line has {rows.shape[1]} values, not {len(self._names)}.", self.path)
        return rows

    @property
    def names(self) -> list[str]:
        """Those of the metrics that a curve can be drawn of."""
        return sorted(name for name in self._names if name not in (SEED, STEP))

    def column(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """`(steps [K], values [S, K])` of a metric; NaN where a row does not have it. Raises KeyError for no metric."""
        with self._lock:
            if len(self._blocks) > 1:
                self._blocks = [np.concatenate(self._blocks)]
            names, rows = self._names, self._blocks[0] if self._blocks else np.zeros((0, len(self._names)))
        if name not in names or name == SEED:
            raise KeyError(name)
        seeds = 1
        if SEED in names and len(rows):
            seeds = int(rows[:, names.index(SEED)].max()) + 1
        rows = rows[: len(rows) // seeds * seeds]  # of the last row some seeds may not be written yet
        steps, values = (rows[:, names.index(one)].reshape(-1, seeds) for one in (STEP, name))
        return steps[:, 0] if len(steps) else np.zeros(0), values.T

    def last(self) -> dict[str, list[float | None]]:
        """The newest value of every metric, of each seed."""
        found = {}
        for name in [STEP, *self.names] if STEP in self._names else []:
            values = self.column(name)[1][:, -1:]
            if values.size and np.isfinite(values).any():
                found[name] = plain(values[:, 0])
        return found


def curve(metrics: Metrics, name: str, points: int) -> dict[str, Any]:
    """A metric as JSON values, in at most about `points` points: `x`, `y`, and of several seeds `low` and `high`.

    Of several seeds y is the interquartile mean, and the bounds are its 95 % interval; of fewer than five, for which
    that interval is much too narrow, the lowest and the highest seed. Raises KeyError for no metric of this name.
    """
    steps, values = metrics.column(name)
    points = int(np.clip(points, 8, MOST_POINTS))
    seeds = len(values)
    if seeds == 1:
        chosen = decimated(steps, values[0], points // 4)
        return {"x": plain(steps[chosen]), "y": plain(values[0][chosen]), "seeds": 1}
    known = np.isfinite(values).all(0)
    steps, values = steps[known], values[:, known]
    middle = np.median(values, axis=0)
    chosen = decimated(steps, middle, points // 4)
    values = values[:, chosen]
    if seeds < FEW:
        y, low, high = values.mean(0), values.min(0), values.max(0)
    else:
        y, low, high = iqm_interval(values)
    columns = {"x": steps[chosen], "y": y, "low": low, "high": high}
    return {key: plain(column) for key, column in columns.items()} | {"seeds": seeds}


FEW = 5  # seeds


def plain(values: np.ndarray) -> list[float | None]:
    """Numbers for JSON, which has no NaN and no infinity; whole ones without a point."""
    return [None if not np.isfinite(x) else int(x) if x == int(x) else float(x) for x in values.tolist()]
