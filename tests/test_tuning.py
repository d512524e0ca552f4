"""What may be changed of an agent: hyperparameters, environment, parameters, replay. Nothing is ignored."""

from __future__ import annotations

from typing import Any, cast

import gymnasium as gym
import jax
import numpy as np
import pytest

import operant

PPO_SMALL: dict[str, Any] = {
    "preset": None,
    "n_steps": 16,
    "batch_size": 32,
    "n_epochs": 1,
    "network": {"hidden_sizes": (8,)},
}
DQN_SMALL: dict[str, Any] = {
    "preset": None,
    "buffer_size": 64,
    "learning_starts": 16,
    "network": {"hidden_sizes": (8,)},
}


def learn(agent, steps=64):
    return agent.learn(steps, progress_bar=False)


def same(one, other) -> bool:
    leaves = zip(*map(jax.tree.leaves, (one, other)), strict=True)
    return all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in leaves)


def weights(agent):
    return {name: value for name, value in agent.get_parameters().items() if name.startswith("network")}


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_a_number_that_is_set_is_trained_with_and_compiles_nothing_anew(backend):
    agent = learn(operant.PPO("CartPole-v1", num_envs=4, backend=backend, **PPO_SMALL))
    before, made = weights(agent), cast("Any", agent.learner._loop)
    agent.learning_rate = 0.0
    agent.gamma = 0.5
    assert (agent.learning_rate, agent.gamma, cast("Any", agent.algorithm).gamma) == (0.0, 0.5, 0.5)
    assert agent.config()["hyperparameters"]["learning_rate"] == 0.0
    compiled = (made._chunks if backend == "native" else made.learner._compiled).copy()
    learn(agent)
    assert same(weights(agent), before)
    assert agent.learner._loop is made
    assert (made._chunks if backend == "native" else made.learner._compiled) == compiled
    agent.learning_rate = 0.01
    learn(agent)
    assert not same(weights(agent), before)


def test_setting_during_training_takes_effect_with_the_next_chunk():
    agent, kept = operant.PPO("CartPole-v1", num_envs=4, **PPO_SMALL), []

    def freeze(progress):
        progress.agent.learning_rate = 0.0
        kept.append(weights(progress.agent))

    agent.learn(192, freeze, progress_bar=False, log_interval=64)
    assert len(kept) == 3
    assert same(kept[0], kept[2])


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_sizes_and_schedules_are_set_where_what_is_learnt_fits(backend):
    agent = learn(operant.PPO("CartPole-v1", num_envs=4, backend=backend, **PPO_SMALL))
    agent.batch_size, agent.n_steps, agent.learning_rate = 16, 8, "linear:0.001:0"
    assert agent.learning_rate == operant.Linear(0.001, 0.0)
    assert learn(agent, 32).step == 96
    with pytest.raises(
        ValueError, match=r"agent\.network = .*would not fit.*operant\.load\(path, network=…\)"
    ):
        agent.network = {"hidden_sizes": (16,)}
    with pytest.raises(ValueError, match=r"gamma=1\.5: must be"):
        agent.gamma = 1.5
    assert agent.gamma == 0.99
    dqn = learn(operant.DQN("CartPole-v1", backend=backend, **DQN_SMALL), 32)
    dqn.batch_size = 16
    with pytest.raises(ValueError, match=r"agent\.buffer_size = 128: .*in replay"):
        dqn.buffer_size = 128
    learn(dqn, 16)


def test_what_cannot_be_set_is_refused():
    agent = operant.PPO("CartPole-v1", num_envs=2, **PPO_SMALL)
    for name, words in (
        ("num_envs", r"num_envs cannot be set.*operant\.load\(path, num_envs=…\)"),
        ("seed", "seed cannot be set"),
        ("predict", "predict cannot be set"),
        ("learning_rat", r"no attribute 'learning_rat'\. Did you mean 'learning_rate'"),
        ("verbose", "no attribute 'verbose'.*quiet"),
        ("nonsense", r"no attribute 'nonsense'.*such as agent\.learning_rate"),
    ):
        with pytest.raises(AttributeError, match=words):
            setattr(agent, name, 1)
    assert agent.num_envs == 2


