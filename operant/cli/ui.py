"""`operant ui`: runs in a browser."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from operant.cli import runs
from operant.cli.errors import WrongInput, from_input
from operant.cli.training import require_live

MOST = 50  # runs that are found without being named


def ui(named: Sequence[str], port: int) -> None:
    """Serve the page until Ctrl-C."""
    with from_input():
        require_live("operant ui")
        if not 0 <= port < 2**16:
            raise ValueError(f"--port {port}: must be from 0 to {2**16 - 1}.")
        paths = list(named) or found()
        for path in paths:
            runs.require(path)
        from operant.live.page import Page

        page = Page(paths, port)
    with page:
        print(f"live page: {page.address}\nCtrl-C ends it", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print()


def found(root: str | Path = "runs") -> list[str]:
    """The newest runs in a folder, the newest first. Raises WrongInput for none."""
    configs = sorted(Path(root).glob("*/config.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    if not configs:
        raise WrongInput(f"there are no runs in {root}/; name some: `operant ui RUN…`.")
    return [str(path.parent) for path in configs[:MOST]]
