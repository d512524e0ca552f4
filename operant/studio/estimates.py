"""A film with what the policy thinks drawn next to each frame: what it expects, and a bar for each action."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from operant.studio import style

LEAST = 360  # pixels of height: smaller frames are enlarged
WIDTH = 300  # of what is drawn next to them
PAPER = "#ECEFF2"
FINE = 2  # times as large as it is drawn, and made smaller then, so that lines are smooth
EDGE, TITLE, CURVE, ROW = 14, 34, 110, 26  # margin, heights of the title, of the curve, and of a bar at most


@dataclass(frozen=True)
class Estimates:
    """What is known of one state."""

    value: float | None  # V(s), or the largest Q-value; None where neither is learnt
    choices: np.ndarray | None  # [A]: how likely each Discrete action is, or its Q-value
    q_values: bool = False  # which of the two they are


def with_estimates(
    frames: Sequence[np.ndarray], estimates: Sequence[Estimates], names: Sequence[str] = ()
) -> Iterator[np.ndarray]:
    """Frames `[H, W, 3]` uint8, enlarged, each with a panel to its right.

    At the top of it is the value, and its curve up to here, over the range of all of these estimates. Below is a bar
    for each action of these `names`: its probability, or by how much its Q-value is above the least of its state (as a
    share of the largest such difference in the film), with the number at its end. The likeliest or best is in colour.
    """
    values = np.array([np.nan if one.value is None else one.value for one in estimates])
    gaps = [np.ptp(one.choices) for one in estimates if one.q_values and one.choices is not None]
    widest = max([float(gap) for gap in gaps], default=0.0) or 1.0
    for index, (frame, one) in enumerate(zip(frames, estimates, strict=True)):
        times = max(1, -(-LEAST // frame.shape[0]))
        large = frame.repeat(times, 0).repeat(times, 1)
        panel = _panel(large.shape[0], values, index, one, widest, names)
        yield np.concatenate([large, panel], axis=1)


def _panel(
    height: int, values: np.ndarray, index: int, one: Estimates, widest: float, names: Sequence[str]
) -> np.ndarray:
    """`[height, WIDTH, 3]` uint8."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH * FINE, height * FINE), PAPER)
    pen = ImageDraw.Draw(image)
    top = EDGE
    if one.value is not None:
        said = f"{'largest Q' if one.q_values else 'value'} {style.short_number(round(one.value, 2))}"
        _write(pen, (EDGE, top + TITLE / 2), said, 16, style.INK, "lm")
        _draw_curve(pen, values, index, (EDGE, top + TITLE, WIDTH - EDGE, top + TITLE + CURVE))
        top += TITLE + CURVE + EDGE
    if one.choices is not None:
        title = "Q of each action" if one.q_values else "probability of each action"
        _write(pen, (EDGE, top + 9), title, 11, style.GREY, "lm")
        _draw_bars(pen, one, widest, names, top + 22, height - EDGE)
    return np.asarray(image.resize((WIDTH, height), Image.Resampling.BOX))


def _draw_curve(pen: Any, values: np.ndarray, index: int, box: tuple[float, float, float, float]) -> None:
    """The values up to this one, in a box of left, top, right and bottom."""
    left, top, right, bottom = box
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    span = (high - low) or 1.0
    x = left + (right - left) * np.arange(len(values)) / max(1, len(values) - 1)
    y = bottom - (bottom - top) * (values - low) / span
    pen.rectangle(_fine(left, top, right, bottom), fill="white")
    if low < 0 < high:
        zero = bottom + (bottom - top) * low / span
        pen.line(_fine(left, zero, right, zero), fill=style.PALE, width=FINE)
    points = [(FINE * a, FINE * b) for a, b in zip(x[: index + 1], y[: index + 1], strict=True)]
    if len(points) > 1:
        pen.line(points, fill=style.BLUE, width=2 * FINE, joint="curve")
    (a, b), around = points[-1], 3.5 * FINE
    pen.ellipse((a - around, b - around, a + around, b + around), fill=style.VERMILLION)


def _draw_bars(
    pen: Any, one: Estimates, widest: float, names: Sequence[str], top: float, bottom: float
) -> None:
    assert one.choices is not None
    choices, count = one.choices, len(one.choices)
    row = min(ROW, (bottom - top) / count)
    size = max(5, min(12, int(0.62 * row)))
    room, number = 92.0, 48.0
    shares = (choices - choices.min()) / widest if one.q_values else choices
    left, longest = EDGE + room, WIDTH - 2 * EDGE - room - number
    for action, share in enumerate(shares.tolist()):
        middle = top + (action + 0.5) * row
        name = names[action] if action < len(names) else f"action {action}"
        colour = style.BLUE if action == choices.argmax() else style.PALE
        _write(pen, (left - 6, middle), _short(name, room, size), size, style.INK, "rm")
        end = left + max(1.0, share * longest)
        pen.rectangle(_fine(left, middle - 0.31 * row, end, middle + 0.31 * row), fill=colour)
        value = float(choices[action])
        said = f"{value:.2f}" if one.q_values else f"{100 * value:.0f} %"
        _write(pen, (end + 5, middle), said, size, style.INK, "lm")


def _short(name: str, room: float, size: int) -> str:
    """The name, cut off where there is no room for it."""
    fits = name
    while len(fits) > 1 and _font(size).getlength(fits) > FINE * (room - 8):
        fits = fits.removesuffix("…")[:-1] + "…"
    return fits


def _write(pen: Any, at: tuple[float, float], text: str, size: int, colour: str, anchor: str) -> None:
    pen.text((FINE * at[0], FINE * at[1]), text, colour, _font(size), anchor=anchor)


@cache
def _font(size: int) -> Any:
    import matplotlib  # which brings it
    from PIL import ImageFont

    return ImageFont.truetype(Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), size * FINE)


def _fine(*numbers: float) -> tuple[float, ...]:
    return tuple(FINE * number for number in numbers)
