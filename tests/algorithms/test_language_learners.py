"""SFT, reward models, DPO and KTO: their losses by loops over rows, and what they must be before and after learning."""

# pyright: reportArgumentType=false, reportOptionalMemberAccess=false

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.agent import Agent
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.language.dpo import DPO
from operant.algorithms.language.kto import KTO
from operant.algorithms.language.reward_model import RewardModel
from operant.algorithms.language.sft import SFT
from operant.language.config import Transformer
from operant.language.lora import LoRA
from operant.language.model import LanguageModel
from operant.language.pretrained import Pretrained
from operant.language.tokenizers import Characters
from operant.types import Batch

LETTERS = Characters("abcdefgh")
SMALL = Transformer(vocab_size=LETTERS.vocab_size, width=8, layers=1, heads=2, context=16)
BETA = 0.4


@cache
def model(seed: int = 0) -> LanguageModel:
    """Random weights from NumPy, which costs no compiling."""
    random = np.random.default_rng(seed)
    like = jax.eval_shape(lambda key: LanguageModel.build(SMALL, key), jax.random.key(0))
    return jax.tree.map(lambda x: jnp.asarray(0.5 * random.normal(size=x.shape), jnp.float32), like)


def start(lora: LoRA | None = None) -> Pretrained:
    return Pretrained(model(), LETTERS, lora)


PAIRS = [
    {"prompt": "ab", "chosen": "c", "rejected": "defg", "margin": 0.5},
    {"prompt": "a", "chosen": "bc", "rejected": "h"},
    {"prompt": "abcdef", "chosen": "", "rejected": "gh"},
]
TEXTS = [{"prompt": "ab", "response": "cd"}, {"text": "abcdefg"}, {"prompt": "h", "response": ""}]
LABELLED = [
    {"prompt": "ab", "completion": "c", "label": True},
    {"prompt": "a", "completion": "bc", "label": False},
    {"prompt": "efg", "completion": "h", "label": False},
]


@jax.jit
def logits(network, tokens):
    return network(tokens)


def log_prob(which: int, prompt: str, response: str) -> np.ndarray:
    """log π of each token of a response and of the one that ends it, by the logits of one text that is not padded."""
    tokens = [*LETTERS.encode(prompt + response), LETTERS.special.eos]
    padded = np.zeros((1, 16), np.int32)
    padded[0, : len(tokens)] = tokens
    scores = np.asarray(logits(model(which), padded), np.float64)[0]
    first = max(len(prompt), 1)
    return np.array(
        [scores[t - 1, tokens[t]] - np.log(np.sum(np.exp(scores[t - 1]))) for t in range(first, len(tokens))]
    )


def read(algorithm: Any, data: Any, weight: Any = (1.0, 1.0, 0.0)) -> tuple[Any, Batch]:
    """The algorithm with its data as a batch, of which the last row only fills it up."""
    algorithm = algorithm.fitted_to(data)
    return algorithm, Batch(algorithm.read_dataset(data).steps, jnp.asarray(weight))


def acting(algorithm: Any, data: Any, which: int = 1) -> Any:
    """The network that acts, with the weights of another model than learning began with."""
    spec = algorithm.read_dataset(data).spec
    network = jax.eval_shape(lambda: algorithm.init(spec, jax.random.key(0))).network
    return eqx.tree_at(lambda n: n.model, network, model(which))


@eqx.filter_jit
def loss_of(algorithm, network, batch):
    return algorithm.loss(network, batch)


# supervised fine-tuning


@pytest.mark.parametrize("learn", ["response", "text"])
def test_sft_loss_is_a_mean_over_tokens_by_a_loop(learn):
    sft, batch = read(SFT(network=start(), learn=learn), TEXTS)
    first = log_prob(1, "ab" if learn == "response" else "", "cd" if learn == "response" else "abcd")
    expected = np.concatenate([first, log_prob(1, "", "abcdefg")])
    loss, metrics = loss_of(sft, acting(sft, TEXTS), batch)
    assert loss == pytest.approx(-expected.mean(), rel=1e-4)
    assert metrics["learnt_tokens"] == len(expected)
    assert metrics["perplexity"] == pytest.approx(math.exp(-expected.mean()), rel=1e-3)


