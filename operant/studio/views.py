"""Two quantities of an observation as the axes of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operant.studio.names import Names, names

FARTHEST = 1e3  # a bound beyond this is a formality, and a picture of all that lies within shows nothing


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
    unbounded = np.full(states.shape[1], np.inf)
    return chosen_view((0, 1), (-unbounded, unbounded), names(environment), states)


def chosen_view(
    axes: Sequence[int | str],
    bounds: tuple[np.ndarray, np.ndarray],
    words: Names,
    states: np.ndarray | None = None,
) -> View:
    """The view over two elements of the observation, by their indices or names.

    Args:
        bounds: `(low [D], high [D])` of the observation space.
        words: The names of its elements.
        states: Visited ones `[N, D]`. An axis covers nearly all of what they have there, or without them its bounds.
            The other elements are their medians, or without them in the middle of their bounds, and 0 where those have
            none.

    Raises ValueError, naming the element, for one that is not there, and for one without states or bounds.
    """
    low, high = (np.asarray(bound, np.float64) for bound in bounds)
    size = len(low)
    if isinstance(axes, str) or len(axes) != 2:
        raise ValueError(f"axes={axes!r}: give two elements of the observation, as in axes=(0, 1).")
    x, y = (_index(axis, size, words) for axis in axes)
    if x == y:
        raise ValueError(f"axes={axes!r}: both are {words.element(x)}; give two different elements.")
    bounded = (np.abs(low) <= FARTHEST) & (np.abs(high) <= FARTHEST)
    if states is None:
        for index in (x, y):
            if not bounded[index]:
                raise ValueError(
                    f"{words.element(index)} has no bounds to draw between: pass visited `states` [N, {size}]."
                )
        middle, held = (
            np.where(bounded, (low + high) / 2, 0.0),
            "other elements in the middle of their bounds",
        )
    else:
        states = np.asarray(states, np.float64)
        if states.ndim != 2 or states.shape[1] != size:
            raise ValueError(
                f"states have shape {states.shape}: must be [N, {size}], as the observation has {size} elements."
            )
        middle, held = np.median(states, axis=0), "other elements at their medians"
        first, last = np.quantile(states, [0.01, 0.99], axis=0)
        margin = np.maximum(0.1 * (last - first), 1e-3)
        low, high = np.maximum(first - margin, low), np.minimum(last + margin, high)
    horizontal, vertical = (
        Axis(words.element(index), index, float(low[index]), float(high[index])) for index in (x, y)
    )
    return View(horizontal, vertical, tuple(map(float, middle)), held if size > 2 else "")


def _index(axis: int | str, size: int, words: Names) -> int:
    """The element that an axis names. Raises ValueError where there is none."""
    known = [words.element(index) for index in range(size)]
    text = str(axis)
    if text.isdecimal() and int(text) < size:
        return int(text)
    found = [index for index, name in enumerate(known) if text in (name, name.partition(" (")[0])]
    if len(found) != 1:
        listed = ", ".join(f"{index} ({name})" for index, name in enumerate(known))
        raise ValueError(f"axis {axis!r}: no element of this observation; there are {listed}.")
    return found[0]
