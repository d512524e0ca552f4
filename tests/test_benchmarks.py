"""The parts of the benchmarks that only compute: counts, ratios, verdicts and tables."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import operant
from benchmarks import common, continuous, language_speed, latency, peak, speed
from benchmarks.cases import CASES, COLD, FAMILIES, RIVALS, TARGETS, WARM, Case
from benchmarks.speed_report import compare, report
from operant.algorithms import registry

MACHINE = {"processor": "a processor", "cores": 2, "system": "Linux", "load": 0.1}
VERSIONS = {"python": "3.11", "operant": "0.1.0"}


def run_of(speed_, packages):
    return {"rates": [speed_], "startup_seconds": 2.0, "versions": packages}


def part(runs, date="2000-01-01", quick=False):
    return {"date": date, "machine": MACHINE, "repeats": 3, "quick": quick, "runs": runs}


def raw_speeds(native):
    runs = {family: {} for family in FAMILIES}
    for case in CASES:
        speed_ = native if case.name == "PPO, native" else 100_000
        runs[case.family][case.name] = [run_of(speed_, VERSIONS)] * 3
    for rival in RIVALS:
        # Replay by priority takes 1.25 times as long as uniform replay.
        speed_ = 125_000 if isinstance(rival, Case) else 1_000 * rival.threads
        runs[rival.family][rival.name] = [run_of(speed_, {"torch": "2"})] * 3
    seconds = {COLD: 10.0, WARM: 5.0, "SB3 script, threads=1": 40.0, "SB3 script, threads=2": 30.0}
    runs["command"] = {
        name: [{"scored_seconds": value, "exit_seconds": value + 1, "mean": 490.0}]
        for name, value in seconds.items()
    }
    return {name: part(some) for name, some in (runs | {"peak": {"matmul": 1e11, "update": 2e10}}).items()}


def test_flops_are_those_of_the_products_written_out():
    # 3 → 5 → 2: forward 2·(15 + 10); weights' gradients as much again; the hidden layer's gradient 2·10.
    assert peak.forward_flops((3, 5, 2)) == 50
    assert peak.gradient_flops((3, 5, 2)) == 50 + 50 + 20
    # One sample, two epochs: old log-probabilities, values and successors' values once.
    assert peak.input_gradient_flops((3, 5, 2)) == 50 + 50
    assert peak.update_flops((3, 5, 2), (3, 5, 1), samples=1, epochs=2) == 50 + 2 * 40 + 2 * (120 + 90)


def test_the_peer_counts_at_its_fastest_setting():
    found = compare(raw_speeds(native=50_000))
    assert found["PPO, native"]["rival"] == "SB3 PPO, threads=2"
    assert found["PPO, native"]["ratio"] == 25
    assert found[COLD]["rival"] == "SB3 script, threads=2"
    assert found[COLD]["ratio"] == 3
    assert found[WARM]["ratio"] == 6


def test_text_is_compared_with_the_better_number_of_threads_round_by_round():
    rates = {"operant": [30.0, 60.0], "peer, threads=1": [20.0, 24.0], "peer, threads=2": [10.0, 12.0]}
    assert language_speed.ratios(rates) == [1.5, 2.5]
    versions = {name: {"threads": "", "versions": VERSIONS} for name in rates}
    case = {"date": "2000-01-01", "machine": MACHINE, "model": {"vocab_size": 512}, "rates": rates}
    case |= {"peak_bytes": dict.fromkeys(rates, 2**30), "sides": versions}
    text = language_speed.report({"GRPO, small": case, "no such case": case})
    assert (
        "| GRPO, small | 45.0 (30.0–60.0) | 22.0 (20.0–24.0) | 11.0 (10.0–12.0) | 2.00 (1.50–2.50) | 1.5 |"
        in text
    )
    assert "1.3M: vocab_size 512" in text


def test_sbx_is_a_rival_by_itself():
    """SBX, which is faster than the others, would else hide how many times as fast they are."""
    raw = raw_speeds(native=50_000)
    runs = raw["sac-pendulum"]["runs"]
    runs["SBX SAC on Pendulum"] = [run_of(50_000, {"sbx-rl": "0"})] * 3
    others, of_sbx = compare(raw), compare(raw, sbx=True)
    name = "SAC on Pendulum, native"
    assert (others[name]["rival"], others[name]["ratio"]) == ("SB3 SAC on Pendulum, threads=2", 50)
    assert (of_sbx[name]["rival"], of_sbx[name]["ratio"]) == ("SBX SAC on Pendulum", 2)
    assert "PPO, native" not in of_sbx
    assert COLD not in of_sbx
    assert "CrossQ with critics of 2048, through Gymnasium" not in others
    text = report(raw)
    assert "| SAC on Pendulum, native | 2 × | 50.0 × | pass |" in text
    assert "| SAC on Pendulum, native: over SBX | 1.15 × | 2.0 × | pass |" in text


def test_continuous_control_is_judged_by_the_published_deviation():
    [study] = [study for study in continuous.STUDIES if study.name == "SAC HalfCheetah"]
    assert (study.environment, study.steps, study.threshold) == ("HalfCheetah-v4", 100_000, 6156 - 700)
    raw = {"machine": MACHINE, "versions": VERSIONS, "date": "2000-01-01", "train_seconds": 1.0}
    raw |= {"name": study.name, "algorithm": "sac", "environment": study.environment, "steps": study.steps}
    for mean, verdict in ((5_500.0, ""), (5_400.0, "**below**")):
        measured = raw | {"threshold": study.threshold, "means_of_the_last_models": [mean] * 5}
        ours = f"{mean:,.0f} [{mean:,.0f}, {mean:,.0f}] | {mean:,.0f} ± 0"
        row = f"| SAC HalfCheetah | 100,000 | 5 | {ours} | 6,156 ± 700 | {verdict} | 1 |"
        assert row in continuous.report([measured])


def test_every_target_is_judged_and_a_missed_one_fails():
    text = report(raw_speeds(native=19_000))
    assert "| PPO, native | 10 × | 9.5 × | **fail** |" in text
    assert text.count("| pass |") == len(TARGETS) - 1
    assert "| the update alone, one learner on one core | 20.0 | 20.0 % |" in text


def test_targets_name_what_is_measured():
    names = {case.name for case in CASES} | {COLD, WARM}
    assert {name for target in TARGETS for name in target.cases} <= names


def test_products_of_sac_and_td3_are_those_of_their_losses():
    W = 256  # of both hidden layers
    critic, actor, td3_actor = 2 * (5 * W + W * W), 2 * (5 * W + W * W), 2 * (4 * W + W * W)
    learnt, through = 3 * critic - 2 * 4 * W, 2 * critic
    sac = actor + 2 * (critic + learnt) + 3 * actor - 2 * 3 * W + 2 * through
    td3 = td3_actor + 2 * (critic + learnt) + (3 * td3_actor - 2 * 3 * W + through) / 2
    assert peak.actor_critic_flops("sac-pendulum") == 256 * sac
    assert peak.actor_critic_flops("td3-pendulum") == 256 * td3


def test_less_time_is_better_where_a_target_is_of_time():
    raw = raw_speeds(native=50_000)
    what = "DQN, replay by priority: time over that with uniform replay"
    assert f"| {what} | at most 1.3 × | 1.25 × | pass |" in report(raw)
    raw["priority"]["runs"]["DQN, uniform replay"] = [run_of(131_000, VERSIONS)] * 3
    assert f"| {what} | at most 1.3 × | 1.31 × | **fail** |" in report(raw)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_measured_on_both_sides(name):
    assert any(case.family == name for case in CASES)
    assert any(rival.family == name for rival in RIVALS)


@pytest.mark.parametrize(
    "case", [what for what in (*CASES, *RIVALS) if isinstance(what, Case)], ids=lambda case: case.name
)
def test_operant_takes_the_values_of_every_case(case):
    family = FAMILIES[case.family]
    agent = operant.make(family.algorithm, family.environment, preset=None, **case.arguments)
    values = registry.to_json(agent.algorithm)
    asked = family.hyperparameters | {
        name: value for name, value in case.agent.items() if name in family.hyperparameters
    }
    assert values | asked == values


def test_sides_take_turns_and_all_settings_are_measured(monkeypatch):
    asked = []

    @contextmanager
    def sitting(module, argument, python, env):
        name = argument["name"]
        asked.append((module.rpartition(".")[2], name, argument["seed"], python))
        speeds = iter([4.0, 2.0])
        about = {"first_seconds": 5.0, "versions": {}}
        yield about, lambda: asked.append(name) or {"steps": next(speeds), "seconds": 1.0}
        asked.append(f"{name} ends")

    monkeypatch.setattr(common, "sitting", sitting)
    ours = [case for case in CASES if case.family == "trpo"]
    theirs = [rival for rival in RIVALS if rival.family == "trpo"]
    measured = speed.measure_training(ours, theirs, 2, 2, "python-of-the-peers", Path("cache"))
    names = ["TRPO, native", "sb3-contrib TRPO, threads=1", "sb3-contrib TRPO, threads=2"]
    started = [
        ("measure_operant", names[0], sys.executable),
        ("measure_sb3", names[1], "python-of-the-peers"),
        ("measure_sb3", names[2], "python-of-the-peers"),
    ]
    ended = [f"{name} ends" for name in reversed(names)]
    repeat = [[(module, name, seed, python) for module, name, python in started] for seed in range(2)]
    assert asked == repeat[0] + names * 2 + ended + repeat[1] + names * 2 + ended
    assert measured == {
        name: [{"rates": [4.0, 2.0], "startup_seconds": 4.0, "versions": {}}] * 2 for name in names
    }


def test_a_ratio_is_that_of_rounds_side_by_side():
    raw = raw_speeds(native=50_000)
    slow = [{"rates": [10_000.0, 100_000.0, 30_000.0], "startup_seconds": 1.0, "versions": VERSIONS}]
    also = [{"rates": [1_000.0, 10_000.0, 2_000.0], "startup_seconds": 1.0, "versions": VERSIONS}]
    raw["trpo"]["runs"] = {"TRPO, native": slow, "sb3-contrib TRPO, threads=1": also}
    assert compare(raw)["TRPO, native"]["ratio"] == 10  # of the medians it would be 15


SITTER = """
import sys
from benchmarks.common import sit
steps = iter([7, 8])
sit(lambda: next(steps), "one")
"""


def test_a_sitting_warms_up_and_answers_round_by_round(tmp_path, monkeypatch):
    (tmp_path / "sitter.py").write_text(SITTER)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with common.sitting("sitter", {}, sys.executable, {}) as (about, ask):
        assert about["threads"] == "one"
        assert about["first_seconds"] >= 0
        assert ask()["steps"] == 8
        with pytest.raises(RuntimeError, match=r"(?s)sitter \{\} failed.*StopIteration"):
            ask()


def test_parts_that_are_not_measured_are_kept(monkeypatch, tmp_path):
    raw = raw_speeds(native=50_000)
    common.write_json(tmp_path / "speed.json", raw)
    monkeypatch.setattr(speed, "_part", lambda part, *_: raw[part]["runs"])
    monkeypatch.setattr(common, "machine", lambda: MACHINE)
    arguments = ["speed", "--only", "trpo", "--date", "2001-02-03", "--out", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*arguments, "--peers-python", "unused", "--repeats", "4"])
    speed.main()
    merged = json.loads((tmp_path / "speed.json").read_text())
    assert merged == raw | {"trpo": raw["trpo"] | {"date": "2001-02-03", "repeats": 4}}
    text = (tmp_path / "speed.md").read_text()
    assert "| trpo | 2001-02-03 | 4 | 1 |" in text
    assert "| ppo | 2000-01-01 | 3 | 1 |" in text


def test_a_table_is_markdown():
    assert common.table(("", "a"), [("x", "1")]) == "|  | a |\n| :-- | --: |\n| x | 1 |"
    assert common.show(common.spread([3.0, 1.0, 2_000.0]), 1) == "3.0 (1.0–2,000.0)"


def test_calls_take_turns_and_the_first_of_each_is_not_counted():
    asked = []

    def timer(name):
        def once():
            asked.append(name)
            return float(len(asked))

        return once

    times = latency.in_turns({"a": timer("a"), "b": timer("b")}, rounds=2)
    assert asked == ["a", "b", "a", "b", "a", "b"]
    assert times == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_latencies_are_shown_with_their_range():
    raw = {
        "date": "2026-11-28",
        "machine": {"processor": "one", "cores": 2, "system": "Linux"},
        "versions": {"jax": "1.0"},
        "microseconds": {"predict": common.spread([50.0, 60.0, 90.0])},
        "seconds": {"operant algorithms": common.spread([0.5, 0.25, 0.75])},
    }
    text = latency.report(raw)
    assert "| predict | 60.0 (50.0–90.0) |" in text
    assert "| operant algorithms | 0.50 (0.25–0.75) |" in text


def test_imitation_measures_from_the_random_policy_to_the_expert():
    from benchmarks import imitation

    raw = {"expert_mean": -100.0, "random_mean": -1100.0, "means": [-100.0, -150.0, -200.0]}
    np.testing.assert_allclose(imitation.share(raw), [1.0, 0.95, 0.9])
    assert imitation.plain_share(raw) is None
    assert imitation.plain_share({"expert_mean": 200.0, "means": [180.0, 220.0]}) == 1.0
