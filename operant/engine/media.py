"""What can be logged besides numbers: texts, figures, pictures, histograms, films."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Image:
    """A picture `[H, W]`, `[H, W, 3]` or `[H, W, 4]`: integers from 0 to 255, or floats from 0 to 1."""

    pixels: Any


@dataclass(frozen=True, eq=False)
class Histogram:
    """How values of any shape are distributed."""

    values: Any


@dataclass(frozen=True, eq=False)
class Video:
    """Pictures `[T, H, W, 3]`, integers from 0 to 255 or floats from 0 to 1, `fps` of them a second."""

    frames: Any
    fps: int = 30


def is_media(value: Any) -> bool:
    """Whether this is a text, a Matplotlib figure, or one of the above."""
    return isinstance(value, str | Image | Histogram | Video) or hasattr(value, "savefig")


def pixels_of(picture: Any) -> np.ndarray:
    """uint8 `[…, H, W, 1, 3 or 4]`. Raises ValueError for what is no picture."""
    pixels = np.asarray(picture)
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim < 3 or pixels.shape[-1] not in (1, 3, 4):
        raise ValueError(f"A picture is [H, W], [H, W, 3] or [H, W, 4]; got shape {pixels.shape}.")
    return (
        (255 * pixels.clip(0, 1) + 0.5).astype(np.uint8)
        if pixels.dtype.kind == "f"
        else pixels.astype(np.uint8)
    )


def png_of(picture: Any) -> tuple[bytes, tuple[int, int]]:
    """A Matplotlib figure or an `Image` as PNG, with its height and width."""
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    if hasattr(picture, "savefig"):
        picture.savefig(buffer, format="png")
        with Pillow.open(buffer) as opened:
            return buffer.getvalue(), (opened.height, opened.width)
    pixels = pixels_of(picture.pixels)
    Pillow.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, format="png")
    return buffer.getvalue(), pixels.shape[:2]


def gif_of(video: Video) -> tuple[bytes, tuple[int, int]]:
    """A film as a GIF, with its height and width."""
    from PIL import Image as Pillow

    frames = pixels_of(video.frames)
    if frames.ndim != 4:
        raise ValueError(f"A film is [T, H, W, 3]; got shape {np.shape(video.frames)}.")
    first, *rest = [Pillow.fromarray(frame[..., 0] if frame.shape[-1] == 1 else frame) for frame in frames]
    buffer = io.BytesIO()
    first.save(
        buffer,
        format="gif",
        save_all=True,
        append_images=rest,
        duration=max(1, round(1000 / video.fps)),
        loop=0,
    )
    return buffer.getvalue(), frames.shape[1:3]
