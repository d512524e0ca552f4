"""LoRA: it begins as nothing, merges into its matrices, and nothing else has a gradient."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import logits, model, tokens

from operant.language import lora
from operant.language.heads import ScalarHead, ScoredModel
from operant.language.lora import LoRA

START = np.zeros(3, np.int32)


def adapted(name: str, value: LoRA):
    """A small model with adapters whose numbers are not 0."""
    made = lora.add(model(name), value, jax.random.key(0))
    adapters, base = lora.split(made)
    random = np.random.default_rng(0)
    adapters = jax.tree.map(lambda x: jnp.asarray(0.3 * random.normal(size=x.shape), jnp.float32), adapters)
    return lora.join(adapters, base)


def test_lora_begins_as_the_model_itself():
    made = lora.add(model("gpt2"), LoRA(rank=3), jax.random.key(0))
    np.testing.assert_array_equal(logits(made, tokens(), START), logits(model("gpt2"), tokens(), START))


def test_merged_lora_equals_the_unmerged():
    value = LoRA(rank=3, alpha=6.0, layers=("query", "output", "gate", "down"))
    made = adapted("llama", value)
    assert (
        np.abs(np.asarray(logits(made, tokens(), START) - logits(model("llama"), tokens(), START))).max() > 1
    )
    merged = lora.merge(made)
    assert jax.tree.structure(merged) == jax.tree.structure(model("llama"))
    np.testing.assert_allclose(logits(merged, tokens(), START), logits(made, tokens(), START), atol=1e-4)


def test_lora_changes_a_matrix_by_alpha_over_rank_times_the_product():
    made = adapted("gpt2", LoRA(rank=2, alpha=5.0))
    query, before = made.blocks[1].attention.query, model("gpt2").blocks[1].attention.query
    assert query.adapter is not None
    change = lora.merge(made).blocks[1].attention.query.weight - before.weight
    np.testing.assert_allclose(
        change, 2.5 * np.asarray(query.adapter.a) @ np.asarray(query.adapter.b), atol=1e-5
    )


def test_split_and_join_of_lora_give_a_gradient_to_adapters_alone():
    adapters, base = lora.split(adapted("gpt2", LoRA(rank=2, layers=("query", "value"))))
    assert sum(leaf.size for leaf in jax.tree.leaves(adapters)) == 2 * 2 * (16 * 2 + 2 * 16)
    assert jax.tree.structure(lora.join(adapters, base)) == jax.tree.structure(
        lora.add(model("gpt2"), LoRA(rank=2), jax.random.key(0))
    )

    def loss(adapters, base):
        return jnp.sum(jnp.square(lora.join(adapters, base)(tokens())))

    of_adapters, of_base = jax.jit(jax.grad(loss, argnums=(0, 1)))(adapters, base)
    assert all(np.abs(np.asarray(leaf)).max() > 0 for leaf in jax.tree.leaves(of_adapters))
    assert all(np.abs(np.asarray(leaf)).max() == 0 for leaf in jax.tree.leaves(of_base))


@pytest.mark.parametrize(
    ("values", "message"),
    [({"rank": 0}, "rank=0"), ({"layers": ("q",)}, "layers"), ({"layers": ()}, "layers")],
)
def test_lora_refuses_what_there_is_not(values, message):
    with pytest.raises(ValueError, match=f"lora.{message}"):
        LoRA(**values)


def test_lora_on_a_gate_needs_one():
    with pytest.raises(ValueError, match="gate"):
        lora.add(model("gpt2"), LoRA(layers=("gate",)), jax.random.key(0))


def test_scored_model_gives_a_number_a_token_and_its_score_is_the_last_one():
    network = model("gpt2")
    head = ScalarHead.build(16)
    weight = jnp.arange(16, dtype=jnp.float32)[:, None]
    scored = ScoredModel(network, replace(head, projection=replace(head.projection, weight=weight)))
    start = np.array([0, 3, 1], np.int32)
    values, score = jax.jit(lambda m: (m.values(tokens(), start), m.score(tokens(), start)))(scored)
    by_hand = np.asarray(network.hidden(tokens(), start)) @ np.arange(16)
    np.testing.assert_allclose(values, by_hand, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(score, by_hand[:, -1], rtol=1e-4, atol=1e-4)
    assert np.asarray(ScoredModel(network, head).values(tokens())).tolist() == np.zeros((3, 9)).tolist()
