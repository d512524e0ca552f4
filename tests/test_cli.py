"""The command line: its files, its exit codes, and that what goes wrong is said in one line."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import gymnasium as gym
import imageio_ffmpeg
import numpy as np
import pytest

import operant
from operant import presets
from operant.algorithms.registry import ALGORITHMS
from operant.algorithms.value.dqn import DQN
from operant.cli import main
from operant.cli.asked import read
from operant.cli.commands import COMMANDS
from operant.cli.errors import Interrupted
from operant.cli.train import _interruptible
from operant.cli.training import Training
from operant.engine.log import read_csv
from operant.engine.run_directory import RunDirectory

FAST = ("--no-progress", "--episodes", "3", "--seed", "1")
PPO = (*FAST, "--preset", "none", "--n-steps", "64", "--batch-size", "64", "--n-epochs", "1")
DQN_FLAGS = (*FAST, "--preset", "none", "--total-timesteps", "300", "--buffer-size", "300")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run; not to be changed."""
    path = tmp_path_factory.mktemp("cli") / "run"
    arguments = ["--total-timesteps", "256", "--evaluate-every", "64", "--run-dir", str(path)]
    assert main(["train", "ppo", "CartPole-v1", *PPO, *arguments]) == 0
    return path


def refused(capsys, *arguments):
    """The one line on stderr of a command that is refused with 2."""
    capsys.readouterr()
    code = main(list(arguments))
    errors = capsys.readouterr().err
    assert code == 2, errors
    assert errors.count("\n") == 1, errors
    assert "Traceback" not in errors
    return errors


# train


def test_a_run_leaves_everything_there_is_to_look_at(trained):
    for name in (
        "config.json",
        "metrics.csv",
        "model.safetensors",
        "evaluation.json",
        "diagnosis.json",
        "report.html",
        "video.mp4",
    ):
        assert (trained / name).stat().st_size > 0
    for name in ("curve.png", "metrics.png", "policy.png"):
        assert (trained / name).read_bytes().startswith(b"\x89PNG")
    assert list((trained / "checkpoints").iterdir())
    assert list((trained / "tensorboard").iterdir())
    frames, seconds = imageio_ffmpeg.count_frames_and_secs(str(trained / "video.mp4"))
    assert frames > 1
    assert seconds <= 10.1
    page = (trained / "report.html").read_text()
    for word in (
        "PPO on CartPole-v1",
        "Learning curve",
        "What the policy does",
        "Watch it",
        "Training diagnostics",
    ):
        assert word in page


def test_the_score_is_gymnasiums_own_beside_that_of_the_random_policy(trained):
    score = json.loads((trained / "evaluation.json").read_text())
    assert score["episodes"] == len(score["returns"]) == score["random"]["episodes"] == 3
    assert score["threshold"] == gym.spec("CartPole-v1").reward_threshold
    agent = operant.load(trained)
    env, returns = gym.make("CartPole-v1"), []
    for episode in range(3):
        observation, _ = env.reset(seed=score["seed"] + episode)
        returns.append(0.0)
        done = False
        while not done:
            observation, reward, terminated, truncated, _ = env.step(agent.predict(observation))
            returns[-1] += float(reward)
            done = terminated or truncated
    assert score["returns"] == returns
    assert score["mean"] == pytest.approx(np.mean(returns))


