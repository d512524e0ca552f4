"""The same model in transformers, in a process of its own, like `benchmarks.measure_language`."""

from __future__ import annotations

import json
import sys

import numpy as np
import torch
import transformers

from benchmarks.common import peak_bytes, sit


def main() -> None:
    case = json.loads(sys.argv[1])
    torch.set_num_threads(case["threads"])
    model = transformers.AutoModelForCausalLM.from_pretrained(case["folder"], dtype=torch.float32).eval()
    random = np.random.default_rng(0)
    tokens = torch.tensor(random.integers(0, model.config.vocab_size, (case["prompts"], case["prompt"])))

    def learn() -> int:
        with torch.no_grad():
            made = model.generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                max_new_tokens=case["new"],
                min_new_tokens=case["new"],
                do_sample=False,
                use_cache=True,
                pad_token_id=0,
            )
        return made.shape[0] * (made.shape[1] - tokens.shape[1])

    sit(learn, str(case["threads"]), lambda: {"peak_bytes": peak_bytes()})


if __name__ == "__main__":
    main()
