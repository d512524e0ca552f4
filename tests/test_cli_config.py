"""Experiments in files: one run or several, a run's own config.json, presets of one's own, and what repeats a run."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from operant import presets
from operant.cli import config_file, env_kwargs, habits, main, runs
from operant.cli.asked import read
from operant.cli.errors import WrongInput
from operant.cli.train import _in_file
from operant.engine.run_directory import RunDirectory

ONE = """
algorithm = "PPO"
environment = "CartPole-v1"
total_timesteps = 128
n_steps = 64
batch-size = 32
lr = "linear:1e-3:0"
target_kl = 0.5
normalize_observations = true
wrappers = ["time-limit:50"]
preset = "none"
progress = false
video = false
pictures = false
episodes = 1
[network]
hidden_sizes = [8]
[curiosity]
name = "rnd"
scale = 0.5
"""
SEVERAL = """
environment = "FrozenLake-v1"
env_kwargs = { is_slippery = false }
[tables]
algorithm = "q-learning"
learning_rate = 0.5
[gradients]
algorithm = "a2c"
seeds = [3, 5]
env_kwargs = { map_name = "8x8" }
[[runs]]
algorithm = "sarsa"
name = "third"
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def asked(tmp_path, text, *typed, name="x.toml"):
    (tmp_path / name).write_text(text)
    return _in_file(name, list(typed))


def test_a_file_says_what_flags_say(tmp_path):
    (one,) = asked(tmp_path, ONE)
    training, values = one.training, one.hyperparameters
    assert (one.algorithm, training.environment, training.total_timesteps) == ("ppo", "CartPole-v1", 128)
    assert (values["n_steps"], values["batch_size"], values["target_kl"]) == (64, 32, 0.5)
    assert (values["learning_rate"], values["normalize_observations"]) == ("linear:1e-3:0", True)
    assert values["network"]["hidden_sizes"] == (8,)
    assert (training.curiosity, float(one.curiosity["scale"])) == ("rnd", 0.5)
    assert (training.wrappers, training.video, training.progress) == (("time-limit:50",), False, False)


def test_what_is_typed_goes_before_the_file(tmp_path):
    typed = ("--n-steps", "16", "--network.hidden-sizes", "4", "4", "--no-normalize-observations", "--lr=1")
    (one,) = asked(tmp_path, ONE, *typed)
    values = one.hyperparameters
    assert (values["n_steps"], values["batch_size"], values["network"]["hidden_sizes"]) == (16, 32, (4, 4))
    assert (values["normalize_observations"], values["learning_rate"]) == (False, "1")
    (one,) = asked(tmp_path, ONE, "ppo", "Acrobot-v1", "--seed", "7")
    assert (one.training.environment, one.training.seed) == ("Acrobot-v1", 7)


