"""Errors of the command line, each kind with its exit code."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class WrongInput(Exception):
    """Wrong arguments; the message says which are right."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or a signal to end; the message says how to continue, and `code` is the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def exit_code(interruption: KeyboardInterrupt) -> int:
    """The exit code of a process that a signal ended, by the shells' convention: 130 for Ctrl-C, 143 for SIGTERM."""
    if isinstance(interruption, Interrupted):
        return interruption.code
    return 128 + getattr(interruption, "number", signal.SIGINT)


def is_plain(error: BaseException) -> bool:
    """Whether an error says all there is to say, so that no traceback is wanted: a loss that is not finite, a dataset
    or an environment that cannot be learnt from, a disk that is full.
    """
    plain = (
        ("operant.agent.divergence", "DivergedError"),
        ("operant.engine.dataset_spaces", "DatasetError"),
        ("operant.engine.files", "DiskError"),
        ("operant.envs.gymnasium_checks", "EnvironmentFault"),
    )
    kinds = [
        getattr(sys.modules.get(module), name, None) for module, name in plain
    ]  # what is not loaded did not raise
    return isinstance(error, tuple(kind for kind in kinds if kind is not None))


@contextmanager
def from_input() -> Iterator[None]:
    """Turn errors in this block, which come from wrong arguments, into WrongInput."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (ValueError, OSError, ImportError) as error:
        raise WrongInput(as_flag(str(error))) from error


def as_flag(message: str) -> str:
    """A message about a Python argument, `num_envs=0: …`, as one about its flag, `--num-envs 0: …`."""
    return re.sub(
        r"^([a-z][a-z_.]*)=(.+?): ", lambda m: f"--{m[1].replace('_', '-')} {m[2]}: ", message, count=1
    )
