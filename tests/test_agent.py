"""The user's object: acting, scores, files, several learners, and what it says to wrong input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.agent.divergence import DivergedError
from operant.engine import policy
from operant.engine.flat import Layout
from operant.networks.layers import Linear

SMALL = {"hidden_sizes": (8,), "initialization": "uniform"}
PPO_SMALL = {"n_steps": 16, "batch_size": 32, "n_epochs": 2, "network": SMALL}
DQN_SMALL = {"buffer_size": 200, "learning_starts": 32, "network": SMALL}
OBSERVATIONS = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)


def learn(agent: Agent, steps: int = 128) -> Agent:
    return agent.learn(steps, progress_bar=False)


@pytest.fixture(scope="module")
def ppo() -> Agent:
    return learn(
        operant.PPO("CartPole-v1", preset=None, num_envs=4, normalize_observations=True, **PPO_SMALL)
    )


@pytest.fixture(scope="module")
def dqn() -> Agent:
    return learn(operant.DQN("CartPole-v1", preset=None, num_envs=4, **DQN_SMALL))


# Acting


def test_predict_takes_one_observation_or_many(ppo):
    single = ppo.predict(OBSERVATIONS[0])
    assert single.shape == ()
    assert single.dtype.kind == "i"
    many = ppo.predict(OBSERVATIONS)
    assert many.shape == (64,)
    np.testing.assert_array_equal(many, [ppo.predict(observation) for observation in OBSERVATIONS])
    assert set(many.tolist()) == {0, 1}
    assert ppo.predict([0, 0, 0, 0]) in (0, 1)  # lists, too
    assert ppo.predict(OBSERVATIONS[:1]).shape == (1,)


def test_acting_again_puts_nothing_together_and_traces_nothing(ppo, monkeypatch):
    def everything():
        for observation in (OBSERVATIONS[0], OBSERVATIONS[:32]):
            ppo.predict(observation)
            ppo.predict(observation, deterministic=False)
            ppo.action_probabilities(observation)
            ppo.actor()(OBSERVATIONS[0])

    def forbidden(*arguments, **more):
        raise AssertionError("anew")

    everything()
    monkeypatch.setattr(jax, "eval_shape", forbidden)
    monkeypatch.setattr(policy, "flatten", forbidden)
    monkeypatch.setattr(Layout, "tree", forbidden)  # which every traced policy begins with
    everything()


def test_what_acts_knows_what_was_learnt_since():
    agent = learn(operant.PPO("CartPole-v1", preset=None, num_envs=4, **PPO_SMALL | {"learning_rate": 0.1}))
    act, before = agent.actor(), agent.action_probabilities(OBSERVATIONS)
    learn(agent)
    after = agent.action_probabilities(OBSERVATIONS)
    assert not np.allclose(before, after, atol=1e-3)
    actions = np.argmax(after, axis=-1)
    np.testing.assert_array_equal(agent.predict(OBSERVATIONS), actions)
    np.testing.assert_array_equal([act(observation) for observation in OBSERVATIONS], actions)
    agent.learner.state = jax.tree.map(jnp.zeros_like, agent.state)
    np.testing.assert_array_equal(agent.action_probabilities(OBSERVATIONS), 0.5)


def test_predict_without_determinism_samples(ppo):
    draws = ppo.predict(np.zeros((200, 4)), deterministic=False)
    assert set(draws.tolist()) == {0, 1}


def test_predict_stays_inside_the_bounds_of_a_box():
    agent = operant.PPO("Pendulum-v1", preset=None, num_envs=1, **PPO_SMALL | {"batch_size": 16})
    draws = agent.predict(np.zeros((500, 3)), deterministic=False)
    assert draws.shape == (500, 1)
    assert draws.min() == -2
    assert draws.max() == 2
    assert agent.predict(np.zeros(3)).shape == (1,)


@pytest.mark.parametrize("shape", [(3,), (5,), (2, 3), (2, 2, 4), ()])
def test_predict_names_both_shapes(ppo, shape):
    with pytest.raises(ValueError, match="shape") as error:
        ppo.predict(np.zeros(shape))
    assert "(4,)" in str(error.value)
    assert str(shape) in str(error.value)
    assert "CartPole-v1" in str(error.value)


def test_predict_names_what_is_not_a_number(ppo):
    with pytest.raises(ValueError, match="numbers"):
        ppo.predict(["a", "b", "c", "d"])


def test_a_policy_with_memory_acts_through_an_actor():
    network = SMALL | {"memory": "gru", "memory_size": 8}
    agent = operant.PPO("CartPole-v1", preset=None, **PPO_SMALL | {"network": network, "batch_size": 16})
    assert agent.remembers
    with pytest.raises(ValueError, match=r"agent\.actor\(\)"):
        agent.predict(OBSERVATIONS[0])
    # The policy's first output is nearly 0: make its memory matter.

    def weight(state):
        return state.network.policy_head.output.weight

    agent.learner.state = eqx.tree_at(weight, agent.state, replace_fn=lambda w: 100 * w)
    act = agent.actor()
    first = [int(act(observation)) for observation in OBSERVATIONS]
    act.reset()
    assert [int(act(observation)) for observation in OBSERVATIONS] == first
    forgetful = []
    for observation in OBSERVATIONS:
        act.reset()
        forgetful.append(int(act(observation)))
    assert forgetful != first


# Scores


def by_hand(agent: Agent, episodes: int, seed: int) -> list[float]:
    env, returns = gym.make("CartPole-v1"), []
    for episode in range(episodes):
        observation, _ = env.reset(seed=seed + episode)
        total, done = 0.0, False
        while not done:
            observation, reward, terminated, truncated, _ = env.step(int(agent.predict(observation)))
            total, done = total + float(reward), terminated or truncated
        returns.append(total)
    return returns


def test_evaluate_is_a_plain_loop_over_gymnasiums_own_environment(ppo):
    score = ppo.evaluate(5, seed=123)
    np.testing.assert_array_equal(score.returns, by_hand(ppo, 5, 123))
    np.testing.assert_array_equal(score.lengths, score.returns)
    assert score.environment == "CartPole-v1"
    assert score.mean == score.returns.mean()
    low, high = score.interval
    assert low <= score.mean <= high


def test_evaluate_is_reproducible_and_changes_nothing(ppo):
    before = jax.tree.leaves(jax.tree.map(np.array, ppo.state))
    for deterministic in (True, False):
        one, other = (ppo.evaluate(8, seed=3, deterministic=deterministic) for _ in range(2))
        np.testing.assert_array_equal(one.returns, other.returns)
    assert not np.array_equal(one.returns, ppo.evaluate(8, seed=99, deterministic=False).returns)
    for x, y in zip(before, jax.tree.leaves(ppo.state), strict=True):
        np.testing.assert_array_equal(x, y)


def test_evaluate_elsewhere(ppo):
    score = ppo.evaluate(2, env=lambda: gym.make("CartPole-v1", max_episode_steps=5))
    np.testing.assert_array_equal(score.lengths, 5)
    with pytest.raises(ValueError, match=r"Box\(4\).*Box\(3\)"):
        ppo.evaluate(2, env="Pendulum-v1")
    with pytest.raises(ValueError, match="episodes=0"):
        ppo.evaluate(0)
    for env in ("CartPole-v1", gym.make("CartPole-v1")):
        with pytest.raises(ValueError, match=r"a number of episodes first; got .*CartPole.*env=…"):
            ppo.evaluate(env, 3)


# Files


def continued(agent: Agent) -> Agent:
    """Training from what was learnt, as one does with a loaded model."""
    return learn(agent, 64)


@pytest.mark.parametrize("which", [pytest.param("ppo", marks=pytest.mark.slow), "dqn"])
def test_a_saved_model_acts_and_learns_the_same_in_a_fresh_process(which, tmp_path, request):
    agent = request.getfixturevalue(which)
    agent.save(tmp_path / "model.safetensors")
    done = subprocess.run(
        [sys.executable, __file__, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "actions.npy"), agent.predict(OBSERVATIONS))

    here = operant.load(tmp_path / "model.safetensors")
    assert here.config() == agent.config()
    for x, y in zip(jax.tree.leaves(agent.state), jax.tree.leaves(here.state), strict=True):
        np.testing.assert_array_equal(x, y)
    there = operant.load(tmp_path / "continued.safetensors")
    moved = [
        not np.array_equal(x, y)
        for x, y in zip(jax.tree.leaves(here.state), jax.tree.leaves(there.state), strict=True)
    ]
    assert any(moved)
    for x, y in zip(jax.tree.leaves(continued(here).state), jax.tree.leaves(there.state), strict=True):
        np.testing.assert_array_equal(x, y)
    anew = continued(Agent(agent.algorithm, "CartPole-v1", num_envs=4))  # not merely the same first steps
    assert not np.array_equal(jax.tree.leaves(anew.state)[0], jax.tree.leaves(there.state)[0])


def test_a_model_of_another_environment_is_refused(ppo, tmp_path):
    ppo.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="observation space") as error:
        operant.load(tmp_path / "model.safetensors", env="Pendulum-v1")
    for part in ("CartPole-v1", "Box(4)", "Pendulum-v1", "Box(3)"):
        assert part in str(error.value)
    with pytest.raises(ValueError, match="action space"):
        operant.load(tmp_path / "model.safetensors", env=ThreeWays)
    other = operant.load(tmp_path / "model.safetensors", env=lambda: gym.make("CartPole-v0"))
    np.testing.assert_array_equal(other.predict(OBSERVATIONS), ppo.predict(OBSERVATIONS))


class ThreeWays(gym.Env):
    """Observed like CartPole; three actions."""

    observation_space = gym.make("CartPole-v1").observation_space
    action_space = gym.spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(4, np.float32), {}

    def step(self, action):
        return np.zeros(4, np.float32), 1.0, True, False, {}


def test_a_model_of_another_environment_is_refused_before_its_algorithm_is_asked(dqn, tmp_path):
    dqn.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"made for CartPole-v1.*Box\(4\).*Pendulum-v1 has Box\(3\)"):
        operant.load(tmp_path / "model.safetensors", env="Pendulum-v1")


def test_a_damaged_file_is_refused(ppo, tmp_path):
    path = tmp_path / "model.safetensors"
    ppo.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="cut short"):
        operant.load(path)
    path.write_bytes(b"not a model at all")
    with pytest.raises(ValueError, match="safetensors"):
        operant.load(path)
    with pytest.raises(FileNotFoundError, match=r"missing\.safetensors"):
        operant.load(tmp_path / "missing.safetensors")


def test_what_is_saved_is_numbers_and_json(ppo, tmp_path):
    ppo.save(tmp_path / "model.safetensors")
    content = (tmp_path / "model.safetensors").read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    config = json.loads(header["__metadata__"]["metadata"])["config"]
    assert config["algorithm"] == "ppo"
    assert config["environment"] == "CartPole-v1"
    assert config["hyperparameters"]["n_steps"] == 16


class Mine(eqx.Module):
    """A network as a user might write one."""

    layer: Linear
    scale: jax.Array

    def __call__(self, observation):
        return jnp.tanh(self.layer(observation)) * self.scale


def mine(seed: int = 0) -> Mine:
    return Mine(Linear.build(4, 8, jax.random.key(seed)), jnp.ones(()))


def test_a_users_own_network_learns_and_is_saved(tmp_path):
    module = mine()
    agent = learn(operant.PPO("CartPole-v1", preset=None, num_envs=4, **PPO_SMALL | {"network": module}))
    learnt = [x for x in jax.tree.leaves(agent.state.network) if x.shape == (4, 8)]
    assert len(learnt) == 1
    assert not np.array_equal(learnt[0], module.layer.weight)
    agent.save(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="network="):
        operant.load(tmp_path / "model.safetensors")
    loaded = operant.load(tmp_path / "model.safetensors", network=mine(1))
    np.testing.assert_array_equal(loaded.predict(OBSERVATIONS), agent.predict(OBSERVATIONS))


# Several learners


@pytest.fixture(scope="module")
def study() -> Agent:
    return learn(operant.PPO("CartPole-v1", preset=None, seeds=2, num_envs=4, **PPO_SMALL))


def test_several_learners_are_scored_each(study):
    scores = study.evaluate(4, seed=0)
    assert [score.environment for score in scores] == ["CartPole-v1"] * 2
    for i, score in enumerate(scores):
        np.testing.assert_array_equal(study[i].evaluate(4, seed=0).returns, score.returns)
        np.testing.assert_array_equal(score.returns, by_hand(study[i], 4, 0))


def test_best_is_the_one_with_the_highest_score(study):
    from operant.engine.evaluate import Evaluation

    scores = [Evaluation("CartPole-v1", np.full(3, value), np.full(3, 9), 0) for value in (1.0, 2.0)]
    for order, index in ((scores, 1), (scores[::-1], 0)):
        best = study.best(order)
        assert best.seed == index
        np.testing.assert_array_equal(best.predict(OBSERVATIONS), study[index].predict(OBSERVATIONS))
    assert study.best().seed in (0, 1)


def test_one_of_several_learners_is_an_agent(study, tmp_path):
    one = study[1]
    assert one.seed == 1
    assert one.seeds is None
    assert one.predict(OBSERVATIONS).shape == (64,)
    with pytest.raises(ValueError, match=r"agent\[i\].*best"):
        study.predict(OBSERVATIONS)
    one.save(tmp_path / "one.safetensors")
    loaded = operant.load(tmp_path / "one.safetensors")
    np.testing.assert_array_equal(loaded.predict(OBSERVATIONS), one.predict(OBSERVATIONS))
    study.save(tmp_path / "all.safetensors")
    both = operant.load(tmp_path / "all.safetensors")
    assert both.seeds == (0, 1)
    np.testing.assert_array_equal(both[1].predict(OBSERVATIONS), one.predict(OBSERVATIONS))
    with pytest.raises(ValueError, match="seeds="):
        one[0]
    with pytest.raises(IndexError):
        study[2]


def test_seeds_may_be_numpys_and_large(tmp_path):
    large = operant.PPO("CartPole-v1", preset=None, seed=np.uint64(2**40 + 7), num_envs=4, **PPO_SMALL)
    small = operant.PPO("CartPole-v1", preset=None, seed=7, num_envs=4, **PPO_SMALL)
    assert not np.array_equal(jax.tree.leaves(large.state)[0], jax.tree.leaves(small.state)[0])
    large.save(tmp_path / "model.safetensors")
    assert operant.load(tmp_path / "model.safetensors").seed == 2**40 + 7
    for seeds in (np.array([5, 7]), np.int32(2), range(2)):
        agent = operant.PPO(
            "CartPole-v1", preset=None, seed=np.int64(5), seeds=seeds, num_envs=4, **PPO_SMALL
        )
        assert all(type(seed) is int for seed in (agent.seed, *agent.seeds))
        agent.save(tmp_path / "several.safetensors")
        assert operant.load(tmp_path / "several.safetensors").seeds == agent.seeds


def test_seeds_may_be_listed():
    agent = operant.PPO("CartPole-v1", preset=None, seeds=[5, 3], num_envs=4, **PPO_SMALL)
    assert agent.seeds == (5, 3)
    assert agent[1].seed == 3
    assert operant.PPO("CartPole-v1", preset=None, seed=4, seeds=2, num_envs=4, **PPO_SMALL).seeds == (4, 5)
    with pytest.raises(ValueError, match="seeds"):
        operant.PPO("CartPole-v1", preset=None, seeds=0, num_envs=4, **PPO_SMALL)


# What can be an environment


class Steps:
    """Keeps what it is shown in one call of `learn`."""

    closed = False

    def __init__(self) -> None:
        self.blocks = []

    def __call__(self, transition) -> None:
        self.blocks.append((transition.observation, transition.next_observation, transition.done))

    def close(self) -> None:
        self.closed = True
        self.observation, self.next_observation, self.done = map(
            np.concatenate, zip(*self.blocks, strict=True)
        )


@pytest.mark.parametrize(
    ("env", "num_envs"),
    [
        (lambda: gym.make("CartPole-v1"), 4),
        (gym.make("CartPole-v1"), 1),
        (gym.make_vec("CartPole-v1", 4, vectorization_mode="sync"), None),
        (gym.make_vec("CartPole-v1", 4, vectorization_mode="vector_entry_point"), 4),
    ],
    ids=["callable", "instance", "vector", "vector entry point"],
)
def test_what_can_be_an_environment(env, num_envs):
    batch_size = {} if num_envs != 1 else {"batch_size": 16}
    agent = learn(operant.PPO(env, num_envs=num_envs, **PPO_SMALL | batch_size), 64)
    before = agent.step
    assert before >= 64  # steps that only reset are not counted
    assert agent.num_envs == (num_envs or 4)
    assert agent.spec.max_episode_steps == 500
    scores = agent.evaluate(3, seed=1)
    np.testing.assert_array_equal(scores.returns, by_hand(agent, 3, 1))
    learn(agent, 64)  # scoring has closed nothing that is needed
    assert agent.step >= before + 64


def test_scoring_the_instance_that_is_trained_on_begins_its_episodes_afresh():
    seen = Steps()
    agent = learn(operant.PPO(gym.make("CartPole-v1"), **PPO_SMALL | {"batch_size": 16}), 32)
    agent.evaluate(2, seed=1)

    def score(progress):
        return progress.agent.evaluate(2, seed=1) and None

    agent.learn(128, score, progress_bar=False, log_interval=32, observers=[seen])
    # CartPole's episodes begin within ±0.05: the first does, and those behind an end or a score.
    starts = np.arange(128) % 32 == 0
    starts[1:] |= seen.done[:-1, 0]
    assert np.abs(seen.observation[starts]).max() <= 0.05
    np.testing.assert_array_equal(seen.observation[1:][~starts[1:]], seen.next_observation[:-1][~starts[1:]])
    assert seen.closed


def test_both_backends_train_the_same_environment():
    native = operant.PPO("CartPole-v1", preset=None, num_envs=4, **PPO_SMALL)
    theirs = operant.PPO("CartPole-v1", preset=None, num_envs=4, backend="gymnasium", **PPO_SMALL)
    assert native.source.native is not None
    assert theirs.source.native is None
    assert "native" in native.title
    assert "Gymnasium" in theirs.title
    np.testing.assert_array_equal(native.predict(OBSERVATIONS), theirs.predict(OBSERVATIONS))


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_an_agent_that_was_looked_at_before_training_learns_the_same(backend):
    def agent():
        initialization = {"initialization": "orthogonal"}  # whose bits depend most on how it is compiled
        values = PPO_SMALL | {"network": SMALL | initialization}
        return operant.PPO("CartPole-v1", preset=None, num_envs=4, backend=backend, **values)

    looked_at, other = agent(), agent()
    looked_at.predict(OBSERVATIONS)
    for ours, theirs in zip(
        *(jax.tree.leaves(learn(a).learner.state) for a in (looked_at, other)), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)


# Wrong input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: operant.PPO("CartPole-v9"), "CartPole-v1"),
        (lambda: operant.PPO("CartPol-v1"), r"Did you mean.*CartPole"),
        (lambda: operant.make("ppoo", "CartPole-v1"), r"Unknown algorithm 'ppoo'.*'ppo'"),
        (
            lambda: operant.PPO("CartPole-v1", preset=None, learning_rat=1.0),
            r"'learning_rat'.*1\.0.*'learning_rate'",
        ),
        (
            lambda: operant.PPO("CartPole-v1", preset=None, gamma=1.5),
            r"gamma=1\.5: must be a number in \[0, 1\]",
        ),
        (lambda: operant.PPO("CartPole-v1", preset=None, n_steps=0), "n_steps=0: must be at least 1"),
        (
            lambda: operant.PPO("CartPole-v1", preset=None, n_steps="many"),
            "n_steps='many': must be a whole number",
        ),
        (
            lambda: operant.PPO("CartPole-v1", preset=None, n_steps=8, batch_size=64),
            r"batch_size=64.*n_steps=8.*num_envs=1",
        ),
        (lambda: operant.DQN("Pendulum-v1", preset=None), r"DQN.*Discrete.*Pendulum-v1.*Box\(1\)"),
        (lambda: operant.PPO("CartPole-v1", preset=None, backend="gpu"), "backend='gpu'.*native"),
        (lambda: operant.PPO("Taxi-v3", backend="native"), r"backend='native'.*Taxi-v3"),
        (lambda: operant.PPO("CartPole-v1", preset=None, vectorization="both"), "vectorization='both'.*sync"),
        (lambda: operant.PPO("CartPole-v1", preset=None, num_envs=0), "num_envs=0: must be at least 1"),
        (lambda: operant.PPO(gym.make("CartPole-v1"), num_envs=2), "num_envs=2.*callable"),
        (lambda: operant.PPO("CartPole-v1", preset=None, network={"hidden": 3}), r"network\.hidden"),
        (lambda: operant.PPO("CartPole-v1", preset="no"), "no preset 'no'"),
        (
            lambda: operant.PPO("CartPole-v1", preset=None, network={"hidden_sizes": 64}),
            r"hidden_sizes=64: must be a tuple",
        ),
        (
            lambda: operant.PPO("CartPole-v1", preset=None, seed=None),
            "seed=None: must be a whole number.*random",
        ),
        (lambda: operant.PPO("CartPole-v1", preset=None, seed=True), "seed=True: must be a whole number"),
        (lambda: operant.PPO("CartPole-v1", preset=None, seed=-1), r"seed=-1: must be from 0 to 2\*\*63 - 1"),
        (lambda: operant.PPO("CartPole-v1", preset=None, seed=2**63), "seed=9223372036854775808: must be"),
        (lambda: operant.PPO("CartPole-v1", preset=None, seeds=[1, -1]), r"seeds=\[1, -1\]: must be"),
        (lambda: operant.PPO("CartPole-v1", preset=None, seed=2**63 - 1, seeds=2), "seeds=2: must be"),
        (
            lambda: operant.PPO("CartPole-v1", preset=None, seeds=2.0),
            "seeds=2.0: must be a whole number, at least 1, or a list",
        ),
        (lambda: operant.PPO("CartPole-v1", preset=None, seeds=[0, 0.5]), r"seeds=\[0, 0.5\]: must be"),
        (
            lambda: operant.PPO("CartPole-v1", preset=None).learn(64, callback=3),
            "callback: 3 must be a function",
        ),
        (
            lambda: operant.PPO("CartPole-v1", preset=None).learn(64, observers=["x"]),
            "observers: 'x' must be a function",
        ),
        (
            lambda: operant.PPO("CartPole-v1", preset=None).learn(64, loggers=["json"]),
            r"loggers: 'json' has no write\(row\)",
        ),
        # by habit from elsewhere
        (lambda: operant.PPO("MlpPolicy", "CartPole-v1"), "'MlpPolicy' and 'CartPole-v1'.*network="),
        (lambda: operant.PPO("CartPole-v1", preset=None, policy_kwargs={}), "'policy_kwargs'.*hidden_sizes"),
        (lambda: operant.PPO("CartPole-v1", preset=None, n_envs=2), "'n_envs'.*'num_envs'"),
        (lambda: operant.PPO("CartPole-v1", preset=None, num_env=2), "'num_env'.*'num_envs'"),
        (lambda: operant.make("PPO", "CartPole-v1"), "Did you mean 'ppo'"),
        (
            lambda: operant.CEM("CartPole-v1", preset=None, policy="nn"),
            "policy='nn': must be one of",
        ),  # its own
    ],
)
def test_wrong_input_is_named_with_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_constructors_load_what_was_saved(ppo, tmp_path):
    ppo.save(tmp_path / "model.safetensors")
    loaded = operant.PPO.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(OBSERVATIONS), ppo.predict(OBSERVATIONS))


def test_saving_makes_directories_and_the_best_of_one_is_itself(ppo, tmp_path):
    ppo.save(tmp_path / "new" / "deep" / "model.safetensors")
    assert (tmp_path / "new" / "deep" / "model.safetensors").exists()
    assert ppo.best() is ppo
    assert repr(ppo) == "<PPO on CartPole-v1 (native twin; 4 environments), at step 128>"


def test_a_plain_function_observes():
    seen = []
    agent = operant.PPO("CartPole-v1", preset=None, num_envs=4, **PPO_SMALL)
    agent.learn(128, progress_bar=False, observers=[lambda transition: seen.append(transition.reward.shape)])
    assert seen == [(16, 4), (16, 4)]


def test_what_is_sampled_can_be_had_again(ppo, tmp_path):
    ppo.save(tmp_path / "model.safetensors")
    one, other = (operant.load(tmp_path / "model.safetensors") for _ in range(2))

    def sampled(agent):
        return np.stack([agent.predict(OBSERVATIONS, deterministic=False) for _ in range(3)])

    first = sampled(one)
    np.testing.assert_array_equal(first, sampled(other))
    assert (first[0] != first[1]).any()
    assert (first != sampled(one)).any()


@pytest.mark.parametrize("seeds", [None, 2])
def test_training_into_a_directory_leaves_a_model_there_however_it_ends(seeds, tmp_path):
    agent = operant.PPO("CartPole-v1", preset=None, num_envs=4, seeds=seeds, **PPO_SMALL)
    agent.learn(1_000, lambda progress: False, progress_bar=False, run_dir=tmp_path / "run")
    loaded = operant.load(tmp_path / "run")
    whose = agent
    if seeds is not None:
        whose = agent[int(np.nanargmax(agent.history[-1]["rollout/ep_rew_mean"]))]
    np.testing.assert_array_equal(loaded.predict(OBSERVATIONS), whose.predict(OBSERVATIONS))
    directory = (tmp_path / "run").stat().st_mode
    assert (tmp_path / "run" / "model.safetensors").stat().st_mode & 0o777 == directory & 0o666


def test_a_loss_that_is_no_number_stops_training():
    agent = operant.PPO("CartPole-v1", preset=None, num_envs=4, **PPO_SMALL | {"learning_rate": 1e30})
    with pytest.raises(DivergedError, match=r"train/\w+ is nan at step 64.*A lower learning_rate may help"):
        agent.learn(256, progress_bar=False)
    assert agent.history == []


def test_steps_are_counted_in_whole_numbers(ppo):
    assert learn(operant.PPO("CartPole-v1", preset=None, num_envs=4, **PPO_SMALL), 6.4e1).step == 64
    for value in (1000.5, "many"):
        with pytest.raises(ValueError, match=r"total_timesteps=.*must be a whole number"):
            ppo.learn(value)


if __name__ == "__main__":
    jax.config.update("jax_numpy_rank_promotion", "raise")
    directory = Path(sys.argv[1])
    loaded = operant.load(directory / "model.safetensors")
    np.save(directory / "actions.npy", loaded.predict(OBSERVATIONS))
    continued(loaded).save(directory / "continued.safetensors")
