"""TRL's side of `benchmarks.language_losses`: its trainers' losses of a batch that was made by hand."""

from __future__ import annotations

import json
import sys
import tempfile
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers
from datasets import Dataset
from trl import DPOConfig, DPOTrainer, GRPOConfig, GRPOTrainer, RewardConfig, RewardTrainer

PAD, EOS = "<pad>", "<end>"  # tokens 0 and 1


def main() -> None:
    argument = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory() as place:
        common = {"output_dir": place, "report_to": [], "use_cpu": True, "bf16": False, "fp16": False}
        common |= {"gradient_checkpointing": False, "per_device_train_batch_size": 4, "disable_tqdm": True}
        found = {
            "dpo": [_dpo(argument, values, common) for values in argument["dpo"]],
            "grpo": [_grpo(argument, values, common) for values in argument["grpo"]],
            "reward": [_reward(argument, values, common) for values in argument["reward"]],
        }
    print(json.dumps(found))


def words(tokens: list[int]) -> str:
    """With a space before each, so that texts can be put together."""
    return "".join(f" t{token}" for token in tokens)


def tokenizer(size: int) -> Any:
    """Token i is the word ti, but for the first two."""
    vocabulary = {PAD: 0, EOS: 1} | {f"t{i}": i for i in range(2, size)}
    model = tokenizers.models.WordLevel(vocabulary, unk_token=PAD)
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, pad_token=PAD, eos_token=EOS)


def language_model(folder: str) -> Any:
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def _dpo(argument: dict[str, Any], values: dict[str, Any], common: dict[str, Any]) -> float:
    rows = [
        {name: words(row[name]) for name in ("prompt", "chosen", "rejected")} for row in argument["pairs"]
    ]
    model = language_model(argument["model"])
    trainer = DPOTrainer(
        model,
        language_model(argument["reference"]),
        args=DPOConfig(**common, **values, max_length=None),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer(argument["vocab_size"]),
    )
    model.eval()
    inputs = trainer.data_collator([trainer.train_dataset[i] for i in range(len(rows))])
    inputs = {name: x for name, x in inputs.items() if isinstance(x, torch.Tensor)}
    expected = [
        len(row["prompt"]) + len(row[name]) + 1
        for name in ("chosen", "rejected")
        for row in argument["pairs"]
    ]
    read = inputs["attention_mask"].sum(1).tolist()
    assert read == expected, f"TRL reads other tokens: {read} instead of {expected} in each row"
    return trainer.compute_loss(model, inputs).item()


def _grpo(argument: dict[str, Any], values: dict[str, Any], common: dict[str, Any]) -> float:
    given = np.load(argument["responses"])
    batch = {name: torch.tensor(given[name]) for name in given.files}
    model = language_model(argument["model"])
    trainer = GRPOTrainer(
        model,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=GRPOConfig(
            **common, **values, num_generations=2, max_completion_length=batch["completion_ids"].shape[1]
        ),
        train_dataset=Dataset.from_list([{"prompt": "t2"}] * 4),
        processing_class=tokenizer(argument["vocab_size"]),
    )
    model.eval()
    return trainer._compute_loss(model, batch).item()


def _reward(argument: dict[str, Any], values: dict[str, Any], common: dict[str, Any]) -> float:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(
        argument["model"], num_labels=1, dtype=torch.float32, pad_token_id=0
    ).eval()
    with torch.no_grad():
        model.score.weight.copy_(torch.tensor(np.load(argument["head"])).T)
    rows = [
        {
            "chosen": words(row["prompt"] + row["chosen"]),
            "rejected": words(row["prompt"] + row["rejected"]),
            "margin": row["margin"],
        }
        for row in argument["pairs"]
    ]
    trainer = RewardTrainer(
        model,
        args=RewardConfig(**common, **values, max_length=None),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer(argument["vocab_size"]),
    )
    model.eval()
    inputs = trainer.data_collator([trainer.train_dataset[i] for i in range(len(rows))])
    return trainer.compute_loss(model, dict(inputs)).item()


if __name__ == "__main__":
    main()
