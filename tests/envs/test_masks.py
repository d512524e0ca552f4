"""Masks of switches through Gymnasium, and masks that are left out."""

from __future__ import annotations

from dataclasses import dataclass

import gymnasium as gym
import numpy as np
import pytest

from operant.agent import Agent
from operant.algorithms.policy_gradient.ppo import PPO
from operant.envs import probes
from operant.envs.gymnasium_spaces import flat_mask, mask_size
from operant.envs.wrappers import IgnoreMasks, Wrapper, as_wrappers, wrap
from operant.networks import Network

SWITCHES = gym.spaces.MultiBinary(3)
HELD = [[1, 0], [0, 1], [1, 1]]  # the first off, the second on, the third free


class Switches(gym.Env):
    """Pays nothing; says which switches can be turned, in `info` or by a method, and remembers what was done."""

    observation_space, action_space = gym.spaces.Box(-1, 1, (1,)), SWITCHES

    def __init__(self, by_method=False):
        self.seen = []
        if by_method:
            self.action_masks = lambda: np.array(HELD, bool)

    def _info(self):
        return {} if hasattr(self, "action_masks") else {"action_mask": np.array(HELD, np.int8)}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), self._info()

    def step(self, action):
        self.seen.append(np.array(action))
        return np.zeros(1, np.float32), 0.0, len(self.seen) % 5 == 0, False, self._info()


def test_flat_mask_has_two_flags_for_each_switch():
    assert mask_size(SWITCHES) == mask_size(gym.spaces.MultiBinary((3, 1))) == 6
    np.testing.assert_array_equal(flat_mask(SWITCHES, HELD), [1, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(flat_mask(SWITCHES, np.ravel(HELD)), [1, 0, 0, 1, 1, 1])
    nothing = [[0, 0], [1, 1], [1, 1]]
    np.testing.assert_array_equal(flat_mask(SWITCHES, nothing, final=True), np.ones(6))
    with pytest.raises(ValueError, match="allows no action at all"):
        flat_mask(SWITCHES, nothing)
    with pytest.raises(ValueError, match=r"needs 6 flags; got 3"):
        flat_mask(SWITCHES, [1, 1, 1])


@pytest.mark.parametrize("by_method", [False, True])
@pytest.mark.parametrize("wrappers", [(), (IgnoreMasks(),)])
def test_ignore_masks_leaves_out_masks_of_switches_that_are_held(by_method, wrappers):
    env = Switches(by_method)
    learner = PPO(n_steps=16, batch_size=16, n_epochs=1, network=Network(hidden_sizes=(4,)))
    agent = Agent(learner, env, wrappers=wrappers)
    assert agent.spec.masked == (not wrappers)
    agent.learn(64, progress_bar=False)
    seen = np.stack(env.seen[-60:])
    assert (seen[:, 2] == 1).any()
    assert (seen[:, 2] == 0).any()
    if wrappers:
        assert all(len(np.unique(seen[:, i])) == 2 for i in range(3))
    else:
        np.testing.assert_array_equal(seen[:, :2], np.tile([0, 1], (60, 1)))
        best = agent.predict(np.zeros(1, np.float32), action_mask=HELD)
        np.testing.assert_array_equal(best[:2], [0, 1])


class Masker(gym.Wrapper):
    """As sb3-contrib's ActionMasker."""

    def action_masks(self):
        return np.array(HELD, bool)


class OtherMasks(gym.Wrapper):
    """Changes the mask in `info`, as what changes actions does."""

    def step(self, action):
        *result, info = self.env.step(action)
        return *result, info | {"action_mask": np.array([[1, 1]] * 3, np.int8)}

    def reset(self, **kwargs):
        observation, info = self.env.reset(**kwargs)
        return observation, info | {"action_mask": np.array([[1, 1]] * 3, np.int8)}


@dataclass(frozen=True)
class Around(Wrapper):
    """A wrapper of Gymnasium's as one of operant's."""

    layer: type[gym.Wrapper]

    def check(self, spec):
        """Any environment will do."""

    def native(self, environment):
        raise NotImplementedError

    def gymnasium(self, env):
        return self.layer(env)


class Bare(Switches):
    def _info(self):
        return {}


@pytest.mark.parametrize("vectorization", ["sync", "async"])
def test_wrap_finds_the_method_action_masks_of_a_wrapper(vectorization):
    learner = PPO(n_steps=16, batch_size=16, n_epochs=1, network=Network(hidden_sizes=(4,)))
    with Agent(learner, Bare, wrappers=[Around(Masker)], num_envs=2, vectorization=vectorization) as agent:
        assert agent.spec.masked
        seen = []
        agent.learn(64, progress_bar=False, observers=[lambda t: seen.append(np.asarray(t.action))])
        actions = np.concatenate(seen).reshape(-1, 3)
        assert {tuple(row[:2]) for row in actions} == {(0, 1)}
        assert agent.evaluate(2).mean == 0


def test_wrap_leaves_masks_that_a_wrapper_has_put_into_info_as_they_are():
    env = wrap(wrap(Switches(by_method=True), [Around(Masker)]), [Around(OtherMasks)])
    assert np.all(env.reset()[1]["action_mask"])
    assert np.all(env.step(np.zeros(3, np.int8))[-1]["action_mask"])


def test_ignore_masks_leaves_out_native_masks():
    assert probes.Masked().spec.masked
    assert not wrap(probes.Masked(), "ignore-masks").spec.masked
    assert as_wrappers("ignore-masks") == (IgnoreMasks(),)


def test_action_masks_must_be_a_method():
    env = Switches(by_method=True)
    env.action_masks = np.ones(6, bool)
    with pytest.raises(ValueError, match="action_masks is ndarray: must be a method"):
        Agent(PPO(n_steps=16, batch_size=16), env)


@pytest.mark.parametrize(
    ("space", "mask"),
    [
        (gym.spaces.Discrete(3), [0, 0, 0]),
        (gym.spaces.MultiDiscrete([2, 3]), [0, 0, 1, 1, 1]),
        (gym.spaces.MultiDiscrete([2, 3]), [1, 0, 0, 0, 0]),
        (gym.spaces.MultiBinary(2), [0, 0, 1, 1]),
    ],
    ids=str,
)
def test_action_mask_must_leave_something_possible_in_every_part_until_the_episode_is_over(space, mask):
    with pytest.raises(ValueError, match="allows no action at all"):
        flat_mask(space, mask)
    assert flat_mask(space, mask, final=True).all()
