"""Kahneman–Tversky optimisation (Ethayarajh et al. 2024, arXiv:2402.01306).

From responses of which each is desirable or not, without pairs. By prospect theory what a response is worth is felt
relative to what one is used to, z, and gains and losses saturate (equation 8):

    h(x, y) = log π(y|x) − log π_ref(y|x)
    z = max(0, mean of h(x, y') over prompts with the responses y' of other ones)
    v(x, y) = λ_D σ(β (h − z)) for a desirable response, λ_U σ(β (z − h)) for another
    L(θ) = E[ λ_y − v(x, y) ]

No gradient passes z.

| paper | here |
|---|---|
| β | beta |
| λ_D, λ_U | desirable_weight, undesirable_weight |
| π_ref | the model that `network` begins as, which is kept once; with LoRA it is the one that adapters are on |
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.language.learner import LanguagePolicyLearner
from operant.language.data import arrays
from operant.language.data.examples import Example, Reader
from operant.language.data.rows import Row
from operant.language.log_probs import response_log_probs
from operant.language.policy import LanguagePolicy
from operant.ops.preferences import kto_loss
from operant.ops.returns import weighted_mean
from operant.ops.schedules import Schedule
from operant.types import Batch, EnvSpec


class KTO(LanguagePolicyLearner):
    """A policy over text from responses that are desirable or not, of which no two belong together."""

    learning_rate: float | Schedule = 1e-6
    """Step size of the optimiser: a number or a schedule such as linear:1e-6:0."""
    beta: float = 0.1
    """β: how dear it is to go away from the model that learning began with."""
    desirable_weight: float = 1.0
    """λ_D: weight of desirable responses. The paper advises that λ_D times their number be 1 to 4/3 of the other."""
    undesirable_weight: float = 1.0
    """λ_U: weight of the others."""

    def __check_init__(self) -> None:
        ranges.positive(self, "beta")
        ranges.not_negative(self, "desirable_weight", "undesirable_weight")

    def check(self, spec: EnvSpec) -> None:
        super().check(spec)
        self.require_reference()

    def loss(
        self, network: LanguagePolicy, batch: Batch, *, key: jax.Array | None = None
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """L(θ) over responses `[B]`. Nothing is dropped: π would not be the policy that π_ref is compared with."""
        seen, weight = batch.transition.observation, batch.weight
        own, others = ([seen[name][:, i] for name in ("tokens", "start", "learnt")] for i in (0, 1))
        reference = self.reference_of(network)

        def log_ratio(texts: list[jax.Array]) -> jax.Array:
            return response_log_probs(network.model, *texts) - response_log_probs(reference, *texts)

        # The others' gradient is not wanted: computed, it would double the work.
        kl = jnp.maximum(weighted_mean(jax.lax.stop_gradient(log_ratio(others)), weight), 0.0)  # z
        ratio, desirable = log_ratio(own), seen["label"]
        loss = kto_loss(ratio, desirable, kl, self.beta, self.desirable_weight, self.undesirable_weight)
        loss = weighted_mean(loss, weight)
        return loss, {
            "loss": loss,
            "kl": kl,
            "reward_desirable": weighted_mean(self.beta * ratio, weight * desirable),
            "reward_undesirable": weighted_mean(self.beta * ratio, weight * (1 - desirable)),
        }

    def _examples(self, rows: Sequence[Row], reader: Reader) -> tuple[list[Example], str]:
        return reader.labelled(rows)

    def _arrays(self, examples: Sequence[Example], reader: Reader) -> arrays.Arrays:
        return arrays.labelled(examples, reader.tokenizer.special.pad, reader.max_length)
