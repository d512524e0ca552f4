"""Atari games, trained from the shell: `python -m benchmarks.games` writes results/games.{json,md,png}.

One run a seed, each as `operant train` does it, scored over whole games by the protocol that its score names. What
is there already is kept: an interrupted run is resumed, a finished one is not made again, and `--seeds 3` after
`--seeds 1` trains two more. A run lies in `--runs` (runs/games), with its checkpoints, pictures and film.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.studies import FIRST_SEED
from operant.engine.log import ELAPSED, RETURN, STEP

PICTURE = "games.png"
EPISODES = 20
POINTS = 200  # of a curve
CHECKPOINT = 100_000  # steps between two of them


Raw = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A game that is learnt by a preset from one command, and the mean score that it is to reach."""

    name: str
    algorithm: str
    environment: str
    preset: str
    threshold: float | None = None
    flags: tuple[str, ...] = ()  # of training, before those that all have
    seeds: int = 3

    @property
    def command(self) -> list[str]:
        return ["operant", "train", self.algorithm, self.environment, "--preset", self.preset, *self.flags]

    def place(self, seed: int) -> str:
        """The name of a run's directory."""
        return f"{self.name.lower().replace(' ', '-').replace('*', '')}-{seed}"


SEVEN = (
    "BeamRider",
    "Breakout",
    "Enduro",
    "Pong",
    "Qbert",
    "Seaquest",
    "SpaceInvaders",
)  # of Mnih et al. 2013
SHORT = ("--total-timesteps", "800_000")  # about ten minutes on two cores
STUDIES = (
    Study("Pong from pixels", "dqn", "PongNoFrameskip-v4", "two-cores", 18),
    Study("Pong from pixels, PPO", "ppo", "PongNoFrameskip-v4", "two-cores", 18, seeds=1),
    Study("Pong from memory", "ppo", "Pong-ramNoFrameskip-v4", "two-cores-ram", 18),
    Study("Breakout from pixels", "dqn", "BreakoutNoFrameskip-v4", "two-cores", 30),
    *(
        Study(f"{game}, ten minutes", "ppo", f"{game}NoFrameskip-v4", "two-cores", flags=SHORT, seeds=1)
        for game in SEVEN
    ),
)


def main() -> None:
    options = _options()
    results = options.out or (Path(tempfile.mkdtemp()) if options.quick else common.RESULTS)
    runs = results / "runs" if options.quick else options.runs
    file = results / "games.json"
    kept: dict[str, Raw] = json.loads(file.read_text())["studies"] if file.exists() else {}
    for study in STUDIES:
        if not any(fnmatch(study.name.lower(), pattern.lower()) for pattern in options.only):
            continue
        about = {"command": shlex.join(study.command), "threshold": study.threshold}
        raw = kept.setdefault(study.name, {"seeds": {}}) | about
        kept[study.name] = raw
        for seed in range(FIRST_SEED, FIRST_SEED + (options.seeds or study.seeds)):
            if str(seed) not in raw["seeds"]:
                raw["seeds"][str(seed)] = measured(study, seed, runs, options.date, quick=options.quick)
                common.write_json(file, {"studies": kept})
                print(f"{study.name}, seed {seed}: {raw['seeds'][str(seed)]['mean']:.1f}", flush=True)
    text = report(kept)
    (results / "games.md").write_text(text)
    draw(kept, results / PICTURE)
    print(f"{text}\nWritten to {results}.")


def measured(study: Study, seed: int, runs: Path, date: str, *, quick: bool = False) -> Raw:
    """Train and score one seed, or go on where it was interrupted. Raises CalledProcessError where that fails."""
    place, machine = runs / study.place(seed), common.machine()
    shared = ["--episodes", "2" if quick else str(EPISODES), "--no-progress", "--no-video", "--no-pictures"]
    if any(place.glob("checkpoints/*")):
        command = ["operant", "resume", str(place), *shared]
    else:
        short = ["--total-timesteps", "512"] if quick else ["--checkpoint-every", str(CHECKPOINT)]
        command = [*study.command, "--seed", str(seed), "--run-dir", str(place), *short, *shared]
    started = time.perf_counter()
    subprocess.run([sys.executable, "-m", *command], check=True)
    seconds = time.perf_counter() - started
    score = json.loads((place / "evaluation.json").read_text())
    with (place / "metrics.csv").open(newline="") as metrics:
        curve = curve_of(list(csv.DictReader(metrics)))
    return {
        "date": date,
        "machine": machine,
        "versions": common.versions(),
        "command": shlex.join(command),
        "seconds": seconds,  # of this command, from the shell to the score
        "training_seconds": curve["seconds"][-1],
        "steps": curve["steps"][-1],
        "mean": score["mean"],
        "returns": score["returns"],
        "random": score.get("random", {}).get("mean"),
        "protocol": score["protocol"],
        "curve": curve,
    }


