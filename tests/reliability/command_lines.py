"""Command lines that nobody would type on purpose, made from the catalogue by their number."""

from __future__ import annotations

import inspect
import random
from dataclasses import dataclass
from typing import Any

from operant import catalogue
from operant.cli.asked import flag_names
from operant.cli.commands import COMMANDS

NUMBERS = (
    "",
    " ",
    "0",
    "-1",
    "-0",
    "1.5",
    "nan",
    "inf",
    "-inf",
    "1e309",
    str(10**30),
    "1e12",
    "1_000",
    "٣",
    "0x10",
    "1e-400",
)
TEXTS = (
    *(
        "",
        " ",
        "\t",
        "é",
        "环境",
        "🤖",
        "x" * 5_000,
        "none",
        "None",
        "true",
        "a=b",
        "=",
        ":",
        "::",
        "a:b:c",
        "../x",
        "/",
        "~",
    ),
    *(
        "missing.toml",
        "folder",
        "unreadable",
        "-",
        "--",
        "%s",
        "{}",
        "$(ls)",
        "'",
        '"',
        "\\",
        "a\nb",
        "linear:1",
        "linear::",
    ),
)
TABLES, VECTORS = ("FrozenLake-v1", "GridWorld"), ("CartPole-v1", "Pendulum-v1")
TABULAR = (
    "q-learning",
    "double-q-learning",
    "sarsa",
    "expected-sarsa",
    "sarsa-lambda",
    "dyna-q",
    "td",
    "monte-carlo",
)
NOT_TYPED = ("wandb",)  # where its package is installed, it asks for an account


@dataclass(frozen=True)
class Line:
    """A command line, and the words of it that may be at fault."""

    words: tuple[str, ...]
    strange: tuple[str, ...]


def line(number: int) -> Line:
    """The command line of this number."""
    choose = random.Random(number)
    command = choose.choice(("train",) * 12 + tuple(name for name in COMMANDS if name != "train"))
    words, flags = _train(choose) if command == "train" else _other(choose, command)
    strange = ["missing"] if "missing" in words else []
    for _ in range(choose.choice((1, 1, 1, 2, 3))):
        words, added = _strange(choose, command, words, flags)
        strange += added
    return Line((command, *words), tuple(strange))


def _train(choose: random.Random) -> tuple[list[str], list[str]]:
    algorithm = choose.choice([name for name in catalogue.algorithms() if name != "random"])
    short = ["--total-timesteps", "1e5", "--episodes", "1", "--no-video", "--no-pictures", "--no-progress"]
    row = catalogue.algorithms()[algorithm]
    discrete = "Box" not in row["actions"]
    environments = TABLES if algorithm in TABULAR else VECTORS[: 1 if discrete else 2]
    environments = ("MountainCar-v0",) if algorithm == "linear-q" else environments  # its bounds are finite
    return [algorithm, choose.choice(environments), *short], sorted(flag_names(algorithm, []))


def _other(choose: random.Random, command: str) -> tuple[list[str], list[str]]:
    parameters = inspect.signature(COMMANDS[command]).parameters
    first = {
        "evaluate": ["scripted"],
        "watch": ["scripted"],
        "record": ["scripted", "film.mp4"],
        "check": ["CartPole-v1"],
    }
    required = [name for name, each in parameters.items() if each.default is each.empty]
    flags = [name for name in parameters if name not in required]
    return list(first.get(command, ["missing"] * len(required))), flags or ["seed"]


def _strange(
    choose: random.Random, command: str, words: list[str], flags: list[str]
) -> tuple[list[str], list[str]]:
    """The words with something wrong or unusual in them, and what that is."""
    kinds: list[Any] = (
        [_value] * 8
        + [_other_flag] * 2
        + [_positional] * 2
        + [_twice, _short, _without, _unknown, _dashes, _dropped]
    )
    return choose.choice(kinds)(choose, words, [flag for flag in flags if flag not in NOT_TYPED])


def _flag(choose: random.Random, flags: list[str]) -> str:
    return "--" + choose.choice(flags).replace("_", "-")


def _nasty(choose: random.Random) -> str:
    return choose.choice(choose.choice((NUMBERS, TEXTS)))


def _value(choose: random.Random, words: list[str], flags: list[str]) -> tuple[list[str], list[str]]:
    flag, value = _flag(choose, flags), _nasty(choose)
    added = [f"{flag}={value}"] if choose.random() < 0.3 else [flag, value]
    return [*words, *added], [flag, value]


def _other_flag(choose: random.Random, words: list[str], flags: list[str]) -> tuple[list[str], list[str]]:
    known = sorted(flag_names(choose.choice(list(catalogue.algorithms())), []))
    return _value(choose, words, [flag for flag in known if flag not in NOT_TYPED])


def _positional(choose: random.Random, words: list[str], flags: list[str]) -> tuple[list[str], list[str]]:
    value, place = _nasty(choose), choose.randrange(2)
    return [*words[:place], value, *words[place + choose.randrange(2) :]], [value, *words[:2]]


def _twice(choose: random.Random, words: list[str], flags: list[str]) -> tuple[list[str], list[str]]:
    flag = _flag(choose, flags)
    return [*words, flag, "1", flag, "2"], [flag]


def _short(choose: random.Random, words: list[str], flags: list[str]) -> tuple[list[str], list[str]]:
    flag = _flag(choose, flags)
    flag = flag[: max(3, len(flag) - choose.randrange(1, 6))]
    return [*words, flag, "1"], [flag]


def _without(choose: random.Random, words: list[str], flags: list[str]) -> tuple[list[str], list[str]]:
    flag = _flag(choose, flags)
    return [*words, flag], [flag]


def _unknown(choose: random.Random, words: list[str], flags: list[str]) -> tuple[list[str], list[str]]:
    flag = choose.choice(
        ("--nonsense", "-z", "---", "--é", "-1", "--net work", "--network", "--no-seed", "--seed.x")
    )
    value = _nasty(choose)
    return [*words, flag, value], [flag, value]


def _dashes(choose: random.Random, words: list[str], flags: list[str]) -> tuple[list[str], list[str]]:
    place = choose.randrange(len(words) + 1)
    return [*words[:place], "--", *words[place:]], ["--", *words[place:]]


def _dropped(choose: random.Random, words: list[str], flags: list[str]) -> tuple[list[str], list[str]]:
    place = choose.randrange(max(len(words), 1))
    return [*words[:place], *words[place + 1 :]], [*words, "required", "missing", "needs"]
