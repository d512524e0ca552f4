"""Values of the user's own, on their way into the next row of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from operant.engine.media import is_media

PLACES = ("table", "csv", "tensorboard", "json", "text", "wandb")
_OTHER_NAMES = {"stdout": "table", "log": "text"}  # Stable-Baselines3's


class Records:
    """Numbers and media that were recorded since the last row, and where some of them shall not go."""

    def __init__(self, seeds: int | None = None) -> None:
        self.seeds = seeds
        self.media: dict[str, Any] = {}
        self.excluded: dict[str, frozenset[str]] = {}
        self._numbers: dict[str, Any] = {}
        self._means: dict[str, list] = {}

    def record(self, name: str, value: Any, exclude: str | Sequence[str] = (), *, mean: bool = False) -> None:
        """Keep a value for the next row.

        Raises ValueError for a name that is none or that rows have already, or a place that does not exist; TypeError
        for a value that can be neither written nor shown.
        """
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"record({name!r}, …): the name must be a text, such as 'my/value'.")
        if name in ("time/total_timesteps", "seed"):
            raise ValueError(f"record({name!r}, …): every row has that already; choose another name.")
        places = frozenset(
            _OTHER_NAMES.get(place, place) for place in ([exclude] if isinstance(exclude, str) else exclude)
        )
        if unknown := sorted(places - {*PLACES}):
            raise ValueError(f"record(…, exclude={unknown[0]!r}): must be among {', '.join(PLACES)}.")
        if places:
            self.excluded[name] = places
        if is_media(value):
            self.media[name] = value
            return
        number = self._number(name, value)
        if mean:
            self._means.setdefault(name, []).append(number)
        else:
            self._numbers[name] = number

    def take(self) -> dict[str, Any]:
        """The numbers, which are not kept any longer."""
        numbers = self._numbers | {name: np.mean(values, 0) for name, values in self._means.items()}
        self._numbers, self._means = {}, {}
        return numbers

    def take_media(self) -> dict[str, Any]:
        """The media, which are not kept any longer."""
        media, self.media = self.media, {}
        return media

    def for_place(self, values: Mapping[str, Any], place: str | None) -> Mapping[str, Any]:
        """Those of the values that go to a place."""
        hidden = {name for name, places in self.excluded.items() if place in places}
        return {name: value for name, value in values.items() if name not in hidden} if hidden else values

    def _number(self, name: str, value: Any) -> Any:
        shapes = ((), *([(self.seeds,)] if self.seeds else []))
        try:
            array = np.asarray(value)
        except (TypeError, ValueError):
            array = np.asarray(None)
        if array.shape not in shapes or array.dtype.kind not in "biuf":
            several = "" if self.seeds is None else f", or an array of {self.seeds}"
            raise TypeError(
                f"record({name!r}, {type(value).__name__}): must be a number{several}; or a text, a Matplotlib figure, "
                "or an Image, Histogram or Video of operant.callbacks."
            )
        return array if array.shape else array.item()
