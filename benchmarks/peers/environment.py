"""The peers' own virtual environment, made when it is first needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import venv
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
LANGUAGE = Path(__file__).with_name("requirements_language.txt")  # transformers and TRL
RLLIB = Path(__file__).with_name("requirements_rllib.txt")


def python(requirements: Path = REQUIREMENTS) -> str:
    """The interpreter of an environment with a file of requirements installed, kept in the user's cache directory.

    Another file of requirements makes another environment. Raises CalledProcessError where pip fails.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    directory = cache / "operant" / f"peers-{digest}"
    interpreter = directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    complete = directory / "complete"
    if not complete.exists():
        print(f"Installing {requirements.name} into {directory} …", flush=True)
        shutil.rmtree(directory, ignore_errors=True)
        venv.create(directory, with_pip=True)
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
        complete.touch()
    return str(interpreter)
