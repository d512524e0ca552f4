"""Small pieces of HTML that objects show themselves by in a notebook: a heading, a table of values, a strip of scores.

They take the colours of the page they stand in, light or dark, and need nothing from anywhere else.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

BLUE = "#0072B2"  # studio.style's
_LINE = "rgba(128, 128, 128, 0.35)"
_WIDTH, _ROW, _LABEL = 560, 26, 150  # of a strip, in pixels


def face(title: str, subtitle: str, *parts: str) -> str:
    """A heading, a quieter line below it, and what belongs to them."""
    return (
        '<div style="font: 13px/1.5 system-ui, sans-serif; max-width: 46rem; margin: .3rem 0">'
        f'<div style="font-size: 15px; font-weight: 600">{escape(title)}</div>'
        f'<div style="opacity: .65; margin-bottom: .4rem">{escape(subtitle)}</div>'
        f"{''.join(filter(None, parts))}</div>"
    )


def table(rows: Iterable[Sequence[Any]], heading: Sequence[str] = ()) -> str:
    """Rows of cells as text, the first of each a label."""
    style = f"text-align: left; padding: .1rem 1.2rem .1rem 0; border-bottom: 1px solid {_LINE}"
    head = "".join(f'<th style="{style}; font-weight: 600">{escape(cell)}</th>' for cell in heading)
    lines = [
        "".join(
            f'<td style="{style}{"; opacity: .65" if i == 0 else ""}">{escape(str(cell))}</td>'
            for i, cell in enumerate(row)
        )
        for row in rows
    ]
    body = "".join(f"<tr>{line}</tr>" for line in ([head] if head else []) + lines)
    return f'<table style="border-collapse: collapse; margin: .3rem 0">{body}</table>'


def picture(png: bytes, description: str) -> str:
    """A PNG picture inside the page."""
    data = base64.b64encode(png).decode()
    return f'<img alt="{escape(description)}" src="data:image/png;base64,{data}" style="max-width: 100%">'


def video(mp4: bytes) -> str:
    """A film inside the page, which plays by itself and again."""
    data = base64.b64encode(mp4).decode()
    return (
        '<video controls loop muted autoplay playsinline style="max-width: 100%" '
        f'src="data:video/mp4;base64,{data}"></video>'
    )


def strip(rows: Mapping[str, tuple[Sequence[float], float, tuple[float, float] | None]]) -> str:
    """One line for each `{label: (scores, centre, interval)}`: dots, a mark at the centre, a bar over the interval."""
    everything = [score for scores, centre, _ in rows.values() for score in (*scores, centre)]
    known = [score for score in everything if math.isfinite(score)]
    if not known:
        return ""
    low, high = min(known), max(known)
    room = (high - low) or 1.0

    def x(score: float) -> float:
        return _LABEL + (_WIDTH - _LABEL - 12) * (score - low) / room

    drawn = []
    for index, (label, (scores, centre, interval)) in enumerate(rows.items()):
        y, colour = _ROW * index + _ROW / 2, BLUE if index == 0 else "#808080"
        drawn.append(f'<text x="0" y="{y + 4:.0f}" fill="currentColor">{escape(label[:24])}</text>')
        if interval is not None and all(map(math.isfinite, interval)):
            left, right = map(x, interval)
            drawn.append(
                f'<rect x="{left:.1f}" y="{y - 8:.0f}" width="{max(right - left, 1):.1f}" height="16" '
                f'fill="{colour}" fill-opacity="0.3"/>'
            )
        drawn += [
            f'<circle cx="{x(score):.1f}" cy="{y + (i % 5 - 2) * 2.5:.1f}" r="2" '
            f'fill="{colour}" fill-opacity="0.45"/>'
            for i, score in enumerate(scores)
            if math.isfinite(score)
        ]
        if math.isfinite(centre):
            drawn.append(
                f'<line x1="{x(centre):.1f}" x2="{x(centre):.1f}" y1="{y - 10:.0f}" y2="{y + 10:.0f}" '
                f'stroke="{colour}" stroke-width="2.5"/>'
            )
    bottom = _ROW * len(rows)
    for score, anchor in ((low, "start"), (high, "end")):
        drawn.append(
            f'<text x="{x(score):.1f}" y="{bottom + 12}" text-anchor="{anchor}" fill="currentColor" '
            f'fill-opacity="0.65">{score:.4g}</text>'
        )
    return (
        f'<svg width="{_WIDTH}" height="{bottom + 16}" viewBox="0 0 {_WIDTH} {bottom + 16}" '
        f'style="font: 12px system-ui, sans-serif; max-width: 100%">{"".join(drawn)}</svg>'
    )
