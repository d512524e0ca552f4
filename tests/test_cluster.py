"""Ray on this machine: what listens, what is left, what is refused; and messages, in which nothing can run."""

from __future__ import annotations

import builtins
import json
import os
import socket
import subprocess
import sys
import textwrap

import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant import cluster
from operant.cli import main
from operant.engine.asynchronous.workers import Workers
from operant.messages import pack, unpack

# Trains on Ray, and says what there was in the meantime, and what was left of it.
SCRIPT = """
import json, os, signal, time
import operant

def descendants():
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            state, parent = open(f"/proc/{name}/stat").read().rsplit(")", 1)[1].split()[:2]
        except OSError:
            continue
        if state != "Z":
            parents[int(name)] = int(parent)
    found = {os.getpid()}
    while more := {p for p, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {os.getpid()}

def listening(processes):
    own = set()
    for process in processes:
        try:
            own |= {os.readlink(f"/proc/{process}/fd/{fd}") for fd in os.listdir(f"/proc/{process}/fd")}
        except OSError:
            pass
    rows = [line.split() for name in ("tcp", "tcp6") for line in open(f"/proc/net/{name}").readlines()[1:]]
    return [row[1].split(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in own]

def main():
    handler = lambda *_: None
    signal.signal(signal.SIGTERM, handler)
    before = sorted(os.listdir("/dev/shm"))
    with operant.IMPALA("CartPole-v1", preset=None, workers=2, worker_type="ray", n_steps=8) as agent:
        agent.learn(64, progress_bar=False)
        crew = agent.learner.loop.actors.each[0]._crew
        there, ports = descendants(), listening({*descendants(), os.getpid()})
        pid = json.loads(crew.processes[0].answer(crew.processes[0].at_once("ping")))["pid"]
        os.kill(pid, signal.SIGSTOP)
        directories = [name for name in os.listdir("/tmp") if name.startswith("operant-ray-")]
        from operant.cluster.connection import RAY
        own = RAY.directory.name
    until = time.monotonic() + 20
    while there & descendants() and time.monotonic() < until:
        time.sleep(0.1)
    print(json.dumps({
        "there": len(there), "left": len(there & descendants()), "ports": ports,
        "known": own in directories, "directory": os.path.exists(f"/tmp/{own}"),
        "shared memory": sorted(os.listdir("/dev/shm")) == before,
        "handler": signal.getsignal(signal.SIGTERM) is handler,
    }))

if __name__ == "__main__":
    main()
"""


def test_ray_share_listens_on_loopback_alone_and_leaves_nothing(tmp_path):
    pytest.importorskip("ray")
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT))
    environment = {name: value for name, value in os.environ.items() if name != cluster.VARIABLE}
    answer = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout.splitlines()[-1])
    assert told.pop("there") > 2
    ports = told.pop("ports")
    assert len(ports) > 3
    assert {address[-8:] for address in ports} == {"0100007F"}  # 127.0.0.1, also as an address of IPv6
    assert told == {
        "left": 0,
        "known": True,
        "directory": False,
        "shared memory": True,
        "handler": True,
    }


def test_ray_is_refused_in_one_line_where_it_is_not_installed(monkeypatch, capsys):
    monkeypatch.setattr("operant.cluster.connection.find_spec", lambda name: None)
    monkeypatch.setattr("operant.cli.training.find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match=r"worker_type='ray': needs an extra: pip install 'operant-rl\[distr"
    ):
        operant.IMPALA("CartPole-v1", workers=2, worker_type="ray", preset=None)
    with pytest.raises(ImportError, match="vectorization='ray': needs an extra"):
        operant.DQN("CartPole-v1", vectorization="ray", preset=None)
    for flags in (["--worker-type", "ray"], ["--ray-address", "auto"], ["--vectorization", "ray"]):
        assert main(["train", "impala", "CartPole-v1", *flags]) == 2
        said = capsys.readouterr().err.strip()
        assert f"{' '.join(flags)}: needs an extra: pip install 'operant-rl[distributed]'." in said
        assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"workers": 2, "worker_type": "process"}, "worker_type='process': must be one of thread, ray"),
        ({"worker_type": "ray"}, "worker_type='ray': it is where workers live. Set workers"),
        ({"ray_address": "auto"}, "ray_address='auto': it is where workers live. Set workers"),
        (
            {"workers": 2, "worker_type": "thread", "ray_address": "auto"},
            "ray_address='auto': workers are threads",
        ),
    ],
)
def test_worker_types_are_refused_that_make_no_sense(values, message):
    pytest.importorskip("ray")
    with pytest.raises(ValueError, match=message):
        operant.IMPALA("CartPole-v1", preset=None, **values)


