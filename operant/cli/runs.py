"""What can be told of a run from its files without importing anything that is slow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from operant.cli.errors import WrongInput


def require(run: str | Path) -> dict[str, Any]:
    """The config of a run. Raises WrongInput for what is none, as `RunDirectory.open` would after a while."""
    path = Path(run)
    try:
        config = json.loads((path / "config.json").read_text())
    except (OSError, ValueError):
        config = None
    if isinstance(config, dict) and "operant_version" in config:
        return config
    missing = "it has no config.json of operant's" if path.is_dir() else "there is no such directory"
    raise WrongInput(f"{run} is not a run: {missing}.")


def require_model(model: str) -> None:
    """Raise WrongInput where neither a run nor a file is."""
    path = Path(model)
    if path.is_dir():
        require(path)
    elif not path.is_file():
        raise WrongInput(f"{model}: there is no such run or model file.")
