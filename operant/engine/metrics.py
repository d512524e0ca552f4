"""The metrics of a chunk: sums inside compiled programs, means after them, and what is absent left out of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.ops.metrics import Masked, Metrics

SUMS = 64  # more numbers than any algorithm reports
NAN = "nan"  # among a chunk's metrics: whether a loss, or a number that has been learnt, is not finite


def no_sums(seeds: int | None) -> np.ndarray:
    """The sums of metrics at the beginning of a chunk: `[SUMS]`, or `[S, SUMS]`."""
    return np.zeros((SUMS,) if seeds is None else (seeds, SUMS), np.float32)


@dataclass(frozen=True)
class Summands:
    """What is added up of metrics: a number for each, and for each that may be absent how often it was there."""

    names: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()

    @classmethod
    def of(cls, metrics: Metrics) -> Summands:
        """Those of an iteration's metrics, which are scalars, or their shapes."""
        return cls(tuple(metrics), tuple(n for n, metric in metrics.items() if isinstance(metric, Masked)))

    def __len__(self) -> int:
        return len(self.names) + len(self.masked)

    def numbers(self, metrics: Metrics) -> list[jax.Array]:
        """Those of one iteration: float32 scalars, 0 for what is absent."""

        def number(metric: jax.Array | Masked) -> jax.Array:
            return jnp.where(metric.mask, metric.value, 0) if isinstance(metric, Masked) else metric

        masks = [metrics[name].mask for name in self.masked]  # pyright: ignore[reportAttributeAccessIssue]
        return [x.astype(jnp.float32) for x in [*map(number, metrics.values()), *masks]]

    def begun(self, sums: jax.Array, whose: str) -> list[jax.Array]:
        """Their sums so far, out of an array `[SUMS]`. Raises ValueError where that has no room for them."""
        if len(self) > SUMS:
            raise ValueError(f"{whose} reports {len(self)} metrics: must be at most {SUMS}.")
        return [sums[i] for i in range(len(self))]

    def added(self, totals: list[jax.Array], metrics: Metrics) -> list[jax.Array]:
        """Their sums after one more iteration."""
        return [total + new for total, new in zip(totals, self.numbers(metrics), strict=True)]

    def kept(self, sums: jax.Array, totals: list[jax.Array]) -> jax.Array:
        """The array `[SUMS]` with these sums; nothing may be reported."""
        return sums.at[: len(totals)].set(jnp.stack(totals)) if totals else sums

    def means(self, sums: Sequence[Any], iterations: Any) -> dict[str, Any]:
        """Means over those `iterations` in which a metric was there, of sums of such numbers."""
        counts = dict(zip(self.masked, sums[len(self.names) :], strict=True))

        def mean(name: str, total: Any) -> Any:
            if name not in counts:
                return total / iterations
            count = counts[name]
            return Masked(total / (count + (count == 0)), count > 0)

        return {name: mean(name, sums[i]) for i, name in enumerate(self.names)}


def present(metrics: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """A chunk's metrics on the host, `[]` or `[S]`, without those that are absent.

    Of several seeds, those without a metric that another one has are NaN there. That is no divergence: `NAN`, where it
    is given, becomes True for a loss that is there and not finite.
    """
    found: dict[str, np.ndarray] = {}
    diverged = np.asarray(metrics.get(NAN, False))
    for name, metric in metrics.items():
        # A pair is a list where it comes from a kept program, which describes its results as JSON.
        value, mask = metric if isinstance(metric, tuple | list) else (metric, np.True_)
        value, mask = np.asarray(value), np.asarray(mask)
        if not mask.any():
            continue
        if "loss" in name:
            diverged = diverged | (mask & ~np.isfinite(value))
        found[name] = value if mask.all() else np.where(mask, value, np.nan)
    return found | ({NAN: diverged} if NAN in metrics else {})


def mean_of(rows: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The metrics of several iterations as those of a chunk: means of what training says, the last of all else.

    Means are over the iterations in which a metric was there.
    """
    merged: dict[str, Any] = {}
    for row in rows:  # in the order in which they first appear
        merged |= row
    bad: Any = np.any([row[NAN] for row in rows], 0) if NAN in merged else np.False_
    for name in merged:
        if name.startswith("train/"):
            values = np.stack([row[name] for row in rows if name in row])
            there = ~np.isnan(values) | bad  # of several seeds, NaN where one has none
            total = np.sum(np.where(there, values, 0), 0)
            merged[name] = total / np.where(there.any(0), there.sum(0), np.nan)
    return merged | ({NAN: bad} if NAN in merged else {})
