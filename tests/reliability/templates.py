"""Small finished runs that cases copy and damage: each is trained once a process."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import operant

SMALL: dict[str, Any] = {
    "ppo": {"env": "CartPole-v1", "num_envs": 2, "n_steps": 16, "batch_size": 16, "n_epochs": 1},
    "q-learning": {"env": "FrozenLake-v1", "seeds": 2, "num_envs": 2, "stats_window_size": 10},
    "dqn": {"env": "CartPole-v1", "buffer_size": 64, "learning_starts": 16, "batch_size": 8},
}
NETWORK = {"hidden_sizes": [4]}


def copy_of(name: str, directory: Path) -> Path:
    """A copy of the run of an algorithm in `directory`: two checkpoints, a best model, a model, metrics and a score."""
    return Path(shutil.copytree(_template(name), directory / f"{name}-run"))


@functools.cache
def _template(name: str) -> Path:
    _kept.append(tempfile.TemporaryDirectory())
    run = Path(_kept[-1].name) / "run"
    values = dict(SMALL[name])
    values |= {} if name == "q-learning" else {"network": NETWORK}
    agent = operant.make(name, values.pop("env"), preset=None, **values)
    how = {"checkpoint_every": 32, "log_interval": 32, "evaluate_every": 64, "evaluation_episodes": 2}
    agent.learn(64, progress_bar=False, run_dir=run, **how)
    score = agent.evaluate(2, with_random=True)
    (run / "evaluation.json").write_text(_text(score.to_json()))
    agent.close()
    return run


def _text(values: Any) -> str:
    import json

    return json.dumps(values)


_kept: list[tempfile.TemporaryDirectory] = []
