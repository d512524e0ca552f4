"""A command in which a phase says when it has begun, and waits there: `python signalled.py PHASE FOLDER ARGUMENTS…`.

The phases are found by replacing functions here, so that nothing in the package knows of it.
"""

from __future__ import annotations

import hashlib
import sys
import threading
import time
from pathlib import Path
from typing import Any

PHASE, FOLDER, *ARGUMENTS = sys.argv[1:]
PARTS = {  # of a phase: what is replaced, and the call of it (counted from 1) that is held up
    "compiling": ("operant.engine.programs", "Program._make", 1),
    "warm-up": ("operant.agent.training", "Session.on_warm_up", 1),
    "warm-up through Gymnasium": ("gymnasium.envs.classic_control", "CartPoleEnv.step", 40),
    "rollout": ("gymnasium.envs.classic_control", "CartPoleEnv.step", 100),
    "rollout in processes": ("gymnasium.vector", "AsyncVectorEnv.step_wait", 50),
    "update": ("operant.engine.host_learner", "HostLearner.__call__", 2),
    "last checkpoint": ("operant.engine.checkpoint", "save_tree", 1),
    "evaluation": ("operant.agent.selection", "Selection.scores", 1),
    "score": ("operant.cli.finish", "_scores", 1),
    "film": ("operant.cli.show", "_film", 1),
    "report": ("operant.cli.show", "report", 1),
    "several seeds": ("operant.agent.training", "Session.on_chunk", 2),
}


def begun() -> None:
    """Say so, and wait until the signal has been sent; its handler may raise meanwhile."""
    (Path(FOLDER) / "begun").touch()
    while not (Path(FOLDER) / "sent").exists():
        time.sleep(0.01)


def busy() -> None:
    """The same in a call that takes a minute and gives no handler a chance, as XLA's compiler."""
    (Path(FOLDER) / "begun").touch()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 100_000_000)


class Importing:
    """Finds nothing, and is asked first."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "jax" and not (Path(FOLDER) / "begun").exists():
            begun()


def hold_up() -> None:
    """Replace the phase's function by one that is held up."""
    module, name, at = PARTS[PHASE]
    *owner, name = name.split(".")
    place = __import__(module, fromlist=["_"])
    for part in owner:
        place = getattr(place, part)
    original, calls = getattr(place, name), 0

    def held_up(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += PHASE != "compiling" or threading.current_thread() is threading.main_thread()
        if calls == at and not (Path(FOLDER) / "begun").exists():
            busy() if PHASE in ("compiling", "film") else begun()
        return original(*arguments, **options)

    setattr(place, name, held_up)


if __name__ == "__main__":
    import signal

    signal.signal(signal.SIGINT, signal.default_int_handler)  # which the background of a script ignores
    if PHASE == "import":
        sys.meta_path.insert(0, Importing())
    else:
        hold_up()
    from operant.cli import main

    sys.argv[1:] = ARGUMENTS
    sys.exit(main())
