"""Kinder words, by preferences: `python -m benchmarks.sentiment` writes results/sentiment.*

A small transformer over characters learns short reviews by heart, kind ones and unkind ones alike (SFT). A lexicon says
how kind a text is. PPO is paid that, less what the distance from SFT's model costs; DPO is shown which of two texts of
SFT's model is the kinder one, KTO which of its texts are kind and which unkind, and both play nothing. All are asked to
go on from prompts that none has learnt from: the win rate is how often theirs is kinder than SFT's to the same prompt,
where equal ones count one half. No value was chosen by looking at these seeds. What is measured already is kept, so
that an interrupted study goes on.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np

import operant
from benchmarks import common, studies
from operant.language import Pretrained, TextEnvironment, Transformer
from operant.language.log_probs import token_log_probs
from operant.language.tokenizers import Characters, padded

FIRST_SEED, SEEDS = 1000, 5
REQUIRED = 0.8  # win rate against SFT
ROOM = 36  # tokens of a response: the longest review has as many
ANSWERS = 192  # responses to each held-out prompt
METHODS = ("ppo", "dpo", "kto")

THINGS = ["film", "book", "song", "meal", "play", "show", "game", "tale", "tour", "talk"]
PARTS = ["plot", "cast", "tone", "pace", "mood", "idea", "look", "end"]
KIND = {"great": 3, "grand": 3, "super": 3, "good": 2, "warm": 2, "witty": 2, "fine": 1, "neat": 1}
UNKIND = {"awful": -3, "dire": -3, "vile": -3, "bad": -2, "dull": -2, "cold": -2, "weak": -1, "slow": -1}
PLAIN = ["long", "short", "new", "old"]
LEXICON = KIND | UNKIND
LETTERS = Characters("abcdefghijklmnopqrstuvwxyz .,")
HELD_OUT = THINGS[8:]  # what the prompts of all scores are about, and none of those that are learnt from

SIZES = {"width": 64, "layers": 2, "heads": 4, "context": 64}
SFT = {"learning_rate": "linear:0.003:0", "batch_size": 64}
SFT_TEXTS, SFT_UPDATES = 4000, 600
PPO = {
    "n_steps": ROOM,
    "batch_size": 64 * ROOM,
    "n_epochs": 2,
    "gamma": 1.0,
    "gae_lambda": 0.95,
    "learning_rate": 0.0005,
    "ent_coef": 0.0,
}
PPO_ENVIRONMENTS, PPO_ITERATIONS, KL_PENALTY = 128, 40, 0.1
DPO = {"beta": 0.05, "learning_rate": 0.0001, "batch_size": 64, "sft_coef": 0.1}
DPO_PAIRS, DPO_UPDATES = 4096, 240
KTO = {"beta": 0.1, "learning_rate": 0.0001, "batch_size": 64}
KTO_TEXTS, KTO_UPDATES = 4096, 240
MOMENTS = 6  # how often it is scored in the course of learning, its beginning included

Raw = dict[str, Any]


def kindness(prompts: Sequence[str], responses: Sequence[str], rows: Sequence[Any] = ()) -> list[float]:
    """The sum of what the lexicon says of a response's words, divided by three."""
    return [sum(LEXICON.get(word.strip(".,"), 0) for word in text.split()) / 3 for text in responses]


def known(responses: Sequence[str]) -> float:
    """The share of responses whose words are all words of the reviews."""
    words = {*THINGS, *PARTS, *LEXICON, *PLAIN, "the", "was", "and", "but", ""}
    return float(np.mean([all(word.strip(".,") in words for word in text.split()) for text in responses]))


def reviews(count: int, random: np.random.Generator, things: Sequence[str]) -> list[Raw]:
    """Prompts and responses such as "the film" and " was long, but the plot was dull."."""
    words = [*LEXICON, *PLAIN]

    def one() -> Raw:
        thing, part = random.choice(things), random.choice(PARTS)
        first, second = random.choice(words, 2)
        join = random.choice([", and the", ", but the"])
        end = f"{join} {part} was {second}." if random.random() < 0.5 else "."
        return {"prompt": f"the {thing}", "response": f" was {first}{end}"}

    return [one() for _ in range(count)]


def prompts_of(things: Sequence[str]) -> list[str]:
    return [f"the {thing}" for thing in things]


@cache
def shown(seed: int) -> Pretrained:
    """SFT's model."""
    texts = reviews(SFT_TEXTS, np.random.default_rng(seed), THINGS)
    network = Transformer(vocab_size=LETTERS.vocab_size, **SIZES)
    agent = operant.SFT(dataset=texts, network=network, tokenizer=LETTERS, preset=None, seed=seed, **SFT)
    return agent.learn(SFT_UPDATES, progress_bar=False).language_model


@jax.jit
def log_probs(model: Any, tokens: jax.Array, start: jax.Array) -> jax.Array:
    return token_log_probs(model, tokens, start)


