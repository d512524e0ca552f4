"""What a failure during training leaves: the last finished chunk, or the last checkpoint, or a clear word."""

from __future__ import annotations

from pathlib import Path

import equinox as eqx
import gymnasium as gym
import jax
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms.policy_gradient.ppo import PPO
from operant.engine.checkpoint import latest_checkpoint
from operant.engine.log import STEP, read_rows
from tests.shared import dqn, learn, ppo

OBSERVATIONS = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def after_256() -> list[np.ndarray]:
    """What is learnt in two chunks."""
    return leaves(learn(ppo(), 512, callback=lambda progress: progress.step < 256))


def leaves(agent: Agent) -> list[np.ndarray]:
    return [np.array(leaf) for leaf in jax.tree.leaves(agent.state)]


class Planted(Exception):
    """The failure of these tests."""


class FailsAt:
    """A callback, observer and logger, that fails when it is told of the second chunk."""

    closed = False

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, _) -> None:
        self.calls += 1
        if self.calls == 2:
            raise Planted("planted")

    write = __call__

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("what", ["callback", "observers", "loggers"])
def test_what_fails_between_two_chunks_leaves_the_last_one(after_256, tmp_path, what):
    learner, culprit = ppo(), FailsAt()
    with pytest.raises(Planted):
        learn(learner, 512, run_dir=tmp_path / "run", **{what: culprit if what == "callback" else [culprit]})
    assert culprit.closed == (what != "callback")
    assert learner.step == 256
    for kept, expected in zip(leaves(learner), after_256, strict=True):
        np.testing.assert_array_equal(kept, expected)
    assert learner.predict(OBSERVATIONS).shape == (64,)
    checkpoint = latest_checkpoint(tmp_path / "run" / "checkpoints")
    assert checkpoint is not None
    assert checkpoint.name == "256"
    # A chunk that nobody could be told of has no row.
    steps = [row[STEP] for row in read_rows(tmp_path / "run" / "metrics.csv")]
    assert steps == ([128] if what == "observers" else [128, 256])
    assert learn(learner, 128).step == 384


class Breaks(gym.Wrapper):
    """CartPole that fails at one step of the process, once."""

    at = 0

    def step(self, action):
        Breaks.at -= 1
        if Breaks.at == 0:
            raise Planted("planted")
        return super().step(action)


@pytest.mark.parametrize(("at", "reached"), [(10, 0), (50, 32), (76, 64), (200, 192)])
@pytest.mark.parametrize("name", ["ppo", "dqn"])
def test_an_environment_that_fails_leaves_the_last_iteration(name, at, reached):
    """DQN is warming up until step 64."""
    network = {"hidden_sizes": (8,), "initialization": "uniform"}
    values = {
        "ppo": {"n_steps": 32, "batch_size": 32, "n_epochs": 1, "network": network},
        "dqn": {"train_freq": 32, "learning_starts": 64, "buffer_size": 300, "network": network},
    }
    learner = operant.make(name, lambda: Breaks(gym.make("CartPole-v1")), **values[name])
    Breaks.at = at
    with pytest.raises(Planted):
        learn(learner, 256)
    assert learner.step == reached
    assert learner.predict(OBSERVATIONS).shape == (64,)
    seen = Beginnings()
    learn(learner, 256, observers=[seen])
    assert learner.step == reached + 256
    # Episodes began afresh: CartPole's within ±0.05, which the one that was left behind was not.
    assert np.abs(seen.first).max() <= 0.05


class Beginnings:
    """Keeps the first observation."""

    first = None

    def __call__(self, transition) -> None:
        self.first = transition.observation[0] if self.first is None else self.first

    def close(self) -> None:
        pass


@pytest.fixture
def failing_chunk(monkeypatch):
    """PPO whose compiled update fails from step 300 on, when the chunk has long been given its arrays."""
    update = PPO.update

    def fails(self, state, batch, key, clock):
        return update(self, eqx.error_if(state, clock.step > 300, "planted"), batch, key, clock)

    monkeypatch.setattr(PPO, "update", fails)
    return monkeypatch


def test_a_chunk_that_fails_goes_back_to_the_last_checkpoint(failing_chunk, after_256, tmp_path):
    learner = ppo()
    with pytest.raises(Exception, match="planted") as error:
        learn(learner, 512, run_dir=tmp_path / "run", checkpoint_every=128)
    assert any("back at its last checkpoint, of step 256" in note for note in error.value.__notes__)
    assert learner.step == 256
    assert [row[STEP] for row in learner.history] == [128, 256]
    for kept, expected in zip(leaves(learner), after_256, strict=True):
        np.testing.assert_array_equal(kept, expected)
    assert learner.predict(OBSERVATIONS).shape == (64,)
    failing_chunk.undo()
    repaired = Agent.resume(tmp_path / "run", progress_bar=False)
    assert repaired.step == 512


def test_a_chunk_that_fails_without_a_checkpoint_says_what_to_do(failing_chunk):
    learner = ppo()
    with pytest.raises(Exception, match="planted") as error:
        learn(learner, 512)
    assert any("checkpoint_every=" in note for note in error.value.__notes__)
    for use in (
        lambda: learner.predict(OBSERVATIONS),
        lambda: learner.evaluate(1),
        lambda: learner.step,
        lambda: learn(learner, 512),
        lambda: learner.save(Path("nowhere")),
    ):
        with pytest.raises(RuntimeError, match=r"was lost.*Make a new agent.*checkpoint_every"):
            use()


def test_a_program_that_cannot_be_compiled_costs_nothing(monkeypatch):
    learner = learn(ppo(), 128)
    before = leaves(learner)

    def broken(*_):
        raise Planted("planted")

    monkeypatch.setattr(PPO, "update", broken)
    with pytest.raises(Planted):
        learn(learner, 256, observers=[FailsAt()])  # with an observer, another program
    assert learner.step == 128
    for kept, expected in zip(leaves(learner), before, strict=True):
        np.testing.assert_array_equal(kept, expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "total_timesteps=0: must be at least 1"),
        ({"steps": 2**31}, "at most 2147483647"),
        ({"checkpoint_every": 0}, "checkpoint_every=0: must be at least 1"),
    ],
)
def test_wrong_arguments_delete_nothing(tmp_path, arguments, message):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text('{"operant_version": "0"}')
    with pytest.raises(ValueError, match=message):
        learn(ppo(), run_dir=tmp_path / "run", overwrite=True, **({"steps": 512} | arguments))
    assert (tmp_path / "run" / "config.json").read_text() == '{"operant_version": "0"}'


@pytest.mark.parametrize(
    "arguments",
    [{"checkpoint_every": 100}, {"keep_checkpoints": 5}, {"overwrite": True}, {"checkpoint_replay": False}],
)
def test_learn_refuses_to_be_told_how_to_keep_a_run_that_is_not_kept(arguments):
    agent = dqn() if "checkpoint_replay" in arguments else ppo()
    (name,) = arguments
    with pytest.raises(ValueError, match=rf"{name}=.*: say where the run is kept, with run_dir=…"):
        learn(agent, **arguments)
