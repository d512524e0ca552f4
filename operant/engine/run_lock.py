"""One process at a time trains in a run directory.

Who does stands in `.operant-lock`, which is there only meanwhile, and that file is locked with `flock`: the system lets
go of it when the process ends, however it ends. So it is on ext4, xfs, btrfs, overlayfs, tmpfs, APFS, and between the
machines of NFS, CephFS and Lustre (mounted with `flock`). Where a file system or the system (Windows) has no such lock,
what the file says decides alone: whether that process is still there, told from a later one of the same id by when it
was started.
"""

from __future__ import annotations

import datetime
import json
import os
import socket
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from operant.engine.files import writing

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NAME = ".operant-lock"
PAUSE = 0.05  # seconds after which what was written without a lock is looked at again

_held: dict[Path, tuple[int, int]] = {}  # {directory: (thread, descriptor)} of this process
_guard = threading.Lock()  # of `_held`
_told = False  # that there are no locks here


class RunInUseError(BlockingIOError):
    """Somebody else is training in this run directory; the message says who, and since when."""


@dataclass(frozen=True)
class Holder:
    """Who trains in a run directory."""

    pid: int
    started: str  # when the process was, in its system's words; "" where that is not known
    host: str
    boot: (
        str  # the present start of the host's system, which its containers share; "" where that is not known
    )
    since: str  # when training began, for people

    @classmethod
    def this_process(cls) -> Holder:
        since = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
        return cls(os.getpid(), started(os.getpid()) or "", socket.gethostname(), _boot(), since)

    @classmethod
    def read(cls, descriptor: int) -> Holder | None:
        """Whom a lock names; None where it was not finished, or is none."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        try:
            holder = cls(**json.loads(os.read(descriptor, 4096)))
        except (ValueError, TypeError):
            return None
        texts = (holder.started, holder.host, holder.boot, holder.since)
        whole = type(holder.pid) is int and all(isinstance(text, str) for text in texts)
        return holder if whole else None

    def gone(self, locks: bool) -> bool | None:
        """Whether the process has ended; None where that cannot be known here. `locks`: nobody has the file locked."""
        same_host = self.host == socket.gethostname()
        if self.boot != _boot():  # the host was started anew since, or is another
            return True if same_host else None
        if not same_host:  # a container of this machine, in which processes have other ids
            return True if locks and self.boot else None
        if self.pid == os.getpid():  # what a training of ours left that holds it no longer
            return True
        now = started(self.pid)
        if now is None:
            return True
        return now != self.started if now and self.started else None

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} has been training in it since {self.since}"


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """In this block nobody else trains in a directory, which must be there. The same thread may enter it again.

    What a process that has ended left is taken over. Raises RunInUseError naming whoever trains there, or whoever did
    on another host, of which it cannot be known whether it still does.
    """
    key, thread = directory.resolve(), threading.get_ident()
    with _guard:
        holder = _held.get(key)
        if holder is None:
            _held[key] = (thread, _take(directory))
        elif holder[0] != thread:
            raise RunInUseError(f"{directory} is in use: another thread of this process is training in it.")
    try:
        yield
    finally:
        # Not ours any more in a process that was forked meanwhile and leaves this block as well.
        if holder is None and (mine := _held.pop(key, None)) is not None:
            _let_go(key / NAME, mine[1])


def require_free(directory: Path) -> None:
    """Raise as `locked` does where somebody else trains in a directory."""
    if os.path.lexists(directory / NAME):
        with locked(directory):
            pass


def started(pid: int) -> str | None:
    """When a process was started, in its system's words; "" if that cannot be known, None if there is no such one."""
    if os.path.exists("/proc/self/stat"):
        try:
            state, *fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if state in "ZX" else fields[18]  # one that has ended and was not yet waited for
    try:
        ps = subprocess.run(
            ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return ps.stdout.strip() or None


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _take(directory: Path) -> int:
    """The open lock of a directory, with this process in it."""
    path = directory / NAME
    while True:
        if path.is_symlink():  # somebody's, who would be written to
            path.unlink()
        with writing(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            locks = _flock(descriptor, directory)
            if locks and not _is_at(descriptor, path):  # its holder deleted it just before we had it
                os.close(descriptor)
                continue
            _require_gone(descriptor, directory, locks)
            _write(descriptor, directory, locks)
        except BaseException:
            with suppress(OSError):
                os.close(descriptor)
            raise
        return descriptor


def _flock(descriptor: int, directory: Path) -> bool:
    """Lock a file; False where that is not supported. Raises RunInUseError where somebody else has."""
    try:
        if fcntl is None:
            raise OSError("this system has no flock")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = Holder.read(descriptor) or "another process is training in it"
        raise RunInUseError(
            f"{directory} is in use: {holder}. Let it end, or choose another --run-dir (run_dir)."
        ) from None
    except OSError as error:
        global _told
        if not _told:
            _told = True
            warnings.warn(
                f"{directory} lies where files cannot be locked ({error}): its {NAME} alone tells whether somebody "
                "else trains in it, which may miss what starts at the same moment.",
                stacklevel=2,
            )
        return False
    return True


def _require_gone(descriptor: int, directory: Path, locks: bool) -> None:
    """Raise RunInUseError unless whoever is named in a lock has ended."""
    holder = Holder.read(descriptor)
    gone = holder is None or holder.gone(locks)
    if gone is False:
        raise RunInUseError(
            f"{directory} is in use: {holder}. Let it end, or choose another --run-dir (run_dir)."
        )
    if gone is None:
        raise RunInUseError(
            f"{directory} may be in use: {holder}, and whether it still does cannot be known on "
            f"{socket.gethostname()}. If it has ended, delete {directory / NAME} and try again."
        )


def _write(descriptor: int, directory: Path, locks: bool) -> None:
    """Put this process into a lock. Without a lock, whoever wrote last has it."""
    mine = Holder.this_process()
    with writing(directory / NAME):
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, json.dumps(asdict(mine)).encode() + b"\n")
    if not locks:
        time.sleep(PAUSE)
        if Holder.read(descriptor) != mine:
            _require_gone(descriptor, directory, locks)


def _let_go(path: Path, descriptor: int) -> None:
    try:
        if _is_at(
            descriptor, path
        ):  # else the directory was deleted, and perhaps made again by somebody else
            path.unlink()
    except OSError:  # Windows deletes no open file; one that names nobody is free
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
    os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _forked() -> None:
    """A process that is forked trains nothing of this one's, and must not keep what it trains in locked."""
    global _guard
    _guard = threading.Lock()
    for _, descriptor in _held.values():
        os.close(descriptor)
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
