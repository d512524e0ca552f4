"""The page as a server on this machine, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
import threading
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from operant.agent import Agent
from operant.agent.answering import learns_from_answers
from operant.agent.steering import Steering
from operant.curiosity.answers import Folder
from operant.diagnosis.diagnosing import diagnose
from operant.fields import FileError
from operant.live.branches import Branches
from operant.live.comparing import Comparing
from operant.live.contest import Contests
from operant.live.labelling import Labelling
from operant.live.playing import Learnt, Player
from operant.live.runs import ShownRun
from operant.live.told import told

ADDRESS = "127.0.0.1"
LINES = 500  # of the log that are kept
MISSING = "The live page needs an extra: pip install 'operant-rl[live]'."


class Log:
    """The newest lines of what happened, each with its number."""

    def __init__(self) -> None:
        self._lines: deque[tuple[int, str]] = deque(maxlen=LINES)
        self._lock, self._count = threading.Lock(), 0

    def write(self, text: str) -> None:
        """Add a line; long ones are cut."""
        with self._lock:
            self._count += 1
            self._lines.append((self._count, text.strip()[:500]))

    def after(self, number: int) -> list[tuple[int, str]]:
        """Those with higher numbers."""
        with self._lock:
            return [line for line in self._lines if line[0] > number]


class Page:
    """Shows runs, and steers the one that this process trains, if it does.

    Args:
        runs: Their directories; one that is not there yet is shown once it is.
        port: Where to listen; 0 for any that is free.
        labelling: Pairs of responses to be judged, on a page of their own, `/label`.

    `start` opens it and `close` ends it, as a `with` block does. Whoever trains a run that is shown gives `steering` to
    `learn`. Raises ImportError without the extra, and ValueError where the port is taken.
    """

    def __init__(
        self, runs: Sequence[str | Path] = (), port: int = 0, labelling: Labelling | None = None
    ) -> None:
        try:
            from operant.live.server import make_server
        except ImportError as error:
            raise ImportError(MISSING) from error
        self.steering, self.log = Steering(), Log()
        self.contests, self.branches, self.labelling = Contests(), Branches(), labelling
        self.token = secrets.token_urlsafe(24)
        self._runs: list[ShownRun | Path] = [Path(path) for path in runs]
        self._players: dict[tuple[int, bool], Player] = {}  # of what is trained here, and of files
        self._comparing: Comparing | None = None
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((ADDRESS, port))
            self._socket.listen()  # whoever asks before the server is ready waits
        except (OSError, OverflowError) as error:
            self._socket.close()
            raise ValueError(
                f"port={port}: it cannot be listened on ({error}); 0 takes a free one."
            ) from None
        self.port: int = self._socket.getsockname()[1]
        self.server: Any = make_server(self)
        self._thread = threading.Thread(target=self._serve, name="operant live page", daemon=True)

    @property
    def address(self) -> str:
        """What to open in a browser. Whoever knows it may steer the run."""
        where = "" if self.labelling is None else "label"
        return f"http://{ADDRESS}:{self.port}/{where}#{self.token}"

    def show(self, path: str | Path) -> None:
        """Show a run more."""
        with self._lock:
            self._runs.append(Path(path))

    def shown(self) -> dict[int, ShownRun]:
        """The runs that there are by now, by their numbers."""
        with self._lock:
            for index, run in enumerate(self._runs):
                if isinstance(run, Path):
                    with contextlib.suppress(OSError, FileError):
                        self._runs[index] = ShownRun(run)
            return {number: run for number, run in enumerate(self._runs) if isinstance(run, ShownRun)}

    def player(self, number: int) -> Player | None:
        """Whoever plays what a run has learnt; None where there is no such run."""
        run, trained = self.shown().get(number), number == 0 and self.steering.core is not None
        if run is None:
            return None
        with self._lock:
            if (number, trained) not in self._players:
                self._players[number, trained] = (
                    Player(Learnt.of_training(self.steering), self.steering.look_away)
                    if trained
                    else Player(Learnt.of_file(run.directory.path))
                )
            return self._players[number, trained]

    def comparing(self, over: bool = False) -> Comparing | None:
        """The clips that are compared for what is trained here; None where it learns from no answers, or is over.

        With `over` also those of training that is. Raises ValueError where the folder of answers holds something else.
        """
        if over and self._comparing is not None:
            return self._comparing
        core = self.steering.core
        learns = None if core is None or self.steering.watch is None else learns_from_answers(core)
        if learns is None or learns.answers is None:
            return None
        with self._lock:
            if self._comparing is None:
                learnt = Learnt.of_training(self.steering)
                size = learns.clip_length, learns.comparisons
                self._comparing = Comparing(Folder(learns.answers), learnt, *size, self.steering.look_away)
            return self._comparing

    def diagnosis(self, run: ShownRun) -> dict[str, Any]:
        """What looks wrong with a run by its metrics, as JSON values; of the one that is trained here, as it is now."""
        core = self.steering.core
        if core is None or run is not self.shown().get(0):
            return told(diagnose(run.directory.path, probe=False))
        return told(diagnose(Agent._of(core), probe=False))

    def start(self) -> Page:
        """Open it."""
        self._thread.start()
        return self

    def close(self) -> None:
        """End it; open pages say that it is over."""
        self.server.should_exit = True
        self.branches.close()
        if self._comparing is not None:
            self._comparing.close()
        if self._thread.is_alive():
            self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        asyncio.run(self.server.serve(sockets=[self._socket]))

    def __enter__(self) -> Page:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def noting_warnings(log: Log) -> Iterator[None]:
    """In this block warnings are in the log as well."""
    shown = warnings.showwarning

    def show(message: Warning | str, *rest: Any, **more: Any) -> None:
        log.write(f"warning: {message}")
        shown(message, *rest, **more)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = shown


@contextlib.contextmanager
def open_page(*runs: str | Path, port: int = 0) -> Iterator[Page]:
    """A page that shows these runs while a block runs; it prints its address.

        with operant.live.open_page("runs/a") as page:
            agent.learn(100_000, run_dir="runs/a", steering=page.steering)

    Raises as `Page`.
    """
    with Page(runs, port) as page:
        print(f"live page: {page.address}", flush=True)
        yield page
