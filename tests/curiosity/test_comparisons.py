"""A reward from comparisons of clips: which clips are compared, what is fitted, and what an algorithm learns from."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.policy_gradient.ppo import PPO
from operant.curiosity import Curious, Preferences
from operant.networks import Network
from operant.spaces import Box
from operant.types import EnvSpec, Transition
from tests.shared import clock

T, N, K = 30, 3, 4
SPEC = EnvSpec("Test", Box(-1.0, 1.0, (2,)), Box(-1.0, 3.0, (1,)), num_envs=N)
NOW = clock(5, 10)
TINY = Network(hidden_sizes=(16,), activation="tanh", initialization="uniform")
SMALL = Preferences(
    clip_length=K,
    comparisons=40,
    queries=16,
    query_every=T * N - 1,
    window=T,
    n_updates=4,
    batch_size=8,
    network=TINY,
)


def steps(seed: int = 0, reward=None) -> Transition:
    """Steps `[T, N]` whose observations tell their place, with two ends in column 0 and what never happened in 2."""
    random = np.random.default_rng(seed)
    place = np.stack(np.meshgrid(np.arange(T), np.arange(N), indexing="ij"), -1).astype(np.float32)
    ends = np.zeros((T, N), bool)
    ends[[9, 20], 0] = True
    action = random.uniform(-1, 3, (T, N, 1)).astype(np.float32)
    paid = random.normal(size=(T, N)).astype(np.float32) if reward is None else reward(place, action)
    made = (place, action, paid, ends, np.zeros((T, N), bool), place)
    return Transition(*map(jnp.asarray, made))


def weight() -> jax.Array:
    return jnp.ones((T, N)).at[15, 2].set(0.0)


@cache
def renewed():
    """`(state, metrics)` after the judge was asked about `steps()`, compiled once."""

    @jax.jit
    def run(seed):
        state = SMALL.init(SPEC, jax.random.key(0))
        seen = SMALL.update_statistics(state, steps(), weight())
        return SMALL.update(seen, steps(), weight(), jax.random.key(seed), NOW)

    return run


def test_asked_compares_clips_of_consecutive_steps_within_episodes_and_prefers_what_was_paid_more():
    paid, happened = np.asarray(steps().reward), np.asarray(weight())
    ends = np.asarray(steps().done)
    pairs = 0
    starts = set()
    for seed in range(6):
        state, metrics = renewed()(seed)
        known = state.comparisons
        count = int(known.judged)
        assert 0 < count < 16  # some were not whole
        assert metrics["train/comparisons"] == count
        clips = np.asarray(known.observation)[:count].astype(int)  # [count, 2, K, (t, n)]
        for pair, preferred in zip(clips, np.asarray(known.preferred), strict=False):
            totals = []
            for clip in pair:
                t, n = clip[:, 0], clip[0, 1]
                assert (clip[:, 1] == n).all()
                assert t.tolist() == list(range(t[0], t[0] + K))
                assert not ends[t[:-1], n].any()
                assert happened[t, n].all()
                totals.append(paid[t, n].sum())
                starts.add((int(t[0]), int(n)))
            assert preferred == 0.5 * (1 + np.sign(totals[0] - totals[1]))  # a clip may be next to itself
            pairs += 1
        assert (np.asarray(known.observation)[count:] == 0).all()
    assert pairs > 40
    assert len(starts) > 30  # from everywhere
    assert {n for _, n in starts} == {0, 1, 2}


def test_update_asks_only_when_it_is_time_and_as_often_as_comparisons_says():
    state = SMALL.init(SPEC, jax.random.key(0))
    update = jax.jit(lambda state, key: SMALL.update(state, steps(), weight(), key, NOW)[0])
    early = update(
        SMALL.update_statistics(state, jax.tree.map(lambda x: x[:-1], steps()), weight()[:-1]),
        jax.random.key(0),
    )
    assert int(early.comparisons.judged) == 0
    assert (
        np.asarray(early.network.head.layers[0].weight) == np.asarray(state.network.head.layers[0].weight)
    ).all()
    for i in range(6):
        state = update(SMALL.update_statistics(state, steps(i), jnp.ones((T, N))), jax.random.key(i))
    assert int(state.comparisons.judged) == 40
    before = state
    after = update(SMALL.update_statistics(state, steps(), jnp.ones((T, N))), jax.random.key(9))
    jax.tree.map(np.testing.assert_array_equal, after.comparisons, before.comparisons)
    jax.tree.map(np.testing.assert_array_equal, after.network, before.network)


def test_loss_is_that_of_the_paper_by_a_loop():
    """−log of the chance that was given to what the judge said, with ε/2 for a judge who answers at random."""
    state, _ = renewed()(0)
    count = 5
    batch = jax.tree.map(lambda x: x[:count], state.comparisons._replace(judged=state.comparisons.preferred))
    batch = batch._replace(preferred=jnp.array([1.0, 0.0, 0.5, 1.0, 0.0]))
    loss, (_, accuracy) = SMALL.loss(state.network, batch)
    losses, right = [], []
    for i in range(count):
        totals = [
            sum(float(state.network(batch.observation[i, j, k], batch.action[i, j, k])) for k in range(K))
            for j in range(2)
        ]
        chance = 0.9 / (1 + math.exp(totals[1] - totals[0])) + 0.05
        said = float(batch.preferred[i])
        losses.append(-said * math.log(chance) - (1 - said) * math.log(1 - chance))
        if said != 0.5:
            right.append((totals[0] > totals[1]) == (said == 1))
    assert loss == pytest.approx(np.mean(losses), rel=1e-4)
    assert accuracy == pytest.approx(np.mean(right))


def test_reward_is_what_the_comparisons_say_and_has_mean_0_and_deviation_1():
    """Of a reward that is linear in what is seen and done r̂ ends as a rising function of it."""

    def paid(place, action):
        return place[..., 0] / 10 - action[..., 0]

    learner = replace(SMALL, comparisons=200, queries=50, n_updates=150, batch_size=32, learning_rate=0.01)
    state = learner.init(SPEC, jax.random.key(0))

    @jax.jit
    def update(state, data, key):
        seen = learner.update_statistics(state, data, jnp.ones((T, N)))
        return learner.update(seen, data, jnp.ones((T, N)), key, NOW)

    for i in range(5):
        data = steps(i, paid)
        state, metrics = update(state, data, jax.random.key(i))
    found = np.asarray(learner.reward(state, data))
    assert found.mean() == pytest.approx(0, abs=1e-4)
    assert found.std() == pytest.approx(1, abs=1e-4)
    assert np.corrcoef(found.ravel(), np.asarray(data.reward).ravel())[0, 1] > 0.95
    assert metrics["train/preference_accuracy"] > 0.9


# agents

VALUES = {"network": Network(hidden_sizes=(8,), initialization="uniform")}
OWN = replace(SMALL, clip_length=5, window=40, query_every=40, queries=4, comparisons=12)


def agent(algorithm, **values):
    return Agent(Curious(algorithm, OWN), "Pendulum-v1", num_envs=2, **values)


@pytest.mark.parametrize(
    "algorithm",
    [
        PPO(n_steps=20, batch_size=20, **VALUES),
        pytest.param(
            SAC(learning_starts=20, batch_size=8, buffer_size=100, **VALUES), marks=pytest.mark.full
        ),
    ],
    ids=["PPO", "SAC"],
)
def test_an_agent_learns_from_preferences_alone_is_stopped_and_goes_on(algorithm, tmp_path):
    """As without a stop; in an environment whose rewards are other numbers in the same order it learns the same."""
    whole = agent(algorithm).learn(160, progress_bar=False, log_interval=40)
    assert whole.history[-1]["train/comparisons"] > 0
    first = agent(algorithm)
    first.learn(
        160,
        progress_bar=False,
        log_interval=40,
        run_dir=tmp_path / "run",
        checkpoint_every=80,
        keep_checkpoints=9,
    )
    steps = sorted(int(path.name) for path in (tmp_path / "run" / "checkpoints").iterdir())
    assert steps[0] < steps[-1]
    back = operant.Agent.restore(tmp_path / "run", step=steps[0]).finish(tmp_path / "run", progress_bar=False)
    jax.tree.map(np.testing.assert_array_equal, back.state, whole.state)
    scaled = agent(algorithm, wrappers="scale-reward:10").learn(160, progress_bar=False, log_interval=40)
    jax.tree.map(np.testing.assert_array_equal, scaled.state.learner, whole.state.learner)


def test_values_that_cannot_be_are_named():
    with pytest.raises(ValueError, match="clip_length=50: must be at most window=20"):
        Preferences(clip_length=50, window=20)
    with pytest.raises(ValueError, match="error_rate"):
        Preferences(error_rate=2.0)
    with pytest.raises(ValueError, match="queries"):
        Preferences(queries=0)
