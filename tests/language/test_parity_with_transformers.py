"""Our logits are transformers', on small models that it made: `python -m benchmarks.language_parity --fixtures`."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from operant.language.weights import folder

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.safetensors"))


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_logits_are_those_of_transformers(path, tmp_path):
    """Of texts padded on the left, after every token that is no padding."""
    with safe_open(path, framework="np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        (tmp_path / folder.CONFIG).write_text(file.metadata()["config"])
    given, answer = (
        {name.split("/")[1]: tensors.pop(name) for name in list(tensors) if name.startswith(part)}
        for part in ("given/", "answer/")
    )
    save_file(tensors, tmp_path / folder.WEIGHTS)
    model, tokens, start = folder.load(tmp_path), given["tokens"], given["start"]
    logits = np.asarray(jax.jit(lambda model, *x: model(*x))(model, tokens, start))
    seen = np.arange(tokens.shape[1]) >= start[:, None]
    assert np.abs(answer["logits"]).max() > 2  # random weights of a size at which every part counts
    np.testing.assert_allclose(logits[seen], answer["logits"][seen], atol=1e-4)
