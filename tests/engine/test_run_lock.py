"""One process at a time trains in a run directory, and what a process that is gone left stops nobody."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import warnings
from dataclasses import asdict, replace

import pytest

import operant
from operant.engine import run_lock
from operant.engine.run_directory import RunDirectory
from operant.engine.run_lock import NAME, Holder, RunInUseError, locked, require_free

HOLDS = """
import sys
from pathlib import Path
from operant.engine.run_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""
SINCE = r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]"


@pytest.fixture
def no_locks(monkeypatch):
    """A file system that does not know locks."""

    def flock(descriptor, how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(run_lock.fcntl, "flock", flock)
    monkeypatch.setattr(run_lock, "_told", True)
    monkeypatch.setattr(run_lock, "PAUSE", 0.0)


def left_by(directory, **changes) -> None:
    """The lock of another process, by default one that runs: the parent of this one."""
    parent = os.getppid()
    holder = replace(Holder.this_process(), pid=parent, started=run_lock.started(parent))
    (directory / NAME).write_text(json.dumps(asdict(replace(holder, **changes))))


def gone() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_locked_in_the_second_process_names_the_first_and_recovers_a_killed_one(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        named = rf"in use: process {holder.pid} on {socket.gethostname()} has been training in it {SINCE}"
        for take in (require_free, lambda path: locked(path).__enter__()):
            with pytest.raises(RunInUseError, match=named):
                take(tmp_path)
        for way in (
            lambda: RunDirectory(tmp_path).check(overwrite=True),
            lambda: RunDirectory.create(tmp_path, {}, overwrite=True),
            lambda: RunDirectory(tmp_path).held().__enter__(),
        ):
            with pytest.raises(operant.RunInUseError, match=str(holder.pid)):
                way()
    finally:
        holder.kill()
        holder.communicate()
    assert (tmp_path / NAME).exists()  # it had no time to delete it
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert os.listdir(tmp_path) == []


def test_locked_lets_a_process_enter_again_and_not_its_other_threads(tmp_path):
    failed = []

    def other_thread():
        try:
            require_free(tmp_path)
        except RunInUseError as error:
            failed.append(str(error))

    with locked(tmp_path):
        with locked(tmp_path / "." / ""):
            pass
        thread = threading.Thread(target=other_thread)
        thread.start()
        thread.join()
        assert (tmp_path / NAME).exists()
    assert len(failed) == 1
    assert "another thread of this process" in failed[0]
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize("locks", [True, False], ids=["with flock", "without"])
@pytest.mark.parametrize("left", ["ended", "id taken anew", "started anew", "nothing", "half", "ours"])
def test_locked_takes_over_what_a_process_that_is_gone_left(tmp_path, request, locks, left):
    if not locks:
        request.getfixturevalue("no_locks")
    match left:
        case "ended":
            left_by(tmp_path, pid=gone())
        case "id taken anew":
            left_by(tmp_path, started="1")
        case "started anew":
            left_by(tmp_path, boot="another")
        case "nothing":
            (tmp_path / NAME).touch()
        case "half":
            (tmp_path / NAME).write_text('{"pid": 12')
        case "ours":
            left_by(tmp_path, **asdict(Holder.this_process()))
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("locks", [True, False], ids=["with flock", "without"])
@pytest.mark.parametrize("who", ["a process of this host", "another host"])
def test_locked_does_not_take_over_from_one_that_may_be_there(tmp_path, request, locks, who):
    """With locks, too: not every file system that says it locks does so between machines."""
    if not locks:
        request.getfixturevalue("no_locks")
    changes = {"host": "elsewhere", "boot": "another"} if who == "another host" else {}
    left_by(tmp_path, **changes)
    before = (tmp_path / NAME).read_bytes()
    remedy = f"on elsewhere .*delete .*{NAME} and try again" if changes else f"process {os.getppid()} on"
    with pytest.raises(RunInUseError, match=remedy):
        require_free(tmp_path)
    assert (tmp_path / NAME).read_bytes() == before


def test_locked_tells_a_container_of_this_machine_by_its_lock(tmp_path, no_locks):
    left_by(tmp_path, host="container", pid=1)
    with pytest.raises(RunInUseError, match="cannot be known"):
        require_free(tmp_path)
    assert Holder.this_process().boot, "this test needs /proc"
    assert replace(Holder.this_process(), host="container").gone(locks=True)


def test_locked_says_once_that_there_are_no_locks(tmp_path, no_locks, monkeypatch):
    monkeypatch.setattr(run_lock, "_told", False)
    with pytest.warns(UserWarning, match="cannot be locked.*No locks available"), locked(tmp_path):
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with locked(tmp_path):
            assert (tmp_path / NAME).exists()
    assert os.listdir(tmp_path) == []


def test_locked_without_locks_is_by_the_last_of_two_that_write_at_once(tmp_path, no_locks, monkeypatch):
    monkeypatch.setattr(run_lock.time, "sleep", lambda seconds: left_by(tmp_path))
    with pytest.raises(RunInUseError, match=str(os.getppid())), locked(tmp_path):
        pass


def test_locked_takes_a_lock_anew_that_was_deleted_just_before_it_was_had(tmp_path, monkeypatch):
    """Else two would each lock a file of its own."""
    calls = []

    def flock(descriptor, how):
        calls.append(descriptor)
        if len(calls) == 1:
            (tmp_path / NAME).unlink()

    monkeypatch.setattr(run_lock.fcntl, "flock", flock)
    with locked(tmp_path):
        assert (tmp_path / NAME).exists()
    assert len(calls) == 2


def test_locked_does_not_write_through_a_link_and_refuses_a_deleted_directory(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("kept")
    run = tmp_path / "run"
    run.mkdir()
    (run / NAME).symlink_to(precious)
    with locked(run):
        assert not (run / NAME).is_symlink()
        shutil.rmtree(run)
        run.mkdir()
        (run / NAME).write_text("somebody else's")
    assert precious.read_text() == "kept"
    assert (run / NAME).read_text() == "somebody else's"


def test_locked_ends_with_its_process_and_not_with_a_forked_one(tmp_path):
    """Environments are stepped in processes, which may outlive the one that was killed."""
    code = """
import os, signal, sys, time
from pathlib import Path
from operant.engine.run_lock import locked
with locked(Path(sys.argv[1])):
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(60)
    time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        orphan = int(first.stdout.readline())
        first.wait()
        try:
            with locked(tmp_path):
                pass
        finally:
            os.kill(orphan, 9)
