"""What a language model says to a few prompts in the course of training, kept in the run's directory.

`samples.jsonl` has a line for each moment, `samples.html` shows them all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from operant.agent.core import Core
from operant.engine.files import replacing
from operant.engine.run_directory import RunDirectory

if TYPE_CHECKING:
    from operant.language.generation import Response
    from operant.language.model import LanguageModel
    from operant.language.tokenizers.base import Tokenizer

PROMPTS, MOMENTS = 8, 10  # how many prompts, and how often in all of training besides its beginning
LONGEST = 128  # tokens of a response, where a dataset has longer ones
DATA, PAGE = "samples.jsonl", "samples.html"


@dataclass(frozen=True)
class Questions:
    """What is asked, and what is said of the responses."""

    prompts: Sequence[str]
    tokenizer: Tokenizer
    room: int  # tokens of a response
    rewards: Callable[[Sequence[Response]], dict[str, np.ndarray]]  # a number for each response, by names

    @classmethod
    def of_environment(cls, environment: Any) -> Questions:
        """Some of its prompts, and its rewards."""
        texts, room = environment.texts, environment.max_new_tokens
        chosen = _some(len(texts.rows))

        def rewards(responses: Sequence[Response]) -> dict[str, np.ndarray]:
            tokens = np.zeros((len(responses), room), np.int32)
            for row, response in zip(tokens, responses, strict=True):
                row[: len(response.tokens)] = response.tokens
            found = texts.judge(chosen, tokens, np.array([len(each.tokens) for each in responses]))
            return dict(zip(texts.rewards, found.T, strict=True))

        return cls([texts.rows[i]["prompt"] for i in chosen], environment.tokenizer, room, rewards)

    @classmethod
    def of_dataset(cls, core: Core) -> Questions | None:
        """What comes before the responses of a dataset of texts; None where no policy over text learns from it."""
        learner: Any = core.algorithm.innermost
        if not hasattr(learner, "reader") or core.recorded is None:
            return None
        from operant.language.policy import LanguagePolicy

        network = jax.eval_shape(lambda: core.algorithm.network_of(core.learner.initial_state()))
        if not isinstance(network, LanguagePolicy):
            return None
        data: Any = core.recorded.data
        seen, tokenizer = data.steps.observation, learner.reader.tokenizer
        tokens, start, learnt = (np.asarray(seen[name]) for name in ("tokens", "start", "learnt"))
        if tokens.ndim == 3:  # two responses, of which the first is the better one
            tokens, start, learnt = tokens[:, 0], start[:, 0], learnt[:, 0]
        if start.ndim == 2:  # several texts in a row, of which the last is taken
            start = start[:, -1]
            learnt = learnt & (np.arange(tokens.shape[1]) >= start[:, None])
        first = np.argmax(learnt, axis=1)
        chosen = _some(len(tokens))
        prompts = [tokenizer.decode(tokens[i, start[i] : first[i]]) for i in chosen]
        prompts = [
            text for text in dict.fromkeys(prompts) if text
        ]  # a text that nothing comes before has no prompt
        if not prompts:
            return None
        longest = max(len(tokenizer.encode(prompt)) for prompt in prompts)
        room = min(int(learnt.sum(axis=1).max()), LONGEST, learner.network.config.context - longest)
        return None if room < 1 else cls(prompts, tokenizer, room, lambda responses: {})


class Samples:
    """Asks the same prompts with the same randomness again and again; of several learners the first."""

    def __init__(self, core: Core, questions: Questions, directory: Path, after: int | None) -> None:
        """Moments after the step `after` that are there already, of a run that is resumed from there, are dropped."""
        self.core, self.questions, self.directory = core, questions, directory
        self.moments: list[dict[str, Any]] = []
        if after is not None and (directory / DATA).is_file():
            lines = (directory / DATA).read_text(encoding="utf-8").splitlines()
            self.moments = [each for each in map(json.loads, lines) if each["step"] <= after]

    @classmethod
    def of(cls, core: Core, directory: RunDirectory | None, after: int | None) -> Samples | None:
        """Those of a training; None where it keeps nothing, or learns no policy over text."""
        if directory is None:
            return None
        if core.recorded is not None:
            questions = Questions.of_dataset(core)
        else:
            environment = core.source.native
            while environment is not None and not hasattr(environment, "texts"):
                environment = getattr(environment, "inner", None)
            questions = None if environment is None else Questions.of_environment(environment)
        return None if questions is None else cls(core, questions, directory.path, after)

    def take(self, step: int) -> None:
        """Ask now, unless that has been done at this step, and write both files."""
        if self.moments and self.moments[-1]["step"] == step:
            return
        self.moments.append({"step": step, "samples": self._asked()})
        with replacing(self.directory / DATA) as path:
            path.write_text("".join(json.dumps(each) + "\n" for each in self.moments), encoding="utf-8")
        from operant.studio.samples import page

        title = f"{self.core.name} on {self.core.source.id}"
        with replacing(self.directory / PAGE) as path:
            path.write_text(page(title, self.moments), encoding="utf-8")

    def _asked(self) -> list[dict[str, Any]]:
        from operant.language.generation import generate
        from operant.studio.samples import pieces

        asked, algorithm = self.questions, self.core.algorithm
        network = algorithm.network_of(self.core.learner.state_of(0))
        responses = generate(network.model, asked.tokenizer, asked.prompts, max_new_tokens=asked.room)
        own: Any = getattr(algorithm.innermost, "network", None)
        kl: list[Any] = [None] * len(responses)
        if getattr(own, "has_reference", False):
            reference = _log_probs(own.reference(network).model, asked, responses)
            kl = [
                each.log_probs - of_reference for each, of_reference in zip(responses, reference, strict=True)
            ]
        rewards = asked.rewards(responses)
        found = []
        for i, (prompt, response) in enumerate(zip(asked.prompts, responses, strict=True)):
            values = np.zeros(len(response.tokens)) if kl[i] is None else kl[i]
            parts = pieces(asked.tokenizer, response.tokens.tolist(), values.tolist())
            sample = {"prompt": prompt, "text": [text for text, _ in parts], "ended": response.ended}
            sample["rewards"] = {name: float(values[i]) for name, values in rewards.items()}
            found.append(
                sample if kl[i] is None else sample | {"kl": [round(value, 4) for _, value in parts]}
            )
        return found


def _log_probs(model: LanguageModel, asked: Questions, responses: Sequence[Response]) -> list[np.ndarray]:
    """Those of each response's tokens by another model."""
    from operant.language.log_probs import token_log_probs
    from operant.language.tokenizers.base import padded

    pad = asked.tokenizer.special.pad
    prompts, start = padded([asked.tokenizer.encode(prompt) for prompt in asked.prompts], pad)
    tokens = np.full((len(prompts), prompts.shape[1] + asked.room), pad, np.int32)
    tokens[:, : prompts.shape[1]] = prompts
    for row, response in zip(tokens, responses, strict=True):
        row[prompts.shape[1] :][: len(response.tokens)] = response.tokens
    table = np.asarray(jax.jit(token_log_probs)(model, tokens, start))
    return [
        row[prompts.shape[1] :][: len(response.tokens)]
        for row, response in zip(table, responses, strict=True)
    ]


def _some(count: int) -> np.ndarray:
    """The numbers of a few of this many things."""
    return np.unique(np.linspace(0, count - 1, PROMPTS).astype(int))
