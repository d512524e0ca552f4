"""The transformer: sizes, what each token sees, and that reading step by step is reading all at once."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import CONFIGS, LENGTH, VOCABULARY, differences, filled, logits, model, tokens

from operant.language.blocks import Cache
from operant.language.config import Transformer
from operant.language.model import LanguageModel

both = pytest.mark.parametrize("name", CONFIGS)
START = np.array([0, 2, 5], np.int32)


@pytest.mark.parametrize(
    ("config", "parameters"), [(Transformer.gpt2(), 124_439_808), (Transformer.llama(), 134_515_008)]
)
def test_language_model_has_as_many_parameters_as_the_published_ones(config, parameters):
    made = jax.eval_shape(lambda key: LanguageModel.build(config, key), jax.random.key(0))
    assert made.size == parameters


@both
def test_language_model_is_causal(name):
    """A later token changes no earlier logit, and its own."""
    changed = tokens()
    changed[:, 6] = (changed[:, 6] + 1) % VOCABULARY
    difference = differences(model(name), changed)
    assert (difference[:, :6] == 0).all()
    assert (difference[:, 6:] > 1e-3).all()


@both
def test_left_padding_changes_nothing(name):
    """Whatever the padding is, and wherever a text begins, its logits are those that it has alone."""
    padded = logits(model(name), tokens(), START)
    other = np.where(np.arange(LENGTH) < START[:, None], (tokens() + 1) % VOCABULARY, tokens())
    seen = np.arange(LENGTH) >= START[:, None]
    np.testing.assert_array_equal(
        np.asarray(logits(model(name), other, START))[seen], np.asarray(padded)[seen]
    )
    for row, start in enumerate(START):
        shifted = np.roll(tokens()[[row] * 3], -start, axis=1)  # the text first, what follows it is later
        alone = logits(model(name), shifted, np.zeros(3, np.int32))[0, : LENGTH - start]
        np.testing.assert_allclose(padded[row, start:], alone, atol=2e-5)


@jax.jit
def read_in_steps(model, tokens, start, own_lengths):
    """Six tokens at once and the others one by one; with `own_lengths` each text has a slot of its own."""
    hidden, cache = model.prefill(tokens[:, :6], start, 12)

    def one(cache: Cache, token: jax.Array) -> tuple[Cache, jax.Array]:
        hidden, cache = model.step(token, cache)
        return cache, hidden

    def rest(cache: Cache) -> jax.Array:
        _, later = jax.lax.scan(one, cache, tokens[:, 6:].T)
        return model.logits(jnp.concatenate([hidden, jnp.moveaxis(later, 0, 1)], axis=1))

    shared, own = rest(cache), rest(replace(cache, length=jnp.full(len(tokens), 6, jnp.int32)))
    return jnp.where(own_lengths, own, shared)


@both
@pytest.mark.parametrize("own_lengths", [False, True])
def test_cached_steps_of_a_language_model_equal_reading_at_once(name, own_lengths):
    whole = np.asarray(logits(model(name), tokens(), START))
    seen = np.arange(LENGTH) >= START[:, None]
    stepped = np.asarray(read_in_steps(model(name), tokens(), START, own_lengths))
    np.testing.assert_allclose(stepped[seen], whole[seen], atol=2e-5)


@both
@pytest.mark.parametrize(("answers", "length"), [(1, 3), (3, 3), (3, 0)])
def test_answers_hidden_is_that_of_prompts_each_followed_by_an_answer(name, answers, length):
    """And so is its gradient, which of a prompt is that of all of its answers."""
    network, size = model(name), 6
    prompts = tokens()[:, :size]
    given = np.concatenate([np.roll(tokens()[:, size:], n, axis=0) for n in range(answers)], axis=1)
    given = (given.reshape(3 * answers, -1)[:, :length] + np.arange(3 * answers)[:, None]) % VOCABULARY
    whole = np.concatenate([np.repeat(prompts, answers, 0), given], axis=1)
    weight = np.random.default_rng(0).normal(size=(3 * answers, 1 + given.shape[1], network.config.width))

    def by_answers(network):
        return jnp.sum(network.answers_hidden(prompts, START, given) * weight)

    def by_wholes(network):
        return jnp.sum(network.hidden(whole, np.repeat(START, answers))[:, size - 1 :] * weight)

    (one, gradient), (other, expected) = (
        jax.jit(jax.value_and_grad(f))(network) for f in (by_answers, by_wholes)
    )
    assert float(one) == pytest.approx(float(other), rel=1e-4, abs=1e-3)
    for leaf, right in zip(jax.tree.leaves(gradient), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(leaf, right, atol=2e-4 * max(1, np.abs(right).max()))


def test_answers_hidden_has_no_room_for_more_than_the_context():
    with pytest.raises(ValueError, match="17 tokens; the model looks back on context=16"):
        model("gpt2").answers_hidden(
            np.zeros((1, 9), np.int32), np.zeros(1, np.int32), np.zeros((2, 8), np.int32)
        )


def test_texts_of_different_lengths_step_together_in_slots_of_their_own():
    """`Cache.length [N]`: the second text has read two tokens less than the first, and goes on in its own slot."""
    network = model("llama")
    start = np.zeros(3, np.int32)
    whole = np.asarray(logits(network, tokens(), start))
    _, cache = jax.jit(LanguageModel.prefill, static_argnums=3)(network, tokens()[:, :6], start, 12)
    cache = replace(cache, length=jnp.array([6, 4, 6], jnp.int32))
    hidden, _ = jax.jit(LanguageModel.step)(network, tokens()[[0, 1, 2], [6, 4, 6]], cache)
    np.testing.assert_allclose(network.logits(hidden), whole[[0, 1, 2], [6, 4, 6]], atol=2e-5)


def test_grouped_keys_equal_repeated_keys():
    grouped, config = model("llama"), CONFIGS["llama"]
    size = config.size_of_head

    def repeated(projection):
        weight = projection.weight.reshape(config.width, 2, 1, size)
        return replace(projection, weight=jnp.tile(weight, (1, 1, 2, 1)).reshape(config.width, -1))

    whole = replace(config, kv_heads=None)
    blocks = tuple(
        replace(
            block,
            attention=replace(
                block.attention,
                key=repeated(block.attention.key),
                value=repeated(block.attention.value),
                config=whole,
            ),
        )
        for block in grouped.blocks
    )
    every = replace(grouped, blocks=blocks, config=whole)
    start = np.zeros(3, np.int32)
    np.testing.assert_allclose(logits(every, tokens(), start), logits(grouped, tokens(), start), atol=2e-5)


def test_rotary_positions_know_distances_alone():
    """Equation 16 of Su et al.: the product of a turned query and a turned key depends on how far apart they are."""
    from operant.language.layers import rotate

    random = np.random.default_rng(0)
    query, key = (jnp.asarray(random.normal(size=(1, 1, 1, 6)), jnp.float32) for _ in range(2))

    def score(of_query: int, of_key: int) -> float:
        turned = [rotate(x, jnp.array([[p]]), 100.0) for x, p in ((query, of_query), (key, of_key))]
        return float(jnp.sum(turned[0] * turned[1]))

    assert score(7, 4) == pytest.approx(score(23, 20), abs=1e-5)
    assert abs(score(7, 4) - score(7, 5)) > 1e-2
    angle = 3 * 100.0 ** -(2 / 6)  # of the second pair, at position 3
    np.testing.assert_allclose(
        rotate(query, jnp.array([[3]]), 100.0)[0, 0, 0, 1],
        query[0, 0, 0, 1] * np.cos(angle) - query[0, 0, 0, 4] * np.sin(angle),
        rtol=1e-5,
    )


def test_gradient_checkpointing_changes_no_gradient_and_dropout_needs_a_key():
    kept = model("gpt2")
    config = replace(CONFIGS["gpt2"], gradient_checkpointing=True, dropout=0.5)
    again = replace(
        filled(config), embedding=kept.embedding, positions=kept.positions, norm=kept.norm, blocks=kept.blocks
    )

    @jax.jit
    def gradient(model, key):
        def loss(model):
            hidden = model.hidden(tokens(), key=None)
            return jnp.sum(jnp.square(model.logits(hidden)))

        return jax.grad(loss)(model), model.hidden(tokens(), key=key)

    (first, _), (second, dropped) = (gradient(m, jax.random.key(0)) for m in (kept, again))
    for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(second), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-3)
    assert np.abs(np.asarray(dropped - again.hidden(tokens()))).max() > 0.1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"heads": 3}, "heads=3"),
        ({"kv_heads": 3}, "kv_heads=3"),
        ({"norm": "batch"}, "norm='batch'"),
        ({"layers": 0}, "layers=0"),
        ({"dropout": 1.0}, "dropout=1.0"),
        ({"positions": "rotary", "width": 12}, "head_size"),
    ],
)
def test_transformer_refuses_sizes_that_cannot_be(values, message):
    with pytest.raises(ValueError, match=f"transformer.{message}"):
        Transformer(**{"heads": 4, **values})


def test_transformer_is_read_back_from_its_values():
    config = CONFIGS["llama"]
    assert Transformer.from_json(config.to_json()) == config
    with pytest.raises(ValueError, match=r"transformer\.depth is unknown"):
        Transformer.from_json({"depth": 3})


def test_language_model_names_the_context_that_a_text_is_too_long_for():
    with pytest.raises(ValueError, match="context=16"):
        model("gpt2").hidden(np.zeros((1, 17), np.int32))
