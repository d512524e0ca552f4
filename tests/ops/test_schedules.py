"""Schedules: their values, their text and back, and what a wrong text is told."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.ops.schedules import (
    KINDS,
    Cosine,
    Exponential,
    Linear,
    Piecewise,
    Step,
    arguments,
    at,
    of_function,
    parse,
)
from tests.shared import clock

EXAMPLES = (
    Linear(3e-4),
    Linear(1.0, 0.05, 0.1),
    Cosine(2.0, 0.5),
    Exponential(1e-2, 1e-4),
    Step(1.0, 0.0, 0.3),
    Piecewise(1e-3, 0.25, 5e-4, 0.5, 1e-4),
)


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        (Linear(1.0), [1.0, 0.75, 0.5, 0.0]),
        (Linear(1.0, 0.2, 0.5), [1.0, 0.6, 0.2, 0.2]),
        (Linear(1.0, 0.2, 0.0), [0.2, 0.2, 0.2, 0.2]),
        (Cosine(2.0, 1.0), [2.0, 1.5 + 0.5 * np.cos(np.pi / 4), 1.5, 1.0]),
        (Exponential(1.0, 1e-4), [1.0, 0.1, 0.01, 1e-4]),
        (Step(1.0, 0.1), [1.0, 1.0, 0.1, 0.1]),
        (Step(1.0, 0.1, 0.25), [1.0, 0.1, 0.1, 0.1]),
        (of_function("learning_rate", lambda remaining: 0.1 + remaining**2), [1.1, 0.6625, 0.35, 0.1]),
    ],
    ids=str,
)
def test_linear_cosine_exponential_step_and_of_function_have_their_values(schedule, values):
    got = [schedule(jnp.asarray(progress)) for progress in (0.0, 0.25, 0.5, 1.0)]
    np.testing.assert_allclose(got, values, rtol=1e-5)
    np.testing.assert_allclose(
        [jax.jit(at)(schedule, clock(step)) for step in (0, 25, 50, 100)], values, rtol=1e-5
    )


def test_at_takes_a_number_for_a_constant():
    assert at(0.3, clock(0)) == at(0.3, clock(70)) == np.float32(0.3)


def test_clock_has_a_progress_that_ends_at_one_and_knows_large_totals():
    assert clock(250).progress == 1.0
    assert clock(2**30, 2**31 - 1).progress == pytest.approx(0.5)


@pytest.mark.parametrize("schedule", EXAMPLES, ids=str)
def test_parse_reads_the_text_of_every_schedule(schedule):
    assert parse(str(schedule)) == schedule
    assert {type(example) for example in EXAMPLES} == set(KINDS.values())


def test_piecewise_has_each_value_from_its_moment_on():
    schedule = Piecewise(1.0, 0.25, 0.5, 0.75, 0.1)
    got = [jax.jit(at)(schedule, clock(step)) for step in (0, 24, 25, 74, 75, 100)]
    np.testing.assert_array_equal(got, np.float32([1.0, 1.0, 0.5, 0.5, 0.1, 0.1]))
    assert Piecewise(0.3)(jnp.asarray(0.5)) == np.float32(0.3)


@pytest.mark.parametrize("text", ["piecewise:1:0.5", "piecewise:1:0.5:2:0.5:3", "piecewise:1:0.5:2:0.4:3"])
def test_piecewise_has_moments_that_rise(text):
    with pytest.raises(ValueError, match="moments rising"):
        parse(text)


def test_arguments_says_which_numbers_a_schedule_must_have():
    assert arguments(Linear) == {"start": True, "end": False, "fraction": False}
    assert arguments(Exponential) == {"start": True, "end": True}
    assert arguments(Piecewise) == {"value": True, "at:then…": False}


def test_parse_takes_numbers_and_fills_in_defaults():
    assert parse("3e-4") == parse(3e-4) == 3e-4
    assert parse("linear:3e-4:0") == parse("linear:3e-4") == Linear(3e-4, 0.0, 1.0)
    assert parse("step:1:0:0.3") == Step(1.0, 0.0, 0.3)


@pytest.mark.parametrize(
    "text", ["", "fast", "Linear:1:0", "linear", "linear:", "linear:a:0", "linear:1:2:3:4", "step:1"]
)
def test_parse_of_wrong_text_says_what_there_is(text):
    with pytest.raises(ValueError, match="neither a number nor a schedule") as error:
        parse(text)
    assert repr(text) in str(error.value)
    assert "linear:start:end:fraction, cosine:start:end, exponential:start:end, step:start:end:at" in str(
        error.value
    )


def test_exponential_cannot_begin_at_zero():
    with pytest.raises(ValueError, match="two numbers of one sign"):
        parse("exponential:0:1")


def test_linear_has_traced_numbers():
    """A sweep over learning rates compiles once."""
    values = jax.vmap(lambda start: Linear(start)(jnp.asarray(0.5)))(jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(values, [0.5, 1.0])
