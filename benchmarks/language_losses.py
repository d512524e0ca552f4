"""Losses of DPO, GRPO and reward models next to TRL's, of one batch made by hand: a part of `language_parity`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import common
from operant.algorithms.language.dpo import DPO
from operant.algorithms.language.reward_model import RewardModel
from operant.algorithms.policy_gradient.grpo import GRPO, Graded
from operant.language import LanguageModel, Pretrained, Transformer
from operant.language.data import arrays
from operant.language.data.examples import Example
from operant.language.heads import ScalarHead, ScoredModel
from operant.language.layers import Projection
from operant.language.log_probs import token_log_probs
from operant.language.policy import LanguagePolicy, spec_of
from operant.language.tokenizers import Characters
from operant.types import Batch, Clock, Transition

TOLERANCE = 1e-5  # relative
# Of Llama's kind: GPT-2's would see other positions in TRL's GRPO, which does not tell it of padding on the left.
CONFIG = Transformer.llama(vocab_size=19, width=16, layers=2, heads=4, kv_heads=2, hidden_size=24, context=32)
EOS, ROOM, PROMPT = 1, 5, 6
PAIRS = [
    {"prompt": [5, 6, 7], "chosen": [8, 9], "rejected": [3, 4, 5, 6], "margin": 0.5},
    {"prompt": [2], "chosen": [10, 11, 12, 13], "rejected": [14], "margin": 0.0},
    {"prompt": [4, 4, 15, 16, 17, 18], "chosen": [3], "rejected": [2, 2], "margin": 1.5},
    {"prompt": [9, 8], "chosen": [7, 6, 5], "rejected": [5, 6, 7], "margin": 0.25},
]
# What operant is given, and the same in TRL's words.
DPO_CASES = (
    ("DPO", {"beta": 0.3}, {"beta": 0.3}),
    ("DPO, hinge", {"beta": 0.3, "loss_type": "hinge"}, {"beta": 0.3, "loss_type": "hinge"}),
    (
        "IPO, of means over tokens",
        {"beta": 0.3, "loss_type": "ipo", "length_normalization": True},
        {"beta": 0.3, "loss_type": "ipo"},
    ),
)
BASE = {"epsilon": 0.2, "epsilon_high": 0.3, "beta": 0.1}
GRPO_CASES = tuple(
    (
        f"GRPO, {ours}, KL {'mended' if unbiased else 'as published'}",
        {
            "aggregation": ours,
            "clip_range": 0.2,
            "clip_range_high": 0.3,
            "kl_coef": 0.1,
            "kl_unbiased": unbiased,
        },
        BASE | {"loss_type": theirs, "use_bias_correction_kl": unbiased},
    )
    for ours, theirs in (("sequence", "grpo"), ("token", "bnpo"), ("constant", "dr_grpo"))
    for unbiased in (False, True)
)
REWARD_CASES = (
    ("reward model, with margins", {}, {}),
    ("reward model, centred", {"centering_coef": 0.01}, {"center_rewards_coefficient": 0.01}),
)


def losses(place: Path, python: str) -> dict[str, dict[str, float]]:
    """`{case: operant's loss, TRL's, and how far they are apart}`."""
    model, reference = _filled(0), _filled(1)
    for name, made in (("policy", model), ("reference", reference)):
        Pretrained(made, None).save(place / name)
    head = np.random.default_rng(2).normal(size=(CONFIG.width, 1)).astype(np.float32)
    np.save(place / "head.npy", head)
    responses = _responses(model, reference)
    np.savez(place / "responses.npz", **responses)
    ours = {
        "dpo": [_dpo(model, reference, values) for _, values, _ in DPO_CASES],
        "grpo": [_grpo(model, reference, responses, values) for _, values, _ in GRPO_CASES],
        "reward": [_reward(model, head, values) for _, values, _ in REWARD_CASES],
    }
    kinds = {"dpo": DPO_CASES, "grpo": GRPO_CASES, "reward": REWARD_CASES}
    argument = {
        "model": str(place / "policy"),
        "reference": str(place / "reference"),
        "head": str(place / "head.npy"),
        "responses": str(place / "responses.npz"),
        "vocab_size": CONFIG.vocab_size,
        "pairs": PAIRS,
        **{kind: [theirs for _, _, theirs in cases] for kind, cases in kinds.items()},
    }
    command = [python, "-m", "benchmarks.peers.losses_trl", json.dumps(argument)]
    done = subprocess.run(command, cwd=common.ROOT, check=True, stdout=subprocess.PIPE, text=True)
    theirs = json.loads(done.stdout.splitlines()[-1])
    found = {}
    for kind, cases in kinds.items():
        for (name, _, _), mine, other in zip(cases, ours[kind], theirs[kind], strict=True):
            apart = abs(mine - other) / max(abs(other), 0.1)  # a small one is a difference of larger ones
            found[name] = {"operant": mine, "TRL": other, "difference": apart}
    return found


def _filled(seed: int) -> LanguageModel:
    """Random weights, large enough that every part counts."""
    random = np.random.default_rng(seed)
    like = jax.eval_shape(lambda: LanguageModel.build(CONFIG, jax.random.key(0)))
    return jax.tree.map(
        lambda x: jnp.asarray(0.3 * random.normal(size=x.shape) + (x.ndim == 1), jnp.float32), like
    )


def _clock() -> Clock:
    return Clock(jnp.zeros((), jnp.int32), jnp.ones((), jnp.int32))


def _batch() -> tuple[Batch, int]:
    examples = [
        Example("", row["prompt"], ([*row["chosen"], EOS], [*row["rejected"], EOS]), row["margin"])
        for row in PAIRS
    ]
    seen = arrays.pairs(examples, 0, CONFIG.context)
    nothing = np.zeros(len(PAIRS), bool)
    steps = Transition(seen, (), np.zeros(len(PAIRS), np.float32), ~nothing, nothing, None)
    return Batch(steps, jnp.ones(len(PAIRS))), seen["tokens"].shape[-1]


def _policy(model: LanguageModel, length: int) -> LanguagePolicy:
    return LanguagePolicy.build(model, spec_of("pairs", CONFIG.vocab_size, length), critic=False)


def _dpo(model: LanguageModel, reference: LanguageModel, values: dict[str, Any]) -> float:
    batch, length = _batch()
    algorithm = DPO(network=Pretrained(reference, Characters("")), **values)
    return float(algorithm.loss(_policy(model, length), batch)[0])


def _reward(model: LanguageModel, head: np.ndarray, values: dict[str, Any]) -> float:
    network = ScoredModel(model, ScalarHead(Projection(jnp.asarray(head), None)))
    return float(RewardModel(**values).loss(network, _batch()[0])[0])


def _responses(model: LanguageModel, reference: LanguageModel) -> dict[str, np.ndarray]:
    """Four responses, two to each of two prompts, as TRL names them: prompts padded on the left, these on the right."""
    random = np.random.default_rng(3)
    prompts = np.array([[0, 0, 5, 6, 7, 8]] * 2 + [[2, 3, 4, 9, 10, 11]] * 2)
    lengths = np.array([3, 5, 1, 4])
    tokens = random.integers(2, CONFIG.vocab_size, (4, ROOM))
    mask = np.arange(ROOM)[None] < lengths[:, None]
    tokens = np.where(mask, tokens, 0)
    tokens[[0, 2, 3], lengths[[0, 2, 3]] - 1] = EOS
    whole = np.concatenate([prompts, tokens], axis=1).astype(np.int32)
    start = (prompts > 0).argmax(1).astype(np.int32)
    now, before = (np.asarray(token_log_probs(m, whole, start))[:, PROMPT:] for m in (model, reference))
    old = now + random.uniform(-0.5, 0.5, now.shape).astype(np.float32)
    return {
        "prompt_ids": prompts,
        "prompt_mask": (prompts > 0).astype(int),
        "completion_ids": tokens,
        "completion_mask": mask.astype(int),
        "advantages": np.array([1.0, -1.0, 0.4, -0.4], np.float32),
        "old_per_token_logps": old,
        "ref_per_token_logps": before,
        "num_items_in_batch": np.array(float(mask.sum()), np.float32),
    }


def _grpo(
    model: LanguageModel, reference: LanguageModel, given: dict[str, np.ndarray], values: dict[str, Any]
) -> float:
    """As `[T, B]`: a response's first step shows its prompt, and the others the token before."""
    tokens, mask = given["completion_ids"].T.astype(np.int32), given["completion_mask"].T > 0
    prompts = given["prompt_ids"].astype(np.int32)
    seen = np.zeros((ROOM, 4, PROMPT), np.int32)
    seen[0], seen[1:, :, -1] = prompts, tokens[:-1]
    start = np.full((ROOM, 4), -1, np.int32)
    start[0] = (prompts > 0).argmax(1)
    observation = {"prompt": np.zeros((ROOM, 4), np.int32), "start": start, "tokens": seen}
    nothing = np.zeros((ROOM, 4), bool)
    step = Transition(
        observation, tokens, np.zeros((ROOM, 4), np.float32), nothing, nothing, None, valid=mask
    )
    data = Graded(
        jax.tree.map(jnp.asarray, step),
        jnp.asarray(given["old_per_token_logps"].T),
        jnp.asarray(given["ref_per_token_logps"].T),
        jnp.broadcast_to(given["advantages"], (ROOM, 4)),
        jnp.asarray(mask, jnp.float32),
    )
    network = LanguagePolicy(model, None, PROMPT, ROOM, CONFIG.vocab_size)
    start_of = Pretrained(reference, None)
    algorithm = GRPO(network=start_of, n_episodes=4, group_size=2, max_steps=ROOM, **values)
    return float(algorithm.loss(network, data, (), _clock())[0])
