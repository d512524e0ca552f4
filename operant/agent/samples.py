"""What a language model says to a few prompts in the course of training, kept in the run's directory.

`samples.jsonl` has a line for each moment, `samples.html` shows them all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from operant.agent.core import Core
from operant.engine.files import replacing
from operant.engine.run_directory import RunDirectory

if TYPE_CHECKING:
    from operant.language.environment import TextEnvironment
    from operant.language.model import LanguageModel

PROMPTS, MOMENTS = 8, 10  # how many prompts, and how often in all of training besides its beginning
DATA, PAGE = "samples.jsonl", "samples.html"


class Samples:
    """Asks the same prompts with the same randomness again and again; of several learners the first."""

    def __init__(self, core: Core, environment: TextEnvironment, directory: Path, after: int | None) -> None:
        """Moments after the step `after` that are there already, of a run that is resumed from there, are dropped."""
        self.core, self.environment, self.directory = core, environment, directory
        rows = environment.texts.rows
        self.chosen = np.unique(np.linspace(0, len(rows) - 1, PROMPTS).astype(int))
        self.moments: list[dict[str, Any]] = []
        if after is not None and (directory / DATA).is_file():
            lines = (directory / DATA).read_text(encoding="utf-8").splitlines()
            self.moments = [each for each in map(json.loads, lines) if each["step"] <= after]

    @classmethod
    def of(cls, core: Core, directory: RunDirectory | None, after: int | None) -> Samples | None:
        """Those of a training; None where it keeps nothing, or plays no environment of text."""
        environment = None if core.recorded is not None else core.source.native
        while environment is not None and not hasattr(environment, "texts"):
            environment = getattr(environment, "inner", None)
        if directory is None or environment is None:
            return None
        return cls(core, environment, directory.path, after)  # pyright: ignore[reportArgumentType]

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

        texts, tokenizer = self.environment.texts, self.environment.tokenizer
        prompts = [texts.rows[i]["prompt"] for i in self.chosen]
        learner, algorithm = self.core.learner, self.core.algorithm
        network = algorithm.network_of(learner.state_of(0))
        room = self.environment.max_new_tokens
        responses = generate(network.model, tokenizer, prompts, max_new_tokens=room)
        own: Any = getattr(algorithm.innermost, "network", None)
        kl: list[Any] = [None] * len(prompts)
        if getattr(own, "has_reference", False):
            reference = own.reference(network).model
            kl = [
                r.log_probs - q
                for r, q in zip(responses, _log_probs(reference, self, responses), strict=True)
            ]
        lengths = np.array([len(response.tokens) for response in responses])
        tokens = np.zeros((len(prompts), room), np.int32)
        for row, response in zip(tokens, responses, strict=True):
            row[: len(response.tokens)] = response.tokens
        rewards = texts.judge(self.chosen, tokens, lengths)
        found = []
        for i, (prompt, response) in enumerate(zip(prompts, responses, strict=True)):
            values = np.zeros(len(response.tokens)) if kl[i] is None else kl[i]
            parts = pieces(tokenizer, response.tokens.tolist(), values.tolist())
            sample = {"prompt": prompt, "text": [text for text, _ in parts], "ended": response.ended}
            sample["rewards"] = {name: float(rewards[i, j]) for j, name in enumerate(texts.rewards)}
            found.append(
                sample if kl[i] is None else sample | {"kl": [round(value, 4) for _, value in parts]}
            )
        return found


def _log_probs(model: LanguageModel, samples: Samples, responses: Any) -> list[np.ndarray]:
    """Those of each response's tokens by another model."""
    from operant.language.log_probs import token_log_probs

    environment = samples.environment
    prompts = np.asarray(environment.prompts)[samples.chosen]
    tokens = np.full(
        (len(prompts), prompts.shape[1] + environment.max_new_tokens), environment.tokenizer.special.pad
    )
    tokens[:, : prompts.shape[1]] = prompts
    for row, response in zip(tokens, responses, strict=True):
        row[prompts.shape[1] :][: len(response.tokens)] = response.tokens
    start = np.asarray(environment.start)[samples.chosen]
    table = np.asarray(jax.jit(token_log_probs)(model, tokens.astype(np.int32), start))
    return [
        row[prompts.shape[1] :][: len(response.tokens)]
        for row, response in zip(table, responses, strict=True)
    ]
