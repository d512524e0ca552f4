"""The line and the Python that repeat a run make the same agent, from nothing but its config."""

from __future__ import annotations

import json
import re
import shlex

import gymnasium as gym
import pytest

import operant
from operant.cli.asked import read
from operant.cli.train import _agent
from operant.studio.repeat import command_line, flag, missing, python

AGENTS = {
    "defaults": lambda: operant.PPO("CartPole-v1"),
    "numbers": lambda: operant.PPO(
        "CartPole-v1",
        seed=4,
        num_envs=4,
        learning_rate="cosine:1e-3:0",
        target_kl=0.1,
        normalize_observations=True,
    ),
    "network": lambda: operant.DQN(
        "CartPole-v1",
        dueling="max",
        priority=True,
        max_grad_norm=None,
        network={"hidden_sizes": (8, 8), "layer_norm": True, "convolutions": [(4, 3, 1), (8, 3, 1)]},
    ),
    "configured": lambda: operant.Rainbow("CartPole-v1", n_step=5, dueling="mean", noisy=True),
    "seeds": lambda: operant.A2C("Pendulum-v1", seeds=[3, 9], backend="gymnasium", vectorization="sync"),
    "seeds upwards": lambda: operant.A2C("Pendulum-v1", seed=3, seeds=2),
    "environment": lambda: operant.QLearning(
        "FrozenLake-v1", env_kwargs={"is_slippery": False, "map_name": "8x8", "desc": None}
    ),
    "wrappers": lambda: operant.PPO("CartPole-v1", wrappers=["time-limit:20", "repeat:2", "select:0,2"]),
    "curiosity": lambda: operant.PPO(
        "CartPole-v1", curiosity=operant.RND(scale=0.5, network=operant.Network((8,), activation="relu"))
    ),
}


@pytest.fixture(scope="module", params=AGENTS)
def config(request):
    """As it is read from a run's directory."""
    config = AGENTS[request.param]().config() | {"total_timesteps": 12_345, "evaluate_every": 50}
    return json.loads(json.dumps(config))


def test_the_line_asks_for_the_same(config):
    program, command, algorithm, *rest = shlex.split(command_line(config))
    assert (program, command, algorithm) == ("operant", "train", config["algorithm"])
    asked = read(algorithm, rest)
    assert (asked.training.total_timesteps, asked.training.evaluate_every) == (12_345, 50)
    assert asked.preset == "none"
    assert json.loads(json.dumps(_agent(asked).config())) == {
        key: config[key] for key in _agent(asked).config()
    }


def test_the_python_makes_the_same(config, monkeypatch):
    script = python(config)
    learnt = {}
    monkeypatch.setattr(operant.Agent, "learn", lambda self, steps, **how: learnt.update(steps=steps, **how))
    names = {}
    exec(compile(script, "script", "exec"), names)
    made = json.loads(json.dumps(names["agent"].config()))
    assert made == {key: config[key] for key in made}
    assert learnt == {"steps": 12_345, "evaluate_every": 50}


def test_what_was_an_object_is_named():
    made = operant.PPO(
        lambda: gym.make("CartPole-v1"), wrappers=[operant.PotentialShaping(lambda seen: seen[0], gamma=0.99)]
    )
    config = json.loads(json.dumps(made.config())) | {"total_timesteps": 100}
    assert missing(config) == ["environment", "wrappers"]
    assert command_line(config) == ""
    script = python(config)
    assert re.search(r"^# environment: give the one", script, re.MULTILINE)
    assert "    environment,\n" in script
    assert "wrappers=wrappers" in script
    compile(script, "script", "exec")


def test_encoders_are_typed_by_their_keys():
    words = flag("network", {"encoders": [["goal", [4, 8]], ["image", []]]})
    assert words == ["--network.encoders", "goal:4,8", "image:"]
    asked = read("ppo", ["CartPole-v1", *words])
    assert asked.hyperparameters["network"]["encoders"] == (("goal", (4, 8)), ("image", ()))