def test_several_runs_in_one_file(tmp_path):
    third, first, second = asked(tmp_path, SEVERAL)
    assert [run.name for run in (first, second, third)] == ["tables", "gradients", "third"]
    assert [run.algorithm for run in (first, second, third)] == ["q-learning", "a2c", "sarsa"]
    assert {run.training.environment for run in (first, second, third)} == {"FrozenLake-v1"}
    assert float(first.hyperparameters["learning_rate"]) == 0.5
    assert second.training.seeds == (3, 5)
    assert env_kwargs.read(second.training.env_kwargs) == {"is_slippery": False, "map_name": "8x8"}
    assert env_kwargs.read(third.training.env_kwargs) == {"is_slippery": False}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("algorithm = ", "x.toml: it is not TOML"),
        ("environment = 'CartPole-v1'", 'x.toml: needs algorithm = "…"'),
        ("algorithm = 'ppo'", 'x.toml: needs environment = "…"'),
        ("algorithm = 'pop'\nenvironment = 'CartPole-v1'", "Unknown algorithm 'pop'. Did you mean 'ppo'"),
        (ONE.replace("n_steps", "n_step"), "unknown key 'n_step'. Did you mean 'n_steps'"),
        (ONE.replace("[network]", "[networks]"), "x.toml: unknown table [networks]. Did you mean [network]"),
        (ONE + "[wide]\nwidth = 3", "x.toml, [wide]: unknown key 'width'"),
        (ONE.replace("hidden_sizes", "sizes"), "x.toml: Unrecognized options: --network.sizes"),
        (ONE.replace("64", "'many'"), "x.toml: Error parsing --n-steps: 'many' is not a whole number"),
        (ONE.replace("scale", "scales"), "unknown key 'curiosity.scales'"),
        (ONE.replace("CartPole-v1", "CartPol-v1"), "x.toml: Unknown environment 'CartPol-v1'"),
        (ONE.replace("['time-limit:50']".replace("'", '"'), "5"), "wrappers must be a list of text"),
        ("env_kwargs = 3\n" + ONE, "env_kwargs must be a table"),
        ("runs = 3\n" + ONE, "runs must be tables"),
        ("import = ['os']\n" + ONE, "import: a module is imported only if it is typed"),
        (ONE.replace("CartPole-v1", "evil:CartPole-v1"), "type it: --import evil"),
        ("device = 'cuda'\n" + ONE, "--device: JAX chooses the device"),
        (ONE.replace("rnd", "counts"), "x.toml: Counts keeps a table"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_in_one_line(tmp_path, capsys, text, message):
    (tmp_path / "x.toml").write_text(text)
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    assert main(["train", "--config", "x.toml"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert "evil" not in sys.modules
    assert not (tmp_path / "runs").exists()


def test_a_file_that_is_not_there(capsys):
    assert main(["train", "--config", "nowhere.toml"]) == 2
    assert "--config nowhere.toml: No such file" in capsys.readouterr().err
    assert main(["train", "--config"]) == 2
    assert "--config needs a file" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_is_trained_again_from_its_own_config(tmp_path, capsys):
    (tmp_path / "x.toml").write_text(ONE)
    assert main(["train", "--config", "x.toml", "--run-dir", "first"]) == 0
    capsys.readouterr()
    assert main(["info", "first"]) == 0
    told = capsys.readouterr().out
    for word in (
        "128 of 128",
        "random policy",
        "model.safetensors",
        "operant train ppo CartPole-v1 --preset none",
        "agent = operant.PPO(",
    ):
        assert word in told
    quiet = ("--no-progress", "--no-video", "--no-pictures", "--episodes", "1")
    assert main(["train", "--config", "first/config.json", "--run-dir", "second", *quiet]) == 0
    assert RunDirectory.open("first").read_config() == RunDirectory.open("second").read_config()
    first, second = (load_file(RunDirectory.open(run).model_file) for run in ("first", "second"))
    assert first.keys() == second.keys()
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_a_config_of_objects_says_so(tmp_path, capsys):
    values = {
        "operant_version": "1",
        "algorithm": "ppo",
        "environment": "x",
        "environment_given_as_id": False,
    }
    (tmp_path / "config.json").write_text(json.dumps(values | {"hyperparameters": {}}))
    assert main(["train", "--config", "config.json"]) == 2
    assert "it had objects of yours (environment)" in capsys.readouterr().err
    (tmp_path / "config.json").write_text(json.dumps({"operant_version": "1"}))
    assert main(["train", "--config", "config.json"]) == 2
    assert "not a config of operant's" in capsys.readouterr().err
    assert main(["info", "nowhere"]) == 2
    assert main(["info", str(tmp_path)]) == 2
    assert "config.json: algorithm: it is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("is_slippery=false", False),
        ("is_slippery=True", True),
        ("map_name=8x8", "8x8"),
        ("g=9.81", 9.81),
        ("g:9.81", 9.81),
        ("desc=none", None),
        ("n=3", 3),
        ('name="3"', "3"),
        ("sizes=[1, 2]", [1, 2]),
        ("url=http://x:1", "http://x:1"),
    ],
)
def test_env_kwargs_are_read_as_what_they_are(text, value):
    assert list(env_kwargs.read([text]).values()) == [value]


def test_env_kwargs_reach_the_environment(capsys):
    assert main(["environments", "FrozenLake-v1", "--env-kwargs", "map_name=8x8"]) == 0
    assert "Discrete(64)" in capsys.readouterr().out
    kwargs = ("--env-kwargs", "is_slipery=false")
    assert main(["evaluate", "random", "FrozenLake-v1", *kwargs]) == 2
    assert "Did you mean 'is_slippery'" in capsys.readouterr().err
    assert main(["evaluate", "random", "FrozenLake-v1", "--env-kwargs", "slippery"]) == 2
    assert "must be KEY=VALUE" in capsys.readouterr().err


def test_presets_of_ones_own(tmp_path, capsys):
    (tmp_path / "mine.toml").write_text("n_steps = 16\nnetwork = { hidden_sizes = [4] }\n")
    (tmp_path / "each.toml").write_text('["CartPole-v1"]\nn_steps = 8\n')
    (tmp_path / "wrong.toml").write_text("n_stepz = 16")
    assert presets.find("ppo", "CartPole-v1", "each.toml") == {"n_steps": 8}
    (one,) = asked(tmp_path, ONE, "--preset", "mine.toml", "--n-steps", "32")
    assert (one.hyperparameters["n_steps"], one.preset) == (32, "mine.toml")
    one = read("ppo", ["CartPole-v1", "--preset", "mine.toml"])
    assert (one.hyperparameters["n_steps"], one.hyperparameters["network"]["hidden_sizes"]) == (16, (4,))
    for file, message in (
        ("wrong.toml", "--preset wrong.toml: unknown value 'n_stepz'. Did you mean 'n_steps'"),
        ("nowhere.toml", "preset nowhere.toml: No such file"),
    ):
        assert main(["train", "ppo", "CartPole-v1", "--preset", file]) == 2
        assert message in capsys.readouterr().err
    assert main(["train", "ppo", "Acrobot-v1", "--preset", "each.toml"]) == 2
    assert "no table for 'Acrobot-v1'" in capsys.readouterr().err


def test_a_file_is_split_from_the_flags():
    assert config_file.split(["--seed", "1", "--config=x.toml"], "--config") == ("x.toml", ["--seed", "1"])
    assert config_file.split(["ppo", "--config", "x.toml", "--seed", "1"], "--config") == (
        "x.toml",
        ["ppo", "--seed", "1"],
    )
    with pytest.raises(WrongInput):
        config_file.split(["--config"], "--config")


def test_the_page_says_what_is_read(tmp_path, monkeypatch):
    page = (Path(__file__).parent.parent / "docs" / "command_line.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    third, small, curious = asked(tmp_path, block)
    assert (small.name, small.training.seeds, small.hyperparameters["network"]["hidden_sizes"]) == (
        "small",
        5,
        (32, 32),
    )
    assert (curious.training.curiosity, curious.hyperparameters["double"]) == ("rnd", True)
    assert third.training.environment == "FrozenLake-v1"
    (tmp_path / "mine.toml").write_text("n_steps = 64")
    monkeypatch.setattr("operant.cli.training.find_spec", lambda name: name)  # the extra is there
    lines = [
        line
        for line in re.findall(r"`operant (train [^`]+)`", page)
        if not re.search("--(config|from)", line)
    ]
    assert len(lines) >= 9
    for line in lines:
        _, *words = line.split()
        if words[-1] != "--help":
            name, *rest = habits.algorithm_first(words)
            read(habits.algorithm(name), rest)


RUN = {
    "operant_version": "1",
    "algorithm": "ppo",
    "environment": "CartPole-v1",
    "hyperparameters": {"n_steps": 64, "network": {"hidden_sizes": [8]}},
    "total_timesteps": 64,
}


@pytest.mark.parametrize("value", [None, 5, "x", [], {}, [[]], {"a": 1}, 1e400, -1, "9" * 400])
@pytest.mark.parametrize("key", [*RUN, "seeds", "env_kwargs", "wrappers", "curiosity", "num_envs", "seed"])
def test_a_config_that_lies_is_refused_in_one_line(tmp_path, key, value, monkeypatch):
    monkeypatch.setattr("operant.cli.environments.require_known", lambda *_: None)
    (tmp_path / "config.json").write_text(json.dumps(RUN | {key: value}))
    for said in (
        lambda: _in_file("config.json", [])[0].training.environment,
        lambda: runs.describe(tmp_path),
    ):
        try:
            text = said()
        except (WrongInput, ValueError) as error:
            text = str(error)
            lines = text.count("\n")
        else:
            lines = 0
        assert (isinstance(text, str), lines) == (True, 0)
