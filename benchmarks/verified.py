"""From half right to right, by a verifier alone: `python -m benchmarks.verified` writes results/verified.*

A small transformer over characters is shown right answers (cross-entropy) until it is right about half of the time.
Then it is shown no answer any more: GRPO plays, and a rule says what is right. It is scored on the prompts that it
learnt from, and on those of the part `test`, which neither has seen. No value was chosen by looking at these seeds.
What is measured already is kept, so that an interrupted study goes on.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import operant
from benchmarks import common
from operant.language import LanguageModel, Pretrained, TextEnvironment, Transformer, generate, tasks
from operant.language.log_probs import token_log_probs
from operant.language.tokenizers import padded

FIRST_SEED, SEEDS = 1000, 5
STOP = 0.5  # of the answers right: where examples end
REQUIRED = 0.95
SCORED = 500  # prompts of a score, at most
BATCH, EVERY = 128, 50  # examples of an update, and updates between two scores
POINTS = 40  # of a curve

Raw = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A task, the model's sizes, and how it learns."""

    name: str
    task: str
    sizes: dict[str, int]
    values: dict[str, Any]  # of GRPO
    iterations: int
    task_values: dict[str, Any] = field(default_factory=dict)

    def environment(self, part: str) -> TextEnvironment:
        """The part of the task."""
        return getattr(tasks, self.task)(part=part, **self.task_values)


SMALL = {"width": 32, "layers": 2, "heads": 4, "context": 10}  # 27,000 parameters
LARGE = {"width": 128, "layers": 6, "heads": 4, "context": 16}  # 1.2 million
# With a tuning seed and 1,000 iterations 0.97 (arithmetic) and 0.96 (sorting) of the answers were right.
GRPO = {
    "n_episodes": 256,
    "group_size": 8,
    "batch_size": 64,
    "n_epochs": 2,
    "learning_rate": "linear:0.0004:0",
    "clip_range_high": 0.28,
    "kl_coef": 0.001,
}
# With the tuning seed 0 they were at 0.70 (arithmetic) and 0.85 (sorting) after so many iterations, and still rising.
GRPO_OF_LARGE = GRPO | {"learning_rate": "linear:0.0002:0"}
CASES = (
    Case("arithmetic", "arithmetic", SMALL, GRPO, 1300, {"digits": 1}),
    Case("sorting", "sorting", SMALL, GRPO, 1300, {"shortest": 2, "longest": 4}),
    Case("arithmetic of two digits", "arithmetic", LARGE, GRPO_OF_LARGE, 300, {"digits": 2}),
    Case("sorting of up to six", "sorting", LARGE, GRPO_OF_LARGE, 300, {"shortest": 3, "longest": 6}),
)


def accuracy(model: LanguageModel, environment: TextEnvironment, *, temperature: float, seed: int) -> float:
    """The share of right answers to prompts of this part."""
    texts = environment.texts
    chosen = np.random.default_rng(0).permutation(len(texts.rows))[:SCORED]
    rows = [texts.rows[i] for i in chosen]
    answers = generate(
        model,
        environment.tokenizer,
        [row["prompt"] for row in rows],
        max_new_tokens=environment.max_new_tokens,
        temperature=temperature,
        seed=seed,
    )
    return float(np.mean([a.text == row["answer"] for a, row in zip(answers, rows, strict=True)]))


