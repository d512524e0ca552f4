"""A new run from a checkpoint of another one, with changes: the same past, and another future."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path

from operant.agent import frozen_files, saving
from operant.agent.configuration import Supplied
from operant.agent.hyperparameters import changed_traced
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.files import make_directory, replacing, sync
from operant.engine.interventions import CHANGE, Intervention, read_interventions, write_interventions
from operant.engine.log import CsvLog
from operant.engine.run_directory import RunDirectory


def branch(
    run: str | Path,
    path: str | Path,
    step: int | None = None,
    changes: Mapping[str, float | str] | None = None,
) -> Path:
    """Begin a run in directory `path` from a checkpoint of another, of `step` or the last one; `resume` trains it.

    `changes` are new values of traced hyperparameters, numbers or the text of schedules, which hold from there on. What
    is learnt is what the other run would have learnt, had it been changed so at this step. Returns the path.

    Raises ValueError for what cannot be changed, FileNotFoundError for no run or no checkpoint, and FileExistsError
    where there is a run already.
    """
    source, target = RunDirectory.open(run), RunDirectory(Path(path))
    target.check()
    found = latest_checkpoint(source.checkpoints) if step is None else source.checkpoints / str(step)
    if found is None or not found.is_dir():
        kept = sorted(int(one.name) for one in source.checkpoints.glob("*") if one.name.isdigit())
        raise FileNotFoundError(
            f"{run} has no checkpoint{'' if step is None else f' of step {step}'}; it has those of {kept or 'no step'}."
        )
    core = saving.restore(run, Supplied(), int(found.name))
    known = [one for one in read_interventions(source.interventions_file) if one.step <= core.step]
    for name, value in (changes or {}).items():
        core.tune(*changed_traced(core, name, value))
        known.append(Intervention(core.step, CHANGE, name, value, int(time.time())))
    with target.held():
        RunDirectory.create(target.path, source.read_config())
        for name in (source.metrics_file.name, frozen_files.FILE):
            if (source.path / name).is_file():
                _copy(source.path / name, target.path / name)
        if target.metrics_file.exists():
            CsvLog(target.metrics_file, core.step).close()  # leaves out what came after the checkpoint
        write_interventions(target.interventions_file, known)
        parent = json.dumps({"run": source.path.resolve().name, "step": core.step}) + "\n"
        with replacing(target.branch_file, len(parent)) as temporary:
            temporary.write_text(parent)
        _copy_checkpoint(found, target.checkpoints)  # last: with it there is a run to resume
    return target.path


def _copy(source: Path, target: Path) -> None:
    with replacing(target, source.stat().st_size) as temporary:
        shutil.copyfile(source, temporary)


def _copy_checkpoint(source: Path, directory: Path) -> None:
    """Copy it under another name first, as it is written: what is interrupted is a leftover."""
    make_directory(directory)
    temporary = directory / f"{source.name}.tmp"
    shutil.copytree(source, temporary)
    for file in temporary.iterdir():
        sync(file)
    temporary.rename(directory / source.name)
    sync(directory)
