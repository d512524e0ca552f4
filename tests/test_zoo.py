"""The zoo: its list, its models, the places that take their names, and training one again."""

from __future__ import annotations

import hashlib
import re
import shlex
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np
import pytest

import operant
from operant import zoo
from operant.cli import main
from operant.cli.asked import read
from operant.reproduction import EPISODES, chosen, compared, fresh, learnt, same_bits
from tools import zoo as written

GRID, POLE = "q-learning/GridWorld", "ppo/CartPole-v1"
QUICK = (GRID, "q-learning/CliffWalking-v1", POLE, "dqn/CartPole-v1", "sac/Pendulum-v1")
MODELS = {name: each.model for name, each in zoo.entries().items() if each.model is not None}


def run(line: str) -> int:
    return main(shlex.split(line))


def test_the_list_says_what_was_measured_and_nothing_else():
    models = {name: each["model"] for name, each in written.known().items() if each["model"]}
    assert zoo.FILE.read_text(encoding="utf-8") == written.text(models), "run `python -m tools.zoo`"
    entry = zoo.entry("zoo:dqn/CartPole-v1/double")
    assert entry.values == {"double": True}
    assert entry.command == "operant train dqn CartPole-v1 --double --seed 1000 --seeds 20"
    assert entry.means[8] == 469.67


def test_the_models_are_those_that_are_listed_and_small():
    assert set(MODELS) == set(written.SHIPPED)
    files = {path.name: path.read_bytes() for path in zoo.MODELS.iterdir()}
    assert set(files) == {model.file for model in MODELS.values()}
    for model in MODELS.values():
        content = files[model.file]
        assert (len(content), hashlib.sha256(content).hexdigest()) == (model.bytes, model.sha256)
    assert sum(map(len, files.values())) <= written.LARGEST


def test_the_seed_of_a_model_is_the_first_that_reached_the_threshold():
    for name, model in MODELS.items():
        entry = zoo.entry(name)
        assert list(model.passed_over) == [str(seed) for seed in entry.seeds if seed < model.seed]
        assert all(mean < entry.threshold for mean in model.passed_over.values())
        assert model.mean >= entry.threshold


@pytest.mark.parametrize("name", list(zoo.entries()))
def test_the_command_of_an_entry_trains_what_was_measured(name):
    entry = zoo.entry(name)
    line, seeds = entry.command, None
    if entry.alone:
        loop = re.fullmatch(r"for seed in \$\(seq (\d+) (\d+)\); do (.+); done", line)
        first, last, line = int(loop[1]), int(loop[2]), loop[3].replace("$seed", loop[1])
        seeds = tuple(range(first, last + 1))
    program, command, algorithm, *words = shlex.split(line)
    assert (program, command) == ("operant", "train")
    asked = read(algorithm, words)
    training = asked.training
    assert training.total_timesteps == entry.steps
    assert training.evaluate_every == (entry.evaluate_every or 0)
    assert (seeds or tuple(range(training.seed, training.seed + training.seeds))) == entry.seeds
    assert (asked.hyperparameters | {"workers": training.workers}).items() >= entry.values.items()


def test_a_wrong_name_is_answered_with_the_nearest():
    with pytest.raises(
        ValueError, match=r"'zoo:ppo/cartpole': .* no such name\. Did you mean zoo:ppo/CartPole-v1\?"
    ):
        operant.load("zoo:ppo/cartpole")
    with pytest.raises(ValueError, match=r"no such name\. `operant zoo` lists them"):
        zoo.entry("xyz")
    with pytest.raises(
        ValueError, match="its model is not shipped; `operant zoo reproduce impala/CartPole-v1`"
    ):
        zoo.located("zoo:impala/CartPole-v1")
    assert zoo.located("runs/a") == "runs/a"
    assert zoo.located(Path(f"zoo:{POLE}")) == MODELS[POLE].path


@pytest.mark.parametrize(
    "line", ["resume {}", "diagnose {}", "plot {}", "branch {} new", "evaluate zoo:ppo/CartPol"]
)
def test_commands_that_take_runs_say_that_it_is_a_model(line, capsys):
    assert run(line.format(f"zoo:{POLE}")) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert ("takes the directory of a run" in error) or ("Did you mean zoo:ppo/CartPole-v1?" in error)


def test_commands_that_take_models_take_names_of_the_zoo(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert run(f"evaluate zoo:{GRID} --episodes 2") == 0
    assert capsys.readouterr().out.startswith("97.0 [97.0, 97.0] over 2 episodes of GridWorld")
    assert run(f"show zoo:{POLE} bars.png --what actions --observation 0 0 0 0") == 0
    assert run(f"show zoo:{GRID} table.png") == 0
    assert (tmp_path / "table.png").read_bytes().startswith(b"\x89PNG")
    assert run(f"compare zoo:{GRID} zoo:{GRID} --episodes 2") == 0
    assert f"zoo:{GRID} (first)" in capsys.readouterr().out
    assert run(f"info zoo:{GRID}") == 0
    assert f"operant watch zoo:{GRID}" in capsys.readouterr().out
    assert run(f"watch zoo:{GRID}") == 0
    assert capsys.readouterr().out == "returns: 97.0\n"
    assert (
        run(f"train --from zoo:{GRID} -n 64 --no-progress --no-video --no-pictures --episodes 2 --run-dir a")
        == 0
    )
    assert "score: 97.0" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"bars.png", "table.png", "a"}


