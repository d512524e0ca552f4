"""A model in a folder as Hugging Face lays it out: `config.json`, `model.safetensors` (or parts with an index).

What is read is JSON and numbers; nothing is executed, and no file outside the folder is opened.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from operant.fields import FileError, blamed, parse
from operant.language import lora
from operant.language.model import LanguageModel
from operant.language.weights import configs
from operant.language.weights.layouts import from_tensors, to_tensors

CONFIG, WEIGHTS, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
NUMBERS = ("F64", "F32", "F16", "BF16")
PART = 5 * 10**9  # bytes of a file: larger models are written in parts


def load(folder: str | Path) -> LanguageModel:
    """The model in a folder; its numbers, of 16 bits or 32, become float32.

    Raises FileError naming the file and the field or the tensor for what cannot be read, FileNotFoundError where there
    is no model.
    """
    folder = Path(folder)
    values = read_config(folder)
    with blamed(folder / CONFIG):
        config = configs.transformer(values)
    with _opened(folder) as (path, shapes, read), blamed(path):
        return from_tensors(config, values["model_type"], shapes, read)


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` as a table."""
    path = folder / CONFIG
    if not path.is_file():
        what = "a folder without config.json" if folder.is_dir() else "no folder"
        raise FileNotFoundError(
            f"{folder} is {what}: a model is a folder with config.json and model.safetensors."
        )
    values = parse(path.read_text(encoding="utf-8"), path)
    if not isinstance(values, dict):
        raise FileError("it is not a table.", path)
    return values


def save(model: LanguageModel, folder: str | Path, *, part: int = PART) -> None:
    """Write a model into a folder, made as needed, so that other tools read it too; adapters are merged.

    Files of more than `part` bytes are split, with an index. Raises ValueError for a model that no layout has.
    """
    folder, model = Path(folder), lora.merge(model)
    kind = configs.kind_of(model.config)
    tensors = to_tensors(model, kind)
    folder.mkdir(parents=True, exist_ok=True)
    parts = list(_parts(tensors, part))
    for old in (WEIGHTS, INDEX):
        (folder / old).unlink(missing_ok=True)
    if len(parts) == 1:
        _write(folder / WEIGHTS, parts[0])
    else:
        names = [f"model-{i + 1:05d}-of-{len(parts):05d}.safetensors" for i in range(len(parts))]
        for name, own in zip(names, parts, strict=True):
            _write(folder / name, own)
        weight_map = {tensor: name for name, own in zip(names, parts, strict=True) for tensor in own}
        total = sum(array.nbytes for array in tensors.values())
        index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    values = configs.to_json(model.config, kind) | {"torch_dtype": "float32"}
    (folder / CONFIG).write_text(json.dumps(values, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _parts(tensors: Mapping[str, np.ndarray], most: int) -> Iterator[dict[str, np.ndarray]]:
    part: dict[str, np.ndarray] = {}
    for name, array in tensors.items():
        if part and sum(each.nbytes for each in part.values()) + array.nbytes > most:
            yield part
            part = {}
        part[name] = array
    yield part


def _write(path: Path, tensors: dict[str, np.ndarray]) -> None:
    """The whole file or none."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        save_file(tensors, temporary, metadata={"format": "pt"})
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _opened(folder: Path) -> Iterator[tuple[Path, dict[str, tuple[int, ...]], Any]]:
    """`(the file to name in errors, shapes by tensor, read(name))` of all files of the weights."""
    index = folder / INDEX
    with ExitStack() as stack:
        if (folder / WEIGHTS).is_file():
            path, files = folder / WEIGHTS, {"": _safe(stack, folder / WEIGHTS)}
            where = dict.fromkeys(files[""].keys(), "")
        elif index.is_file():
            path, where = index, _weight_map(index)
            files = {name: _safe(stack, folder / name) for name in sorted(set(where.values()))}
            held = {name: set(file.keys()) for name, file in files.items()}
            for tensor, name in where.items():
                if tensor not in held[name]:
                    raise FileError("the index says that it has it, and it has not.", folder / name, tensor)
        else:
            raise FileNotFoundError(_without_weights(folder))
        shapes = {}
        for tensor, name in where.items():
            part = files[name].get_slice(tensor)
            shapes[tensor] = tuple(part.get_shape())
            if part.get_dtype() not in NUMBERS and not tensor.endswith("bias"):
                raise FileError(
                    f"it holds {part.get_dtype()}; these can be read: {', '.join(NUMBERS)}.", path, tensor
                )
        yield path, shapes, lambda tensor: files[where[tensor]].get_tensor(tensor)


def _safe(stack: ExitStack, path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the index names this file, and it is not there.")
    try:
        return stack.enter_context(safe_open(path, framework="np"))
    except (SafetensorError, OSError) as error:
        raise FileError(f"it is not a whole safetensors file ({error}).", path) from error


def _weight_map(index: Path) -> dict[str, str]:
    values = parse(index.read_text(encoding="utf-8"), index)
    found = values.get("weight_map") if isinstance(values, dict) else None
    if not isinstance(found, dict) or not found:
        raise FileError("it is not a table of tensors and files.", index, "weight_map")
    for tensor, name in found.items():
        if not isinstance(name, str) or Path(name).name != name:
            raise FileError(f"{tensor} is in {name!r}, which is no file of this folder.", index, "weight_map")
    return found


def _without_weights(folder: Path) -> str:
    pickles = sorted(path.name for path in folder.glob("*.bin"))
    if pickles:
        return (
            f"{folder} holds {pickles[0]} and no {WEIGHTS}: a pickle is code, which operant does not run. Save the "
            "model as safetensors where it was made."
        )
    return f"{folder} holds neither {WEIGHTS} nor {INDEX}."
