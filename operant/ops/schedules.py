"""Schedules: hyperparameters that change while training, as functions of its progress from 0 to 1.

Anywhere a schedule is allowed, a plain number means a constant, and text such as `linear:3e-4:0` (command line, preset
files) means the schedule of that name with those arguments.
"""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Callable
from inspect import signature
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.types import Clock

YOURS = "a function of yours"  # in a file, in the place of a function


class Schedule(eqx.Module):
    """A value for every moment of training."""

    @abstractmethod
    def __call__(self, progress: jax.Array) -> jax.Array:
        """The value at `progress` in [0, 1]."""

    def __str__(self) -> str:
        """The text that `parse` reads back."""
        numbers = ":".join(repr(float(value)) for value in jax.tree.leaves(self))
        return f"{type(self).__name__.lower()}:{numbers}"


class Linear(Schedule):
    """From `start` to `end` in a straight line over the first `fraction` of training, then `end`."""

    start: float
    end: float = 0.0
    fraction: float = 1.0

    def __call__(self, progress: jax.Array) -> jax.Array:
        falling = self.start + (self.end - self.start) * (progress / self.fraction)
        return jnp.where(progress < self.fraction, falling, self.end)  # with a fraction of 0: `end` at once


class Cosine(Schedule):
    """From `start` to `end` along half a cosine wave (Loshchilov & Hutter 2017, equation 5, without restarts)."""

    start: float
    end: float = 0.0

    def __call__(self, progress: jax.Array) -> jax.Array:
        return self.end + 0.5 * (self.start - self.end) * (1 + jnp.cos(jnp.pi * progress))


class Exponential(Schedule):
    """From `start` to `end`, of one sign and neither 0, by the same factor in every equal stretch of training."""

    start: float
    end: float

    def __check_init__(self) -> None:
        numbers = isinstance(self.start, int | float) and isinstance(self.end, int | float)
        if numbers and not self.start * self.end > 0:
            raise ValueError(
                f"{self} must go between two numbers of one sign, neither of them 0. "
                "Take a small number instead of 0, or a linear schedule."
            )

    def __call__(self, progress: jax.Array) -> jax.Array:
        return self.start * (self.end / self.start) ** progress


class Step(Schedule):
    """`start` until `at` of training has passed, then `end`."""

    start: float
    end: float
    at: float = 0.5

    def __call__(self, progress: jax.Array) -> jax.Array:
        return jnp.where(progress < self.at, self.start, self.end)


class Piecewise(Schedule):
    """A first value, and then from each moment on another: `Piecewise(1e-3, 0.25, 5e-4, 0.5, 1e-4)` is 5e-4 from a
    quarter of training on, and 1e-4 from half of it on."""

    numbers: tuple[float, ...]

    def __init__(self, value: float, *then: float) -> None:
        moments = then[::2]
        if len(then) % 2 or any(later <= earlier for earlier, later in itertools.pairwise(moments)):
            raise ValueError(
                f"piecewise:{':'.join(map(str, (value, *then)))}: must be VALUE:AT:VALUE:AT:VALUE…, its moments rising."
            )
        self.numbers = (value, *then)

    def __call__(self, progress: jax.Array) -> jax.Array:
        value = jnp.asarray(self.numbers[0])
        for at, then in zip(self.numbers[1::2], self.numbers[2::2], strict=True):
            value = jnp.where(progress < at, value, then)
        return value


class OfRemaining(Schedule):
    """A function of the progress that remains, from 1 to 0, as Stable-Baselines3 has it. No file can hold it."""

    function: Callable[[jax.Array], jax.Array] = eqx.field(static=True)

    def __call__(self, progress: jax.Array) -> jax.Array:
        return jnp.asarray(self.function(1.0 - progress), jnp.float32)

    def __str__(self) -> str:
        return f"{getattr(self.function, '__name__', type(self.function).__name__)}, {YOURS}"


def of_function(name: str, function: Callable[..., Any]) -> OfRemaining:
    """The schedule of a plain function. Raises ValueError, naming the hyperparameter, where it cannot be compiled."""
    schedule = OfRemaining(function)
    try:
        shape = jax.eval_shape(schedule, jnp.zeros(())).shape
    except Exception as error:
        raise ValueError(
            f"{name}={function!r}: it is called with the progress that remains, from 1 to 0, as an array, and must be "
            f"arithmetic of it (jnp.where instead of if); it failed with {type(error).__name__}. Text such as "
            "'linear:3e-4:0' does as well."
        ) from error
    if shape != ():
        raise ValueError(f"{name}={function!r}: must give one number; got an array of shape {shape}.")
    return schedule


KINDS: dict[str, type[Schedule]] = {
    kind.__name__.lower(): kind for kind in (Linear, Cosine, Exponential, Step, Piecewise)
}


def at(value: float | Schedule, clock: Clock) -> jax.Array:
    """The value of a number or a schedule at this moment of training."""
    return value(clock.progress) if isinstance(value, Schedule) else jnp.asarray(value)


def arguments(kind: type[Schedule]) -> dict[str, bool]:
    """The numbers of a kind of schedule by name, and whether each must be given; `…` where any number may follow."""
    parameters = signature(kind).parameters.values()
    return {
        f"at:{each.name}…" if each.kind is each.VAR_POSITIONAL else each.name: each.kind
        is not each.VAR_POSITIONAL
        and each.default is each.empty
        for each in parameters
    }


def parse(text: str | float) -> float | Schedule:
    """A number, or `kind:number:…` as a schedule. Raises ValueError naming the kinds and what they take."""
    kind, *rest = str(text).split(":")
    try:
        if not rest:
            return float(kind)
        cls, numbers = KINDS[kind], [float(number) for number in rest]
        signature(cls).bind(*numbers)  # their count
    except (KeyError, TypeError, ValueError):
        forms = [":".join([name, *arguments(cls)]) for name, cls in KINDS.items()]
        raise ValueError(
            f"{text!r} is neither a number nor a schedule; a schedule is one of {', '.join(forms)}."
        ) from None
    return cls(*numbers)
