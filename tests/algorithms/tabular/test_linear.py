"""Linear features: tile coding, and semi-gradient updates against loops in plain Python."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.agent import Agent
from operant.algorithms import registry
from operant.algorithms.tabular.linear import LinearQ
from operant.algorithms.tabular.tile_coding import TileCoding
from operant.envs import probes
from operant.spaces import Box, Discrete
from operant.types import EnvSpec
from tests.algorithms.tabular.tape import A, S, learn_from, random_tape

GAMMA, EPSILON, ALPHA, D = 0.9, 0.3, 0.05, 4
PHI = np.random.default_rng(1).normal(size=(S, D)).astype(np.float32)


def features(observation):
    return jnp.asarray(PHI)[observation[0].astype(jnp.int32)]


def policy(q, mask):
    score = np.where(mask, q, -np.inf)
    best = score == score.max()
    return np.where(mask, (1 - EPSILON) * best / best.sum() + EPSILON / mask.sum(), 0.0)


def q_learning(steps):
    """w_a ← w_a + α δ φ(s), the goal with the largest value of what is possible."""
    w = np.zeros((A, D))
    for x in steps:
        next_value = 0.0 if x.terminated else (w @ PHI[x.t])[x.mask].max()
        w[x.a] += ALPHA * (x.r + GAMMA * next_value - w[x.a] @ PHI[x.s]) * PHI[x.s]
    return w


def sarsa(steps):
    """The goal with the value of the action that is taken next."""
    w, waiting = np.zeros((A, D)), {}
    for x in steps:
        if x.env in waiting:
            y = waiting.pop(x.env)
            w[y.a] += ALPHA * (y.r + GAMMA * w[x.a] @ PHI[x.s] - w[y.a] @ PHI[y.s]) * PHI[y.s]
        if x.terminated or x.truncated:
            q = w @ PHI[x.t]
            next_value = 0.0 if x.terminated else policy(q, x.mask) @ q
            w[x.a] += ALPHA * (x.r + GAMMA * next_value - w[x.a] @ PHI[x.s]) * PHI[x.s]
        else:
            waiting[x.env] = x
    return w


@pytest.mark.parametrize(("on_policy", "reference"), [(False, q_learning), (True, sarsa)])
def test_linear_q_updates_are_those_of_a_loop(on_policy, reference):
    spec, tape, steps = random_tape(150, 2)
    spec = replace(spec, observation_space=Box(0.0, float(S), (1,)))

    def as_box(x):
        return x[..., None].astype(jnp.float32)

    tape = replace(tape, observation=as_box(tape.observation), next_observation=as_box(tape.next_observation))
    algorithm = LinearQ(
        on_policy=on_policy, gamma=GAMMA, epsilon=EPSILON, learning_rate=ALPHA, features=features
    )
    state, _, _ = learn_from(algorithm, spec, tape)
    np.testing.assert_allclose(state.weights, reference(steps), rtol=1e-3, atol=1e-5)


def test_tile_coding_is_that_of_shifted_grids():
    space, coding = Box((-1.0, 0.0), (1.0, 10.0), (2,)), TileCoding(4, 5)
    assert coding.size(space) == 4 * 6 * 6
    rng = np.random.default_rng(0)
    points = rng.uniform((-1, 0), (1, 10), (200, 2)).astype(np.float32)
    found = coding(space, jnp.asarray(points))
    np.testing.assert_allclose(np.sum(np.square(found.value), -1), 1.0, rtol=1e-6)
    for point, index in zip(points, np.asarray(found.index), strict=True):
        for tiling in range(4):
            place = [(point[0] + 1) / 2 * 5, point[1] / 10 * 5]
            x, y = (int(np.floor(p + tiling * (2 * d + 1) % 4 / 4)) for d, p in enumerate(place))
            assert index[tiling] == tiling * 36 + x + 6 * y
    # Out of bounds is at the bound, and both bounds have their tiles.
    outside = coding(space, jnp.array([[-9.0, 99.0], [-1.0, 10.0]]))
    np.testing.assert_array_equal(outside.index[0], outside.index[1])
    assert (outside.index < coding.size(space)).all()


def test_linear_q_removes_its_part_of_an_error_at_a_step_whatever_the_tilings():
    for tilings in (2, 16):
        agent = Agent(LinearQ(tilings=tilings, learning_rate=0.5, gamma=0.9), probes.DelayedReward())
        agent.learn(2, progress_bar=False)
        value = agent.algorithm.q_values(agent.state, jnp.ones(1))
        np.testing.assert_allclose(np.max(value), 0.5, rtol=1e-5)


@pytest.mark.parametrize("on_policy", [False, True])
def test_linear_q_values_are_exact_where_tiles_tell_states_apart(on_policy):
    algorithm = LinearQ(on_policy=on_policy, learning_rate=0.3, gamma=0.9, epsilon=0.1)
    agent = Agent(algorithm, probes.DelayedReward(), num_envs=2).learn(2_000, progress_bar=False)
    values = jax.vmap(lambda seen: algorithm.q_values(agent.state, seen))(jnp.array([[0.0], [1.0]]))
    np.testing.assert_allclose(values, [[0.9, 0.9], [1.0, 1.0]], atol=0.02)


def test_linear_q_refuses_what_it_cannot_take():
    space = Box(-np.inf, np.inf, (2,))
    with pytest.raises(
        ValueError, match=r"Tile coding needs a Box with finite bounds; observations are Box\(2\)"
    ):
        LinearQ().check(EnvSpec("Far", space, Discrete(2)))
    LinearQ(features=lambda seen: seen).check(EnvSpec("Far", space, Discrete(2)))
    with pytest.raises(ValueError, match=r"LinearQ needs Box observations: Cell has Discrete\(3\)"):
        LinearQ().check(EnvSpec("Cell", Discrete(3), Discrete(2)))
    with pytest.raises(ValueError, match="must be a vector of features"):
        LinearQ(features=lambda seen: seen[0]).check(EnvSpec("Far", space, Discrete(2)))


def test_linear_q_names_features_of_the_users_and_does_not_read_them_back():
    plain = registry.to_json(LinearQ(features=features))
    assert plain["features"] == "features, a function of yours"
    with pytest.raises(
        ValueError, match=r"features='features, a function of yours': must be a function or None"
    ):
        registry.build(LinearQ, plain)
