"""How the states of a table are drawn: as a grid of cells, or several grids side by side."""

from __future__ import annotations

from dataclasses import dataclass

FREE, START, GOAL, OBSTACLE, HOLE, CLIFF = ".SG#HC"  # what a cell is; any other character is free too


@dataclass(frozen=True)
class Panel:
    """One grid. `states` has the state of each cell, row by row from the top."""

    cells: tuple[str, ...]  # a character a cell: see above
    states: tuple[int, ...]
    title: str = ""
    labels: tuple[tuple[int, int, str], ...] = ()  # (row, column, text) of what is written into cells

    @property
    def shape(self) -> tuple[int, int]:
        """`(rows, columns)`."""
        return len(self.cells), len(self.cells[0])

    def at(self, row: int, column: int) -> tuple[str, int]:
        """`(the kind of the cell, its state)`."""
        return self.cells[row][column], self.states[row * self.shape[1] + column]

    def label(self, row: int, column: int) -> str:
        """The text in the cell's corner: its label, or its character on the map unless it is free."""
        kind = self.cells[row][column]
        return {(r, c): text for r, c, text in self.labels}.get((row, column), kind.strip(FREE))


@dataclass(frozen=True)
class Layout:
    """All grids of an environment, which share their actions and walls."""

    panels: tuple[Panel, ...]
    actions: tuple[str, ...]  # their names
    moves: tuple[
        tuple[int, int] | None, ...
    ]  # (rows down, columns right) of each; None: it stays in its cell
    walls: tuple[tuple[int, int], ...] = ()  # (row, column) of cells with a wall on their right


def grid(
    cells: tuple[str, ...], actions: tuple[str, ...], moves: tuple[tuple[int, int] | None, ...]
) -> Layout:
    """One grid, whose states are its cells, row by row."""
    return Layout((Panel(cells, tuple(range(len(cells) * len(cells[0])))),), actions, moves)
