"""The plan `Dataset` and its loop: what is drawn, that seeds and interruptions change nothing, and what is refused."""

# pyright: reportOptionalMemberAccess=false, reportArgumentType=false

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms.imitation.bc import BC
from operant.algorithms.policy_gradient.ppo import PPO
from operant.engine.dataset import DatasetLoop
from operant.engine.dataset_batches import (
    Order,
    among_neighbours,
    order,
    select_rows,
    updates_per_epoch,
    windows,
)
from operant.engine.demonstrations import DatasetError, Demonstrations, read
from operant.networks import Network
from operant.plans import Dataset
from operant.types import Transition

NETWORK = Network(hidden_sizes=(8,), initialization="uniform")
SEEDS = (3, 14)
WALL_CLOCK = ("time/fps", "time/time_elapsed")


def arrays(steps: int = 40, episode: int = 10) -> dict[str, np.ndarray]:
    """Numbers that name their step; an episode ends every `episode` steps."""
    rng = np.random.default_rng(0)
    return {
        "observations": rng.normal(size=(steps, 4)).astype(np.float32),
        "actions": rng.integers(0, 2, steps),
        "terminations": np.arange(1, steps + 1) % episode == 0,
    }


def recorded(given, spec=None) -> Demonstrations:
    data = read(given, spec)
    assert isinstance(data, Demonstrations)
    return data


def agent(seeds=None, dataset=None, **values) -> Agent:
    algorithm = BC(**{"batch_size": 16, "network": NETWORK, "optimizer_eps": 1e-3, **values})
    return Agent(algorithm, dataset=arrays() if dataset is None else dataset, seed=7, seeds=seeds)


