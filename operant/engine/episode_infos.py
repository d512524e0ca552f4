"""What environments say in the info of the step that ends an episode, as means over the last episodes."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from operant.engine.statistics import WINDOW
from operant.envs.goals import SUCCESS

NAMES = {SUCCESS: "rollout/success_rate"}


class EpisodeInfos:
    """Keeps chosen keys of the last W episodes' infos, for each of S seeds; `is_success` is always chosen."""

    def __init__(self, keywords: str | Sequence[str], seeds: int | None, window: int = WINDOW) -> None:
        self.keywords = (keywords,) if isinstance(keywords, str) else tuple(keywords)
        self.seeds, self.window = seeds, window
        self.kept: dict[str, list[deque[float]]] = {}
        self.episodes = 0

    def end(self, index: int, count: int, info: dict[str, Any]) -> None:
        """An episode of environment `index`, of `count`, ended with this info."""
        self.episodes += 1
        for key in {SUCCESS, *self.keywords}:
            if key in info:
                seeds = self.seeds or 1
                windows = self.kept.setdefault(key, [deque(maxlen=self.window) for _ in range(seeds)])
                windows[index * seeds // count].append(self._number(key, info[key]))

    def report(self) -> dict[str, Any]:
        """Their means, `[S]` with several seeds, NaN where there is none: `rollout/success_rate`, `rollout/<key>`."""
        rows = {}
        for key, windows in self.kept.items():
            means = np.array([np.mean(window) if window else np.nan for window in windows])
            rows[NAMES.get(key, f"rollout/{key}")] = float(means[0]) if self.seeds is None else means
        return rows

    def warn_of_missing(self) -> None:
        """Say which of the keys that were asked for no episode had."""
        missing = [key for key in self.keywords if key not in self.kept]
        if missing and self.episodes:
            warnings.warn(
                f"info_keywords: no episode ended with {missing[0]!r} in its info, so there is no column of it.",
                stacklevel=2,
            )

    def _number(self, key: str, value: Any) -> float:
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ValueError(
                f"info_keywords: {key!r} is {value!r} at an episode's end; it must be a number."
            ) from None
