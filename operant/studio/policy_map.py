"""Maps of a policy over two quantities of the observation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from operant.studio import style
from operant.studio.names import Names, names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Axis:
    """One quantity of the observation, and the range that is shown.

    `dim` is its element of the observation. An `angle` is stored as two: its cosine in `dim`, its sine in
    `dim + 1`.
    """

    label: str
    dim: int
    low: float
    high: float
    angle: bool = False

    def write(self, observations: np.ndarray, value: np.ndarray) -> None:
        """Set the quantity of observations `[M, D]`, in place, to values `[M]`."""
        if self.angle:
            observations[:, self.dim], observations[:, self.dim + 1] = np.cos(value), np.sin(value)
        else:
            observations[:, self.dim] = value

    def read(self, observations: np.ndarray) -> np.ndarray:
        """The quantity `[M]` of observations `[M, D]`."""
        if self.angle:
            return np.arctan2(observations[:, self.dim + 1], observations[:, self.dim])
        return observations[:, self.dim]


@dataclass(frozen=True)
class View:
    """Two quantities of an observation of D elements, and the fixed values of the other elements."""

    x: Axis
    y: Axis
    others: tuple[float, ...]  # a whole observation [D]; the elements of x and y in it are replaced
    held: str = ""  # the same in words, for the picture

    def grid(self, resolution: int) -> np.ndarray:
        """Observations `[resolution², D]`, float32, at the middles of cells, row by row from below."""
        middles = (np.arange(resolution) + 0.5) / resolution
        y, x = np.meshgrid(
            self.y.low + (self.y.high - self.y.low) * middles,
            self.x.low + (self.x.high - self.x.low) * middles,
            indexing="ij",
        )
        observations = np.tile(np.asarray(self.others, np.float32), (resolution**2, 1))
        self.x.write(observations, x.ravel())
        self.y.write(observations, y.ravel())
        return observations


_PI = float(np.pi)
_VALLEY = View(Axis("position", 0, -1.2, 0.6), Axis("velocity", 1, -0.07, 0.07), (0.0,) * 2)
_LANDER = View(
    Axis("vertical velocity", 3, -1.5, 0.5),
    Axis("height", 1, 0.0, 1.5),
    (0.0,) * 8,
    "upright above the pad, no sideways motion",
)
VIEWS = {
    # The episode ends when the pole leans more than 12° (0.209 rad).
    "CartPole-v1": View(
        Axis("pole angle (rad)", 2, -0.21, 0.21),
        Axis("pole velocity (rad/s)", 3, -2.5, 2.5),
        (0.0,) * 4,
        "cart at rest in the middle",
    ),
    "MountainCar-v0": _VALLEY,
    "MountainCarContinuous-v0": _VALLEY,
    "Acrobot-v1": View(
        Axis("angle of joint 1 (rad)", 0, -_PI, _PI, angle=True),
        Axis("angle of joint 2 (rad)", 2, -_PI, _PI, angle=True),
        (0.0,) * 6,
        "both joints at rest",
    ),
    "Pendulum-v1": View(
        Axis("angle from upright (rad)", 0, -_PI, _PI, angle=True),
        Axis("angular velocity (rad/s)", 2, -8.0, 8.0),
        (0.0,) * 3,
    ),
    "LunarLander-v3": _LANDER,
    "LunarLanderContinuous-v3": _LANDER,
}


def default_view(environment: str | None, states: np.ndarray | None = None) -> View:
    """The view of a known environment; otherwise the first two elements over the range of visited states `[N,
    D]`.

    Raises ValueError for an unknown environment without visited states, or whose observation is no vector of
    two or more elements.
    """
    if environment in VIEWS:
        return VIEWS[environment]
    if states is None:
        raise ValueError(
            f"No view is known for {environment!r}; known: {', '.join(VIEWS)}. Pass `view` or `states`."
        )
    if states.ndim != 2 or states.shape[1] < 2:
        raise ValueError(
            f"A policy map needs states of shape [N, D] with D of at least 2; those of {environment!r} are "
            f"{states.shape}. Pass `view`."
        )
    words = names(environment)
    low, high = np.quantile(states[:, :2], [0.01, 0.99], axis=0)
    margin = np.maximum(0.1 * (high - low), 1e-3)
    x, y = (Axis(words.element(d), d, float(low[d] - margin[d]), float(high[d] + margin[d])) for d in (0, 1))
    held = "other elements at their medians" if states.shape[1] > 2 else ""
    return View(x, y, tuple(map(float, np.median(states, axis=0))), held)


def policy_map(
    policy: Callable[[np.ndarray], np.ndarray],
    *,
    environment: str | None = None,
    view: View | None = None,
    states: np.ndarray | None = None,
    continuous: bool = False,
    actions: tuple[str, ...] = (),
    limits: tuple[float, float] | None = None,
    resolution: int = 201,
    title: str = "",
    path: str | Path | None = None,
) -> Figure:
    """Draw the actions of `policy` at every point of a view.

    `policy` takes observations `[M, D]` (float32) and gives the probabilities `[M, A]` of A actions, or with
    `continuous=True` the mean action, `[M]` or `[M, 1]`. Two actions: coloured by the probability of the
    second, with a line where they are equal. More: the colour of the most likely one, paler where it is less likely.
    Continuous: coloured by the action between `limits`. `states` `[N, D]`, visited while acting, are drawn as
    dots. `view`, names and limits default to those known for `environment`. Written as PNG to `path`.
    """
    view = default_view(environment, states) if view is None else view
    known = names(environment)
    words = Names(known.observation, actions or known.actions, limits or known.limits)
    output = np.asarray(policy(view.grid(resolution)), np.float64)
    if continuous:
        output = output.reshape(len(output), -1)
    expected = "[M] or [M, 1] mean actions" if continuous else "[M, A] probabilities of two or more actions"
    if output.ndim != 2 or len(output) != resolution**2 or (output.shape[1] == 1) != continuous:
        raise ValueError(
            f"A policy map needs {expected} for M = {resolution**2} observations; got {output.shape}."
        )
    cells = output.reshape(resolution, resolution, -1)
    with style.look():
        figure = style.figure(6.6, 5.2)
        axes = figure.add_subplot()
        if continuous:
            _draw_action(axes, view, cells[..., 0], words)
        elif cells.shape[-1] == 2:
            _draw_two(axes, view, cells[..., 1], words)
        else:
            _draw_many(axes, view, cells, words)
        if states is not None:
            shown = np.asarray(states)[:: max(1, len(states) // 3000)]
            axes.scatter(
                view.x.read(shown), view.y.read(shown), s=4, color=style.INK, alpha=0.35, linewidths=0
            )
        axes.set_xlim(view.x.low, view.x.high)
        axes.set_ylim(view.y.low, view.y.high)
        axes.set_xlabel(view.x.label)
        axes.set_ylabel(view.y.label)
        equal = "line: equally likely" if not continuous and cells.shape[-1] == 2 else ""
        notes = [view.held, equal, "dots: states visited" if states is not None else ""]
        title = title or ("Policy on " + environment if environment else "Policy")
        style.heading(axes, title, "; ".join(filter(None, notes)))
        return style.finish(figure, path)


def _extent(view: View) -> tuple[float, float, float, float]:
    return view.x.low, view.x.high, view.y.low, view.y.high


def _draw_two(axes: Axes, view: View, probability: np.ndarray, words: Names) -> None:
    image = axes.imshow(
        probability, style.diverging(), origin="lower", extent=_extent(view), aspect="auto", vmin=0, vmax=1
    )
    if probability.min() < 0.5 < probability.max():
        axes.contour(
            probability, [0.5], origin="lower", extent=_extent(view), colors=style.INK, linewidths=1.2
        )
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, aspect=30, ticks=[0, 0.25, 0.5, 0.75, 1])
    bar.outline.set_visible(False)
    bar.set_label(f"probability of “{words.action(1)}”")
    bar.ax.set_yticklabels([f"0  {words.action(0)}", "0.25", "0.5", "0.75", f"1  {words.action(1)}"])


def _draw_many(axes: Axes, view: View, probabilities: np.ndarray, words: Names) -> None:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    count = probabilities.shape[-1]
    colours = np.array([to_rgb(style.colour(action)) for action in range(count)])
    likeliest = probabilities.argmax(axis=-1)
    # From nearly white where all actions are equally likely to the full colour where one is certain.
    certainty = (probabilities.max(axis=-1, keepdims=True) - 1 / count) / (1 - 1 / count)
    strength = 0.1 + 0.9 * np.clip(certainty, 0, 1)
    axes.imshow(
        1 - strength * (1 - colours[likeliest]), origin="lower", extent=_extent(view), aspect="auto", zorder=0
    )
    axes.figure.legend(
        handles=[Patch(color=style.colour(action), label=words.action(action)) for action in range(count)],
        title="likeliest action\n(pale: unsure)",
        alignment="left",
        loc="outside right upper",
        handlelength=1,
        handleheight=1,
    )


def _draw_action(axes: Axes, view: View, action: np.ndarray, words: Names) -> None:
    low, high = words.limits or (-float(np.abs(action).max()), float(np.abs(action).max()))
    image = axes.imshow(
        action, style.diverging(), origin="lower", extent=_extent(view), aspect="auto", vmin=low, vmax=high
    )
    bar = axes.figure.colorbar(image, ax=axes, pad=0.02, aspect=30)
    bar.outline.set_visible(False)
    bar.set_label(f"mean {words.action(0)}")
