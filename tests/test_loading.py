"""A model file: it acts without its environment, knows how it came about, and is trained on in another way."""

from __future__ import annotations

import importlib.util
import io
import pickle
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import gymnasium as gym
import jax
import numpy as np
import pytest
from gymnasium import spaces as gs

import operant
from operant.engine import files
from operant.engine.log import RETURN, STEP
from tests.shared import dqn

SMALL = {"preset": None, "n_steps": 16, "batch_size": 32, "n_epochs": 1, "network": {"hidden_sizes": (8,)}}
OBSERVATIONS = np.random.default_rng(0).uniform(-0.5, 0.5, (16, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def trained():
    agent = operant.PPO("CartPole-v1", num_envs=4, learning_rate="linear:0.01:0", **SMALL)
    return agent.learn(192, progress_bar=False, log_interval=64, evaluate_every=128, evaluation_episodes=2)


@pytest.fixture
def path(trained, tmp_path):
    trained.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


class Elsewhere(gym.Env):
    """Of the user's own, with starts and bounds that operant's spaces do not have."""

    observation_space = gs.Box(-1.0, 1.0, (3,), np.float64)

    def __init__(self, start=-1, high=1.0) -> None:
        self.action_space = gs.Discrete(3, start=start)
        self.observation_space = gs.Box(-1.0, high, (3,), np.float64)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action)
        return self.observation_space.sample(), 1.0, bool(self.np_random.random() < 0.2), False, {}


def test_a_model_of_the_users_environment_acts_without_it(tmp_path):
    agent = operant.PPO(Elsewhere, num_envs=2, **SMALL)
    agent.save(tmp_path / "model")
    alone = operant.load(tmp_path / "model")
    seen = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    np.testing.assert_array_equal(alone.predict(seen), agent.predict(seen))
    assert alone.predict(seen[0], deterministic=False) in (-1, 0, 1)
    np.testing.assert_array_equal(alone.action_probabilities(seen), agent.action_probabilities(seen))
    assert alone.config() == agent.config()
    assert "Elsewhere" in repr(alone)
    for needs in (
        alone.evaluate,
        lambda: alone.learn(32, progress_bar=False),
        lambda: alone.record(tmp_path / "x.mp4"),
    ):
        with pytest.raises(ValueError, match=r"Elsewhere was an object of yours: pass it again as env=…"):
            needs()
    assert alone.evaluate(2, env=Elsewhere).environment == "Elsewhere"
    assert operant.load(tmp_path / "model", env=Elsewhere).learn(32, progress_bar=False).step == 32
    for other, words in (
        (lambda: Elsewhere(start=0), r"Discrete\(3, start=-1\).*Discrete\(3\)"),
        (lambda: Elsewhere(high=2.0), r"Box\(-1, 1, shape=\(3,\)\).*Box\(-1, 2, shape=\(3,\)\)"),
    ):
        with pytest.raises(ValueError, match=words):
            operant.load(tmp_path / "model", env=other)


def test_loading_imports_nothing_that_a_file_names(path, tmp_path):
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')\n")
    code = """
import json, sys, numpy as np, operant
from operant.engine import files
from operant.agent import saving
agent = operant.load(sys.argv[1])
metadata = files.read_metadata(sys.argv[1])
metadata["config"]["environment"] = "trap:Env-v0"
metadata["config"]["backend"] = "gymnasium"
files.save_tree("trapped", agent.state, metadata)
print(operant.load("trapped").predict([0.0] * 4), "trap" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "False"


def test_the_environment_of_a_file_is_compared_when_it_is_played(path, monkeypatch):
    loaded = operant.load(path)
    monkeypatch.setitem(gym.registry, "CartPole-v1", gym.registry["MountainCar-v0"])
    assert loaded.predict(OBSERVATIONS).shape == (16,)
    with pytest.raises(ValueError, match=r"made for CartPole-v1.*Box\(4\)"):
        loaded.evaluate(1)


def test_a_loaded_agent_knows_its_step_and_its_metrics(trained, path):
    loaded = operant.load(path)
    assert loaded.step == trained.step == 192
    assert [row[STEP] for row in loaded.history] == [row[STEP] for row in trained.history]
    for ours, theirs in zip(loaded.history, trained.history, strict=True):
        for name, value in ours.items():
            np.testing.assert_array_equal(value, theirs[name])
    assert "at step 192" in repr(loaded)
    loaded.learn(64, progress_bar=False)
    assert loaded.step == 256
    assert loaded.history[-1][STEP] == 256
    best = trained.best_model
    assert best.step == int(trained.best_so_far.step) in (128, 192)
    assert best.history[-1][STEP] == best.step


def test_one_of_several_learners_knows_its_step_and_its_metrics(tmp_path):
    study = operant.PPO("CartPole-v1", seeds=2, num_envs=2, **SMALL)
    study.learn(64, progress_bar=False, log_interval=32)
    one = study[1]
    assert one.step == 64
    assert [row[RETURN] for row in one.history] == pytest.approx(
        [row[RETURN][1] for row in study.history], nan_ok=True
    )
    study.save(tmp_path / "model")
    loaded = operant.load(tmp_path / "model")
    assert loaded.step == 64
    np.testing.assert_array_equal(loaded.history[-1][RETURN], study.history[-1][RETURN])
    assert loaded[0].learn(32, progress_bar=False).step == 96


def test_training_goes_on_with_other_hyperparameters(path):
    loaded = operant.load(path, learning_rate=1e-4, num_envs=2, batch_size=16, seed=7, ent_coef=0.01)
    assert (loaded.algorithm.learning_rate, loaded.algorithm.batch_size, loaded.algorithm.ent_coef) == (
        1e-4,
        16,
        0.01,
    )
    assert (loaded.num_envs, loaded.seed) == (2, 7)
    loaded.learn(32, progress_bar=False)
    how = {"vectorization": "async", "start_method": "spawn"}
    assert operant.load(path, **how).source.start_method == "spawn"
    for values, words in (
        ({"network": {"hidden_sizes": [16]}}, r"hidden_sizes.*Leave out what changes the network"),
        ({"seeds": 2}, r"seeds=2\): with these, something else would be learnt"),
        ({"learning_rat": 1.0}, "Did you mean 'learning_rate'"),
    ):
        with pytest.raises(ValueError, match=words):
            operant.load(path, **values)


def test_files_are_the_same_to_the_byte_and_may_be_open(trained, path, tmp_path):
    whole = path.read_bytes()
    code = "import operant, sys; operant.load(sys.argv[1]).save(sys.argv[2])"
    again = tmp_path / "again"
    subprocess.run([sys.executable, "-c", code, str(path), str(again)], check=True, timeout=120)
    assert again.read_bytes() == whole
    memory = io.BytesIO()
    trained.save(memory)
    assert memory.getvalue() == whole
    memory.seek(0)
    with path.open("rb") as file:
        for loaded in (operant.load(memory), operant.load(file)):
            for ours, theirs in zip(*map(jax.tree.leaves, (loaded.state, trained.state)), strict=True):
                np.testing.assert_array_equal(ours, theirs)


def test_files_of_other_libraries_are_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "ppo.zip", "w") as archive:
        archive.writestr("data", "{}")
    with pytest.raises(ValueError, match="a zip, as Stable-Baselines3"):
        operant.PPO.load(tmp_path / "ppo.zip")
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(ValueError, match="a pickle"):
        operant.load(tmp_path / "model.pkl")


@pytest.mark.parametrize("path", [None, 3])
def test_what_is_no_path(path):
    with pytest.raises(TypeError, match=f"load takes the path .* got {path}"):
        operant.load(path)


def test_numbers_that_are_none_are_refused_by_the_name_of_their_tensor(trained, tmp_path):
    def without(agent, seeds):
        return jax.tree.map(
            lambda x: x.at[seeds].set(np.nan) if x.dtype == np.float32 and x.ndim > 1 else x, agent.state
        )

    for value in (np.nan, np.inf):
        broken = operant.PPO("CartPole-v1", num_envs=4, **SMALL)
        broken.learner.state = jax.tree.map(
            lambda x, value=value: x.at[..., 0].set(value) if x.shape == (4, 8) else x, trained.state
        )
        broken.save(tmp_path / "broken")
        with pytest.raises(operant.FileError, match=r"broken: .*weight.*: NaN or infinite numbers"):
            operant.load(tmp_path / "broken")
    study = operant.PPO("CartPole-v1", seeds=2, seed=5, num_envs=2, **SMALL)
    study.learner.state = without(study, 1)
    study.save(tmp_path / "one")
    with pytest.warns(UserWarning, match=r"NaN or infinite numbers, of seed 6\. The other"):
        loaded = operant.load(tmp_path / "one")
    assert np.isfinite(loaded[0].action_probabilities(OBSERVATIONS)).all()
    study.learner.state = without(study, slice(None))
    study.save(tmp_path / "both")
    with pytest.raises(operant.FileError, match="NaN or infinite"):
        operant.load(tmp_path / "both")


def test_no_state_before_the_first_step_holds_numbers_that_are_none():
    for name in ("q-learning", "dyna-q", "random-search", "cem", "ppo", "dqn"):
        env = "FrozenLake-v1" if name in ("q-learning", "dyna-q") else "CartPole-v1"
        assert not files.not_finite(operant.make(name, env, preset=None).state), name


def test_a_name_loads_the_models_of_its_own_algorithm(tmp_path):
    file = tmp_path / "ppo.safetensors"
    operant.PPO("CartPole-v1", preset=None).save(file)
    assert operant.PPO.load(file).algorithm.name == "PPO"
    with pytest.raises(
        ValueError, match=r"ppo\.safetensors: it is a model of PPO, not of DQN\. operant\.load takes"
    ):
        operant.DQN.load(file)


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """`(the class, a trained agent, its run)` of an algorithm that is on none of operant's lists."""
    path = Path(__file__).parents[1] / "examples" / "own_algorithm.py"
    specification = importlib.util.spec_from_file_location("own_algorithm", path)
    module = importlib.util.module_from_spec(specification)
    sys.modules["own_algorithm"] = module  # as `import own_algorithm` would
    specification.loader.exec_module(module)
    cls = module.RewardWeighted
    run = tmp_path_factory.mktemp("mine") / "run"
    agent = operant.Agent(cls(n_episodes=2, max_steps=20, temperature=0.7), "CartPole-v1", num_envs=2)
    agent.learn(40, progress_bar=False, run_dir=run)
    return cls, agent, run


def test_a_model_of_ones_own_algorithm_is_loaded_with_its_class(mine, tmp_path):
    cls, agent, run = mine
    agent.save(tmp_path / "model")
    for loaded in (
        operant.load(tmp_path / "model", algorithm=cls),
        operant.load(run, algorithm=cls),
        operant.Agent.restore(run, algorithm=cls),
    ):
        assert type(loaded.algorithm) is cls
        assert float(loaded.algorithm.temperature) == pytest.approx(0.7)
        np.testing.assert_array_equal(loaded.predict(OBSERVATIONS), agent.predict(OBSERVATIONS))
    assert operant.load(
        tmp_path / "model", algorithm=cls, temperature=0.1
    ).algorithm.temperature == pytest.approx(0.1)
    assert operant.resume(run, algorithm=cls, progress_bar=False).step == agent.step


def test_a_model_of_ones_own_algorithm_is_refused_in_one_line_without_its_class(mine, path, tmp_path):
    cls, agent, _ = mine
    agent.save(tmp_path / "model")
    wrong: list[tuple] = [
        (
            tmp_path / "model",
            None,
            r"RewardWeighted is not one of operant's.*give it: algorithm=RewardWeighted\.",
        ),
        (path, cls, r"of the algorithm ppo, not of RewardWeighted\."),
        (
            tmp_path / "model",
            type(operant.PPO("CartPole-v1").algorithm),
            r"of the algorithm RewardWeighted, not of PPO",
        ),
        (tmp_path / "model", cls(), "must be a class"),
        (tmp_path / "model", int, "must be a class"),
        (tmp_path / "model", "RewardWeighted", "must be a class"),
    ]
    for model, algorithm, message in wrong:
        with pytest.raises(ValueError, match=message) as refused:
            operant.load(model, algorithm=algorithm)
        assert "\n" not in str(refused.value)


def test_one_of_operants_algorithms_may_be_given_too(path, trained):
    loaded = operant.load(path, algorithm=type(trained.algorithm))
    np.testing.assert_array_equal(loaded.predict(OBSERVATIONS), trained.predict(OBSERVATIONS))


def test_learn_after_load_says_that_replay_is_empty_unless_it_is_loaded_too(tmp_path):
    agent = dqn(learning_starts=16).learn(64, progress_bar=False)
    agent.save(tmp_path / "model.safetensors")
    agent.save_replay_buffer(tmp_path / "replay")
    loaded = operant.load(tmp_path / "model.safetensors")
    with pytest.warns(operant.TrainingWarning, match=r"goes on with an empty replay.*load_replay_buffer"):
        loaded.learn(16, progress_bar=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error", operant.TrainingWarning)
        loaded.learn(16, progress_bar=False)  # which has one by now
        other = operant.load(tmp_path / "model.safetensors")
        other.load_replay_buffer(tmp_path / "replay")
        other.learn(16, progress_bar=False)
        agent.learn(16, progress_bar=False)
