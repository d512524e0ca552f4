"""R8: the process of an environment ends, in a step, in a reset, in the first one, and while another hangs."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import operant
from tests.reliability.row_environment_faults import AT, Faulty, caught
from tests.reliability.rows import Row

ENDS = {  # in words, and the signal or the exit status
    "signal 9": (os.kill, signal.SIGKILL),
    "signal 11": (os.kill, signal.SIGSEGV),
    "signal 6": (os.kill, signal.SIGABRT),
    "exit status 3": (os._exit, 3),
    "exit status 0": (os._exit, 0),
}
MOMENTS = ("step", "reset", "first reset", "while another hangs")
ROW = Row(
    "R8",
    "the process of an environment ends by SIGKILL, SIGSEGV, SIGABRT, exit(3), exit(0); in a step, a reset, the first "
    "reset, while another hangs",
    passes="named in plain words within 5 s, a checkpoint is kept, no process is left",
    full=len(ENDS) * len(MOMENTS),
    fast=(0,),
)


STRICT = 5.0  # seconds until it is named and the model kept; the tests, on a busy machine, do not ask for it


class Ends(Faulty):
    """Its process ends at step `AT` or at the reset after it; or, in a process, at the very first one."""

    def __init__(self, words: str = "", moment: str = "", parent: int = 0, clock: str = "") -> None:
        super().__init__()
        self.words, self.moment, self.parent, self.clock = words, moment, parent, clock

    def _end_at(self, moment: str) -> None:
        if self.moment != moment or os.getpid() == self.parent:
            return
        how, value = ENDS[self.words]
        Path(self.clock).write_text(repr(time.time()))
        how(*((os.getpid(), value) if how is os.kill else (value,)))

    def reset(self, **options: Any) -> Any:
        if self.t == AT:
            self._end_at("reset")
        self._end_at("first reset")
        return super().reset(**options)

    def step(self, action: Any) -> Any:
        result = super().step(action)
        if self.t == AT:
            self._end_at("step")
        return result


class Sleeps(Faulty):
    """Hangs at step `AT`."""

    def step(self, action: Any) -> Any:
        if self.t == AT - 1:
            time.sleep(100)
        return super().step(action)


def case(index: int, directory: Path) -> None:
    words, moment = list(ENDS)[index % len(ENDS)], MOMENTS[index // len(ENDS)]
    clock = directory / "clock"
    at = "step" if moment == MOMENTS[-1] else moment
    ends = partial(Ends, words, at, os.getpid(), str(clock))
    makers = [Sleeps if moment == MOMENTS[-1] else Faulty, ends]
    if moment == "first reset":
        try:
            operant.Random(makers, vectorization="async").learn(8, progress_bar=False)
        except ValueError as error:
            text = str(error)
        place = "reset"
    else:
        text = caught(makers, directory / "run", env_timeout=60, vectorization="async")
        place = f"step {AT}"
    took = time.time() - float(clock.read_text())
    assert f"copy 1, {place}: the process of environment 1 ended: {words}." in text, text
    assert took < STRICT or "PYTEST_CURRENT_TEST" in os.environ, took
