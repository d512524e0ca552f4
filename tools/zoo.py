"""Writes `operant/zoo/`: the list of what was measured, and the trained models that come with operant.

    python -m tools.zoo                              # the list, from benchmarks/results/learning.json
    python -m tools.zoo --train                      # all models as well, from their presets: about an hour
    python -m tools.zoo --train ppo/CartPole-v1 …    # these models

A model is of the first seed of its study, trained anew by itself, whose score reaches the study's threshold; the seeds
that did not are kept in the list, with their scores. A test compares the list with what would be written, so it cannot
go out of date.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from benchmarks import common
from operant import presets, reproduction, settings, zoo
from operant.construct import TRAINING_VALUES
from operant.studio.repeat import flag

SHIPPED = (
    "q-learning/GridWorld",
    "q-learning/CliffWalking-v1",
    "q-learning/FrozenLake-v1",
    "q-learning/CartPole-v1",
    "ars/CartPole-v1",
    "cem/CartPole-v1",
    "reinforce/CartPole-v1",
    "a2c/CartPole-v1",
    "ppo/CartPole-v1",
    "ppo/CartPole-v1/cartpole-memory",
    "ppo/Pendulum-v1",
    "ppo/Acrobot-v1",
    "ppo/LunarLander-v3",
    "dqn/CartPole-v1",
    "rainbow/CartPole-v1",
    "dqn/LunarLander-v3/double",
    "pqn/MinBreakout",
    "sac/Pendulum-v1",
    "td3/Pendulum-v1",
)
LARGEST = 5_000_000  # bytes of all models together


def main() -> None:
    """What the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m tools.zoo", description=__doc__)
    parser.add_argument("--train", nargs="*", metavar="NAME", help="train these models, or all of them")
    options = parser.parse_args()
    write({name: each["model"] for name, each in known().items() if each["model"]})
    if options.train is None:
        return
    names = options.train or list(SHIPPED)
    for name in names:
        if name not in SHIPPED:
            parser.error(f"--train {name}: no model of it is shipped. There are: {', '.join(SHIPPED)}.")
    for name in names:
        model = train(name)
        write({**{key: each["model"] for key, each in known().items() if each["model"]}, name: model})
    size = sum(each["model"]["bytes"] for each in known().values() if each["model"])
    print(f"{size:,} bytes of models in all")
    if size > LARGEST:
        raise SystemExit(f"The models take {size:,} bytes; must be at most {LARGEST:,}.")


def write(models: Mapping[str, Any]) -> None:
    """The list, with these models."""
    zoo.FILE.write_text(text(models), encoding="utf-8")


def text(models: Mapping[str, Any]) -> str:
    """The list's content, of what was measured and of these models."""
    studies = json.loads((common.RESULTS / "learning.json").read_text())["studies"]
    rows = [{**row, "model": models.get(row["name"])} for row in map(measured, studies)]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def known() -> dict[str, Any]:
    """What is in the list now, by name."""
    if not zoo.FILE.exists():
        return {}
    return {row["name"]: row for row in json.loads(zoo.FILE.read_text(encoding="utf-8"))}


def measured(study: Mapping[str, Any]) -> dict[str, Any]:
    """A study of benchmarks/results/learning.json as an entry of the list."""
    values, preset = study["values"], study["preset"]
    parts = [study["algorithm"], study["environment"], *([] if preset == "auto" else [preset]), *values]
    return {
        "name": "/".join(parts),
        "title": study["name"],
        **{name: study[name] for name in ("algorithm", "environment", "preset", "values", "steps")},
        **{name: study[name] for name in ("evaluate_every", "seeds", "means", "iqm", "interval")},
        **{name: study[name] for name in ("threshold", "date")},
        **({"alone": True} if study.get("alone") else {}),
        "command": command(study),
    }


def command(study: Mapping[str, Any]) -> str:
    """The line that trains all seeds of a study."""
    words = ["operant", "train", study["algorithm"], study["environment"]]
    words += [] if study["preset"] == "auto" else ["--preset", study["preset"]]
    words += [word for name, value in study["values"].items() for word in flag(name, value)]
    first, count = study["seeds"][0], len(study["seeds"])
    words += ["--seed", "$seed"] if study.get("alone") else ["--seed", str(first), "--seeds", str(count)]
    brought = presets.find(study["algorithm"], study["environment"], study["preset"])
    for name in ("total_timesteps", "evaluate_every"):
        wanted = study["steps"] if name == "total_timesteps" else study[name]
        assert name in TRAINING_VALUES
        words += [] if brought.get(name) == wanted else flag(name, wanted)
    line = " ".join(words)
    if study.get("alone"):
        return f"for seed in $(seq {first} {first + count - 1}); do {line}; done"
    return line


def train(name: str) -> dict[str, Any]:
    """Train and save a model, and what there is to know of it."""
    entry = zoo.entry(name)
    passed_over: dict[str, float] = {}
    for seed in entry.seeds:
        agent = reproduction.learnt(entry, reproduction.fresh(entry, [seed]))
        score: Any = agent.evaluate(reproduction.EPISODES)
        print(f"{name}, seed {seed}: {score}", flush=True)
        if score.mean >= entry.threshold:
            break
        passed_over[str(seed)] = score.mean
    else:
        raise SystemExit(f"{name}: no seed reached {entry.threshold:g}.")
    file = f"{name.replace('/', '-')}.safetensors"
    agent.save(zoo.MODELS / file)
    content = (zoo.MODELS / file).read_bytes()
    return {
        "file": file,
        "seed": seed,
        "passed_over": passed_over,
        "mean": score.mean,
        "interval": list(score.interval),
        "episodes": reproduction.EPISODES,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "processor": common.machine()["processor"],
        "versions": settings.versions(),
    }


if __name__ == "__main__":
    main()
