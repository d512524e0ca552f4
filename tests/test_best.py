"""The best model is kept: what evaluation during training sees, what it leaves alone, and what comes of it."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.agent.best import FIRST_SEED, Best, better_of
from operant.agent.core import Core
from operant.agent.selection import LENGTH, REWARD, Selection
from operant.cli.finish import best_kept, best_summary, forgetting
from operant.engine.evaluate import Evaluation
from operant.engine.evaluate_native import NativeEvaluator
from operant.engine.files import read_metadata
from operant.engine.log import STEP, read_rows
from operant.engine.run_directory import RunDirectory
from tests.shared import SMALL_PPO

SMALL = SMALL_PPO | {"n_epochs": 2, "learning_rate": 1e-2}
OBSERVATIONS = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)


def learn(agent: Agent, callback=None, **arguments) -> Agent:
    return agent.learn(512, callback, progress_bar=False, log_interval=128, **arguments)


def evaluated(seeds: int | None, run_dir=None, callback=None, backend="auto") -> Agent:
    agent = operant.PPO("CartPole-v1", seeds=seeds, backend=backend, **SMALL)
    return learn(agent, callback, evaluate_every=200, evaluation_episodes=3, run_dir=run_dir)


@pytest.fixture
def scores(monkeypatch):
    """Evaluations say in turn what is planned here."""
    planned: list[float] = []

    def score(self, *_):
        return [
            Evaluation("CartPole-v1", np.full(3, planned.pop(0)), np.full(3, 7), FIRST_SEED)
            for _ in self.core.seeds or (None,)
        ]

    monkeypatch.setattr(Selection, "scores", score)
    return planned


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
@pytest.mark.parametrize("seeds", [None, 2])
def test_an_evaluation_is_a_score_of_the_model_of_that_time_and_is_logged(seeds, backend, tmp_path):
    expected = []

    def score(progress) -> None:
        agent = progress.agent
        if backend == "gymnasium":
            expected.append(agent.evaluate(3, seed=FIRST_SEED))
        else:
            environment = agent.source.scored_natively
            evaluator = NativeEvaluator(environment, 3, agent.learner.seeds, FIRST_SEED)
            scores = evaluator(agent.algorithm, agent.state)
            expected.append(scores[0] if seeds is None else scores)

    agent = evaluated(seeds, tmp_path / "run", score, backend)
    for rows in (agent.history, read_rows(tmp_path / "run" / "metrics.csv")):
        known = [row for row in rows if not np.isnan(row.get(REWARD, np.nan)).all()]
        # Every 200 steps, as soon as a row of 128 has passed them, and at the end.
        assert [row[STEP] for row in known] == [256, 512]
        for row in known:
            score_then = expected[row[STEP] // 128 - 1]
            each = [score_then] if seeds is None else score_then
            np.testing.assert_allclose(np.atleast_1d(row[REWARD]), [one.mean for one in each], rtol=1e-6)
            np.testing.assert_allclose(np.atleast_1d(row[LENGTH]), [one.lengths.mean() for one in each])
    best = agent.best_so_far
    assert best is not None
    np.testing.assert_array_equal(
        best.reward, np.max([agent.history[1][REWARD], agent.history[3][REWARD]], 0)
    )


def test_a_new_best_is_one_that_is_at_least_as_good_as_the_one_before():
    means = iter([1.0, 3.0, 2.0, 3.0])
    selection = Selection.__new__(Selection)
    learner = SimpleNamespace(seeds=None, step=0, state={"w": jnp.zeros(2)}, state_of=lambda index: None)
    core = Core.__new__(Core)
    core._place(cast("Any", learner))
    core._best = None
    selection.core, selection.episodes = core, 3
    selection.scores = lambda watch: [
        Evaluation("CartPole-v1", np.full(3, next(means)), np.full(3, 7), FIRST_SEED)
    ]
    news, steps = [], []
    for step in (10, 20, 30, 40):
        learner.step = step
        news.append(selection.evaluate()[1])
        steps.append(int(cast("Any", core.best).step))
    assert news == [True, True, False, True]
    assert steps == [10, 20, 20, 40]


@pytest.mark.parametrize("seeds", [None, 2])
def test_evaluation_changes_nothing_of_training(seeds):
    plain = learn(operant.PPO("CartPole-v1", seeds=seeds, **SMALL))
    for one, other in zip(
        jax.tree.leaves(evaluated(seeds).learner.run), jax.tree.leaves(plain.learner.run), strict=True
    ):
        if jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
            one, other = jax.random.key_data(one), jax.random.key_data(other)
        np.testing.assert_array_equal(one, other)


def test_choosing_and_scoring_share_no_episode():
    defaults = [
        inspect.signature(method).parameters["seed"].default
        for method in (Agent.evaluate, Agent.watch, Agent.recording, Agent.record)
    ]
    assert FIRST_SEED - max(defaults) > 100_000  # so many episodes can be scored without meeting one of these


def test_the_better_of_two_is_chosen_for_each_learner():
    def of(rewards, step):
        state = {"w": jnp.full((3, 2), float(step)), "count": jnp.full(3, step)}
        return Best(np.array(rewards), np.array(rewards) * 2, np.full(3, step), 5, state)

    best = better_of(None, of([1.0, 5.0, np.nan], 10))
    best = better_of(best, of([2.0, 4.0, -3.0], 20))
    best = better_of(best, of([np.nan, 5.0, -9.0], 30))  # of equals the later one
    np.testing.assert_array_equal(best.reward, [2, 5, -3])
    np.testing.assert_array_equal(best.length, [4, 10, -6])
    np.testing.assert_array_equal(best.step, [20, 30, 20])
    np.testing.assert_array_equal(best.state["w"], [[20, 20], [30, 30], [20, 20]])
    np.testing.assert_array_equal(best.state["count"], [20, 30, 20])


def test_what_is_forgotten_later_is_kept(scores, tmp_path):
    scores += [5.0, 3.0]
    then = []
    agent = evaluated(
        None, tmp_path / "run", lambda progress: then.append(progress.agent.predict(OBSERVATIONS))
    )
    best = agent.best_so_far
    assert best is not None
    assert (best.reward, best.length, best.step, best.episodes) == (5, 7, 256, 3)
    assert not np.array_equal(then[1], then[3])
    loaded = operant.load(tmp_path / "run", best=True)
    for model in (agent.best_model, loaded):
        np.testing.assert_array_equal(model.predict(OBSERVATIONS), then[1])
    np.testing.assert_array_equal(agent.predict(OBSERVATIONS), then[3])
    metadata = read_metadata(tmp_path / "run" / "best" / "model.safetensors")
    assert metadata["evaluation"] == {
        "mean_reward": 5.0, "mean_ep_length": 7.0, "step": 256, "episodes": 3, "seed": FIRST_SEED
    }  # fmt: skip
    # Training goes on from the last model, and the best remains until it is reached.
    scores += [4.0, 4.5, 6.0]
    learn(agent, evaluate_every=200, evaluation_episodes=3, run_dir=tmp_path / "more")
    assert agent.best_so_far is not None
    assert (agent.best_so_far.reward, agent.best_so_far.step) == (6, 1024)
    assert operant.load(tmp_path / "more", best=True).config() == agent.config()


def test_each_seed_has_its_best(scores, tmp_path):
    scores += [5.0, 1.0, 3.0, 4.0]
    then = []
    agent = evaluated(
        2, tmp_path / "run", lambda progress: then.append(jax.tree.map(np.array, agent_of(progress)))
    )
    assert agent.best_so_far is not None
    np.testing.assert_array_equal(agent.best_so_far.reward, [5, 4])
    np.testing.assert_array_equal(agent.best_so_far.step, [256, 512])
    for leaf, at_256, at_512 in zip(
        *(jax.tree.leaves(tree) for tree in (agent.best_model.state, then[1], then[3])), strict=True
    ):
        np.testing.assert_array_equal(leaf[0], at_256[0])
        np.testing.assert_array_equal(leaf[1], at_512[1])
    best = operant.load(tmp_path / "run", best=True)  # the best of the best
    assert (best.seed, best.seeds) == (0, None)
    np.testing.assert_array_equal(best.predict(OBSERVATIONS), agent.best_model[0].predict(OBSERVATIONS))


def agent_of(progress):
    return progress.agent.state


def test_a_run_without_evaluation_has_no_best(tmp_path):
    agent = learn(operant.PPO("CartPole-v1", **SMALL), run_dir=tmp_path / "run")
    assert agent.best_so_far is None
    with pytest.raises(ValueError, match="evaluate_every="):
        _ = agent.best_model
    with pytest.raises(FileNotFoundError, match=r"kept no best model.*--evaluate-every"):
        operant.load(tmp_path / "run", best=True)
    with pytest.raises(ValueError, match="evaluate_every=0: must be at least 1"):
        learn(agent, evaluate_every=0)
    with pytest.raises(ValueError, match="evaluation_episodes=0: must be at least 1"):
        learn(agent, evaluate_every=1, evaluation_episodes=0)


# What the command line says of it


def of(*returns: float) -> Evaluation:
    return Evaluation("CartPole-v1", np.array(returns), np.array(returns), 10_000)


def trained(last: int, best: np.ndarray, seeds, kept) -> Any:
    """What the report looks at of an agent."""
    found = Best(np.zeros(best.shape), np.zeros(best.shape), best, 3, None)
    model = SimpleNamespace(seeds=seeds, evaluate=lambda episodes: kept if seeds else kept[0])
    return SimpleNamespace(step=last, seeds=seeds, best_so_far=found, best_model=model)


def test_forgetting_is_told_where_chance_does_not_explain_it(tmp_path):
    directory = RunDirectory(tmp_path / "run")
    last = [of(9, 9, 9, 9), of(1, 3, 1, 2), of(9, 9, 9, 8)]
    best = [of(9, 9, 9, 9), of(9, 9, 8, 9), of(9, 9, 9, 9)]
    agent = trained(40, np.array([40, 20, 30]), (5, 6, 7), best)
    kept = best_kept(agent, last)
    assert kept == best
    lines = forgetting(agent, last, kept, directory)
    assert len(lines) == 2
    assert "seed 6: at step 20 the model was better, 8.8" in lines[0]
    assert f"operant evaluate {directory.path} --best" in lines[1]
    rows = best_summary(agent, last, kept)["best"]
    assert {seed: row["training_forgot"] for seed, row in rows.items()} == {"5": False, "6": True, "7": False}
    assert rows["6"]["step"] == 20
    assert rows["6"]["mean"] == 8.75


def test_the_last_model_that_is_the_best_is_not_scored_twice():
    last = [of(3.0)]
    agent = trained(40, np.array(40), None, None)
    assert best_kept(agent, last) is last
