"""Files that lie: whatever a file says, it is read, or refused by a FileError that names it, soon and in little memory.

The first cases are fields of other kinds and whole files of other forms, one by one; those after them are batches of
random damage to any file of a run.
"""

from __future__ import annotations

import json
import shutil
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import operant
from tests.reliability import damage, templates
from tests.reliability.measuring import within
from tests.reliability.rows import Row

BATCH = 25
SECONDS = 3.0
CONFIG = (
    *("algorithm", "hyperparameters", "curiosity", "environment", "environment_given_as_id", "env_kwargs"),
    *(
        "env_kwargs_not_kept",
        "observation_space",
        "action_space",
        "border",
        "max_episode_steps",
        "masked",
        "goals",
    ),
    *("dummy_steps", "frame_stack", "wrappers", "seed", "seeds", "num_envs", "backend", "vectorization"),
    "stats_window_size",
)
PLAN = ("total_timesteps", "chunk_size", "evaluate_every", "keep_checkpoints")
MODEL = ("format", "config", "step", "iteration", "history")
SCORE = ("environment", "returns", "lengths", "seed", "random")
FIELDS = (
    *(("model.safetensors", ("config", name)) for name in CONFIG),
    *(("model.safetensors", (name,)) for name in MODEL),
    *(("config.json", (name,)) for name in PLAN),
    *(("evaluation.json", (name,)) for name in SCORE),
)
# What a field may hold after all, and what files of earlier versions do not have.
OPTIONAL = {
    *(
        "curiosity",
        "env_kwargs",
        "env_kwargs_not_kept",
        "max_episode_steps",
        "masked",
        "goals",
        "wrappers",
        "border",
    ),
    *("stats_window_size", "step", "iteration", "history", "evaluate_every", "keep_checkpoints", "random"),
}
RIGHT = {
    *((name, "missing") for name in OPTIONAL),
    *((name, "null") for name in ("curiosity", "max_episode_steps", "seeds", "evaluate_every", "random")),
    *((name, "2**40") for name in ("max_episode_steps", "seed", "evaluate_every", "keep_checkpoints")),
    *(("environment", name) for name in ("text",)),
    *((name, "list") for name in ("env_kwargs_not_kept",)),
    ("env_kwargs", "table"),  # which the environment refuses when it is played
}


def _whole(file: str, write: Callable[[Path], Any]) -> tuple[str, Callable[[Path], Any]]:
    return file, write


def _text(text: str) -> Callable[[Path], Any]:
    return lambda file: (
        damage.set_text(file, text) if file.suffix == ".safetensors" else file.write_text(text)
    )


def _numbers(change: Callable[[bytes], bytes]) -> Callable[[Path], Any]:
    return lambda file: file.write_bytes(change(file.read_bytes()))


def _set(*where: Any, value: Any) -> Callable[[Path], Any]:
    return lambda file: damage.set_values(file, lambda values: damage.with_value(values, where, value))


def _header(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], Any]:
    def write(file: Path) -> None:
        header, numbers = damage.header_of(file)
        change(header)
        damage.write_header(file, header, numbers)

    return write


