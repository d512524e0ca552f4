"""What the page shows of a run: read from the files in its directory, so that it may be trained by anybody, or over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from operant import formats
from operant.engine.interventions import read_interventions
from operant.engine.run_directory import RunDirectory
from operant.fields import TEXT, FileError, check, read_json
from operant.live.curves import Metrics, curve

MOST_CURVES = 200  # of a run that are kept as they were told
PICTURES = {  # what a picture shows: its file in the directory of a run
    "curve": "curve.png",
    "metrics": "metrics.png",
    "policy": "policy.png",
    "critic": "critic.png",
}


class ShownRun:
    """A run's directory, as the page shows it. Raises FileNotFoundError, or FileError, for a directory that is none."""

    def __init__(self, path: str | Path) -> None:
        self.directory = RunDirectory.open(path)
        self.config = formats.read_run(self.directory.path)
        self.metrics = Metrics(self.directory.metrics_file)
        self._curves: dict[tuple[str, int], tuple[int, str]] = {}  # (metric, points) → (version, JSON)

    def curve(self, metric: str, points: int) -> str:
        """A metric as JSON; made once for all pages that ask for it. Raises KeyError for no metric, FileError as
        `Metrics.refresh`."""
        version = self.metrics.refresh()
        known = self._curves.get((metric, points))
        if known is None or known[0] != version:
            known = version, json.dumps(curve(self.metrics, metric, points))
            if len(self._curves) >= MOST_CURVES:
                self._curves.clear()
            self._curves[metric, points] = known
        return known[1]

    def about(self) -> dict[str, Any]:
        """What there is to tell apart from its curves, as JSON values."""
        config, problem = self.config, None
        try:
            self.metrics.refresh()
            self.config = config = formats.read_run(self.directory.path)
            interventions = [one.to_json() for one in read_interventions(self.directory.interventions_file)]
        except (OSError, FileError) as error:  # of a run that is deleted or written by hand meanwhile
            problem, interventions = str(error), []
        return {
            "name": self.directory.path.resolve().name,
            "algorithm": config["algorithm"],
            "environment": config["environment"],
            "seeds": config["seeds"] or [config["seed"]],
            "total": config["total_timesteps"],
            "parent": self.parent(),
            "hyperparameters": config["hyperparameters"],
            "metrics": self.metrics.names,
            "last": self.metrics.last(),
            "version": self.metrics.version,
            "checkpoints": self.checkpoints(),
            "interventions": interventions[-200:],
            "pictures": [what for what, name in PICTURES.items() if (self.directory.path / name).is_file()],
            "score": self.score(),
            "problem": problem,
        }

    def parent(self) -> dict[str, Any] | None:
        """The run that this one is a branch of, and the step of the checkpoint."""
        try:
            values = check(read_json(self.directory.branch_file), {"run": TEXT, "step": formats.STEPS})
        except (OSError, FileError):
            return None
        return {"run": values["run"], "step": values["step"]}

    def checkpoints(self) -> list[int]:
        """The steps of those that there are."""
        names = (path.name for path in self.directory.checkpoints.glob("*"))
        return sorted(int(name) for name in names if name.isascii() and name.isdigit())

    def score(self) -> dict[str, Any] | None:
        """The score of a run that was scored: its mean return, and the random policy's."""
        try:
            values = read_json(self.directory.evaluation_file)
        except (OSError, FileError):
            return None
        random = values.get("random") or {}
        return {"mean": values.get("mean", values.get("iqm")), "random": random.get("mean")}
