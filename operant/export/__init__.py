"""Policies for other places than operant: ONNX, or one Python file that needs NumPy only."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from operant.engine.policy import Policy
from operant.envs.border import Border
from operant.export.policy import exported

Format = Literal["onnx", "numpy"]


def export(policy: Policy, border: Border, path: str | Path, format: Format, title: str) -> Path:
    """Write the deterministic policy to `path`: a file for "onnx", a folder for "numpy". Returns the path.

    Raises ValueError naming what cannot be exported, and ImportError where "onnx" is not installed.
    """
    if format not in get_args(Format):
        raise ValueError(f"format={format!r}: must be {' or '.join(map(repr, get_args(Format)))}.")
    if format == "onnx":
        from operant.export import onnx_model as target
    else:
        from operant.export import numpy_source as target
    return target.write(exported(policy, border, title), path)
