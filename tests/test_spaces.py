"""Spaces: to JSON and back, samples inside, and one sentence about what does not fit."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant import spaces
from operant.spaces import (
    Box,
    Dict,
    Discrete,
    MultiBinary,
    MultiDiscrete,
    Tuple,
    cast,
    describe,
    example,
    mismatch,
)

SPACES = {
    "box": Box(-1.0, 3.0, (2,)),
    "scalar": Box(0.0, 1.0, ()),
    "bounds of each": Box((0.0, -5.0), (1.0, 5.0), (2,)),
    "half-bounded": Box((0.0, -np.inf, -np.inf, -1.0), (np.inf, 0.5, np.inf, 1.0), (2, 2)),
    "as wide as float32": Box(-3.4e38, 3.4e38, (2,)),
    "image": Box(0.0, 255.0, (4, 4, 1), "uint8"),
    "integers": Box(-2.0, 2.0, (3,), "int32"),
    "discrete": Discrete(5),
    "multi-discrete": MultiDiscrete((2, 7, 3)),
    "multi-binary": MultiBinary(4),
    "dict": Dict.of({"b": Discrete(2), "a": Dict.of({"c": Box(0.0, 1.0, (3,)), "d": MultiBinary(2)})}),
    "tuple": Tuple((Discrete(3), Box(-1.0, 1.0, (2,)), Tuple((MultiDiscrete((2, 2)),)))),
}
every_space = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)


@every_space
def test_json_round_trip(space):
    text = json.dumps(spaces.to_json(space), allow_nan=False)
    assert spaces.from_json(json.loads(text)) == space
    assert spaces.from_json(spaces.to_json(space)) == space
    assert hash(spaces.from_json(json.loads(text))) == hash(space)


def test_json_of_an_unknown_kind():
    with pytest.raises(ValueError, match=r"Unknown space kind 'os.system'; known: Box, Discrete"):
        spaces.from_json({"kind": "os.system"})


@every_space
def test_samples_are_inside_and_of_the_space(space):
    keys = jax.random.split(jax.random.key(0), 2_000)
    sample = jax.device_get(jax.jit(jax.vmap(space.sample))(keys))
    assert mismatch(space, sample, (2_000,), "sample") is None
    check_inside(space, sample)


def check_inside(space, sample):
    if isinstance(space, Dict):
        for name, part in space.items:
            check_inside(part, sample[name])
        return
    if isinstance(space, Tuple):
        for part, value in zip(space.items, sample, strict=True):
            check_inside(part, value)
        return
    assert sample.dtype == space.dtype
    if isinstance(space, Box):
        low, high = space.bounds
        assert np.isfinite(sample).all()
        assert (sample >= low.astype(np.float32)).all()
        assert (sample <= high.astype(np.float32)).all()
        if space.bounded:  # and not only in the middle
            spread = (high - low).max().astype(np.float64)
            assert np.ptp(sample.astype(np.float64)) > 0.95 * spread
    else:
        counts = {
            Discrete: lambda s: s.n,
            MultiDiscrete: lambda s: np.array(s.nvec),
            MultiBinary: lambda s: 2,
        }
        np.testing.assert_array_equal(sample.min(0), np.zeros(space.shape))
        np.testing.assert_array_equal(sample.max(0), np.zeros(space.shape) + counts[type(space)](space) - 1)


def test_parts_and_keys_are_independent():
    space = Dict.of({"a": Box(0.0, 1.0, (3,)), "b": Box(0.0, 1.0, (3,))})
    one, other = space.sample(jax.random.key(0)), space.sample(jax.random.key(1))
    assert not np.array_equal(one["a"], one["b"])
    assert not np.array_equal(one["a"], other["a"])
    np.testing.assert_array_equal(one["a"], space.sample(jax.random.key(0))["a"])


@every_space
def test_no_key_is_used_twice(space):
    with jax.debug_key_reuse(True):
        jax.eval_shape(jax.jit(space.sample), jax.random.key(0))


@every_space
def test_examples_fit(space):
    value = example(space, (2, 3))
    assert mismatch(space, value, (2, 3)) is None
    assert jax.tree.structure(value) == jax.tree.structure(space.sample(jax.random.key(0)))
    types = [x.dtype for x in jax.tree.leaves(space.sample(jax.random.key(0)))]
    assert [x.dtype for x in jax.tree.leaves(value)] == types


@pytest.mark.parametrize(
    ("space", "value", "message"),
    [
        (Box(-1, 1, (2,)), np.zeros(3), "observation must have shape (2,); got (3,)."),
        (Discrete(2), np.zeros(1), "observation must have shape (); got (1,)."),
        (Discrete(2), None, "observation must hold numbers; got object."),
        (Box(-1, 1, (1,)), ["a"], "observation must hold numbers; got <U1."),
        (SPACES["dict"], {"b": 1}, "observation must be a dict with the keys ['a', 'b']; got ['b']."),
        (SPACES["dict"], np.zeros(2), "observation must be a dict with the keys ['a', 'b']; got ndarray."),
        (
            SPACES["dict"],
            {"a": {"c": np.zeros(3), "d": np.zeros(5)}, "b": 1},
            "observation['a']['d'] must have shape (2,); got (5,).",
        ),
        (Tuple((Discrete(2),)), (1, 2), "observation must be a tuple of 1 parts; got tuple of 2."),
        (Tuple((Discrete(2),)), 1, "observation must be a tuple of 1 parts; got int."),
        (SPACES["tuple"], (0, [0.0], ([1, 1],)), "observation[1] must have shape (2,); got (1,)."),
    ],
)
def test_mismatch(space, value, message):
    assert mismatch(space, value) == message


def test_mismatch_of_batches_and_names():
    space = Box(-1, 1, (2,))
    assert mismatch(space, np.zeros((4, 2)), (4,)) is None
    assert mismatch(space, np.zeros(2), (4,), "state") == "state must have shape (4, 2); got (2,)."
    assert (
        mismatch(space, [[1, 2], [3]])
        == "observation must be an array of numbers; its rows differ in length."
    )


def test_cast():
    space = SPACES["dict"]
    value = cast(space, {"a": {"c": [1, 2, 3], "d": [0, 1]}, "b": 1})
    assert value["a"]["c"].dtype == np.float32
    assert value["a"]["d"].dtype == value["b"].dtype == np.int32
    images = cast(SPACES["image"], np.full((7, 4, 4, 1), 255))
    assert images.dtype == np.uint8
    assert images.shape == (7, 4, 4, 1)


def test_a_box_needs_a_bound_for_each_element():
    with pytest.raises(ValueError, match=r"Box.low has 3 numbers; shape \(2,\) needs 2"):
        Box((0.0, 0.0, 0.0), 1.0, (2,))


def test_descriptions():
    assert describe(SPACES["box"]) == "Box(2)"
    assert describe(SPACES["scalar"]) == "Box(scalar)"
    assert describe(SPACES["image"]) == "Box(4×4×1 uint8)"
    assert describe(SPACES["dict"]) == "Dict(a: Dict(c: Box(3), d: MultiBinary(2)), b: Discrete(2))"
    assert describe(SPACES["tuple"]) == "Tuple(Discrete(3), Box(2), Tuple(MultiDiscrete(2, 2)))"


def test_spaces_are_static():
    """Equal spaces compile once, and their order does not depend on how a Dict was written down."""
    assert Dict.of({"b": Discrete(2), "a": Discrete(3)}) == Dict.of({"a": Discrete(3), "b": Discrete(2)})
    zeros = jax.jit(lambda space: example(space, (2,)), static_argnums=0)
    zeros(Box(-1.0, 1.0, (2,)))
    zeros(Box(-1.0, 1.0, (2,)))
    assert zeros._cache_size() == 1
    assert jnp.shape(zeros(Discrete(2))) == (2,)


def test_which_axis_of_an_image_is_that_of_its_channels():
    first = {
        (3, 8, 8): True,
        (1, 8, 5): True,
        (8, 8, 3): False,
        (4, 4, 4): False,
        (4, 4, 8): False,
        (3, 8): False,
    }
    assert {shape: spaces.channels_first(shape) for shape in first} == first
