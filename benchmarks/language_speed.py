"""Text next to transformers and TRL: `python -m benchmarks.language_speed` writes results/language_speed.{json,md}.

Tokens a second of the same model on both sides, at several numbers of prompts: generated with a cache of keys and
values, and by iterations of GRPO, which generate responses, have them rewarded and learn from them once. With each the
memory that a process has taken at the most. All sides of a case begin, and then have their rounds in turns, as in
`benchmarks.speed`. The weights are random, of the sizes of SmolLM2-135M and of a small model.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.peers import environment

Raw = dict[str, Any]

THREADS = (1, 2)
PROMPT, NEW = 32, 64  # tokens of a prompt and of a response
SIZES: dict[str, dict[str, int]] = {
    "SmolLM2-135M": {},
    "1.3M": {"vocab_size": 512, "width": 128, "layers": 6, "heads": 4, "kv_heads": 4, "hidden_size": 384},
    "quick": {"vocab_size": 512, "width": 48, "layers": 2, "heads": 4, "kv_heads": 2, "hidden_size": 96},
}


@dataclass(frozen=True)
class Case:
    """What both sides do: with how many prompts, or, for GRPO, responses, of which `group` answer one prompt."""

    name: str
    aim: float  # of the peer's tokens a second
    ours: str
    theirs: str
    prompts: int
    model: str = "SmolLM2-135M"
    group: int = 0
    new: int = NEW


_GENERATE = ("benchmarks.measure_language", "benchmarks.peers.measure_language")
_GRPO = ("benchmarks.measure_grpo", "benchmarks.peers.measure_trl")
CASES = (
    Case("1 prompt", 1.0, *_GENERATE, prompts=1),
    Case("8 prompts", 1.3, *_GENERATE, prompts=8),
    Case("32 prompts", 1.3, *_GENERATE, prompts=32),
    Case("GRPO", 1.5, *_GRPO, prompts=16, group=4, new=32),
    Case("GRPO, small", 1.5, *_GRPO, prompts=64, group=8, new=32, model="1.3M"),
)


def main() -> None:
    options = _options()
    python = options.peers_python or environment.python(environment.LANGUAGE)
    results = options.out or (Path(tempfile.mkdtemp()) if options.quick else common.RESULTS)
    kept = results / "language_speed.json"
    raw: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {"cases": {}}
    chosen = [case for case in CASES if any(fnmatch(case.name.lower(), p.lower()) for p in options.only)]
    with tempfile.TemporaryDirectory() as place:
        for case in chosen:
            folder = Path(place) / case.model
            if not folder.exists():
                _make(folder, SIZES["quick" if options.quick else case.model])
            about = {"date": options.date, "machine": common.machine(), "model": _described(folder)}
            case = replace(case, prompts=8, group=case.group and 4, new=8) if options.quick else case
            raw["cases"][case.name] = about | measured(
                case, folder, 1 if options.quick else options.rounds, python
            )
            common.write_json(kept, raw)
    text = report(raw["cases"])
    (results / "language_speed.md").write_text(text)
    print(text)


def _make(folder: Path, sizes: Mapping[str, Any]) -> None:
    """A model with random weights, in Hugging Face's layout, whose tokens are words: t2, t3 and so on."""
    import jax
    import tokenizers

    from operant.language import LanguageModel, Pretrained, Transformer

    config = Transformer.llama(**sizes)
    Pretrained(LanguageModel.build(config, jax.random.key(0)), None).save(folder)
    vocabulary = {"<pad>": 0, "<end>": 1} | {f"t{i}": i for i in range(2, config.vocab_size)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<pad>", "<end>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    common.write_json(folder / "tokenizer_config.json", {"eos_token": "<end>", "pad_token": "<pad>"})
    words = np.random.default_rng(0).integers(2, config.vocab_size, (256, PROMPT))
    common.write_json(folder / "prompts.json", [" ".join(f"t{word}" for word in row) for row in words])


def _described(folder: Path) -> dict[str, Any]:
    """What a model's config.json says of its sizes."""
    config = json.loads((folder / "config.json").read_text())
    names = ("model_type", "hidden_size", "n_embd", "num_hidden_layers", "n_layer", "vocab_size")
    return {name: config[name] for name in names if name in config}


def measured(case: Case, folder: Path, rounds: int, python: str) -> Raw:
    """Tokens a second of each side, round by round: operant's, and the peer's with each number of threads."""
    told = {
        "folder": str(folder),
        "prompts": case.prompts,
        "prompt": PROMPT,
        "new": case.new,
        "group": case.group,
        "learning_rate": 1e-6,
    }
    sides = {"operant": (case.ours, sys.executable, {})}
    for threads in THREADS:
        sides[f"peer, threads={threads}"] = case.theirs, python, {"threads": threads}
    with ExitStack() as running:
        begun = {
            name: running.enter_context(common.sitting(module, {**told, **more}, interpreter, {}))
            for name, (module, interpreter, more) in sides.items()
        }
        answers = [{name: ask() for name, (_, ask) in begun.items()} for _ in range(rounds)]
    rates = {name: [answer[name]["steps"] / answer[name]["seconds"] for answer in answers] for name in begun}
    for name, found in rates.items():
        print(f"{case.name}, {name}: {statistics.median(found):,.1f} tokens/s", flush=True)
    return {
        "rates": rates,
        "peak_bytes": {name: max(answer[name]["peak_bytes"] for answer in answers) for name in begun},
        "sides": {
            name: {key: value[key] for key in ("threads", "versions")} for name, (value, _) in begun.items()
        },
    }


def ratios(rates: Mapping[str, list[float]]) -> list[float]:
    """operant's tokens a second over those of the peer with the better number of threads, round by round."""
    ours = rates["operant"]
    best = max((name for name in rates if name != "operant"), key=lambda name: statistics.median(rates[name]))
    return [one / other for one, other in zip(ours, rates[best], strict=True)]


def report(cases: Mapping[str, Raw]) -> str:
    """The Markdown of language_speed.md."""
    known = [case for case in CASES if case.name in cases]
    rows, about, models = [], [], {}
    for case in known:
        raw = cases[case.name]
        memory = [value / 2**20 for value in raw["peak_bytes"].values()]
        rows.append(
            [
                case.name,
                *(common.show(common.spread(values), 1) for values in raw["rates"].values()),
                common.show(common.spread(ratios(raw["rates"])), 2),
                f"{case.aim:g}",
                " / ".join(f"{mebibytes:,.0f}" for mebibytes in memory),
            ]
        )
        versions = [raw["sides"][name]["versions"] for name in ("operant", f"peer, threads={THREADS[-1]}")]
        about += common.describe(raw["date"], raw["machine"], *versions).split("\n\n")
        models[case.model] = ", ".join(f"{name} {value}" for name, value in raw["model"].items())
    peers = [f"peer, {threads} thread{'s' * (threads > 1)}" for threads in THREADS]
    played = [case for case in known if case.group]
    sections = [
        "# Text, next to transformers and TRL",
        "\n\n".join(dict.fromkeys(about)),
        "Tokens a second, median and range over rounds in turns, of models with random weights "
        f"({'; '.join(f'{name}: {sizes}' for name, sizes in models.items())}), after prompts of {PROMPT} tokens. "
        f"Generated next to transformers are {NEW} tokens for each prompt, with a cache. The ratio is that of every "
        "round, with the better number of threads. Memory is what the processes had taken at the most, in the columns' "
        "order. Written by `python -m benchmarks.language_speed`.",
        *(
            f"{case.name}: an iteration of TRL's GRPOTrainer is {case.prompts} responses of {case.new} tokens, "
            f"{case.group} to a prompt, a reward in Python, and one step of Adam without a reference."
            for case in played
        ),
        common.table(["", "operant", *peers, "ratio", "aim", "MiB"], rows),
    ]
    return "\n\n".join(sections) + "\n"


def _options() -> argparse.Namespace:
    parser = common.rounds_parser("language_speed", __doc__, 6, "requirements_language.txt")
    names = ", ".join(case.name for case in CASES)
    parser.add_argument(
        "--only", nargs="+", default=["*"], metavar="NAME", help=f"cases, such as 'grpo*': {names}"
    )
    options = parser.parse_args()
    for pattern in options.only:
        if not any(fnmatch(case.name.lower(), pattern.lower()) for case in CASES):
            parser.error(f"--only {pattern}: no case has such a name.")
    return options


if __name__ == "__main__":
    main()