def shown(case: Case, seed: int) -> tuple[LanguageModel, int, float]:
    """`(model, updates, accuracy)` after examples of the part `train`, until half of the answers are right."""
    environment = case.environment("train")
    tokenizer = environment.tokenizer
    prompts = [tokenizer.encode(row["prompt"]) for row in environment.texts.rows]
    answers = [[*tokenizer.encode(row["answer"]), tokenizer.special.eos] for row in environment.texts.rows]
    rows = [[*prompt, *answer] for prompt, answer in zip(prompts, answers, strict=True)]
    tokens, start = padded(rows, tokenizer.special.pad)
    learnt = (
        np.arange(tokens.shape[1])[None] >= tokens.shape[1] - np.array([len(a) for a in answers])[:, None]
    )
    config = Transformer(vocab_size=tokenizer.vocab_size, **case.sizes)
    model = LanguageModel.build(config, jax.random.key(seed))
    optimizer = optax.adam(1e-3)
    state = optimizer.init(model)  # pyright: ignore[reportArgumentType]

    @jax.jit
    def update(model: LanguageModel, state: Any, tokens: Any, start: Any, learnt: Any) -> tuple:
        def loss(model: LanguageModel) -> jax.Array:
            return -jnp.sum(token_log_probs(model, tokens, start) * learnt) / jnp.sum(learnt)

        change, state = optimizer.update(jax.grad(loss)(model), state)
        return optax.apply_updates(model, change), state

    random, updates = np.random.default_rng(seed), 0
    while True:
        for _ in range(EVERY):
            index = random.integers(0, len(tokens), BATCH)
            model, state = update(model, state, tokens[index], start[index], learnt[index])
        updates += EVERY
        reached = accuracy(model, environment, temperature=1.0, seed=updates)
        if reached >= STOP:
            return model, updates, reached


def measure(case: Case, seed: int) -> Raw:
    """One seed: examples, and then GRPO."""
    began = time.perf_counter()
    model, updates, sampled = shown(case, seed)
    shown_after = time.perf_counter()
    environment, held_out = case.environment("train"), case.environment("test")
    room = environment.max_new_tokens
    agent = operant.GRPO(
        environment,
        preset=None,
        network=Pretrained(model, environment.tokenizer),
        num_envs=case.values["n_episodes"],
        max_steps=room,
        seed=seed,
        **case.values,
    )
    episodes = case.values["n_episodes"]
    agent.learn(
        case.iterations * episodes * (room - 1), progress_bar=False, log_interval=10 * episodes * (room - 1)
    )
    ended, after = time.perf_counter(), agent.language_model.model

    def score(model: LanguageModel, temperature: float, of: TextEnvironment = environment) -> float:
        return accuracy(model, of, temperature=temperature, seed=10_000)

    rows = agent.history
    return {
        "seed": seed,
        "updates": updates,
        "before": {
            "sampled": score(model, 1.0),
            "greedy": score(model, 0.0),
            "held_out": score(model, 0.0, held_out),
            "at_the_stop": sampled,
        },
        "after": {
            "sampled": score(after, 1.0),
            "greedy": score(after, 0.0),
            "held_out": score(after, 0.0, held_out),
        },
        "seconds": {"examples": round(shown_after - began, 1), "grpo": round(ended - shown_after, 1)},
        "responses": agent.learner.iteration * episodes,
        "curve": thinned(
            {
                "steps": [int(row["time/total_timesteps"]) for row in rows],
                "reward": [float(row["rollout/reward/exact"]) for row in rows],
                "kl": [float(row["train/kl_to_reference"]) for row in rows],
            }
        ),
    }


def thinned(curve: dict[str, list[float]]) -> dict[str, list[float]]:
    """The same in `POINTS` parts: the last step of each, the mean reward, and the median of the divergence, whose
    estimate is now and then very large."""
    of = {"steps": lambda part: int(part[-1]), "reward": np.mean, "kl": np.median}
    return {
        name: [
            np.round(of[name](part), 4).item() for part in np.array_split(values, min(POINTS, len(values)))
        ]
        for name, values in curve.items()
    }


