"""`docs/stable_baselines3_tests.md`: its counts are those of its rows, and what it names is there."""

import importlib
import inspect
import re
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

import operant
from operant.constructors import NAMES

PAGE = Path(__file__).parent.parent / "docs" / "stable_baselines3_tests.md"
STATES = ("same", "otherwise", "not", "later", "–")


def rows() -> list[tuple[str, str, str]]:
    """`(what is asserted, state, here)` of every table below the opening."""
    body = PAGE.read_text().split("\n## ", 1)[1]
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in body.splitlines() if line[:1] == "|"
    ]
    heads = ("what is asserted there", "---")
    return [(row[0], row[1], row[2]) for row in cells if row[0] not in heads]


HERE = [row for row in rows() if row[1] in ("same", "otherwise")]


@cache
def hyperparameters() -> set[str]:
    """Of every algorithm, and of the network."""
    names = {
        name for algorithm in NAMES for name in inspect.signature(getattr(operant, algorithm)).parameters
    }
    return names | {field.name for field in fields(operant.Network)}


def arguments(function) -> set[str]:
    parameters = inspect.signature(function).parameters
    return {name for name, one in parameters.items() if one.kind != one.VAR_KEYWORD} - {"self"}


def test_the_counts_are_those_of_the_rows():
    opening = PAGE.read_text().split("\n## ", 1)[0]
    states = [state for _, state, _ in rows()]
    counts = {state: states.count(state) for state in STATES}
    assert sum(counts.values()) == len(states)
    printed = ", ".join(f"**{count}** {state}" for state, count in counts.items())
    assert f"**{len(states)}** rows: {printed}." in opening
    here = counts["same"] + counts["otherwise"]
    percent = 100 * here / (here + counts["not"])
    assert f"**{percent:.1f} %**" in opening
    assert percent >= 90


def test_every_row_is_there_once_and_says_what_is_otherwise():
    assert len({row[0] for row in rows()}) == len(rows())
    assert [what for what, state, here in rows() if state != "same" and not here] == []


def look_up(path: str) -> object:
    """`operant.A.b`, where A may be a module that nobody has imported yet."""
    found = operant
    for i, name in enumerate(parts := path.split(".")[1:]):
        if not hasattr(found, name):
            importlib.import_module(".".join(["operant", *parts[: i + 1]]))
        found = getattr(found, name)
    return found


@pytest.mark.parametrize("here", [here for _, _, here in HERE if "`" in here])
def test_what_is_named_is_there(here):
    for code in re.findall("`([^`]+)`", here):
        if named := re.match(r"(operant|agent)((?:\.\w+)+)(\(.*)?$", code):
            where, path, call = named.groups()
            found = look_up(where + path) if where == "operant" else getattr(operant.Agent, path[1:], None)
            if found is None:
                agent = operant.PPO("CartPole-v1", preset=None)
                found = look_up_in(agent, path[1:])
            for argument in re.findall(r"\b(\w+)=(?!=)", call or ""):
                known = arguments(found) if callable(found) else set()
                assert argument in known | (hyperparameters() if path[1:] in ("load", *NAMES) else set()), (
                    code
                )
        elif name := re.match(r"([a-z]\w*)(=.*)?$", code):
            known = hyperparameters() | arguments(operant.Agent.learn) | arguments(operant.Agent.predict)
            known |= arguments(operant.Agent.set_parameters) | arguments(operant.Progress.record)
            known |= arguments(operant.EpisodeLog) | {
                one for one in dir(operant.Callback) if one[:3] == "on_"
            }
            known |= {field.name for field in fields(operant.callbacks.StepEvent)}
            assert name[1] in known, code


def look_up_in(value: object, path: str) -> object:
    for name in path.split("."):
        value = getattr(value, name)
    return value
