"""A Ray cluster of several nodes on this machine, of which one is lost."""

from __future__ import annotations

import json
import warnings

import pytest

import operant
from operant import cluster
from operant.algorithms.advice import TrainingWarning

ray = pytest.importorskip("ray")

pytestmark = pytest.mark.full


@pytest.fixture
def nodes(monkeypatch):
    """A cluster with a head, of one processor, and what adds others to it."""
    from ray.cluster_utils import Cluster

    monkeypatch.delenv(cluster.VARIABLE, raising=False)
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield made
    made.shutdown()


def places(agent) -> list[str]:
    """The nodes on which workers live."""
    processes = agent.learner.loop.actors.each[0]._crew.processes
    return [json.loads(process.answer(process.at_once("ping")))["node"] for process in processes]


def test_ray_workers_join_a_cluster_and_survive_the_loss_of_a_node(nodes):
    second = nodes.add_node(num_cpus=1)
    lost: list[str] = []

    def lose(progress):
        if not lost:
            assert len(set(places(agent))) == 2  # they are spread
            lost.append(second.node_id)
            nodes.remove_node(second, allow_graceful=False)
            nodes.add_node(num_cpus=1)
            played[:] = [one.number for one in agent.learner.loop._exchange._known]
        numbers = [one.number for one in agent.learner.loop._exchange._known]
        return not all(now >= then + 4 for now, then in zip(numbers, played, strict=True))

    played: list[int] = []
    with (
        warnings.catch_warnings(record=True) as caught,
        operant.IMPALA(
            "CartPole-v1",
            preset=None,
            num_envs=2,
            n_steps=8,
            network={"hidden_sizes": (4,)},
            backend="gymnasium",
            workers=2,
            ray_address=nodes.address,
        ) as agent,
    ):
        warnings.simplefilter("always")
        agent.learn(10_000_000, callback=lose, log_interval=64, progress_bar=False)
        assert agent.history[-1]["time/workers"] == 2
        assert agent.step == agent.history[-1]["time/iterations"] * 16
        assert lost[0] not in places(agent)
    said = [str(each.message) for each in caught if each.category is TrainingWarning]
    assert len(said) == 1
    assert "has ended. Its environments are made anew." in said[0]
    assert not ray.is_initialized()


def test_ray_cluster_without_room_for_all_workers_is_said(nodes):
    share = cluster.Share(nodes.address, 3)
    try:
        assert share.lacks(1) is None
        assert share.lacks(3) == "the Ray cluster has 1 CPUs, and each takes one"
    finally:
        share.close()
