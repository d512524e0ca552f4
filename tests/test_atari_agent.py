"""Atari from end to end: trained, scored, filmed, loaded and resumed, from Python and from the shell."""

from __future__ import annotations

import json

import jax
import numpy as np
import pytest

import operant
from operant.agent import showing
from operant.agent.pictures import action_names
from operant.cli import main
from operant.engine.evaluate import Evaluation
from operant.envs.source import Source

pytest.importorskip("ale_py")

NETWORK = {"convolutions": [[2, 8, 8]], "convolution_features": 4, "hidden_sizes": []}
SHORT = {"max_num_frames_per_episode": 160}  # 40 steps


def test_scores_are_of_whole_games_with_their_own_rewards_and_name_the_protocol():
    """Catches games that end with a life, clipped scores, and a protocol that is not the one that was played."""
    random = operant.make(
        "random", "SpaceInvaders", env_kwargs={"repeat_action_probability": 0.0, "noop_max": 7}
    )
    score = random.evaluate(2, deterministic=False)
    assert score.protocol == (
        "whole games of at most 108,000 frames, rewards as they are, up to 7 no-ops and FIRE at the start, no sticky "
        "actions"
    )
    assert score.protocol in str(score)
    assert Evaluation.from_json(json.loads(json.dumps(score.to_json()))).protocol == score.protocol
    assert (score.returns % 5 == 0).all()
    assert score.returns.max() > 50  # aliens are paid 5 to 30, and the first life lasts for a few of them
    other = random.evaluate(1, deterministic=False, env_kwargs={"repeat_action_probability": 0.5, "mode": 1})
    assert other.protocol.endswith("sticky actions 0.5, mode 1")
    assert operant.make("random", "CartPole-v1").evaluate(1, deterministic=False).protocol is None


def test_what_is_trained_on_atari_is_saved_loaded_and_acts_alike(tmp_path):
    """Catches options that are lost on the way through a file: the loaded policy would play another game."""
    given = SHORT | {"img_height": 32, "img_width": 32, "stack_num": 2, "noop_max": 3}
    arguments = {
        "num_envs": 2,
        "n_steps": 8,
        "batch_size": 8,
        "n_epochs": 1,
        "network": NETWORK,
        "preset": None,
    }
    agent = operant.PPO("PongNoFrameskip-v4", env_kwargs=given, **arguments).learn(32, progress_bar=False)
    agent.save(tmp_path / "model.safetensors")
    loaded = operant.load(tmp_path / "model.safetensors")
    assert (
        loaded.source.env_kwargs
        == agent.source.env_kwargs
        == Source("PongNoFrameskip-v4", env_kwargs=given).env_kwargs
    )
    assert loaded.config() == agent.config()
    assert loaded.spec.observation_space.shape == (32, 32, 2)
    mine, theirs = agent.evaluate(2), loaded.evaluate(2)
    np.testing.assert_array_equal(mine.returns, theirs.returns)
    assert mine.lengths.tolist() == [40, 40]
    assert theirs.environment == "PongNoFrameskip-v4"
    env = loaded.source.single()
    observation, _ = env.reset(seed=0)
    assert loaded.predict(observation) in range(6)
    film = loaded.recording(max_steps=20)
    assert film.frames[0].shape == (210, 160, 3)
    assert film.observations[0].shape == (32, 32, 2)


SEEN = ("observation", "next_observation", "reward", "terminated", "truncated")


class Steps(operant.Callback):
    """Keeps what the environments answered, step by step."""

    def __init__(self):
        self.taken = []

    def on_step(self, event):
        self.taken.append({name: getattr(event, name) for name in SEEN})


