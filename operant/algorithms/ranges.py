"""What numbers hyperparameters may be, said in `__check_init__`.

A schedule is looked at where it starts and where it ends. None is left alone, and so is what is traced.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from numbers import Integral, Real
from typing import Any

from operant.algorithms.base import require
from operant.ops.schedules import Schedule


def whole(algorithm: Any, *names: str, least: int = 1) -> None:
    """Whole numbers from `least` upwards."""
    for name in names:
        value = getattr(algorithm, name)
        if value is not None:
            require(
                isinstance(value, Integral) and not isinstance(value, bool), name, value, "a whole number"
            )
            require(int(value) >= least, name, value, f"at least {least}")


def fraction(algorithm: Any, *names: str) -> None:
    """Numbers from 0 to 1."""
    _each(algorithm, names, lambda x: 0 <= x <= 1, "a number in [0, 1]")


def below_one(algorithm: Any, *names: str) -> None:
    """Numbers from 0 to below 1, such as how much of an average is kept."""
    _each(algorithm, names, lambda x: 0 <= x < 1, "from 0 to below 1")


def positive(algorithm: Any, *names: str) -> None:
    """Finite numbers above 0, such as what is divided by."""
    _each(algorithm, names, lambda x: 0 < x < math.inf, "more than 0, and finite")


def not_negative(algorithm: Any, *names: str) -> None:
    """Finite numbers from 0 upwards, such as rates and weights."""
    _each(algorithm, names, lambda x: 0 <= x < math.inf, "at least 0, and finite")


def finite(algorithm: Any, *names: str) -> None:
    """Any number but ±∞ and NaN."""
    _each(algorithm, names, math.isfinite, "a finite number")


def increasing(algorithm: Any, low: str, high: str) -> None:
    """Two finite numbers, of which the second is the greater."""
    finite(algorithm, low, high)
    least, most = getattr(algorithm, low), getattr(algorithm, high)
    if isinstance(least, Real) and isinstance(most, Real):
        require(most > least, high, most, f"more than {low}={least}")


def steps_between(train_freq: Any) -> Any:
    """Stable-Baselines3's pairs as a number of steps; what else is given is left as it is.

    Raises ValueError for a number of episodes.
    """
    if not isinstance(train_freq, tuple | list) or len(train_freq) != 2:
        return train_freq
    count, unit = train_freq
    if unit == "step":
        return count
    raise ValueError(
        f"train_freq={tuple(train_freq)!r}: replay is learnt from after a number of steps, not of episodes. Give "
        "train_freq in steps, with gradient_steps=-1 for as many updates."
    )


def _each(algorithm: Any, names: tuple[str, ...], holds: Callable[[float], bool], allowed: str) -> None:
    for name in names:
        value = getattr(algorithm, name)
        for number in _numbers(value):
            require(holds(number), name, str(value) if isinstance(value, Schedule) else value, allowed)


def _numbers(value: Any) -> Iterator[float]:
    """Those of a hyperparameter that can be looked at."""
    ends = (
        (getattr(value, "start", None), getattr(value, "end", None))
        if isinstance(value, Schedule)
        else (value,)
    )
    for end in ends:
        if isinstance(end, Real):
            yield float(end)
