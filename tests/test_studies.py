"""The benchmarks of learning: what is kept, who passes, and what the reports say."""

from __future__ import annotations

import json

import pytest

from benchmarks import ablation, learning, studies

MACHINE = {"processor": "a processor", "cores": 2, "system": "Linux", "load": 0.1}
VERSIONS = {"python": "3.11", "operant": "0.1.0"}


def study_of(name, **values):
    return {
        "name": name,
        "environment": "CartPole-v1",
        "date": "2000-01-01",
        "machine": MACHINE,
        "versions": VERSIONS,
        "seeds": list(range(1000, 1020)),
        "steps": 100_000,
        "means": [475.0] * 20,
        "iqm": 475.0,
        "interval": [474.95, 475.0],
        "threshold": 475,
        "train_seconds": 9.0,
        "picture": "curves.png",
        "evaluate_every": 10_000,
        "means_of_the_last_models": [475.0] * 15 + [100.0] * 5,
        "means_of_training": [200.0] * 20,
    } | values


@pytest.mark.parametrize(("above", "verdict"), [(19, "pass"), (18, "**fail**")])
def test_nineteen_of_twenty_seeds_must_learn(above, verdict):
    text = learning.report([study_of("PPO CartPole", means=[475.0] * above + [474.9] * (20 - above))])
    row = next(line for line in text.splitlines() if line.startswith("| PPO"))
    assert f"| {above} of 20 |" in row
    assert row.endswith(f"| {verdict} |")
    assert "15 of 20 reach the threshold" in text


def test_what_was_measured_before_is_kept_beside_what_is_measured_now(tmp_path, monkeypatch):
    chain = [
        studies.Study(name, "q-learning", "FrozenLake-v1", 0.0, preset="FrozenLake-v1", steps=2_000)
        for name in ("One", "Two")
    ]

    def report(measured):
        return " ".join(raw["name"] for raw in measured)

    for date, only in (("2000-01-01", "*"), ("2000-01-02", "two")):
        arguments = ["--seeds", "2", "--only", only, "--date", date, "--out", str(tmp_path)]
        monkeypatch.setattr("sys.argv", ["benchmark", *arguments])
        measured = studies.main("chain", chain, report, "", curves=True)
    assert [raw["date"] for raw in measured] == ["2000-01-01", "2000-01-02"]
    assert json.loads((tmp_path / "chain.json").read_text())["studies"] == measured
    assert (tmp_path / "chain.md").read_text() == "One Two"
    assert (tmp_path / measured[0]["picture"]).exists()
    about = studies.describe(measured)
    assert (about.count("2000-01-01"), about.count("2000-01-02"), about.count("python")) == (1, 1, 1)


def test_the_ablation_says_what_each_part_is_worth(tmp_path):
    arms = {"Rainbow": 400.0, "without noisy": 300.0}
    raws = [study_of(f"{arm} CartPole-v1", means_of_training=[mean] * 20) for arm, mean in arms.items()]
    text = ablation.report(raws)
    assert "| without noisy | 300.0 [300.0, 300.0] |" in text
    ablation.draw(raws, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ablation-cartpole-v1.png"]
    assert "(ablation-cartpole-v1.png)" in text
    assert "(ablation-acrobot-v1.png)" not in text  # not measured: neither a table nor a picture
