"""The command line: `operant train ppo CartPole-v1` and the other commands.

Exit codes: 0, 1 (failed), 2 (wrong input, which one line on stderr explains), 130 (interrupted),
143 (asked to end by SIGTERM), 129 (its terminal was closed).
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from difflib import get_close_matches
from typing import Any

from operant.cli.ending import answered
from operant.cli.errors import Interrupted, WrongInput, exit_code, is_plain
from operant.version import __version__

DESCRIPTION = "Reinforcement learning, from gridworlds to pixels, on one fast engine."


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with answered() if argv is None else nullcontext(), _warnings_in_a_line():
            _run(arguments)
    except WrongInput as error:
        print(f"operant: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever reads us, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt as interruption:
        reason = f"interrupted: {interruption}" if isinstance(interruption, Interrupted) else "interrupted"
        with suppress(OSError):  # of a terminal that was closed
            print(f"operant: {reason}", file=sys.stderr, flush=True)
        return exit_code(interruption)
    except SystemExit as leaving:  # after --help, or with what a command found
        return int(leaving.code or 0)
    except Exception as error:
        if is_plain(error):
            said = " ".join([str(error), *getattr(error, "__notes__", ())])
        else:
            traceback.print_exc()
            said = str(error)
        print(f"operant: failed: {said}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def _warnings_in_a_line() -> Iterator[None]:
    """Show warnings for users in one line, without their place in the code."""
    full = warnings.formatwarning

    def short(message: Any, category: type[Warning], *place: Any, **more: Any) -> str:
        if issubclass(category, UserWarning):
            return f"operant: {message}\n"
        return full(message, category, *place, **more)

    warnings.formatwarning = short
    try:
        yield
    finally:
        warnings.formatwarning = full


def _run(arguments: list[str]) -> None:
    if arguments in (["--version"], ["-V"]):
        print(f"operant {__version__}")
    # `train` reads its own flags, because they depend on the algorithm.
    elif arguments[:1] == ["train"]:
        from operant.cli.habits import algorithm_first

        rest = algorithm_first(arguments[1:])
        from operant.cli.start import FLAGS

        in_file = any(argument.partition("=")[0] in ("--config", *FLAGS) for argument in rest)
        if not in_file and (not rest or rest[0].startswith("-")):
            from operant.cli.usage import usage

            print(usage(rest))
        else:
            from operant.cli.train import train

            train(rest)
    elif arguments[:1] == ["sweep"]:  # which reads its own flags for the same reason
        from operant.cli.habits import algorithm_first
        from operant.cli.sweep import sweep, usage

        rest = algorithm_first(arguments[1:])
        if not rest or rest[0].startswith("-"):
            print(usage(rest))
        else:
            sweep(rest)
    else:
        from operant.cli.commands import COMMANDS
        from operant.cli.flags import types
        from operant.cli.habits import refuse_renamed
        from operant.cli.parsing import dispatch

        if arguments and arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
            close = get_close_matches(arguments[0], COMMANDS, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(COMMANDS)}."
            raise WrongInput(f"unknown command {arguments[0]!r}. {hint}")
        refuse_renamed(arguments)
        dispatch(COMMANDS, DESCRIPTION, arguments or ["--help"], types())
