"""The picture of what becomes of an image: each stage is what the policy's own wrappers make of the same step."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import operant
from operant.cli import main
from operant.envs.source import Source
from operant.envs.wrappers import as_wrappers
from operant.ops.images import grayscale, resize_area
from operant.studio.stages import _played, plot_preprocessing


def test_plot_preprocessing_shows_the_very_frames_that_a_policy_sees(tmp_path):
    """Catches stages of different steps, and a stack in the wrong order."""
    pytest.importorskip("ale_py")
    stages = _played(Source("Breakout", env_kwargs={"repeat_action_probability": 0.0}), 60, 3)
    assert [stage.label for stage in stages] == [
        "the screen", "grey", "maximum of 2 frames", "smaller", "the last 4 at once"
    ]  # fmt: skip
    screen, grey, pooled, smaller, stack = stages
    assert (screen.shape, grey.shape, stack.shape) == ("210×160×3", "210×160", "84×84×4")
    np.testing.assert_array_equal(grayscale(screen.images[0]), grey.images[0])
    assert (pooled.images[0] >= grey.images[0]).all()
    np.testing.assert_array_equal(resize_area(pooled.images[0], 84, 84), smaller.images[0])
    np.testing.assert_array_equal(stack.images[-1], smaller.images[0])
    assert all((one != other).any() for one, other in zip(stack.images, stack.images[1:], strict=False))
    coloured = _played(Source("Pong", env_kwargs={"grayscale": False}), 5, 0)
    assert [stage.label for stage in coloured][:2] == ["the screen", "maximum of 2 frames"]
    assert [image.shape for image in coloured[-1].images] == [(84, 84, 3)] * 4
    figure = plot_preprocessing("Breakout", tmp_path / "stages.png", steps=2)
    assert (tmp_path / "stages.png").stat().st_size > 10_000
    assert len(figure.axes) == 4 + 4


class Balls(gym.Env):
    """Images `[3, 40, 30]` of a ball that moves."""

    observation_space = gym.spaces.Box(0, 255, (3, 40, 30), np.uint8)
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.seen(), {}

    def step(self, action):
        self.t += 1
        return self.seen(), 0.0, False, self.t == 30, {}

    def seen(self):
        image = np.zeros((3, 40, 30), np.uint8)
        image[:, self.t % 40 : self.t % 40 + 5, self.t % 30 : self.t % 30 + 5] = np.array([200, 90, 40])[
            :, None, None
        ]
        return image


def test_plot_preprocessing_takes_any_environment_of_images_and_refuses_others():
    stages = _played(
        Source(Balls, wrappers=as_wrappers(["grayscale", "resize:20:15", "frame-stack:2"])), 20, 0
    )
    assert [(stage.label, stage.shape) for stage in stages] == [
        ("as the environment gives it", "3×40×30"),
        ("grey", "40×30"),
        ("smaller", "20×15"),
        ("the last 2 at once", "20×15×2"),
    ]
    assert stages[0].images[0].shape == (40, 30, 3)
    with pytest.raises(ValueError, match="CartPole-v1 shows no images, but arrays of shape \\(4,\\)"):
        operant.plot_preprocessing("CartPole-v1")


def test_the_command_draws_and_describes(tmp_path, capsys):
    pytest.importorskip("ale_py")
    picture = tmp_path / "pictures" / "pong.png"
    assert (
        main(["environments", "Pong", "--env-kwargs", "noop_max=0", "stack_num=2", "--picture", str(picture)])
        == 0
    )
    said = capsys.readouterr().out
    assert picture.exists()
    assert "ALE/Pong-v5" in said
    assert "no no-ops and FIRE at the start, sticky actions 0.25" in said
    assert "noop_max=0" in said
    assert "stacks of 2" in said
    assert main(["environments", "--picture", str(picture)]) == 2
    assert "need an environment" in capsys.readouterr().err
    assert main(["environments", "ALE/Pnog-v5"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
