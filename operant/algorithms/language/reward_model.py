"""A reward model: a number for each response, learnt from which of two is better (Ouyang et al. 2022, InstructGPT,
arXiv:2203.02155, equation 1; Christiano et al. 2017, arXiv:1706.03741).

By Bradley & Terry (1952) the response y_w is chosen before y_l with probability σ(r(x, y_w) − r(x, y_l)), and r is
fitted by maximum likelihood:

    L(θ) = −E[ log σ( r(x, y_w) − r(x, y_l) − m ) ] + c E[ (r(x, y_w) + r(x, y_l))² ]

r is a linear function of what a language model makes of the last token. Differences alone are learnt; with c the
rewards are 0 on average, too.

| paper | here |
|---|---|
| m (Touvron et al. 2023, Llama 2, arXiv:2307.09288, equation 2) | margin, and the "margin" of a row |
| c (Eisenstein et al. 2023, arXiv:2312.09244) | centering_coef |
"""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.language.learner import LanguageLearner, LanguageState
from operant.language.data import arrays
from operant.language.data.examples import Example, Reader
from operant.language.data.rows import Row
from operant.language.heads import ScalarHead, ScoredModel
from operant.ops.preferences import bradley_terry_loss, centering_loss
from operant.ops.returns import weighted_mean
from operant.ops.schedules import Schedule
from operant.spaces import Box, Dict, describe
from operant.types import Batch, Clock, EnvSpec, PyTree

SCORE = Box(-math.inf, math.inf, ())  # what it does with a text


class RewardModel(LanguageLearner):
    """A score of responses, from which of two is better. It plays nothing: what it does with a text is to score it."""

    learning_rate: float | Schedule = 1e-5
    """Step size of the optimiser: a number or a schedule such as linear:1e-5:0."""
    margin: float = 0.0
    """m: by how much the chosen response's reward should be larger at least, added to the "margin" of its row."""
    centering_coef: float = 0.0
    """c: weight of the squared sum of both rewards; 0.01 is usual."""

    def __check_init__(self) -> None:
        ranges.finite(self, "margin")
        ranges.not_negative(self, "centering_coef")

    def check(self, spec: EnvSpec) -> None:
        if spec.action_space != SCORE:
            raise ValueError(
                f"{self.name} learns from a dataset alone, and scores text: leave out the environment {spec.id}, whose "
                f"actions are {describe(spec.action_space)}."
            )

    def init(self, spec: EnvSpec, key: jax.Array) -> LanguageState:
        model, head = jax.random.split(key)
        width = self.network.config.width
        # Little at first, of all texts, and without a bias: in Hugging Face's layout there is none.
        made = ScalarHead.build(width, head, deviation=1 / (width + 1), bias=False)
        network = ScoredModel(self.network.begin(model), made)
        return LanguageState(network, self._optimizer(0.0).init(network))

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        return ()

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        """The score of texts `tokens [N, L]` that begin at `start [N]`."""
        return self.network_of(state).score(observation["tokens"], observation["start"]), (), ()

    def network_of(self, state: LanguageState) -> ScoredModel:
        return self.network.whole(state.network)

    def loss(
        self, network: ScoredModel, batch: Batch, *, key: jax.Array | None = None
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """L(θ) over pairs `[B]`. Nothing is dropped."""
        seen, weight = batch.transition.observation, batch.weight
        tokens = seen["tokens"]
        rewards = network.score(tokens.reshape(-1, tokens.shape[-1]), seen["start"].reshape(-1))
        chosen, rejected = rewards.reshape(-1, 2).T  # r(x, y_w), r(x, y_l)
        loss = bradley_terry_loss(chosen, rejected, seen["margin"] + self.margin)
        loss = loss + self.centering_coef * centering_loss(chosen, rejected)
        loss = weighted_mean(loss, weight)
        return loss, {
            "loss": loss,
            "accuracy": weighted_mean((chosen > rejected).astype(jnp.float32), weight),
            "difference": weighted_mean(chosen - rejected, weight),
            "mean_reward": weighted_mean(chosen + rejected, weight) / 2,
        }

    def _examples(self, rows: Sequence[Row], reader: Reader) -> tuple[list[Example], str]:
        return reader.pairs(rows, prompts_needed=False)

    def _arrays(self, examples: Sequence[Example], reader: Reader) -> arrays.Arrays:
        return arrays.pairs(examples, reader.tokenizer.special.pad, reader.max_length)

    def _spec(self, name: str, seen: arrays.Arrays) -> EnvSpec:
        length = seen["tokens"].shape[-1]
        space = Dict.of(
            {
                "start": Box(0, length, (), "int32"),
                "tokens": Box(0, self.reader.tokenizer.vocab_size - 1, (length,), "int32"),
            }
        )
        return EnvSpec(name, space, SCORE)
