"""How much memory replay takes is known, and refused where it is not there, before it is allocated."""

from __future__ import annotations

from types import SimpleNamespace

import jax
import pytest

from operant.agent import Agent
from operant.algorithms.value.dqn import DQN
from operant.cli import main
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.envs.classic.cartpole import CartPole
from operant.envs.host import NativeOnHost
from operant.networks import Network
from operant.replay import size
from operant.types import Replay

NETWORK = Network(hidden_sizes=(8,), initialization="uniform")


def test_the_size_is_that_of_what_is_allocated():
    dqn = DQN(buffer_size=1_000, priority=True, network=NETWORK)
    agent = Agent(dqn, "CartPole-v1", num_envs=2, seeds=2)
    run = agent.learner.started(emit=False)
    assert agent.learner.replay_bytes == sum(x.nbytes for x in jax.tree.leaves(run.replay))
    # two observations of 4 float32, an action, a reward, two flags; p and the sums above it; two counters and a maximum
    assert agent.learner.replay_bytes == 2 * (1_000 * 42 + 4 * (1_008 + 64 + 16) + 12)


@pytest.mark.parametrize("where", ["device", "host"])
@pytest.mark.parametrize("seeds", [None, 2])
def test_what_does_not_fit_is_refused_before_it_is_allocated(where, seeds):
    dqn = DQN(buffer_size=10**12, network=NETWORK)
    if where == "device":
        loop = DeviceLoop(dqn, CartPole(), 1, seeds)
    else:
        loop = HostLoop(dqn, NativeOnHost(CartPole(), seeds or 1), seeds)
    key = jax.random.key(0) if seeds is None else jax.random.split(jax.random.key(0), seeds)
    needed = f"{42 * 10**12 * (seeds or 1) + 8 * (seeds or 1):,} bytes"
    with pytest.raises(
        ValueError, match=rf"buffer_size=1,000,000,000,000 needs {needed}.*are available.*Set buffer_size"
    ):
        loop.begin(key)


def test_the_command_line_shows_the_size_and_refuses_in_one_line(capsys, tmp_path):
    code = main(
        ["train", "dqn", "CartPole-v1", "--buffer-size", str(10**12), "--run-dir", str(tmp_path / "run")]
    )
    assert code == 2
    assert "Set buffer_size to less than" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_room_of_several_devices_is_what_they_have_together():
    def device(stats):
        return SimpleNamespace(platform="gpu", memory_stats=lambda: stats)

    known = device({"bytes_limit": 1_000, "bytes_in_use": 300})
    assert size.available([known, known]) == 1_400
    assert size.available([known, device(None)]) is None
    size.require_room(10**15, Replay(10, 1), [device(None)])  # nobody knows: it is tried
    size.require_room(700, Replay(10, 1), [known])
    with pytest.raises(ValueError, match="needs 701 bytes"):
        size.require_room(701, Replay(10, 1), [known])


def test_a_container_has_what_its_limit_leaves(monkeypatch):
    cpu = [SimpleNamespace(platform="cpu")]
    files = {"memory.max": None, "memory.current": 400}  # no limit
    monkeypatch.setattr(size, "_number", lambda path: files[path.name])
    machine = size.available(cpu)
    assert machine is None or machine > 600
    files["memory.max"] = 1_000
    assert size.available(cpu) == (None if machine is None else 600)


def test_sizes_are_said_in_the_largest_unit_that_fits():
    assert [size.text(n) for n in (7, 1_500, 2_000_000, 7_560_000_000)] == [
        "7 bytes",
        "1.5 kB",
        "2.0 MB",
        "7.6 GB",
    ]
