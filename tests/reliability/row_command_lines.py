"""Command lines: whatever is typed is done, or refused in a line that names what is wrong with it.

What takes long is left out, in this process and in the others: training, scoring, films. All that comes before is as it
always is: reading, checking, making the agent.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
import unittest.mock
import warnings
from collections.abc import Iterator
from pathlib import Path

from operant.cli import main
from tests.reliability.command_lines import Line, line
from tests.reliability.rows import Row

IN_PROCESS, BATCH, PROCESSES, PROCESS_BATCH = 2_000, 25, 200, 2
ROW = Row(
    "R12",
    f"{IN_PROCESS:,} command lines made at random from the catalogue, {PROCESSES} more as whole processes",
    passes="none with a traceback; each refusal names the flag or argument, exits with 2, and leaves nothing",
    full=IN_PROCESS // BATCH + PROCESSES // PROCESS_BATCH,
    fast=(1, IN_PROCESS // BATCH + 1),
)


def case(index: int, directory: Path) -> None:
    """A batch of command lines."""
    batches = IN_PROCESS // BATCH
    if index < batches:
        numbers = range(index * BATCH, (index + 1) * BATCH)
    else:
        first = IN_PROCESS + (index - batches) * PROCESS_BATCH
        numbers = range(first, first + PROCESS_BATCH)
    for number in numbers:
        folder = directory / str(number)
        (folder / "folder").mkdir(parents=True)
        (folder / "unreadable").write_bytes(b"\xff\xfe")
        typed = line(number)
        code, said = (_here if index < batches else _in_a_process)(typed, folder)
        try:
            _judge(typed, code, said, folder)
        except AssertionError as error:
            command = f"operant {shlex.join(typed.words)}"
            raise AssertionError(f"{number}: {command[:400]} → {code}, {said[-400:]!r}: {error}") from None


def _judge(typed: Line, code: int, said: str, folder: Path) -> None:
    assert "Traceback" not in said, "a traceback"
    assert code in (0, 2), "another exit status"
    if code == 2:
        assert said.startswith("operant: "), "no line of its own"
        assert _named(typed, said), "it does not name what is at fault"
        assert {path.name for path in folder.iterdir()} == {"folder", "unreadable"}, "something is left"


def _named(typed: Line, said: str) -> bool:
    """Whether a message, but for where its help is, holds a flag or a value that may be at fault."""
    plain = said.partition(" See `")[0].replace("_", "-").lower()
    for word in typed.strange:
        bare = " ".join(word.strip("-").split())
        forms = {bare, repr(word)[1:-1]} if bare else {repr(word), word.strip() or "''"}
        if any(form.replace("_", "-").lower()[:60] in plain for form in forms):
            return True
    return False


@contextlib.contextmanager
def _quick() -> Iterator[None]:
    """What takes long does nothing."""
    import operant
    from operant.agent import Agent
    from operant.agent.scripted import ScriptedPolicy
    from operant.cli import finish  # noqa: F401 (to be replaced in its module)

    def nothing(*_: object, **__: object) -> None: ...

    with contextlib.ExitStack() as replaced:
        for owner in (Agent, ScriptedPolicy):
            for method in ("evaluate", "record", "watch"):
                result = [] if method == "watch" else None
                fake = lambda *_, result=result, **__: result  # noqa: E731
                replaced.enter_context(unittest.mock.patch.object(owner, method, fake))
        replaced.enter_context(unittest.mock.patch.object(Agent, "learn", nothing))
        replaced.enter_context(unittest.mock.patch("operant.cli.finish.finish", nothing))
        replaced.enter_context(unittest.mock.patch("operant.cli.demo.play", nothing))
        replaced.enter_context(unittest.mock.patch("operant.studio.recording.require_display", nothing))
        looked = unittest.mock.Mock(ok=True)
        replaced.enter_context(unittest.mock.patch.object(operant, "check", return_value=looked))
        yield


def _here(typed: Line, folder: Path) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.chdir(folder), _quick(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = main(list(typed.words))
    return code, said.getvalue()


def _in_a_process(typed: Line, folder: Path) -> tuple[int, str]:
    place = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-m", "tests.reliability.row_command_lines", *typed.words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": place},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.returncode, done.stderr


if __name__ == "__main__":
    with _quick():
        sys.exit(main())
