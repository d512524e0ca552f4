"""`operant train sft|dpo --model … --data …`: one run begins with the model of another, is resumed and repeated."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest

import operant
from operant import formats
from operant.cli import main
from operant.studio import repeat

QUIET = ("--no-progress", "--no-video", "--no-pictures")
NEW = "transformer:width=8,layers=1,heads=2,context=16"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Of texts.jsonl, pairs.jsonl, and a run of SFT, sft."""
    folder = tmp_path_factory.mktemp("texts")
    texts = [{"prompt": f"{a}+{b}=", "response": str(a + b)} for a in range(5) for b in range(5)]
    pairs = [{"prompt": row["prompt"], "chosen": row["response"], "rejected": "0"} for row in texts]
    for name, rows in (("texts", texts), ("pairs", pairs)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        flags = ("--tokenizer", "characters", "--total-timesteps", "4", "--learning-rate", "0.01")
        assert (
            main(
                ["train", "sft", "--data", "texts.jsonl", "--model", NEW, *flags, "--run-dir", "sft", *QUIET]
            )
            == 0
        )
    return folder


def test_a_run_of_sft_generates_says_how_to_repeat_it_and_writes_other_tools_files(
    folder, monkeypatch, capsys
):
    monkeypatch.chdir(folder)
    assert main(["generate", "sft", "1+1=", "--max-new-tokens", "3"]) == 0
    words = repeat.arguments(formats.read_run("sft"))
    assert words is not None
    assert words[:5] == ["sft", "--preset", "none", "--total-timesteps", "4"]
    assert main(["train", "sft", "--data", "texts.jsonl", "--model", NEW, "--run-dir", "epochs", *QUIET]) == 0
    assert operant.load("epochs").step == 3 * 4  # epochs of 25 texts, 8 at a time
    assert words[words.index("--tokenizer") :][:2] == ["--tokenizer", "characters"]
    model = operant.load("sft").language_model
    assert main(["export", "sft", "--format", "huggingface", "--output", "folder"]) == 0
    assert json.loads((folder / "folder" / "config.json").read_text())["model_type"] == "gpt2"
    again = operant.pretrained("folder")
    jax.tree.map(np.testing.assert_array_equal, again.model, model.model)
    assert again.tokenizer.encode("1+1=") == model.tokenizer.encode("1+1=")
    capsys.readouterr()


def test_dpo_begins_with_a_run_of_sft_and_goes_on_where_it_was_stopped(folder, monkeypatch, capsys):
    """To the last bit what one run to the end learns; its reference is that of the beginning, kept once."""
    monkeypatch.chdir(folder)
    begin = ["train", "dpo", "--data", "pairs.jsonl", "--model", "sft", "--learning-rate", "0.01", *QUIET]
    assert main([*begin, "--lora", "2", "--total-timesteps", "6", "--run-dir", "whole"]) == 0
    assert main([*begin, "--lora", "2", "--total-timesteps", "3", "--run-dir", "dpo"]) == 0
    assert main(["resume", "dpo", "--total-timesteps", "6", *QUIET]) == 0
    whole, resumed = operant.load("whole"), operant.load("dpo")
    jax.tree.map(np.testing.assert_array_equal, resumed.state, whole.state)
    reference = resumed.algorithm.network.model  # pyright: ignore[reportAttributeAccessIssue]
    jax.tree.map(np.testing.assert_array_equal, reference, operant.load("sft").language_model.model)
    assert (folder / "dpo" / "frozen.safetensors").is_file()
    words = repeat.arguments(formats.read_run("dpo"))
    assert words is not None
    assert words[-4:] == ["--model", "sft", "--lora", "2:16:query,value"]
    (folder / "pairs.jsonl").write_text((folder / "pairs.jsonl").read_text().replace("0+0=", "0+1="))
    assert main(["resume", "dpo", "--total-timesteps", "8", *QUIET]) == 1
    said = capsys.readouterr().err
    assert "is not the one that training began with" in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1
    moments = [json.loads(line) for line in (folder / "dpo" / "samples.jsonl").read_text().splitlines()]
    assert moments[0]["step"] == 0
    assert moments[-1]["step"] == 6
    assert {each["prompt"] for each in moments[0]["samples"]} <= {
        f"{a}+{b}=" for a in range(5) for b in range(5)
    }
    assert max(abs(kl) for each in moments[0]["samples"] for kl in each["kl"]) < 1e-4
    assert max(abs(kl) for each in moments[-1]["samples"] for kl in each["kl"]) > 1e-3
    assert (folder / "sft" / "samples.html").is_file()


def test_a_bad_line_is_named_on_the_command_line(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    (folder / "bad.jsonl").write_text('{"prompt": "1+1=", "response": "2"}\n{"prompt": "1+1="}\n')
    assert main(["train", "sft", "--data", "bad.jsonl", "--model", "sft", *QUIET]) == 2
    assert "bad.jsonl, line 2: it has prompt, and must have" in capsys.readouterr().err
    assert main(["train", "dpo", "--data", "pairs.jsonl", *QUIET]) == 2
    assert "DPO needs a model to begin with" in capsys.readouterr().err


def test_several_seeds_of_sft_learn_as_each_does_alone():
    data = [{"prompt": f"{a}+{b}=", "response": str(a + b)} for a in range(4) for b in range(4)]
    transformer = operant.language.Transformer(width=8, layers=1, heads=2, context=16)

    def trained(**values):
        agent = operant.SFT(dataset=data, network=transformer, learning_rate=0.01, **values)
        return agent.learn(3, progress_bar=False)

    together, alone = trained(seeds=(3, 4)), trained(seed=4)
    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5), together[1].state, alone.state
    )
    begun = [each.learner.initial_state() for each in (trained(seed=3), alone)]
    first, second = (np.asarray(each.network.model.embedding) for each in begun)
    assert np.abs(first - second).max() > 0.01
