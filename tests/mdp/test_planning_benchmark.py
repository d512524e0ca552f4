"""The parts of the planning benchmark that only compute."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from benchmarks import planning
from operant.mdp import MDP


def test_mdp_of_the_lake_is_frozen_lake_without_holes():
    rows = ["SFFF", "FFFF", "FFFF", "FFFG"]
    theirs = MDP.from_gymnasium("FrozenLake-v1", desc=rows)
    ours = planning.lake(4)
    acting = ~ours.terminal
    assert acting.tolist() == [True] * 15 + [False]
    transitions = [m.transitions.toarray().reshape(4, 16, 16)[:, acting][..., acting] for m in (ours, theirs)]
    np.testing.assert_allclose(*transitions)
    np.testing.assert_allclose(ours.expected_rewards[:, acting], theirs.expected_rewards[:, acting])


@pytest.mark.parametrize(("seconds", "verdict"), [(0.9, "pass"), (1.1, "**fail**")])
def test_report_of_a_measurement_judges_it(seconds, verdict):
    cases = []
    for case in planning.CASES:
        measured = planning.measure(replace(case, states=49))
        assert measured["seconds"] > 0
        assert 10 < measured["imported_mib"] <= measured["made_mib"] <= measured["peak_mib"]
        cases.append(asdict(case) | {"runs": [measured | {"seconds": seconds}] * 3})
    machine = {"processor": "a processor", "cores": 2, "system": "Linux", "load": 0.1}
    raw = {"date": "2000-01-01", "machine": machine, "repeats": 3, "quick": False, "cases": cases}
    lines = [line for line in planning.report(raw).splitlines() if line.startswith("| 1")]
    assert [line.split("|")[-2].strip() for line in lines] == [f"{verdict} (< 1 s)"] * 3 + ["–"] * 2
    assert f"| {seconds:.2f} ({seconds:.2f}–{seconds:.2f}) |" in lines[0]
    assert all(planning.passes(case) for case in cases) == (verdict == "pass")
