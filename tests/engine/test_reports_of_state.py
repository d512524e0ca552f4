"""What an algorithm reports of its state alone: of the state behind the chunk, once a row, the same on both loops."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.envs.host import NativeOnHost
from operant.envs.probes import Counting
from operant.plans import Replay
from tests.shared import Acting


class Reporter(Acting):
    """Counts its updates, and tells the count during them and behind them."""

    @property
    def experience(self):
        return Replay(40, batch_size=2, collect_steps=2, updates=3)

    def init(self, spec, key):
        return jnp.zeros((), jnp.int32)

    def update(self, state, batch, key, clock):
        return state + 1, {"during": state}

    def report(self, state):
        return {"behind": state, "half": state / 2}


@pytest.mark.parametrize("seeds", [None, 2])
def test_report_is_of_the_state_after_the_chunk(seeds):
    key = jax.random.key(1) if seeds is None else jax.random.split(jax.random.key(1), seeds)
    rows = []
    for loop in (
        DeviceLoop(Reporter(), Counting(), 2, seeds),
        HostLoop(Reporter(), NativeOnHost(Counting(), 2 * (seeds or 1)), seeds),
    ):
        reported = []

        def report(run, metrics, reported=reported):
            reported.append(metrics)
            return True

        train(loop, loop.init(key), 24, 2, report)
        rows.append(reported)
    for chunk, (one, other) in enumerate(zip(*rows, strict=True), 1):
        np.testing.assert_array_equal(one["behind"], np.full(() if seeds is None else seeds, 6 * chunk))
        np.testing.assert_array_equal(one["during"], one["behind"] - 3.5)
        assert set(one) == set(other)
        for name in ("behind", "half", "during"):  # several seeds have other episodes on the host
            np.testing.assert_array_equal(one[name], other[name], name)