def test_sft_of_packed_rows_is_that_of_single_ones():
    sft, batch = read(SFT(network=start()), TEXTS, (1.0, 1.0, 1.0))
    packed, rows = read(SFT(network=start(), packing=True), TEXTS, (1.0,))
    assert rows.transition.reward.shape == (1,)
    network = acting(sft, TEXTS)
    expected, made = (loss_of(a, network, b) for a, b in ((sft, batch), (packed, rows)))
    assert made[1]["learnt_tokens"] == expected[1]["learnt_tokens"]
    assert made[0] == pytest.approx(float(expected[0]), rel=1e-5)


def test_sft_begins_at_random_with_the_letters_of_its_data_and_learns_them():
    data = ["abab", "baba"] * 8
    network = replace(SMALL, vocab_size=99)
    algorithm = SFT(network=network, tokenizer="characters", batch_size=16, learning_rate=0.03)
    agent = Agent(algorithm, dataset=data)
    assert agent.algorithm.tokenizer.alphabet == "ab"
    assert agent.algorithm.network.vocab_size == 4
    agent.learn(200, progress_bar=False)
    assert agent.history[-1]["train/loss"] < 0.1  # each letter but the first, which is not learnt, is sure
    assert [each.text for each in agent.generate(["ab", "b"], temperature=0.0, max_new_tokens=8)] == [
        "ab",
        "aba",
    ]


# reward models


@pytest.mark.parametrize("centering", [0.0, 0.3])
def test_reward_model_loss_by_a_loop(centering):
    algorithm = RewardModel(network=start(), margin=0.2, centering_coef=centering)
    made, batch = read(algorithm, PAIRS)
    network = acting(made, PAIRS)
    weight = jnp.arange(8, dtype=jnp.float32)[:, None] / 4
    network = eqx.tree_at(lambda n: n.head.projection.weight, network, weight)

    def reward(prompt: str, response: str) -> float:
        tokens = np.array([[*LETTERS.encode(prompt + response), LETTERS.special.eos]], np.int32)
        return float(np.asarray(model(1).hidden(tokens))[0, -1] @ np.arange(8) / 4)

    losses, right = [], []
    for row in PAIRS[:2]:
        chosen, rejected = (reward(row["prompt"], row[name]) for name in ("chosen", "rejected"))
        margin = row.get("margin", 0.0) + 0.2
        losses.append(math.log1p(math.exp(rejected - chosen + margin)) + centering * (chosen + rejected) ** 2)
        right.append(chosen > rejected)
    loss, metrics = loss_of(made, network, batch)
    assert loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert metrics["accuracy"] == np.mean(right)


def test_reward_model_learns_which_responses_are_better_and_scores_new_ones():
    """Those with more of the letter a."""
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(list("ab"), 4)) for _ in range(64)]
    pairs = [
        sorted(two, key=lambda text: -text.count("a")) for two in zip(texts[::2], texts[1::2], strict=True)
    ]
    data = [{"prompt": "c", "chosen": x, "rejected": y} for x, y in pairs if x.count("a") != y.count("a")]
    agent = Agent(RewardModel(network=start(), batch_size=32, learning_rate=0.02), dataset=data)
    agent.learn(80, progress_bar=False)
    assert agent.history[-1]["train/accuracy"] > 0.95
    scores = agent.score(["c"] * 3, ["aaaa", "abba", "bbbb"])
    assert scores[0] > scores[1] > scores[2]
    with pytest.raises(ValueError, match="scores no text"):
        Agent(SFT(network=start()), dataset=["ab", "ba"]).score(["a"], ["b"])


# DPO