NETWORK = ("config", "hyperparameters", "network")
DEEP = "[" * damage.DEPTH + "]" * damage.DEPTH
FORMS: tuple[tuple[str, str, Callable[[Path], Any]], ...] = (
    *(
        (file, said, _text(text))
        for file in ("model.safetensors", "config.json", "evaluation.json", "checkpoints/64/manifest.json")
        for said, text in {
            "none": "",
            "a list": "[]",
            "null": "null",
            "no JSON": "{",
            "deep": DEEP,
            "deep tables": '{"x":' * damage.DEPTH + "1" + "}" * damage.DEPTH,
            "large": json.dumps("x" * 20_000_000),
        }.items()
    ),
    *(
        (file, "no UTF-8", _numbers(lambda content: b"\xff\xfe" + content[2:]))
        for file in ("config.json", "evaluation.json", "metrics.csv", "checkpoints/64/manifest.json")
    ),
    ("metrics.csv", "NUL", _numbers(lambda content: content.replace(b"64", b"\x00\x00"))),
    ("metrics.csv", "a long field", _numbers(lambda content: content + b"x" * 200_000 + b"\n")),
    ("metrics.csv", "words", _numbers(lambda content: content.replace(b"64", b"no"))),
    ("metrics.csv", "no steps", _numbers(lambda content: content.replace(b"time/total_timesteps", b"x"))),
    ("metrics.csv", "learners", _numbers(lambda content: b"seed,time/total_timesteps\n1e9,1\n")),
    ("checkpoints/64/manifest.json", "step", _set("step", value=63)),
    ("checkpoints/64/manifest.json", "hash", _set("sha256", value="0" * 64)),
    ("model.safetensors", "a million seeds", _set("config", "seeds", value=list(range(1_000_000)))),
    ("model.safetensors", "2**31 seeds", _set("config", "seeds", value=2**31)),
    ("model.safetensors", "3,000 layers", _set(*NETWORK, "hidden_sizes", value=[64] * 3000)),
    ("model.safetensors", "wide layers", _set(*NETWORK, "hidden_sizes", value=[10**9, 10**9])),
    ("model.safetensors", "memory", _set(*NETWORK, value={"memory": "lstm", "memory_layers": 10**9})),
    (
        "model.safetensors",
        "a large Box",
        _set("config", "border", "observation_space", "shape", value=[10**5] * 3),
    ),
    (
        "model.safetensors",
        "a large Box here",
        _set("config", "observation_space", "shape", value=[10**5] * 3),
    ),
    ("model.safetensors", "objects", _set("config", "border", "observation_space", "dtype", value="O")),
    (
        "model.safetensors",
        "a bare key",
        _header(lambda header: header["__metadata__"].update(prng_keys="[]")),
    ),
    ("model.safetensors", "a later format", _set("format", value="operant-model-2")),
    ("config.json", "chunks", _set("chunk_size", value=10**9)),
    ("config.json", "environments", _set("num_envs", value=10**9)),
    ("config.json", "window", _set("stats_window_size", value=10**9)),
    ("config.json", "rollout", _set("hyperparameters", "n_steps", value=10**12)),
    ("config.json", "layers", _set("hyperparameters", "network", "hidden_sizes", value=[64] * 3000)),
)
STRUCTURAL = [
    *(
        (file, f"{where[-1]} {name}", _set(*where, value=value))
        for file, where in FIELDS
        for name, value in damage.VALUES.items()
    ),
    *FORMS,
]
ROW = Row(
    "R11",
    f"hostile files: {len(STRUCTURAL)} that say what cannot be, and 2,000 damaged at random, {BATCH} a case",
    passes="read, or a FileError that names the file; below 3 s and 1 GB each",
    full=len(STRUCTURAL) + 2000 // BATCH,
    fast=(0, 13, 44, 95, 160, 219, 270, 290, 310, 325, 360),
)


def case(index: int, directory: Path) -> None:
    if index < len(STRUCTURAL):
        file, said, write = STRUCTURAL[index]
        run = templates.copy_of("ppo", directory)
        write(run / file)
        error = outcome(run, file)
        field, _, kind = said.partition(" ")
        right = index < len(FIELDS) * len(damage.VALUES) and (field, kind) in RIGHT
        falls_back = file.startswith("checkpoints/")
        assert (error is None) == (right or falls_back), f"{file}, {said}: {error!r}"
        assert right or falls_back or index >= len(FIELDS) * len(damage.VALUES) or field in str(error), error
        return
    random = np.random.default_rng(index)
    for _ in range(BATCH):
        name = str(random.choice(["ppo", "q-learning"]))
        run = templates.copy_of(name, directory)
        files = sorted(path for path in run.rglob("*") if path.is_file() and "tensorboard" not in path.parts)
        file = files[random.integers(len(files))]
        said = damage.at_random(file, random)
        try:
            outcome(run, str(file.relative_to(run)))
        except Exception as error:
            raise AssertionError(f"{name}, {said}: {type(error).__name__}: {error}") from error
        shutil.rmtree(run)


READERS: dict[str, Callable[[Path], Any]] = {
    "model.safetensors": operant.load,
    "best/model.safetensors": lambda run: operant.load(run, best=True),
    "evaluation.json": lambda run: operant.compare(run, run),
}


def outcome(run: Path, file: str) -> operant.FileError | None:
    """What reading a run whose `file` was changed comes to. Raises where it was slow, large, or another error."""
    found, began = None, time.process_time()
    with warnings.catch_warnings(), within(file, seconds=None):
        warnings.simplefilter("ignore")
        try:
            READERS.get(file, operant.Agent.restore)(run)
        except operant.FileError as error:
            found = error
        except FileNotFoundError:  # config.json is not operant's any more
            assert file == "config.json"
            found = operant.FileError("no run", file)
        except ValueError as error:  # what the file says was an object of the user's
            if "again" not in str(error):
                raise
    seconds = time.process_time() - began
    assert found is None or seconds < SECONDS, f"{file} took {seconds:.1f} s"
    assert found is None or Path(file).name in str(found) or "checkpoints" in str(found), (
        f"{found} names no file"
    )
    return found
