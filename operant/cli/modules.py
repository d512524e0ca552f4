"""Importing the typed modules that register environments, also from the current folder."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable

from operant.cli.errors import WrongInput


def load(names: Iterable[str]) -> None:
    """Import these modules. Raises WrongInput for one that does not exist or fails."""
    for name in names:
        here = os.getcwd()
        if (
            here not in sys.path and "" not in sys.path
        ):  # an installed `operant` has its own folder there instead
            sys.path.insert(0, here)
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            missing = error.name or name
            if name == missing or name.startswith(f"{missing}."):
                raise WrongInput(f"there is no module {name!r}, neither installed nor in {here}.") from error
            raise WrongInput(f"the module {name!r} needs {missing!r}, which is not installed.") from error
        except Exception as error:
            raise WrongInput(
                f"the module {name!r} cannot be imported: {type(error).__name__}: {error}"
            ) from error


def module_of(environment: str | None) -> list[str]:
    """A list with the module in an id, as in mymodule:MyEnv-v0; empty without one."""
    module, colon, _ = (environment or "").partition(":")
    return [module] if colon and module else []


def require_imported(environment: str, imported: Iterable[str]) -> None:
    """Raise WrongInput if an id from a file needs a module that was not typed."""
    for module in module_of(environment):
        if module not in imported and module not in sys.modules:
            raise WrongInput(
                f"{environment}: a module that a file names is not imported; type it: --import {module}."
            )
