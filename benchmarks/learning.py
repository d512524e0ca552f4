"""Does it learn? `python -m benchmarks.learning` writes results/learning.json, learning.md and the curves.

Twenty seeds in one program, with the presets, scored on Gymnasium's own environments. No preset was chosen by looking
at these seeds.
"""

from __future__ import annotations

import argparse
import datetime
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

import operant
from benchmarks import common
from operant import presets
from operant.ops.intervals import iqm_interval
from operant.studio.curves import RETURN, STEPS, learning_curve

FIRST_SEED = 1000
EPISODES = 100
QUICK_SHARE, QUICK_SEEDS = 20, 2

Raw = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """An algorithm on an environment, and the mean return that counts as solved."""

    algorithm: str
    environment: str
    threshold: float

    @property
    def name(self) -> str:
        return f"{self.algorithm.upper()} {self.environment}"


STUDIES = (
    Study("ppo", "CartPole-v1", 475),
    Study("dqn", "CartPole-v1", 475),
    Study("ppo", "Pendulum-v1", -200),
    Study("reinforce", "CartPole-v1", 475),
    Study("a2c", "CartPole-v1", 475),
    Study("trpo", "CartPole-v1", 475),
    Study("ppo", "Acrobot-v1", -100),
    Study("trpo", "Acrobot-v1", -100),
    Study("trpo", "Pendulum-v1", -200),
)
REQUIRED_SHARE = 0.95  # of the seeds must reach the threshold: 19 of 20


def main(studies: Sequence[Study] = STUDIES, name: str = "learning") -> None:
    """Measure the studies, and write NAME.json and NAME.md; exits with 1 where too few seeds learn."""
    options = _options(name)
    count = QUICK_SEEDS if options.quick else options.seeds
    results = options.out or (Path(tempfile.mkdtemp()) if options.quick else common.RESULTS)
    raw: Raw = {
        "date": options.date,
        "machine": common.machine(),
        "versions": common.versions(),
        "studies": [],
    }
    for study in studies:
        raw["studies"].append(run(study, count, QUICK_SHARE if options.quick else 1, results))
        common.write_json(results / f"{name}.json", raw)  # what is done is kept, whatever comes later
    text = report(raw, name)
    (results / f"{name}.md").write_text(text)
    print(f"{text}\nWritten to {results}.")
    sys.exit(not all(solved(study) for study in raw["studies"]))


def run(study: Study, count: int, share: int, results: Path) -> Raw:
    """Train and score all seeds, and draw their curves."""
    preset = presets.find(study.algorithm, study.environment, "auto")
    steps, every = preset["total_timesteps"] // share, preset.get("evaluate_every")
    seeds = range(FIRST_SEED, FIRST_SEED + count)
    agent = operant.make(study.algorithm, study.environment, preset="auto", seeds=seeds)
    started = time.perf_counter()
    agent.learn(steps, progress_bar=False, evaluate_every=every)
    trained = time.perf_counter()
    last = [score.mean for score in agent.evaluate(EPISODES)]
    kept = last if every is None else [score.mean for score in agent.best_model.evaluate(EPISODES)]
    scored = time.perf_counter()

    steps_logged = np.array([row[STEPS] for row in agent.history])
    values = np.stack([row[RETURN] for row in agent.history], axis=1)
    picture = f"learning-{study.algorithm}-{study.environment}.png"
    results.mkdir(parents=True, exist_ok=True)
    learning_curve(
        {study.name: (steps_logged, values)},
        title=study.name,
        threshold=study.threshold,
        path=results / picture,
    )
    centre, low, high = (float(value) for value in iqm_interval(kept))
    print(f"{study.name}: {centre:.1f} [{low:.1f}, {high:.1f}]", flush=True)
    return asdict(study) | {
        "name": study.name,
        "seeds": list(seeds),
        "steps": steps,
        "means": kept,
        "means_of_the_last_models": last,
        "evaluate_every": every,
        "iqm": centre,
        "interval": [low, high],
        "train_seconds": trained - started,
        "score_seconds": scored - trained,
        "picture": picture,
        "config": agent.config(),
    }


def reached(study: Raw) -> int:
    """How many seeds reached the threshold."""
    return sum(mean >= study["threshold"] for mean in study["means"])


def solved(study: Raw) -> bool:
    """Whether enough of them did."""
    return reached(study) >= REQUIRED_SHARE * len(study["means"])


def report(raw: Raw, name: str = "learning") -> str:
    """The Markdown of NAME.md."""
    header = (
        "",
        "steps a seed",
        "IQM of mean returns [95 %]",
        "threshold",
        "seeds that reach it",
        "training, s",
        "",
    )
    rows = []
    for study in raw["studies"]:
        low, high = study["interval"]
        rows.append(
            (
                study["name"],
                f"{study['steps']:,}",
                f"{study['iqm']:.1f} [{low:.1f}, {high:.1f}]",
                f"{study['threshold']}",
                f"{reached(study)} of {len(study['means'])}",
                f"{study['train_seconds']:.0f}",
                "pass" if solved(study) else "**fail**",
            )
        )
    seeds = raw["studies"][0]["seeds"]
    sections = [
        "# Learning, over seeds that no preset was chosen by\n",
        common.describe(raw["date"], raw["machine"], raw["versions"]),
        f"\nSeeds {seeds[0]} to {seeds[-1]} trained together in one program, each scored by its mean return over "
        f"{EPISODES} episodes of Gymnasium's own environment. Training time is of all seeds, with compilation. "
        f"Written by `python -m benchmarks.{name}`.\n",
        common.table(header, rows),
    ]
    for study in raw["studies"]:
        sections.append(
            f"\n## {study['name']}\n\n![Learning curves]({study['picture']})\n\nBy seed: {_listed(study['means'])}."
        )
        if study["evaluate_every"] is not None:
            last = study["means_of_the_last_models"]
            sections.append(
                "\nThese are the best models by an evaluation every "
                f"{study['evaluate_every']:,} steps, over 20 other episodes, as the preset keeps them, since "
                f"training can forget. The models at the end of training: {_listed(last)}; "
                f"{sum(mean >= study['threshold'] for mean in last)} of {len(last)} reach the threshold."
            )
    return "\n".join(sections) + "\n"


def _listed(means: list[float]) -> str:
    return ", ".join(f"{mean:.1f}" for mean in means)


def _options(name: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help=f"how many, from {FIRST_SEED} on (default 20)")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of the report")
    parser.add_argument("--out", type=Path, help="directory of the results (default: benchmarks/results)")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="see that it works, not how well: two seeds, few steps, elsewhere",
    )
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: must be at least 1.")
    return options


if __name__ == "__main__":
    main()
