"""Small tasks with an answer that a rule verifies, over single characters: models of minutes learn them.

Their prompts come from a fixed generator: they are the same everywhere, and a tenth of them, the part `test`, is never
in the part `train`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import cache, wraps
from pathlib import Path
from typing import Any, Literal

import numpy as np

from operant.language.environment import TextEnvironment
from operant.language.rewards import Rewards, Row
from operant.language.tokenizers import Bytes, Characters, Tokenizer

Part = Literal["train", "test", "all"]
OPERATIONS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}
LETTERS = "abcdefghijklmnopqrstuvwxyz"
HELD_OUT = 10  # of ten prompts one is in the part `test`


def _once(make: Callable[..., TextEnvironment]) -> Callable[..., TextEnvironment]:
    """The same environment for the same arguments: what is compiled for one serves for all its copies."""
    known: dict[str, TextEnvironment] = {}

    @wraps(make)
    def made(**arguments: Any) -> TextEnvironment:
        name = json.dumps(
            arguments, sort_keys=True, default=lambda value: f"{type(value).__name__} {id(value)}"
        )
        if name not in known:
            known[name] = make(**arguments)
        return known[name]

    return made


@_once
def arithmetic(
    digits: int = 2,
    operations: str = "+-",
    part: Part = "train",
    tokenizer: Tokenizer | None = None,
    reward: Rewards = "exact",
    max_new_tokens: int | None = None,
    missing_eos_penalty: float = 0.0,
) -> TextEnvironment:
    """Problems such as `27+5=`, whose response is to be `32`, of numbers of up to `digits` digits.

    Raises ValueError for operations other than + - *, and for more than a million problems.
    """
    unknown = [each for each in operations if each not in OPERATIONS]
    if unknown or not operations:
        raise ValueError(f"operations={operations!r}: must be some of {' '.join(OPERATIONS)}.")
    if not 1 <= digits <= 3:
        raise ValueError(f"digits={digits}: must be from 1 to 3.")
    numbers = range(10**digits)
    rows = [
        {"prompt": f"{a}{sign}{b}=", "answer": str(OPERATIONS[sign](a, b))}
        for sign in operations
        for a in numbers
        for b in numbers
    ]
    longest = max(len(row["answer"]) for row in rows) + 1
    return TextEnvironment(
        _of_part(rows, part),
        tokenizer or Characters("0123456789+-*= "),
        reward,
        max_new_tokens=longest if max_new_tokens is None else max_new_tokens,
        missing_eos_penalty=missing_eos_penalty,
        id="Arithmetic",
    )


@_once
def sorting(
    shortest: int = 3,
    longest: int = 6,
    n_prompts: int = 10_000,
    part: Part = "train",
    tokenizer: Tokenizer | None = None,
    reward: Rewards = "exact",
    max_new_tokens: int | None = None,
    missing_eos_penalty: float = 0.0,
) -> TextEnvironment:
    """Letters such as `qaxb:`, whose response is to be these in order, `abqx`.

    Raises ValueError for lengths that cannot be.
    """
    if not 1 <= shortest <= longest <= 32:
        raise ValueError(f"shortest={shortest}, longest={longest}: must be from 1 to 32, in this order.")
    random = np.random.default_rng(0)
    rows: dict[str, Row] = {}
    for length in random.integers(shortest, longest + 1, n_prompts):
        letters = "".join(LETTERS[i] for i in random.integers(0, len(LETTERS), length))
        rows[letters] = {"prompt": f"{letters}:", "answer": "".join(sorted(letters))}
    return TextEnvironment(
        _of_part(list(rows.values()), part),
        tokenizer or Characters(f"{LETTERS}: "),
        reward,
        max_new_tokens=longest + 1 if max_new_tokens is None else max_new_tokens,
        missing_eos_penalty=missing_eos_penalty,
        id="Sorting",
    )


@_once
def text(
    prompts: str | Path | Sequence[str | Row] = (),
    reward: Rewards = "exact",
    tokenizer: Tokenizer | None = None,
    max_new_tokens: int = 64,
    missing_eos_penalty: float = 0.0,
    max_prompt_tokens: int | None = None,
) -> TextEnvironment:
    """Prompts of yours, as `TextEnvironment` takes them; by default a token is a byte.

    Raises ValueError without any.
    """
    if not prompts:
        raise ValueError(
            "Text needs prompts: env_kwargs={'prompts': 'FILE.jsonl'}, --env-kwargs prompts=FILE.jsonl."
        )
    return TextEnvironment(
        prompts,
        tokenizer or Bytes(),
        reward,
        max_new_tokens=max_new_tokens,
        missing_eos_penalty=missing_eos_penalty,
        max_prompt_tokens=max_prompt_tokens,
    )


def _of_part(rows: Sequence[Row], part: Part) -> list[Row]:
    """Those of a part, in an order of their own. Raises ValueError for a part that there is not."""
    if part == "all":
        return list(rows)
    order = _order(len(rows))
    held_out = len(rows) // HELD_OUT
    chosen = {"test": order[:held_out], "train": order[held_out:]}
    if part not in chosen:
        raise ValueError(f"part={part!r}: must be train, test or all.")
    return [rows[i] for i in sorted(chosen[part])]


@cache
def _order(count: int) -> tuple[int, ...]:
    return tuple(int(i) for i in np.random.default_rng(0).permutation(count))