def test_ray_workers_refuse_an_environment_that_is_made_already():
    pytest.importorskip("ray")
    import gymnasium as gym

    with pytest.raises(ValueError, match="workers=1: every worker has environments of its own"):
        operant.IMPALA(gym.make("CartPole-v1"), preset=None, workers=1, worker_type="ray")


def test_ray_address_implies_workers_on_ray():
    pytest.importorskip("ray")
    agent = operant.IMPALA("CartPole-v1", preset=None, workers=2, ray_address="10.0.0.1:6379")
    assert agent.learner.workers == Workers(2, kind="ray")
    assert agent.learner.workers.address == "10.0.0.1:6379"
    assert agent.config()["worker_type"] == "ray"
    assert "10.0.0.1" not in json.dumps(agent.config())


@pytest.mark.parametrize("address", ["ray://127.0.0.1:10001", "nowhere", "127.0.0.1"])
def test_ray_addresses_are_refused_that_are_none(address):
    with pytest.raises(ValueError, match="must be HOST:PORT, as of `ray start --head`, or auto"):
        cluster.require_listening(address)


def test_ray_address_at_which_nobody_listens_is_refused_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=f"ray_address='127.0.0.1:{port}': nobody listens there"):
            cluster.require_listening(f"127.0.0.1:{port}")


def test_ray_files_are_removed_where_the_process_ends_at_once(monkeypatch, tmp_path):
    (tmp_path / "session").mkdir()
    monkeypatch.setattr("operant.cluster.connection.RAY.directory", tmp_path / "session")
    cluster.abandon()
    assert not (tmp_path / "session").exists()


# messages


def test_unpack_is_the_inverse_of_pack():
    arrays = [
        np.arange(6, dtype=np.uint8).reshape(2, 3),
        None,
        np.float32(2.5),
        jnp.ones((2, 1), jnp.bfloat16),
        np.zeros((0, 3), np.int32),
        np.array([[True], [False]]),
        np.arange(12.0).reshape(3, 4).T,
    ]
    header, got = unpack(pack({"a": [1, None, "x"]}, arrays))
    assert header == {"a": [1, None, "x"]}
    assert len(got) == len(arrays)
    for mine, its in zip(arrays, got, strict=True):
        if mine is None:
            assert its is None
            continue
        assert its.dtype == mine.dtype
        assert its.shape == np.shape(mine)
        np.testing.assert_array_equal(its, np.asarray(mine))
        assert not its.flags.writeable


def test_pack_refuses_objects():
    with pytest.raises(TypeError):
        pack({"a": object()})
    with pytest.raises((TypeError, ValueError)):
        unpack(pack({}, [np.array([object()])]))


def test_errors_of_other_processes_are_of_kinds_that_are_known():
    from operant.envs.gymnasium_checks import EnvironmentFault
    from operant.envs.sent import RemoteError, failure, raised

    class Own(Exception):
        pass

    for error, kind, text in (
        (ValueError("no"), ValueError, "no"),
        (EnvironmentFault("nan"), EnvironmentFault, "nan"),
        (KeyError("key"), KeyError, "'key'"),
        (Own("mine"), RemoteError, "Own: mine"),
        (SystemExit(3), RemoteError, "SystemExit: 3"),
        (UnicodeDecodeError("utf8", b"x", 0, 1, "bad"), RemoteError, "UnicodeDecodeError: 'utf8'"),
    ):
        error.add_note("where it was")
        got = raised(unpack(failure(error))[0])
        assert type(got) is kind
        assert str(got).startswith(text)
        assert got.__notes__[0] == "where it was"
        assert "In the other process:" in got.__notes__[1]
    assert not hasattr(builtins, "Own")


def test_ray_cluster_that_asks_for_a_token_is_refused_with_the_remedy(monkeypatch):
    ray = pytest.importorskip("ray")

    def refuse(*_, **__):
        raise ray.exceptions.AuthenticationError("RPC error: InvalidAuthToken")

    monkeypatch.setattr("operant.cluster.connection.require_listening", lambda address: None)
    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(ValueError, match=r"RPC error: InvalidAuthToken.*joined with RAY_AUTH_MODE=token"):
        cluster.Share("10.0.0.1:6379", 1)
