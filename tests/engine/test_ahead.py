"""Environments that are at work while something else is done: nothing changes; and what a policy of before collects."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode

import operant
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.policy_gradient.impala import IMPALA
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.value.dqn import DQN
from operant.algorithms.value.pqn import PQN
from operant.cli.asked import read
from operant.engine.collect import act, noise_of
from operant.engine.collected import Gathering
from operant.engine.host import HostLoop
from operant.engine.learn import learn, sample_learning_noise, to_environment
from operant.engine.train import train
from operant.engine.train_state import Stream, start_of_episode, stream, transition
from operant.engine.watch import Stopped
from operant.envs.classic.cartpole import CartPole
from operant.envs.classic.pendulum import Pendulum
from operant.envs.gymnasium_vector import VectorEnvironments
from operant.envs.host import NativeOnHost
from operant.networks import Network
from operant.networks.recurrent import reset_carry
from operant.studio.repeat import arguments
from operant.types import Batch, Clock, Transition

KEY = jax.random.key(3)
SMALL = Network(hidden_sizes=(4,), initialization="uniform")
LEARNERS = {
    "PPO": PPO(
        n_steps=8,
        batch_size=8,
        n_epochs=2,
        normalize_observations=True,
        normalize_rewards=True,
        network=SMALL,
    ),
    "PPO with gSDE": PPO(n_steps=8, batch_size=8, n_epochs=1, use_sde=True, network=SMALL),
    "IMPALA": IMPALA(n_steps=8, policy_lag=0, network=SMALL),
    "recurrent PQN": PQN(
        n_steps=8, batch_size=16, network=replace(SMALL, layer_norm=True, memory="gru", memory_size=4)
    ),
    "DQN": DQN(buffer_size=100, learning_starts=0, batch_size=8, exploration_fraction=0.5, network=SMALL),
}
ENVIRONMENTS = {"PPO with gSDE": Pendulum()}  # whose episodes are longer than its rollouts


class Playing(NativeOnHost):
    """Environments that step in a thread of their own from when they are sent an action."""

    def __init__(self, environment, num_envs):
        super().__init__(environment, num_envs)
        self.pool, self.said = ThreadPoolExecutor(1), []

    def send(self, action):
        self.said.append("sent")
        self.answer = self.pool.submit(self.step, action)

    def receive(self):
        self.said.append("asked")
        return self.answer.result()


def leaves(run):
    return jax.tree.leaves((run.state, run.replay, run.statistics, run.clock, run.observation, run.carry))


def assert_the_same(one, other):
    for mine, its in zip(leaves(one), leaves(other), strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("name", ["recurrent PQN", "DQN"])
def test_environments_that_play_while_steps_are_put_together_change_nothing(name, monkeypatch):
    environments, add = Playing(CartPole(), 4), Gathering.add
    monkeypatch.setattr(
        Gathering, "add", lambda self, step: (environments.said.append("kept"), add(self, step))[1]
    )
    runs = []
    for played in (NativeOnHost(CartPole(), 4), environments):
        loop = HostLoop(LEARNERS[name], played, None)
        runs.append(train(loop, loop.init(KEY), 96, 2, lambda run, metrics: True))
    assert_the_same(*runs)
    steps = LEARNERS[name].experience.unroll_length
    # The step before is kept between a question and its answer; the last one when there is nothing more to ask.
    own = environments.said[-3 * steps :]
    assert own == ["sent", "asked", *["sent", "kept", "asked"] * (steps - 1), "kept"]


def test_vector_environment_in_processes_may_be_sent_actions_and_asked_later():
    made = partial(
        AsyncVectorEnv, [partial(gym.make, "CartPole-v1")] * 2, autoreset_mode=AutoresetMode.SAME_STEP
    )
    answers = []
    for apart in (False, True):
        environments = VectorEnvironments(made())
        environments.reset(KEY)
        steps = []
        for t in range(30):
            action = np.array([t % 2, 0])
            if apart:
                environments.send(action)
                assert environments.envs._state.value == "step"  # they are at it
                steps.append(environments.receive())
            else:
                steps.append(environments.step(action))
        answers.append(steps)
        environments.close()
    for mine, its in zip(*map(jax.tree.leaves, answers), strict=True):
        np.testing.assert_array_equal(mine, its)


def loop_of(name, async_collect=True, **values) -> HostLoop:
    environment = ENVIRONMENTS.get(name, CartPole())
    return HostLoop(
        replace(LEARNERS[name], **values), NativeOnHost(environment, 4), None, async_collect=async_collect
    )


def by_hand(name, iterations):
    """The run after a chunk in which all but the first experience is collected by the state before the last update."""
    algorithm, loop = LEARNERS[name], loop_of(name)
    run, environments, spec = loop.init(KEY), loop.environments, loop.spec
    steps, acting = algorithm.experience.unroll_length, run
    initial = start_of_episode(algorithm, spec, run.state)
    observation, carries = run.observation, (run.carry, run.exploration)
    one, update = jax.jit(partial(act, algorithm)), jax.jit(partial(learn, algorithm))
    for iteration in range(iterations):
        rows, before = [], carries[0]
        for t in range(steps):
            noise = noise_of(algorithm, spec, stream(KEY, Stream.ACT), iteration * steps + t)
            action, carries, extras = one(acting.state, observation, None, carries, noise, acting.clock)
            answer = environments.step(to_environment(spec.action_space, np.asarray(action)))
            rows.append(transition(observation, None, action, extras, answer))
            observation, done = answer.observation, answer.terminated | answer.truncated
            carries = jax.tree.map(jnp.asarray, reset_carry(carries, initial, done))
        experience = jax.tree.map(lambda *x: np.stack(x), *rows)
        noise = sample_learning_noise(algorithm, spec.num_envs, KEY, iteration)
        behavior = acting.state if algorithm.experience.replay is None else None
        learnt, _ = update(replace(run, exploration=carries[1]), experience, before, noise, None, behavior)
        carries, acting, run = (carries[0], learnt.exploration), run, learnt
    return run


@pytest.mark.parametrize("name", LEARNERS)
def test_async_collect_is_a_loop_by_hand_whose_policy_is_one_update_old(name):
    loop = loop_of(name)
    run, metrics, _ = loop.step(loop.init(KEY), 5, 5)
    expected = by_hand(name, 5)
    assert metrics["rollout/policy_lag"] == pytest.approx(4 / 5)
    for mine, its in zip(*map(jax.tree.leaves, (run.state, expected.state)), strict=True):
        np.testing.assert_allclose(mine, its, rtol=2e-4, atol=1e-5)
    plain = loop_of(name, async_collect=False)
    at_once, metrics, _ = plain.step(plain.init(KEY), 5, 5)
    assert "rollout/policy_lag" not in metrics
    assert any((a != b).any() for a, b in zip(*map(jax.tree.leaves, (run.state, at_once.state)), strict=True))


def test_async_collect_learns_the_same_watched_step_by_step_and_iteration_by_iteration():
    runs, threads = [], set()
    for watched in (False, True):
        loop = loop_of("recurrent PQN")
        if watched:
            loop.watch.on_step = lambda *_: threads.add(threading.current_thread())
        run = loop.init(KEY)
        for _ in range(2):  # chunks of three iterations
            if watched:
                for index in range(3):
                    run, *_ = loop.step(run, 1, 3, index < 2)
            else:
                run, *_ = loop.step(run, 3, 3)
        runs.append(run)
    assert threads == {threading.main_thread()}
    assert_the_same(*runs)


def test_async_collect_drops_what_was_collected_ahead_where_episodes_begin_afresh():
    loop = loop_of("PPO")
    run, *_ = loop.step(loop.init(KEY), 1, 3, True)
    loop.invalidate()
    run, metrics, _ = loop.step(run, 1, 3)
    assert metrics["rollout/policy_lag"] == 0
    assert int(run.iteration) == 2


def test_ppo_learns_from_the_estimates_of_the_policy_that_acted():
    """One step down the gradient of all of a rollout, from another network than acted."""
    algorithm = PPO(
        n_steps=8,
        batch_size=32,
        n_epochs=1,
        optimizer="sgd",
        learning_rate=0.1,
        max_grad_norm=1e9,
        network=SMALL,
    )
    spec, rng = replace(CartPole().spec, num_envs=4), np.random.default_rng(0)
    state, behavior = (algorithm.init(spec, jax.random.key(seed)) for seed in (0, 1))
    seen = jnp.asarray(rng.normal(size=(9, 4, 4)), jnp.float32)
    step = Transition(
        observation=seen[:-1],
        action=jnp.asarray(rng.integers(0, 2, (8, 4)), jnp.int32),
        reward=jnp.asarray(rng.normal(size=(8, 4)), jnp.float32),
        terminated=jnp.zeros((8, 4), bool),
        truncated=jnp.zeros((8, 4), bool),
        next_observation=seen[1:],
    )
    weight, now = jnp.ones((8, 4)), Clock.start()
    learnt, metrics = algorithm.update(state, Batch(step, weight, behavior=behavior), KEY, now)
    old = replace(algorithm.estimate(behavior.network, step, ()), policy=None)
    gradient = jax.grad(lambda network: algorithm.loss(network, step, old, weight, (), now)[0])(state.network)
    expected = jax.tree.map(lambda x, g: x - 0.1 * g, state.network, gradient)
    for mine, its in zip(*map(jax.tree.leaves, (learnt.network, expected)), strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-6)
    assert metrics["train/approx_kl"] > 1e-3  # the ratios are not 1, as they are where the same policy acted


def test_async_collect_that_is_stopped_keeps_what_was_learnt_and_begins_afresh():
    loop = loop_of("PPO")
    run, play, left = loop.init(KEY), loop.environments.step, iter(range(20, -1, -1))

    def stops(action):
        loop.watch.stop = (
            next(left) == 0
        )  # in the third rollout of eight steps, while the second is learnt from
        return play(action)

    loop.environments.step = stops
    run, *_ = loop.step(run, 5, 5)
    assert int(run.iteration) == 2
    assert loop.collector.env_stale
    loop.watch.stop, loop.environments.step = False, play
    run, *_ = loop.step(run, 2, 5)
    assert int(run.iteration) == 4
    loop.watch.stop = True
    with pytest.raises(Stopped):
        loop.step(run, 1, 5)


def test_async_collect_passes_on_what_fails_on_either_side_with_the_last_iteration_whole():
    loop = loop_of("PPO")
    run, play, left = loop.init(KEY), loop.environments.step, iter(range(12, -1, -1))

    def fails(action):
        if next(left) == 0:
            raise RuntimeError("the game")
        return play(action)

    loop.environments.step = fails
    with pytest.raises(RuntimeError, match="the game"):
        loop.step(run, 3, 3)
    run = loop.salvage()
    assert run is not None
    assert int(run.iteration) == 1  # learnt while the second was played

    loop = loop_of("PPO")
    run, learner = loop.init(KEY), loop.learner

    def breaks(*arguments, **options):
        raise RuntimeError("the learner")

    loop.learner = breaks
    with pytest.raises(RuntimeError, match="the learner"):
        loop.step(run, 3, 3)
    loop.learner = learner


# What users say and see


def ppo(**values) -> operant.Agent:
    defaults = {
        "preset": None,
        "backend": "gymnasium",
        "num_envs": 2,
        "n_steps": 8,
        "batch_size": 8,
        "n_epochs": 1,
    }
    return operant.PPO(
        "CartPole-v1", **defaults | {"network": {"hidden_sizes": (4,)}, "async_collect": True} | values
    )


def test_async_collect_is_in_the_title_the_config_the_rows_and_what_repeats_a_run(tmp_path):
    agent = ppo().learn(64, log_interval=64, progress_bar=False)
    assert "collecting ahead" in agent.title
    assert agent.history[-1]["rollout/policy_lag"] == pytest.approx(3 / 4)
    config = agent.config()
    assert config["async_collect"] is True
    assert "--async-collect" in arguments(config)
    agent.save(tmp_path / "model.safetensors")
    assert operant.load(tmp_path / "model.safetensors").config()["async_collect"]
    assert read("ppo", ["CartPole-v1", "--async-collect"]).training.async_collect
    with pytest.warns(TrainingWarning, match="async_collect=True does nothing"):
        agent.learn(16, log_interval=1, progress_bar=False)
    assert agent.history[-1]["rollout/policy_lag"] == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ppo(backend="native"), "CartPole-v1 is trained on natively"),
        (
            lambda: operant.A2C("CartPole-v1", backend="gymnasium", async_collect=True),
            "A2C learns from its newest",
        ),
        (
            lambda: operant.REINFORCE("CartPole-v1", backend="gymnasium", async_collect=True),
            "REINFORCE learns from its newest policy alone. Leave it out, or take PPO or IMPALA",
        ),
    ],
)
def test_async_collect_is_refused_where_it_makes_no_sense(make, message):
    with pytest.raises(ValueError, match=f"async_collect=True: {message}"):
        make()
