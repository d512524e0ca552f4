"""The live view of training: a progress bar, and Stable-Baselines3's table of metrics below it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from rich.box import ROUNDED
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, ProgressColumn, Task, TaskProgressColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from operant import html
from operant.engine.notebook import Cell
from operant.engine.watch import Watch

SECONDS_BETWEEN_FRAMES = 1 / 8
SECONDS_BETWEEN_UPDATES = 0.5  # of a notebook's cell, each of which is a message
SECONDS_BETWEEN_PRINTS = 5.0


class LiveView:
    """Shows where training stands, in a `with` block around it that always restores the terminal.

    On a terminal and in a notebook a bar and a table are redrawn in place, several times a second. Elsewhere (a
    file, a pipe) the table is printed every five seconds and at the end. With `enabled=False` nothing
    is shown. Rows are those of `operant.engine.log`; of several seeds the median and the range are shown.

    Between two rows the bar follows `watch`: a thread looks at it, so that it costs the steps nothing.
    """

    def __init__(
        self, *, enabled: bool = True, console: Console | None = None, watch: Watch | None = None
    ) -> None:
        self.enabled = enabled
        self.console = console or Console()
        self.watch = watch or Watch()
        self._ticks = (
            None if watch is None or not enabled else threading.Thread(target=self._tick, daemon=True)
        )
        self._over = threading.Event()
        self._drawing = threading.RLock()
        self._step, self._counted, self._total = (
            0,
            0,
            None,
        )  # at the last row, and what `watch` had counted then
        self._said = ""  # the last line without a table
        self._row: Mapping[str, Any] = {}
        self._news = False  # whether anything came since the last frame
        self._shown_at = 0.0
        self._bar = Bar(
            TaskProgressColumn(),
            BarColumn(bar_width=None),
            _Steps(),
            _Speed(),
            TimeRemainingColumn(),
            console=self.console,
            expand=True,
        )
        self._task = self._bar.add_task("", total=None)
        self._live: Live | None = None
        self._cell: Cell | None = None

    def begin(self, step: int, total: int) -> None:
        """Training starts at `step` and ends at `total`."""
        self._step, self._total, self._counted = step, total, self.watch.steps
        self._bar.update(self._task, completed=step, total=total)

    def __enter__(self) -> LiveView:
        self._shown_at = time.monotonic()
        if self.enabled and self.console.is_interactive and self.console.file.isatty():
            self._live = Live(self._picture(), console=self.console, auto_refresh=False)
            self._live.start(refresh=True)
        elif self.enabled:
            self._cell = Cell.here()
        if self._ticks is not None:
            self._ticks.start()
        return self

    def update(self, row: Mapping[str, Any], step: int, total: int) -> None:
        """Training is at `step` of `total`, and `row` holds the newest metrics. Cheap between two frames."""
        if not self.enabled:
            return
        with self._drawing:
            self._row, self._news = row, True
            self.begin(step, total)
            if time.monotonic() - self._shown_at >= self._pause:
                self._show()

    def tick(self) -> None:
        """Show how far training has come since the last row, and what it waits for."""
        with self._drawing:
            self._bar.update(
                self._task,
                completed=self._step + self.watch.steps - self._counted,
                total=self._total,
                phase=self.watch.phase,
            )
            if time.monotonic() - self._shown_at < self._pause:
                return
            if self._live or self._cell or self._news:
                self._show()
            elif (line := self._line()) != self._said:
                self._shown_at, self._said = time.monotonic(), line
                print(line, file=self.console.file, flush=True)

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        if self._ticks is not None:
            self._ticks.join()
        try:
            if self._news:
                self._show()
        finally:
            if self._live:
                self._live.stop()
                self._live = None

    @property
    def _pause(self) -> float:
        if self._cell:
            return SECONDS_BETWEEN_UPDATES
        return SECONDS_BETWEEN_FRAMES if self._live else SECONDS_BETWEEN_PRINTS

    def _tick(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_FRAMES if self._live else 1.0):
            try:
                self.tick()
            except Exception:  # what cannot be drawn fails in `update` as well, where it is seen
                return

    def _show(self) -> None:
        self._shown_at, self._news = time.monotonic(), False
        if self._live:
            self._live.update(self._picture(), refresh=True)
        elif self._cell:
            self._cell.show(self._html(), f"{self._line()}\n{table_text(self._row)}")
        else:
            print(self._line(), table_text(self._row), sep="\n", file=self.console.file, flush=True)

    def _line(self) -> str:
        task = self._bar.tasks[0]
        left = f"{TimeRemainingColumn().render(task)} left"
        return " · ".join(filter(None, [f"{task.percentage:.0f}%", _steps(task), _speed(task), left]))

    def _html(self) -> str:
        task = self._bar.tasks[0]
        bar = f'<progress value="{task.percentage:.1f}" max="100" style="width: 100%"></progress>'
        return html.face(self._line(), "", bar, html.table(table_rows(self._row)))

    def _picture(self) -> Group:
        table = Table(box=ROUNDED, show_header=False, border_style="dim")
        table.add_column(min_width=24)
        table.add_column(min_width=12, justify="right")
        for label, value in table_rows(self._row):
            table.add_row(Text(label, "" if value else "bold"), value)
        return Group(self._bar, table) if self._row else Group(self._bar)


class _Steps(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_steps(task))


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(_speed(task))


def _steps(task: Task) -> str:
    steps = "starting" if task.total is None else f"{task.completed:,.0f}/{task.total:,.0f} steps"
    return " · ".join(filter(None, [steps, task.fields.get("phase")]))


def _speed(task: Task) -> str:
    return "" if task.speed is None else f"{task.speed:,.0f} steps/s"


def table_rows(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    """`(label, value)` lines in alphabetical order, metrics below the group that their name starts with."""
    lines, previous = [], None
    for name in sorted(row):
        group, _, metric = name.rpartition("/")
        if group and group != previous:
            lines.append((f"{group}/", ""))
        lines.append((f"   {metric}" if group else metric, format_value(row[name])))
        previous = group
    return lines


def table_text(row: Mapping[str, Any]) -> str:
    """The table of a row in plain characters."""
    lines = table_rows(row)
    left, right = (max((len(line[i]) for line in lines), default=0) for i in (0, 1))
    rule = "-" * (left + right + 7)
    return "\n".join([rule, *(f"| {label:<{left}} | {value:<{right}} |" for label, value in lines), rule])


def format_value(value: Any) -> str:
    """A number with three digits, or an integer; several as `median [min … max]`, NaN left out."""
    values = np.asarray(value).reshape(-1)
    if not np.issubdtype(values.dtype, np.integer):
        values = values.astype(np.float64)
        values = values[~np.isnan(values)]
    if values.size == 0:
        return "–"
    low, high = values.min(), values.max()
    if low == high:
        return _number(low)
    return f"{_number(np.median(values))} [{_number(low)} … {_number(high)}]"


def _number(number: Any) -> str:
    # Stable-Baselines3's three digits would turn a mean return of 1,234 into 1.23e+03.
    whole = isinstance(number, np.integer) or 999.5 <= abs(number) < 1e7
    return f"{number:.0f}" if whole else f"{number:.3g}"
