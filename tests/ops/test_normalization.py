"""Running statistics against float64 moments of everything at once, and what they must leave alone."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.ops.normalization import Moments, Normalizer, selected
from operant.spaces import Box, Dict, Discrete, Tuple
from operant.types import EnvSpec, Transition

RNG = np.random.default_rng(0)
N, T = 3, 5
VECTOR = EnvSpec("Vector", Box(-np.inf, np.inf, (2,)), Discrete(2), num_envs=N)
merge = jax.jit(Moments.merge)
update = jax.jit(Normalizer.update)


def tape(reward=None, observation=None, terminated=None, truncated=None, valid=None):
    """A rollout `[T, N]` in which what is not given is random, and nothing ends."""
    observation = 3 + 2 * RNG.normal(size=(T, N, 2)) if observation is None else observation
    nothing = np.zeros((T, N), bool)
    return Transition(
        observation=jax.tree.map(jnp.asarray, observation),
        action=jnp.zeros((T, N), jnp.int32),
        reward=jnp.asarray(RNG.normal(size=(T, N)) if reward is None else reward, jnp.float32),
        terminated=jnp.asarray(nothing if terminated is None else terminated),
        truncated=jnp.asarray(nothing if truncated is None else truncated),
        next_observation=jax.tree.map(jnp.asarray, observation),
        valid=valid,
    )


# Moments


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_moments_merged_are_the_moments_of_everything_at_once(offset):
    blocks = [offset + scale * RNG.normal(size=(T, N, 2)) for scale in (1.0, 5.0, 0.1, 2.0)]
    moments = Moments.of_shape((2,))
    for block in blocks:
        moments = merge(moments, jnp.asarray(block, jnp.float32), jnp.ones((T, N)))
    everything = np.concatenate(blocks).reshape(-1, 2)
    assert moments.count == len(everything)
    np.testing.assert_allclose(moments.mean, everything.mean(0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(moments.variance, everything.var(0), rtol=1e-4)


def test_moments_stay_right_where_float32_can_count_no_further():
    """From 2²⁴ on a count that 1 is added to stays as it is."""
    moments = Moments(jnp.asarray(2.0**24), jnp.zeros(1), jnp.ones(1))
    samples = jnp.asarray(RNG.choice([-1.0, 1.0], (1_000_000, 1, 1)), jnp.float32)
    moments, _ = jax.lax.scan(lambda m, x: (m.merge(x, jnp.ones(1)), None), moments, samples)
    np.testing.assert_allclose(moments.variance, 1.0, atol=1e-3)
    np.testing.assert_allclose(moments.mean, 0.0, atol=2e-3)


def test_moments_do_not_depend_on_the_order():
    blocks = [jnp.asarray(RNG.normal(size=(T, N, 2)), jnp.float32) * (i + 1) for i in range(4)]
    ends = []
    for order in ((0, 1, 2, 3), (3, 1, 0, 2)):
        moments = Moments.of_shape((2,))
        for i in order:
            moments = merge(moments, blocks[i], jnp.ones((T, N)))
        ends.append(moments)
    for one, other in zip(*map(jax.tree.leaves, ends), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_moments_do_not_count_rows_without_weight():
    block, weight = RNG.normal(size=(T, N, 2)), RNG.random((T, N)) < 0.5
    block[~weight] = 1e6
    moments = merge(Moments.of_shape((2,)), jnp.asarray(block, jnp.float32), jnp.asarray(weight, jnp.float32))
    assert moments.count == weight.sum()
    np.testing.assert_allclose(moments.mean, block[weight].mean(0), rtol=1e-4)
    np.testing.assert_allclose(moments.variance, block[weight].var(0), rtol=1e-4)


@pytest.mark.parametrize(
    "before",
    [Moments.of_shape((2,)), Moments(jnp.float32(8.0), jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0]))],
)
def test_moments_stay_as_they_are_where_nothing_is_seen(before):
    after = merge(before, jnp.full((T, N, 2), 7.0), jnp.zeros((T, N)))
    for one, other in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        np.testing.assert_array_equal(one, other)


def test_normalizer_afresh_has_every_environment_at_the_start_of_an_episode():
    normalizer = update(Normalizer.build(VECTOR, observations=True, rewards=True), tape(), 0.99)
    assert np.all(normalizer.returns != 0)
    after = normalizer.afresh()
    np.testing.assert_array_equal(after.returns, np.zeros(N))
    for one, other in zip(jax.tree.leaves(normalizer.reward), jax.tree.leaves(after.reward), strict=True):
        np.testing.assert_array_equal(one, other)
    assert Normalizer.build(VECTOR, observations=True, rewards=False).afresh().returns is None


# Observations


def test_normalizer_shifts_scales_and_clips_observations():
    normalizer = Normalizer.build(VECTOR, observations=True, rewards=False)
    rollout = tape()
    normalizer = update(normalizer, rollout, 0.99)
    seen = np.asarray(rollout.observation, np.float64)
    expected = (seen - seen.mean((0, 1))) / seen.std((0, 1))
    np.testing.assert_allclose(normalizer.observations(rollout.observation), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        normalizer.observations(rollout.observation[0, 0]), expected[0, 0], rtol=1e-4, atol=1e-4
    )
    np.testing.assert_array_equal(normalizer.observations(jnp.array([1e9, -1e9])), [10, -10])


def test_normalizer_leaves_choices_and_pixels_alone():
    space = Dict.of(
        {"image": Box(0, 255, (2, 2, 1), "uint8"), "kind": Discrete(4), "vector": Box(-1, 1, (2,))}
    )
    spec = EnvSpec("Mixed", space, Discrete(2), num_envs=N)
    observation = {
        "image": RNG.integers(0, 256, (T, N, 2, 2, 1)).astype(np.uint8),
        "kind": RNG.integers(0, 4, (T, N)).astype(np.int32),
        "vector": 5 + RNG.normal(size=(T, N, 2)).astype(np.float32),
    }
    normalizer = Normalizer.build(spec, observations=True, rewards=False)
    after = update(normalizer, tape(observation=observation), 0.99).observations(
        jax.tree.map(jnp.asarray, observation)
    )
    for name in ("image", "kind"):
        assert after[name].dtype == observation[name].dtype
        np.testing.assert_array_equal(after[name], observation[name])
    np.testing.assert_allclose(np.mean(after["vector"], (0, 1)), [0, 0], atol=1e-4)


def test_normalizer_switched_off_is_the_identity_and_holds_nothing():
    normalizer = Normalizer.build(VECTOR, observations=False, rewards=False)
    assert jax.tree.leaves(normalizer) == []
    rollout = tape()
    after = update(normalizer, rollout, 0.99)
    assert jax.tree.leaves(after) == []
    assert after.observations(rollout.observation) is rollout.observation
    assert after.rewards(rollout.reward) is rollout.reward


# Rewards


def reward_scale(rollouts, gamma):
    """The deviation of discounted returns that restart after every end, in float64, over the valid rows."""
    running, returns = np.zeros(N), []
    for rollout in rollouts:
        valid = np.ones((T, N), bool) if rollout.valid is None else np.asarray(rollout.valid)
        for t in range(T):
            for n in range(N):
                if valid[t, n]:
                    running[n] = gamma * running[n] + float(rollout.reward[t, n])
                    returns.append(running[n])
                    if rollout.done[t, n]:
                        running[n] = 0
    return np.std(returns)


@pytest.mark.parametrize("dummies", [False, True])
def test_normalizer_divides_rewards_by_the_deviation_of_their_return(dummies):
    """Across rollouts, restarting at both kinds of end; steps that never happened leave no trace."""
    rollouts = []
    for _ in range(3):
        ends = RNG.integers(0, 4, (T, N))
        valid = jnp.asarray(RNG.random((T, N)) < 0.7) if dummies else None
        rollouts.append(tape(terminated=ends == 1, truncated=ends == 2, valid=valid))
    if dummies:  # as an autoreset's: nothing ends there; the reward might be anything
        rollouts = [
            tape(
                reward=np.where(r.valid, r.reward, 1e3),
                terminated=r.terminated & r.valid,
                truncated=r.truncated & r.valid,
                valid=r.valid,
            )
            for r in rollouts
        ]
    normalizer = Normalizer.build(VECTOR, observations=False, rewards=True)
    for rollout in rollouts:
        normalizer = update(normalizer, rollout, 0.9)
    scale = reward_scale(rollouts, 0.9)
    reward = jnp.array([-1.0, 0.0, 0.5])
    np.testing.assert_allclose(normalizer.rewards(reward), np.asarray(reward) / scale, rtol=1e-4)


def test_normalizer_never_shifts_rewards():
    """A reward keeps its sign, and 0 stays 0, whatever the mean."""
    normalizer = Normalizer.build(VECTOR, observations=False, rewards=True)
    normalizer = update(normalizer, tape(reward=100 + RNG.normal(size=(T, N))), 0.9)
    assert normalizer.rewards(jnp.zeros(1)) == 0
    assert normalizer.rewards(jnp.ones(1)) > 0
    assert normalizer.rewards(jnp.array(1e9)) == 10


def test_normalizer_that_has_seen_nothing_leaves_rewards_as_they_are():
    normalizer = Normalizer.build(VECTOR, observations=True, rewards=True)
    np.testing.assert_allclose(normalizer.rewards(jnp.array([-2.0, 0.5])), [-2.0, 0.5], rtol=1e-5)
    np.testing.assert_allclose(normalizer.observations(jnp.array([-2.0, 0.5])), [-2.0, 0.5], rtol=1e-5)


# What is chosen of it

MIXED = Dict.of(
    {
        "image": Box(0, 255, (2, 2, 1), "uint8"),
        "kind": Discrete(4),
        "inner": Tuple((Box(-1, 1, (2,)), Box(-1, 1, (3,)))),
        "vector": Box(-1, 1, (2,)),
    }
)
ORDER = ("image", "inner/0", "inner/1", "kind", "vector")


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (None, {"inner/0", "inner/1", "vector"}),
        (("vector",), {"vector"}),
        (("inner",), {"inner/0", "inner/1"}),
        (("inner/1", "image"), {"inner/1", "image"}),
    ],
)
def test_selected_parts_are_chosen_by_name(keys, chosen):
    assert selected(MIXED, keys) == tuple(name in chosen for name in ORDER)
    normalizer = Normalizer.build(
        EnvSpec("Mixed", MIXED, Discrete(2), num_envs=N), observations=True, rewards=False, keys=keys
    )
    assert tuple(moments is not None for moments in normalizer.observation) == selected(MIXED, keys)


@pytest.mark.parametrize(
    ("space", "keys", "reason"),
    [
        (
            MIXED,
            ("vectr",),
            "norm_obs_keys names 'vectr'; of Dict.* its parts are image, inner/0, inner/1, kind, vec",
        ),
        (MIXED, ("kind",), r"norm_obs_keys names 'kind', whose Discrete\(4\) is a choice"),
        (VECTOR.observation_space, ("x",), r"names 'x'; of Box\(2\) it has no named parts"),
        (VECTOR.observation_space, ("",), r"names ''; of Box\(2\) it has no named parts"),
    ],
)
def test_selected_refuses_unknown_names_and_choices(space, keys, reason):
    with pytest.raises(ValueError, match=reason):
        selected(space, keys)


def test_normalizer_has_statistics_of_images_that_are_named():
    space = Dict.of({"image": Box(0, 255, (2, 2, 1), "uint8")})
    images = RNG.integers(0, 256, (T, N, 2, 2, 1)).astype(np.uint8)
    normalizer = Normalizer.build(
        EnvSpec("Images", space, Discrete(2), num_envs=N), observations=True, rewards=False, keys=("image",)
    )
    observation = {"image": jnp.asarray(images)}
    after = update(normalizer, tape(observation={"image": images}), 0.99).observations(observation)["image"]
    expected = (images - images.mean((0, 1))) / images.astype(np.float64).std((0, 1))
    np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-4)


def test_normalizer_has_its_clips_and_epsilon_as_values():
    normalizer = Normalizer.build(
        VECTOR, observations=True, rewards=True, clip_obs=2.0, clip_reward=0.5, epsilon=3.0
    )
    np.testing.assert_array_equal(normalizer.observations(jnp.array([1e9, -1e9])), [2, -2])
    np.testing.assert_allclose(normalizer.observations(jnp.array([1.0, -1.0])), [0.5, -0.5], rtol=1e-6)
    np.testing.assert_allclose(normalizer.rewards(jnp.array([0.8, -9.0])), [0.4, -0.5], rtol=1e-6)
    later = update(normalizer, tape(), 0.9)
    assert (later.clip_obs, later.clip_reward, later.epsilon) == (2.0, 0.5, 3.0)
