"""Rows of metrics, and pictures, as the events that TensorBoard shows."""

# pyright: reportAttributeAccessIssue=false
# protobuf makes its classes when they are imported: a type checker does not see them.

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from operant.engine.files import writing
from operant.engine.log import EVALUATED, RETURN, STEP, Row, by_seed
from operant.engine.media import Histogram, Video, gif_of, png_of

SECONDS_TO_FLUSH = 5.0  # TensorBoard reads its files every 5 to 30 seconds


class TensorBoardLog:
    """TensorBoard events in `directory`; with several seeds, in a sub-run `seed-<i>` for each.

    With `resume_from_step` TensorBoard hides what an earlier session wrote after that step. A row is one
    event, written directly: tensorboardX's SummaryWriter takes eight times as long, with an event a number.
    """

    place = "tensorboard"

    def __init__(self, directory: str | Path, resume_from_step: int | None = None) -> None:
        self.directory = Path(directory)
        self._resume_from_step = resume_from_step
        self._files: list[Any] = []
        self._flushed = time.monotonic()
        self._waiting = 0  # bytes that were written and not yet flushed

    def write(self, row: Row) -> None:
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        rows = by_seed(row)
        if not self._files:
            self._files = [self._open(f"seed-{part['seed']}" if "seed" in part else ".") for part in rows]
        for file, part in zip(self._files, rows, strict=True):
            step = int(part[STEP])
            values = [
                Summary.Value(tag=name, simple_value=float(value))
                for name, value in part.items()
                if name not in (STEP, "seed")
            ]
            event = Event(wall_time=time.time(), step=step, summary=Summary(value=values))
            self._write(file, event)
        if time.monotonic() - self._flushed > SECONDS_TO_FLUSH:
            with writing(self.directory, self._waiting):
                for file in self._files:
                    file.flush()
            self._flushed, self._waiting = time.monotonic(), 0

    def write_media(self, step: int, values: Mapping[str, Any]) -> None:
        """Texts, figures, pictures, histograms and films at a step; with several seeds, among those of the first."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.proto.summary_pb2 import Summary

        if not self._files:
            self._files = [self._open(".")]
        parts = [part for name, value in values.items() for part in _summary(name, value).value]
        self._write(self._files[0], Event(wall_time=time.time(), step=step, summary=Summary(value=parts)))

    def write_hyperparameters(self, values: Mapping[str, Any]) -> None:
        """The row of TensorBoard's tab HPARAMS, next to the last mean returns."""
        from tensorboardX.proto.event_pb2 import Event
        from tensorboardX.summary import hparams

        flat = {
            name: value if isinstance(value, bool | int | float | str) else json.dumps(value)
            for name, value in values.items()
        }
        file = self._open(".")
        for summary in hparams(flat, {RETURN: None, EVALUATED: None}):
            self._write(file, Event(wall_time=time.time(), summary=summary))
        with writing(self.directory, self._waiting):
            file.close()
        self._waiting = 0

    def close(self) -> None:
        with writing(self.directory, self._waiting):
            for file in self._files:
                file.close()

    def _write(self, file: Any, event: Any) -> None:
        content = event.SerializeToString()
        self._waiting += len(content)
        with writing(self.directory, self._waiting):
            file.write(content)

    def _open(self, run: str) -> Any:
        from tensorboardX import RecordWriter
        from tensorboardX.proto.event_pb2 import Event, SessionLog

        directory = self.directory / run
        directory.mkdir(parents=True, exist_ok=True)
        # Sessions are read in the order of their files' names.
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}"
        file = RecordWriter(str(directory / name))
        self._write(file, Event(wall_time=time.time(), file_version="brain.Event:2"))
        if self._resume_from_step is not None:
            restart = SessionLog(status=SessionLog.START)
            self._write(
                file, Event(wall_time=time.time(), step=self._resume_from_step + 1, session_log=restart)
            )
        return file


def _summary(name: str, value: Any) -> Any:
    from tensorboardX import summary
    from tensorboardX.proto.summary_pb2 import Summary

    if isinstance(value, str):
        return summary.text(name, value)
    if isinstance(value, Histogram):
        return summary.histogram(name, np.asarray(value.values, np.float64), "auto")
    encoded, (height, width) = gif_of(value) if isinstance(value, Video) else png_of(value)
    picture = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=encoded)
    return Summary(value=[Summary.Value(tag=name, image=picture)])
