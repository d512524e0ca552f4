"""How a command ends that is asked to where Python cannot answer; in phases of training: tests/reliability."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from operant.cli import ending

SCRIPT = """
import hashlib, os, signal, sys, threading, time
from operant.cli import ending
from operant.engine.watch import Watch

signal.signal(signal.SIGINT, signal.default_int_handler)
ending.GRACE, watch, said = 0.3, Watch(), []
number, what = int(sys.argv[1]), sys.argv[2]

def rescue():
    said.append("kept")
    os.write(1, b"kept ")
    return len(said) > 1

def held_up():  # a signal that comes meanwhile is answered when this is over, in an hour
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

def writing():
    with watch.shielded():
        time.sleep(1.2)
        os.write(1, b"written ")
    held_up()

threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
with ending.answered(), ending.keeping(lambda: watch, lambda: "go on so"):
    ending.SOON = 0.1
    if what == "nothing":
        held_up()
    watch.rescue, watch.phase = rescue, "compiling"
    with watch.listening():
        {"training": held_up, "writing": writing}[what]()
"""


def test_a_command_that_is_over_leaves_no_thread():
    """One that woke up while Python ended took the process down with it: exit status 134 after all was done."""
    before = set(threading.enumerate())
    for _ in range(20):
        with ending.answered():
            pass
        assert set(threading.enumerate()) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize(
    ("what", "expected"),
    [("nothing", ""), ("training", "kept kept "), ("writing", "written kept kept ")],
)
def test_a_call_that_never_returns_is_ended_once_all_is_kept_and_written(number, what, expected):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(int(number)), what],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 128 + number, done.stderr
    assert done.stdout == expected
    assert done.stderr.splitlines()[-1] == "operant: interrupted: go on so"
