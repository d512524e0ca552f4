"""A diagnosis of whatever there is: a finished run, a stopped one, one that has not learnt, damaged files, an agent."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

import operant
from operant.cli import main
from operant.diagnosis.diagnosing import Diagnosis, diagnose, diagnosed, of_training
from operant.diagnosis.evidence import Course, Evidence
from operant.diagnosis.reading import of_agent
from operant.engine.run_directory import RunDirectory
from operant.fields import FileError
from operant.studio.findings import section
from operant.studio.report import report
from tests.diagnosis.evidence import played, setup
from tests.shared import SMALL_NETWORK, dqn, learn, ppo

QUIET = ("--no-progress", "--no-video", "--no-pictures", "--episodes", "2", "--total-timesteps", "16")
SMALL = ("--preset", "none", "--network.hidden-sizes", "8", "--num-envs", "2", "--n-steps", "2")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A short run of A2C, whose gradients are of four samples; not to be changed."""
    path = tmp_path_factory.mktemp("runs") / "run"
    agent = operant.A2C("CartPole-v1", preset=None, num_envs=2, n_steps=2, network=SMALL_NETWORK)
    learn(agent, 64, run_dir=path, log_interval=16, checkpoint_every=32)
    of_training(agent, [20.0], 20.0).save_json(RunDirectory(path).diagnosis_file)
    report(path)
    return path


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "run")


def names(found: Diagnosis) -> list[str]:
    return [finding.check for finding in found]


def test_training_leaves_a_diagnosis_of_its_metrics(tmp_path, capsys):
    path = tmp_path / "run"
    assert main(["train", "a2c", "CartPole-v1", *SMALL, *QUIET, "--run-dir", str(path)]) == 0
    assert "looks wrong: Each gradient is made of 4 samples" in capsys.readouterr().out
    values = json.loads((path / "diagnosis.json").read_text())
    assert [found["check"] for found in values["findings"]][:1] == ["tiny-batch"]
    assert "by the metrics alone" in " ".join(values["notes"])
    page = (path / "report.html").read_text()
    assert "Diagnosis" in page
    assert "Each gradient is made of 4 samples" in page


