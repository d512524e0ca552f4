"""What tests draw is the same, alone and after others (`tests/conftest.py`)."""

import numpy as np
import pytest
from random_weights import normal

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("turn", [1, 2])
def test_normal_and_the_modules_own_generator_give_every_test_the_same_numbers(turn):
    expected = np.random.default_rng(7).normal(size=3)
    np.testing.assert_array_equal(RNG.normal(size=3), expected)
    np.testing.assert_array_equal(normal(3), expected.astype(np.float32))
