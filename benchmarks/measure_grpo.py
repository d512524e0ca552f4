"""operant's iterations of GRPO for `benchmarks.language_speed`, in a process of their own."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import jax

import operant
from benchmarks.common import peak_bytes, sit
from operant import settings
from operant.language import TextEnvironment, pretrained


def main() -> None:
    settings.apply()
    case = json.loads(sys.argv[1])
    model = pretrained.load(case["folder"])
    assert model.tokenizer is not None
    texts = json.loads((Path(case["folder"]) / "prompts.json").read_text())
    environment = TextEnvironment(texts, model.tokenizer, reward, max_new_tokens=case["new"])
    agent = operant.GRPO(
        environment,
        preset=None,
        network=model,
        num_envs=case["prompts"],
        n_episodes=case["prompts"],
        group_size=case["group"],
        max_steps=case["new"],
        learning_rate=case["learning_rate"],
    )

    def learn() -> int:
        """One iteration: the tokens of its responses."""
        before = agent.step
        agent.learn(1, reset_num_timesteps=False, progress_bar=False)
        return agent.step - before

    flags = os.environ.get("XLA_FLAGS", "").strip()
    sit(learn, f"{len(jax.devices())} devices; XLA_FLAGS={flags}", lambda: {"peak_bytes": peak_bytes()})


def reward(prompts, completions, rows) -> list[float]:
    """How many different words a response has."""
    return [len(set(text.split())) for text in completions]


if __name__ == "__main__":
    main()
