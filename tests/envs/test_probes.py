"""Optimal behaviour on each probe yields the documented rewards and values; the bugs it is for do not."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.envs import base, probes
from operant.spaces import Box, Discrete, MultiBinary, MultiDiscrete, mismatch

ALL = (
    probes.ConstantReward,
    probes.ObservationReward,
    probes.ActionReward,
    probes.ObservationActionReward,
    probes.DelayedReward,
    probes.TwoStates,
    probes.Masked,
    probes.Memory,
    probes.Counting,
    probes.Senses,
)
ACTIONS = (
    Discrete(3),
    MultiDiscrete((2, 3, 4)),
    MultiBinary(3),
    Box(-1.0, 3.0, (2,)),
    Box((0.0, -5.0), (1.0, 5.0), (2,)),
)
GAMMA = 0.9


draw = jax.jit(base.sample_noise, static_argnums=2)
reset = jax.jit(base.reset)
advance = jax.jit(base.step)


@partial(jax.jit, static_argnums=(0, 2))
def samples(space, key, count):
    return jax.vmap(space.sample)(jax.random.split(key, count))


def play(environment, policy, steps=12, num_envs=64):
    """Observations `[steps, N, …]` and their time steps, in NumPy, under `policy(observation, mask, key)`."""
    keys = jax.random.split(jax.random.key(0), 2 * steps + 1)
    states, observation, mask = reset(environment, draw(environment, keys[0], num_envs))
    rows = []
    for act_key, environment_key in keys[1:].reshape(steps, 2):
        action = policy(*jax.device_get((observation, mask)), act_key)
        noise = draw(environment, environment_key, num_envs)
        states, step = advance(environment, states, jnp.asarray(action), noise)
        rows.append((observation, step))
        observation, mask = step.observation, step.action_mask
    return jax.tree.map(lambda *row: np.stack(row), *jax.device_get(rows))


def at_random(environment):
    return lambda observation, mask, key: samples(environment.action_space, key, 64)


@pytest.mark.parametrize("probe", ALL, ids=lambda probe: probe.id)
def test_probes_have_observations_of_their_space(probe):
    environment = probe()
    observation, step = play(environment, at_random(environment))
    space = environment.observation_space
    for value in (observation, step.observation, step.next_observation):
        assert mismatch(space, value, leading=(12, 64)) is None
    dtypes = jax.tree.map(lambda x: str(x.dtype), observation)
    parts = space.parts if isinstance(observation, dict) else {"": space}
    assert list(jax.tree.leaves(dtypes)) == [parts[name].dtype for name in sorted(parts)]
    assert step.reward.dtype == jnp.float32
    assert environment.spec.id == probe.__name__


def test_constant_reward_is_1_at_every_step():
    environment = probes.ConstantReward()
    _, step = play(environment, at_random(environment))
    assert (step.reward == 1).all()
    assert step.terminated.all()


def test_observation_reward_is_the_observation():
    environment = probes.ObservationReward()
    observation, step = play(environment, at_random(environment))
    np.testing.assert_array_equal(step.reward, observation[..., 0])
    assert step.terminated.all()
    assert set(np.unique(observation)) == {-1.0, 1.0}


def test_delayed_reward_comes_at_the_second_step():
    environment = probes.DelayedReward()
    observation, step = play(environment, at_random(environment))
    np.testing.assert_array_equal(step.reward, observation[..., 0])
    np.testing.assert_array_equal(step.terminated, observation[..., 0] == 1)
    np.testing.assert_array_equal(step.next_observation, np.ones_like(observation))
    assert not step.truncated.any()


def expected_sarsa(observation, reward, terminated, next_state) -> np.ndarray:
    """V of two states by repeated sweeps over recorded transitions: V(s) = mean of r + γ V(s′)."""
    value = np.zeros(2)
    for _ in range(400):
        target = reward + GAMMA * np.where(terminated, 0.0, value[next_state])
        value = np.array([target[observation == state].mean() for state in (0, 1)])
    return value


def test_two_states_separates_the_correct_value_from_the_wrong_ones():
    environment = probes.TwoStates()
    observation, step = play(environment, at_random(environment))
    assert not step.terminated.any()
    assert step.truncated[2::3].all()
    assert step.truncated.sum() == step.truncated[2::3].size
    never = np.zeros_like(step.terminated)

    correct = expected_sarsa(observation, step.reward, step.terminated, step.next_observation)
    np.testing.assert_allclose(correct, [9.0, 10.0], atol=1e-6)
    # The bugs of the shared oracle, planted.
    from_reset = expected_sarsa(observation, step.reward, never, step.observation)
    assert from_reset[1] == pytest.approx(6.90, abs=0.005)
    as_termination = expected_sarsa(observation, step.reward, step.truncated, step.next_observation)
    assert as_termination[1] == pytest.approx(1.82, abs=0.005)

    delayed = probes.DelayedReward()
    observation, step = play(delayed, at_random(delayed))
    states = (observation[..., 0].astype(int), step.next_observation[..., 0].astype(int))
    correct = expected_sarsa(states[0], step.reward, step.terminated, states[1])
    np.testing.assert_allclose(correct, [0.9, 1.0], atol=1e-6)
    leak = expected_sarsa(states[0], step.reward, never, step.observation[..., 0].astype(int))
    assert leak[1] == pytest.approx(5.26, abs=0.005)


@pytest.mark.parametrize("actions", ACTIONS, ids=lambda space: type(space).__name__)
@pytest.mark.parametrize("probe", [probes.ActionReward, probes.ObservationActionReward], ids=lambda p: p.id)
def test_action_reward_and_observation_action_reward_earn_everything_for_the_right_action_only(
    probe, actions
):
    environment = probe(actions=actions)
    table = jax.device_get(jax.jit(jax.vmap(partial(probes.right_action, actions)))(jnp.arange(2)))
    assert mismatch(actions, table, leading=(2,)) is None
    assert (table[0] != table[1]).all()
    if isinstance(actions, Box):
        low, high = actions.bounds
        assert ((table > low) & (table < high)).all()
        assert not np.isclose(table, (low + high) / 2).any()

    right = table if probe is probes.ObservationActionReward else np.stack([table[1], table[1]])
    wrong = table[::-1] if probe is probes.ObservationActionReward else np.stack([table[0], table[0]])
    sides = np.arange(68) % 2
    action = np.concatenate([right, wrong, samples(actions, jax.random.key(0), 64)])
    observation = jax.vmap(environment.observation)(sides)
    np.testing.assert_array_equal(observation[:, 0], np.where(sides == 1, 1.0, -1.0))
    _, reward, terminated = jax.device_get(jax.jit(jax.vmap(environment.step))(sides, action, sides))
    assert terminated.all()
    np.testing.assert_allclose(reward[:2], 1.0)
    assert (reward[2:4] < 0.8).all()
    assert (reward <= 1).all()
    assert reward[4:].mean() < 0.8


def test_masked_pays_more_than_two_only_for_a_forbidden_action():
    environment = probes.Masked()

    def best(observation, mask, key):
        return observation + 1

    observation, step = play(environment, best)
    assert (step.reward == 1).all()
    np.testing.assert_array_equal(step.terminated, observation == 1)

    masks = np.array([[True, True, False], [False, True, True]])
    np.testing.assert_array_equal(step.action_mask, masks[step.observation])
    np.testing.assert_array_equal(step.next_action_mask, masks[step.next_observation])
    assert environment.spec.masked

    def allowed(observation, mask, key):
        return jax.random.categorical(key, jnp.where(mask, 0.0, -jnp.inf))

    _, step = play(environment, allowed)
    assert set(np.unique(step.reward)) == {0.0, 1.0}

    def greedy(observation, mask, key):
        return np.where(observation == 0, 2, 0)

    assert (play(environment, greedy)[1].reward == 10).all()


def test_memory_pays_those_who_remember():
    environment = probes.Memory()
    observation, step = play(environment, lambda observation, mask, key: np.ones(64, int))
    # The cue is seen once, at the start, and is gone when the answer is due.
    observation = observation.reshape(3, 4, 64, 2)
    assert (abs(observation[:, 0, :, 0]) == 1).all()
    assert (observation[:, 1:, :, 0] == 0).all()
    np.testing.assert_array_equal(observation[..., 1], np.arange(4)[None, :, None] == 3 * np.ones((3, 1, 64)))
    reward = step.reward.reshape(3, 4, 64)
    np.testing.assert_array_equal(step.terminated.reshape(3, 4, 64)[:, 3], True)
    assert (reward[:, :3] == 0).all()
    # Always answering 1 is right exactly where the cue was 1.
    np.testing.assert_array_equal(reward[:, 3], observation[:, 0, :, 0] == 1)
    assert 0.35 < reward[:, 3].mean() < 0.65


def test_counting_tells_episodes_apart():
    environment = probes.Counting()
    observation, step = play(environment, at_random(environment), steps=40)
    np.testing.assert_array_equal(step.next_observation, observation + np.array([0.0, 1.0], np.float32))
    np.testing.assert_array_equal(step.reward, observation.sum(-1))
    done = step.terminated | step.truncated
    assert step.terminated.any()
    assert step.truncated.any()
    assert not (step.terminated & step.truncated).any()
    np.testing.assert_array_equal(step.terminated, observation[..., 1] + 1 == 1 + observation[..., 0] % 6)
    np.testing.assert_array_equal(step.truncated, ~step.terminated & (observation[..., 1] == 3))
    np.testing.assert_array_equal(step.observation[~done], step.next_observation[~done])
    assert (step.observation[done][:, 1] == 0).all()
    fresh = step.observation[done][:, 0]
    assert len(np.unique(fresh)) > 0.99 * len(fresh)
    np.testing.assert_array_equal(observation[1:], step.observation[:-1])


def test_senses_needs_every_part_of_the_observation():
    environment = probes.Senses()

    def looking(blind=None):
        def policy(observation, mask, key):
            seen = [
                (observation["image"][:, 0, 0, 0] == 255).astype(int),
                observation["kind"],
                (observation["vector"][:, 1] > 0).astype(int),
            ]
            return np.stack([np.zeros_like(s) if i == blind else s for i, s in enumerate(seen)], axis=-1)

        return policy

    observation, step = play(environment, looking())
    np.testing.assert_allclose(step.reward, 1.0)
    assert step.terminated.all()
    image = observation["image"]
    assert image.dtype == np.uint8
    assert image.shape[2:] == (8, 8, 1)
    assert set(np.unique(image)) == {0, 255}
    for part, expected in enumerate((5 / 6, 7 / 9, 5 / 6)):
        reward = play(environment, looking(blind=part), num_envs=512)[1].reward
        assert float(reward.mean()) == pytest.approx(expected, abs=0.02)


def test_right_action_refuses_unknown_action_spaces():
    with pytest.raises(ValueError, match="Probe actions must be Box, Discrete, MultiDiscrete or MultiBinary"):
        probes.right_action(probes.Senses().observation_space, jnp.zeros((), int))
