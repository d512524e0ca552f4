"""Generating text next to transformers: `python -m benchmarks.language_speed` writes results/language_speed.{json,md}.

Tokens a second of the same model on both sides, with a cache of keys and values, at several numbers of prompts, and the
memory that each process has taken at the most. All sides of a case begin, and then have their rounds in turns, as in
`benchmarks.speed`. The weights are random, of the sizes of SmolLM2-135M; `--model FOLDER` takes others.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.peers import environment

AIMS = {1: 1.0, 8: 1.3, 32: 1.3}  # of transformers' tokens a second, by prompts
THREADS = (1, 2)
PROMPT, NEW = 32, 64  # tokens of a prompt and of a response
SMALL = {
    "vocab_size": 512,
    "width": 48,
    "layers": 2,
    "heads": 4,
    "kv_heads": 2,
    "hidden_size": 96,
}  # of --quick


def main() -> None:
    options = _options()
    python = options.peers_python or environment.python(environment.LANGUAGE)
    results = options.out or (Path(tempfile.mkdtemp()) if options.quick else common.RESULTS)
    kept = results / "language_speed.json"
    raw: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {"cases": {}}
    with tempfile.TemporaryDirectory() as place:
        folder = options.model or _made(Path(place) / "model", SMALL if options.quick else {})
        raw |= {"date": options.date, "machine": common.machine(), "model": _described(folder)}
        for prompts in options.prompts:
            case = {
                "folder": str(folder),
                "prompts": prompts,
                "prompt": PROMPT,
                "new": 8 if options.quick else NEW,
            }
            raw["cases"][str(prompts)] = measured(case, 1 if options.quick else options.rounds, python)
            common.write_json(kept, raw)
    text = report(raw)
    (results / "language_speed.md").write_text(text)
    print(text)


def _made(folder: Path, sizes: Mapping[str, Any]) -> Path:
    """A model with random weights, in Hugging Face's layout; by default of SmolLM2-135M's sizes."""
    import jax

    from operant.language import LanguageModel, Pretrained, Transformer

    model = LanguageModel.build(Transformer.llama(**sizes), jax.random.key(0))
    Pretrained(model, None).save(folder)
    return folder


def _described(folder: Path) -> dict[str, Any]:
    """What a model's config.json says of its sizes."""
    config = json.loads((folder / "config.json").read_text())
    names = ("model_type", "hidden_size", "n_embd", "num_hidden_layers", "n_layer", "vocab_size")
    return {name: config[name] for name in names if name in config}


def measured(case: Mapping[str, Any], rounds: int, python: str) -> dict[str, Any]:
    """Tokens a second of each side, round by round: operant's, and transformers' with each number of threads."""
    sides = {"operant": ("benchmarks.measure_language", sys.executable, {})}
    for threads in THREADS:
        side = "benchmarks.peers.measure_language", python, {"threads": threads}
        sides[f"transformers, threads={threads}"] = side
    with ExitStack() as running:
        begun = {
            name: running.enter_context(common.sitting(module, {**case, **more}, interpreter, {}))
            for name, (module, interpreter, more) in sides.items()
        }
        answers = [{name: ask() for name, (_, ask) in begun.items()} for _ in range(rounds)]
    rates = {name: [answer[name]["steps"] / answer[name]["seconds"] for answer in answers] for name in begun}
    for name, found in rates.items():
        print(f"{case['prompts']} prompts, {name}: {statistics.median(found):,.1f} tokens/s", flush=True)
    return {
        "rates": rates,
        "peak_bytes": {name: max(answer[name]["peak_bytes"] for answer in answers) for name in begun},
        "sides": {
            name: {key: value[key] for key in ("threads", "versions")} for name, (value, _) in begun.items()
        },
    }


def ratios(rates: Mapping[str, list[float]]) -> list[float]:
    """operant's tokens a second over those of transformers with the better number of threads, round by round."""
    ours = rates["operant"]
    best = max((name for name in rates if name != "operant"), key=lambda name: statistics.median(rates[name]))
    return [one / other for one, other in zip(ours, rates[best], strict=True)]


def report(raw: Mapping[str, Any]) -> str:
    """The Markdown of language_speed.md."""
    rows, sides = [], {}
    for prompts, case in sorted(raw["cases"].items(), key=lambda item: int(item[0])):
        rates, sides = case["rates"], case["sides"]
        memory = [value / 2**20 for value in case["peak_bytes"].values()]
        rows.append(
            [
                prompts,
                *(common.show(common.spread(values), 1) for values in rates.values()),
                common.show(common.spread(ratios(rates)), 2),
                f"{AIMS[int(prompts)]:g}" if int(prompts) in AIMS else "",
                " / ".join(f"{mebibytes:,.0f}" for mebibytes in memory),
            ]
        )
    versions = [side["versions"] for name, side in sides.items() if not name.endswith(f"={THREADS[0]}")]
    sizes = ", ".join(f"{name} {value}" for name, value in raw["model"].items())
    peers = [f"transformers, {threads} thread{'s' * (threads > 1)}" for threads in THREADS]
    sections = [
        "# Generating text, next to transformers",
        common.describe(raw["date"], raw["machine"], *versions),
        f"Tokens a second after prompts of {PROMPT} tokens, {NEW} each, of a model with {sizes}: median and range over "
        "rounds in turns. The ratio is that of every round, with the better number of threads. Memory is what the "
        "processes had taken at the most, in the columns' order.",
        common.table(["prompts", "operant", *peers, "ratio", "aim", "MiB"], rows),
    ]
    return "\n\n".join(sections) + "\n"


def _options() -> argparse.Namespace:
    parser = common.rounds_parser("language_speed", __doc__, 6, "requirements_language.txt")
    parser.add_argument("--prompts", type=int, nargs="+", default=list(AIMS), help="numbers of prompts")
    parser.add_argument("--model", type=Path, help="a folder in Hugging Face's layout")
    return parser.parse_args()


if __name__ == "__main__":
    main()
