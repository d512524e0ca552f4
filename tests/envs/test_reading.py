"""What the quick reader lets pass is what the slow description of faults finds right, and comes out the same."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from gymnasium import spaces as gs

from operant.envs.gymnasium_checks import Checks, EnvironmentFault
from operant.envs.gymnasium_reading import Reader
from operant.envs.gymnasium_spaces import observation_to_jax
from operant.envs.gymnasium_values import fault

SPACES = {
    "vector": gs.Box(-1, 1, (3,)),
    "long vector": gs.Box(-1, 1, (40,), np.float64),
    "matrix": gs.Box(-1, 1, (2, 3), np.float16),
    "number": gs.Box(-1, 1, ()),
    "bytes": gs.Box(0, 255, (2, 3), np.uint8),
    "few bytes": gs.Box(0, 9, (2, 3), np.uint8),
    "int8": gs.Box(-3, 9, (3,), np.int8),
    "uint64": gs.Box(0, 2**40, (3,), np.uint64),
    "int64": gs.Box(np.array([-3, 0, 5]), np.array([9, 2**40, 5]), dtype=np.int64),
    "discrete": gs.Discrete(3),
    "discrete from −1": gs.Discrete(3, start=-1),
    "multi-discrete": gs.MultiDiscrete([2, 3, 4], start=[-1, 0, 7]),
    "multi-discrete of two axes": gs.MultiDiscrete([[2, 3], [4, 5]]),
    "multi-binary": gs.MultiBinary(3),
    "parts": gs.Tuple((gs.Discrete(3, start=1), gs.Dict(a=gs.Box(-1, 1, (3,)), b=gs.MultiBinary((2, 2))))),
}


def changed(rng, value):
    """A value, as it is or in another form: what may be wrong with it, and what may not."""
    array = np.asarray(value)
    whole = array.dtype.kind in "iub"
    forms = [
        lambda: value,
        lambda: array.astype(rng.choice(["float64", "float32", "int64", "int32", "uint8", "int8", "bool"])),
        lambda: array.astype(np.float64) + rng.choice([0.0, 0.5, np.nan, np.inf, 1e300]),
        lambda: array.astype(np.int64) + rng.choice([-9, -1, 1, 2**31, 2**33]) if whole else array * 3,
        lambda: array.tolist(),
        lambda: array[None],
        lambda: array[..., :-1] if array.ndim else array,
        lambda: rng.choice(["text", 3.0, -1]),
    ]
    return forms[rng.choice(len(forms), p=[0.4, *[0.6 / 7] * 7])]()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", SPACES)
def test_reader_agrees_with_the_slow_way(name):
    space, rng = SPACES[name], np.random.default_rng(0)
    space.seed(1)
    reader, checks = Reader(space), Checks("Any", space, gs.Discrete(2), 2)
    passed = refused = quick = 0
    for _ in range(400):
        few = 2**20 if name in ("uint64", "int64") and rng.random() < 0.7 else None
        samples = [space.sample() for _ in range(2)]
        samples = samples if few is None else [np.minimum(x, few).astype(x.dtype) for x in samples]
        pair = [jax.tree.map(lambda x: changed(rng, x), sample) for sample in samples]
        reasons = [fault(space, one) for one in pair]
        try:
            read = reader.list(pair)
            quick += 1
        except Exception:
            read = None
        if any(reasons):
            refused += 1
            assert read is None, (pair, reasons)
            with pytest.raises(EnvironmentFault, match=f"copy {0 if reasons[0] else 1}, "):
                checks.observations(pair)
            continue
        passed += 1
        expected = jax.tree.map(lambda *x: np.stack(x), *(observation_to_jax(space, one) for one in pair))
        for got in (checks.observations(pair), *(() if read is None else (read,))):
            assert jax.tree.all(
                jax.tree.map(lambda x, y: np.array_equal(x, y) and x.dtype == y.dtype, got, expected)
            )
    assert min(passed, refused, quick) > 5
