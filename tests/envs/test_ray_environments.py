"""Environments in processes of Ray's: the numbers of those in this process, and what happens when a process ends."""

from __future__ import annotations

import json
import os
import signal
import sys
from dataclasses import replace

import gymnasium as gym
import jax
import numpy as np
import pytest

import operant
from operant import cluster
from operant.algorithms.policy_gradient.ppo import PPO
from operant.engine.asynchronous import setup
from operant.envs import sent
from operant.envs.classic.cartpole import CartPole
from operant.envs.gymnasium_checks import EnvironmentFault
from operant.envs.source import Source
from operant.envs.wrappers.registry import as_wrappers
from operant.networks import UserModule

pytest.importorskip("ray")

KEY = jax.random.key(3)


@pytest.fixture(scope="module", autouse=True)
def _on_ray():
    """Ray, which all tests share."""
    share, pickle, here = cluster.Share(None, 2), cluster.library().cloudpickle, sys.modules[__name__]
    pickle.register_pickle_by_value(here)  # as functions of a script are sent, and not those of a module
    yield
    pickle.unregister_pickle_by_value(here)
    share.close()


@pytest.fixture(autouse=True)
def _two_processes(monkeypatch):
    monkeypatch.setattr(cluster.Share, "cores", lambda self, here: 2)


def rich():
    """An environment with masks, discounts, infos, and an observation in parts."""

    class Rich(gym.Env):
        observation_space = gym.spaces.Dict(
            {"a": gym.spaces.Box(-9, 9, (2,), np.float32), "b": gym.spaces.Discrete(30)}
        )
        action_space = gym.spaces.Discrete(3)
        level = 1

        def seen(self):
            return {"a": self.np_random.normal(size=2).clip(-9, 9).astype(np.float32), "b": self.t}

        def told(self):
            mask = np.array([1, self.t % 2, 1], np.int8)
            return {"action_mask": mask, "discount": 0.5 if self.t == 3 else 1.0, "level": self.level}

        def reset(self, *, seed=None, options=None):
            super().reset(seed=seed)
            self.t, self.end = 0, int(self.np_random.integers(4, 9))
            return self.seen(), self.told()

        def step(self, action):
            self.t += 1
            return self.seen(), float(action) + self.t, self.t >= self.end, False, self.told()

    return Rich()


SOURCES = {
    "CartPole": Source("CartPole-v1", backend="gymnasium", wrappers=as_wrappers("scale-reward:0.1")),
    "Pendulum": Source("Pendulum-v1", backend="gymnasium", env_kwargs={"g": 9.0}),
    "rich": Source(rich),
    "list": Source([rich, rich, rich, rich, rich]),
}


@pytest.mark.parametrize("name", SOURCES)
def test_ray_environments_give_the_numbers_of_sync(name):
    source = SOURCES[name]
    on_ray = replace(source, vectorization="ray")
    ended: list[list] = [[], []]
    both = [source.host(5), on_ray.host(5)]
    try:
        assert both[0].spec == both[1].spec
        for one, own in zip(both, ended, strict=True):
            one.on_end = lambda index, count, info, own=own: own.append((index, count, info.get("level")))
        group = 5 if name == "rich" else 1
        for options in ({}, {"start_key": jax.random.key(9), "group": group}):
            alike(*[one.reset(KEY, **options) for one in both])
            for t in range(12):
                shape = (5, 1) if name == "Pendulum" else (5,)
                action = np.full(shape, t % 2, np.float32 if name == "Pendulum" else np.int32)
                alike(*[one.step(action) for one in both])
        assert ended[0] == ended[1]
        if name == "rich":
            assert len(ended[0]) > 5
            assert both[1].infos[4] == sent.plain(both[0].infos[4])
            both[1].set_attr("level", 3)
            assert both[1].call("level") == [3] * 5
            with pytest.raises(ValueError, match="has no attribute 'levle'"):
                both[1].set_attr("levle", 3)
    finally:
        for one in both:
            one.close()


