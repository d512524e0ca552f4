"""The directory of one run: what lies where, and when it may be replaced."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operant import zoo
from operant.engine import processes, run_lock
from operant.engine.checkpoint import delete_leftovers
from operant.engine.files import delete, make_directory, replacing
from operant.fields import FileError, read_json
from operant.formats import RUN
from operant.version import __version__

_HALF_WRITTEN = re.compile(r"\..+\.[0-9]+\.tmp")  # as `replacing` calls them


@dataclass(frozen=True)
class RunDirectory:
    """The places of a run's files. Making the object touches nothing; `create` and `open` do."""

    path: Path

    @classmethod
    def create(cls, path: str | Path, config: dict[str, Any], *, overwrite: bool = False) -> RunDirectory:
        """A fresh directory that holds `config.json` only.

        With `overwrite` an earlier run is deleted, but nothing else ever is. Raises FileExistsError as `check` does.
        """
        directory = cls(Path(path))
        directory.check(overwrite=overwrite)
        if directory.path.exists():
            directory._clear()
        make_directory(directory.path)
        directory.write_config(config)
        return directory

    def check(self, *, overwrite: bool = False) -> None:
        """Raise FileExistsError if there is something here already that `create` may not delete, and RunInUseError if
        somebody else is training here.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(f"{self.path} is a file; give the run a directory of its own.")
        run_lock.require_free(self.path)
        if not self._entries():
            return
        if not self.holds_run:
            raise FileExistsError(
                f"{self.path} is not empty and is not a run (no config.json of operant's): it is left alone. "
                "Give the run a directory of its own."
            )
        if not overwrite:
            raise FileExistsError(
                f"{self.path} holds a run already. Continue it with `operant resume {self.path}`, replace it with "
                "--overwrite (overwrite=True), or choose another --run-dir (run_dir)."
            )

    @classmethod
    def open(cls, path: str | Path) -> RunDirectory:
        """An existing run's directory.

        Raises FileNotFoundError for anything else, FileError where its config.json is no JSON any more, ValueError for
        a model of the zoo.
        """
        zoo.require_run(path)
        directory = cls(Path(path))
        if not directory.config_file.is_file() or RUN not in read_json(directory.config_file):
            missing = (
                "it has no config.json of operant's"
                if directory.path.is_dir()
                else "there is no such directory"
            )
            raise FileNotFoundError(f"{path} is not a run: {missing}.")
        return directory

    @contextmanager
    def held(self) -> Iterator[None]:
        """In this block nobody else trains here; the directory is made if need be. Raises RunInUseError.

        Of several processes that train together, the one that writes holds it.
        """
        if not processes.writes():
            yield
            return
        make_directory(self.path)
        with run_lock.locked(self.path):
            yield

    def tidy(self) -> None:
        """Before training: delete what a killed process left half written.

        Raises FileExistsError where a folder of the run leads elsewhere: training deletes in it.
        """
        for folder in (self.checkpoints, self.best, self.tensorboard):
            if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
                raise FileExistsError(
                    f"{folder} is a {'link' if folder.is_symlink() else 'file'}, where a run has a folder of its own: "
                    "move it away. A link may lead to a run as a whole."
                )
        delete_leftovers(self.checkpoints)
        for left in (*self.path.glob(".*.tmp"), *self.best.glob(".*.tmp")):
            if _HALF_WRITTEN.fullmatch(left.name):
                delete(left)

    @property
    def holds_run(self) -> bool:
        """Whether a run was started here: `config.json` is there and is operant's."""
        try:
            return RUN in read_json(self.config_file)
        except (OSError, FileError):
            return False

    @property
    def is_finished(self) -> bool:
        """Whether a command trained, scored and showed it to the end: the report is what comes last."""
        return self.evaluation_file.exists() and self.report_file.exists()

    def read_config(self) -> dict[str, Any]:
        """What `write_config` wrote. Raises FileError where that is no table of values any more."""
        config = read_json(self.config_file)
        return {name: value for name, value in config.items() if name != RUN}

    def write_config(self, config: dict[str, Any]) -> None:
        """Write `config.json`, atomically. Raises TypeError for what JSON does not take."""
        text = json.dumps({RUN: __version__, **config}, indent=2) + "\n"
        with replacing(self.config_file, len(text)) as temporary:
            temporary.write_text(text)

    def _clear(self) -> None:
        # config.json goes last: interrupted anywhere before, what is left can still be overwritten.
        for entry in sorted(self._entries(), key=lambda entry: entry == self.config_file):
            delete(entry)

    def _entries(self) -> list[Path]:
        """What lies here, but for the lock."""
        return (
            [path for path in self.path.iterdir() if path.name != run_lock.NAME] if self.path.exists() else []
        )

    @property
    def config_file(self) -> Path:
        return self.path / "config.json"

    @property
    def metrics_file(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def interventions_file(self) -> Path:
        return self.path / "interventions.jsonl"

    @property
    def branch_file(self) -> Path:
        return self.path / "branch.json"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def best(self) -> Path:
        return self.path / "best"

    @property
    def evaluation_file(self) -> Path:
        return self.path / "evaluation.json"

    @property
    def diagnosis_file(self) -> Path:
        return self.path / "diagnosis.json"

    @property
    def model_file(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def curve_picture(self) -> Path:
        return self.path / "curve.png"

    @property
    def metrics_picture(self) -> Path:
        return self.path / "metrics.png"

    @property
    def policy_picture(self) -> Path:
        return self.path / "policy.png"

    @property
    def critic_picture(self) -> Path:
        return self.path / "critic.png"

    @property
    def report_file(self) -> Path:
        return self.path / "report.html"

    @property
    def video_file(self) -> Path:
        return self.path / "video.mp4"


def default_run_path(algorithm: str, env_id: str, root: str | Path = "runs") -> Path:
    """`runs/<algorithm>-<environment>-<n>` with the first n from 1 that is free, made: nobody else will get it."""
    name = f"{algorithm}-{env_id}".replace("/", "-").replace(":", "-")
    Path(root).mkdir(parents=True, exist_ok=True)
    for n in itertools.count(1):
        path = Path(root) / f"{name}-{n}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        return path
    raise AssertionError("there is always a next number")