def test_what_is_printed(capsys):
    arguments = ["train", "ppo", "CartPole-v1", *FAST, "--total-timesteps", "256", "--run-dir", "run"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert (
        f"PPO on CartPole-v1 (native twin; {presets.find('ppo', 'CartPole-v1', 'auto')['num_envs']} environments)"
        in printed
    )
    assert "scores come from Gymnasium's own CartPole-v1" in printed
    assert "preset: ppo/CartPole-v1" in printed
    assert "over 3 episodes of CartPole-v1 (random policy: " in printed
    assert "in run: checkpoints/, config.json, curve.png" in printed
    values = RunDirectory.open("run").read_config()["hyperparameters"]
    assert values["n_epochs"] == presets.find("ppo", "CartPole-v1", "auto")["n_epochs"]


@pytest.mark.parametrize(("environment", "of_gymnasium"), [("FrozenLake-v1", True), ("GridWorld", False)])
def test_a_table_is_drawn_as_a_map_of_its_world(tmp_path, capsys, environment, of_gymnasium):
    arguments = [environment, "--total-timesteps", "500", "--episodes", "2", "--no-progress"]
    assert main(["train", "q-learning", *arguments, "--seeds", "2", "--run-dir", "run"]) == 0
    assert (tmp_path / "run" / "policy.png").read_bytes().startswith(b"\x89PNG")
    assert ("Gymnasium's own" in capsys.readouterr().out) == of_gymnasium


def test_flags_go_before_the_preset_and_reach_the_algorithm(capsys):
    flags = (
        "--learning-rate",
        "cosine:0.002:0",
        "--n-epochs",
        "1",
        "--n-steps",
        "64",
        "--network.hidden-sizes",
        "8",
    )
    assert (
        main(["train", "ppo", "CartPole-v1", *FAST, *flags, "--num-envs", "4", "--total-timesteps", "256"])
        == 0
    )
    config = RunDirectory.open("runs/ppo-CartPole-v1-1").read_config()
    values = config["hyperparameters"]
    assert values["learning_rate"] == "cosine:0.002:0.0"
    assert values["n_epochs"] == 1
    assert values["network"]["hidden_sizes"] == [8]
    assert config["num_envs"] == 4
    assert values["gamma"] == presets.find("ppo", "CartPole-v1", "auto")["gamma"]


@pytest.mark.parametrize(
    "typed",
    [
        *(["--network.hidden-sizes", "[]"], ["--network.hidden-sizes=[]"], ["--network.hidden-sizes"]),
        [
            "--network.hidden_sizes",
            "[]",
            "--wrappers",
            "[]",
            "--curiosity",
            "rnd",
            "--curiosity.network.hidden-sizes",
            "[]",
        ],
    ],
)
def test_a_list_without_values_is_typed_as_files_have_it_or_with_nothing(typed):
    asked = read("dqn", ["CartPole-v1", *typed, "--n-step", "2"])
    assert asked.hyperparameters["network"]["hidden_sizes"] == ()
    assert asked.hyperparameters["n_step"] == 2
    assert asked.training.wrappers == ()
    if "--curiosity" in typed:
        assert asked.curiosity["network"]["hidden_sizes"] == ()


@pytest.mark.parametrize("none", ["none", "None"])
def test_none_and_large_numbers_as_people_write_them(none):
    asked = read(
        "ppo",
        [
            "CartPole-v1",
            "--target-kl",
            none,
            "--seeds",
            none,
            "--clip-range-vf",
            none,
            "--total-timesteps",
            "2e6",
        ],
    )
    training, values = asked.training, asked.hyperparameters
    assert (training.seeds, training.total_timesteps) == (None, 2_000_000)
    assert (values["target_kl"], values["clip_range_vf"]) == (None, None)


def test_a_run_at_its_end_is_not_scored_anew_by_resuming(trained, capsys):
    before = (trained / "evaluation.json").read_bytes()
    assert "is at its end, at step" in refused(capsys, "resume", str(trained))
    assert (trained / "evaluation.json").read_bytes() == before


def test_dqn_through_gymnasium(capsys):
    arguments = ["train", "dqn", "CartPole-v1", *DQN_FLAGS, "--backend", "gymnasium", "--run-dir", "run"]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "through Gymnasium" in printed
    assert "preset: none" in printed
    assert operant.load("run").algorithm.buffer_size == 300


def test_several_seeds(capsys):
    arguments = [
        "train",
        "ppo",
        "CartPole-v1",
        *PPO,
        "--total-timesteps",
        "256",
        "--seeds",
        "3",
        "--run-dir",
        "run",
    ]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert printed.count("\nseed ") == 3
    assert "interquartile mean" in printed
    score = json.loads(RunDirectory.open("run").evaluation_file.read_text())
    assert list(score["seeds"]) == ["1", "2", "3"]
    means = {seed: part["mean"] for seed, part in score["seeds"].items()}
    assert means[str(score["best_seed"])] == max(means.values())
    assert score["median"] == pytest.approx(np.median(list(means.values())))
    page = (RunDirectory.open("run").path / "report.html").read_text()
    assert all(f"PPO, seed {seed}" in page for seed in (1, 2, 3))
    best = operant.load("run")
    assert best.seeds is None
    assert best.seed == score["best_seed"]
    assert best.evaluate(3).mean == max(means.values())
    assert set(read_csv("run/metrics.csv")["seed"]) == {0, 1, 2}


# resume


def test_ctrl_c_says_how_to_go_on_and_resume_does(tmp_path):
    long = ["train", "ppo", "CartPole-v1", *PPO, "--total-timesteps", "400000", "--run-dir", "run"]
    with subprocess.Popen(
        [sys.executable, "-m", "operant.cli", *long],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        metrics = tmp_path / "run" / "metrics.csv"
        while process.poll() is None and not (metrics.exists() and metrics.read_text().count("\n") > 1):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "operant resume run" in errors
    assert list((tmp_path / "run" / "checkpoints").iterdir())

    config = RunDirectory.open("run").read_config()
    reached = int(read_csv(metrics)["time/total_timesteps"][-1])
    RunDirectory.open("run").write_config(config | {"total_timesteps": reached + 256, "chunk_size": 1})
    assert main(["resume", "run", "--no-progress", "--episodes", "2"]) == 0
    steps = read_csv(metrics)["time/total_timesteps"]
    assert list(steps) == sorted(set(steps))
    assert steps[-1] >= reached + 256
    for name in ("model.safetensors", "evaluation.json", "curve.png", "video.mp4", "report.html"):
        assert (tmp_path / "run" / name).stat().st_size > 0


def test_how_to_resume_names_the_module_that_must_be_typed(monkeypatch):
    """Resuming imports no module that only a file names."""
    monkeypatch.setattr("operant.engine.checkpoint.latest_checkpoint", lambda _: 0)
    agent = SimpleNamespace(source=SimpleNamespace(id="mine:Mine-v0"), step=0)
    directory = SimpleNamespace(path="run", checkpoints="run/checkpoints")
    said = pytest.raises(Interrupted, match="`operant resume run --import mine`")
    with said, _interruptible(agent, directory):  # pyright: ignore[reportArgumentType]
        raise KeyboardInterrupt


def test_an_interrupted_score_can_be_had_by_resuming(trained, monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(operant.Agent, "evaluate", interrupted)
    arguments = ["train", "ppo", "CartPole-v1", *PPO, "--total-timesteps", "128", "--run-dir", "run"]
    assert main(arguments) == 130
    assert "go on with `operant resume run`" in capsys.readouterr().err
    monkeypatch.undo()


# wrong input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "Did you mean train?"),
        (["train"], "give an algorithm and an environment"),
        (["train", "pop", "CartPole-v1"], "Did you mean 'ppo'"),
        (["train", "random", "CartPole-v1"], "operant evaluate random"),
        (["train", "ppo"], "ENVIRONMENT"),
        (["train", "ppo", "CartPol-v1"], "Did you mean CartPole-v1"),
        (["train", "ppo", "CartPole-v1", "--learning-rat", "1"], "Did you mean --learning-rate?"),
        (
            ["train", "ppo", "CartPole-v1", "--learning-rate", "fast"],
            "'fast' is neither a number nor a schedule",
        ),
        (["train", "ppo", "CartPole-v1", "--gamma", "1.5"], "--gamma 1.5: must be a number in [0, 1]"),
        (["train", "ppo", "CartPole-v1", "--n-steps", "x"], "--n-steps: 'x' is not a whole number. See"),
        (["train", "ppo", "CartPole-v1", "--total-timesteps", "1.5"], "'1.5' is not a whole number. See"),
        (["train", "ppo", "CartPole-v1", "--gae-lambda", "x"], "--gae-lambda: 'x' is not a number. See"),
        (["train", "ppo", "CartPole-v1", "--seeds", "x"], "--seeds: 'x' is not a whole number. See"),
        (["train", "ppo", "CartPole-v1", "--target-kl", "x"], "'x' is neither FLOAT nor none. See"),
        (["train", "ppo", "CartPole-v1", "--network.hidden-sizes", "x"], "'x' cannot be read. See"),
        (["train", "ppo", "CartPole-v1", "--n-steps", "[]"], "'[]' is not a whole number"),
        (["train", "ppo", "CartPole-v1", "--backend", "gpu"], "'gymnasium'). See"),
        (["train", "ppo", "CartPole-v1", "--total-timesteps", "3000000000"], "at most 2147483647"),
        (
            ["train", "ppo", "CartPole-v1", "--network.activation", "tan"],
            "'tan' is unknown; choose from tanh",
        ),
        (["train", "ppo", "CartPole-v1", "--total-timesteps", "0"], "must be at least 1"),
        (
            ["train", "dqn", "CartPole-v1", "--total-timesteps", "1000", "--learning-starts", "1000"],
            "--total-timesteps 1000: the first learning_starts=1000 steps are random",
        ),
        (["train", "ppo", "CartPole-v1", "--preset", "CartPole"], "has no preset 'CartPole'"),
        (
            ["train", "dqn", "Pendulum-v1", "--preset", "none"],
            "DQN needs a Discrete action space: Pendulum-v1",
        ),
        (["train", "ppo", "nowhere:Env-v0"], "there is no module 'nowhere'"),
        (["train", "ppo", "../x"], "Malformed environment id '../x'"),
        (["train", "ppo", ""], "Malformed environment id ''"),
        (["train", "ppo", "CartPole-v1", "--import", "nowhere"], "there is no module 'nowhere'"),
        (["train", "ppo", "LunarLander-v3", "--backend", "native"], "no native twin"),
        (
            ["train", "ppo", "CartPole-v1", "--seeds", "2000000000"],
            "--seeds 2000000000: what they learn would take 219.7 TB",
        ),
        (["train", "ppo", "CartPole-v1", "--seeds", "1,-2"], "--seeds -2: a seed is a whole number from 0"),
        (
            ["train", "ppo", "CartPole-v1", "--seed", str(10**30)],
            "--seed 1000000000000000000000000000000: a seed",
        ),
        (
            ["train", "ppo", "CartPole-v1", "--num-envs", "1e9"],
            "--num-envs 1000000000: PPO on CartPole-v1 needs 6.4 TB",
        ),
        (
            ["train", "ppo", "CartPole-v1", "--n-steps", "1e9"],
            "--n-steps 1000000000: PPO on CartPole-v1 needs 400.0 GB",
        ),
        (
            ["evaluate", "scripted", "--episodes", "1e12"],
            "--episodes 1000000000000: their scores would take 24.0 TB",
        ),
        (["resume", "nowhere"], "nowhere is not a run"),
        (["train", "ppo", "CartPole-v1", "--clip-range-vf", "no"], "neither a number nor a schedule"),
        (["evaluate", "random"], "needs an environment"),
        (["evaluate", "nowhere.safetensors"], "nowhere.safetensors"),
        (["plot"], "at least one run"),
        (["plot", "nowhere"], "nowhere is not a run"),
        (["plot", "--widht", "3"], "--widht"),
        (["resume", "x", "--progress", "1"], "--progress takes no value, but '1' follows it"),
        (["resume", "x", "--video= "], "--video takes no value, but ' ' follows it"),
        (["watch", "scripted", "--env-kwargs", "5"], "--env-kwargs 5: must be KEY=VALUE"),
        (
            ["train", "ppo", "CartPole-v1", "--evaluate-env", "x", "--evaluate-every", "9"],
            "--evaluate-env x: Unknown environment 'x'",
        ),
        (["resume", ""], "'' is not a run"),
        (
            ["train", "ppo", "CartPole-v1", "--evaluation-episodes", "5"],
            "5: has no effect without --evaluate-every",
        ),
        (
            ["train", "ppo", "CartPole-v1", "--evaluate-env", "CartPole-v0"],
            "has no effect without --evaluate-every",
        ),
    ],
)
def test_wrong_input_is_refused_in_one_line(capsys, arguments, message):
    assert message in refused(capsys, *arguments)


def test_a_run_that_is_there_is_kept_unless_told_otherwise(trained, tmp_path, capsys):
    arguments = ["train", "ppo", "CartPole-v1", *PPO, "--total-timesteps", "128", "--run-dir"]
    before = (trained / "metrics.csv").read_bytes()
    assert f"operant resume {trained}" in refused(capsys, *arguments, str(trained))
    assert (trained / "metrics.csv").read_bytes() == before

    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("mine")
    assert "left alone" in refused(capsys, *arguments, "precious", "--overwrite")
    assert (tmp_path / "precious" / "thesis.txt").read_text() == "mine"


def test_a_model_for_another_environment(trained, capsys):
    error = refused(capsys, "evaluate", str(trained), "Acrobot-v1")
    assert "made for CartPole-v1" in error
    assert "Acrobot-v1 has" in error


def test_a_failure_after_training_says_how_to_go_on(monkeypatch, capsys):
    def broken(*_, **__):
        raise RuntimeError("planted")

    monkeypatch.setattr(operant.Agent, "evaluate", broken)
    assert main(["train", "ppo", "CartPole-v1", *PPO, "--total-timesteps", "64", "--run-dir", "run"]) == 1
    assert "operant resume run" in capsys.readouterr().err


def test_a_film_or_picture_that_fails_costs_a_line(tmp_path, monkeypatch, capsys):
    def broken(*_, **__):
        raise RuntimeError("planted\nwith more below")

    for name in ("plot", "plot_policy", "record"):
        monkeypatch.setattr(operant.Agent, name, broken)
    assert main(["train", "ppo", "CartPole-v1", *PPO, "--total-timesteps", "64", "--run-dir", "run"]) == 0
    printed = capsys.readouterr()
    for what in ("learning curve", "picture of the policy", "film"):
        assert f"operant: no {what}: RuntimeError: planted\n" in printed.err
    assert "Traceback" not in printed.err
    assert "score: " in printed.out
    made = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"report.html", "metrics.png", "model.safetensors", "evaluation.json"} <= made
    assert not {"video.mp4", "curve.png", "policy.png"} & made