def test_parameters_are_read_and_set():
    agent = learn(operant.PPO("CartPole-v1", num_envs=4, **PPO_SMALL))
    other = operant.PPO("CartPole-v1", num_envs=4, seed=5, **PPO_SMALL)
    observations = np.random.default_rng(0).uniform(-0.2, 0.2, (8, 4)).astype(np.float32)
    assert not np.allclose(other.value(observations), agent.value(observations))
    values = agent.get_parameters()
    other.set_parameters(values)
    np.testing.assert_array_equal(other.value(observations), agent.value(observations))
    learn(other)
    other.set_parameters(values)  # also when there is a run
    np.testing.assert_array_equal(other.value(observations), agent.value(observations))
    name = "network.policy_head.output.bias"
    other.set_parameters({name: [50.0, 0.0]}, exact_match=False)
    assert (other.predict(observations) == 0).all()
    for wrong, words in (
        ({name: [1.0]}, r"output\.bias has shape \(1,\) where \(2,\)"),
        ({"network.policy": 1}, "There is no parameter 'network.policy'"),
        ({name: [1.0, 2.0]}, "parameters are missing"),
    ):
        with pytest.raises(ValueError, match=words):
            other.set_parameters(wrong)


def test_another_environment_is_trained_in():
    agent = learn(operant.PPO("CartPole-v1", num_envs=2, **PPO_SMALL), 32)
    before = agent.state
    agent.set_env(lambda: gym.make("CartPole-v1", max_episode_steps=5))
    assert same(agent.state, before)
    assert agent.step == 32
    assert agent.evaluate(2).lengths.tolist() == [5, 5]
    learn(agent, 32)
    assert agent.step == 64
    with pytest.raises(ValueError, match=r"made for CartPole-v1.*Box\(3\)"):
        agent.set_env("Pendulum-v1")


def test_another_environment_is_stepped_as_the_first_one_was():
    agent = operant.PPO("CartPole-v1", backend="gymnasium", num_envs=2, **PPO_SMALL)
    agent.set_env("CartPole-v1")
    assert agent.source.native is None
    how = {"vectorization": "async", "start_method": "spawn"}
    agent = operant.PPO(lambda: gym.make("CartPole-v1"), num_envs=2, **how, **PPO_SMALL)
    for env in ([lambda: gym.make("CartPole-v1")] * 2, "CartPole-v1"):
        agent.set_env(env)
        assert (agent.source.vectorization, agent.source.start_method) == ("async", "spawn")


def test_replay_is_saved_and_loaded(tmp_path):
    agent = learn(operant.DQN("CartPole-v1", **DQN_SMALL), 40)
    agent.save_replay_buffer(tmp_path / "new" / "replay.safetensors")
    with (tmp_path / "open").open("wb") as file:
        agent.save_replay_buffer(file)
    assert (tmp_path / "open").read_bytes()
    other = operant.DQN("CartPole-v1", **DQN_SMALL)
    with (tmp_path / "open").open("rb") as file:
        other.load_replay_buffer(file)
    other.load_replay_buffer(tmp_path / "new" / "replay.safetensors")
    rows, theirs = (cast("Any", one.learner.run).replay.rows for one in (other, agent))
    np.testing.assert_array_equal(rows.reward, theirs.reward)
    assert bool(rows.truncated[39]) or bool(rows.terminated[39])  # what comes next does not follow from it
    learn(other, 24)
    with pytest.raises(ValueError, match="nothing in replay yet"):
        operant.DQN("CartPole-v1", **DQN_SMALL).save_replay_buffer(tmp_path / "x")
    with pytest.raises(ValueError, match="PPO has no replay"):
        operant.PPO("CartPole-v1", **{**PPO_SMALL, "batch_size": 16}).load_replay_buffer(tmp_path / "x")
    agent.save(tmp_path / "model")
    with pytest.raises(ValueError, match="holds no replay"):
        other.load_replay_buffer(tmp_path / "model")


def test_spaces_and_steps_have_stable_baselines_names():
    agent = operant.PPO("CartPole-v1", num_envs=2, **PPO_SMALL)
    env = gym.make("CartPole-v1")
    assert agent.action_space == env.action_space
    assert agent.observation_space.contains(env.reset(seed=0)[0])
    assert agent.num_timesteps == agent.step == 0
    assert not hasattr(agent, "_repr_nonsense_")
