"""Choosing tokens: against definitions by sorting in NumPy, and how often each token comes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from operant.language.sampling import Sampling, inverse, keep_top_k, keep_top_p

LOGITS = np.random.default_rng(0).normal(size=(5, 23)).astype(np.float32) * 2


def by_sorting(logits, temperature=1.0, top_k=0, top_p=1.0):
    """The definition, for one row in float64: the k likeliest, of these the fewest that hold p."""
    p = np.exp(logits.astype(np.float64) / temperature)
    p /= p.sum()
    order = np.argsort(-p)
    kept = order[: top_k or len(p)]
    mass = np.cumsum(p[kept] / p[kept].sum())
    kept = kept[: 1 + int(np.searchsorted(mass, top_p))]
    found = np.zeros_like(p)
    found[kept] = p[kept] / p[kept].sum()
    return found


kept_k, kept_p, placed = jax.jit(keep_top_k), jax.jit(keep_top_p), jax.jit(inverse)


@jax.jit
def probabilities(sampling, logits):
    return sampling.probabilities(logits)


def value(temperature=1.0, top_k=0, top_p=1.0):
    return Sampling(*(jnp.asarray(x) for x in (temperature, top_k, top_p)))


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"temperature": 0.3},
        {"top_k": 1},
        {"top_k": 4},
        {"top_k": 50},
        {"top_p": 0.05},
        {"top_p": 0.8},
        {"top_p": 0.999},
        {"temperature": 1.7, "top_k": 7, "top_p": 0.6},
    ],
)
def test_sampling_has_the_probabilities_of_the_definition(values):
    expected = np.stack([by_sorting(row, **values) for row in LOGITS])
    found = np.asarray(probabilities(value(**values), LOGITS))
    np.testing.assert_array_equal(found > 0, expected > 0)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_temperature_0_takes_the_likeliest_whatever_else_is_asked_for():
    found = probabilities(value(temperature=0.0, top_k=5, top_p=0.5), LOGITS)
    np.testing.assert_array_equal(np.argmax(found, -1), np.argmax(LOGITS, -1))
    np.testing.assert_array_equal(np.sum(found, -1), 1)


def test_tokens_as_likely_as_the_last_one_kept_are_kept():
    even = jnp.full((1, 8), 1 / 8)
    np.testing.assert_allclose(kept_k(even, 3), even)
    np.testing.assert_allclose(kept_p(even, 0.2), even)
    assert np.count_nonzero(kept_k(jnp.asarray([[0.4, 0.0, 0.0, 0.6, 0, 0, 0, 0]]), 3)) == 2


def test_inverse_gives_each_token_as_often_as_it_is_likely():
    """Stratified numbers: the counts of 10,000 are within one of the probabilities; a likelihood of 0 never comes."""
    p = np.asarray(probabilities(value(top_k=9), LOGITS))[:1]
    uniform = (np.arange(10_000) + 0.5) / 10_000
    drawn = np.asarray(placed(jnp.asarray(np.repeat(p, 10_000, 0)), jnp.asarray(uniform, jnp.float32)))
    counts = np.bincount(drawn, minlength=p.shape[1])
    np.testing.assert_allclose(counts, 10_000 * p[0], atol=2)
    assert (counts[p[0] == 0] == 0).all()


def test_inverse_never_gives_what_is_impossible_at_the_ends():
    p = jnp.asarray([[0.0, 0.5, 0.5, 0.0, 0.0]] * 3)
    assert placed(p, jnp.asarray([0.0, 0.5, 1.0])).tolist() == [1, 2, 2]


def test_draws_follow_the_distribution():
    """χ² of 20,000 draws with JAX's random numbers."""
    sampling, row = value(temperature=0.8, top_p=0.9), LOGITS[:1]
    uniform = jax.random.uniform(jax.random.key(0), (20_000,))
    drawn = jax.jit(lambda u: sampling.draw(jnp.broadcast_to(jnp.asarray(row), (len(u), 23)), u))(uniform)
    p = by_sorting(row[0], 0.8, 0, 0.9)
    counts = np.bincount(np.asarray(drawn), minlength=23)
    assert counts[p == 0].sum() == 0
    assert stats.chisquare(counts[p > 0], 20_000 * p[p > 0] / p[p > 0].sum()).pvalue > 1e-3


@pytest.mark.parametrize("values", [{"temperature": -1.0}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.1}])
def test_sampling_refuses_what_cannot_be(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        Sampling(**values)
