"""Rules that say what a response is worth, by name, and the sum of several.

A reward is one function, or several with their weights:

    reward="exact"
    reward={"exact": 1.0, "number": 0.2}
    reward={"exact": 1.0, "short": (0.1, lambda prompts, responses, rows: [-len(r) / 100 for r in responses])}
    reward={"judge": (1.0, operant.reward_model("runs/reward-1")), "exact": 0.5}
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
RewardFunction = Callable[[Sequence[str], Sequence[str], Sequence[Row]], Sequence[float]]
"""`reward(prompts, responses, rows)`: a number for each response; rows are what was given with the prompts."""
Rewards = RewardFunction | str | Mapping[str, float | tuple[float, RewardFunction]]
NUMBER = re.compile(r"[-−]?\d+(?:,\d{3})*(?:\.\d+)?")


def exact(prompts: Sequence[str], responses: Sequence[str], rows: Sequence[Row]) -> list[float]:
    """1 where the response is the row's answer, apart from spaces around them, and 0 elsewhere."""
    return [float(text.strip() == answer(row)) for text, row in zip(responses, rows, strict=True)]


def contains(prompts: Sequence[str], responses: Sequence[str], rows: Sequence[Row]) -> list[float]:
    """1 where the row's answer is somewhere in the response, and 0 elsewhere."""
    return [float(answer(row) in text) for text, row in zip(responses, rows, strict=True)]


def number(prompts: Sequence[str], responses: Sequence[str], rows: Sequence[Row]) -> list[float]:
    """1 where the last number in the response is that of the row's answer, as for problems with words; else 0."""

    def last(text: str) -> float:
        found = NUMBER.findall(text)
        return float(found[-1].replace(",", "").replace("−", "-")) if found else math.nan

    return [float(last(text) == last(answer(row))) for text, row in zip(responses, rows, strict=True)]


RULES: dict[str, RewardFunction] = {"exact": exact, "contains": contains, "number": number}


def register(name: str, reward: RewardFunction) -> None:
    """Let a function of yours be called by a name, as in `--env-kwargs reward=name`, where a file holds no function.

    On the command line the module that does so is given by `--import`. Raises ValueError for a name of operant's.
    """
    if name in (own.__name__ for own in (exact, contains, number)):
        raise ValueError(f"reward {name!r} is operant's own: choose another name.")
    RULES[name] = reward


def answer(row: Row) -> str:
    """What a row says is right. Raises ValueError where it says nothing."""
    found = row.get("answer")
    if not isinstance(found, str):
        raise ValueError(f'{row!s:.60} has no text as "answer", which this reward needs.')
    return found.strip()


def require_answers(rewards: Mapping[str, tuple[float, RewardFunction]], rows: Sequence[Row]) -> None:
    """Raise ValueError naming the first row without an answer, where a rule of operant's needs one."""
    if any(function in (exact, contains, number) for _, function in rewards.values()):
        for row in rows:
            answer(row)


def named(reward: Rewards) -> dict[str, tuple[float, RewardFunction]]:
    """`{name: (weight, function)}` of what users write. Raises ValueError naming what is wrong."""
    if isinstance(reward, str):
        return {reward: (1.0, _rule(reward))}
    if callable(reward):
        return {getattr(reward, "__name__", "reward"): (1.0, reward)}
    found: dict[str, tuple[float, RewardFunction]] = {}
    for name, given in dict(reward).items():
        value: Any = (given, _rule(name)) if isinstance(given, int | float) else given
        fits = isinstance(value, tuple) and len(value) == 2 and callable(value[1])
        if not fits or not isinstance(value[0], int | float) or not math.isfinite(value[0]):
            raise ValueError(
                f"reward {name!r}: {given!r} must be a weight, or a pair of a weight and a function."
            )
        found[name] = value
    if not found:
        raise ValueError("reward={}: there must be at least one function.")
    return found


def parsed(texts: Sequence[str]) -> dict[str, float]:
    """`{name: weight}` of what is typed: exact, or exact:0.5 with a weight. Raises ValueError for one that is twice."""
    found: dict[str, float] = {}
    for text in texts:
        name, colon, weight = text.rpartition(":")
        try:
            name, number = (name, float(weight)) if colon else (text, 1.0)
        except ValueError:
            name, number = text, 1.0  # a path may have such a sign, too
        if name in found:
            raise ValueError(f"reward {name!r} is given twice.")
        found[name] = number
    return found


def _rule(name: str) -> RewardFunction:
    if name not in RULES:
        raise ValueError(
            f"reward {name!r} is unknown; there are {', '.join(RULES)}, and runs of a reward model "
            "(operant.reward_model(RUN)). Give a function, or register one under this name with "
            "operant.language.rewards.register (on the command line in a module that --import names)."
        )
    return RULES[name]
