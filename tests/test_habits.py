"""What people type by habit from other libraries is answered in one line, wherever it is typed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import operant
from operant import habits

SMALL: dict[str, Any] = {
    "preset": None,
    "n_steps": 16,
    "batch_size": 16,
    "n_epochs": 1,
    "network": {"hidden_sizes": (8,)},
}


@pytest.fixture(scope="module")
def agent():
    return operant.PPO("CartPole-v1", **SMALL)


@pytest.fixture(scope="module")
def path(agent, tmp_path_factory):
    path = tmp_path_factory.mktemp("habits") / "model"
    agent.save(path)
    return path


def given(name: str) -> dict[str, Any]:
    return {name: 1}


def answered(error: BaseException, name: str, table: dict[str, str]) -> None:
    text = str(error)
    assert "\n" not in text
    assert repr(name) in text
    assert text.endswith(table[name])


@pytest.mark.parametrize("name", habits.MODULE)
def test_in_the_module(name):
    if hasattr(operant, name):
        pytest.skip("it exists")
    with pytest.raises(AttributeError) as attribute:
        getattr(operant, name)
    answered(attribute.value, name, habits.MODULE)
    with pytest.raises(ImportError) as imported:
        exec(f"from operant import {name}")
    answered(imported.value, name, habits.MODULE)


@pytest.mark.parametrize("name", habits.CONSTRUCTOR)
def test_in_constructors(name):
    make = operant.DQN if name == "n_steps" else operant.PPO
    with pytest.raises(ValueError, match="has no argument") as error:
        make("CartPole-v1", preset=None, **given(name))
    answered(error.value, name, habits.CONSTRUCTOR)


@pytest.mark.parametrize("name", habits.LEARN)
def test_in_learn(name, agent):
    with pytest.raises(TypeError) as error:
        agent.learn(16, **given(name))
    answered(error.value, name, habits.LEARN)


@pytest.mark.parametrize("name", habits.PREDICT)
def test_in_predict(name, agent):
    with pytest.raises(TypeError) as error:
        agent.predict(np.zeros(4), **given(name))
    answered(error.value, name, habits.PREDICT)


@pytest.mark.parametrize("name", habits.EVALUATE)
def test_in_evaluate(name, agent):
    with pytest.raises(TypeError) as error:
        agent.evaluate(1, **given(name))
    answered(error.value, name, habits.EVALUATE)


@pytest.mark.parametrize("name", habits.RECORD)
def test_in_record(name, agent, tmp_path):
    with pytest.raises(TypeError) as error:
        agent.record(tmp_path / "film.mp4", **given(name))
    answered(error.value, name, habits.RECORD)


@pytest.mark.parametrize("name", habits.LOAD)
def test_in_load(name, path):
    with pytest.raises(TypeError) as error:
        operant.PPO.load(path, **given(name))
    answered(error.value, name, habits.LOAD)


@pytest.mark.parametrize("name", habits.AGENT)
def test_on_agents(name, agent):
    with pytest.raises(AttributeError) as error:
        getattr(agent, name)
    answered(error.value, name, habits.AGENT)


@pytest.mark.parametrize("name", habits.POLICY)
def test_on_policies(name, agent):
    with pytest.raises(AttributeError) as error:
        getattr(agent.policy, name)
    answered(error.value, name, habits.POLICY)


def test_what_is_nearly_right_is_offered(agent):
    for where, name, words in (
        (operant, "Ppo", r"Did you mean 'PPO'"),
        (agent, "evalute", r"Did you mean 'evaluate'"),
        (agent, "learning_rat", r"Did you mean 'learning_rate'"),
    ):
        with pytest.raises(AttributeError, match=words):
            getattr(where, name)
    with pytest.raises(TypeError, match=r"no argument 'total_timestep'\. Did you mean 'total_timesteps'"):
        agent.learn(16, **{"total_timestep": 3})  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match=r"no argument 'keep_checkpoint'\. Did you mean 'keep_checkpoints'"):
        agent.learn(16, **{"keep_checkpoint": 3})  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError, match="not a pair"):
        _mean, _deviation = agent.evaluate(1)


def test_a_schedule_may_be_a_plain_function(tmp_path):
    plain = operant.PPO("CartPole-v1", learning_rate="linear:0.01:0", **SMALL).learn(64, progress_bar=False)
    agent = operant.PPO("CartPole-v1", learning_rate=lambda left: 0.01 * left, **SMALL).learn(
        64, progress_bar=False
    )
    for ours, theirs in zip(agent.get_parameters().values(), plain.get_parameters().values(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-6)
    agent.save(tmp_path / "model")
    with pytest.raises(
        ValueError, match=r"learning_rate was a function of yours.*pass it again as learning_rate="
    ):
        operant.load(tmp_path / "model")
    assert operant.load(tmp_path / "model", learning_rate=0.01).step == 64
    with pytest.raises(ValueError, match=r"learning_rate=.*jnp\.where instead of if.*'linear:3e-4:0'"):
        operant.PPO("CartPole-v1", learning_rate=lambda left: 1.0 if left > 0.5 else 0.1, **SMALL)


def test_numbers_of_numpys_are_numbers():
    agent = operant.PPO("CartPole-v1", **{**SMALL, "n_steps": np.int64(32), "gamma": np.float32(0.5)})
    assert (agent.n_steps, agent.gamma) == (32, 0.5)
