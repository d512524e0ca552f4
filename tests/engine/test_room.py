"""What does not fit into memory is refused before it is allocated, and the argument at fault is named."""

from __future__ import annotations

import subprocess
import sys
from textwrap import dedent
from types import SimpleNamespace

import jax
import pytest

import operant
from operant import memory
from operant.agent import Agent
from operant.algorithms.value.dqn import DQN
from operant.engine import room
from operant.engine.train import chunk_size
from operant.networks import Network
from operant.plans import Rollout

NETWORK = Network(hidden_sizes=(8,), initialization="uniform")


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """One that has 24 GB."""
    monkeypatch.setattr(memory, "of_host", lambda: 24 * 10**9)


def arrays(tree):
    return sum(x.nbytes for x in jax.tree.leaves(tree))


def test_replay_bytes_and_the_demand_are_what_is_allocated():
    dqn = DQN(buffer_size=1_000, priority=True, network=NETWORK)
    agent = Agent(dqn, "CartPole-v1", num_envs=2, seeds=2)
    run = agent.learner.started(return_experience=False)
    assert agent.learner.replay_bytes == arrays(run.replay)
    # two observations of 4 float32, an action, a reward, two flags; p and the sums above it; two counters and a maximum
    assert agent.learner.replay_bytes == 2 * (1_000 * 42 + 4 * (1_008 + 64 + 16) + 12)
    parts = agent.learner._demand().parts()
    assert parts["what it learns"] == arrays(run.state)
    assert parts["statistics"] == arrays(run.statistics)
    assert parts["experience"] >= 2 * 2 * 4 * 42  # of two learners, in two environments each, four steps


def test_demand_counts_a_rollout_step_by_step():
    parts = [
        operant.PPO("CartPole-v1", preset=None, n_steps=steps).learner._demand().parts()["experience"]
        for steps in (64, 128)
    ]
    assert (
        parts[1] - parts[0]
    ) / 64 >= 16 + 16 + 4 + 4 + 1 + 1  # two observations, action, reward, two flags