def curve_of(rows: Sequence[Mapping[str, str]]) -> dict[str, list[float]]:
    """Steps, seconds of training and mean returns, row by row of metrics.csv, at most `POINTS` of them."""
    seconds = common.seconds_trained(float(row[ELAPSED]) for row in rows)
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(POINTS, len(rows))).round().astype(int))
    returns = [float(row[RETURN] or "nan") for row in rows]
    return {
        "steps": [int(float(rows[i][STEP])) for i in chosen],
        "seconds": [round(seconds[i], 1) for i in chosen],
        "returns": [round(returns[i], 3) if np.isfinite(returns[i]) else None for i in chosen],
    }


def report(studies: Mapping[str, Raw]) -> str:
    """The Markdown of games.md."""
    header = ("", "score, by seed", "asked", "random", "steps", "minutes, by seed", "steps/s")
    known = {name: raw for name, raw in studies.items() if raw["seeds"]}
    rows, commands, about = [], [], []
    for name, raw in known.items():
        seeds = list(raw["seeds"].values())
        asked = raw["threshold"]
        below = asked is not None and any(one["mean"] < asked for one in seeds)
        rows.append(
            (
                name,
                ", ".join(f"{one['mean']:.1f}" for one in seeds),
                "" if asked is None else f"{asked:g}" + ", **missed**" * below,
                f"{seeds[0]['random']:.1f}" if seeds[0]["random"] is not None else "",
                f"{seeds[0]['steps']:,}",
                ", ".join(f"{one['training_seconds'] / 60:.0f}" for one in seeds),
                f"{np.mean([one['steps'] / one['training_seconds'] for one in seeds]):,.0f}",
            )
        )
        commands.append(f"{raw['command']} --seed {next(iter(raw['seeds']))}")
        for one in seeds:
            machine = {key: value for key, value in one["machine"].items() if key != "load"}
            about += common.describe(one["date"], machine, one["versions"]).split("\n\n")
    protocols = dict.fromkeys(one["protocol"] for raw in known.values() for one in raw["seeds"].values())
    sections = [
        "# Atari games",
        "\n\n".join(dict.fromkeys(about)),
        f"Means over {EPISODES} games: {'; '.join(protocols)}. A step is one of the agent, of four frames. Minutes are "
        "of training, on the cores named above. Seeds count from 1000 on; presets were chosen by other seeds. Written "
        "by `python -m benchmarks.games`.",
        common.table(header, rows),
        f"![Returns while training]({PICTURE})",
        "```\n" + "\n".join(commands) + "\n```",
    ]
    return "\n\n".join(sections) + "\n"


def draw(studies: Mapping[str, Raw], path: Path) -> None:
    """A panel for each study: the mean return of the last games over minutes of training, a line for each seed."""
    from operant.studio import style

    known = {name: raw for name, raw in studies.items() if raw["seeds"]}
    columns = min(3, len(known))
    lines = -(-len(known) // columns) if columns else 0
    if not lines:
        return
    with style.look():
        figure = style.figure(4.6 * columns, 3.4 * lines)
        for place, (name, raw) in enumerate(known.items()):
            axes = figure.add_subplot(lines, columns, 1 + place)
            for index, (seed, one) in enumerate(raw["seeds"].items()):
                curve = one["curve"]
                returns = np.array([np.nan if x is None else x for x in curve["returns"]], float)
                minutes = np.array(curve["seconds"]) / 60
                axes.plot(minutes, returns, color=style.colour(index), linewidth=1.6, label=f"seed {seed}")
            if raw["threshold"] is not None:
                axes.axhline(raw["threshold"], color=style.GREY, linewidth=0.9, dashes=(4, 3))
            axes.grid(axis="y")
            axes.set(xlabel="minutes of training", xlim=(0, None))
            style.heading(axes, name, "mean return of the last 100 games")
        style.finish(figure, path)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.games", description=__doc__)
    parser.add_argument(
        "--seeds", type=int, help=f"how many, from {FIRST_SEED} on (default: the study's, 3 or 1)"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        default=["*"],
        metavar="NAME",
        help=f"studies to measure, such as 'pong*'. There are: {', '.join(study.name for study in STUDIES)}",
    )
    parser.add_argument("--runs", type=Path, default=Path("runs/games"), help="where runs lie")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of what is measured")
    parser.add_argument("--out", type=Path, help="directory of the results (default: benchmarks/results)")
    parser.add_argument(
        "--quick", action="store_true", help="see that it works, not how well: few steps, elsewhere"
    )
    options = parser.parse_args()
    for pattern in options.only:
        if not any(fnmatch(study.name.lower(), pattern.lower()) for study in STUDIES):
            parser.error(f"--only {pattern}: no study has such a name.")
    return options


if __name__ == "__main__":
    main()