def report(cases: list[Raw]) -> str:
    """The Markdown of verified.md."""
    lines = [
        "# From half right to right, by a verifier alone\n",
        "A transformer over characters, of 27,000 parameters (2 blocks of width 32) for problems of one digit and for "
        "two to four letters, of 1.2 million (6 of width 128) for the others, is shown right answers "
        f"until it samples {STOP:.0%} of the answers right, and then learns by GRPO from a rule that says whether an "
        f"answer is right. Scores are over up to {SCORED} of the prompts that were learnt from, and of the part "
        "`test`, from which nothing was learnt. Written by "
        f"`python -m benchmarks.verified` ({cases[0]['date']}).\n",
    ]
    header = (
        "task",
        "seed",
        "after examples",
        "after GRPO",
        "greedy",
        "held out, greedy",
        "KL, nats a token",
        "minutes",
    )
    rows = []
    for case in cases:
        for raw in case["seeds"]:
            rows.append(
                (
                    case["name"],
                    str(raw["seed"]),
                    f"{raw['before']['sampled']:.3f}",
                    f"{raw['after']['sampled']:.3f}",
                    f"{raw['after']['greedy']:.3f}",
                    f"{raw['before']['held_out']:.3f} to {raw['after']['held_out']:.3f}",
                    f"{raw['curve']['kl'][-1]:.2f}",
                    f"{sum(raw['seconds'].values()) / 60:.1f}",
                )
            )
    lines.append(common.table(header, rows))
    for case in cases:
        reached = sum(raw["after"]["sampled"] >= REQUIRED for raw in case["seeds"])
        lines.append(
            f"\n{case['name']}: {reached} of {len(case['seeds'])} seeds at {REQUIRED:.0%} and more, sampled."
        )
    lines.append("\n![reward against the KL divergence from where GRPO began](verified.png)")
    return "\n".join(lines) + "\n"


def draw(cases: list[Raw], path: Path) -> None:
    """Reward against KL, a line a seed."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(
        1, len(cases), figsize=(5 * len(cases), 3.6), squeeze=False, layout="constrained"
    )
    for ax, case in zip(axes[0], cases, strict=True):
        for raw in case["seeds"]:
            ax.plot(raw["curve"]["kl"], raw["curve"]["reward"], lw=1, alpha=0.8, label=str(raw["seed"]))
        ax.axhline(REQUIRED, color="0.6", lw=0.8, ls=":")
        ax.set(
            title=case["name"],
            xlabel="KL from where GRPO began, nats a token",
            ylabel="share of right answers",
        )
        ax.legend(title="seed", fontsize=7)
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    """Measure the tasks and seeds that the command line asks for; what is known of the others is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verified", description=__doc__)
    parser.add_argument("only", nargs="*", default=[case.name for case in CASES], help="tasks")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(FIRST_SEED, FIRST_SEED + SEEDS)))
    parser.add_argument("--again", action="store_true", help="measure what is measured already, too")
    parser.add_argument("--tuning", action="store_true", help="nothing is written")
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    options = parser.parse_args()
    file = common.RESULTS / "verified.json"
    kept = {raw["name"]: raw for raw in json.loads(file.read_text())["cases"]} if file.exists() else {}
    for seed in options.seeds:
        for case in [each for each in CASES if each.name in options.only]:
            measured = [each["seed"] for each in kept.get(case.name, {}).get("seeds", [])]
            if seed in measured and not options.again and not options.tuning:
                continue
            raw = measure(case, seed)
            print(
                case.name,
                json.dumps(raw | {"curve": {k: v[-3:] for k, v in raw["curve"].items()}}),
                flush=True,
            )
            if options.tuning:
                continue
            known = kept.setdefault(
                case.name, {"name": case.name, "machine": common.machine(), "versions": common.versions()}
            )
            known["date"] = options.date
            others = [each for each in known.get("seeds", []) if each["seed"] != seed]
            known["seeds"] = sorted([*others, raw], key=lambda each: each["seed"])
            measured = [kept[each.name] for each in CASES if each.name in kept]
            common.write_json(file, {"cases": measured})
            file.with_suffix(".md").write_text(report(measured))
            draw(measured, file.with_suffix(".png"))


if __name__ == "__main__":
    main()