@pytest.mark.parametrize("make", [operant.PPO, operant.DQN], ids=["rollout", "replay"])
def test_stacks_that_are_learnt_from_are_those_that_were_seen_though_only_frames_are_handed_over(make):
    """Catches a stack that is rebuilt over a game's end, and one whose game begins with other frames than were seen."""
    options = SHORT | {"max_num_frames_per_episode": 24, "img_height": 44, "img_width": 44}
    how = {"n_steps": 32, "batch_size": 64, "n_epochs": 1}
    if make is operant.DQN:
        how = {"buffer_size": 256, "learning_starts": 16, "train_freq": 8, "batch_size": 4}
    agent = make("Breakout", env_kwargs=options, num_envs=2, network=NETWORK, preset=None, **how)
    seen, learnt = Steps(), []
    agent.learn(128, seen, progress_bar=False, observers=[learnt.append])
    whole = {name: np.stack([step[name] for step in seen.taken]) for name in SEEN}
    rebuilt = jax.tree.map(lambda *rows: np.concatenate(rows), *learnt)
    assert rebuilt.observation.shape == (64, 2, 44, 44, 4)
    assert rebuilt.observation.dtype == np.uint8
    for name in SEEN:
        np.testing.assert_array_equal(getattr(rebuilt, name), whole[name], err_msg=name)
    assert whole["truncated"].sum() >= 20
    assert action_names(agent._core) == ["NOOP", "FIRE", "RIGHT", "LEFT"]  # for pictures
    replay = agent._core.learner.run.replay
    if replay is not None:
        row, env = np.mgrid[:64, :2]
        np.testing.assert_array_equal(replay.frames.observation(row, env), whole["observation"])
        np.testing.assert_array_equal(replay.frames.next_observation(row, env), whole["next_observation"])


@pytest.mark.parametrize("algorithm", ["ppo", "dqn"])
def test_the_shell_trains_scores_films_and_resumes_atari(algorithm, tmp_path, capfd, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(showing, "_announced", set())
    network = [
        "--network.convolutions",
        "2",
        "8",
        "8",
        "--network.convolution-features",
        "4",
        "--network.hidden-sizes",
    ]
    options = {
        "ppo": ["--num-envs", "2", "--n-steps", "8", "--batch-size", "8", "--n-epochs", "1"],
        "dqn": [
            *("--buffer-size", "100", "--learning-starts", "16", "--held-out-states", "16"),
            *("--batch-size", "4", "--train-freq", "8", "--preset", "dqn-2015"),
        ],
    }[algorithm]
    kwargs = ["--env-kwargs", "max_num_frames_per_episode=160"]
    typed = [
        "train",
        algorithm,
        "ALE/Pong-v5",
        "--total-timesteps",
        "64",
        "--run-dir",
        "run",
        *options,
        *kwargs,
    ]
    assert main([*typed, *network, "--episodes", "2", "--no-progress"]) == 0
    out, err = capfd.readouterr()
    assert "ALE/Pong-v5: an action lasts 4 frames" in err
    assert "whole games of at most 160 frames" in out
    config, scores = (
        json.loads((tmp_path / "run" / f"{name}.json").read_text()) for name in ("config", "evaluation")
    )
    assert config["environment"] == "ALE/Pong-v5"
    assert config["vectorization"] == "vector_entry_point"
    assert (config["env_kwargs"]["repeat_action_probability"], config["env_kwargs"]["img_height"]) == (
        0.25,
        84,
    )
    assert scores["protocol"].startswith(
        "whole games of at most 160 frames, rewards as they are, up to 30 no-ops"
    )
    assert (tmp_path / "run" / "film.mp4").exists() or list((tmp_path / "run").glob("*.mp4"))
    assert main(["evaluate", "run", "--episodes", "2", "--env-kwargs", "repeat_action_probability=0"]) == 0
    assert "no sticky actions" in capfd.readouterr().out
    assert main(["record", "run", "film.mp4"]) == 0
    assert (tmp_path / "film.mp4").stat().st_size > 1_000
    capfd.readouterr()
    assert (
        main(["resume", "run", "--total-timesteps", "128", "--episodes", "1", "--no-video", "--no-progress"])
        == 0
    )
    out, err = capfd.readouterr()
    assert "starts new games" in err
    assert "at step 64" in out
