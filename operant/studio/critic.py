"""What critics expect of actions in one state: curves, a map or bars of Q, with what the policy does there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from operant.studio import style
from operant.studio.action_probabilities import next_to_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Q = "Q: expected discounted return"
FEW = 3  # critics that have colours of their own
POLICY = style.VERMILLION
BANDS = ((0.05, 0.95, 0.14), (0.25, 0.75, 0.22))  # quantiles of the return from, to, and the opacity between


@dataclass(frozen=True)
class ActionReturns:
    """The return of K actions by each of n critics: M values, and how likely each is. M is 1 of critics of the mean."""

    values: np.ndarray  # [n, K, M]
    probabilities: np.ndarray  # [n, K, M]

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.values.shape != self.probabilities.shape:
            raise ValueError(
                "The returns of actions are values [n, K, M] with a probability each; got shapes "
                f"{self.values.shape} and {self.probabilities.shape}."
            )

    @property
    def distributional(self) -> bool:
        """Whether the critics know more of the return than its mean."""
        return self.values.shape[-1] > 1

    @property
    def q_values(self) -> np.ndarray:
        """Q `[n, K]` of each critic, the mean of its returns."""
        return np.sum(self.values * self.probabilities, axis=-1)

    @property
    def together(self) -> tuple[str, np.ndarray]:
        """What critics say together, in words, and that, `[K]`: the least of several means, or the mean of returns."""
        if self.distributional:
            return "mean", self.q_values.mean(axis=0)
        return ("least" if len(self.values) > 1 else "Q"), self.q_values.min(axis=0)

    def quantile(self, level: float) -> np.ndarray:
        """The return `[K]` below which this share of all critics' returns together lies."""
        count = len(self.values)
        values = np.moveaxis(self.values, 0, 1).reshape(self.values.shape[1], -1)
        share = np.moveaxis(self.probabilities, 0, 1).reshape(values.shape) / count
        order = np.argsort(values, axis=1)
        reached = np.cumsum(np.take_along_axis(share, order, 1), axis=1) >= level - 1e-6
        first = np.argmax(reached, axis=1)
        return np.take_along_axis(np.take_along_axis(values, order, 1), first[:, None], 1)[:, 0]


def critic_curve(
    actions: np.ndarray,
    returns: ActionReturns,
    *,
    policy: float,
    density: np.ndarray | None = None,
    action: str = "action",
    frame: np.ndarray | None = None,
    title: str = "What the critics expect",
    note: str = "",
    path: str | Path | None = None,
) -> Figure:
    """Q over actions `[K]` of one element: a curve for each critic, and what they say together.

    Of critics that learn the distribution of the return, bands of its quantiles. `policy` is the best known action, a
    line, and `density` `[K]` that of a stochastic policy, below. Next to the rendered `frame` `[H, W, 3]`; written as
    PNG to `path`, if given.
    """
    with style.look():
        heights = (1.0,) if density is None else (3.2, 1.0)
        figure, (top, *below) = next_to_frame(frame, 4.2, heights, note)
        _draw_curves(top, actions, returns)
        for axes in (top, *below):
            axes.axvline(policy, color=POLICY, linewidth=1.6, zorder=1.5, clip_on=False)
            axes.set_xlim(*_edges(actions))
        at_policy = np.interp(policy, actions, returns.together[1])
        label = f"policy: {style.short_number(round(policy, 3))}"
        top.plot(
            policy,
            at_policy,
            "o",
            color=POLICY,
            markeredgecolor="white",
            label=label,
            clip_on=False,
            zorder=5,
        )
        top.set_ylabel(Q)
        if density is not None:
            (lower,) = below
            lower.fill_between(actions, density, color=POLICY, alpha=0.25, linewidth=0)
            lower.plot(actions, density, color=POLICY, linewidth=1.2, label="density")
            lower.set_ylim(0, 1.15 * _tallest(density))
            lower.set_yticks([])
            lower.set_ylabel("density")
            lower.spines["left"].set_visible(False)
            top.tick_params(labelbottom=False)
        (below[0] if below else top).set_xlabel(action)
        rows = _legend(top)
        style.heading(top, title, "" if frame is not None else note, 17.0 * rows)
        return style.finish(figure, path)