def score(model: Pretrained, sft: Pretrained, *, seed: int) -> Raw:
    """Of responses to held-out prompts: kindness, the win rate against SFT's, and the KL divergence of a response."""
    prompts = prompts_of(HELD_OUT) * (ANSWERS)
    own, theirs = (
        m.generate(prompts, max_new_tokens=ROOM, seed=s) for m, s in ((model, seed), (sft, seed + 1))
    )
    mine, other = (np.array(kindness(prompts, [r.text for r in responses])) for responses in (own, theirs))
    encoded = [[*LETTERS.encode(prompt), *r.tokens.tolist()] for prompt, r in zip(prompts, own, strict=True)]
    tokens, start = padded(encoded, LETTERS.special.pad, SIZES["context"])
    table = np.asarray(log_probs(sft.model, tokens, start))
    kl = [
        r.log_probs.sum() - row[len(row) - len(r.tokens) :].sum() for r, row in zip(own, table, strict=True)
    ]
    return {
        "kindness": float(mine.mean()),
        "of_sft": float(other.mean()),
        "win_rate": float(np.mean((mine > other) + 0.5 * (mine == other))),
        "kl": float(np.mean(kl)),
        "words_known": known([r.text for r in own]),
        "ended": float(np.mean([r.ended for r in own])),
        "texts": [prompt + r.text for prompt, r in zip(prompts[:4], own, strict=False)],
    }


def by_ppo(sft: Pretrained, seed: int) -> operant.Agent:
    environment = TextEnvironment(
        prompts_of(THINGS[:8]), LETTERS, kindness, max_new_tokens=ROOM, missing_eos_penalty=1.0
    )
    return operant.PPO(
        environment,
        preset=None,
        network=sft,
        num_envs=PPO_ENVIRONMENTS,
        kl_penalty=KL_PENALTY,
        seed=seed,
        **PPO,
    )


def by_dpo(sft: Pretrained, seed: int) -> operant.Agent:
    """From pairs of SFT's own texts, of which the lexicon prefers one."""
    first, second = (written(sft, DPO_PAIRS, 2 * seed + i) for i in range(2))
    pairs = []
    for (prompt, *texts), (_, other) in zip(first, second, strict=True):
        texts = [*texts, other]
        kind = kindness([prompt] * 2, texts)
        if kind[0] != kind[1]:
            chosen, rejected = texts if kind[0] > kind[1] else texts[::-1]
            pairs.append({"prompt": prompt, "chosen": chosen, "rejected": rejected})
    return operant.DPO(dataset=pairs, preset=None, network=sft, seed=seed, **DPO)


def by_kto(sft: Pretrained, seed: int) -> operant.Agent:
    """From single texts of SFT's own, which the lexicon calls kind or unkind; those that are neither are left out."""
    texts = written(sft, KTO_TEXTS, 2 * seed)
    kind = kindness([prompt for prompt, _ in texts], [text for _, text in texts])
    rows = [
        {"prompt": prompt, "completion": text, "label": worth > 0}
        for (prompt, text), worth in zip(texts, kind, strict=True)
        if worth
    ]
    return operant.KTO(dataset=rows, preset=None, network=sft, seed=seed, **KTO)


