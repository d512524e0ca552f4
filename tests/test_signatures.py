"""What editors, type checkers and `help()` know of the constructors."""

from __future__ import annotations

import inspect
import json
import os
import pydoc
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import operant
from operant.constructors import NAMES
from operant.signatures import arguments_help, shown
from tools import constructor_stubs

ROOT = Path(operant.__file__).parents[1]
RIGHT = """
from typing import assert_type

import operant

agent = operant.PPO("CartPole-v1", learning_rate="linear:3e-4:0", seeds=4, network={"hidden_sizes": [64, 64]})
assert_type(agent, operant.Agent)
assert_type(agent.learn(1e5, progress_bar=False), operant.Agent)
assert_type(operant.load("model.safetensors"), operant.Agent)
assert_type(operant.DQN.load("model.safetensors", best=True), operant.Agent)
operant.DQN("CartPole-v1", learning_rate=operant.Linear(1e-3), network=operant.Network(memory="gru"))
operant.ARS("CartPole-v1", wrappers=["time-aware", operant.ScaleReward(0.1)])
"""
WRONG = {
    'operant.PPO("CartPole-v1", learning_rat=1)': "learning_rat",
    'operant.PPO("CartPole-v1", objective="clap")': "clap",
    'operant.DQN("CartPole-v1", batch_size="many")': "many",
    'operant.PPO("CartPole-v1").lern(1000)': "lern",
    'operant.PPO.load("model", best=3)': "best",  # other names are hyperparameters
    "operant.PP0": "PP0",
}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (constructor_stubs.PATH, constructor_stubs.stub),
        (constructor_stubs.PACKAGE, constructor_stubs.package_stub),
    ],
    ids=["constructors", "package"],
)
def test_the_stubs_say_what_there_is(path, text):
    assert path.read_text(encoding="utf-8") == text(), (
        f"{path.name} is out of date: run `python -m tools.constructor_stubs`."
    )


def test_the_package_says_that_it_has_types():
    assert (ROOT / "operant" / "py.typed").exists()


@pytest.mark.skipif(find_spec("pyright") is None, reason="pyright is not installed")
def test_a_type_checker_takes_a_right_script_and_flags_a_wrong_name(tmp_path):
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(RIGHT)
    wrong.write_text("\n".join(["import operant", *WRONG]))
    result = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, right, wrong],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    found = {}
    for diagnostic in json.loads(result.stdout)["generalDiagnostics"]:
        if diagnostic["severity"] == "error":
            place = Path(diagnostic["file"]).name, diagnostic["range"]["start"]["line"]
            found.setdefault(place, diagnostic["message"])
    assert [message for (file, _), message in found.items() if file == "right.py"] == []
    for line, word in enumerate(WRONG.values(), start=1):
        assert word in found["wrong.py", line]


@pytest.mark.parametrize("name", NAMES)
def test_help_tells_of_each_argument(name):
    construct = getattr(operant, name)
    told = arguments_help(construct.__doc__)
    parameters = inspect.signature(construct).parameters
    assert list(told) == list(parameters)
    for parameter in parameters.values():
        text, _, default = told[parameter.name].rpartition("Default: ")
        if parameter.default is inspect.Parameter.empty:
            assert default
        else:
            assert len(text) > 10, f"{parameter.name} has no help"
            assert default == f"{' '.join(shown(parameter.default).split())}."


def test_help_reads_well():
    text = pydoc.plain(pydoc.render_doc(operant.PPO))
    assert "\n    learning_rate=0.0003,\n" in text
    assert "        gamma: Discount factor γ. Default: 0.99.\n" in text
    assert "One of 'clip', 'kl'. Default: 'clip'." in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 110
