"""Studies of what is learnt: many seeds in one program, scored, drawn and kept as raw numbers.

`benchmarks.learning`, `benchmarks.ablation`, `benchmarks.curiosity` and `benchmarks.hindsight` each are a list of them
and a report.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

import operant
from benchmarks import common
from operant import presets
from operant.agent import Agent
from operant.engine.evaluate import Evaluation
from operant.engine.log import ELAPSED, EVALUATED
from operant.ops.intervals import iqm_interval
from operant.studio.curves import learning_curve, series

FIRST_SEED = 1000  # no preset was chosen by looking at seeds from here on
EPISODES = 100
QUICK_SHARE, QUICK_SEEDS = 20, 2
CHECKPOINTS = 50  # of a long study
REQUIRED_SHARE = 0.95  # of the seeds must reach the threshold: 19 of 20

Raw = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """An algorithm on an environment, and the mean return that counts as solved.

    With `success` it is the share of episodes that reach their goal, from 0 to 1. Most seeds must reach it, or with
    `of_iqm` their interquartile mean, where no learner is reliable yet. `values` stand before those of the preset,
    which is the environment's own unless another is named.
    """

    name: str
    algorithm: str
    environment: str
    threshold: float
    preset: str = "auto"
    values: Mapping[str, Any] = field(default_factory=dict)
    steps: int | None = None  # the preset's, unless given
    of_iqm: bool = False
    success: bool = False
    seeds: int = 20  # unless the command line says another number
    evaluate_every: int | None = None  # for the curve of evaluations; the preset's, unless given
    alone: bool = False  # each seed in a program of its own, as where workers play

    @property
    def slug(self) -> str:
        """Its name in files."""
        return self.name.lower().replace(" ", "-")

    def score(self, evaluation: Evaluation) -> float:
        """What is compared with the threshold."""
        if not self.success:
            return evaluation.mean
        assert evaluation.success_rate is not None, f"{self.environment} does not say what is a success"
        return evaluation.success_rate


def main(
    name: str,
    studies: Sequence[Study],
    report: Callable[[list[Raw]], str],
    about: str,
    *,
    curves: bool = False,
    draw: Callable[[list[Raw], Path], None] | None = None,
    long: bool = False,
) -> list[Raw]:
    """Measure the studies that the command line asks for; write NAME.json and NAME.md, and return them all.

    What NAME.json has of the others is kept. With `curves` each study's learning curves become a picture; `draw` draws
    all studies into a directory. `long` studies have checkpoints, and go on where they were interrupted.
    """
    options = _options(name, about, studies, long)
    chosen = [study for study in studies if any(fnmatch(study.name.lower(), p.lower()) for p in options.only)]
    results = options.out or (Path(tempfile.mkdtemp()) if options.quick else common.RESULTS)
    file = results / f"{name}.json"
    kept = {raw["name"]: raw for raw in json.loads(file.read_text())["studies"]} if file.exists() else {}
    for study in chosen:
        count, share = (QUICK_SEEDS, QUICK_SHARE) if options.quick else (options.seeds or study.seeds, 1)
        place = options.runs / name / study.slug if long and not options.quick else None
        kept[study.name] = {"date": options.date} | run(
            study,
            count,
            share,
            results / name if curves else None,
            place,
        )
        # What is done is kept, whatever comes later.
        common.write_json(file, {"studies": [kept[known.name] for known in studies if known.name in kept]})
        if place is not None:  # measured again it is to begin anew
            shutil.rmtree(place, ignore_errors=True)
    measured = [kept[known.name] for known in studies if known.name in kept]
    text = report(measured)
    (results / f"{name}.md").write_text(text)
    if draw is not None:
        draw(measured, results)
    print(f"{text}\nWritten to {results}.")
    return measured


def run(study: Study, count: int, share: int, curves: Path | None, place: Path | None = None) -> Raw:
    """Train and score all seeds of a study, and draw their curves as CURVES-STUDY.png.

    `place` is the directory of its run, with checkpoints, from the last of which it goes on.
    """
    before = common.machine()
    preset = presets.find(study.algorithm, study.environment, study.preset)
    steps = (study.steps or preset["total_timesteps"]) // share
    every = study.evaluate_every or preset.get("evaluate_every")
    seeds = range(FIRST_SEED, FIRST_SEED + count)
    if study.alone and every is not None:
        raise ValueError(f"{study.name}: seeds that are trained alone are scored at the end only.")
    last, kept, curves_of, training, scoring = [], [], [], 0.0, 0.0
    in_place: dict[str, Any] = {}
    if place is not None and not study.alone:
        in_place = {"run_dir": place, "checkpoint_every": max(1, steps // CHECKPOINTS), "overwrite": True}
    for which in [{"seed": seed} for seed in seeds] if study.alone else [{"seeds": seeds}]:
        agent = operant.make(study.algorithm, study.environment, preset=study.preset, **which, **study.values)
        resumed = None if place is None or study.alone else _resumed(agent, place, steps, every)
        started = time.perf_counter()
        if resumed is None:
            agent.learn(steps, progress_bar=False, evaluate_every=every, **in_place)
        else:
            agent.close()
            agent = resumed
            started -= common.seconds_trained(float(np.max(row[ELAPSED])) for row in agent.history)[-1]
            agent.finish(place, progress_bar=False)
        trained = time.perf_counter()
        last += scores(study, agent.evaluate(EPISODES))
        kept += last[len(kept) :] if every is None else scores(study, agent.best_model.evaluate(EPISODES))
        curves_of.append(series(agent.history))
        agent.close()
        training, scoring = training + trained - started, scoring + time.perf_counter() - trained

    curve, picture = (curves_of[0][0], np.concatenate([values for _, values in curves_of])), None
    if curves is not None:
        picture = curves.with_name(f"{curves.name}-{study.slug}.png")
        learning_curve({study.name: curve}, title=study.name, threshold=study.threshold, path=picture)
    centre, low, high = (float(value) for value in iqm_interval(kept))
    print(f"{study.name}: {centre:.2f} [{low:.2f}, {high:.2f}], {training:.0f} s", flush=True)
    evaluated, evaluations = (
        series([row for row in agent.history if EVALUATED in row], EVALUATED) if every else ((), ())
    )
    return asdict(study) | {
        "machine": before,
        "versions": common.versions(),
        "seeds": list(seeds),
        "steps": steps,
        "means": kept,
        "means_of_the_last_models": last,
        "means_of_training": np.nanmean(curve[1], 1).tolist(),
        "evaluations": {
            "steps": [int(step) for step in evaluated],
            "returns": [[float(mean) for mean in one] for one in evaluations],
        },
        "evaluate_every": every,
        "iqm": centre,
        "interval": [low, high],
        "train_seconds": training,
        "score_seconds": scoring,
        "picture": None if picture is None else picture.name,
        "config": agent.config(),
    }


def _resumed(agent: Agent, place: Path, steps: int, every: int | None) -> Agent | None:
    """What has been learnt of the same in the run directory `place`; None where nothing has, or of something else."""
    if not any(place.glob("checkpoints/*")):
        return None
    found, planned = Agent.restore(place), json.loads((place / "config.json").read_text())
    same = planned["total_timesteps"] == steps and planned["evaluate_every"] == every
    if not same or found.config() != agent.config():
        found.close()
        return None
    print(f"{place}: goes on at step {found.step:,}", flush=True)
    return found


def scores(study: Study, evaluations: Evaluation | Iterable[Evaluation]) -> list[float]:
    """What is compared with the threshold, of each seed."""
    each = [evaluations] if isinstance(evaluations, Evaluation) else evaluations
    return [study.score(evaluation) for evaluation in each]


def reached(study: Raw) -> int:
    """How many seeds reached the threshold."""
    return sum(mean >= study["threshold"] for mean in study["means"])


def solved(study: Raw) -> bool:
    """Whether enough of them did, or all of them together."""
    if study.get("of_iqm"):
        return study["iqm"] >= study["threshold"]
    return reached(study) >= REQUIRED_SHARE * len(study["means"])


def describe(studies: Sequence[Raw]) -> str:
    """When, where and with what they were measured, each different answer once."""
    parts = []
    for raw in studies:
        machine = {name: value for name, value in raw["machine"].items() if name != "load"}
        parts += common.describe(raw["date"], machine, raw["versions"]).split("\n\n")
    return "\n\n".join(dict.fromkeys(parts))


def by_seed(means: Sequence[float], digits: int = 1) -> str:
    """The numbers, in the order of seeds."""
    return ", ".join(f"{mean:.{digits}f}" for mean in means)


def _options(name: str, about: str, studies: Sequence[Study], long: bool) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=about)
    parser.add_argument(
        "--seeds", type=int, help=f"how many, from {FIRST_SEED} on (default: the study's, most often 20)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=["*"],
        metavar="NAME",
        help=f"studies to measure, such as 'ppo*'; results of others are kept. There are: "
        f"{', '.join(study.name for study in studies)}",
    )
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of what is measured")
    parser.add_argument("--out", type=Path, help="directory of the results (default: benchmarks/results)")
    if long:
        parser.add_argument(
            "--runs",
            type=Path,
            default=Path("runs"),
            help="where runs lie, with their checkpoints (default: runs)",
        )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="see that it works, not how well: two seeds, few steps, elsewhere",
    )
    options = parser.parse_args()
    if options.seeds is not None and options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: must be at least 1.")
    for pattern in options.only:
        if not any(fnmatch(study.name.lower(), pattern.lower()) for study in studies):
            parser.error(f"--only {pattern}: no study has such a name.")
    return options