def test_a_policy_of_the_zoo_is_exported_here_and_not_into_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(f"export zoo:{POLE} --format numpy") == 0
    assert (tmp_path / "policy").is_dir()
    assert not (zoo.MODELS / "policy").exists()


def test_the_list_names_everything_that_was_measured(capsys):
    assert run("zoo") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [
        line.split()[0] for line in lines if line.split()[:1] in [[name] for name in zoo.entries()]
    ] == list(zoo.entries())
    assert run(f"zoo {POLE} impala/CartPole-v1") == 0
    told = capsys.readouterr().out
    assert "of each seed  500.0, 500.0" in told
    assert "none is shipped" in told


@pytest.mark.parametrize(
    "name",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in MODELS],
)
def test_a_model_of_the_zoo_plays_as_well_as_is_stated(name):
    model = MODELS[name]
    agent = operant.load(f"zoo:{name}")
    score = agent.evaluate(model.episodes)
    low, high = model.interval
    assert score.interval[1] >= low
    assert score.interval[0] <= high
    assert agent.seed == model.seed
    assert agent.name


@pytest.fixture
def apart(tmp_path, monkeypatch):
    """The zoo's gridworld with a model that was trained here, on this processor, in a folder of its own."""
    entry = zoo.entry(GRID)
    agent = learnt(entry, fresh(entry, chosen(entry, 1)))
    monkeypatch.setattr(zoo, "MODELS", tmp_path)
    agent.save(entry.model.path)
    return entry, agent


def test_reproduce_says_whether_bits_and_score_are_as_stored(apart, monkeypatch, capsys):
    entry, agent = apart
    monkeypatch.setattr("operant.reproduction.changed", lambda versions: ())
    again = operant.reproduce(f"zoo:{GRID}", progress_bar=False)
    assert (again.verdict, again.identical, again.ok) == ("as stored", True, True)
    assert "identical to the shipped model, to the last bit" in str(again)

    def a_bit_more(x):
        x = np.array(x)
        if x.dtype == np.float32 and x.size:
            x.flat[0] = np.nextafter(x.flat[0], np.float32(np.inf))
        return x

    moved = jax.tree.map(a_bit_more, agent.state)
    other = operant.load(entry.model.path)
    other.learner.state = moved
    assert not same_bits(agent, other)
    other.save(entry.model.path)
    again = compared(entry, [entry.model.seed], agent.evaluate(EPISODES), agent)
    assert again.identical is False
    assert "another processor or other settings" in again.bits
    assert "had jax 0, now 1" in replace(again, other_versions=("jax 0, now 1",)).bits

    low = replace(again, interval=(90.0, 96.9))
    assert (low.verdict, low.ok) == ("lower", False)
    assert "--seeds 20` repeats the study" in str(low)
    assert replace(again, interval=(97.1, 98.0)).verdict == "higher"


def test_reproduce_compares_several_seeds_with_the_study(capsys, tmp_path):
    assert run(f"zoo reproduce {GRID} --seeds 2 --no-progress --run-dir {tmp_path / 'a'}") == 0
    told = capsys.readouterr().out
    assert "seeds 1000 to 1001, 56,000 steps each" in told
    assert "interquartile mean over 2 seeds" in told
    assert "bits" not in told
    assert operant.load(tmp_path / "a").seed in (1000, 1001)


def test_seeds_with_workers_are_trained_one_after_another(monkeypatch, tmp_path):
    """A small run in the place of the study's, with a score of its own for each seed."""

    def small(entry, seeds):
        assert len(seeds) == 1
        values = {"workers": 2, "num_envs": 1, "n_steps": 8, "network": {"hidden_sizes": (4,)}}
        return operant.make(entry.algorithm, entry.environment, preset=None, seed=seeds[0], **values)

    monkeypatch.setattr("operant.reproduction.fresh", small)
    entry = replace(zoo.entry("a3c/CartPole-v1"), steps=64)
    assert entry.alone
    monkeypatch.setattr(zoo, "entry", lambda name: entry)
    again = operant.reproduce("a3c/CartPole-v1", seeds=2, run_dir=tmp_path, progress_bar=False)
    assert again.seeds == (1000, 1001)
    assert [score.mean for score in again.score] == list(again.score.means)
    assert [operant.load(tmp_path / str(seed)).seed for seed in again.seeds] == [1000, 1001]


def test_one_seed_is_that_of_the_shipped_model_and_several_are_the_first():
    entry = replace(zoo.entry(POLE), model=replace(MODELS[POLE], seed=1007))
    assert chosen(entry, 1) == (1007,)
    assert chosen(entry, 3) == (1000, 1001, 1002)


def test_reproduce_refuses_what_there_is_not(capsys):
    for line, said in {
        "zoo reproduce": "takes one name",
        f"zoo reproduce {GRID} --seeds 21": "--seeds 21: must be from 1 to 20",
        "zoo reproduce q-learning/GridWord": "Did you mean zoo:q-learning/GridWorld",
        f"zoo {GRID} --seeds 2": "go with `operant zoo reproduce NAME`",
    }.items():
        assert run(line) == 2
        assert said in capsys.readouterr().err


def test_one_seed_without_a_model_is_compared_with_the_range_of_the_study():
    entry = replace(zoo.entry(GRID), model=None, means=(90.0, 97.0, 99.0))
    agent = operant.load(f"zoo:{GRID}")
    again = compared(entry, chosen(entry, 1), agent.evaluate(EPISODES), agent)
    assert (again.stored_interval, again.identical, again.seeds) == ((90.0, 99.0), None, (1000,))
    assert again.verdict == "as stored"
