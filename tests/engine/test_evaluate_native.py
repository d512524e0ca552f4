"""Scores on the device: those of a slow loop to the last episode, and Gymnasium's within their intervals."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import operant
from operant.engine import evaluate_native
from operant.engine.evaluate_native import NativeEvaluator
from operant.engine.policy import Policy
from operant.engine.watch import Stopped, Watch
from operant.envs import base as envs
from operant.envs import probes
from operant.ops.seeds import key_of

SMALL = {"preset": None, "n_steps": 16, "batch_size": 32, "n_epochs": 2, "num_envs": 4}
NETWORK = {"hidden_sizes": (8,)}
EPISODES, SEED = 6, 1_000_000

CASES = {
    "CartPole": lambda: operant.PPO("CartPole-v1", network=NETWORK, **SMALL),
    "a Box": lambda: operant.PPO("Pendulum-v1", network=NETWORK, wrappers="time-limit:30", **SMALL),
    "memory": lambda: operant.PPO(
        "CartPole-v1", network={"memory": "gru", "memory_size": 4, "hidden_sizes": ()}, **SMALL
    ),
    "masks": lambda: operant.PPO(probes.Masked(), network=NETWORK, **SMALL),
    "wrappers": lambda: operant.DQN(
        *("Pendulum-v1",),
        wrappers=["time-limit:20", "discretize:3", "repeat:2", "scale-reward:0.1"],
        network=NETWORK,
        preset=None,
    ),
    "random steps": lambda: operant.QLearning("FrozenLake-v1"),
}


def evaluator(agent, episodes=EPISODES) -> NativeEvaluator:
    environment = agent.source.scored_natively
    assert environment is not None
    return NativeEvaluator(environment, episodes, agent.learner.seeds, SEED)


def slow_loop(agent) -> tuple[list[float], list[int]]:
    """Returns and lengths, one environment and one step after another."""
    environment, key = agent.source.scored_natively, key_of(SEED)
    policy, carry = Policy(agent.algorithm, agent.state, agent.spec), None

    def noise(t):
        drawn = envs.sample_noise(environment, jax.random.fold_in(key, t), EPISODES)
        return [jax.tree.map(lambda x, i=i: x[i], drawn) for i in range(EPISODES)]

    states = [environment.reset(each) for each in noise(0)]
    returns, lengths, alive = [0.0] * EPISODES, [0] * EPISODES, [True] * EPISODES
    step, t = jax.jit(lambda *given: environment.step(*given)), 0
    while any(alive):
        observation = jax.tree.map(lambda *x: np.stack(x), *map(environment.observation, states))
        masks = [environment.action_mask(state) for state in states]
        mask = None if masks[0] is None else jax.tree.map(lambda *x: np.stack(x), *masks)
        action, carry = policy(observation, mask, carry, np.full(EPISODES, t == 0), t)
        for i, each in enumerate(noise(t + 1)):
            if alive[i]:
                states[i], reward, terminated = step(states[i], action[i], each)
                returns[i] += float(reward)
                lengths[i] += 1
                limit = environment.max_episode_steps
                alive[i] = not terminated and (limit is None or lengths[i] < limit)
        t += 1
    return returns, lengths


@pytest.mark.parametrize("case", CASES)
def test_native_evaluator_scores_as_a_slow_loop_does(case):
    agent = CASES[case]()
    agent.learn(256 if case == "random steps" else 128, progress_bar=False)
    (score,) = evaluator(agent)(agent.algorithm, agent.state)
    returns, lengths = slow_loop(agent)
    np.testing.assert_array_equal(score.lengths, lengths)
    np.testing.assert_allclose(score.returns, returns, rtol=1e-4)
    assert len({*lengths, *np.round(returns, 3)}) > 2 or case == "masks"  # they differ, so that order is seen


@pytest.mark.parametrize("case", ["CartPole", "a Box", "memory", "wrappers"])
def test_native_evaluator_agrees_with_gymnasiums_within_their_intervals(case):
    agent = CASES[case]().learn(128, progress_bar=False)
    (here,) = evaluator(agent, 60)(agent.algorithm, agent.state)
    there = agent.evaluate(60, seed=SEED)
    error = np.hypot(here.returns.std(ddof=1), there.returns.std(ddof=1)) / np.sqrt(60)
    assert abs(here.mean - there.mean) < 3 * error
    error = np.hypot(here.lengths.std(ddof=1), there.lengths.std(ddof=1)) / np.sqrt(60)
    assert abs(here.lengths.mean() - there.lengths.mean()) <= 3 * error
    assert here.environment == there.environment


def test_native_evaluator_scores_all_seeds_at_once_and_each_as_if_it_were_alone():
    study = operant.PPO("CartPole-v1", seeds=4, network=NETWORK, **SMALL).learn(128, progress_bar=False)
    scores = evaluator(study)(study.algorithm, study.state)
    for index, score in enumerate(scores):
        one = study[index]
        (alone,) = evaluator(one)(one.algorithm, one.state)
        np.testing.assert_array_equal(score.returns, alone.returns)
    assert len({score.mean for score in scores}) > 1


def test_native_evaluator_leaves_out_wrappers_that_only_change_rewards():
    agent = operant.PPO("CartPole-v1", wrappers="scale-reward:0.1", network=NETWORK, **SMALL)
    agent.learn(64, progress_bar=False, evaluate_every=64, evaluation_episodes=3)
    assert agent.best_so_far is not None
    assert agent.best_so_far.reward == agent.best_so_far.length  # 1 a step


def test_native_evaluator_stops_when_it_is_told_to_and_ends_what_nothing_else_ends(monkeypatch):
    monkeypatch.setattr(evaluate_native, "LONGEST", 40)
    monkeypatch.setattr(evaluate_native, "CALL", 1)
    agent = operant.PPO(Endless(), network=NETWORK, **SMALL)
    watch = Watch()
    with pytest.warns(UserWarning, match=r"6 of 6 episodes of Endless .*time-limit"):
        (score,) = evaluator(agent)(agent.algorithm, agent.state, watch)
    assert score.cut == 6
    assert score.lengths.tolist() == [40] * 6
    watch.stop = True
    with pytest.raises(Stopped):
        evaluator(agent)(agent.algorithm, agent.state, watch)


class Endless(probes.Masked):
    """It never ends."""

    id = "Endless"

    def step(self, state, action, noise):
        successor, reward, terminated = super().step(state, action, noise)
        return successor, reward, terminated & False


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_learn_evaluates_where_it_trains(backend, monkeypatch):
    called = []
    play = NativeEvaluator.__call__
    monkeypatch.setattr(
        NativeEvaluator, "__call__", lambda self, *given: called.append(1) or play(self, *given)
    )
    agent = operant.PPO("CartPole-v1", backend=backend, network=NETWORK, **SMALL)
    agent.learn(64, progress_bar=False, evaluate_every=64, evaluation_episodes=2)
    assert len(called) == (backend == "native")
    agent.learn(64, progress_bar=False, evaluate_every=64, evaluation_episodes=2, evaluate_env="CartPole-v1")
    assert len(called) == (backend == "native")  # another environment is Gymnasium's
