"""`operant.check` finds what was planted, and nothing where nothing is wrong."""

from __future__ import annotations

import re

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces as gs
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import operant


class Sound(gym.Env):
    """A walk of at most 30 steps on a line."""

    observation_space = gs.Box(-9, 9, (2,), np.float32)
    action_space = gs.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.x = 0, self.np_random.uniform(-1, 1)
        return self.seen(), {}

    def step(self, action):
        self.t += 1
        self.x += self.np_random.normal() * 0.1 + (0.1 if np.sum(action) > 0 else -0.1)
        return self.seen(), float(self.x), bool(abs(self.x) > 2), self.t >= 30, {}

    def seen(self):
        return np.array([self.x, self.t / 30], np.float32)


def changed(**methods):
    """A class like Sound, but for these."""
    return type("Changed", (Sound,), methods)


def stepping(change):
    """One whose step's answer is changed."""
    return changed(step=lambda self, action: change(*Sound.step(self, action)))


def resetting(change):
    def reset(self, *, seed=None, options=None):
        return change(*Sound.reset(self, seed=seed))

    return changed(reset=reset)


class Buffer(Sound):
    kept = None

    def seen(self):
        if self.kept is None:
            self.kept = np.zeros(2, np.float32)
        self.kept[:] = super().seen()
        return self.kept


class Unseeded(Sound):
    def reset(self, *, seed=None, options=None):
        return super().reset(seed=None)


class Shared(Sound):
    """Its copies share their numbers."""

    made = 0

    def __init__(self):
        Shared.made += 1
        self.offset = Shared.made / 10

    def seen(self):
        return super().seen() + np.float32(self.offset)


class Endless(Sound):
    def step(self, action):
        observation, reward, *_ = super().step(action)
        return np.clip(observation, -9, 9), reward, False, False, {}


class Masked(Sound):
    def reset(self, **options):
        return super().reset(**options)[0], {"action_mask": np.array([True, False, True])}


class MaskedLate(Sound):
    """Tells of its masks from the first step on."""

    def step(self, action):
        return (*super().step(action)[:4], {"action_mask": np.array([True, True])})


def fixed(self):
    return np.zeros(2, np.float32)


def bounded(low, high):
    return changed(action_space=gs.Box(low, high, (1,), np.float32))


