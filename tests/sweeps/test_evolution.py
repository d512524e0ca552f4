"""A population in training: who copies whom, what is copied, and the schedule that repeats what the best did."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.agent.selection import Selection
from operant.algorithms import registry
from operant.algorithms.varied import Varied, VariedState
from operant.engine.train_state import TrainState
from operant.engine.watch import Watch
from operant.envs.source import Source
from operant.ops.schedules import parse
from operant.replay.ring import Ring
from operant.sweeps import population
from operant.sweeps.directory import SweepDirectory
from operant.sweeps.groups import Clockwork, Interrupted
from operant.sweeps.population import Kind, Population, Stock, exchanged
from operant.sweeps.population_based import Exchange, exchange
from operant.sweeps.preset import schedules
from operant.sweeps.results import SweepResults
from operant.types import Clock, Transition
from tests.sweeps import small


@pytest.fixture(autouse=True)
def made_up_scores(monkeypatch):
    monkeypatch.setattr(Selection, "scores", small.made_up)


def asked(**values: Any):
    given = {"learning_rate": "0.1:1", "epsilon": "0.05:0.5"}
    return small.request(given, scheduler="population", trials=5, seeds=1, interval=300, **values)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """`(request, members, exchanges, path)` of a population that nothing interrupted."""
    path = tmp_path_factory.mktemp("population") / "whole"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Selection, "scores", small.made_up)
        trials = small.run(asked(), path)
    return asked(), trials, [Exchange.from_json(each) for each in SweepDirectory(path).events(0)], path


def test_members_copy_each_other_as_the_scores_say(whole):
    request, trials, exchanges, _ = whole
    assert [trial.seeds for trial in trials] == [(0,), (1,), (2,), (3,), (4,)]
    assert [score.step for score in trials[0].scores] == [300, 600, 900]
    assert [event.step for event in exchanges] == [300, 600]
    points = {trial.number: trial.point for trial in trials}
    for number, event in enumerate(exchanges):
        scores = {trial.number: trial.scores[number].mean for trial in trials}
        for member, score in scores.items():  # made of the values that they trained with
            np.testing.assert_allclose(score, points[member]["learning_rate"], atol=1e-4)
        by_hand = exchange(event.step, scores, points, request.space, 0.2, np.random.default_rng((0, number)))
        assert (event.sources, event.points) == (by_hand.sources, by_hand.points)
        worst = min(scores, key=lambda member: scores[member])
        assert event.sources[worst] == max(scores, key=lambda member: scores[member])
        points = dict(event.points)
    for trial in trials:
        np.testing.assert_allclose(trial.score, points[trial.number]["learning_rate"], atol=1e-4)


@pytest.mark.parametrize("rows", [1, 4])
def test_a_population_that_is_stopped_goes_on_as_if_it_had_not_been(whole, tmp_path, monkeypatch, rows):
    request, _, _, path = whole
    monkeypatch.setattr(Clockwork, "due", property(lambda self: rows == 4))
    stops = 0
    while True:
        try:
            small.run(
                request, tmp_path / "sweep", tell=lambda count, watch: setattr(watch, "stop", count >= rows)
            )
            break
        except Interrupted:
            stops += 1
    assert stops >= 2
    assert small.files(tmp_path / "sweep") == small.files(path)


def test_a_population_killed_at_an_exchange_exchanges_once(whole, tmp_path, monkeypatch):
    request, _, _, path = whole
    saved, kills = population.save_checkpoint, 0

    def killed(*arguments: Any, **keywords: Any):
        saved(*arguments, **keywords)
        raise small.Killed

    while True:
        calls = iter([saved] * kills + [killed] + [saved] * 20)
        with monkeypatch.context() as patch:
            patch.setattr(population, "save_checkpoint", lambda *a, calls=calls, **k: next(calls)(*a, **k))
            try:
                small.run(request, tmp_path / "sweep")
                break
            except small.Killed:
                kills += kills < 2
                if len(list((tmp_path / "sweep/checkpoints/0000-0").glob("900"))):
                    kills = 20
    assert small.files(tmp_path / "sweep") == small.files(path)


def test_exchanged_copies_what_was_learnt_and_nothing_else(whole, tmp_path):
    learners = small.STOCK._free[-1][1]
    learners.begin([np.float32([0.1, 0.2, 0.3, 0.4, 0.5]), np.float32([0.5] * 5)])
    core = learners.core
    run = core.learner.started(False, learners.size)
    run, _, _ = core.learner.loop.step(run, 20, learners.size)
    before = jax.tree.map(
        np.array, jax.tree.map(lambda x: x, (run.state.learner, run.environment, run.statistics))
    )
    keys = np.array(jax.random.key_data(run.key))
    core.learner.run = run
    learners.exchange([0, 0, 2, 3, 1], [np.float32([1, 2, 3, 4, 5]), np.float32([6, 7, 8, 9, 10])])
    after = core.learner.run
    np.testing.assert_array_equal(after.state.numbers[0][:5], [1, 2, 3, 4, 5])
    np.testing.assert_array_equal(after.state.numbers[1][:5], [6, 7, 8, 9, 10])
    for old, new in zip(jax.tree.leaves(before[0]), jax.tree.leaves(after.state.learner), strict=True):
        np.testing.assert_array_equal(np.array(new)[:5], old[[0, 0, 2, 3, 1]])
    for old, new in zip(
        jax.tree.leaves(before[1:]), jax.tree.leaves((after.environment, after.statistics)), strict=True
    ):
        np.testing.assert_array_equal(np.array(new), old)
    np.testing.assert_array_equal(jax.random.key_data(after.key), keys)
    core.learner.run = None


def test_exchanged_ends_the_episodes_that_replay_has_open():
    """What follows in replay is of another member's episode."""
    rewards, no = jnp.arange(16.0).reshape(2, 8, 1), jnp.zeros((2, 8, 1), bool)
    rows = Transition(rewards, rewards, rewards, terminated=no, truncated=no, next_observation=rewards)
    ring = Ring(rows, position=jnp.array([3, 3]), size=jnp.array([3, 3]))
    state = VariedState(jnp.array([[1.0], [2.0]]), ())
    key, clock = jax.random.split(jax.random.key(0), 2), Clock.start()
    run = TrainState(state, (), rewards, None, (), ring, key, jnp.zeros(2, jnp.int32), clock, None)
    new = exchanged(run, jnp.array([0, 0]), ())
    np.testing.assert_array_equal(new.replay.rows.reward, rewards[jnp.array([0, 0])])
    truncated = np.zeros((2, 8, 1), bool)
    truncated[:, 2] = True
    np.testing.assert_array_equal(new.replay.rows.truncated, truncated)
    np.testing.assert_array_equal(new.state.learner, [[1.0], [1.0]])
    np.testing.assert_array_equal(new.observation, rewards)


