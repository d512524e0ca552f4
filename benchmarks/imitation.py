"""Is behaviour cloning as good as its expert? `python -m benchmarks.imitation` writes results/imitation.json and .md.

An agent of operant's own is trained by its preset and plays; twenty learners in one program imitate what it did, and
all of them are scored in the same episodes of Gymnasium's own environment. No value was chosen by looking at these
seeds, nor at these demonstrations.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

import operant
from benchmarks import common
from operant import presets
from operant.ops.intervals import iqm_interval

EXPERT_SEED = 100
DEMONSTRATIONS_SEED, FIRST_SEED = 1000, 1000  # no preset was chosen by looking at these
SEEDS = 20
EPISODES = 100  # of a score
REQUIRED = 0.95  # of the expert's return

Raw = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """An expert, and how many of its episodes are imitated."""

    environment: str
    expert: str  # an algorithm that has a preset for this environment
    demonstrations: int

    def parts(self) -> dict[str, Any]:
        """The expert's preset."""
        return presets.find(self.expert, self.environment, "auto")


CASES = (
    Case("CartPole-v1", "ppo", 20),
    Case("Pendulum-v1", "ppo", 50),
    Case("LunarLander-v3", "dqn", 100),
)


def expert(case: Case, file: Path) -> operant.Agent:
    """The expert in this file; trained by its preset, and written there, if there is none yet."""
    if not file.exists():
        values = case.parts()
        agent = operant.make(case.expert, case.environment, seed=EXPERT_SEED)
        every = values.get("evaluate_every")
        agent.learn(values["total_timesteps"], progress_bar=False, evaluate_every=every)
        file.parent.mkdir(parents=True, exist_ok=True)
        (agent if every is None else agent.best_model).save(file)
    return operant.load(file)


def clone(case: Case, dataset: operant.Collected, first_seed: int, seeds: int) -> operant.Agent:
    """Learners that imitated it, by the preset."""
    steps = presets.find("bc", case.environment, "auto")["total_timesteps"]
    agent = operant.make(
        "bc", case.environment, dataset=dataset, seeds=list(range(first_seed, first_seed + seeds))
    )
    return agent.learn(steps, progress_bar=False)


def measure(case: Case, experts: Path, *, tuning: bool = False, seeds: int = SEEDS) -> Raw:
    """What an expert scores, and those who imitated it; with `tuning`, of other demonstrations and seeds."""
    master = expert(case, experts / f"{case.environment}.safetensors")
    shown = operant.collect(
        master, episodes=case.demonstrations, deterministic=True, seed=0 if tuning else DEMONSTRATIONS_SEED
    )
    began = time.perf_counter()
    learners = clone(case, shown, 0 if tuning else FIRST_SEED, seeds)
    took = time.perf_counter() - began
    seed = 50_000 if tuning else 10_000
    random = operant.make("random", case.environment).evaluate(EPISODES, seed=seed, deterministic=False)
    own, scores = master.evaluate(EPISODES, seed=seed), learners.evaluate(EPISODES, seed=seed)
    return {
        "environment": case.environment,
        "expert": case.expert,
        "demonstrations": case.demonstrations,
        "steps": shown.steps,
        "demonstrated": shown.metrics["average_return"],
        "updates": learners.step,
        "seconds": round(took, 1),
        "expert_mean": float(own.mean),
        "random_mean": float(random.mean),
        "seeds": list(learners.seeds or ()),
        "means": [float(score.mean) for score in scores],
        "episodes": EPISODES,
        "machine": common.machine(),
        "versions": common.versions(),
    }


def share(raw: Raw) -> np.ndarray:
    """(return − random) / (expert − random) of each learner: 0 for the random policy's return, 1 for the expert's."""
    means = np.array(raw["means"])
    return (means - raw["random_mean"]) / (raw["expert_mean"] - raw["random_mean"])


def plain_share(raw: Raw) -> float | None:
    """The learners' mean return over the expert's, where that says something: of positive ones."""
    return float(np.mean(raw["means"]) / raw["expert_mean"]) if raw["expert_mean"] > 0 else None


def report(measured: list[Raw]) -> str:
    """The Markdown of imitation.md."""
    rows = []
    for raw in measured:
        shares, plain = share(raw), plain_share(raw)
        low, high = iqm_interval(np.array(raw["means"]))[1:]
        rows.append(
            (
                f"{raw['environment']} ({raw['expert']})",
                f"{raw['demonstrations']} ({raw['steps']:,} steps)",
                f"{raw['expert_mean']:.1f}",
                f"{raw['random_mean']:.1f}",
                f"{np.mean(raw['means']):.1f}",
                f"{low:.1f} to {high:.1f}",
                f"{shares.mean():.1%}",
                "–" if plain is None else f"{plain:.1%}",
                f"{int((shares >= REQUIRED).sum())} of {len(shares)}",
            )
        )
    header = (
        *(
            "environment (expert)",
            "episodes shown",
            "expert",
            "random",
            "BC, mean of seeds",
            "95 % of the IQM",
        ),
        *("(BC − random) ÷ (expert − random)", "BC ÷ expert", "seeds at 95 % or more"),
    )
    by_seed = (
        f"\n{raw['environment']}, by seed: {', '.join(f'{mean:.1f}' for mean in raw['means'])}."
        for raw in measured
    )
    first = measured[0]
    return (
        "\n".join(
            [
                "# Behaviour cloning of operant's own agents\n",
                f"The expert is trained by its preset (seed {EXPERT_SEED}) and plays its best known actions. "
                f"{SEEDS} learners, seeds {FIRST_SEED} to {FIRST_SEED + SEEDS - 1}, imitate them in one program by "
                f"BC's preset. All are scored over the same {EPISODES} episodes of Gymnasium's own environment. "
                "Where returns are negative, a percentage of the expert's says nothing; so the share that is asked "
                "for, 95 %, is that of the way from the random policy's return to the expert's. Of positive returns "
                "the plain one is given as well. Presets were chosen with other demonstrations, seeds and episodes. "
                f"Written by `python -m benchmarks.imitation` ({first['date']}).\n",
                common.table(header, rows),
                *by_seed,
            ]
        )
        + "\n"
    )


def main() -> None:
    """Measure the cases that the command line asks for; what is known of the others is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.imitation", description=__doc__)
    parser.add_argument("only", nargs="*", default=["*"], help="environments, as patterns")
    parser.add_argument("--experts", type=Path, default=Path("runs/experts"), help="where experts are kept")
    parser.add_argument("--tuning", action="store_true", help="other seeds, and nothing is written")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--date", default=datetime.date.today().isoformat())
    options = parser.parse_args()
    file = common.RESULTS / "imitation.json"
    kept = {raw["environment"]: raw for raw in json.loads(file.read_text())["cases"]} if file.exists() else {}
    for case in CASES:
        if not any(fnmatch(case.environment.lower(), pattern.lower()) for pattern in options.only):
            continue
        raw = {"date": options.date} | measure(
            case, options.experts, tuning=options.tuning, seeds=options.seeds
        )
        print(case.environment, raw["expert_mean"], raw["means"], share(raw).round(3).tolist(), flush=True)
        if options.tuning:
            continue
        kept[case.environment] = raw
        measured = [kept[each.environment] for each in CASES if each.environment in kept]
        common.write_json(file, {"cases": measured})
        file.with_suffix(".md").write_text(report(measured))


if __name__ == "__main__":
    main()
