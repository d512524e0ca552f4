"""What has been learnt as files: a configuration of JSON values, a model of tensors (safetensors).

Nothing that is read is executed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import jax
import numpy as np

from operant import formats, spaces, zoo
from operant.agent import frozen_files, inputs, rewards
from operant.agent.best import Best
from operant.agent.configuration import Supplied, config, from_config
from operant.agent.core import Core
from operant.agent.intervening import Interventions, make_again
from operant.agent.learner import Begun
from operant.algorithms.advice import TrainingWarning
from operant.engine import files
from operant.engine.checkpoint import RUN_FILE, latest_checkpoint, load_checkpoint, read_environments
from operant.engine.log import STEP, read_rows
from operant.engine.run_directory import RunDirectory
from operant.engine.train import LARGEST, steps_done
from operant.engine.train_state import TrainState
from operant.fields import FileError, blamed
from operant.frozen import ARRAYS
from operant.memory import nbytes
from operant.types import PyTree
from operant.version import __version__

if TYPE_CHECKING:
    from operant.language.data.examples import Reader
    from operant.language.heads import ScoredModel

FORMAT = formats.MODEL
_WRITTEN = {"format": FORMAT, formats.RUN: __version__}
ROWS = 200  # of metrics, in a model file
LONGEST_CHUNK = 10_000_000  # steps: their randomness is drawn at once
BEST_MODEL = "model.safetensors"  # in a run's best/


def save(core: Core, path: str | Path | IO[bytes]) -> None:
    """Write what has been learnt, with its configuration. Directories are made as needed."""
    metadata = {**_WRITTEN, "config": config(core), **progress(core)}
    if not isinstance(path, str | os.PathLike):
        with tempfile.TemporaryDirectory() as directory:
            save(core, Path(directory) / BEST_MODEL)
            with (Path(directory) / BEST_MODEL).open("rb") as written:
                shutil.copyfileobj(written, path)
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    files.save_tree(path, core.state, metadata, frozen_files.arrays_of(core.algorithm))


def progress(core: Core) -> dict[str, Any]:
    """How far training has come, as JSON values: the step, and some rows of metrics (at most `ROWS`), without times."""
    rows = core.history
    most = max(
        2, min(ROWS, ROWS * 50 // len(core.seeds or (0,)))
    )  # a thousand learners' must be read again, too
    if len(rows) > most:
        rows = [rows[i] for i in np.linspace(0, len(rows) - 1, most).astype(int)]
    names = sorted({name for row in rows for name in row if not name.startswith("time/") or name == STEP})
    return {
        "step": core.step,
        "iteration": core.learner.iteration,
        "history": {
            name: [np.asarray(row[name]).tolist() if name in row else None for row in rows] for name in names
        },
    }


def rows_of(history: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """The rows of metrics that `progress` wrote."""
    count = max(map(len, history.values()), default=0)
    return [
        {
            name: np.asarray(values[i]) if isinstance(values[i], list) else values[i]
            for name, values in history.items()
            if values[i] is not None
        }
        for i in range(count)
    ]


def save_best(core: Core, directory: RunDirectory) -> None:
    """Write the best model so far, of all seeds, into a run directory, with its score."""
    best = core.best
    assert best is not None
    directory.best.mkdir(exist_ok=True)
    metadata = {**_WRITTEN, "config": config(core), "evaluation": best.to_json(), **progress(core)}
    files.save_tree(directory.best / BEST_MODEL, best.state, metadata)


def load_best(core: Core, directory: RunDirectory) -> Best | None:
    """The best model that a run of this agent kept, if it did."""
    path = directory.best / BEST_MODEL
    if not path.exists():
        return None
    values = formats.model_metadata(files.read_text(path), path)
    if "evaluation" not in values:
        raise FileError("it is missing.", path, "evaluation")
    state = _state(core, path, values)
    with blamed(path, "evaluation"):
        best = Best.from_json(values["evaluation"], state)
        if any(np.shape(x) != np.shape(core.seeds or 0)[:1] for x in (best.reward, best.length, best.step)):
            raise FileError(f"it must have a number for each of {core.seeds or 'one learner'}.")
        return best


def load(path: str | Path | IO[bytes], supplied: Supplied, best: bool = False) -> Core:
    """The core of a model file, of a name of the zoo, or of the last or the best model in a run directory."""
    path = zoo.located(path)
    if not isinstance(path, str | os.PathLike):
        if not hasattr(path, "read"):
            raise TypeError(f"load takes the path of a model file or a run, or an open file; got {path!r}.")
        with tempfile.TemporaryDirectory() as directory:
            with (Path(directory) / BEST_MODEL).open("wb") as copy:
                shutil.copyfileobj(path, copy)
            return load(Path(directory) / BEST_MODEL, supplied, best)
    if best and Path(path).is_file():
        raise ValueError(f"{path} is a file: best=True (--best) takes the directory of a run.")
    if best or Path(path).is_dir():
        path = _model_of(RunDirectory.open(path), best)
    try:
        metadata = formats.model_metadata(files.read_text(path), path)
    except FileError:
        _require_ours(Path(path))
        raise
    shapes = [each["shape"] for name, each in files.read_shapes(path).items() if not name.startswith(ARRAYS)]
    _require_learners(path, metadata["config"]["seeds"], shapes)
    stored, values = frozen_files.restored(Path(path), metadata["config"], supplied.values)
    core = from_config(path, *_with_rewards(stored, replace(supplied, values=values)), len(shapes))
    try:
        state = _state(core, path, metadata)
    except ValueError as error:
        network = {} if supplied.network is None else {"network": supplied.network}
        named = {**supplied.values, **network}
        if not named:
            raise
        raise ValueError(
            f"load(…, {', '.join(f'{name}={value!r}' for name, value in named.items())}): with these, something else "
            f"would be learnt than {path} holds. Leave out what changes the network, the optimizer or the seeds."
        ) from error
    evaluation = metadata.get("evaluation", {})
    step = evaluation.get("step", metadata.get("step", 0))
    rows = rows_of(metadata.get("history", {}))
    core.loaded(state, Begun(step, metadata.get("iteration", 0)), rows)
    # As the model of a run is that of its best seed, so is the best model.
    return core if not best or core.seeds is None else core.of_seed(int(np.argmax(evaluation["mean_reward"])))


def reward_model(path: Path) -> tuple[ScoredModel, Reader]:
    """What a run or a model file of a reward model has learnt: see `rewards.learnt`. Raises ValueError and OSError."""
    if not path.exists():
        raise FileNotFoundError(f"reward model {path}: there is no such run or file.")
    core = load(path, Supplied())
    inputs.require_one_learner(core.seeds)
    return rewards.learnt(core.algorithm, core.state)


def _with_rewards(config: dict[str, Any], supplied: Supplied) -> tuple[dict[str, Any], Supplied]:
    """Both with reward models in place of the runs that they name."""
    own, given = config.get("env_kwargs"), supplied.env_kwargs
    env = config["environment"] if supplied.env is None else supplied.env
    kept = rewards.named(config["environment"], own, reward_model, config.get("reward_models"))
    made = replace(supplied, env_kwargs=rewards.named(env, given, reward_model))
    return config if kept is own else {**config, "env_kwargs": kept}, made


def _state(core: Core, path: str | Path, metadata: Mapping[str, Any]) -> PyTree:
    """What a model file holds, of which every number is one.

    Raises FileError naming the tensors where that is not so; of several learners, where it is so of none. Others are
    named in a warning: they are what training gave up.
    """
    like = jax.eval_shape(core.learner.initial_state)
    state = files.load_tree(path, like, metadata.get(formats.RUN, "0.1.0 or before"))
    wrong = files.not_finite(state, None if core.seeds is None else len(core.seeds))
    if not wrong:
        return state
    lost = np.any(np.stack(list(wrong.values())), axis=0).tolist()
    what = f"{', '.join(list(wrong)[:3])}{' and others' * (len(wrong) > 3)}: NaN or infinite numbers"
    if core.seeds is None or all(lost):
        raise FileError(f"{what}. Its training diverged, or the file was changed.", path)
    seeds = ", ".join(str(seed) for seed, each in zip(core.seeds, lost, strict=True) if each)
    warnings.warn(f"{path}: {what}, of seed {seeds}. The other learners can be used.", stacklevel=2)
    return state


def _require_learners(path: str | Path, seeds: list[int] | None, shapes: list[list[int]]) -> None:
    """Raise FileError where the tensors are not those of as many learners as there are seeds."""
    if seeds is not None and any(shape[:1] != [len(seeds)] for shape in shapes):
        raise FileError(f"{len(seeds):,} seeds, and a tensor of another number.", path, "config.seeds")


def _require_ours(path: Path) -> None:
    """Raise ValueError, saying what it is, for a file that some other library wrote."""
    with path.open("rb") as file:
        beginning = file.read(4)
    if beginning == b"PK\x03\x04":
        raise ValueError(
            f"{path} is a zip, as Stable-Baselines3 and PyTorch write them: it holds code, which operant does not "
            "run. Train again here, or give the weights as arrays: core.set_parameters({…})."
        )
    if beginning[:1] == b"\x80":
        raise ValueError(
            f"{path} is a pickle: what is in it is code, which operant does not run. Train again here."
        )


def _model_of(directory: RunDirectory, best: bool) -> Path:
    path = directory.best / BEST_MODEL if best else directory.model_file
    if path.exists():
        return path
    if best:
        raise FileNotFoundError(
            f"{directory.path} kept no best model: train with evaluate_every=… (--evaluate-every on the command line)."
        )
    hint = ", or take the best so far: best=True, --best" if (directory.best / BEST_MODEL).exists() else ""
    raise FileNotFoundError(
        f"The run has no model yet: finish it with `operant resume {directory.path}`{hint}."
    )


def restore(run_dir: str | Path, supplied: Supplied, step: int | None = None) -> Core:
    """The core as it was at the last checkpoint of a run, or at that of a step."""
    directory = RunDirectory.open(run_dir)
    path = latest_checkpoint(directory.checkpoints) if step is None else directory.checkpoints / str(step)
    if path is None:
        raise FileNotFoundError(
            f"{run_dir} has no checkpoint to resume from; start it again with --overwrite."
        )
    stored, values = frozen_files.restored(
        directory.config_file, formats.read_run(directory.path), supplied.values
    )
    stored, supplied = _with_rewards(stored, replace(supplied, values=values))
    shapes = files.read_shapes(path / RUN_FILE)
    core = from_config(directory.config_file, stored, supplied, len(shapes))
    if core.learner.devices is None and stored.get("devices") is not None:
        warnings.warn(
            f"{directory.path} was trained on {stored['devices']} devices, and there are {len(jax.devices())}: it goes "
            "on on those that divide its seeds, or on one. devices=… (--devices) takes others.",
            TrainingWarning,
            stacklevel=3,
        )
    with blamed(directory.config_file):  # its environment is made here, and compared with its spaces
        _require_held(core, stored, directory.config_file, (path / RUN_FILE).stat().st_size)
    with blamed(path):
        make_again(core, Interventions.of(directory.interventions_file, None).changes(-1, int(path.name)))
        run, manifest = load_run(core, path, stored.get("checkpoint_replay", True))
        if steps_done(run) != manifest["step"]:
            raise FileError(f"the run is at step {steps_done(run)}, not at {manifest['step']}.", field="step")
    rows = read_rows(directory.metrics_file) if directory.metrics_file.exists() else []
    best, lacks_replay = load_best(core, directory), not stored.get("checkpoint_replay", True)
    core.restored(run, rows, best, lacks_replay, read_environments(path))
    return core


def load_run(core: Core, path: Path, with_replay: bool) -> tuple[TrainState, dict[str, Any]]:
    """`(run, manifest)` of a checkpoint; its replay is empty if it was not stored. The present run is given up."""
    learner = core.learner
    if not with_replay:
        learner.run = None
    like = learner.started(learner.return_experience) if learner.run is None else learner.run
    if with_replay:
        return load_checkpoint(path, like, in_place=True)
    run, manifest = load_checkpoint(path, replace(like, replay=None), in_place=True)
    return replace(run, replay=like.replay), manifest


def _require_held(core: Core, stored: Mapping[str, Any], file: Path, size: int) -> None:
    """Raise FileError where a run's config claims more than the checkpoint holds, before it is allocated."""
    learner, spec = core.learner, core.spec
    seen = nbytes(jax.eval_shape(lambda: spaces.example(spec.observation_space)))
    claims = {
        "num_envs": lambda: core.num_envs * (seen + 8) * (learner.seeds or 1),
        "stats_window_size": lambda: learner.window * 8 * (learner.seeds or 1),
        "hyperparameters": lambda: (
            nbytes(jax.eval_shape(learner.initial_state))
            + learner.replay_bytes * stored.get("checkpoint_replay", True)
        ),
    }
    for name, claimed in claims.items():
        if claimed() > size:
            raise FileError(f"it takes {claimed():,} bytes, and the checkpoint has {size:,}.", file, name)
    steps = stored["chunk_size"] * core.algorithm.experience.steps_per_iteration(core.num_envs)
    if steps > (LARGEST if stored["chunk_size"] == 1 else LONGEST_CHUNK):
        raise FileError(f"it makes chunks of {steps:,} steps.", file, "chunk_size")