def written(sft: Pretrained, count: int, seed: int) -> list[tuple[str, str]]:
    """Prompts that were learnt from, and responses of SFT's model to them."""
    prompts, found = prompts_of(THINGS[:8]) * 128, []
    for part in range(count // len(prompts)):
        responses = sft.generate(prompts, max_new_tokens=ROOM, seed=100_000 * (part + 1) + seed)
        found += [(prompt, response.text) for prompt, response in zip(prompts, responses, strict=True)]
    return found


def measure(method: str, seed: int) -> Raw:
    """One seed: SFT, then the method, scored a few times on its way."""
    began = time.perf_counter()
    sft = shown(seed)
    shown_after = time.perf_counter()
    agent = {"ppo": by_ppo, "dpo": by_dpo, "kto": by_kto}[method](sft, seed)
    rollouts = PPO_ITERATIONS * PPO_ENVIRONMENTS * ROOM
    steps = {"ppo": rollouts, "dpo": DPO_UPDATES, "kto": KTO_UPDATES}[method]
    curve = [score(sft, sft, seed=10_000)]
    for moment in range(1, MOMENTS):
        agent.learn(
            steps * moment // (MOMENTS - 1) - steps * (moment - 1) // (MOMENTS - 1), progress_bar=False
        )
        curve.append(score(agent.language_model, sft, seed=10_000))
    return {
        "method": method,
        "seed": seed,
        "after": curve[-1],
        "before": {name: curve[0][name] for name in ("kindness", "words_known", "texts")},
        "curve": {name: [each[name] for each in curve] for name in ("kindness", "kl", "win_rate")},
        "seconds": {
            "sft": round(shown_after - began, 1),
            method: round(time.perf_counter() - shown_after, 1),
        },
        "steps": agent.step,
    }


def report(found: list[Raw]) -> str:
    """The Markdown of sentiment.md."""
    size = _untrained().size
    lines = [
        "# Kinder words, by preferences\n",
        f"A transformer of {SIZES['layers']} blocks of width {SIZES['width']} over characters ({size:,} parameters) "
        f"learns {SFT_TEXTS:,} short reviews of {len(LEXICON)} words that a lexicon knows, kind and unkind alike (SFT, "
        f"{SFT_UPDATES} updates). Then PPO is paid the lexicon's score less {KL_PENALTY:g} for each nat from SFT's "
        f"model, over {PPO_ITERATIONS} rollouts of {PPO_ENVIRONMENTS} responses; or DPO (β {DPO['beta']:g}) is shown "
        f"pairs of SFT's own texts, about {DPO_PAIRS:,} less ties; or KTO (β {KTO['beta']:g}) texts of SFT's by "
        f"themselves, {KTO_TEXTS:,} less those that are neither kind nor unkind. Scores are of "
        f"{len(HELD_OUT) * ANSWERS} sampled responses to prompts that none learnt from. Written by "
        "`python -m benchmarks.sentiment`.\n",
        studies.describe(found) + "\n",
    ]
    header = (
        "method",
        "seed",
        "win rate against SFT",
        "KL, nats a response",
        "kindness",
        "all words known",
        "minutes",
    )
    rows = []
    for raw in found:
        after = raw["after"]
        rows.append(
            (
                raw["method"].upper(),
                str(raw["seed"]),
                f"{after['win_rate']:.3f}",
                f"{after['kl']:.2f}",
                f"{raw['before']['kindness']:+.2f} to {after['kindness']:+.2f}",
                f"{raw['before']['words_known']:.3f} to {after['words_known']:.3f}",
                f"{sum(raw['seconds'].values()) / 60:.1f}",
            )
        )
    lines.append(common.table(header, rows))
    for method in METHODS:
        of = [raw for raw in found if raw["method"] == method]
        if of:
            reached = sum(raw["after"]["win_rate"] >= REQUIRED for raw in of)
            kl = np.mean([raw["after"]["kl"] for raw in of])
            lines.append(
                f"\n{method.upper()}: {reached} of {len(of)} seeds win {REQUIRED:.0%} and more, at {kl:.1f} nats a "
                "response in the mean."
            )
    seeds = range(FIRST_SEED, FIRST_SEED + SEEDS)
    measured = {(raw["method"], raw["seed"]) for raw in found}
    missing = [f"{m.upper()} {seed}" for m in METHODS for seed in seeds if (m, seed) not in measured]
    if missing:
        lines.append(f"\nNot measured yet: {', '.join(missing)}.")
    lines.append("\n![kindness against the KL divergence from SFT's model](sentiment.png)\n")
    for raw in (next((r for r in found if r["method"] == m), None) for m in METHODS):
        if raw is not None:
            lines += [
                f"Seed {raw['seed']}, SFT's model and {raw['method'].upper()}'s after it, with the same randomness:\n",
                common.table(
                    ("before", "after"),
                    zip(raw["before"]["texts"], raw["after"]["texts"], strict=True),
                ),
                "",
            ]
    return "\n".join(lines)


def _untrained() -> Any:
    from operant.language import LanguageModel

    return LanguageModel.like(Transformer(vocab_size=LETTERS.vocab_size, **SIZES).to_json())


def draw(found: Sequence[Raw], path: Path) -> None:
    """Kindness against KL, a line a seed."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(METHODS), figsize=(4.5 * len(METHODS), 3.6), sharey=True, layout="constrained"
    )
    for ax, method in zip(axes, METHODS, strict=True):
        for raw in found:
            if raw["method"] == method:
                curve = raw["curve"]
                ax.plot(curve["kl"], curve["kindness"], "o-", ms=3, lw=1, label=str(raw["seed"]))
        ax.set(title=method.upper(), xlabel="KL from SFT's model, nats a response")
        if ax.lines:
            ax.legend(title="seed", fontsize=7)
    axes[0].set_ylabel("kindness")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Measure what the command line asks for and nobody has measured yet."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sentiment", description=__doc__)
    parser.add_argument("only", nargs="*", default=METHODS, help=", ".join(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(FIRST_SEED, FIRST_SEED + SEEDS)))
    parser.add_argument("--again", action="store_true", help="measure what is measured already, too")
    parser.add_argument("--tuning", action="store_true", help="nothing is written")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    options = parser.parse_args()
    file = common.RESULTS / "sentiment.json"
    kept = json.loads(file.read_text()) if file.exists() else {"runs": []}
    for seed in options.seeds:
        for method in options.only:
            others = [raw for raw in kept["runs"] if (raw["method"], raw["seed"]) != (method, seed)]
            if len(others) < len(kept["runs"]) and not options.again and not options.tuning:
                continue
            raw = measure(method, seed)
            print(json.dumps(raw), flush=True)
            if options.tuning:
                continue
            about = {"date": options.date, "machine": common.machine(), "versions": common.versions()}
            runs = [*others, raw | about]
            kept = {"runs": sorted(runs, key=lambda each: (METHODS.index(each["method"]), each["seed"]))}
            common.write_json(file, kept)
            file.with_suffix(".md").write_text(report(kept["runs"]))
            draw(kept["runs"], file.with_suffix(".png"))


if __name__ == "__main__":
    main()
