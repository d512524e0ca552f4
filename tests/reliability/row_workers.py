"""R16: workers on Ray are killed, stand still, are cut off or fail; so are those of a sweep, and the learner itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import gymnasium as gym
import jax
import numpy as np

import operant
from operant import cluster
from operant.algorithms.advice import TrainingWarning
from operant.engine.checkpoint import latest_checkpoint
from tests.reliability import networks
from tests.reliability.rows import Row

NEEDS = ("ray",)
ALGORITHMS = ("impala", "appo", "ppo", "pqn", "a3c")
KINDS = {  # what happens, and in how many cases
    "a worker is killed": 24,
    "a worker stands still": 8,
    "an environment raises": 8,
    "the learner is killed": 8,
    "a node is lost": 3,
    "a node stands still": 3,
    "the network of a node is cut": 3,
    "a sweep's worker is killed": 6,
}
ROW = Row(
    "R16",
    "workers on Ray: killed with SIGKILL (24), stopped (8), raising (8); the learner killed (8); a node of a cluster "
    "of three killed (3), stopped (3) or cut off from the network (3); a sweep's worker killed (6)",
    passes="the run goes on with all workers, says so once, counts every rollout once, and leaves no process; a "
    "killed learner and a sweep end bit-identical to those to which nothing happened",
    full=sum(KINDS.values()),
    fast=(),
)
ROLLOUT, MORE = 16, 3  # steps of a rollout; rollouts of every worker after which a run is seen to go on
TOTAL = 1_024


def case(index: int, directory: Path) -> None:
    kind, number = kind_of(index)
    HAPPENS[kind](number, directory)


def kind_of(index: int) -> tuple[str, int]:
    """What happens in a case, and the how manyth of its kind it is."""
    for kind, count in KINDS.items():
        if index < count:
            return kind, index
        index -= count
    raise IndexError(index)


def made(number: int, env: Any = "CartPole-v1", **values: Any) -> operant.Agent:
    """A small agent with two workers, each time of another algorithm."""
    usual = {"preset": None, "num_envs": 2, "n_steps": ROLLOUT // 2, "network": {"hidden_sizes": (4,)}}
    usual |= {"backend": "gymnasium", "workers": 2, "worker_type": "ray", "seed": number}
    name = ALGORITHMS[number % len(ALGORITHMS)]
    own = {"batch_size": ROLLOUT} if name in ("appo", "ppo", "pqn") else {}
    return operant.make(name, env, **usual | own | values)


def processes(agent: operant.Agent) -> list[cluster.Process]:
    return agent.learner.loop.actors.each[0]._crew.processes


def about(process: cluster.Process) -> dict[str, Any]:
    return json.loads(process.answer(process.at_once("ping")))


def require_going_on(agent: operant.Agent, happen: Callable[[], Any]) -> list[str]:
    """A run in which `happen()` is called once both workers have played; what it warned of.

    Both play on afterwards, and every rollout is counted once.
    """
    played: list[int] = [0, 0]
    happened = False

    def look(progress: Any) -> bool:
        nonlocal happened
        now = [one.number for one in agent.learner.loop._exchange._known]
        if any(one < before + MORE for one, before in zip(now, played, strict=True)):
            return True
        if happened:
            return False
        happened = True
        happen()
        played[:] = [one.number for one in agent.learner.loop._exchange._known]
        return True

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        agent.learn(10**7, callback=look, log_interval=64, progress_bar=False)
    assert happened
    assert agent.history[-1]["time/workers"] == 2
    assert agent.step == agent.history[-1]["time/iterations"] * ROLLOUT
    return [str(one.message) for one in caught if one.category is TrainingWarning]


def killed_worker(number: int, directory: Path) -> None:
    pids: list[int] = []
    with made(number) as agent:

        def kill() -> None:
            pids.extend(about(process)["pid"] for process in processes(agent))
            os.kill(pids[number % 2], signal.SIGKILL)

        (said,) = require_going_on(agent, kill)
        pids.extend(about(process)["pid"] for process in processes(agent))
    assert f"its process {pids[number % 2]} on " in said, said
    require_ended(pids)


def stopped_worker(number: int, directory: Path) -> None:
    pids: list[int] = []
    with mock.patch("operant.cluster.process.SILENCE", 2.0), made(number) as agent:

        def stop() -> None:
            pids.extend(about(process)["pid"] for process in processes(agent))
            os.kill(pids[number % 2], signal.SIGSTOP)

        (said,) = require_going_on(agent, stop)
        pids.extend(about(process)["pid"] for process in processes(agent))
    assert "has given no sign of life for 2 s" in said, said
    require_ended(pids)


def failing(directory: str) -> Callable[[], gym.Env]:
    """An environment that raises once a file says so; the one that does takes the file away."""

    def environment() -> gym.Env:
        class Failing(gym.Wrapper):
            def step(self, action: Any) -> Any:
                try:
                    os.unlink(os.path.join(directory, "fail"))
                except OSError:
                    return self.env.step(action)
                raise KeyError("now")

        return Failing(gym.make("CartPole-v1"))

    return environment


def raising_environment(number: int, directory: Path) -> None:
    with made(number, failing(str(directory))) as agent:
        (said,) = require_going_on(agent, (directory / "fail").touch)
    assert "KeyError: 'now'" in said, said


LEARNER = """
import sys
from pathlib import Path
from tests.reliability.row_workers import TOTAL, learner
run, number = Path(sys.argv[1]), int(sys.argv[2])
with learner(number) as agent:
    agent.learn(TOTAL, run_dir=run, checkpoint_every=64, log_interval=64, progress_bar=False,
                callback=lambda progress: print(progress.step, flush=True))
