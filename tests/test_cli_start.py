"""The command line starts quickly: what needs no JAX loads none, and what it knows of the code is true."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

import operant
from operant import catalogue
from tools import catalogue as written

SLOW = ("jax", "equinox", "matplotlib", "pygame", "scipy")
COMMANDS = (
    ("", 0),
    ("--help", 0),
    ("--version", 0),
    ("algorithms", 0),
    ("train", 2),
    ("train --help", 0),
    ("train ppo --help", 0),
    ("train ppo CartPole-v1 --help", 0),
    ("train pop CartPole-v1", 2),
    ("trian", 2),
    ("evaluate --help", 0),
    ("train ppo CartPole-v1 --learning-rat 1", 2),
    ("train ppo CartPole-v1 --learning-rate fast", 2),
    ("train ppo CartPole-v1 --n-steps x", 2),
    ("train ppo CartPole-v1 --total-timesteps 0", 2),
    ("train ppo CartPole-v1 --preset nonsense", 2),
    ("train ppo ../x", 2),
    ("train ppo CartPole-v1 --episodes 1e12", 2),
    ("evaluate scripted --episodes 1e12", 2),
    ("train ppo CartPol-v1", 2),
    ("train ppo nowhere:CartPole-v1", 2),
    ("evaluate nowhere", 2),
    ("evaluate random", 2),
    ("evaluate random CartPol-v1", 2),
    ("evaluate scripted --best", 2),
    ("environments CartPol-v1", 2),
    ("resume nowhere", 2),
    ("plot nowhere", 2),
    ("compare nowhere nowhere", 2),
    ("export nowhere", 2),
    ("branch nowhere new", 2),
    ("branch nowhere new --change learning_rate", 2),
    ("ui nowhere", 2),
    ("ui --port 70000", 2),
    ("generate nowhere hello", 2),
    ("generate tests", 2),
    ("generate pyproject.toml hello", 2),
    ("info nowhere", 2),
    ("record nowhere film.mp4", 2),
    ("check CartPol-v1", 2),
    ("sweep --help", 0),
    ("sweep", 2),
    ("sweep ppo --help", 0),
    ("sweep ppo CartPole-v1", 2),
    ("sweep ppo CartPole-v1 --gamma 0.9,", 2),
    ("sweep ppo CartPole-v1 --gama 0.9,0.99", 2),
    ("sweep ppo CartPole-v1 --gamma 0.9,0.99 --trials 0", 2),
    ("sweep ppo CartPol-v1 --gamma 0.9,0.99", 2),
    ("train --config nowhere.toml", 2),
    ("train --from nowhere", 2),
    ("zoo", 0),
    ("zoo ppo/CartPole-v1", 0),
    ("zoo ppo/CartPole-v2", 2),
    ("evaluate zoo:ppo/CartPole-v2", 2),
    ("info zoo:dqn/CartPole-v1", 0),
)


def test_what_needs_no_jax_loads_none():
    code = (
        "import sys\n"
        "from operant.cli import main\n"
        f"for line, expected in {COMMANDS!r}:\n"
        "    code = main(line.split())\n"
        f"    loaded = [name for name in {SLOW!r} if name in sys.modules]\n"
        "    assert (code, loaded) == (expected, []), (line, code, loaded)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ)
    assert done.returncode == 0, done.stderr[-1000:]


def test_the_catalogue_says_what_the_code_says():
    assert catalogue.FILE.read_text(encoding="utf-8") == written.text(), (
        "run `python -m tools.catalogue` and commit the file"
    )


def test_every_hyperparameter_is_read_with_its_type():
    assert catalogue.algorithms().keys() == written.catalogue()["algorithms"].keys()
    for name in catalogue.algorithms():
        for flag in catalogue.hyperparameters(name):
            assert flag.help, (name, flag.name)


def test_a_type_that_the_command_line_cannot_read_is_named():
    with pytest.raises(TypeError, match="bytes"):
        written._type(bytes)


def test_a_module_is_found_in_the_current_folder(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import gymnasium as gym\n"
        "from gymnasium.envs.classic_control import CartPoleEnv\n"
        "gym.register('Mine-v0', lambda **k: CartPoleEnv(**k), max_episode_steps=50)\n"
    )
    (tmp_path / "broken.py").write_text("import not_there_at_all")
    program = (
        "import sys; sys.path.pop(0)\n"  # as the installed script, which has its own folder there
        "from operant.cli import main; sys.exit(main(sys.argv[1:]))"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", program, *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=os.environ,
        )

    for arguments in (("mine:Mine-v0",), ("Mine-v0", "--import", "mine")):
        done = run("evaluate", "random", *arguments, "--episodes", "1")
        assert done.returncode == 0, done.stderr
        assert "over 1 episodes" in done.stdout or "over 1 episode" in done.stdout
    assert run("evaluate", "random", "Mine-v0").returncode == 2
    config = operant.Random("CartPole-v1").config() | {"environment": "mine:Mine-v0"}
    asked = {"operant_version": "1", "total_timesteps": 10, "chunk_size": 1}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text(json.dumps(config | asked))
    for command in ("evaluate", "resume"):  # what only a file names is not imported
        done = run(command, "run")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "a module that a file names is not imported; type it: --import mine." in done.stderr
    done = run("environments", "broken:X-v0")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "'broken' needs 'not_there_at_all'" in done.stderr
