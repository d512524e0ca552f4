"""How likely a model finds tokens: all logits at once, in parts, and in rows that hold several texts."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from small_models import logits, model, tokens

from operant.language import log_probs
from operant.language.log_probs import token_log_probs

START = np.array([0, 3, 1], np.int32)


@jax.jit
def computed(network, rows, start):
    return token_log_probs(network, rows, start)


def by_hand(network, rows, start) -> np.ndarray:
    """log softmax of the logits before each token, in float64; 0 in the first column."""
    scores = np.asarray(logits(network, rows, start), np.float64)
    found = np.zeros(rows.shape)
    for n in range(rows.shape[0]):
        for t in range(1, rows.shape[1]):
            before = scores[n, t - 1]
            found[n, t] = before[rows[n, t]] - np.log(np.sum(np.exp(before)))
    return found


def test_token_log_probs_are_the_log_softmax_of_the_logits_before():
    made = computed(model("gpt2"), tokens(), START)
    np.testing.assert_allclose(made, by_hand(model("gpt2"), tokens(), START), atol=2e-5)


def test_token_log_probs_in_parts_are_those_at_once(monkeypatch):
    """3 × 8 tokens in parts of 5, which is no divisor of all; with the gradient."""

    def total(network):
        return (token_log_probs(network, tokens(), START) ** 2).sum()

    expected = jax.jit(jax.value_and_grad(total))(model("gpt2"))
    monkeypatch.setattr(log_probs, "MOST", 70)
    made = jax.jit(jax.value_and_grad(total))(model("gpt2"))
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-4, atol=2e-3), made, expected)


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_texts_that_share_a_row_are_read_as_they_are_alone(name):
    """Rows of 2 + 4 tokens after padding, and of 3 + 3 + 3."""
    texts = [tokens()[0, :2], tokens()[1, :4], tokens()[0, 5:8], tokens()[1, 2:5], tokens()[2, :3]]
    rows = np.zeros((2, 9), np.int32)
    start = np.full((2, 9), 9, np.int32)
    places = [(0, 3), (0, 5), (1, 0), (1, 3), (1, 6)]
    for text, (row, first) in zip(texts, places, strict=True):
        rows[row, first : first + len(text)] = text
        start[row, first : first + len(text)] = first
    together = np.asarray(computed(model(name), rows, start))
    alone = np.zeros((5, 9), np.int32)
    for i, text in enumerate(texts):
        alone[i, -len(text) :] = text
    expected = np.asarray(computed(model(name), alone, np.array([9 - len(text) for text in texts], np.int32)))
    for i, (text, (row, first)) in enumerate(zip(texts, places, strict=True)):
        end = first + len(text)
        np.testing.assert_allclose(together[row, first + 1 : end], expected[i, 10 - len(text) :], atol=1e-5)