def test_films_and_pictures_can_be_left_out(tmp_path, capsys):
    short = ("--total-timesteps", "64", "--run-dir", "run", "--no-video", "--no-pictures")
    assert main(["train", "ppo", "CartPole-v1", *PPO, *short]) == 0
    assert capsys.readouterr().err == ""
    made = {path.name for path in (tmp_path / "run").iterdir()}
    assert "report.html" in made
    assert not [name for name in made if name.endswith((".png", ".mp4"))]


def test_a_failure_is_1_and_shows_where(monkeypatch, capsys):
    def broken(*_):
        raise RuntimeError("planted")

    monkeypatch.setattr(DQN, "update", broken)
    assert main(["train", "dqn", "CartPole-v1", *DQN_FLAGS]) == 1
    errors = capsys.readouterr().err
    assert "Traceback" in errors
    assert "failed: planted" in errors


# the rest


def test_evaluate(trained, capsys):
    for arguments, random in (
        (("random", "CartPole-v1"), ""),
        ((str(trained),), " (random policy: "),
        ((str(trained / "model.safetensors"), "CartPole-v1"), " (random policy: "),
        (("scripted",), " (random policy: "),
    ):
        assert main(["evaluate", *arguments, "--episodes", "3"]) == 0
        assert f"over 3 episodes of CartPole-v1{random}" in capsys.readouterr().out


