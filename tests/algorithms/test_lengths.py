"""Batches at their own length: what they give is what whole rows give, and padding is not computed."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.algorithms.language.lengths import at_own_length, in_order, sizes
from operant.types import Batch, Transition

LENGTH = 100


def test_sizes_are_halves_and_few():
    assert sizes(16) == [16]
    assert sizes(LENGTH) == [25, 50, 100]
    assert sizes(4096) == [512, 1024, 2048, 4096]


def rows(longest: list[int], two: bool = False) -> dict[str, np.ndarray]:
    """Texts of 1, 2, 3, … that end in the last column; with `two` each row has two of them."""
    tokens = np.zeros((len(longest), LENGTH), np.int32)
    for row, count in zip(tokens, longest, strict=True):
        row[LENGTH - count :] = np.arange(1, count + 1)
    seen = {"tokens": tokens, "start": LENGTH - np.array(longest, np.int32), "learnt": tokens > 2}
    seen["number"] = np.array(longest, np.float32)
    if two:
        seen = {
            name: x.reshape(-1, 2, *x.shape[1:]) if name != "number" else x[::2] for name, x in seen.items()
        }
    return seen


def batch_of(seen: dict[str, np.ndarray], weight: list[float]) -> Batch:
    nothing = jnp.zeros(len(weight), bool)
    steps = Transition(jax.tree.map(jnp.asarray, seen), (), jnp.zeros(len(weight)), nothing, nothing, None)
    return Batch(steps, jnp.asarray(weight))


def looked_at(batch: Batch):
    """The columns that are computed, and sums of what is in them where rows count."""
    seen = batch.transition.observation
    weight = batch.weight.reshape(-1, *(1,) * (seen["tokens"].ndim - 1))
    place = jax.lax.broadcasted_iota(jnp.int32, seen["tokens"].shape, seen["tokens"].ndim - 1)
    place = place - jnp.broadcast_to(seen["start"][..., None], place.shape)
    inside = (place >= 0) * weight
    return {
        "columns": jnp.asarray(seen["tokens"].shape[-1]),
        "tokens": jnp.sum(seen["tokens"] * weight),
        "learnt": jnp.sum(seen["learnt"] * weight),
        "in place": jnp.sum(inside * (seen["tokens"] == place + 1)),
        "number": jnp.sum(seen["number"] * batch.weight),
    }


@pytest.mark.parametrize("two", [False, True], ids=["texts", "pairs"])
@pytest.mark.parametrize(("longest", "columns"), [([25, 3], 25), ([26, 3], 50), ([5, 51], 100)])
def test_at_own_length_cuts_padding_alone(longest, columns, two):
    batch = batch_of(rows(longest, two), [1.0] if two else [1.0, 1.0])
    found, whole = jax.jit(lambda b: (at_own_length(looked_at, b), looked_at(b)))(batch)
    assert found.pop("columns") == columns
    assert whole.pop("columns") == LENGTH
    assert found == whole
    assert found["in place"] == sum(longest)


def test_at_own_length_of_many_learners_is_that_of_the_longest_batch():
    """One branch for all; a row of weight 0 makes nothing longer."""
    each = [
        batch_of(rows(longest), weight) for longest, weight in (([5, 90], [1.0, 0.0]), ([40, 2], [1.0, 1.0]))
    ]
    together = jax.jit(jax.vmap(lambda b: at_own_length(looked_at, b)))(
        jax.tree.map(lambda *x: jnp.stack(x), *each)
    )
    assert together["columns"].tolist() == [50, 50]
    assert together["tokens"].tolist() == [15, 820 + 3]


def test_in_order_puts_rows_of_about_one_length_together_and_leaves_packed_ones():
    seen = in_order(rows([7, 3, 90, 20]))
    assert seen["number"].tolist() == [3, 7, 20, 90]
    assert (LENGTH - seen["start"]).tolist() == [3, 7, 20, 90]
    assert seen["tokens"][:, -1].tolist() == [3, 7, 20, 90]
    pairs = in_order(rows([7, 3, 2, 4, 1, 90], two=True))
    assert (LENGTH - pairs["start"]).tolist() == [[2, 4], [7, 3], [1, 90]]
    packed = rows([7, 3])
    packed = packed | {"start": np.zeros_like(packed["tokens"])}
    assert in_order(packed)["tokens"] is packed["tokens"]
    columns = at_own_length(lambda b: b.transition.observation["tokens"].shape, batch_of(packed, [1.0, 1.0]))
    assert columns == (2, LENGTH)
