"""Supervised fine-tuning of a language model (Ouyang et al. 2022, InstructGPT, arXiv:2203.02155, section 3.1).

Behaviour cloning of whoever wrote the responses: the model is fitted to their tokens by maximum likelihood,

    L(θ) = −Σ log π(y_t | x, y_<t) / Σ 1,   over the tokens of the responses y of a batch, x their prompts

A text without a prompt is learnt as a whole, and so are prompts with learn="text".

| | here |
|---|---|
| x, y_<t | what is before a token in its row |
| the tokens that are summed over | learnt |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

import jax
import jax.numpy as jnp

from operant.algorithms.base import require, static
from operant.algorithms.language.learner import LanguagePolicyLearner
from operant.language.data import arrays
from operant.language.data.examples import Example, Reader
from operant.language.data.rows import Row
from operant.language.log_probs import token_log_probs
from operant.language.policy import LanguagePolicy
from operant.ops.returns import weighted_mean
from operant.ops.schedules import Schedule
from operant.plans import Dataset
from operant.types import Batch

Learn = Literal["response", "text"]


class SFT(LanguagePolicyLearner):
    """Supervised fine-tuning of a language model on texts, or on responses to prompts."""

    learning_rate: float | Schedule = 2e-5
    """Step size of the optimiser: a number or a schedule such as linear:2e-5:0."""
    learn: Learn = static("response")
    """The tokens that are learnt: those of the response, or of the whole text."""
    packing: bool = static(False)
    """Put as many texts into each row as there is room for; none sees another, so that only less is padding."""

    def __check_init__(self) -> None:
        require(self.learn in get_args(Learn), "learn", self.learn, f"one of {', '.join(get_args(Learn))}")

    @property
    def experience(self) -> Dataset:
        plan = super().experience
        return replace(plan, neighbours=1) if self.packing else plan  # packed rows are all full

    def loss(
        self, network: LanguagePolicy, batch: Batch, *, key: jax.Array | None = None
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """L(θ) over rows `[B]`."""
        seen = batch.transition.observation
        log_probs = token_log_probs(network.model, seen["tokens"], seen["start"], key=key)
        weight = seen["learnt"] * batch.weight[:, None]
        loss = -weighted_mean(log_probs, weight)
        return loss, {"loss": loss, "perplexity": jnp.exp(loss), "learnt_tokens": jnp.sum(weight)}

    def _examples(self, rows: Sequence[Row], reader: Reader) -> tuple[list[Example], str]:
        return reader.texts(rows)

    def _arrays(self, examples: Sequence[Example], reader: Reader) -> arrays.Arrays:
        pack = arrays.packed if self.packing else arrays.texts
        return pack(examples, reader.tokenizer.special.pad, reader.max_length, whole=self.learn == "text")