def ratios(row: dict) -> list[float]:
    """h of the chosen and of the rejected response, of model 1 over model 0."""
    return [
        float(np.sum(log_prob(1, row["prompt"], row[name]) - log_prob(0, row["prompt"], row[name])))
        for name in ("chosen", "rejected")
    ]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"loss_type": "ipo"},
        {"loss_type": "hinge", "label_smoothing": 0.1},
        {"length_normalization": True},
    ],
)
def test_dpo_loss_by_a_loop(values):
    made, batch = read(DPO(network=start(), beta=BETA, sft_coef=0.3, **values), PAIRS)
    kind, smoothing = made.loss_type, made.label_smoothing
    losses, right = [], []
    for row in PAIRS[:2]:
        lengths = [len(row[name]) + 1 for name in ("chosen", "rejected")]
        h = ratios(row)
        if made.length_normalization:
            h = [x / length for x, length in zip(h, lengths, strict=True)]
        d = h[0] - h[1]
        one = {
            "sigmoid": math.log1p(math.exp(-BETA * d)),
            "hinge": (1 - smoothing) * max(0, 1 - BETA * d) + smoothing * max(0, 1 + BETA * d),
            "ipo": (d - 1 / (2 * BETA)) ** 2,
        }[kind]
        losses.append(one - 0.3 * log_prob(1, row["prompt"], row["chosen"]).mean())
        right.append(d > 0)
    loss, metrics = loss_of(made, acting(made, PAIRS), batch)
    assert loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert metrics["accuracy"] == np.mean(right)


def test_dpo_at_the_reference_is_ln_2_with_the_gradient_of_the_paper():
    """−β/2 E[∇ log π(y_w|x) − ∇ log π(y_l|x)], and none of the reference."""
    from operant.language.log_probs import response_log_probs

    made, batch = read(DPO(network=start(), beta=BETA), PAIRS)
    seen = batch.transition.observation

    @eqx.filter_jit
    def slopes(made, network):
        def loss(m):
            return made.loss(eqx.tree_at(lambda n: n.model, network, m), batch)[0]

        def difference(m):
            found = response_log_probs(m, seen["tokens"], seen["start"], seen["learnt"])
            return -BETA / 2 * jnp.sum((found[:, 0] - found[:, 1]) * batch.weight) / 2

        of_reference = jax.grad(lambda n: replace(made, network=n).loss(network, batch)[0])(made.network)
        return jax.value_and_grad(loss)(network.model), jax.grad(difference)(network.model), of_reference

    (loss, gradient), expected, none = slopes(made, acting(made, PAIRS, 0))
    assert loss == pytest.approx(math.log(2), rel=1e-6)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-5), gradient, expected)
    assert all(np.abs(np.asarray(x)).max() == 0 for x in jax.tree.leaves(none))


def test_dpo_with_lora_learns_adapters_alone_and_refers_to_the_model_below_them():
    made, batch = read(DPO(network=start(LoRA(rank=2)), beta=BETA, learning_rate=0.05), PAIRS)
    agent = Agent(made, dataset=PAIRS)
    learnt = jax.tree.leaves(agent.state.network)
    assert sum(leaf.size for leaf in learnt) == 2 * 2 * (8 * 2)
    agent.learn(3, progress_bar=False)
    assert agent.history[0]["train/loss"] == pytest.approx(math.log(2), rel=1e-5)
    assert agent.history[-1]["train/loss"] < 0.69
    np.testing.assert_array_equal(agent.algorithm.network.model.embedding, model().embedding)
    _, metrics = loss_of(made, made.whole(agent.state.network), batch)
    merged = agent.language_model.model
    full, same = read(DPO(network=start(), beta=BETA), PAIRS)
    _, expected = loss_of(full, eqx.tree_at(lambda n: n.model, acting(full, PAIRS), merged), same)
    assert metrics["loss"] == pytest.approx(float(expected["loss"]), rel=1e-5)


def test_dpo_ends_at_the_reference_times_the_exponential_of_the_reward():
    """Four responses with rewards r = log s for s = 1, 2, 3, 4: i is chosen before j s_i times of s_i + s_j, and the
    policy must become π_ref(y) exp(r(y)/β), among them: total variation below 0.02.
    """
    beta, letters = 0.5, "dcba"
    data = [
        {"prompt": "h", "chosen": letters[i], "rejected": letters[j]}
        for i in range(4)
        for j in range(4)
        if i != j
        for _ in range(i + 1)
    ]
    algorithm = DPO(network=start(), beta=beta, learning_rate=0.01, batch_size=len(data))
    agent = Agent(algorithm, dataset=data).learn(400, progress_bar=False)
    reference, learnt = (
        np.array([sum(logs(network, letter)) for letter in letters])
        for network in (model(), agent.language_model.model)
    )
    expected = np.exp(reference) * np.arange(1, 5) ** (1 / beta)
    made = np.exp(learnt)
    assert 0.5 * np.abs(made / made.sum() - expected / expected.sum()).sum() < 0.02
    before = np.exp(reference)
    assert 0.5 * np.abs(before / before.sum() - expected / expected.sum()).sum() > 0.1