HUGE = {
    "seeds": lambda: operant.PPO("CartPole-v1", seeds=2_000_000_000),
    "num_envs": lambda: operant.PPO("CartPole-v1", num_envs=10**9),
    "n_steps": lambda: operant.PPO("CartPole-v1", n_steps=10**9),
    "batch_size": lambda: operant.DQN("CartPole-v1", batch_size=10**10),
    "gradient_steps": lambda: operant.DQN("CartPole-v1", gradient_steps=10**9),
    "n_step": lambda: operant.DQN("CartPole-v1", n_step=10**9),
    "buffer_size": lambda: operant.DQN("CartPole-v1", buffer_size=10**12),
    "stats_window_size": lambda: operant.PPO("CartPole-v1", stats_window_size=10**10),
    "network.hidden_sizes": lambda: operant.PPO("CartPole-v1", network={"hidden_sizes": (10**9,)}),
    "network.memory_size": lambda: operant.DQN(
        "CartPole-v1", network={"memory": "gru", "memory_size": 10**6}
    ),
    "max_steps": lambda: operant.make("cem", "CartPole-v1", max_steps=10**9),
    "population_size": lambda: operant.make("genetic", "CartPole-v1", population_size=10**10),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("argument", HUGE)
def test_too_large_names_the_argument_at_fault_and_leaves_nothing(argument, tmp_path):
    with pytest.raises(
        memory.TooLarge, match=rf"^{argument}=.*[TPG]B of memory.*; 24\.0 GB are available\. "
    ) as refusal:
        HUGE[argument]().learn(64, run_dir=tmp_path / "run", progress_bar=False)
    assert f"Set {argument} to less than" in str(refusal.value) or "network" in argument
    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("ignore")
def test_require_room_lets_through_what_is_said_to_fit():
    with pytest.raises(memory.TooLarge) as refusal:
        operant.DQN("CartPole-v1", buffer_size=10**12).learner.require_room()
    most = int(str(refusal.value).rpartition(" ")[2].rstrip(".").replace(",", "")) - 1
    operant.DQN("CartPole-v1", buffer_size=most).learner.require_room()
    with pytest.raises(memory.TooLarge):
        operant.DQN("CartPole-v1", buffer_size=most + most // 1000).learner.require_room()


@pytest.mark.parametrize(
    ("how", "most"), [("sync", 24 * 10**9 // room.OBJECT), ("async", 24 * 10**9 // room.PROCESS)]
)
def test_too_large_counts_environments_in_python_before_they_are_made(how, most, monkeypatch):
    how = {"backend": "gymnasium", "vectorization": how}
    agent = operant.PPO("CartPole-v1", preset=None, n_steps=2, batch_size=4, num_envs=most, **how)
    monkeypatch.setattr(type(agent.source), "host", lambda *_: pytest.fail("environments were made"))
    with pytest.raises(memory.TooLarge, match=rf"^num_envs={most}: .* most of it for environments"):
        agent.learn(64, progress_bar=False)


ENDLESS = {
    "agent": lambda: operant.make("random", "CartPole-v1").evaluate(10**12, deterministic=False),
    "written": lambda: operant.ScriptedPolicy.named("scripted").evaluate(10**12),
    "during": lambda: operant.PPO("CartPole-v1", preset=None, n_steps=64).learn(
        64, progress_bar=False, evaluate_every=64, evaluation_episodes=10**12
    ),
}


@pytest.mark.parametrize("which", ENDLESS)
def test_too_large_refuses_scores_of_more_episodes_than_can_be_kept(which):
    with pytest.raises(
        memory.TooLarge, match=r"episodes=1000000000000: .*24\.0 TB.*24\.0 GB are available\. Set "
    ):
        ENDLESS[which]()


def test_seeds_of_small_tables_are_refused_where_nobody_could_wait_for_them():
    with pytest.raises(ValueError, match=r"seeds=10001: at most 10,000 learners"):
        operant.QLearning("GridWorld", seeds=10_001)


def test_network_too_deep_to_compile_is_refused():
    for name, value in (
        ("hidden_sizes", (8,) * 3000),
        ("convolutions", ((1, 1, 1),) * 101),
        ("memory_layers", 101),
    ):
        with pytest.raises(ValueError, match=rf"network\.{name}=\d+ layers: at most 100"):
            Network(**{name: value})


def test_chunk_size_is_no_longer_than_training():
    assert chunk_size(Rollout(10), 1, 1_000, log_interval=10**30) == 100
    assert chunk_size(Rollout(10), 1, 1_001, log_interval=10**30) == 101
    assert chunk_size(Rollout(10), 1, 5, log_interval=10**30) == 1


def test_available_on_several_devices_is_what_they_have_together(monkeypatch):
    def device(stats):
        return SimpleNamespace(platform="gpu", memory_stats=lambda: stats)

    known = device({"bytes_limit": 1_000, "bytes_in_use": 300})
    assert memory.available([known, known]) == 1_400
    assert memory.available([known, device(None)]) is None
    demand = operant.PPO("CartPole-v1", num_envs=10**6, seeds=2).learner._demand()
    room.require(demand, [device(None)])  # nobody knows: it is tried
    with pytest.raises(memory.TooLarge, match="700 bytes are available"):
        room.require(demand, [known])


def test_of_host_in_a_container_is_what_its_limit_leaves(monkeypatch):
    monkeypatch.undo()  # of the machine above
    files = {"memory.max": None, "memory.current": 400}  # no limit
    monkeypatch.setattr(memory, "_number", lambda path: files[path.name])
    machine = memory.of_host()
    assert machine is None or machine > 600
    files["memory.max"] = 1_000
    assert memory.of_host() == (None if machine is None else 600)


def test_text_of_a_size_is_in_the_largest_unit_that_fits():
    assert [memory.text(n) for n in (7, 1_500, 2_000_000, 7_560_000_000, 42 * 10**12)] == [
        "7 bytes",
        "1.5 kB",
        "2.0 MB",
        "7.6 GB",
        "42.0 TB",
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="the C library of Linux keeps what is freed")
def test_give_back_makes_the_process_smaller_by_what_was_freed():
    script = """
        import ctypes
        from operant import memory
        if not hasattr(ctypes.CDLL(None), "malloc_trim"):
            print("nothing to see")
            raise SystemExit
        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096
        library = ctypes.CDLL(None)
        library.malloc.restype, library.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
        parts = [library.malloc(2**16) for _ in range(3200)]  # 200 MB of parts that come from one heap
        for part in parts:
            ctypes.memset(part, 1, 2**16)
        last = library.malloc(2**16)  # stays, so that the heap cannot shrink from its end
        for part in parts:
            library.free(part)
        before = resident()
        memory.give_back()
        print(before - resident() > 150e6)
    """
    told = subprocess.run([sys.executable, "-c", dedent(script)], capture_output=True, text=True, check=True)
    assert told.stdout.strip() in ("True", "nothing to see")