def test_the_command_prints_a_table_and_puts_it_into_the_report(run, capsys, tmp_path):
    assert main(["diagnose", str(run), "--html", str(tmp_path / "page.html")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "a2c on CartPole-v1, 64 steps" in said
    assert "Each gradient is made of 4 samples (n_steps × num_envs)" in said
    assert "try: --num-envs 8" in said
    assert "by the metrics alone" not in said
    for page in (tmp_path / "page.html", run / "report.html"):
        text = page.read_text()
        assert "Each gradient is made of 4 samples" in text
        assert "by the metrics alone" not in text
    assert "data:image/png" in (tmp_path / "page.html").read_text()


def test_the_command_prints_json_that_makes_the_same_section(run, capsys):
    assert main(["diagnose", str(run), "--json", "--no-probe"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["step"] == 64
    assert values["findings"][0]["weight"] > 0
    assert "Each gradient" in section(values)


def test_from_python_a_run_and_its_agent_have_the_same_findings(run):
    of_run = diagnose(run)
    assert names(of_run)[:1] == ["tiny-batch"]
    assert names(diagnose(operant.Agent.restore(run))) == names(of_run)
    assert of_run.findings[0].wrong in str(of_run)
    assert of_run.left_out == ()
    assert operant.diagnose is diagnose


def test_a_stopped_run_says_where_it_is(run):
    shutil.rmtree(run / "checkpoints" / "64")
    for name in ("report.html", "model.safetensors", "diagnosis.json"):
        (run / name).unlink()
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"total_timesteps": 1000}))
    found = diagnose(run)
    assert "the run is at step 64 of 1,000: `operant resume` goes on" in found.notes
    assert names(found)[:1] == ["tiny-batch"]
    assert main(["diagnose", str(run)]) == 0
    assert not (run / "diagnosis.json").exists()  # a run that is not finished is left as it is


def test_a_run_that_has_not_learnt_is_told_apart(run, capsys):
    for entry in run.iterdir():
        if entry.name != "config.json":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    assert main(["diagnose", str(run)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "neither a checkpoint nor a model yet, so only its environment was looked at" in said


def test_damaged_files_are_named_and_the_others_looked_at(run):
    (run / "metrics.csv").write_text("time/total_timesteps,train/loss\n16,many\n")
    (run / "evaluation.json").write_text("{")
    found = diagnose(run)
    said = " ".join(found.left_out)
    assert "the curves: " in said
    assert "metrics.csv: line 2: train/loss is 'many', not a number" in said
    assert "the score: " in said
    assert names(found)[:1] == ["tiny-batch"]


def test_damaged_checkpoints_and_models_are_named(run):
    for path in (run / "model.safetensors", *run.glob("checkpoints/*/run.safetensors")):
        path.write_bytes(b"nothing")
    found = diagnose(run)
    assert any(text.startswith("the model") for text in found.left_out)
    assert any("neither a whole checkpoint nor a model" in text for text in found.left_out)


def test_what_is_no_run_is_refused_in_a_line(tmp_path, run, capsys):
    assert main(["diagnose", str(tmp_path / "none")]) == 2
    assert "is not a run: there is no such directory" in capsys.readouterr().err
    (run / "config.json").write_text('{"operant_version": "0.1.0"}')
    assert main(["diagnose", str(run)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(FileError):
        diagnose(run)


class Mine(gym.Wrapper):
    """An environment of the user's."""

    def __init__(self):
        super().__init__(gym.make("CartPole-v1"))


def test_an_environment_that_no_file_holds_is_left_out_or_given_again(tmp_path):
    agent = operant.PPO(Mine, n_steps=16, batch_size=4, network=SMALL_NETWORK, preset=None)
    learn(agent, 32, run_dir=tmp_path / "run")
    found = diagnose(tmp_path / "run")
    assert "pass it again as env=…" in found.left_out[0]
    assert names(found)[:1] == ["tiny-batch"]
    again = diagnose(tmp_path / "run", env=Mine)
    assert again.left_out == ()


def test_of_several_seeds_the_worst_is_probed(tmp_path):
    agent = learn(ppo(seeds=3), 256, run_dir=tmp_path / "run")
    evidence = of_agent(agent)
    assert evidence.setup.seeds == 3
    assert evidence.final is not None
    assert evidence.final.shape == (3,)
    assert evidence.policy is not None
    assert evidence.left_out == ()
    assert diagnose(tmp_path / "run").left_out == ()


def test_values_are_in_units_of_the_rewards():
    agent = learn(ppo(normalize_rewards=True), 512)
    evidence = of_agent(agent)
    assert evidence.policy is not None
    seen = evidence.policy.observation
    assert seen is not None
    assert evidence.policy.value is not None
    variance = float(agent.state.normalizer.reward.variance)
    expected = agent.value(seen[:5, 0].astype(np.float32)) * np.sqrt(variance)
    np.testing.assert_allclose(evidence.policy.value[:5, 0], expected, rtol=1e-4)


def test_a_target_network_that_never_moved_is_told_from_one_that_did():
    still = learn(dqn(target_update_interval=10**6, learning_starts=50), 256)
    moving = learn(dqn(target_update_interval=50, learning_starts=50), 256)
    for agent, moved in ((still, False), (moving, True)):
        target = of_agent(agent).networks.target
        assert (target.moved, target.online_moved) == (moved, True)
    assert "target-frozen" in names(diagnose(still))
    assert "target-frozen" not in names(diagnose(moving))


def test_an_agent_that_was_lost_says_so():
    agent = ppo(learning_rate=1e30, max_grad_norm=1e30)
    with pytest.raises(operant.DivergedError):
        learn(agent, 4096)
    found = diagnose(agent)
    assert names(found)[:1] == ["diverged"]


def test_of_training_takes_scores_and_plays_nothing(monkeypatch):
    agent = learn(ppo(), 256)
    monkeypatch.setattr("operant.diagnosis.probe.play", None)
    found = of_training(agent, [20.0], 20.0)
    assert "no-better-than-random" in names(found)
    assert "no-better-than-random" not in names(of_training(agent, [200.0], 20.0))
    assert found.notes == (
        "by the metrics alone: `operant diagnose RUN` looks at the environment and the networks, too",
    )


def test_course_is_of_one_learner_or_of_several():
    rows = [{"time/total_timesteps": 1, "a": 2.0}, {"time/total_timesteps": 2, "a": 3.0, "b": 1.0}]
    course = Course.of(rows)
    np.testing.assert_array_equal(course.columns["b"], [[np.nan, 1.0]])
    assert course.typical("a") == 2.5
    assert course.typical("a", since=0.5) == 3.0
    assert course.get("c") is None
    several = Course.of([{"time/total_timesteps": 1, "a": np.array([1.0, 2.0])}], 2)
    np.testing.assert_array_equal(several.columns["a"], [[1.0], [2.0]])


def test_times_are_those_before_the_first_row_and_in_environments():
    rows = [{"time/total_timesteps": i, "time/time_elapsed": 10.0 + 2 * i} for i in range(6)]
    evidence = Evidence(setup(step=1000), Course.of(rows), random=played(seconds=0.4), steps_in_python=True)
    assert evidence.times == {"in all": 20.0, "before the first row": 8.0, "in environments, about": 2.0}
    assert "before the first row 8" in diagnosed(evidence).notes[0]
    assert replace(evidence, steps_in_python=False).times == {"in all": 20.0, "before the first row": 8.0}
    assert Evidence(setup(), Course.of(rows[:3])).times == {}


HOSTILE = {
    "chart": {"kind": "film"},
    "weight": "heavy",
    "remedies": ["$\\frac{", 3],
    "evidence": {"a": [1]},
    "wrong": None,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_damaged_diagnosis_is_refused_by_its_name(run, name):
    path = RunDirectory(run).diagnosis_file
    values = json.loads(path.read_text())
    values["findings"][0][name] = HOSTILE[name]
    path.write_text(json.dumps(values))
    with pytest.raises(FileError, match=rf"diagnosis\.json: findings.*{name if name != 'chart' else ''}"):
        report(run)


def test_nothing_of_a_diagnosis_is_taken_for_html(run):
    path = RunDirectory(run).diagnosis_file
    values = json.loads(path.read_text())
    bad = "<script>alert(1)</script>"
    values["findings"][0] |= {
        "wrong": bad,
        "remedies": [bad],
        "evidence": {bad: bad},
        "source": bad,
        "check": bad,
    }
    path.write_text(json.dumps(values | {"notes": [bad]}))
    assert "<script>" not in report(run).read_text()
