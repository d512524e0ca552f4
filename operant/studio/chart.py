"""A small picture as data: lines, bars or dots, which a file can hold and which is drawn wherever it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from operant.fields import NUMBER, TABLE, TEXT, FileError, check, optional, several
from operant.studio import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ChartKind = Literal["lines", "bars", "dots"]
POINTS = 240  # of a line at most: more are not seen, and would make a report large
_FIELDS = {"kind": TEXT, "x": TEXT, "y": TEXT, "series": TABLE, "limits": TABLE, "labels": several(TEXT)}
_NUMBERS = several(optional(NUMBER))


@dataclass(frozen=True)
class Chart:
    """Series `{name: (x [K], y [K])}` in one pair of axes; `limits` are dashed lines at values of y, by their names.

    Of bars, x counts from 0 and `labels` are the words below them.
    """

    kind: ChartKind
    x: str
    y: str
    series: Mapping[str, tuple[list[float], list[float]]]
    limits: Mapping[str, float] = field(default_factory=dict)
    labels: tuple[str, ...] = ()

    def draw(self, path: str | Path | None = None) -> Figure:
        """The picture, written as PNG to `path`, if given."""
        with style.look():
            figure = style.figure(4.6, 2.3)
            axes = figure.add_subplot()
            axes.grid(axis="y")
            for index, (name, (x, y)) in enumerate(self.series.items()):
                colour = style.colour(index)
                if self.kind == "lines":
                    axes.plot(
                        x, y, color=colour, linewidth=1.6, label=name, marker="o" if len(x) == 1 else None
                    )
                elif self.kind == "dots":
                    axes.scatter(x, y, s=10, color=colour, alpha=0.6, linewidths=0, label=name)
                else:
                    width = 0.8 / len(self.series)
                    places = np.asarray(x) + (index - (len(self.series) - 1) / 2) * width
                    axes.bar(places, y, width, color=colour, label=name)
            for name, level in self.limits.items():
                axes.axhline(level, color=style.GREY, linewidth=1, dashes=(4, 3))
                axes.annotate(
                    name, (1, level), (-2, 2), xycoords=("axes fraction", "data"), textcoords="offset points",
                    color=style.GREY, fontsize=8, ha="right", va="bottom",
                )  # fmt: skip
            if self.labels:
                axes.set_xticks(range(len(self.labels)), list(self.labels))
            elif self.kind != "bars":
                axes.xaxis.set_major_formatter(lambda value, _: style.short_number(value))
            axes.locator_params(axis="y", nbins=4)
            axes.yaxis.set_major_formatter(lambda value, _: style.short_number(value))
            axes.set_xlabel(self.x)
            axes.set_ylabel(self.y)
            if len(self.series) > 1:
                style.legend_above(axes, min(3, len(self.series)))
            return style.finish(figure, path)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads back."""
        return {
            "kind": self.kind,
            "x": self.x,
            "y": self.y,
            "series": {name: {"x": _plain(x), "y": _plain(y)} for name, (x, y) in self.series.items()},
            "limits": dict(self.limits),
            "labels": list(self.labels),
        }

    @classmethod
    def from_json(cls, values: Any) -> Chart:
        """What `to_json` wrote. Raises FileError for anything else."""
        check(values, _FIELDS)
        kind = values["kind"]
        if kind not in get_args(ChartKind):
            raise FileError(f"it is {kind!r}; must be one of {', '.join(get_args(ChartKind))}.", field="kind")
        series = {}
        for name, each in values["series"].items():
            x, y = check(each, {"x": _NUMBERS, "y": _NUMBERS}, "series").values()
            if len(x) != len(y):
                raise FileError("x and y have another length.", field="series")
            series[name] = (_known(x), _known(y))
        check(values["limits"], dict.fromkeys(values["limits"], NUMBER), "limits")
        labels = tuple(values["labels"])
        return cls(kind, values["x"], values["y"], series, values["limits"], labels)


def lines(
    x: str, y: str, limits: Mapping[str, float] | None = None, **series: tuple[ArrayLike, ArrayLike]
) -> Chart:
    """A chart of lines, of which each keeps at most `POINTS` points, those without a number left out."""
    return Chart(
        "lines", x, y, {n.replace("_", " "): _thinned(*each) for n, each in series.items()}, limits or {}
    )


def dots(
    x: str, y: str, limits: Mapping[str, float] | None = None, **series: tuple[ArrayLike, ArrayLike]
) -> Chart:
    """The same with dots."""
    return Chart(
        "dots", x, y, {n.replace("_", " "): _thinned(*each) for n, each in series.items()}, limits or {}
    )


def bars(
    x: str, y: str, labels: tuple[str, ...], limits: Mapping[str, float] | None = None, **series: ArrayLike
) -> Chart:
    """A chart of one bar for each label and series."""
    places = [float(i) for i in range(len(labels))]
    known = {n.replace("_", " "): (places, _floats(each)) for n, each in series.items()}
    return Chart("bars", x, y, known, limits or {}, labels)


def _thinned(x: ArrayLike, y: ArrayLike) -> tuple[list[float], list[float]]:
    xs, ys = np.asarray(x, np.float64).ravel(), np.asarray(y, np.float64).ravel()
    known = np.isfinite(xs) & np.isfinite(ys)
    xs, ys = xs[known], ys[known]
    if len(xs) > POINTS:
        chosen = np.linspace(0, len(xs) - 1, POINTS).astype(int)
        xs, ys = xs[chosen], ys[chosen]
    return xs.tolist(), ys.tolist()


def _floats(values: ArrayLike) -> list[float]:
    return np.asarray(values, np.float64).ravel().tolist()


def _plain(values: list[float]) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values]


def _known(values: list[float | None]) -> list[float]:
    return [np.nan if value is None else float(value) for value in values]
