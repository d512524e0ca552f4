"""`learn`: how far it goes, what is counted, and what happens where learning diverges."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms.policy_gradient.ppo import PPO
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.files import has_nan, read_metadata
from tests.shared import SMALL_NETWORK, SMALL_PPO, dqn, learn, ppo


def column(agent: Agent, name: str) -> list[float]:
    return [float(row[name]) for row in agent.history]


# counting


def test_a_schedule_begins_anew_only_with_steps_counted_from_zero():
    """As in Stable-Baselines3; a value is that of the step where an update ends."""
    agent = learn(ppo(learning_rate="linear:1:0"))
    np.testing.assert_allclose(column(agent, "train/learning_rate"), [1 - 96 / 256, 1 - 224 / 256], rtol=1e-6)
    learn(agent)  # the end moves to 512: from half of it on
    assert agent.step == 512
    np.testing.assert_allclose(
        column(agent, "train/learning_rate")[2:], [1 - 352 / 512, 1 - 480 / 512], rtol=1e-6
    )
    learnt = [np.array(leaf) for leaf in jax.tree.leaves(agent.state)]
    seen = []
    agent.learn(
        256,
        lambda progress: seen.append(progress.step),
        progress_bar=False,
        log_interval=128,
        reset_num_timesteps=True,
    )
    assert agent.step == 256
    assert seen == [128, 256]
    np.testing.assert_allclose(column(agent, "train/learning_rate"), [1 - 96 / 256, 1 - 224 / 256], rtol=1e-6)
    # What was learnt stayed: it was no new beginning.
    assert not all(
        np.array_equal(leaf, other)
        for leaf, other in zip(
            learnt, jax.tree.leaves(learn(ppo(learning_rate="linear:1:0")).state), strict=True
        )
    )
    assert column(agent, "train/n_updates") == [2 * 10, 2 * 12]


def test_counted_from_zero_replay_is_not_filled_at_random_again():
    agent = learn(dqn(learning_starts=64, train_freq=4), 128)
    assert column(agent, "train/n_updates") == [16]
    learn(agent, 128, reset_num_timesteps=True)
    assert agent.step == 128
    assert column(agent, "train/n_updates") == [16 + 32]


def test_updates_are_counted_over_all_of_training_also_when_it_is_resumed(tmp_path):
    agent = ppo(n_epochs=3)
    learn(agent)
    learn(agent)
    assert column(agent, "train/n_updates") == [12, 24, 36, 48]
    stopped = ppo(n_epochs=3)
    stopped.learn(
        512, lambda progress: progress.step < 256, False, log_interval=128, run_dir=tmp_path / "run"
    )
    resumed = Agent.resume(tmp_path / "run", progress_bar=False)
    assert column(resumed, "train/n_updates") == [12, 24, 36, 48]
    assert resumed.history[-1]["train/n_updates"] == 48


def test_updates_that_were_left_out_are_not_counted():
    agent = learn(ppo(n_epochs=4, target_kl=1e-9, learning_rate=0.1))
    counted = column(agent, "train/n_updates")
    assert 2 <= counted[0] < 16
    assert counted[0] < counted[1] < 32


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: operant.QLearning("FrozenLake-v1", preset=None), 128),
        (lambda: operant.A2C("CartPole-v1", preset=None, n_steps=16, network=SMALL_NETWORK), 8),
        (lambda: dqn(learning_starts=28, train_freq=10, gradient_steps=3), 30),
        (lambda: operant.PPO("CartPole-v1", seeds=2, **SMALL_PPO), [4, 4]),
    ],
)
def test_every_algorithm_counts_its_updates(make, expected):
    row = learn(make(), 128).history[-1]
    np.testing.assert_array_equal(row["train/n_updates"], expected)


# how far


def test_a_rollout_longer_than_training_is_said_beforehand():
    with pytest.warns(
        UserWarning, match=r"total_timesteps=50: 64 steps will be taken, since n_steps=16 × num_envs=4"
    ):
        assert ppo().learn(50, progress_bar=False).step == 64


def test_training_that_ends_before_learning_collects_and_says_so():
    agent = dqn(learning_starts=100)
    with pytest.warns(UserWarning, match="learning_starts=100 steps are random, and nothing is learnt"):
        agent.learn(40, progress_bar=False)
    assert agent.step == 40
    agent.learn(80, progress_bar=False)
    assert agent.step == 120
    assert agent.history[-1]["train/n_updates"] == 5
    with pytest.warns(
        UserWarning, match=r"learning_starts=10 steps are random, in iterations of 1,000 steps"
    ):
        dqn(learning_starts=10, train_freq=1000, buffer_size=2000).learn(600, progress_bar=False)


# divergence


@pytest.fixture
def diverging(monkeypatch):
    """PPO whose parameters and loss are no numbers from step 300 on."""
    update = PPO.update

    def diverges(self, state, batch, key, clock):
        state, metrics = update(self, state, batch, key, clock)
        bad = clock.step > 300
        state = jax.tree.map(
            lambda x: jnp.where(bad, jnp.nan, x) if jnp.issubdtype(x.dtype, jnp.floating) else x, state
        )
        metrics["train/value_loss"] = jnp.where(bad, jnp.nan, metrics["train/value_loss"])
        return state, metrics

    monkeypatch.setattr(PPO, "update", diverges)


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_a_loss_that_is_no_number_stops_training_and_nothing_good_is_overwritten(
    diverging, backend, tmp_path
):
    agent = ppo(backend=backend)
    with pytest.raises(operant.DivergedError, match=r"train/.*loss is nan at step 384") as error:
        learn(
            agent,
            1024,
            run_dir=tmp_path / "run",
            checkpoint_every=128,
            evaluate_every=128,
            evaluation_episodes=2,
        )
    assert any("back at its last checkpoint, of step 256" in note for note in error.value.__notes__)
    assert agent.step == 256
    assert not has_nan(agent.state)
    assert [row["time/total_timesteps"] for row in agent.history] == [128, 256]
    assert agent.history[-1]["train/n_updates"] == 8
    assert latest_checkpoint(tmp_path / "run" / "checkpoints").name == "256"
    assert sorted(path.name for path in (tmp_path / "run" / "checkpoints").iterdir()) == ["128", "256"]
    for model in ("model.safetensors", "best/model.safetensors"):
        assert read_metadata(tmp_path / "run" / model)
    assert not has_nan(operant.load(tmp_path / "run").state)
    assert agent.best_so_far.step <= 256


def test_what_was_learnt_before_is_there_to_go_back_to(diverging, tmp_path):
    agent = ppo()
    learn(agent, 256)
    with pytest.raises(operant.DivergedError, match="at step 384") as error:
        learn(agent, 512, run_dir=tmp_path / "run")
    assert any("back at its last checkpoint, of step 256" in note for note in error.value.__notes__)
    assert agent.step == 256
    assert not has_nan(agent.state)
    assert not has_nan(operant.load(tmp_path / "run").state)


def test_without_a_checkpoint_a_diverged_agent_says_so(diverging):
    agent = ppo()
    with pytest.raises(operant.DivergedError, match="learning_rate may help") as error:
        learn(agent, 1024)
    assert any("checkpoint_every=" in note for note in error.value.__notes__)
    with pytest.raises(RuntimeError, match=r"was lost.*Make a new agent"):
        agent.predict(np.zeros(4))


def test_parameters_that_are_no_numbers_are_neither_written_nor_scored(monkeypatch, tmp_path):
    """The last update of a chunk may spoil them while its loss is still finite."""
    update = PPO.update

    def spoils(self, state, batch, key, clock):
        state, metrics = update(self, state, batch, key, clock)
        bad = clock.step == 256
        return jax.tree.map(
            lambda x: jnp.where(bad, jnp.nan, x) if jnp.issubdtype(x.dtype, jnp.floating) else x, state
        ), metrics

    monkeypatch.setattr(PPO, "update", spoils)
    with pytest.raises(operant.DivergedError, match="what has been learnt is not a number at step 256"):
        learn(ppo(), 256, run_dir=tmp_path / "run")
    assert not (tmp_path / "run" / "model.safetensors").exists()
    assert latest_checkpoint(tmp_path / "run" / "checkpoints") is None


def test_one_of_several_seeds_that_diverges_is_named_and_the_others_go_on(tmp_path):
    agent = ppo(seeds=[5, 7])
    learn(agent, 128)
    spoilt = jax.tree.map(
        lambda x: x.at[1].set(jnp.nan) if jnp.issubdtype(x.dtype, jnp.floating) else x,
        agent.learner.run.state,
    )
    agent.learner.run = eqx.tree_at(lambda run: run.state, agent.learner.run, spoilt)
    with pytest.warns(
        UserWarning, match=r"With seed 7, .* is nan at step 256.*The other seeds go on"
    ) as warned:
        learn(agent, 256, run_dir=tmp_path / "run")
    assert len([one for one in warned if "seed 7" in str(one.message)]) == 1
    assert agent.step == 384
    assert not has_nan(agent[0].state)
    assert not has_nan(operant.load(tmp_path / "run").state)


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_the_window_of_the_statistics_has_a_size_which_files_keep(backend, tmp_path):
    agent = operant.PPO("CartPole-v1", preset=None, backend=backend, n_steps=64, stats_window_size=2)
    agent.learn(128, progress_bar=False)
    assert agent.learner.run.statistics.returns.shape == (2,)
    agent.save(tmp_path / "model.safetensors")
    assert operant.load(tmp_path / "model.safetensors").learner.window == 2
    assert operant.load(tmp_path / "model.safetensors", stats_window_size=5).learner.window == 5
    with pytest.raises(ValueError, match="stats_window_size=0: must be at least 1"):
        operant.PPO("CartPole-v1", preset=None, stats_window_size=0)
