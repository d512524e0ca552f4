"""transformers' side of `benchmarks.language_parity`: models made or read, and their logits and greedy tokens."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import torch
import transformers

KINDS = {
    "gpt2": (transformers.GPT2Config, transformers.GPT2LMHeadModel),
    "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
    "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
}


def main() -> None:
    argument = json.loads(sys.argv[1])
    torch.manual_seed(0)
    for case in argument["cases"]:
        model = made(case) if case.get("config") else read(case)
        answer = answers(model.eval(), np.load(case["given"]), case["new_tokens"])
        if case.get("config"):
            model.save_pretrained(case["folder"])
        if case.get("texts"):
            tokenizer = transformers.AutoTokenizer.from_pretrained(case["folder"], gguf_file=case["gguf"])
            rows = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in case["texts"]]
            answer |= {f"text/{i}": np.array(row) for i, row in enumerate(rows)}
        if case.get("exact"):  # where both round, this tells how much each does
            answer["exact"] = answers(model.double(), np.load(case["given"]), 1)["logits"]
        np.savez(case["answer"], **answer)


def made(case: dict[str, Any]) -> Any:
    """A model with random weights, large enough that every part of it counts."""
    kind, model = KINDS[case["kind"]]
    network = model(kind(**case["config"], attn_implementation="eager"))
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape) * 0.4 + (weight.mean() if weight.ndim == 1 else 0))
    return network


def read(case: dict[str, Any]) -> Any:
    """A model from a folder, or from a GGUF file in it."""
    gguf = {"gguf_file": case["gguf"]} if case.get("gguf") else {}
    return transformers.AutoModelForCausalLM.from_pretrained(case["folder"], dtype=torch.float32, **gguf)


def answers(model: Any, given: Any, new_tokens: int) -> dict[str, np.ndarray]:
    """Logits `[N, T, V]` of texts padded on the left, and the likeliest tokens after each."""
    tokens, start = torch.tensor(given["tokens"]).long(), torch.tensor(given["start"])
    place = torch.arange(tokens.shape[1])
    mask = (place[None] >= start[:, None]).long()
    positions = (place[None] - start[:, None]).clamp(min=0)
    with torch.no_grad():
        logits = model(tokens, attention_mask=mask, position_ids=positions).logits
        greedy = model.generate(
            tokens,
            attention_mask=mask,
            max_new_tokens=new_tokens,
            do_sample=False,
            pad_token_id=0,
            eos_token_id=tokens.shape[0] * 10**6,  # never
        )
    return {"logits": logits.numpy(), "greedy": greedy[:, tokens.shape[1] :].numpy()}


if __name__ == "__main__":
    main()
