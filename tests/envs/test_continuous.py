"""The tasks of continuous control: what each needs to be trained, scored and filmed, and that it is Gymnasium's own."""

import gymnasium as gym
import jax
import numpy as np
import pytest

import operant
from operant.cli.plot import require_one_version
from operant.envs.gymnasium import make
from operant.envs.gymnasium_stepping import seeds
from operant.networks import Network

ROBOTS = ("HalfCheetah", "Hopper", "Walker2d", "Ant", "Humanoid", "Swimmer")
MUJOCO = [f"{robot}-v{version}" for robot in ROBOTS for version in (4, 5)]
BOX2D = ["BipedalWalker-v3", "LunarLanderContinuous-v3"]
LIMIT = 30  # steps of an episode, so that several end

pytestmark = pytest.mark.filterwarnings("ignore:.*The environment .*-v4 is out of date")


TASKS = ["MountainCarContinuous-v0", *BOX2D, *MUJOCO]


def require_packages(task):
    if task in BOX2D:
        pytest.importorskip("Box2D")
    if task in MUJOCO:
        pytest.importorskip("mujoco")


@pytest.mark.parametrize(
    "task", [pytest.param(task, marks=pytest.mark.full) if task.endswith("-v4") else task for task in TASKS]
)
def test_ppo_trains_on_is_scored_on_and_films_every_task(task, tmp_path):
    require_packages(task)
    agent = operant.PPO(
        task,
        preset=None,
        wrappers=f"time-limit:{LIMIT}",
        num_envs=2,
        n_steps=64,
        batch_size=64,
        n_epochs=1,
        network=Network((8,)),
    )
    agent.learn(256, progress_bar=False)
    assert agent.step == 256
    assert np.isfinite(agent.history[-1]["train/loss"])
    assert agent.history[-1]["rollout/ep_len_mean"] <= LIMIT
    score = agent.evaluate(2)
    assert np.isfinite(score.returns).all()
    assert score.lengths.max() <= LIMIT
    film = agent.record(tmp_path / "film.mp4")
    assert film.frames[0].ndim == 3
    assert film.frames[0].std() > 0
    assert (tmp_path / "film.mp4").stat().st_size > 1_000


@pytest.mark.parametrize("task", TASKS)
def test_make_steps_every_task_as_gymnasium_does(task):
    """Two copies over several episodes, against Gymnasium's own, stepped by hand with the same seeds."""
    require_packages(task)
    key, generator = jax.random.key(3), np.random.default_rng(0)
    ours = make(lambda: gym.wrappers.TimeLimit(gym.make(task).env, LIMIT), 2)
    theirs = [gym.make(task, max_episode_steps=LIMIT) for _ in range(2)]
    theirs[0].reset(
        seed=0
    )  # as the bridge did when it looked at its first: Box2D's worlds remember what was before
    observation, _ = ours.reset(key)
    by_hand = [env.reset(seed=seed)[0] for env, seed in zip(theirs, seeds(key, 2), strict=True)]
    np.testing.assert_array_equal(observation, np.float32(by_hand))
    ended = 0
    for _ in range(2 * LIMIT + 5):
        low, high = ours.spec.action_space.bounds
        action = generator.uniform(low, high, (2, *low.shape)).astype(np.float32)
        step = ours.step(action)
        for i, env in enumerate(theirs):
            seen, reward, terminated, truncated, _ = env.step(action[i])
            np.testing.assert_array_equal(step.next_observation[i], np.float32(seen))
            assert step.reward[i] == np.float32(reward)
            assert (step.terminated[i], step.truncated[i]) == (terminated, truncated)
            if terminated or truncated:
                ended += 1
                seen, _ = env.reset()
            np.testing.assert_array_equal(step.observation[i], np.float32(seen))
    assert ended >= 4


def test_plot_refuses_two_versions_of_one_robot():
    require_one_version(["HalfCheetah-v5", "Hopper-v4", "GridWorld"])
    with pytest.raises(ValueError, match="Hopper-v4 and Hopper-v5 are different tasks"):
        require_one_version(["Hopper-v5", "HalfCheetah-v5", "Hopper-v4"])