def assert_same(one, other) -> None:
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.mark.parametrize("sequence", [1, 3])
@pytest.mark.parametrize("steps", [5, 24, 25])
def test_select_rows_visits_each_step_exactly_once_an_epoch(steps, sequence):
    plan = Dataset(batch_size=4, sequence=sequence)
    three = order(plan, steps, 3, jax.random.key(0), jnp.int32(2))
    each = updates_per_epoch(plan, steps)
    assert each == -(-windows(plan, steps) // 4)
    seen = []
    for epoch in range(3):
        batches = [select_rows(plan, steps, three, jnp.int32(epoch * each + i)) for i in range(each)]
        rows = np.concatenate([np.asarray(b.rows)[np.asarray(b.weight) > 0] for b in batches])
        assert sorted(rows) == list(range(steps))
        seen.append(tuple(np.concatenate([np.asarray(b.rows).ravel() for b in batches])))
    assert len(set(seen)) == 3  # and each epoch in an order of its own


def test_select_rows_in_sequences_are_consecutive_steps():
    plan = Dataset(batch_size=2, sequence=4)
    selected = select_rows(plan, 10, Order(jnp.array([[2, 0, 1]]), jnp.array([3])), jnp.int32(0))
    np.testing.assert_array_equal(selected.rows[:, 0] * (selected.weight[:, 0] > 0), [1, 2, 0, 0])
    np.testing.assert_array_equal(selected.weight[:, 0], [1, 1, 0, 0])  # the last window is a short one
    np.testing.assert_array_equal(selected.rows[:, 1], [3, 4, 5, 6])


def test_order_of_an_epoch_does_not_depend_on_those_made_with_it():
    plan, key = Dataset(batch_size=4, sequence=3), jax.random.key(5)
    together = order(plan, 20, 4, key, jnp.int32(0))
    alone = order(plan, 20, 1, key, jnp.int32(3))
    assert_same(jax.tree.map(lambda x: x[3:], together), alone)


@pytest.mark.parametrize("memory", ["none", "gru"])
def test_dataset_loop_of_several_seeds_learns_what_each_learns_alone(memory):
    network = Network(hidden_sizes=(8,), initialization="uniform", memory=memory, memory_size=4)
    values = {"network": network, "sequence_length": 4}
    both = agent(list(SEEDS), **values).learn(7, progress_bar=False)
    alone = Agent(both.algorithm, dataset=arrays(), seed=SEEDS[1]).learn(7, progress_bar=False)
    for a, b in zip(jax.tree.leaves(alone.state), jax.tree.leaves(both.learner.state_of(1)), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)
    first, second = (both.learner.state_of(index).network for index in range(2))
    assert not np.array_equal(first.policy_head.output.weight, second.policy_head.output.weight)


@pytest.mark.parametrize("seeds", [None, 2])
@pytest.mark.parametrize("streamed", [False, True])
def test_dataset_loop_resumed_equals_one_that_was_never_stopped(tmp_path, seeds, streamed):
    data = arrays(steps=50)
    if streamed:
        dataset: object = [{name: x[i : i + 10] for name, x in data.items()} for i in range(0, 50, 10)]
        values: dict = {}
    else:
        np.savez(tmp_path / "data.npz", **data)
        dataset = tmp_path / "data.npz"
        values = {"validation_fraction": 0.2, "normalize_observations": True}
    values["learning_rate"] = operant.Linear(1e-2, 0.0)

    def learn(run_dir: Path, callback=None) -> Agent:
        made = agent(seeds, dataset, **values)
        return made.learn(20, callback, progress_bar=False, log_interval=3, run_dir=run_dir)

    whole = learn(tmp_path / "whole")
    learn(tmp_path / "parts", lambda progress: progress.step < 9)  # in the middle of an epoch
    stored = Agent.restore(tmp_path / "parts", **({"dataset": dataset} if streamed else {}))
    assert stored.step == 9
    stored.finish(tmp_path / "parts", progress_bar=False)
    one, other = whole.learner.run, stored.learner.run
    assert_same((one.state, one.clock, one.iteration), (other.state, other.clock, other.iteration))
    rows = [
        {k: v for k, v in row.items() if k not in WALL_CLOCK}
        for row in (whole.history[-1], stored.history[-1])
    ]
    assert_same(*rows)


def test_dataset_loop_learns_the_same_in_chunks_of_any_size(monkeypatch):
    monkeypatch.setattr("operant.engine.dataset.ORDERED", 1)  # an order an epoch
    one = agent().learn(20, progress_bar=False, log_interval=20)
    monkeypatch.setattr("operant.engine.dataset.ORDERED", 2**20)
    many = agent().learn(20, progress_bar=False, log_interval=7)
    assert_same(one.state, many.state)
    assert [row["time/epochs"] for row in many.history] == pytest.approx([7 / 3, 14 / 3, 20 / 3])


def test_demonstrations_hold_out_whole_episodes():
    ends = np.isin(np.arange(60), np.cumsum(np.arange(1, 11)) - 1) | (np.arange(60) == 59)
    data = read(arrays(steps=60) | {"terminations": ends, "truncations": ends & False})
    assert isinstance(data, Demonstrations)
    held_out = data.held_out(0.3)
    for episode in np.split(held_out, np.flatnonzero(ends)[:-1] + 1):
        assert episode.all() or not episode.any()
    assert 0 < held_out.sum() < 60


def test_demonstrations_of_transitions_leave_out_what_never_happened():
    happened = np.array([True, True, False, True])
    row = np.arange(4.0, dtype=np.float32)
    ends = np.array([False, True, False, False])
    given = Transition(row[:, None], np.array([0, 1, 1, 0]), row, ends, ends & False, None, valid=happened)
    data = read(given)
    assert isinstance(data, Demonstrations)
    np.testing.assert_array_equal(data.steps.reward, [0, 1, 3])
    np.testing.assert_array_equal(data.steps.done, [False, True, True])


def test_dataset_is_in_no_checkpoint(tmp_path):
    run = agent().learn(3, progress_bar=False, run_dir=tmp_path / "run").learner.run
    assert run.replay is None
    assert sum(x.size for x in jax.tree.leaves(run.environment)) == 0
    assert not any(np.shape(x)[:1] == (40,) for x in jax.tree.leaves(run))


def test_dataset_loop_never_learns_from_validation_episodes():
    learnt, held_out = recorded(arrays()).split(0.25)
    assert (len(learnt.reward), len(held_out.reward)) == (30, 10)
    known = arrays()["observations"]
    both = np.concatenate([learnt.observation, held_out.observation])
    assert sorted(both[:, 0]) == sorted(known[:, 0])
    made = agent(validation_fraction=0.25).learn(4, progress_bar=False)
    policy, _ = made.state.network.policy(jnp.asarray(held_out.observation), None, ())
    expected = -np.mean(np.asarray(policy.log_prob(jnp.asarray(held_out.action))))
    assert made.history[-1]["validation/loss"] == pytest.approx(expected, rel=1e-5)


def test_dataset_loop_normalizes_by_the_whole_dataset():
    made = agent(normalize_observations=True).learn(1, progress_bar=False)
    (moments,) = made.state.normalizer.observation
    np.testing.assert_allclose(moments.mean, arrays()["observations"].mean(0), atol=1e-3)


def test_dataset_that_has_changed_is_not_resumed(tmp_path):
    np.savez(tmp_path / "data.npz", **arrays())
    agent(dataset=tmp_path / "data.npz").learn(
        20, lambda progress: False, progress_bar=False, log_interval=3, run_dir=tmp_path / "run"
    )
    np.savez(tmp_path / "data.npz", **arrays(50))
    with pytest.raises(DatasetError, match=r"has 50 steps and is not the one .* had 40"):
        operant.resume(tmp_path / "run", progress_bar=False)


def test_dataset_loop_says_of_a_stream_that_it_ends():
    batch = {"observations": np.zeros((2, 4), np.float32), "actions": np.zeros(2, int)}
    made = Agent(BC(network=NETWORK), "CartPole-v1", dataset=iter([batch] * 3))
    with pytest.raises(DatasetError, match="ended after 3 batches"):
        made.learn(5, progress_bar=False)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"actions": np.full(40, 5)}, "actions"),
        ({"actions": None}, "no actions"),
        ({"observations": np.full((40, 4), np.nan, np.float32)}, "finite"),
        ({"observations": np.zeros((40, 3), np.float32)}, "shape"),
        ({"observations": np.zeros((0, 4), np.float32)}, "not one step"),
        ({"rewards": np.zeros(3)}, "rewards must be numbers of shape"),
        ({"obs": np.zeros(3)}, "unknown array 'obs'"),
        ({"action_masks": np.zeros((40, 2), bool)}, "row 0 takes an action that its action_mask forbids"),
        ({"action_masks": np.ones((40, 3), bool)}, r"shape \(40, 2\)"),
    ],
)
def test_read_names_what_is_wrong(change, words):
    data = {name: value for name, value in {**arrays(), **change}.items() if value is not None}
    with pytest.raises(DatasetError, match=words):
        Agent(BC(), "CartPole-v1", dataset=data)


