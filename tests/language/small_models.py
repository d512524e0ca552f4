"""Two small models, GPT-2's kind and Llama's with grouped keys; their weights are NumPy's."""

from __future__ import annotations

from functools import cache

import jax
import numpy as np

from operant.language.config import Transformer
from operant.language.model import LanguageModel

VOCABULARY, LENGTH = 13, 9
COMMON = {"vocab_size": VOCABULARY, "width": 16, "layers": 2, "heads": 4, "context": 16}
CONFIGS = {
    "gpt2": Transformer(**COMMON),
    "llama": Transformer.llama(**COMMON, kv_heads=2, hidden_size=24, tied=False),
}


def filled(config: Transformer, seed: int = 0) -> LanguageModel:
    """A model with weights from NumPy, since compiling JAX's generator takes a second for each shape."""
    random = np.random.default_rng(seed)
    like = jax.eval_shape(lambda key: LanguageModel.build(config, key), jax.random.key(0))
    return jax.tree.map(lambda x: jax.numpy.asarray(0.5 * random.normal(size=x.shape), "float32"), like)


@cache
def model(name: str) -> LanguageModel:
    return filled(CONFIGS[name])


def tokens(rows: int = 3, length: int = LENGTH) -> np.ndarray:
    """Random ones `[rows, length]`, always the same."""
    return np.random.default_rng(1).integers(0, VOCABULARY, (rows, length)).astype(np.int32)


@jax.jit
def logits(model, tokens, start):
    return model(tokens, start)


def differences(model: LanguageModel, changed: np.ndarray, *, start=(0, 0, 0)) -> np.ndarray:
    """By how much each logit is another where the tokens of `tokens()` are these, `[N, T]`."""
    start = np.array(start, np.int32)
    return np.abs(np.asarray(logits(model, changed, start) - logits(model, tokens(), start))).max(-1)
