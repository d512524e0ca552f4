"""operant's side of `benchmarks.language_speed`, in a process of its own."""

from __future__ import annotations

import json
import os
import sys

import jax
import jax.numpy as jnp
import numpy as np

import operant  # noqa: F401  (its settings)
from benchmarks.common import peak_bytes, sit
from operant import settings
from operant.language.generation import generate_tokens
from operant.language.sampling import Sampling
from operant.language.weights import folder


def main() -> None:
    settings.apply()
    case = json.loads(sys.argv[1])
    model = folder.load(case["folder"])
    tokens = np.random.default_rng(0).integers(0, model.config.vocab_size, (case["prompts"], case["prompt"]))
    greedy = Sampling(jnp.asarray(0.0), jnp.asarray(0), jnp.asarray(1.0))

    def learn() -> int:
        made = generate_tokens(
            model,
            tokens.astype(np.int32),
            np.zeros(case["prompts"], np.int32),
            jax.random.key(0),
            greedy,
            np.int32(case["new"]),
            np.int32(0),
            np.int32(-1),  # never ends
            room=case["new"],
        )
        return int(np.asarray(made.lengths).sum())

    flags = os.environ.get("XLA_FLAGS", "").strip()
    sit(learn, f"{len(jax.devices())} devices; XLA_FLAGS={flags}", lambda: {"peak_bytes": peak_bytes()})


if __name__ == "__main__":
    main()
