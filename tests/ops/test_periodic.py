"""What is done at some updates only."""

import jax
import jax.numpy as jnp
import numpy as np

from operant.ops.metrics import Masked
from operant.ops.periodic import every, largest_of_all


def counted(interval, steps, counts):
    """`every` at each of `counts`, whose steps add 1 to what was learnt; `steps` is told of each that was computed."""

    def step(learnt):
        jax.debug.callback(lambda _: steps.append(1), learnt)
        return learnt + 1, {"train/loss": learnt * 10}

    def body(learnt, count):
        return every(interval, count, step, learnt)

    return jax.lax.scan(body, jnp.zeros(()), counts)


def test_every_steps_where_the_interval_divides_the_count_and_has_metrics_there_only():
    steps = []
    learnt, metrics = jax.jit(lambda: counted(3, steps, jnp.arange(1, 8)))()
    jax.effects_barrier()
    assert learnt == 2
    assert len(steps) == 2
    assert isinstance(metrics["train/loss"], Masked)
    np.testing.assert_array_equal(metrics["train/loss"].mask, [0, 0, 1, 0, 0, 1, 0])
    np.testing.assert_array_equal(np.asarray(metrics["train/loss"].value)[[2, 5]], [0, 10])


def test_every_computes_for_learners_side_by_side_only_where_any_is_due():
    steps, counts = [], jnp.broadcast_to(jnp.arange(1, 8), (4, 7))
    learnt, metrics = jax.jit(jax.vmap(lambda counts: counted(3, steps, counts)))(counts)
    jax.effects_barrier()
    np.testing.assert_array_equal(learnt, [2, 2, 2, 2])
    assert len(steps) in (2, 8)  # a callback may be told of all four at once, or of each
    np.testing.assert_array_equal(metrics["train/loss"].mask, np.tile([0, 0, 1, 0, 0, 1, 0], (4, 1)))


def test_every_keeps_learners_apart_whose_counts_differ():
    counts = jnp.asarray([[1, 2, 3], [2, 3, 4], [4, 5, 7]])
    learnt, metrics = jax.jit(jax.vmap(lambda counts: counted(3, [], counts)))(counts)
    np.testing.assert_array_equal(learnt, [1, 1, 0])
    np.testing.assert_array_equal(metrics["train/loss"].mask, [[0, 0, 1], [0, 1, 0], [0, 0, 0]])


def test_largest_of_all_is_one_value_for_all_learners_and_itself_for_one():
    """So that a branch by it stays one: of three branches a program of many learners takes one."""

    def chosen(index):
        return jax.lax.switch(largest_of_all(index), [lambda: 10, lambda: 20, lambda: 30]), largest_of_all(
            index > 1
        )

    assert jax.tree.map(int, jax.jit(chosen)(jnp.int32(1))) == (20, 0)
    values, flags = jax.jit(jax.vmap(chosen))(jnp.array([0, 2, 1]))
    assert values.tolist() == [30, 30, 30]
    assert flags.tolist() == [True, True, True]
