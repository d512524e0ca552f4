"""Generating: the tokens are those that reading the whole text again each time would give, in few compiled programs."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import CONFIGS, logits, model

from operant.language import pretrained
from operant.language.generation import bucket, generate, generate_tokens
from operant.language.model import LanguageModel
from operant.language.sampling import Sampling
from operant.language.tokenizers import Bytes, Characters
from operant.language.weights import folder

TOKENIZER = Characters("abcdefghijk")
PROMPTS = ["abc", "d", "kjihg"]


def slowly(network, tokenizer, prompt, steps):
    """The likeliest token each time, from reading everything again without a cache: `(tokens, log-probabilities)`."""
    text, found = tokenizer.encode(prompt), []
    for _ in range(steps):
        row = np.full((3, 9), 0, np.int32)
        row[:, 9 - len(text) :] = text
        out = np.asarray(logits(network, row, np.full(3, 9 - len(text), np.int32)))[0, -1].astype(np.float64)
        token = int(out.argmax())
        found.append((token, out[token] - np.log(np.exp(out - out.max()).sum()) - out.max()))
        text.append(token)
        if token == tokenizer.special.eos:
            break
    return found


@pytest.mark.parametrize("name", CONFIGS)
def test_greedy_generate_equals_reading_the_whole_text_again_for_every_token(name):
    """For prompts of different lengths together, with the log-probability of each token by the model itself."""
    network = model(name)
    responses = generate(network, TOKENIZER, PROMPTS, max_new_tokens=4, temperature=0.0)
    for prompt, response in zip(PROMPTS, responses, strict=True):
        expected = slowly(network, TOKENIZER, prompt, 4)
        assert response.tokens.tolist() == [token for token, _ in expected]
        np.testing.assert_allclose(response.log_probs, [p for _, p in expected], atol=1e-4)
        assert response.text == TOKENIZER.decode(response.tokens)
        assert response.ended == (expected[-1][0] == TOKENIZER.special.eos)


def always(network, token):
    """A model that gives this token whatever it reads: what is normalised last is 0 but for one number."""
    width = network.config.width
    norm = replace(network.norm, scale=jnp.zeros(width), shift=jnp.eye(width)[0])
    embedding = network.embedding.at[:, 0].set(0.0).at[token, 0].set(30.0)
    return replace(network, norm=norm, embedding=embedding)


def test_generate_ends_with_the_token_that_ends_a_text():
    network = always(model("gpt2"), TOKENIZER.special.eos)
    response, *_ = generate(network, TOKENIZER, PROMPTS, max_new_tokens=4)
    assert response.tokens.tolist() == [1]
    assert (response.text, response.ended) == ("", True)
    response, *_ = generate(always(model("gpt2"), 5), TOKENIZER, PROMPTS, max_new_tokens=4)
    assert (response.tokens.tolist(), response.text, response.ended) == ([5] * 4, "dddd", False)


def test_a_response_that_ended_stays_as_it_is_while_others_go_on():
    """Rows of 0.5 eos: after it there is padding, whose log-probability is 0, and what came before counts."""
    network, prompts = model("gpt2"), jnp.full((64, 4), 3, jnp.int32)
    likely = replace(network, embedding=network.embedding * 0.01)  # nearly uniform over 13 tokens
    made = generate_tokens(
        likely,
        prompts,
        jnp.zeros(64, jnp.int32),
        jax.random.key(0),
        Sampling(jnp.asarray(1.0), jnp.asarray(0), jnp.asarray(1.0)),
        np.int32(8),
        np.int32(0),
        np.int32(1),
        room=8,
    )
    made = jax.tree.map(np.asarray, made)
    assert 8 < made.ended.sum() < 56
    for tokens, log_probs, length, ended in zip(*made, strict=True):
        assert ended == (1 in tokens[:length])
        assert length == (list(tokens).index(1) + 1 if ended else 8)
        assert (tokens[length:] == 0).all()
        assert (log_probs[length:] == 0).all()
        assert (log_probs[:length] < -2).all()
    assert len({tuple(row) for row in made.tokens}) > 50  # rows have randomness of their own


def test_a_row_is_drawn_alike_whichever_rows_are_next_to_it_and_by_its_seed():
    def texts(prompts, seed):
        return [
            each.text for each in generate(model("llama"), TOKENIZER, prompts, max_new_tokens=4, seed=seed)
        ]

    together = texts(PROMPTS, 0)
    assert together == texts(PROMPTS, 0)
    assert together != texts(PROMPTS, 1)
    assert texts([PROMPTS[0], "a", "b"], 0)[:1] == together[:1]


def test_lengths_are_rounded_so_that_few_programs_are_compiled():
    """After one call, other lengths of prompts, other limits and other numbers of sampling trace nothing anew."""
    generate(model("gpt2"), TOKENIZER, PROMPTS, max_new_tokens=4)
    traced, prefill = [], LanguageModel.prefill

    def counted(self, *given):
        traced.append(given)
        return prefill(self, *given)

    with patch.object(LanguageModel, "prefill", counted):
        for length in range(1, 11):
            values = {"temperature": 0.1 * length, "top_k": length, "top_p": 0.09 * length}
            prompts = ["a" * length, "b", "c"]
            responses = generate(model("gpt2"), TOKENIZER, prompts, max_new_tokens=11 - length, **values)
            assert all(len(response.tokens) <= 11 - length for response in responses)
        assert traced == []
        generate(model("gpt2"), TOKENIZER, ["a", "b"], max_new_tokens=1)  # of another number of prompts
        assert len(traced) == 1
    assert [bucket(n) for n in (1, 16, 17, 64, 65)] == [16, 16, 32, 64, 128]


@pytest.mark.parametrize(
    ("prompts", "values", "message"),
    [
        (["a" * 13], {"max_new_tokens": 4}, "13 tokens; with max_new_tokens=4 .* context=16"),
        (["a", ""], {}, "Prompt 1 is empty"),
        ("abc", {}, "takes a list of prompts"),
        (["a"], {"max_new_tokens": 0}, "max_new_tokens=0"),
        (["a"], {"top_p": 2.0, "max_new_tokens": 2}, "top_p=2.0"),
    ],
)
def test_generate_refuses_what_cannot_be(prompts, values, message):
    with pytest.raises(ValueError, match=message):
        generate(model("gpt2"), TOKENIZER, prompts, **values)


def test_a_tokeniser_of_more_tokens_than_the_model_is_refused():
    with pytest.raises(ValueError, match="259 tokens, and the model 13"):
        generate(model("gpt2"), Bytes(), ["a"], max_new_tokens=2)


def test_pretrained_models_are_saved_and_generate_the_same_when_they_are_loaded(tmp_path):
    folder.save(model("llama"), tmp_path)
    again = pretrained.load(tmp_path)
    with pytest.raises(ValueError, match="no tokeniser"):
        again.generate(["abc"])
    again = pretrained.Pretrained(again.model, TOKENIZER)
    first, second = (
        [response.text for response in each.generate(PROMPTS, max_new_tokens=4)]
        for each in (again, pretrained.Pretrained(model("llama"), TOKENIZER))
    )
    assert first == second
