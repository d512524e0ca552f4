"""A reward model as the reward of responses: what `RewardModel` has learnt, which nobody learns any more.

An environment runs it on the device, once for all responses that were collected (`TextEnvironment.judge`). Its
tokeniser need not be that of the model that writes: it reads texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np

from operant.frozen import Frozen
from operant.language.data.arrays import rounded
from operant.language.data.examples import Reader
from operant.language.data.rows import read
from operant.language.heads import ScoredModel
from operant.language.tokenizers.base import Tokenizer, padded

AT_ONCE = 32  # texts that are read together: a rollout may have a thousand, of a model of any size


class TrainedReward:
    """What a reward model says of a response, as a `RewardFunction`; equal only to itself.

    Args:
        model: The model and how it reads texts; or a function that gives both, called when they are first needed.
        path: The run or the model file that it comes from, as which a configuration names it.
        sha256: Of its arrays, where others are to be refused.
    """

    def __init__(
        self,
        model: tuple[ScoredModel, Reader] | Callable[[], tuple[ScoredModel, Reader]],
        path: str | None = None,
        sha256: str | None = None,
    ) -> None:
        self._model, self.path, self._expected = model, path, sha256
        self.__name__ = "reward_model" if path is None else name_of(path)

    def __repr__(self) -> str:
        return f"<reward model {self.path or 'without a file'}>"

    def __deepcopy__(self, memo: Any) -> TrainedReward:
        return self  # nothing of it changes

    @cached_property
    def _read(self) -> tuple[Frozen, Reader]:
        model, reader = self._model() if callable(self._model) else self._model
        weights = Frozen(model)
        if self._expected not in (None, weights.sha256):
            raise ValueError(
                f"reward model {self.path}: it is not the one that training began with. Put that back, or begin a new "
                "run."
            )
        return weights, replace(reader, too_long="cut")

    @property
    def weights(self) -> Frozen:
        """The `ScoredModel`, adapters merged. Raises ValueError where it is another one than was expected."""
        return self._read[0]

    @property
    def sha256(self) -> str:
        """Of its arrays."""
        return self._expected or self.weights.sha256

    def room(self, prompts: Sequence[str], tokenizer: Tokenizer, max_new_tokens: int) -> int:
        """For how many tokens there must be room to read every response to these prompts by `tokenizer`'s model.

        Raises ValueError naming a text that it cannot read: a prompt, or a token of a response.
        """
        reader, own = self._read[1], self._read[1].tokenizer
        alike = own.to_json() == tokenizer.to_json()
        parts = [] if alike else [tokenizer.decode([token]) for token in range(tokenizer.vocab_size)]
        try:
            longest = max(len(own.encode(prompt)) for prompt in prompts)
            for part in parts:
                own.encode(part)
        except ValueError as error:
            raise ValueError(f"reward model {self.__name__}: {error}") from None
        if not alike or reader.chat != "none":
            return reader.max_length
        return rounded(longest + max_new_tokens + 1, reader.max_length)

    def tokens(
        self, prompts: Sequence[str], responses: Sequence[str], room: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Responses as it reads them, with their prompts and an end: `(tokens [N, room], start [N])`.

        Without `room` they are as long as the longest, rounded up. Longer ones are cut as in learning.
        """
        reader = self._read[1]
        reader = replace(reader, max_length=room or reader.max_length)
        given = [{"prompt": p, "response": r} for p, r in zip(prompts, responses, strict=True)]
        rows = [[*each.prompt, *each.responses[0]] for each in reader.texts(read(given))[0]]
        room = rounded(max(map(len, rows)), reader.max_length) if room is None else room
        return padded(rows, reader.tokenizer.special.pad, room)

    def __call__(
        self, prompts: Sequence[str], responses: Sequence[str], rows: Sequence[Any] = ()
    ) -> np.ndarray:
        """The score of a response to each prompt, float32 `[N]`; `rows` are not looked at."""
        return np.asarray(_scores(self.weights, *self.tokens(prompts, responses)))


def scores(weights: Frozen, tokens: jax.Array, start: jax.Array) -> jax.Array:
    """`[N]` of texts `tokens [N, T]` that begin at `start [N]`, a few at a time."""
    model: ScoredModel = weights.value
    return jax.lax.map(
        lambda row: model.score(row[0][None], row[1][None])[0], (tokens, start), batch_size=AT_ONCE
    )


_scores = jax.jit(scores)


def name_of(path: str | Path) -> str:
    """What a reward model is called by default: its directory's name, or its file's."""
    path = Path(path)
    return path.stem if path.suffix == ".safetensors" else path.resolve().name
