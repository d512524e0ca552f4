"""Traces by hand; whole algorithms with traces are compared with loops in the tests of tables."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from operant.ops.traces import fade, mark

TRACE = jnp.array([[0.5, 0.0], [2.0, 1.0]])


def test_mark_adds_1_to_an_accumulating_trace_and_sets_a_replacing_one_to_1():
    np.testing.assert_array_equal(mark(TRACE, (1, 0), "accumulating"), [[0.5, 0.0], [3.0, 1.0]])
    np.testing.assert_array_equal(mark(TRACE, (1, 0), "replacing"), [[0.5, 0.0], [1.0, 1.0]])


def test_fade_multiplies_a_trace_by_gamma_and_lambda():
    np.testing.assert_allclose(fade(TRACE, 0.9, 0.5), 0.45 * np.asarray(TRACE), rtol=1e-6)
