"""Exploration with a state: where memory lives, reset and stored like it, and no part of a policy after training."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.agent import Agent
from operant.algorithms import registry
from operant.algorithms.base import Algorithm
from operant.algorithms.policy_gradient.a2c import A2C
from operant.algorithms.value.dqn import DQN
from operant.engine.device import DeviceLoop
from operant.engine.files import load_tree, read_shapes, save_tree
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.envs.base import Environment
from operant.envs.classic.cartpole import CartPole
from operant.envs.host import NativeOnHost
from operant.fields import FileError
from operant.networks import Network
from operant.ops.exploration_noise import (
    ExplorationNoise,
    GaussianNoise,
    HeldNoise,
    Independent,
    OrnsteinUhlenbeck,
    RepeatedActions,
)
from operant.ops.schedules import Linear
from operant.ops.seeds import key_of
from operant.plans import Episodes, Experience, Replay, Rollout
from operant.spaces import Box

N, T = 3, 6


class Lengths(Environment):
    """Episodes of one to five steps, each with a length of its own."""

    id: ClassVar[str] = "Lengths"
    max_episode_steps: int | None = eqx.field(static=True, default=None)

    @property
    def observation_space(self):
        return Box(-1.0, 6.0, (2,))

    @property
    def action_space(self):
        return Box(-1.0, 1.0, (2,))

    def sample_noise(self, key):
        return jax.random.randint(key, (), 1, 6)

    def reset(self, noise):
        return jnp.stack([noise, jnp.zeros_like(noise)])  # how many steps, and how many were taken

    def step(self, state, action, noise):
        state = state + jnp.array([0, 1])
        return state, jnp.sum(action), state[1] >= state[0]

    def observation(self, state):
        return state.astype(jnp.float32)


class Explores(Algorithm):
    """Acts by its noise, and learns by heart what it did."""

    plan: Experience = eqx.field(static=True)
    process: ExplorationNoise = OrnsteinUhlenbeck(1.0, 0.5, 0.1)

    @property
    def experience(self):
        return self.plan

    @property
    def exploration(self):
        return self.process

    def check(self, spec):
        pass

    def init(self, spec, key):
        like = jnp.zeros((self.plan.unroll_length, self.plan.columns(spec.num_envs)))
        return (jnp.zeros((*like.shape, 2)), like > 0) if self.plan.replay is None else (jnp.zeros(2), like)

    def sample_noise(self, spec, key):
        return jax.random.normal(key, (spec.num_envs, 2))

    def act(self, state, observation, action_mask, carry, noise, clock, *, explore):
        return noise if explore else jnp.zeros((*observation.shape[:-1], 2)), carry, ()

    def update(self, state, batch, key, clock):
        done = batch.transition
        if self.plan.replay is None:
            return (done.action, done.done), {}
        return (state[0] + jnp.sum(done.action, 0), state[1]), {}


def loops(algorithm, seeds=None):
    yield DeviceLoop(algorithm, Lengths(), N, seeds)
    yield HostLoop(algorithm, NativeOnHost(Lengths(), N * (seeds or 1)), seeds)


def trained(loop, iterations: int, seeds=None):
    key = jax.random.key(5) if seeds is None else jax.random.split(jax.random.key(5), seeds)
    total = iterations * loop.algorithm.plan.steps_per_iteration(N)
    return train(loop, loop.init(key), total, 1, lambda run, metrics: True)


@pytest.mark.parametrize(
    "process", [OrnsteinUhlenbeck(1.0, 0.5, 0.1), HeldNoise(), HeldNoise(each_rollout=True)]
)
@pytest.mark.parametrize("where", [0, 1], ids=["device", "host"])
def test_exploration_noise_begins_anew_in_every_environment_and_episode(process, where):
    algorithm = Explores(Rollout(T), process)
    *_, loop = list(loops(algorithm))[: where + 1]
    run = loop.init(jax.random.key(5))
    state = np.zeros((N, 2)), np.zeros(N, bool)
    ends = 0
    for iteration in range(4):
        run, _, _ = loop.step(run, 1, 1)
        actions, done = map(np.asarray, run.state)
        for t in range(T):
            key = jax.random.fold_in(jax.random.fold_in(jax.random.key(5), 2), iteration * T + t)
            noise = np.asarray(jax.random.normal(key, (N, 2)))
            x, begins = state
            if isinstance(process, HeldNoise):
                first = t == 0 and (process.each_rollout or iteration == 0)
                x = np.where((begins | first)[:, None], noise, x)
            else:
                x = np.where(begins[:, None], 0, x)
                x = x * (1 - 0.5 * 0.1) + np.sqrt(0.1) * noise
            np.testing.assert_allclose(actions[t], x, rtol=1e-4, atol=1e-6)
            state, ends = (actions[t], done[t]), ends + done[t].sum()
    assert ends > N  # and so some ended in the middle of a rollout, while others went on


WALK, HOLD = OrnsteinUhlenbeck(1.0, 0.5, 0.1), HeldNoise(2, each_rollout=True)
PLANS = {
    "rollout": (Explores(Rollout(T), WALK), None),
    "rollout, two seeds": (Explores(Rollout(T), HOLD), 2),
    "episodes": (Explores(Episodes(2 * N, 5), HOLD), None),
    "replay": (Explores(Replay(40, 8, 4, learning_starts=10), HOLD), None),
}


@pytest.mark.parametrize("plan", PLANS)
def test_exploration_noise_is_the_same_on_both_loops(plan):
    algorithm, seeds = PLANS[plan]
    device, host = (trained(loop, 5, seeds) for loop in loops(algorithm, seeds))
    for one, other in zip(jax.tree.leaves(device.state), jax.tree.leaves(host.state), strict=True):
        if algorithm.process is HOLD:
            np.testing.assert_array_equal(one, other)
        else:  # a product and a sum may be rounded once or twice: see docs/decisions/0003-bit-parity.md
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


SMALL = Network(hidden_sizes=(4,))


def test_dqn_repeats_random_actions_on_both_loops():
    always = {"exploration_initial_eps": 1.0, "exploration_final_eps": 1.0, "learning_starts": 0}
    algorithm = DQN(
        buffer_size=64, batch_size=4, train_freq=64, exploration_repeat=2.0, network=SMALL, **always
    )
    seen = []
    for loop in (
        DeviceLoop(algorithm, CartPole(), 4, None, return_experience=True),
        HostLoop(algorithm, NativeOnHost(CartPole(), 4), None, return_experience=True),
    ):
        run, _, experience = loop.step(loop.init(jax.random.key(1)), 1, 1)
        assert experience is not None
        seen.append((experience.action, experience.terminated, run.exploration.left))
    assert jax.tree.all(jax.tree.map(np.array_equal, *seen))
    action, ended, _ = seen[0]
    within = ~ended[:-1]
    assert (action[1:] == action[:-1])[within].mean() > 0.7  # a half, of actions that are not repeated
    assert set(np.unique(action)) == {0, 1}


def sde(**arguments) -> Agent:
    algorithm = A2C(n_steps=5, use_sde=True, sde_sample_freq=3, network=SMALL)
    return Agent(algorithm, "Pendulum-v1", num_envs=2, seed=1, **arguments)


@pytest.mark.parametrize("seeds", [None, pytest.param(2, marks=pytest.mark.slow)])
def test_exploration_noise_of_a_resumed_run_goes_on(tmp_path, seeds):
    def learn(directory, callback=None):
        where = {"run_dir": directory, "checkpoint_every": 50, "log_interval": 50}
        return sde(seeds=seeds).learn(200, callback, progress_bar=False, **where)

    whole = learn(tmp_path / "whole")
    learn(tmp_path / "parts", lambda progress: progress.step < 100)
    resumed = Agent.resume(tmp_path / "parts", progress_bar=False)
    assert whole.learner.run is not None
    assert resumed.learner.run is not None
    expected, found = whole.learner.run.exploration, resumed.learner.run.exploration
    assert jax.tree.leaves(expected)
    assert jax.tree.all(jax.tree.map(np.array_equal, (whole.state, expected), (resumed.state, found)))


def test_load_tree_reads_a_checkpoint_from_before_exploration_had_a_state(tmp_path):
    run = sde().learn(20, progress_bar=False).learner.run
    assert run is not None
    before = replace(run, exploration=())
    save_tree(tmp_path / "run.safetensors", before, {})
    like = replace(run, exploration=jax.tree.map(lambda x: x + 1, run.exploration))
    loaded = load_tree(tmp_path / "run.safetensors", like)
    assert jax.tree.all(jax.tree.map(np.array_equal, loaded.exploration, like.exploration))
    np.testing.assert_array_equal(loaded.observation, run.observation)
    part = replace(
        run, exploration=run.exploration._replace(age=None)
    )  # but one of which a part is missing is not
    save_tree(tmp_path / "part.safetensors", part, {})
    with pytest.raises(FileError, match=r"exploration.age is missing"):
        load_tree(tmp_path / "part.safetensors", like)


class Holds(eqx.Module):
    """The hyperparameters of an algorithm."""

    process: ExplorationNoise


@pytest.mark.parametrize(
    "process",
    [
        Independent(),
        GaussianNoise(Linear(0.5, 0.1)),
        OrnsteinUhlenbeck(1.0, 0.5, 0.1),
        HeldNoise(4, each_rollout=True, source=GaussianNoise(0.3)),
        RepeatedActions(0.2, 1.5),
    ],
    ids=lambda process: type(process).__name__,
)
def test_exploration_noise_of_an_algorithm_is_kept_in_a_file(process, tmp_path):
    stored = json.loads(json.dumps(registry.to_json(Holds(process))))
    assert eqx.tree_equal(registry.build(Holds, stored).process, process)


def test_exploration_noise_of_ones_own_is_given_again():
    class Mine(ExplorationNoise):
        def init(self, noise):
            return ()

        def step(self, state, noise, clock):
            return noise, state

    stored = registry.to_json(Holds(Mine()))
    with pytest.raises(
        ValueError, match=r"process was 'Mine', which is not one of Independent, .*pass it again as"
    ):
        registry.build(Holds, stored)


def test_predict_after_training_samples_the_first_step_of_the_process():
    agent = Agent(Explores(Rollout(2), OrnsteinUhlenbeck(1.0, dt=0.25)), Lengths(), num_envs=2)
    policy = agent.policy(deterministic=False, seed=3)
    spec = replace(agent.spec, num_envs=2)
    for t in range(3):
        action, _ = policy(np.zeros((2, 2), np.float32), None, None, np.zeros(2, bool), t)
        noise = agent.algorithm.sample_noise(spec, jax.random.fold_in(key_of(3), t))
        np.testing.assert_allclose(action, np.clip(0.5 * noise, -1, 1), rtol=1e-6)  # σ √dt


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_collect_after_training_samples_every_step_as_the_first_of_the_process(backend):
    walk = OrnsteinUhlenbeck(1.0, dt=0.25)
    agent = Agent(Explores(Rollout(2), walk), Lengths(), num_envs=2).learn(8, progress_bar=False)
    rows = []
    operant.collect(agent, steps=12, num_envs=2, seed=3, observers=[rows.append], backend=backend)
    action = np.concatenate([block.action[block.mask.all(1)] for block in rows])
    keys = [jax.random.fold_in(jax.random.fold_in(key_of(3), 2), t) for t in range(6)]
    noise = jnp.stack([agent.algorithm.sample_noise(replace(agent.spec, num_envs=2), key) for key in keys])
    np.testing.assert_allclose(action, 0.5 * noise, rtol=1e-6)  # σ √dt ε, of no earlier step
    best = operant.collect(agent, steps=12, num_envs=2, deterministic=True, backend=backend)
    assert not operant.to_transitions(best.trajectories).action.any()


def test_policy_after_training_has_no_exploration(tmp_path):
    agent = sde().learn(20, progress_bar=False)
    observation = np.zeros(3, np.float32)
    assert not agent.remembers
    assert agent.predict(observation).shape == (1,)
    first, second = (agent.predict(observation, deterministic=False) for _ in range(2))
    assert (first != second).all()  # it samples every action by itself
    agent.save(tmp_path / "sde.safetensors")
    like = A2C(n_steps=5, network=SMALL).init(agent.spec, jax.random.key(0))
    assert len(read_shapes(tmp_path / "sde.safetensors")) == len(jax.tree.leaves(like))