def test_agent_says_where_dataset_and_plan_do_not_go_together():
    with pytest.raises(ValueError, match="PPO learns from what it does itself"):
        Agent(PPO(), "CartPole-v1", dataset=arrays())
    with pytest.raises(ValueError, match="BC learns from a dataset: give it"):
        Agent(BC(), "CartPole-v1")
    with pytest.raises(ValueError, match="num_envs=3"):
        Agent(BC(), "CartPole-v1", dataset=arrays(), num_envs=3)
    with pytest.raises(ValueError, match="observers: BC learns from a dataset"):
        agent().learn(3, observers=[print], progress_bar=False)
    no_ends = {name: value for name, value in arrays().items() if name != "terminations"}
    with pytest.raises(DatasetError, match="know where episodes end"):
        agent(dataset=no_ends, network=Network(memory="gru"), sequence_length=4).learn(1, progress_bar=False)


def test_dataset_loop_refuses_more_metrics_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr("operant.engine.metrics.SUMS", 1)
    made = BC(network=NETWORK)
    data = recorded(arrays())
    loop = DatasetLoop(made, data.spec, lambda: data, None)
    with pytest.raises(ValueError, match="at most 1"):
        loop.step(loop.init(jax.random.key(0)), 1, 1)


def test_bc_has_no_curiosity():
    with pytest.raises(ValueError, match="explores nothing"):
        operant.BC("CartPole-v1", dataset=arrays(), curiosity="rnd")


def test_learn_counts_epochs():
    made = agent(validation_fraction=0.25).learn(epochs=3, progress_bar=False)
    assert (made.step, made.history[-1]["time/epochs"]) == (6, 3)  # 30 steps in batches of 16
    with pytest.raises(ValueError, match="takes total_timesteps, or of a dataset epochs"):
        made.learn(3, epochs=3)
    with pytest.raises(ValueError, match="PPO learns from what it does itself"):
        Agent(PPO(), "CartPole-v1").learn(epochs=3)


@pytest.mark.parametrize("count", [3, 40, 43])
def test_among_neighbours_everything_comes_once_in_batches_of_what_lies_together(count):
    """In another order each time, and with other partners; what fills no batch is last, and may be anything."""
    drawn = jax.jit(jax.vmap(lambda key: among_neighbours(key, count, 4, neighbours=3)))
    found = np.asarray(drawn(jax.random.split(jax.random.key(0), 40)))
    full = count // 4 * 4
    for each in found:
        assert sorted(each.tolist()) == list(range(count))
        assert (np.ptp(each[:full].reshape(-1, 4), axis=1) < 12 + count % 4).all()
        assert full == count or np.ptp(each[full:]) < 4
    if full:
        batches = found[:, :full].reshape(-1, 4)
        assert len({int(other) for batch in batches if 20 in batch for other in batch}) > 12
        assert np.ptp(found[:, 0]) > 25  # any batch may be the first
    if count % 4 and full:
        assert len({int(each[full]) for each in found}) > 5


def test_a_dataset_with_neighbours_is_gone_through_once_an_epoch():
    plan = Dataset(batch_size=4, neighbours=2)
    two = order(plan, 22, 2, jax.random.key(0), jnp.int32(0))
    each = updates_per_epoch(plan, 22)
    for epoch in range(2):
        batches = [select_rows(plan, 22, two, jnp.int32(epoch * each + i)) for i in range(each)]
        rows = [np.asarray(b.rows)[np.asarray(b.weight) > 0] for b in batches]
        assert sorted(np.concatenate(rows)) == list(range(22))
        assert all(np.ptp(row) < 8 + 2 for row in rows)