def test_a_policy_written_by_hand(capsys):
    assert main(["watch", "scripted"]) == 0
    assert "returns:" in capsys.readouterr().out
    for flag in ("--best", "--stochastic"):
        assert f"the policy scripted has no {flag}" in refused(capsys, "evaluate", "scripted", flag)
    assert "made for CartPole-v1" in refused(capsys, "evaluate", "scripted", "Acrobot-v1")


@pytest.mark.full  # a minute, of the film and the map
def test_a_search_is_drawn_on_its_map(tmp_path):
    flags = ["--policy", "constant", "--population-size", "10", "--elite-fraction", "0.2", "--max-steps", "8"]
    asked = [
        "--total-timesteps",
        "160",
        "--episodes",
        "1",
        "--run-dir",
        str(tmp_path / "run"),
        "--preset",
        "none",
    ]
    assert main(["train", "cem", "VacuumRobot", *flags, *asked]) == 0
    assert (tmp_path / "run" / "policy.png").read_bytes().startswith(b"\x89PNG")
    assert "What the policy does" in (tmp_path / "run" / "report.html").read_text()


def test_watch_in_a_window_that_nobody_sees(trained, capsys):
    assert main(["watch", str(trained)]) == 0
    assert "returns:" in capsys.readouterr().out


def test_watch_without_a_display(trained, capsys, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    assert "no display" in refused(capsys, "watch", str(trained))


def test_plot(trained, tmp_path, capsys):
    assert main(["plot", str(trained), str(trained), "--output", "both.png"]) == 0
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
    assert "it has: " in refused(capsys, "plot", str(trained), "--metric", "train/loss_of_hair")


def test_the_best_model_is_kept_and_can_be_scored(trained, tmp_path, capsys):
    assert (trained / "best" / "model.safetensors").exists()
    assert {"step", "mean", "training_forgot"} <= json.loads((trained / "evaluation.json").read_text())[
        "best"
    ].keys()
    assert main(["evaluate", str(trained), "--best", "--episodes", "3"]) == 0
    assert "over 3 episodes of CartPole-v1" in capsys.readouterr().out
    assert main(["plot", str(trained), "--metric", "eval/mean_reward"]) == 0
    arguments = ["train", "ppo", "CartPole-v1", *PPO, "--total-timesteps", "64"]
    assert main([*arguments, "--run-dir", "plain"]) == 0
    assert not (tmp_path / "plain" / "best").exists()
    assert "kept no best model" in refused(capsys, "evaluate", "plain", "--best")
    assert "--best" in refused(capsys, "evaluate", "random", "CartPole-v1", "--best")
    assert "--evaluate-every -1: must be at least 1" in refused(capsys, *arguments, "--evaluate-every", "-1")


def test_every_command_and_every_algorithm_has_its_help(capsys):
    for arguments in ([], ["--help"], ["train", "--help"], *([command, "--help"] for command in COMMANDS)):
        assert main(arguments) == 0
    capsys.readouterr()
    learning_rates = {"ppo": "linear:0.001:0", "dqn": "linear:0.001:0"}  # the presets'
    for name in set(ALGORITHMS) - {"random"}:
        assert main(["train", name, "CartPole-v1", "--help"]) == 0
        printed = " ".join(capsys.readouterr().out.replace("│", "").split())
        assert "--total-timesteps INT Environment steps to train for" in printed
        assert "(default: CartPole" not in printed
        if name in learning_rates:
            assert "--learning-rate NUMBER|SCHEDULE Step size of" in printed
            assert f"(default: {learning_rates[name]})" in printed


def test_no_hyperparameter_has_the_name_of_a_flag_of_every_algorithm():
    flags = {field.name for field in dataclasses.fields(Training)}
    for cls in ALGORITHMS.values():
        assert not flags & {field.name for field in dataclasses.fields(cls)}, cls


def test_a_reader_that_has_seen_enough_is_no_failure():
    program = [sys.executable, "-m", "operant.cli", "train", "--help"]
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"PYTHONUNBUFFERED": "1"}
    ) as process:
        process.stdout.close()
        errors = process.stderr.read()
    assert process.returncode == 0
    assert errors == b""


def test_tables(capsys):
    assert main(["algorithms"]) == 0
    printed = capsys.readouterr().out
    assert "Discrete, MultiDiscrete, MultiBinary, Box  Proximal policy optimisation (Schulman" in printed
    assert re.search(r"q-learning +Discrete +Q-learning", printed)
    assert (
        "together is Rainbow (Hessel et al. 2018, arXiv:1710.02298)." in printed
    )  # a paragraph, not a line of it
    assert main(["environments"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["CartPole-v1", "native,", "gymnasium", "Box(4)", "Discrete(2)"]
    assert any(line.startswith("Taxi-v") and "Discrete(500)" in line for line in lines)
    assert main(["info"]) == 0
    printed = capsys.readouterr().out
    for word in (f"operant  {'':16}", "compile cache", "devices", "cpu"):
        assert word.strip() in printed
