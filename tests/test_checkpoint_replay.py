"""Checkpoints without replay: they are small, and a resumed run fills replay again by playing what it has learnt."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import operant
from operant.agent.refilling import refill
from operant.algorithms.advice import TrainingWarning
from operant.engine import files
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.log import UPDATES
from operant.engine.run_directory import RunDirectory

STARTS = 48
SMALL = {
    "preset": None,
    "num_envs": 2,
    "learning_starts": STARTS,
    "buffer_size": 400,
    "train_freq": 4,
    "exploration_fraction": 1e-6,
    "exploration_final_eps": 0.0,  # from the first step on it does what it knows
    "network": {"hidden_sizes": (8,)},
}
KINDS = {
    "native": {},
    "gymnasium": {"backend": "gymnasium"},
    "seeds": {"seeds": 2},
    "priority": {"priority": True},
    "sequences": {"network": {"memory": "gru", "memory_size": 4}, "sequence_length": 4},
}


def trained(directory, kind, **more):
    agent = operant.DQN("CartPole-v1", **{**SMALL, **KINDS[kind]})
    return agent.learn(
        160, progress_bar=False, run_dir=directory, checkpoint_replay=False, log_interval=16, **more
    )


@pytest.mark.parametrize("kind", KINDS)
def test_replay_is_filled_by_what_has_been_learnt_and_nothing_is_learnt_meanwhile(kind, tmp_path):
    agent = trained(tmp_path / "run", kind)
    path = latest_checkpoint(RunDirectory.open(tmp_path / "run").checkpoints)
    assert path is not None
    names = files.read_shapes(path / "run.safetensors")
    assert not [name for name in names if name.startswith("replay")]
    restored = operant.Agent.restore(tmp_path / "run")
    core = restored._core
    assert core.lacks_replay
    run = core.learner.started(return_experience=False)
    assert not np.any(run.replay.size)
    before = jax.device_get(run.state)
    with pytest.warns(TrainingWarning, match=rf"left out .* for {STARTS} steps .* learns nothing"):
        run = refill(core, run, 1000, (), lambda run: True)
    jax.tree.map(np.testing.assert_array_equal, before, jax.device_get(run.state))
    assert np.all(run.replay.size * 2 == STARTS)
    assert np.all(run.clock.step == agent.step + STARTS)
    assert not core.lacks_replay
    if kind in ("native", "gymnasium", "priority"):  # it acted greedily, not at random
        rows = jax.tree.map(lambda x: np.asarray(x)[: STARTS // 2], run.replay.rows)
        seen = rows.observation.reshape(-1, 4)
        np.testing.assert_array_equal(rows.action.reshape(-1), agent.predict(seen))


@pytest.mark.parametrize("kind", ["native", "gymnasium"])
def test_such_a_run_is_resumed_and_counts_its_updates_right(kind, tmp_path):
    agent = trained(tmp_path / "run", kind, checkpoint_every=16)
    before = agent.history[-1][UPDATES]
    config = RunDirectory.open(tmp_path / "run").read_config()
    assert config["checkpoint_replay"] is False
    for total in (400, 560):  # once more: what refilled replay the first time is no update either
        directory = RunDirectory.open(tmp_path / "run")
        directory.write_config(directory.read_config() | {"total_timesteps": total})
        with pytest.warns(TrainingWarning, match="left out"):
            agent = operant.resume(tmp_path / "run", progress_bar=False)
        assert agent.step == total
    assert agent.history[-1][UPDATES] == before + (560 - 160 - 2 * STARTS) // 8
    assert agent.learn(80, progress_bar=False).history[-1][UPDATES] == before + (640 - 160 - 2 * STARTS) // 8


def test_a_failure_goes_back_to_such_a_checkpoint(tmp_path):
    agent = operant.DQN("CartPole-v1", **SMALL)

    def spoil(progress):
        if progress.step > 100:
            raise operant.DivergedError("planted")

    with pytest.raises(operant.DivergedError, match="planted"):
        agent.learn(
            *(400, spoil, False),
            run_dir=tmp_path / "run",
            checkpoint_replay=False,
            checkpoint_every=16,
            log_interval=16,
        )
    assert agent.step <= 100
    with pytest.warns(TrainingWarning, match="left out"):
        agent.learn(160, progress_bar=False)


def test_it_is_refused_where_there_is_no_replay():
    with pytest.raises(ValueError, match="checkpoint_replay=False: PPO has no replay"):
        operant.PPO("CartPole-v1", preset=None, n_steps=32, batch_size=32).learn(64, checkpoint_replay=False)