"""


def learner(number: int) -> operant.Agent:
    """A run with the same numbers every time: its workers play in turns, natively."""
    return made(number, backend="native", fixed_lag=1)


def killed_learner(number: int, directory: Path) -> None:
    with learner(number) as whole:
        whole.learn(
            TOTAL, run_dir=directory / "whole", checkpoint_every=64, log_interval=64, progress_bar=False
        )
    run = directory / "run"
    command = [sys.executable, "-c", LEARNER, str(run), str(number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 256 + 64 * (number % 4):
                process.kill()
                break
    assert process.wait() == -signal.SIGKILL
    assert latest_checkpoint(run / "checkpoints") is not None
    with operant.resume(run, progress_bar=False) as resumed:
        assert resumed.step == TOTAL == whole.step
        for one, other in zip(*map(jax.tree.leaves, (whole.state, resumed.state)), strict=True):
            np.testing.assert_array_equal(one, other)


@contextmanager
def nodes(count: int) -> Iterator[tuple[Any, list[Any]]]:
    """A Ray cluster on this machine: its head, which has room for one worker, and others with room for two."""
    from ray.cluster_utils import Cluster

    with mock.patch.dict(os.environ):
        os.environ.pop(cluster.VARIABLE, None)
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        try:
            yield made, [made.add_node(num_cpus=2) for _ in range(count - 1)]
        finally:
            made.shutdown()


def lost_node(number: int, directory: Path) -> None:
    with nodes(3) as (made_of, others), made(number, ray_address=made_of.address) as agent:
        lost: list[str] = []

        def lose() -> None:
            places = [about(process)["node"] for process in processes(agent)]
            node = next(node for node in others if node.node_id in places)
            lost.append(node.node_id)
            made_of.remove_node(node, allow_graceful=False)

        said = require_going_on(agent, lose)
        places = [about(process)["node"] for process in processes(agent)]
    assert lost[0] not in places
    assert 1 <= len(said) <= 2, said  # as many as lived there


def stopped_node(number: int, directory: Path) -> None:
    """Nothing comes from a node any more, and none of its connections is closed: all its processes stand still."""
    stopped: list[int] = []
    with (
        mock.patch("operant.cluster.process.SILENCE", 2.0),
        nodes(3) as (made_of, others),
        made(number, ray_address=made_of.address) as agent,
    ):
        cut: list[str] = []

        def stop() -> None:
            told = [about(process) for process in processes(agent)]
            node = next(node for node in others if any(one["node"] == node.node_id for one in told))
            cut.append(node.node_id)
            stopped.extend(one["pid"] for one in told if one["node"] == node.node_id)
            stopped.extend(info.process.pid for each in node.all_processes.values() for info in each)
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)

        try:
            said = require_going_on(agent, stop)
            places = [about(process)["node"] for process in processes(agent)]
        finally:
            for pid in filter(_runs, stopped):
                os.kill(pid, signal.SIGCONT)
    assert cut[0] not in places
    assert 1 <= len(said) <= 2, said


def cut_off_node(number: int, directory: Path) -> None:
    """The cable of a node in a network of its own is pulled; when it is back, what lived there has been given up."""
    lost: list[int] = []
    with (
        mock.patch("operant.cluster.process.SILENCE", 2.0),
        networks.networks(2) as others,
        networks.ray_cluster(others),
        made(number, ray_address="auto") as agent,
    ):
        cut: list[networks.Network] = []

        def pull() -> None:
            told = [about(process) for process in processes(agent)]
            network = next(one for one in others if any(each["host"] == one.address for each in told))
            lost.extend(each["pid"] for each in told if each["host"] == network.address)
            cut.append(network)
            network.cut()

        said = require_going_on(agent, pull)
        assert cut[0].address not in [about(process)["host"] for process in processes(agent)]
        assert 1 <= len(said) <= 2, said
        cut[0].mend()
        require_ended(lost, 60)


def killed_sweep(number: int, directory: Path) -> None:
    """The trials, their scores and their curves, next to those of a sweep to which nothing happens."""
    from operant.sweeps.remote import Crew
    from tests.sweeps import small

    asked = small.request({"learning_rate": "0.1:1"}, workers=2, checkpoint_seconds=0.0, seed=number)
    killed, said = [], []
    for name in ("whole", "killed"):
        with closing(Crew(asked, small.SOURCE, None, said.append)) as crew:

            def kill(count: int, watch: Any, crew: Crew = crew, wanted: bool = name == "killed") -> None:
                place = number % 2
                mine = [group for group in crew._groups if group.place == place]
                if wanted and not killed and any(r.step for group in mine for r in group.records.values()):
                    killed.append(about(crew.processes[place])["pid"])
                    os.kill(killed[0], signal.SIGKILL)

            small.run(asked, directory / name, crew=crew, tell=kill, say=said.append)
    assert len(killed) == 1
    assert small.files(directory / "killed") == small.files(directory / "whole")


def require_ended(pids: list[int], seconds: float = 15) -> None:
    """No process is left within some seconds."""
    deadline = time.monotonic() + seconds
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline, pids
        time.sleep(0.1)


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


HAPPENS: dict[str, Callable[[int, Path], None]] = dict(
    zip(
        KINDS,
        (
            *(killed_worker, stopped_worker, raising_environment, killed_learner),
            *(lost_node, stopped_node, cut_off_node, killed_sweep),
        ),
        strict=True,
    )
)