def logs(network: LanguageModel, letter: str) -> list[float]:
    tokens = np.array([[*LETTERS.encode("h" + letter), LETTERS.special.eos]], np.int32)
    scores = jax.nn.log_softmax(jax.jit(lambda m, t: m(t))(network, tokens))[0]
    return [float(scores[t - 1, tokens[0, t]]) for t in (1, 2)]


# KTO


def test_kto_loss_by_a_loop():
    made, batch = read(
        KTO(network=start(), beta=BETA, desirable_weight=1.5, undesirable_weight=0.5), LABELLED
    )
    seen = batch.transition.observation

    def ratio(row: int, column: int) -> float:
        tokens, learnt = (np.asarray(seen[name])[row, column] for name in ("tokens", "learnt"))
        first = int(seen["start"][row, column])
        texts = [LETTERS.decode(part) for part in (tokens[first:][~learnt[first:]], tokens[learnt])]
        return float(np.sum(log_prob(1, *texts) - log_prob(0, *texts)))

    z = max(0.0, np.mean([ratio(i, 1) for i in range(2)]))
    losses = [
        weight * (1 - 1 / (1 + math.exp(-sign * BETA * (ratio(i, 0) - z))))
        for i, weight, sign in ((0, 1.5, 1), (1, 0.5, -1))
    ]
    loss, metrics = loss_of(made, acting(made, LABELLED), batch)
    assert loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert metrics["kl"] == pytest.approx(z, rel=1e-4)
    assert metrics["reward_desirable"] == pytest.approx(BETA * ratio(0, 0), rel=1e-4)


# what all have in common


@pytest.mark.parametrize(("algorithm", "data"), [(SFT, TEXTS), (DPO, PAIRS), (RewardModel, PAIRS)])
def test_padding_changes_no_loss(algorithm, data):
    made, batch = read(algorithm(network=start()), data)
    seen = dict(batch.transition.observation)
    more = [(0, 0)] * (seen["tokens"].ndim - 1) + [(3, 0)]
    seen["tokens"] = np.pad(seen["tokens"], more, constant_values=5)
    seen["learnt"] = np.pad(seen["learnt"], more)
    seen["start"] = seen["start"] + 3
    longer = replace(batch, transition=replace(batch.transition, observation=seen))
    network = acting(made, data)
    if algorithm is RewardModel:
        network = eqx.tree_at(lambda n: n.head.projection.weight, network, jnp.ones((8, 1)))
    assert loss_of(made, network, longer)[0] == pytest.approx(
        float(loss_of(made, network, batch)[0]), rel=1e-5
    )


def test_language_learners_say_what_they_cut_and_refuse_what_they_must():
    with pytest.warns(TrainingWarning, match="1 of 3 rows have more than max_length=8 tokens"):
        DPO(network=start(), max_length=8).read_dataset(PAIRS)
    with pytest.raises(ValueError, match="row 2: it has 9 tokens, and max_length=8"):
        DPO(network=start(), max_length=8, too_long="refuse").read_dataset(PAIRS)
    with pytest.raises(ValueError, match="DPO needs a model to begin with"):
        Agent(DPO(tokenizer=LETTERS, network=SMALL), dataset=PAIRS)
    with pytest.raises(ValueError, match="tokenizer='bytes': must be None: the model has one of its own"):
        Agent(SFT(network=start(), tokenizer="bytes"), dataset=["ab"])
    with pytest.raises(ValueError, match=r"transformer\.vocab_size=10: the tokeniser has 259 tokens"):
        Agent(SFT(network=SMALL), dataset=["ab"])
    with pytest.raises(ValueError, match="loss_type='best': must be one of sigmoid, hinge, ipo"):
        DPO(loss_type="best")
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1: must be 0 with ipo"):
        DPO(loss_type="ipo", label_smoothing=0.1)
    with pytest.raises(ValueError, match="chat='best': must be one of none, chatml, plain"):
        SFT(chat="best")
