"""Sweeps whose trials are trained in processes of Ray's: the same trials, whatever happens to a process."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from operant import cluster
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.groups import Interrupted
from operant.sweeps.remote import Crew, RemoteGroup
from tests.sweeps import small

pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def _on_ray():
    """Ray, which all tests share."""
    share = cluster.Share(None, 3)
    yield
    share.close()


def asked(**values):
    return small.request({"learning_rate": "0.1:1"}, workers=2, checkpoint_seconds=0.0, **values)


def remote(request, path, say=lambda line: None, **options):
    with closing(Crew(request, small.SOURCE, None, say)) as crew:
        return crew, small.run(request, path, say=say, crew=crew, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The directory of a sweep to which nothing happened."""
    path = tmp_path_factory.mktemp("sweep") / "whole"
    remote(asked(), path)
    return path


def ended(pid: int) -> bool:
    """Whether a process ends within some seconds."""
    deadline = time.monotonic() + 15
    while Path(f"/proc/{pid}").exists() and "(zombie)" not in Path(f"/proc/{pid}/status").read_text():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def scores_of(path: Path) -> list:
    return [(t.point, t.status, t.scores) for t in SweepDirectory(path).trials()]


def steps_of(crew, place) -> int:
    """How far a process has come."""
    return sum(r.step for group in crew._groups if group.place == place for r in group.records.values())


def pid_of(process) -> int:
    return json.loads(process.answer(process.at_once("ping")))["pid"]


def test_crew_trains_the_trials_that_one_process_trains(whole, tmp_path):
    alone = small.run(small.request(), tmp_path / "alone")
    apart = small.run(asked(), whole)  # reads them
    assert [t.point for t in apart] == [t.point for t in alone]
    assert [t.status for t in apart] == [t.status for t in alone]
    assert [t.steps for t in apart] == [t.steps for t in alone]
    for one, other in zip(apart, alone, strict=True):
        assert [s.step for s in one.scores] == [s.step for s in other.scores]
        np.testing.assert_allclose(
            [s.seeds for s in one.scores], [s.seeds for s in other.scores], rtol=1e-5, atol=1e-5
        )
        np.testing.assert_allclose(one.returns, other.returns, rtol=1e-5, atol=1e-5)


def test_crew_divides_each_program_among_the_processes(tmp_path):
    request = small.request({"learning_rate": "0.1:1", "num_envs": [1, 2]}, workers=2, trials=9)
    with closing(Crew(request, small.SOURCE, None, print)) as crew:
        seen = []

        def look(count, watch):
            seen.append([(g.place, tuple(t.point["num_envs"] for t in g._trials)) for g in crew._groups])

        small.run(request, tmp_path / "sweep", crew=crew, tell=look)
    for place, copies in seen[0]:
        assert place in (0, 1)
        assert len(set(copies)) == 1
    loads = [sum(len(copies) for place, copies in seen[0] if place == p) for p in (0, 1)]
    assert sum(loads) == 9
    assert max(loads) - min(loads) <= 1


def test_crew_goes_on_when_its_processes_are_killed(whole, tmp_path):
    """Each in turn, again and again: the same trials to the last bit."""
    killed, said, reached = [], [], [0, 0]
    request = asked()

    def kill(count, watch):
        place = len(killed) % 2
        step = steps_of(crew, place)
        if step > reached[place]:  # it has come further since it was killed
            reached[place] = step
            with suppress(cluster.ProcessLost):  # it is being replaced
                killed.append(pid_of(crew.processes[place]))
                os.kill(killed[-1], signal.SIGKILL)

    with closing(Crew(request, small.SOURCE, None, said.append)) as crew:
        small.run(request, tmp_path / "sweep", crew=crew, tell=kill)
    assert len(set(killed)) == len(killed) >= 2
    assert small.files(tmp_path / "sweep") == small.files(whole)
    lines = [line for line in said if "Its trials go on in another one" in line]
    assert 1 <= len(lines) <= len(killed)


def test_crew_stops_when_it_is_told_to_and_goes_on(whole, tmp_path):
    request, stops = asked(), 0
    while True:
        with closing(Crew(request, small.SOURCE, None, print)) as crew:
            begun: list[int] = []

            def stop(count, watch, crew=crew, begun=begun):
                begun.append(steps_of(crew, 0))
                watch.stop = begun[-1] > begun[0]

            try:
                small.run(request, tmp_path / "sweep", crew=crew, tell=stop)
                break
            except Interrupted:
                stops += 1
    assert 0 < stops < 9
    # Where it was stopped in its first chunk, its curve has other points than one that was not.
    assert scores_of(tmp_path / "sweep") == scores_of(whole)


def test_crew_leaves_no_process_and_no_file(tmp_path):
    def files():
        return set(Path(tempfile.gettempdir()).glob("operant-sweep-*"))

    before = files()  # that processes which were killed have left
    with closing(Crew(asked(), small.SOURCE, None, print)) as crew:
        small.run(asked(), tmp_path / "sweep", crew=crew)
        pids = list(map(pid_of, crew.processes))
    assert all(map(ended, pids))
    until = time.monotonic() + 20  # other tests may have theirs for a moment
    while files() - before and time.monotonic() < until:
        time.sleep(0.1)
    assert not files() - before


def test_crew_that_is_always_lost_ends_the_sweep(monkeypatch, tmp_path):
    def lost(self, *arguments):
        raise cluster.ProcessLost("its process 7 on here has ended.")

    monkeypatch.setattr(RemoteGroup, "_go_on", lost)
    with pytest.raises(RuntimeError, match=r"workers=2: 3 processes.*at step 0.*train fewer together"):
        remote(asked(), tmp_path / "sweep")


@pytest.mark.parametrize(
    ("nodes", "processes", "cores"),
    [((4, 4), 2, 4), ((3, 3), 3, 1), ((8, 2), 3, 2), ((5,), 2, 2), ((2, 2), 9, 1)],
)
def test_crew_has_as_many_cores_each_as_leave_room_for_all(monkeypatch, nodes, processes, cores):
    told = [{"Alive": True, "Resources": {"CPU": float(n)}} for n in nodes]
    told.append({"Alive": False, "Resources": {"CPU": 64.0}})
    monkeypatch.setattr("operant.cluster.connection.library", lambda: SimpleNamespace(nodes=lambda: told))
    monkeypatch.setattr("operant.cluster.connection.RAY.local", False)
    assert cluster.Share.cores_each(SimpleNamespace(), processes) == cores


def test_crew_raises_what_a_process_raises(monkeypatch, tmp_path):
    monkeypatch.setattr("operant.version.__version__", "0")
    monkeypatch.setattr("operant.sweeps.remote.__version__", "0.0.0")
    with pytest.raises(RuntimeError, match=r"0\.0\.0 where training does: install the same everywhere"):
        remote(asked(), tmp_path / "sweep")
