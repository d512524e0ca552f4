"""The newest policy at play: in environments of its own, only while somebody looks, and training is not touched."""

from __future__ import annotations

import base64
import io
import json
import threading
import time

import gymnasium as gym
import jax
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleEnv
from PIL import Image

import operant
from operant.live.playing import Learnt, Player
from operant.live.thinking import picture
from tests.shared import SMALL_DQN, ppo


def shown(player: Player, seconds: float = 60.0) -> dict:
    """What it shows next."""
    number, end = player.latest[0], time.monotonic() + seconds
    while player.latest[0] == number:
        assert time.monotonic() < end
        time.sleep(0.02)
    return json.loads(player.latest[1])


def test_picture_is_a_small_jpeg():
    frame = np.zeros((600, 900, 3), np.uint8)
    frame[:, :450] = 255
    head, _, data = picture(frame).partition(",")
    assert head == "data:image/jpeg;base64"
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert image.size == (400, 267)
    assert image.getpixel((50, 100)) == (255, 255, 255)
    assert image.getpixel((350, 100)) == (0, 0, 0)


def test_what_is_trained_is_played_as_it_was_between_two_chunks_and_training_learns_the_same():
    steering, rows = operant.Steering(), []
    steering.snapshot()  # somebody looks
    agent = ppo(seed=3)
    steering.ask("pause")

    def train():
        agent.learn(
            384, lambda p: rows.append(p.step), progress_bar=False, log_interval=128, steering=steering
        )

    thread = threading.Thread(target=train, daemon=True)
    thread.start()
    while not steering.paused:
        time.sleep(0.02)
    player = Player(Learnt.of_training(steering), steering.look_away)
    with player.watched():
        seen = shown(player)
        while seen.get("step") != 128:  # at first what there was before the pause
            seen = shown(player)
        assert seen["steps"] > 0
        assert seen["reward"] == seen["steps"]  # of CartPole
        assert seen["frame"].startswith("data:image/jpeg;base64,")
        assert seen["frame"] != seen["random"]["frame"]
        thoughts = seen["thoughts"]
        assert thoughts["actions"] == ["push left", "push right"]
        assert np.isclose(sum(thoughts["probabilities"]), 1)
        assert np.isfinite(thoughts["value"])
        assert "q_values" not in thoughts
        assert player.draw("policy").startswith(b"\x89PNG")
        steering.ask("go on")
        thread.join(60)
        while shown(player)["step"] != 384:
            pass
    played, _ = player.learnt.agent()
    for x, y in zip(jax.tree.leaves(played.state), jax.tree.leaves(agent.state), strict=True):
        assert np.array_equal(x, y)
    alone = ppo(seed=3).learn(384, progress_bar=False, log_interval=128)
    for x, y in zip(jax.tree.leaves(alone.state), jax.tree.leaves(agent.state), strict=True):
        assert np.array_equal(x, y)
    end = time.monotonic() + 20
    while player._thread is not None:  # nobody looks
        assert time.monotonic() < end
        time.sleep(0.05)
    assert not steering._wanted.is_set()


def test_a_model_in_a_file_is_played_and_its_values_are_those_of_the_agent(tmp_path):
    agent = operant.DQN("FrozenLake-v1", seed=0, **SMALL_DQN)
    agent.save(tmp_path / "model.safetensors")
    player = Player(Learnt.of_file(tmp_path / "model.safetensors"))
    with player.watched():
        seen = shown(player)
    assert "problem" not in seen
    q_values = [agent.q_values(state) for state in range(16)]
    assert any(np.allclose(seen["thoughts"]["q_values"], q) for q in q_values)
    assert len(seen["thoughts"]["probabilities"]) == 4


class Blind(CartPoleEnv):
    """CartPole that draws nothing."""

    metadata = {"render_modes": []}  # noqa: RUF012 (as Gymnasium has it)


@pytest.mark.parametrize("what", ["no-model", "no-pictures"])
def test_what_cannot_be_played_says_why(tmp_path, what, monkeypatch):
    if what == "no-pictures":
        spec = gym.envs.registration.EnvSpec(id="Blind-v0", entry_point=Blind, max_episode_steps=100)
        monkeypatch.setitem(gym.registry, "Blind-v0", spec)
        operant.DQN("Blind-v0", seed=0, **SMALL_DQN).save(tmp_path / "model.safetensors")
    player = Player(Learnt.of_file(tmp_path / "model.safetensors"))
    with player.watched():
        problem = shown(player)["problem"]
    assert ("There is no file" if what == "no-model" else "Blind-v0 draws no pictures") in problem