# the schedule of the best


def results(path, exchanges, trials) -> SweepResults:
    return SweepResults(asked(), tuple(trials), path, tuple(exchanges))


def test_schedules_say_what_the_best_member_was_trained_with(whole):
    """At every update of each interval the schedule has the value that was in force."""
    request, trials, exchanges, path = whole
    found = results(path, exchanges, trials)
    texts, others = schedules(found)
    assert others == []
    steps = found.path_of_best
    assert steps[-1][1] == found.best.number
    for name in ("learning_rate", "epsilon"):
        values = [point[name] for _, _, point in steps]
        if len(set(values)) == 1:
            assert name not in texts
            continue
        schedule = parse(texts[name])
        for (begin, _, point), end in zip(steps, [300, 600, 900], strict=True):
            for step in range(begin + 1, end + 1):  # an iteration is one step, after which the update comes
                now = schedule(jnp.float32(step) / jnp.float32(request.total_timesteps))
                np.testing.assert_array_equal(now, np.float32(point[name]), err_msg=f"{name} at {step}")


def test_schedules_name_what_cannot_be_one(whole):
    _, trials, _, path = whole
    request = small.request({"gamma": "0.5:0.99"}, scheduler="population", trials=2, seeds=1, interval=300)
    trials = [small.Trial(i, 0, {"gamma": 0.6}, (i,), "finished", trials[0].scores) for i in range(2)]
    event = Exchange(300, {0: 1.0, 1: 0.0}, {0: 0, 1: 0}, {0: {"gamma": 0.9}, 1: {"gamma": 0.7}})
    assert schedules(SweepResults(request, tuple(trials), path, (event,))) == ({}, ["gamma"])


@pytest.mark.slow
def test_a_schedule_replays_what_a_member_learnt():
    """One member whose rate and clipping change at an exchange, and one training with the schedules of these."""
    shared = {
        "network": {"hidden_sizes": (8,), "initialization": "uniform"},
        "n_steps": 16,
        "batch_size": 32,
        "n_epochs": 2,
    }
    values = [{"learning_rate": 1e-3, "clip_range": 0.2}, {"learning_rate": 3e-3, "clip_range": 0.1}]
    total, at, num_envs = 256, 96, 2
    half = 16 * num_envs / 2 / total

    def algorithm(**own: Any):
        return registry.build(registry.algorithm("ppo"), {**shared, **own})

    before, after = (algorithm(**each) for each in values)
    source, places = Source("CartPole-v1"), population.jax.tree.leaves(before)
    differ = tuple(i for i, leaf in enumerate(places) if leaf != population.jax.tree.leaves(after)[i])
    kind = Kind(Varied(before, differ), source, num_envs, total, 1)
    member = Population(kind, {0: before}, {0: (5,)}, Stock())
    member.train(at, Watch(), lambda step: None)
    assert member.steps == at
    member.exchange({0: 0}, {0: after})
    member.train(total, Watch(), lambda step: None)
    piecewise = {
        name: f"piecewise:{values[0][name]!r}:{at / total + half!r}:{values[1][name]!r}" for name in values[0]
    }
    replayed = algorithm(**piecewise)
    alone = Population(
        Kind(Varied(replayed, ()), source, num_envs, total, 1), {0: replayed}, {0: (5,)}, Stock()
    )
    alone.train(total, Watch(), lambda step: None)
    one, other = (each.learners.core.learner.run.state.learner for each in (member, alone))
    for leaf, same in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(leaf, same)
