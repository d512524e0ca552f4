"""Draws `docs/architecture.svg` from the imports of the code: which room of operant uses which.

    python -m tools.architecture            # writes the picture
    python -m tools.architecture --check    # exit status 1 where it is out of date; a test runs this

A room is a package of operant, or one of the modules in `MODULES`. An arrow says that a room imports another one;
arrows that follow from others (A → B → C, so A → C) are left out. Each room stands below all that import it, and its
text is the first sentence of its own docstring. Small helpers below everything (settings, files) are not drawn.
"""

from __future__ import annotations

import argparse
import ast
import html
import sys
import textwrap
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1] / "operant"
PICTURE = ROOT.parent / "docs" / "architecture.svg"
MODULES = ("construct", "plans", "spaces", "types")  # rooms of one file
WIDTH, HEIGHT, ACROSS, DOWN, MARGIN = 250, 66, 40, 36, 20
LETTERS = 46  # in a line of a box


def rooms() -> dict[str, list[Path]]:
    """The files of every room."""
    packages = [path.parent for path in sorted(ROOT.glob("*/__init__.py"))]
    return {
        **{package.name: sorted(package.rglob("*.py")) for package in packages},
        **{name: [ROOT / f"{name}.py"] for name in MODULES},
    }


def imports() -> dict[str, set[str]]:
    """Of every room, those that it imports, at the top of its files or where it needs them; not for types only."""
    known = rooms()
    return {
        name: {room for path in files for room in _imported(path) if room in known and room != name}
        for name, files in known.items()
    }


def _imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "operant":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("operant."):
            found.add(str(node.module).split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("operant.")}
    return found


def reduced(edges: dict[str, set[str]]) -> dict[str, set[str]]:
    """The edges without those that follow from others. Raises ValueError for a circle."""

    @cache
    def below(room: str) -> frozenset[str]:
        return frozenset(edges[room]).union(*(below(other) for other in edges[room]))

    try:
        return {
            room: {other for other in used if not any(other in below(between) for between in used)}
            for room, used in edges.items()
        }
    except RecursionError:
        raise ValueError("Rooms import each other in a circle: see `lint-imports`.") from None


def levels(edges: dict[str, set[str]]) -> list[list[str]]:
    """The rooms in rows from the top, each row below all that import it."""

    @cache
    def depth(room: str) -> int:
        return 1 + max((depth(other) for other in edges if room in edges[other]), default=-1)

    rows: list[list[str]] = [[] for _ in range(1 + max(map(depth, edges)))]
    for room in sorted(edges):
        rows[depth(room)].append(room)
    return rows


def picture() -> str:
    """The whole SVG."""
    edges = imports()
    drawn, rows = reduced(edges), levels(edges)
    widest = max(map(len, rows))
    total = 2 * MARGIN + widest * WIDTH + (widest - 1) * ACROSS
    place = {}
    for i, row in enumerate(rows):
        left = (total - len(row) * WIDTH - (len(row) - 1) * ACROSS) / 2
        for j, room in enumerate(row):
            place[room] = (left + j * (WIDTH + ACROSS), MARGIN + i * (HEIGHT + DOWN))
    height = 2 * MARGIN + len(rows) * HEIGHT + (len(rows) - 1) * DOWN
    lines = [_arrow(place[room], place[other]) for room in sorted(drawn) for other in sorted(drawn[room])]
    boxes = [_box(room, *place[room]) for room in sorted(place)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:g} {height:g}" '
            'font-family="system-ui, sans-serif">',
            "<!-- Written by `python -m tools.architecture` from the code's own imports. -->",
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0 L8 4 L0 8 z" fill="#57606a"/></marker></defs>',
            f'<rect width="{total:g}" height="{height:g}" fill="#ffffff"/>',
            *lines,
            *boxes,
            "</svg>\n",
        ]
    )


def _arrow(above: tuple[float, float], below: tuple[float, float]) -> str:
    x, y = above[0] + WIDTH / 2, above[1] + HEIGHT
    u, v = below[0] + WIDTH / 2, below[1]
    last = v - DOWN  # straight down, past the rows between, and across in the last gap
    return (
        f'<path d="M{x:g} {y:g} L{x:g} {last:g} C{x:g} {v - DOWN / 2:g} {u:g} {v - DOWN / 2:g} {u:g} {v:g}" '
        'fill="none" stroke="#57606a" stroke-opacity="0.7" marker-end="url(#tip)"/>'
    )


def _box(room: str, x: float, y: float) -> str:
    text = textwrap.wrap(about(room), LETTERS)
    rows = "".join(f'<tspan x="{x + WIDTH / 2:g}" dy="13">{html.escape(line)}</tspan>' for line in text[:4])
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6" fill="#f6f8fa" stroke="#57606a"/>'
        f'<text x="{x + WIDTH / 2:g}" y="{y + 19:g}" text-anchor="middle" font-size="14" font-weight="600">'
        f'{room}</text><text y="{y + 23:g}" text-anchor="middle" font-size="10.5" fill="#424a53">{rows}</text>'
    )


def about(room: str) -> str:
    """The first sentence of its docstring, up to a colon's list where it is long."""
    path = ROOT / room / "__init__.py" if (ROOT / room).is_dir() else ROOT / f"{room}.py"
    doc = " ".join(
        (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split()
    )
    sentence = doc.split(". ")[0].rstrip(".").replace("`", "")
    name, colon, rest = sentence.partition(": ")
    return rest if colon and name.lower().startswith(room[:4]) else sentence


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing; say whether it is out of date")
    if not parser.parse_args().check:
        PICTURE.write_text(picture(), encoding="utf-8")
    elif PICTURE.read_text(encoding="utf-8") != picture():
        sys.exit("docs/architecture.svg is out of date: run `python -m tools.architecture`.")
