"""Videos that every browser plays, and two runs side by side."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from tempfile import SpooledTemporaryFile

import numpy as np

_STRIP = 28  # height of the label above a frame, in pixels
_PAPER = (236, 239, 242)  # the background of labels and between frames, so that white frames are visible


def write_video(path: str | Path, frames: Iterable[np.ndarray], fps: float) -> Path:
    """Write frames `[H, W, 3]` uint8 as MP4 (H.264, yuv420p) and return the path.

    Frames are taken one by one, so any length fits in memory. Odd sizes, which the format cannot hold, grow
    by a repeated row or column. After a failure nothing is left: the file appears only when it is complete.
    Raises ValueError for no frames at all and for frames that are not of one size.
    """
    from operant.studio import mp4
    from operant.studio.h264 import Encoder

    path = Path(path)
    iterator = iter(frames)
    first = next(iterator, None)
    if first is None:
        raise ValueError(
            f"There is no frame to write to {path}: record at least one step, from an environment made with "
            'render_mode="rgb_array".'
        )
    original = _checked(first, None).shape
    first = _even(first)
    height, width = first.shape[:2]
    encoder = Encoder(width, height, fps)
    sizes, keys = [], []
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.partial.mp4")
    try:
        # What players need to know stands before the samples, so that playing starts before all is loaded.
        with SpooledTemporaryFile(max_size=2**24) as samples:
            for frame in chain([first], (_even(_checked(frame, original)) for frame in iterator)):
                sample, key = encoder.encode(frame)
                if key:
                    keys.append(len(sizes))
                sizes.append(len(sample))
                samples.write(sample)
            samples.seek(0)
            with partial.open("wb") as file:
                file.write(mp4.beginning(width, height, fps, encoder.parameters(), sizes, keys))
                shutil.copyfileobj(samples, file)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def labelled(frames: Iterable[np.ndarray], label: str) -> Iterator[np.ndarray]:
    """Frames `[H, W, 3]` uint8 of one size, each under the label."""
    strip = None
    for frame in frames:
        strip = _label(label, _checked(frame, None).shape[1]) if strip is None else strip
        yield np.concatenate([strip, frame])


def side_by_side(
    frames_a: Iterable[np.ndarray], frames_b: Iterable[np.ndarray], labels: tuple[str, str]
) -> Iterator[np.ndarray]:
    """Frames with a's left and b's right, each under its label. The one that ends first stays on its last
    frame, pale.

    All frames are `[H, W, 3]` uint8 of one height. Raises ValueError if either is empty.
    """
    sides = (iter(frames_a), iter(frames_b))
    current: list[np.ndarray] = []
    for side, label in zip(sides, labels, strict=True):
        frame = next(side, None)
        if frame is None:
            raise ValueError(f"There is no frame of {label!r} to show: record at least one step of it.")
        current.append(_checked(frame, None))
    if current[0].shape[0] != current[1].shape[0]:
        raise ValueError(
            f"Frames side by side must have one height; got {current[0].shape} and {current[1].shape}."
        )
    strips = [_label(text, frame.shape[1]) for text, frame in zip(labels, current, strict=True)]
    gap = np.full((current[0].shape[0] + _STRIP, 6, 3), _PAPER, np.uint8)
    ended = [False, False]
    while not all(ended):
        columns = [np.concatenate([strip, frame]) for strip, frame in zip(strips, current, strict=True)]
        yield np.concatenate([columns[0], gap, columns[1]], axis=1)
        for index, side in enumerate(sides):
            next_frame = None if ended[index] else next(side, None)
            if next_frame is not None:
                current[index] = _checked(next_frame, current[index].shape)
            elif not ended[index]:
                ended[index] = True
                current[index] = (128 + current[index] // 2).astype(np.uint8)


def _checked(frame: np.ndarray, shape: tuple[int, ...] | None) -> np.ndarray:
    """The frame, if it is a picture, and of this shape where one is given."""
    frame = np.asarray(frame)
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise ValueError(f"A frame must be [H, W, 3] uint8; got {list(frame.shape)} {frame.dtype}.")
    if shape is not None and frame.shape != shape:
        raise ValueError(
            f"Frames of one video must have one size; got {list(frame.shape)} after {list(shape)}."
        )
    return frame


def _even(frame: np.ndarray) -> np.ndarray:
    """The frame with even height and width, in one piece of memory."""
    height, width = frame.shape[:2]
    if height % 2 == width % 2 == 0:
        return np.ascontiguousarray(frame)
    return np.ascontiguousarray(np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge"))


def _label(text: str, width: int) -> np.ndarray:
    """The text centred on a strip `[_STRIP, width, 3]`, in a size that fits."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont  # matplotlib brings both the library and the font

    font_file = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans-Bold.ttf")
    image = Image.new("RGB", (width, _STRIP), _PAPER)
    pen = ImageDraw.Draw(image)
    size = 14
    while size > 6 and pen.textlength(text, ImageFont.truetype(font_file, size)) > width - 8:
        size -= 1
    pen.text((width / 2, _STRIP / 2), text, "#20242A", ImageFont.truetype(font_file, size), anchor="mm")
    return np.asarray(image)
