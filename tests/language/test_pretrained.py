"""What learning begins with: a model of files as the network, adapters alone learnt, stored once, taken up again."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import filled

import operant
from operant.agent import Agent
from operant.agent.frozen_files import FILE
from operant.algorithms.policy_gradient.ppo import PPO
from operant.engine.files import read_shapes
from operant.fields import FileError
from operant.frozen import Frozen
from operant.language import LoRA, Pretrained, TextEnvironment, Transformer, lora
from operant.language.model import LanguageModel
from operant.language.pretrained import load
from operant.language.tokenizers import Bytes, Characters

TOKENIZER = Characters("abcdef")
SLOT = 4
CONFIG = Transformer(vocab_size=8, width=16, layers=2, heads=2, context=8)
ADAPTERS = LoRA(rank=2, alpha=4.0, layers=("query", "up"))


def vowels(prompts, responses, rows):
    return [sum(text.count(letter) for letter in "ae") / SLOT for text in responses]


@cache
def environment() -> TextEnvironment:
    return TextEnvironment(["abc", "d"], TOKENIZER, vowels, max_new_tokens=SLOT)


@cache
def start(lora: LoRA | None = None) -> Pretrained:
    return Pretrained(filled(CONFIG), TOKENIZER, lora)


def ppo(network) -> PPO:
    return PPO(network=network, n_steps=SLOT, batch_size=4 * SLOT, n_epochs=2, gamma=1.0, learning_rate=0.01)


def agent(lora: LoRA | None = None, **values) -> Agent:
    return Agent(ppo(start(lora)), environment(), num_envs=8, **values)


@cache
def learnt(lora: LoRA | None = None) -> Agent:
    return agent(lora).learn(4 * SLOT * 8, progress_bar=False)


def same(one, other) -> bool:
    return jax.tree.structure(one) == jax.tree.structure(other) and all(
        map(np.array_equal, jax.tree.leaves(one), jax.tree.leaves(other))
    )


@pytest.mark.parametrize("adapters", [None, ADAPTERS], ids=["all", "lora"])
def test_learning_begins_with_the_weights_and_leaves_them_as_they_are(adapters):
    begun = agent(adapters)
    for one, other in zip(
        jax.tree.leaves(begun.language_model.model), jax.tree.leaves(filled(CONFIG)), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)
    after = learnt(adapters).language_model.model
    assert not same(after, filled(CONFIG))
    assert same(start(adapters).model, filled(CONFIG))
    assert not any(leaf.is_deleted() for leaf in start(adapters).weights.arrays.values())


def test_of_adapters_nothing_else_is_learnt_or_kept():
    state = learnt(ADAPTERS).state
    sizes = [leaf.size for leaf in jax.tree.leaves(state.network.model)]
    assert sum(sizes) == CONFIG.layers * 2 * (16 + 16 + 16 + 64)
    assert sum(leaf.size for leaf in jax.tree.leaves(state.optimizer)) < 3 * (sum(sizes) + 17)
    merged, base = learnt(ADAPTERS).language_model.model, filled(CONFIG)
    for i, (block, own) in enumerate(zip(merged.blocks, base.blocks, strict=True)):
        np.testing.assert_array_equal(block.attention.key.weight, own.attention.key.weight)
        adapter = state.network.model.blocks[i].attention.query.adapter
        change = 2.0 * np.asarray(adapter.a) @ np.asarray(adapter.b)  # α / r = 2
        np.testing.assert_allclose(
            block.attention.query.weight, own.attention.query.weight + change, atol=1e-6
        )
        assert np.abs(change).max() > 1e-4


def test_a_policy_of_adapters_acts_as_the_merged_model_does():
    network = learnt(ADAPTERS).algorithm.network_of(learnt(ADAPTERS).state)
    tokens = np.random.default_rng(0).integers(0, 8, (3, 6)).astype(np.int32)
    merged = learnt(ADAPTERS).language_model.model
    np.testing.assert_allclose(network.model(tokens), merged(tokens), atol=1e-5)
    assert isinstance(start(ADAPTERS).whole(lora.split(network.model)[0]), LanguageModel)


def test_a_run_holds_what_it_began_with_once_and_goes_on_from_there(tmp_path):
    arguments = {"progress_bar": False, "checkpoint_every": SLOT * 8, "log_interval": SLOT * 8}
    whole = agent(ADAPTERS).learn(3 * SLOT * 8, run_dir=tmp_path / "whole", **arguments)
    stopped = tmp_path / "stopped"
    agent(ADAPTERS).learn(
        3 * SLOT * 8, lambda progress: progress.step < SLOT * 8, run_dir=stopped, **arguments
    )
    holding = [
        path.name
        for path in stopped.rglob("*.safetensors")
        if any(each["shape"] == [8, 16] for each in read_shapes(path).values())
    ]
    assert sorted(holding) == [FILE, "model.safetensors"]
    resumed = operant.resume(stopped, env=environment(), progress_bar=False)
    assert same(resumed.state, whole.state)
    stored = json.loads((stopped / "config.json").read_text())["hyperparameters"]["network"]
    assert stored["tokenizer"] == TOKENIZER.to_json()
    assert stored["lora"]["rank"] == 2

    again = operant.load(stopped)  # its environment is an object, which no file holds
    assert again.algorithm.network.lora == ADAPTERS
    said = {"max_new_tokens": 4, "seed": 1}
    assert again.generate(["abc"], **said)[0].text == whole.generate(["abc"], **said)[0].text
    begun = operant.pretrained(stopped, lora=3)
    assert begun.lora == LoRA(rank=3)
    assert begun.path == str(stopped)
    assert same(begun.model, again.language_model.model)


def test_what_a_file_says_of_the_weights_is_checked(tmp_path):
    agent().learn(SLOT * 8, progress_bar=False, run_dir=tmp_path / "run")
    config = tmp_path / "run" / "config.json"
    text = config.read_text()
    for before, after, message in (
        ('"width": 16', '"width": 32', r"it must be \(8, 32\)"),
        ('"module": "language_model"', '"module": "os"', "no structure of the stored arrays"),
        ('"kind": "characters"', '"kind": "code"', "is no tokeniser"),
    ):
        assert before in text
        config.write_text(text.replace(before, after))
        with pytest.raises(FileError, match=message):
            Agent.restore(tmp_path / "run", env=environment())


def test_a_folder_keeps_a_tokeniser_of_characters_too(tmp_path):
    for tokenizer in (TOKENIZER, Bytes()):
        Pretrained(filled(CONFIG), tokenizer).save(tmp_path)
        again = load(tmp_path)
        assert again.tokenizer.to_json() == tokenizer.to_json()
        assert same(again.model, filled(CONFIG))
    assert operant.pretrained(tmp_path).path == str(tmp_path)


def test_an_environment_that_is_named_has_the_tokeniser_of_the_model(tmp_path):
    tokenizer = Characters("=-+0123456789")
    config = replace(CONFIG, vocab_size=tokenizer.vocab_size)
    made = Agent(
        ppo(Pretrained(filled(config), tokenizer)), "Arithmetic", num_envs=8, env_kwargs={"digits": 1}
    )
    assert made.source.native.tokenizer is tokenizer
    made.save(tmp_path / "model.safetensors")
    again = operant.load(tmp_path / "model.safetensors")
    assert again.config()["env_kwargs"] == {"digits": 1}
    assert again.source.native.tokenizer.to_json() == tokenizer.to_json()


def test_texts_that_name_a_model_and_adapters_are_read():
    assert LoRA.parse("4") == LoRA(rank=4)
    assert LoRA.parse("4:8:query,down") == LoRA(rank=4, alpha=8.0, layers=("query", "down"))
    for text in ("", "a", "4:b", "4:8:query:up"):
        with pytest.raises(ValueError, match="must be RANK, RANK:ALPHA or"):
            LoRA.parse(text)
    assert Transformer.parse("width=8,heads=2,kv_heads=none,gated=true") == Transformer(
        width=8, heads=2, gated=True
    )
    with pytest.raises(ValueError, match=r"transformer\.widht is unknown"):
        Transformer.parse("widht=8")


def test_frozen_language_model_is_described_and_built_again():
    frozen = Frozen({"model": filled(CONFIG), "other": jnp.ones(2)})
    stored = json.loads(json.dumps(frozen.to_json()))
    arrays = {name: np.asarray(x) for name, x in frozen.arrays.items()}
    assert same(Frozen.of_structure(stored["structure"], arrays, stored["frozen"]).tree, frozen.tree)
    adapted = lora.add(filled(CONFIG), ADAPTERS, jax.random.key(0))
    assert Frozen({"model": adapted}).to_json()["structure"] is None
