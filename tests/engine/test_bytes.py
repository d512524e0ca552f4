"""Small experience crosses into compiled functions as bytes, and comes out as it was."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from operant.engine.flat import as_bytes, from_bytes

KINDS = [
    np.dtype(kind) for kind in ("bool", "uint8", "int8", "uint16", "int32", "uint32", "float16", "float32")
]


@st.composite
def rows(draw):
    kind = st.tuples(arrays.array_shapes(min_dims=1, max_dims=3, max_side=3), st.sampled_from(KINDS))
    kinds = draw(st.lists(kind, min_size=1, max_size=4))
    return [
        [draw(arrays.arrays(dtype, shape)) for shape, dtype in kinds] for _ in range(draw(st.integers(1, 3)))
    ]


@settings(deadline=None, max_examples=20)  # every example is compiled
@given(rows())
def test_as_bytes_and_from_bytes_give_rows_back_to_the_last_bit(given):
    kinds = [(leaf.shape, leaf.dtype) for leaf in given[0]]
    together = as_bytes(given)
    assert together.shape == (len(given), sum(leaf.nbytes for leaf in given[0]))
    back = jax.jit(lambda x: from_bytes(x, kinds))(together)
    for leaf, column in zip(back, zip(*given, strict=True), strict=True):
        expected = np.stack(column)
        assert leaf.dtype == expected.dtype
        assert leaf.shape == expected.shape
        assert np.asarray(leaf).tobytes() == expected.tobytes()


@pytest.mark.parametrize("order", ["C", "F"])
def test_as_bytes_does_not_depend_on_the_order_in_memory(order):
    leaf = np.asarray(np.arange(6, dtype=np.float32).reshape(2, 3), order=order)
    (back,) = from_bytes(as_bytes([[leaf]]), [(leaf.shape, leaf.dtype)])
    np.testing.assert_array_equal(back[0], leaf)