def critic_map(
    actions: Sequence[np.ndarray],
    returns: ActionReturns,
    *,
    policy: np.ndarray,
    names: tuple[str, str] = ("action 0", "action 1"),
    frame: np.ndarray | None = None,
    title: str = "What the critics expect",
    note: str = "",
    path: str | Path | None = None,
) -> Figure:
    """Q over actions of two elements, at the values `[K_0]` and `[K_1]` of them: what all critics say together.

    `returns` are of K_0 · K_1 actions, the first element changing fastest; `policy` `[2]` is the best known action.
    """
    first, second = actions
    _, q_values = returns.together
    cells = q_values.reshape(len(second), len(first))
    extent = (*_edges(first), *_edges(second))
    with style.look():
        figure, (axes,) = next_to_frame(frame, 4.6, note=note)
        image = axes.imshow(cells, style.sequential(), origin="lower", extent=extent, aspect="auto")
        if cells.max() > cells.min():
            lines: dict[str, Any] = {
                "colors": "white",
                "linestyles": "solid",
                "linewidths": 0.7,
                "alpha": 0.7,
            }
            axes.contour(first, second, cells, 8, **lines)
        row, column = np.unravel_index(cells.argmax(), cells.shape)
        mark: dict[str, Any] = {"linestyle": "", "clip_on": False}
        best = {"marker": "D", "color": "white", "markeredgecolor": style.INK, "label": "largest Q"}
        axes.plot(first[column], second[row], **best, **mark)
        acting = {
            "marker": "o",
            "color": POLICY,
            "markeredgecolor": "white",
            "markersize": 10,
            "label": "policy",
        }
        axes.plot(*policy, **acting, **mark)
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        bar = figure.colorbar(image, ax=axes, pad=0.02, aspect=30)
        bar.outline.set_visible(False)
        bar.set_label(_label(returns))
        rows = _legend(axes)
        style.heading(axes, title, "" if frame is not None else note, 17.0 * rows)
        return style.finish(figure, path)


def critic_bars(
    returns: ActionReturns,
    *,
    policy: int,
    names: Sequence[str],
    frame: np.ndarray | None = None,
    title: str = "What the critics expect",
    note: str = "",
    path: str | Path | None = None,
) -> Figure:
    """A bar of Q for each Discrete action, that of the policy in colour, and by how much it is less than the best.

    Several critics are dots on it; of the return's distribution the range of most of it is a line.
    """
    _, q_values = returns.together
    count, best = len(q_values), float(q_values.max())
    rows = range(count)
    with style.look():
        figure, (axes,) = next_to_frame(frame, max(2.4, 0.5 * count + 1.1), note=note)
        colours = [style.BLUE if index == policy else style.PALE for index in rows]
        axes.barh(rows, q_values, height=0.62, color=colours)
        if returns.distributional:
            low, high, _ = BANDS[0]
            axes.hlines(rows, returns.quantile(low), returns.quantile(high), color=style.INK, linewidth=1.2)
        elif len(returns.values) > 1:
            for of_critic in returns.q_values:
                axes.plot(of_critic, rows, "o", color=style.INK, markersize=3.5)
        axes.axvline(0, color=style.GREY, linewidth=0.8)
        labels = [names[index] + "\n" + _worth(float(q_values[index]), best) for index in rows]
        axes.set_yticks(rows, labels, color=style.INK)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_ylim(count - 0.5, -0.5)
        axes.set_xlabel(_label(returns))
        line = f"line: {_range(BANDS[0])} of returns" if returns.distributional else ""
        dots = "dots: critics" if len(returns.values) > 1 and not returns.distributional else ""
        style.heading(axes, title, "; ".join(filter(None, [note if frame is None else "", line, dots])))
        return style.finish(figure, path)


def _draw_curves(axes: Axes, actions: np.ndarray, returns: ActionReturns) -> None:
    count = len(returns.values)
    axes.grid(axis="y")
    if returns.distributional:
        for band in BANDS:
            low, high = returns.quantile(band[0]), returns.quantile(band[1])
            drawn: dict[str, Any] = {"color": style.BLUE, "alpha": band[2], "linewidth": 0}
            axes.fill_between(actions, low, high, label=f"{_range(band)} of returns", **drawn)
    colours = [style.SKY, style.GREEN, style.PURPLE] if count <= FEW else [style.PALE] * count
    for index, q_values in enumerate(returns.q_values if count > 1 else ()):
        label = f"critic {index + 1}" if count <= FEW else "critics" if index == 0 else None
        axes.plot(actions, q_values, color=colours[index], linewidth=1.3, label=label)
    said, together = returns.together
    dashes = (None, None) if count == 1 or returns.distributional else (4, 2)
    axes.plot(actions, together, color=style.INK, linewidth=2, label=said, dashes=dashes)


def _legend(axes: Axes) -> int:
    """Above the axes; in how many rows."""
    count = len(axes.get_legend_handles_labels()[1])
    columns = min(count, 4)
    style.legend_above(axes, columns)
    return -(-count // columns)


def _label(returns: ActionReturns) -> str:
    """The name of an axis for what the critics say together."""
    return Q if len(returns.values) == 1 else f"{Q} ({returns.together[0]} of the critics)"


def _range(band: tuple[float, float, float]) -> str:
    return f"{100 * (band[1] - band[0]):.0f} %"


def _worth(value: float, best: float) -> str:
    return style.short_number(value) + (
        "" if value == best else f" ({style.short_number(float(f'{value - best:.2g}'))})"
    )


def _tallest(density: np.ndarray) -> float:
    """The height to show: a squashed density may be infinite at a bound."""
    finite = density[np.isfinite(density)]
    inside = finite[1:-1] if len(finite) > 2 else finite
    return float(inside.max()) or 1.0


def _edges(middles: np.ndarray) -> tuple[float, float]:
    """The ends of cells around equally spaced middles."""
    half = float(middles[1] - middles[0]) / 2
    return float(middles[0]) - half, float(middles[-1]) + half