WRONG = {
    "old step": (stepping(lambda *five: five[:4]), "step 1: step\\(\\) must return .*got 4 values"),
    "old reset": (resetting(lambda observation, info: observation), "reset\\(\\) must return"),
    "shape": (stepping(lambda o, *rest: (o[:1], *rest)), "step 1: observation must have shape"),
    "nan": (stepping(lambda o, *rest: (o * np.nan, *rest)), "observation\\[0\\] is nan"),
    "reward": (stepping(lambda o, r, *rest: (o, None, *rest)), "reward is NoneType"),
    "infinite": (stepping(lambda o, r, *rest: (o, np.inf, *rest)), "reward is inf"),
    "flag": (stepping(lambda o, r, t, *rest: (o, r, 3.0, *rest)), "terminated is float 3.0"),
    "info": (stepping(lambda *five: (*five[:4], None)), "info is NoneType"),
    "raises": (stepping(lambda *five: 1 / 0), "step 1 raises ZeroDivisionError"),
    "raises at reset": (resetting(lambda *two: 1 / 0), "ZeroDivisionError"),
    "seed": (Unseeded, "does not fix the episode.*self.np_random"),
    "copies": (Shared, "two copies give different episodes"),
    "mask": (Masked, "mask.* needs 2 flags"),
    "late mask": (MaskedLate, "step 1: info.* was not there at the first reset"),
    "space": (changed(observation_space=gs.Text(3)), "cannot take the space Text"),
    "not one": (dict, "must return a gymnasium.Env"),
    "unknown": ("CartPol-v1", "Did you mean CartPole-v1"),
    "keyword": (lambda: Sound(1), "making it: TypeError"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_check_reports_what_is_wrong_and_does_not_raise(kind):
    env, message = WRONG[kind]
    report = operant.check(env, episodes=2)
    assert not report.ok
    assert len(report.errors) == 1, report
    assert re.search(f"(?s){message}", report.errors[0]), report
    assert "  error: " in str(report)
    assert "error" in report._repr_html_()


ADVICE = {
    "buffer": (Buffer, "same array again"),
    "endless": (Endless, "no episode ended within 50 steps.*time-limit"),
    "fixed": (
        changed(seen=fixed, reset=lambda self, **_: (Sound.reset(self, seed=1)[0], {})),
        "every seed gives the same",
    ),
    "unbounded": (bounded(-np.inf, np.inf), "have no bounds"),
    "wide": (bounded(0, 1000), "from 0 to 1000.*rescale-action"),
    "uneven": (bounded(0, 1), "not symmetric about 0"),
    "rewards": (stepping(lambda o, r, *rest: (o, 1e4 * r, *rest)), "normalize_rewards=True"),
    "unpaid": (stepping(lambda o, r, *rest: (o, 0.0, *rest)), "were paid nothing"),
    "far": (stepping(lambda o, *rest: (o + 500, *rest)), "normalize_observations=True"),
    "beyond": (stepping(lambda o, *rest: (o + 500, *rest)), "outside the bounds"),
    "constant": (changed(seen=fixed), r"never changed: \[0, 1\]"),
    "limit": (
        stepping(lambda o, r, t, cut, info: (np.clip(o, -1, 1), r, cut, False, info)),
        "terminated after exactly 30 steps.*truncated=True",
    ),
    "statistics": (lambda: gym.wrappers.NormalizeObservation(Sound()), "keeps statistics"),
}


@pytest.mark.parametrize("kind", ADVICE)
def test_check_advises_what_would_be_better(kind):
    env, message = ADVICE[kind]
    report = operant.check(env, episodes=3, max_steps=50)
    assert any(re.search(f"(?s){message}", text) for text in report.advice), report


class Held(Sound):
    """Its masks allow some of the choices, and none at the end of an episode, when nobody acts any more."""

    def __init__(self, action_space, mask, allowed):
        self.action_space, self.mask, self.allowed = action_space, np.array(mask, bool), allowed

    def reset(self, **options):
        return super().reset(**options)[0], {"action_mask": self.mask}

    def step(self, action):
        assert np.array_equal(action, self.allowed)
        *answer, _ = super().step(action)
        over = answer[2] or answer[3]
        return (*answer, {"action_mask": np.zeros_like(self.mask) if over else self.mask})


HELD = {
    "one choice": Held(gs.Discrete(3), [0, 1, 0], 1),
    "several": Held(gs.MultiDiscrete([2, 3], start=[0, 5]), [0, 1, 0, 0, 1], [1, 7]),
    "switches": Held(gs.MultiBinary(2), [1, 0, 0, 1], [0, 1]),
}


@pytest.mark.parametrize("kind", HELD)
def test_check_obeys_masks_which_may_allow_nothing_at_the_end(kind):
    report = operant.check(HELD[kind], episodes=2)
    assert not [text for text in report.errors if "Gymnasium's checker" not in text], report


@pytest.mark.parametrize(
    ("env", "arguments"),
    [
        (Sound, {}),
        (Sound(), {}),
        ([Sound, Sound], {}),
        (lambda: SyncVectorEnv([Sound] * 2, autoreset_mode=AutoresetMode.NEXT_STEP), {}),
        ("CartPole-v1", {}),
        ("CartPole", {"wrappers": "frame-stack:2"}),
        ("FrozenLake-v1", {"env_kwargs": {"is_slippery": False}}),
        ("Taxi-v4" if "Taxi-v4" in gym.registry else "Taxi-v3", {}),
        ("Pendulum-v1", {}),
        ("GridWorld", {}),
        (operant.GridWorld("maze"), {}),
    ],
)
def test_check_finds_nothing_where_nothing_is_wrong(env, arguments):
    env = env() if getattr(env, "__name__", "") == "<lambda>" else env
    report = operant.check(env, episodes=2, max_steps=60, **arguments)
    assert report.ok, report
    assert (report.episodes, report.steps > 20) >= (2, True)
    assert "nothing is wrong" in str(report)
