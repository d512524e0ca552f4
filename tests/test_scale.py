"""What the benchmarks of scale and of sweeps compute: the model of workers, its simulation, ratios and verdicts."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import scale, sweep
from benchmarks.scale_model import (
    Costs,
    bound,
    durations,
    fitted,
    played,
    processed,
    rate,
    saturation,
    simulate,
    simulate_lockstep,
)

COSTS = Costs(step=0.001, update=0.01, sample=0.00001)


def test_rate_is_the_lesser_of_what_is_played_and_what_is_processed():
    # A step of 0.1 + 0.001 s; of the process 0.001 s, and 0.0102 s for 20 of them.
    assert played(COSTS, 64, 0.1) == pytest.approx(64 / 0.101)
    assert processed(COSTS, 20) == pytest.approx(1 / 0.00151)
    assert rate(COSTS, 64, 0.1, 20) == pytest.approx(64 / 0.101)
    assert rate(COSTS, 100, 0.1, 20) == pytest.approx(1 / 0.00151)
    assert saturation(COSTS, 0.1, 20) == pytest.approx(0.101 / 0.00151)


def test_bound_says_what_more_workers_wait_for():
    assert bound(COSTS, 64, 0.1, 20) == "environments"
    assert bound(COSTS, 100, 0.1, 20) == "acting"
    assert bound(COSTS, 100, 0.1, 5) == "learning"


def test_fitted_finds_the_costs_that_times_were_made_of():
    lengths = [5, 20, 80, 320]
    assert fitted(lengths, [0.003 + 0.0002 * length for length in lengths]) == pytest.approx((0.003, 0.0002))
    assert fitted([1, 2], [1.0, 3.0]) == pytest.approx((0.0, 2.0))


def test_durations_have_their_mean_and_variation():
    drawn = durations(np.random.default_rng(0), 0.01, 0.5, 200_000)
    assert drawn.mean() == pytest.approx(0.01, rel=0.01)
    assert drawn.std() / drawn.mean() == pytest.approx(0.5, rel=0.02)


def test_simulate_without_variation_is_the_model():
    # Limited by the environments, and then by the learner, which 100 workers keep busy.
    free = simulate(4, 0.01, 20, 0.001, 4, rollouts=500)
    assert free.steps_per_second == pytest.approx(4 / 0.01, rel=0.01)
    full = simulate(100, 0.01, 20, 0.05, 4, rollouts=500)
    assert full.steps_per_second == pytest.approx(20 / 0.05, rel=0.01)
    assert full.busy == pytest.approx(1, rel=0.01)
    # Every rollout waits for those of all others once: 99 or 100 updates pass between its beginning and its turn.
    assert full.lag == pytest.approx(99.5, abs=5)


def test_simulate_with_one_worker_and_a_slow_learner_lags_by_what_waits():
    # Each rollout is played while the one before is learnt from, and a queue holds one more.
    assert simulate(1, 0.01, 10, 5.0, 0, rollouts=100).lag == pytest.approx(1, abs=0.1)
    assert simulate(1, 0.01, 10, 5.0, 1, rollouts=100).lag == pytest.approx(2, abs=0.1)


def test_simulate_lockstep_waits_for_the_slowest():
    even = simulate_lockstep(64, 0.01, 20, 0.1)
    assert even.steps_per_second == pytest.approx(20 * 64 / (20 * 0.01 + 0.1))
    uneven = simulate_lockstep(64, 0.01, 20, 0.0, variation=0.5)
    slowest = durations(np.random.default_rng(1), 0.01, 0.5, 4_000, 64).max(1).mean()
    assert uneven.steps_per_second == pytest.approx(64 / slowest, rel=0.03)


def test_report_of_scale_says_what_is_reached_and_what_limits():
    runs = [
        {"workers": 64, "environment": 0.1, "steps_per_second": 600.0, "policy_lag": 60.0},
        {"workers": 1, "environment": 0.0, "steps_per_second": 900.0, "policy_lag": 1.0},
        {"workers": 16, "environment": 0.0, "steps_per_second": 1_000.0, "policy_lag": None},
    ]
    learning = [{"length": length, "seconds": 0.01 + 0.0002 * length} for length in (5, 20, 80)]
    costs = scale.costs_of(runs, learning)
    assert vars(costs) == pytest.approx({"step": 0.001 - 0.014 / 20, "update": 0.01, "sample": 0.0002})
    raw = {"date": "2000-01-01", "machine": {"processor": "p", "cores": 2, "system": "s"}, "versions": {}}
    text = scale.report(raw | {"runs": runs, "learning": learning, "costs": vars(costs)})
    assert "Reached: 0.938, pass" in text
    assert "| 64 | 100 | 600 | 0.938 | 0.997 | 60.0 |" in text
    assert "longer rollouts" in text


def test_ratio_of_sweeps_is_of_trials_in_the_same_time():
    def runs(*trials):
        return [{"trials": n, "seconds": 30.0, "finished": n, "best": 500.0, "versions": {}} for n in trials]

    machine = {"processor": "p", "cores": 2, "system": "s"}
    raw = {"date": "2000-01-01", "machine": machine, "steps": 100_000, "sampler": "tpe"}
    raw["runs"] = {"sweep": runs(60, 60, 60), "one by one": runs(10, 12, 15)}
    raw["runs"] |= {"one by one, halving": runs(20, 20, 30), "sweep to the end": runs(30, 30, 30)}
    assert sweep.ratio(raw, "sweep", "one by one") == {"median": 5.0, "min": 4.0, "max": 6.0}
    assert "Reached: 5.0 ×, pass" in sweep.report(raw)
    raw["runs"]["sweep"] = runs(40, 40, 40)
    assert "Reached: 3.3 ×, **fail**" in sweep.report(raw)
