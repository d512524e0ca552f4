"""What can go wrong at the command line, told apart so that each gets its exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class WrongInput(Exception):
    """Something was asked for that cannot be done; the message says what can."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with what to do next."""


@contextmanager
def from_input() -> Iterator[None]:
    """What fails in this block is the fault of what was typed."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (ValueError, OSError, ImportError) as error:
        raise WrongInput(str(error)) from error
