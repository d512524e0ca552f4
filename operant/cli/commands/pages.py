"""Pages in the browser."""

from __future__ import annotations

from typing import Annotated

import tyro

from operant.cli.errors import from_input


def ui(
    runs: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="RUN…", help="Run directories; none: all in runs/."),
    ] = (),
    *,
    port: Annotated[int, tyro.conf.arg(help="Where to listen on this machine; 0: any free port.")] = 0,
) -> None:
    """Open a page in a browser on this machine that shows runs, finished or being trained, side by side."""
    from operant.cli.ui import ui

    ui(runs, port)


def demo(
    *,
    seed: Annotated[int, tyro.conf.arg(help="The seed of all randomness.")] = 0,
    browser: Annotated[
        bool, tyro.conf.arg(help="Open the live page in a browser, where the extra `live` is installed.")
    ] = True,
) -> None:
    """Three learners in about a minute, explained for somebody who has never seen one."""
    from operant.cli.demo import demo
    from operant.cli.training import require_seeds

    with from_input():
        require_seeds("seed", [seed])
    demo(seed, browser)