def alike(mine, its):
    assert jax.tree.structure(mine) == jax.tree.structure(its)
    for a, b in zip(*map(jax.tree.leaves, (mine, its)), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def test_ray_environments_train_as_sync_does():
    def trained(vectorization):
        with operant.DQN(
            "CartPole-v1",
            preset=None,
            num_envs=4,
            backend="gymnasium",
            vectorization=vectorization,
            learning_starts=16,
            network={"hidden_sizes": (4,)},
        ) as agent:
            return agent.learn(128, progress_bar=False)

    one, other = map(trained, ("sync", "ray"))
    alike(one.state, other.state)
    assert "ray" in other.title


def failing():
    class Failing(gym.Wrapper):
        def step(self, action):
            if action == 1:
                raise KeyError("here")
            return self.env.step(action)

    return Failing(gym.make("CartPole-v1"))


def test_ray_environments_raise_what_an_environment_raises_and_say_which():
    environments = Source(failing, vectorization="ray").host(4)
    try:
        environments.reset(KEY)
        environments.step(np.zeros(4, np.int32))
        with pytest.raises(KeyError, match="here") as caught:
            environments.step(np.array([0, 0, 0, 1], np.int32))
        assert "CartPole-v1, copy 3, step 2" in caught.value.__notes__[0]
        assert not environments.lost
        environments.reset(KEY)
        environments.step(np.zeros(4, np.int32))
    finally:
        environments.close()


def test_ray_environments_say_which_copies_a_process_took_with_it():
    environments = Source("CartPole-v1", backend="gymnasium", vectorization="ray").host(4)
    try:
        environments.reset(KEY)
        process = environments._processes[1]
        pid = json.loads(process.answer(process.at_once("ping")))["pid"]
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(
            EnvironmentFault, match=f"copies 2 to 3, step 1: its process {pid} on .* has ended"
        ):
            environments.step(np.zeros(4, np.int32))
        assert environments.lost
    finally:
        environments.close()


def test_ray_environments_say_what_a_process_cannot_import():
    pickle, here = cluster.library().cloudpickle, sys.modules[__name__]
    pickle.unregister_pickle_by_value(here)
    environments = Source(failing, vectorization="ray").host(2)
    pickle.register_pickle_by_value(here)
    try:
        with pytest.raises(
            EnvironmentFault, match=r"could not begin: ModuleNotFoundError: .*test_ray_environments"
        ):
            environments.reset(KEY)
    finally:
        environments.close()


def test_ray_environments_are_refused_where_they_are_made_already():
    with pytest.raises(ValueError, match=r"vectorization='ray': .* is made already"):
        Source(gym.make("CartPole-v1"), vectorization="ray")
    with pytest.raises(ValueError, match="ray_address='auto': it is where environments are stepped"):
        Source("CartPole-v1", ray_address="auto")
    with pytest.raises(ValueError, match="workers=2: each worker on Ray steps its own environments"):
        operant.IMPALA(
            "CartPole-v1", preset=None, backend="gymnasium", vectorization="ray", workers=2, worker_type="ray"
        )


# what another process is told


@pytest.mark.parametrize("name", SOURCES)
def test_read_makes_the_source_that_write_wrote(name):
    source, told = SOURCES[name], sent.Written()
    sent.write(source, told)
    made = sent.read(json.loads(json.dumps(told.values)), told.objects)
    assert made == source
    assert list(told.objects) == ([] if isinstance(source.given, str) else ["given"])


def test_write_refuses_classes_of_equinox_that_a_script_defines():
    class Own(CartPole):
        pass

    sent.write(Source(Own(), backend="gymnasium"), sent.Written())  # of a module
    Own.__module__ = "__main__"
    with pytest.raises(ValueError, match="Own is defined in the script that runs, and classes of Equinox"):
        sent.write(Source(Own(), backend="gymnasium"), sent.Written())
    network = UserModule(Own())
    with pytest.raises(ValueError, match="Own is defined in the script"):
        setup.written(PPO(network=network), Source("CartPole-v1"))


def test_write_keeps_as_an_object_only_what_json_changes():
    def own_reward():
        return 0

    class Own(gym.Env):
        def __init__(self, size=(1, 2), reward=None):
            pass

    told = sent.Written()
    sent.write(Source(Own, env_kwargs={"size": (1, 2)}), told)  # a tuple, which would become a list
    assert set(told.objects) == {"given", "env_kwargs"}
    gym.register("Own-v0", entry_point=lambda **_: Own())
    try:
        told = sent.Written()
        sent.write(Source("Own-v0", env_kwargs={"reward": own_reward}), told)
        assert set(told.objects) == {"registration", "env_kwargs"}
    finally:
        del gym.registry["Own-v0"]
