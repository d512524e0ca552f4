"""Direct preference optimisation (Rafailov et al. 2023, arXiv:2305.18290).

The best policy for a reward r that is to stay near π_ref is π* ∝ π_ref exp(r/β) (equation 4). So a policy says what
reward it is the best for, r(x, y) = β log π(y|x)/π_ref(y|x) + const(x), and learning that reward by Bradley–Terry, from
responses y_w that were chosen and y_l that were rejected, is learning the policy (equation 7):

    L(θ) = −E[ log σ( β h(y_w) − β h(y_l) ) ],   h(y) = Σ_t log π(y_t | x, y_<t) − log π_ref(y_t | x, y_<t)

| paper | here |
|---|---|
| β | beta |
| π_ref | the model that `network` begins as, which is kept once; with LoRA it is the one that adapters are on |
| IPO (Azar et al. 2023, arXiv:2310.12036) | loss_type="ipo", where β is τ |
| SLiC's hinge (Zhao et al. 2023, arXiv:2305.10425) | loss_type="hinge" |
| ε of conservative DPO (Mitchell 2023) | label_smoothing |
| α of RPO (Pang et al. 2024, arXiv:2404.19733, equation 2) | sft_coef |
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.algorithms.language.learner import LanguagePolicyLearner
from operant.language.data import arrays
from operant.language.data.examples import Example, Reader
from operant.language.data.rows import Row
from operant.language.log_probs import response_log_probs
from operant.language.policy import LanguagePolicy
from operant.ops.preferences import PREFERENCES, Preference, preference_loss
from operant.ops.returns import weighted_mean
from operant.ops.schedules import Schedule
from operant.types import Batch, EnvSpec


class DPO(LanguagePolicyLearner):
    """A policy over text from pairs of responses, without a reward model and without generating anything."""

    learning_rate: float | Schedule = 1e-6
    """Step size of the optimiser: a number or a schedule such as linear:1e-6:0."""
    beta: float = 0.1
    """β: how dear it is to go away from the model that learning began with; of ipo, τ."""
    loss_type: Preference = static("sigmoid")
    """The loss of a pair: sigmoid (DPO), hinge or ipo."""
    label_smoothing: float = 0.0
    """ε: how likely it is that a judgement is wrong. Of sigmoid and hinge."""
    length_normalization: bool = static(False)
    """Compare responses by the means over their tokens instead of the sums, so that long ones differ no more."""
    sft_coef: float = 0.0
    """α: weight of the likelihood of the chosen response itself, in nats a token."""

    def __check_init__(self) -> None:
        ranges.positive(self, "beta")
        ranges.not_negative(self, "sft_coef")
        kinds = ", ".join(PREFERENCES)
        require(self.loss_type in PREFERENCES, "loss_type", self.loss_type, f"one of {kinds}")
        if isinstance(self.label_smoothing, int | float):
            allowed = "from 0 to below 0.5, where judgements say nothing"
            require(0 <= self.label_smoothing < 0.5, "label_smoothing", self.label_smoothing, allowed)
            without = "0 with ipo, which has none"
            smoothed = self.label_smoothing > 0 and self.loss_type == "ipo"
            require(not smoothed, "label_smoothing", self.label_smoothing, without)

    def check(self, spec: EnvSpec) -> None:
        super().check(spec)
        self.require_reference()

    def loss(
        self, network: LanguagePolicy, batch: Batch, *, key: jax.Array | None = None
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """L(θ) over pairs `[B]`. Nothing is dropped: π would not be the policy that π_ref is compared with."""
        seen = batch.transition.observation
        texts = seen["tokens"], seen["start"], seen["learnt"]
        log_prob = response_log_probs(network.model, *texts)
        ratio = log_prob - response_log_probs(self.reference_of(network), *texts)
        length = jnp.sum(seen["learnt"], axis=-1)
        if self.length_normalization:
            ratio = ratio / length
        chosen, rejected = ratio[:, 0], ratio[:, 1]  # h(y_w), h(y_l)
        loss = preference_loss(chosen, rejected, self.beta, self.loss_type, self.label_smoothing)
        nll = -(log_prob / length)[:, 0]
        loss, nll = weighted_mean(loss, batch.weight), weighted_mean(nll, batch.weight)
        rewards = [weighted_mean(self.beta * h, batch.weight) for h in (chosen, rejected)]
        return loss + self.sft_coef * nll, {
            "loss": loss + self.sft_coef * nll,
            "accuracy": weighted_mean((chosen > rejected).astype(jnp.float32), batch.weight),
            "margin": rewards[0] - rewards[1],
            "reward_chosen": rewards[0],
            "reward_rejected": rewards[1],
            "nll_chosen": nll,
        }

    def _examples(self, rows: Sequence[Row], reader: Reader) -> tuple[list[Example], str]:
        return reader.pairs(rows)

    def _arrays(self, examples: Sequence[Example], reader: Reader) -> arrays.Arrays:
        return arrays.pairs(examples, reader.tokenizer.special.pad, reader.max_length)
