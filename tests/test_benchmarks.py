"""The parts of the benchmarks that only compute: counts, ratios, verdicts and tables."""

from __future__ import annotations

import pytest

from benchmarks import common, learning, peak, speed
from benchmarks.cases import CASES, COLD, PEERS, TARGETS, WARM

MACHINE = {"processor": "a processor", "cores": 2, "system": "Linux", "load": 0.1}
VERSIONS = {"python": "3.11", "operant": "0.1.0"}


def run_of(speed_, packages):
    return {"steps_per_second": speed_, "startup_seconds": 2.0, "versions": packages}


def raw_speeds(native):
    training = {"ppo": {}, "dqn": {}}
    for case in CASES:
        speed_ = native if case.name == "PPO, native" else 100_000
        training[case.algorithm][case.name] = [run_of(speed_, VERSIONS)] * 3
    for peer in PEERS:
        training[peer.algorithm][peer.name] = [run_of(1_000 * peer.threads, {"torch": "2"})] * 3
    seconds = {COLD: 10.0, WARM: 5.0, "SB3 script, threads=1": 40.0, "SB3 script, threads=2": 30.0}
    command = {
        name: [{"scored_seconds": value, "exit_seconds": value + 1, "mean": 490.0}]
        for name, value in seconds.items()
    }
    about = {"date": "2000-01-01", "machine": MACHINE, "repeats": 3, "quick": False}
    return about | training | {"command": command, "peak": {"matmul": 1e11, "update": 2e10}}


def test_flops_are_those_of_the_products_written_out():
    # 3 → 5 → 2: forward 2·(15 + 10); weights' gradients as much again; the hidden layer's gradient 2·10.
    assert peak.forward_flops((3, 5, 2)) == 50
    assert peak.gradient_flops((3, 5, 2)) == 50 + 50 + 20
    # One sample, two epochs: old log-probabilities, values and successors' values once.
    assert peak.update_flops((3, 5, 2), (3, 5, 1), samples=1, epochs=2) == 50 + 2 * 40 + 2 * (120 + 90)


def test_the_peer_counts_at_its_fastest_setting():
    found = speed.compare(raw_speeds(native=50_000))
    assert found["PPO, native"]["peer"] == "SB3 PPO, threads=2"
    assert found["PPO, native"]["ratio"] == 25
    assert found[COLD]["peer"] == "SB3 script, threads=2"
    assert found[COLD]["ratio"] == 3
    assert found[WARM]["ratio"] == 6


def test_every_target_is_judged_and_a_missed_one_fails():
    text = speed.report(raw_speeds(native=19_000))
    assert "| PPO, native | 10 × | 9.5 × | **fail** |" in text
    assert text.count("| pass |") == len(TARGETS) - 1
    assert "| the update alone, one learner on one core | 20.0 | 20.0 % |" in text


def test_targets_name_what_is_measured():
    names = {case.name for case in CASES} | {COLD, WARM}
    assert {name for _, _, required_of in TARGETS for name in required_of} <= names


@pytest.mark.parametrize(("above", "verdict"), [(19, "pass"), (18, "**fail**")])
def test_nineteen_of_twenty_seeds_must_learn(above, verdict):
    study = {
        "name": "PPO CartPole-v1",
        "seeds": list(range(1000, 1020)),
        "steps": 100_000,
        "means": [475.0] * above + [474.9] * (20 - above),
        "iqm": 475.0,
        "interval": [474.95, 475.0],
        "threshold": 475,
        "train_seconds": 9.0,
        "picture": "curves.png",
        "evaluate_every": 10_000,
        "means_of_the_last_models": [475.0] * 15 + [100.0] * 5,
    }
    raw = {"date": "2000-01-01", "machine": MACHINE, "versions": VERSIONS, "studies": [study]}
    row = next(line for line in learning.report(raw).splitlines() if line.startswith("| PPO"))
    assert f"| {above} of 20 |" in row
    assert row.endswith(f"| {verdict} |")
    assert "15 of 20 reach the threshold" in learning.report(raw)


def test_a_table_is_markdown():
    assert common.table(("", "a"), [("x", "1")]) == "|  | a |\n| :-- | --: |\n| x | 1 |"
    assert common.show(common.spread([3.0, 1.0, 2_000.0]), 1) == "3.0 (1.0–2,000.0)"
