"""Metrics that an update did not compute are absent, not zero, and averages are over those that are there."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.algorithms.base import Algorithm, static
from operant.engine import pace
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.engine.log import CsvLog, JsonLog, by_seed, read_rows
from operant.engine.metrics import NAN, mean_of, present
from operant.engine.train import train
from operant.envs.host import NativeOnHost
from operant.envs.probes import Counting
from operant.ops.metrics import Masked, mean_metrics, only_where
from operant.plans import Replay, Rollout

STEP = "time/total_timesteps"


class Sometimes(Algorithm):
    """Counts its updates u = 0, 1, …; says u in every third, u again in every, and nothing more in none."""

    updates: int = static(1)

    @property
    def experience(self):
        return Rollout(2) if self.updates == 1 else Replay(40, 2, collect_steps=2, updates=self.updates)

    def check(self, spec):
        pass

    def init(self, spec, key):
        return jnp.zeros((), jnp.int32)

    def sample_noise(self, spec, key):
        return jnp.zeros(spec.num_envs, jnp.int32)

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        return noise, carry, ()

    def update(self, state, batch, key, clock):
        # What is absent may be anything, also not a number.
        third = Masked(jnp.where(state % 3 == 2, state, jnp.nan), state % 3 == 2)
        never = Masked(jnp.inf * state, jnp.array(False))
        return state + 1, {"train/loss_of_thirds": third, "train/every": state, "train/never_loss": never}


def rows(loop, chunk, one_by_one=False):
    """The metrics of 12 iterations in chunks."""
    found = []
    key = jax.random.key(0) if loop.seeds is None else jax.random.split(jax.random.key(0), loop.seeds)
    train(
        loop,
        loop.init(key),
        48,
        chunk,
        lambda run, metrics: found.append(metrics) or True,
        on_iteration=(lambda run: True) if one_by_one else None,
    )
    return found


def loops(algorithm, seeds):
    yield DeviceLoop(algorithm, Counting(), 2, seeds)
    yield HostLoop(algorithm, NativeOnHost(Counting(), 2 * (seeds or 1)), seeds)


@pytest.mark.parametrize("parts", [False, True], ids=["whole", "in parts"])
@pytest.mark.parametrize("seeds", [None, 2])
def test_metrics_of_a_chunk_average_over_the_updates_that_computed_them(seeds, parts, monkeypatch):
    if parts:
        monkeypatch.setattr(pace, "LONGEST", 0.0)
    for loop in loops(Sometimes(), seeds):
        # updates 0 … 3, 4 … 7, 8 … 11: 2; 5; 8 and 11 are said
        said = [row["train/loss_of_thirds"] for row in rows(loop, 4)]
        np.testing.assert_array_equal(
            np.array(said).T, np.broadcast_to([2, 5, 9.5], (seeds or 1, 3)).squeeze()
        )
        for row in rows(loop, 4, one_by_one=True):
            assert "train/never_loss" not in row
            assert not row[NAN].any()
        ones = rows(loop, 1)
        assert [i for i, row in enumerate(ones) if "train/loss_of_thirds" in row] == [2, 5, 8, 11]
        assert all("train/every" in row for row in ones)


def test_metrics_of_the_updates_of_one_iteration_are_averaged_likewise():
    for loop in loops(Sometimes(4), None):
        found = rows(loop, 1)
        assert [row["train/loss_of_thirds"] for row in found[:3]] == [2, 5, 9.5]
        assert [row["train/every"] for row in found[:3]] == [1.5, 5.5, 9.5]


def test_metrics_of_iterations_one_by_one_are_those_of_a_chunk():
    for loop in loops(Sometimes(), None):
        one, other = (rows(loop, 4, one_by_one=way) for way in (False, True))
        for mine, theirs in zip(one, other, strict=True):
            assert set(mine) == set(theirs)
            for name in mine:
                np.testing.assert_allclose(mine[name], theirs[name], err_msg=name)


def test_mean_metrics_are_over_the_rows_that_only_where_left():
    made = {"a": Masked(jnp.array([1.0, jnp.nan, 3.0]), jnp.array([True, False, True])), "b": jnp.arange(3.0)}
    means = mean_metrics(made)
    assert (float(means["a"].value), bool(means["a"].mask), float(means["b"])) == (2, True, 1)
    none = mean_metrics(only_where(jnp.zeros(3, bool), made))
    assert not none["a"].mask
    assert not none["b"].mask
    all_of_them = only_where(jnp.ones(3, bool), made)
    np.testing.assert_array_equal(
        all_of_them["a"].mask, [True, False, True]
    )  # nothing that was absent is back
    assert all_of_them["b"].mask.all()


def test_present_says_nan_of_a_seed_without_a_metric_which_has_not_diverged():
    mask = np.array([True, False, True])
    given = {
        "train/loss": Masked(np.array([1.0, np.inf, 3.0]), mask),
        "gone": Masked(np.ones(3), np.zeros(3, bool)),
        NAN: np.zeros(3, bool),
    }
    found = present(given)
    assert set(found) == {"train/loss", NAN}
    np.testing.assert_array_equal(found["train/loss"], [1, np.nan, 3])
    assert not found[NAN].any()
    np.testing.assert_array_equal(
        present(given | {"train/loss": Masked(np.array([1.0, 2.0, np.nan]), mask)})[NAN], [False, False, True]
    )
    merged = mean_of([found, found | {"train/loss": np.array([3.0, 5.0, np.nan])}])
    np.testing.assert_array_equal(merged["train/loss"], [2, 5, 3])
    lost = found | {"train/loss": np.array([3.0, 5.0, np.nan]), NAN: np.array([False, False, True])}
    np.testing.assert_array_equal(mean_of([found, lost])["train/loss"], [2, 5, np.nan])


def test_csv_log_and_json_log_have_nothing_where_a_seed_has_none(tmp_path):
    given = [
        {STEP: 10, "a": np.array([1.0, np.nan])},
        {STEP: 20, "a": np.array([2.0, 3.0]), "b": np.array([4.0, np.nan])},
    ]
    assert [set(part) for part in by_seed(given[0])] == [{"seed", STEP, "a"}, {"seed", STEP}]
    for log in (CsvLog(tmp_path / "m.csv"), JsonLog(tmp_path / "m.json")):
        for row in given:
            log.write(row)
        log.close()
    assert (
        tmp_path / "m.csv"
    ).read_text() == f"seed,{STEP},a,b\n0,10,1.0,\n1,10,,\n0,20,2.0,4.0\n1,20,3.0,\n"
    assert '"a": [1.0, null]' in (tmp_path / "m.json").read_text()
    first, second = read_rows(tmp_path / "m.csv")
    assert set(first) == {STEP, "a"}
    np.testing.assert_array_equal(second["b"], [4, np.nan])
