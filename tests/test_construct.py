"""`operant.PPO(env, …)`: which values an agent is made of, and what is said of them."""

from __future__ import annotations

import warnings

import pytest

import operant
from operant import construct, presets
from operant.agent.advice import out_of_range
from operant.algorithms.policy_gradient.ppo import PPO


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(construct, "_said", set())


def test_the_preset_of_an_environment_is_taken_and_said_once(capsys):
    tuned = presets.find("ppo", "CartPole-v1", "auto")
    for _ in range(2):
        agent = operant.PPO("CartPole-v1", n_steps=64)
        assert agent.num_envs == tuned["num_envs"] == 8
        assert agent.algorithm.gamma == tuned["gamma"] == 0.98
        assert agent.algorithm.n_steps == 64  # by hand
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("operant: ppo takes its preset for CartPole-v1: num_envs=8, batch_size=256, ")
    assert "n_steps" not in line
    assert "preset=None" in line


def test_plain_defaults_and_named_presets_say_nothing(capsys):
    plain = operant.PPO("CartPole-v1", preset=None)
    assert plain.algorithm == PPO()
    assert plain.num_envs == 1
    assert operant.PPO("CartPole-v1", preset="CartPole-v1").num_envs == 8
    assert operant.PPO("MountainCar-v0").algorithm == PPO()  # there is none for it
    assert operant.PPO(operant.GridWorld()).algorithm == PPO()  # and it is known by its id only
    assert capsys.readouterr() == ("", "")


def test_a_range_that_returns_leave_is_said():
    with pytest.warns(
        UserWarning, match=r"CartPole-v1 counts as solved at 475.*v_min=-10 to v_max=10.*Give v_min"
    ):
        operant.Rainbow("CartPole-v1", preset=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        operant.Rainbow("CartPole-v1")  # the preset's
        operant.Rainbow("CartPole-v1", preset=None, v_min=0.0, v_max=1.0)  # by hand
        operant.DQN("CartPole-v1", preset=None)  # no distribution
    rainbow = operant.Rainbow("CartPole-v1").algorithm
    assert out_of_range(rainbow, 500.0, 500.0) is None  # 99.3 of 100
    assert "about -39.7 discounted" in str(out_of_range(rainbow, -200.0, 500.0))


@pytest.mark.parametrize("preset", [True, {"gamma": 0.9}])
def test_what_is_no_preset(preset):
    with pytest.raises(ValueError, match=r"preset=.*: must be 'auto'"):
        operant.PPO("CartPole-v1", preset=preset)
