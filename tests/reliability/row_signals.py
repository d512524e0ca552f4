"""Signals that ask a run to end, in every phase of it."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from operant.cli import main
from operant.engine.checkpoint import latest_checkpoint, read_manifest
from tests.reliability.rows import Row

PHASES = (
    *(
        "import",
        "compiling",
        "warm-up",
        "warm-up through Gymnasium",
        "rollout",
        "rollout in processes",
        "update",
    ),
    *("last checkpoint", "evaluation", "score", "film", "report", "several seeds"),
)
SIGNALS = ((signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGINT))
ROW = Row(
    "R6",
    "signals at every phase: Ctrl-C, SIGTERM, Ctrl-C twice, and a terminal that is closed",
    passes="ends within 5 s with 130, 143 or 129, no process left, a checkpoint, and the command it names goes on",
    full=3 * len(PHASES) + 1,
    fast=(3 * PHASES.index("last checkpoint") + 2,),
)
STRICT = 5.0  # seconds from the signal to the end; under the tests, on a busy machine, the patience of `wait`
PPO = "--n-steps 32 --batch-size 32 --n-epochs 1 --num-envs 2"
DQN = "--learning-starts 64 --buffer-size 256 --batch-size 8"
QUICK = "--no-progress --episodes 1 --no-pictures"
FLAGS = {
    "warm-up": f"dqn CartPole-v1 {DQN}",
    "warm-up through Gymnasium": f"dqn CartPole-v1 {DQN} --backend gymnasium",
    "rollout": f"ppo CartPole-v1 {PPO} --backend gymnasium",
    "rollout in processes": f"ppo CartPole-v1 {PPO} --backend gymnasium --vectorization async",
    "update": f"ppo CartPole-v1 {PPO} --backend gymnasium",
    "evaluation": f"ppo CartPole-v1 {PPO} --evaluate-every 64 --evaluation-episodes 1",
    "several seeds": f"ppo CartPole-v1 {PPO} --seeds 2",
}


def case(index: int, directory: Path) -> None:
    """A signal, or two, in the phase of this number."""
    closed = ("rollout", (signal.SIGHUP,))
    phase, signals = (PHASES[index // 3], SIGNALS[index % 3]) if index < 3 * len(PHASES) else closed
    flags = f"train {FLAGS.get(phase, f'ppo CartPole-v1 {PPO}')} {QUICK} --total-timesteps 256 --run-dir run"
    flags += " --no-video" * (phase != "film")
    program = [sys.executable, str(Path(__file__).with_name("signalled.py")), phase, str(directory)]
    with subprocess.Popen(
        [*program, *shlex.split(flags)],
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            wait(lambda: (directory / "begun").exists() or process.poll() is not None)
            sent = time.monotonic()
            for number in signals:  # to the whole group, as a terminal does
                with contextlib.suppress(ProcessLookupError):  # it has ended early, and says why
                    os.killpg(process.pid, number)
                time.sleep(0.3)
            (directory / "sent").touch()
            output, errors = process.communicate(timeout=120)
            took = time.monotonic() - sent
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    told = f"{phase}, {[number.name for number in signals]}: {output}\n{errors}"
    assert process.returncode == 128 + signals[-1], f"exit status {process.returncode}; {told}"
    assert "Traceback" not in errors, told
    assert took < STRICT or "PYTEST_CURRENT_TEST" in os.environ, f"{took:.1f} s; {told}"
    wait(lambda: not members(process.pid))
    go_on(phase, directory, errors, told)


def go_on(phase: str, directory: Path, errors: str, told: str) -> None:
    """Type the command that the process has named in the end."""
    if phase == "import":
        assert not (directory / "run").exists(), told
        return
    hint = re.search(r"(go on|start again) with `operant (.*)`", errors)
    assert hint, told
    checkpoint = latest_checkpoint(directory / "run" / "checkpoints")
    assert (checkpoint is not None) == (phase != "compiling"), told
    if checkpoint is not None:
        read_manifest(checkpoint)
        assert hint[1] == "go on", told
    more = QUICK.split() if hint[1] == "go on" else []
    with contextlib.chdir(directory):
        assert main([*shlex.split(hint[2]), *more, *["--no-video"] * (hint[1] == "go on")]) == 0, told
    assert (directory / "run" / "report.html").exists(), told


def members(session: int) -> list[int]:
    """The processes of a session that are still there."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(path.parent.name))
    return found


def wait(until: Any, seconds: float = 120) -> None:
    """Wait for it, and fail where it does not come."""
    end = time.monotonic() + seconds
    while not until():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
