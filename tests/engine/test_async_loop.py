"""Workers that play for a learner: in lock step the loop on the host to the last bit, in turns a loop by hand."""

from __future__ import annotations

import gc
import os
import threading
import time
import warnings
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_ahead import ENVIRONMENTS, KEY, LEARNERS, SMALL, assert_the_same, leaves

import operant
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.policy_gradient.a2c import A2C
from operant.algorithms.policy_gradient.impala import IMPALA
from operant.cli.asked import read
from operant.engine.asynchronous.actors import HostActors
from operant.engine.asynchronous.environments import WorkerEnvironments
from operant.engine.asynchronous.exchange import Order
from operant.engine.asynchronous.loop import AsyncLoop
from operant.engine.asynchronous.native_actors import NativeActors
from operant.engine.asynchronous.threads import key_of_worker
from operant.engine.asynchronous.workers import Workers
from operant.engine.collect import act, noise_of
from operant.engine.flat import Packed
from operant.engine.host import HostLoop
from operant.engine.learn import among, learn, sample_learning_noise, to_environment
from operant.engine.train_state import Stream, start_of_episode, stream, transition
from operant.engine.watch import Stopped, Watch
from operant.envs.classic.cartpole import CartPole
from operant.envs.host import NativeOnHost
from operant.networks.recurrent import reset_carry
from operant.studio.repeat import arguments
from operant.types import Transition

IN_ROLLOUTS = {name: learner for name, learner in LEARNERS.items() if learner.experience.replay is None}


def loop_of(learner, workers: Workers, environment=None, native=False, **options) -> AsyncLoop:
    algorithm = LEARNERS[learner] if isinstance(learner, str) else learner
    environment = environment or ENVIRONMENTS.get(learner, CartPole())
    if native:
        actors = NativeActors(environment, 4, workers.count)
    else:
        made = WorkerEnvironments(partial(NativeOnHost, environment, 4), workers.count)
        actors = HostActors(algorithm, made)
    return AsyncLoop(algorithm, actors, workers, **options)


def alive() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("operant-worker")]


# In lock step


@pytest.mark.parametrize("name", IN_ROLLOUTS)
def test_async_loop_of_one_worker_without_lag_is_the_loop_on_the_host_to_the_last_bit(name):
    environment = ENVIRONMENTS.get(name, CartPole())
    loops = [
        HostLoop(LEARNERS[name], NativeOnHost(environment, 4), None),
        loop_of(name, Workers(1, fixed_lag=0)),
        loop_of(name, Workers(1, fixed_lag=0), native=True),
    ]
    runs = []
    for loop in loops:
        run = loop.init(KEY)
        for _ in range(2):
            run, metrics, _ = loop.step(run, 3, 3)
        runs.append(run)
        loop.close()
    assert metrics["time/policy_lag"] == 0
    assert_alike(runs[0], runs[1])
    assert_alike(runs[0], runs[2])


def assert_alike(one, other):
    """To the last bit where no program fuses multiplication and addition, which two do differently, and else nearly."""
    if "xla_cpu_max_isa=AVX" in os.environ["XLA_FLAGS"]:
        assert_the_same(one, other)
    for mine, its in zip(leaves(one), leaves(other), strict=True):
        np.testing.assert_allclose(mine, its, rtol=2e-4, atol=1e-5)


def by_hand(algorithm, environment, count: int, lag: int, iterations: int):
    """The run after a chunk in which iteration j learns from worker j mod W, by the policy after j − L updates."""
    environments = [NativeOnHost(environment, 4) for _ in range(count)]
    spec, steps = environments[0].spec, algorithm.experience.unroll_length
    whole = replace(spec, num_envs=4 * count)
    run = loop_of(algorithm, Workers(count, fixed_lag=lag), environment).init(KEY)
    keys = [key_of_worker(KEY, w) for w in range(count)]
    seen = [
        one.reset(stream(key, Stream.ENVIRONMENT))[0] for one, key in zip(environments, keys, strict=True)
    ]
    np.testing.assert_array_equal(run.observation, np.concatenate(seen))
    initial = start_of_episode(algorithm, spec, run.state)
    carries = [initial] * count
    one, update = jax.jit(partial(act, algorithm)), jax.jit(partial(learn, algorithm))
    states = [(run.state, run.clock)]
    for iteration in range(iterations):
        w, number = iteration % count, iteration // count
        state, clock = states[max(0, iteration - lag)]
        rows, before, observation = [], carries[w][0], seen[w]
        for t in range(steps):
            noise = noise_of(algorithm, spec, stream(keys[w], Stream.ACT), jnp.int32(number * steps + t))
            action, carries[w], extras = one(state, observation, None, carries[w], noise, clock)
            answer = environments[w].step(to_environment(spec.action_space, np.asarray(action)))
            rows.append(transition(observation, None, action, extras, answer))
            observation, done = answer.observation, answer.terminated | answer.truncated
            carries[w] = jax.tree.map(jnp.asarray, reset_carry(carries[w], initial, done))
        seen[w] = observation
        experience = jax.tree.map(lambda *x: np.stack(x), *rows)
        carries[w] = carries[w][0], algorithm.exploration.next_rollout(carries[w][1])
        noise = sample_learning_noise(algorithm, whole.num_envs, KEY, iteration)
        run, _ = update(run, experience, before, noise, None, state, jnp.int32(4 * w))
        states.append((run.state, run.clock))
    return run, np.concatenate(seen)


@pytest.mark.parametrize(("count", "lag"), [(2, 1), (3, 4)])
@pytest.mark.parametrize("name", ["PPO", "recurrent PQN"])
def test_async_loop_of_workers_in_turns_is_a_loop_by_hand(name, count, lag):
    environment = ENVIRONMENTS.get(name, CartPole())
    expected, seen = by_hand(LEARNERS[name], environment, count, lag, 7)
    loop = loop_of(name, Workers(count, fixed_lag=lag))
    run, metrics, _ = loop.step(loop.init(KEY), 7, 7)
    loop.close()
    assert metrics["time/policy_lag"] == pytest.approx(np.mean([min(j, lag) for j in range(7)]))
    assert metrics["time/policy_lag_max"] == lag
    for mine, its in zip(*map(jax.tree.leaves, (run.state, expected.state)), strict=True):
        np.testing.assert_allclose(mine, its, rtol=2e-4, atol=1e-5)
    for mine, its in zip(*map(jax.tree.leaves, (run.statistics, expected.statistics)), strict=True):
        np.testing.assert_array_equal(mine, its)
    np.testing.assert_array_equal(run.observation, seen)


# A3C: workers that learn

A3C = A2C(n_steps=8, ent_coef=0.01, normalize_rewards=True, network=SMALL, async_gradients=True)


@pytest.mark.parametrize("native", [False, True])
def test_a3c_with_one_worker_in_lock_step_is_a2c_to_the_last_bit(native):
    runs = []
    a2c = replace(A3C, async_gradients=False)
    for loop in (
        HostLoop(a2c, NativeOnHost(CartPole(), 4), None),
        loop_of(A3C, Workers(1, 0), native=native),
    ):
        run = loop.init(KEY)
        for _ in range(2):
            run, metrics, _ = loop.step(run, 3, 3)
        runs.append(run)
        loop.close()
    assert metrics["train/n_updates"] == 1
    assert_alike(*runs)


def test_a3c_follows_from_the_newest_parameters_what_workers_computed_at_older_ones():
    """A loop by hand, in which `A2C.update` is never called: the paper's algorithm, with RMSProp in NumPy."""
    count, lag, iterations = 2, 2, 7
    algorithm = replace(A3C, normalize_rewards=False, max_grad_norm=1e9)
    loop = loop_of(algorithm, Workers(count, fixed_lag=lag), native=True, return_experience=True)
    run = loop.init(KEY)
    thetas, clocks = [run.state.network], [run.clock]
    leaves, structure = jax.tree.flatten(run.state.network)
    shared = [np.zeros_like(leaf) for leaf in leaves]  # g, of all workers together

    @jax.jit
    def gradient(network, step, clock):
        weight = jnp.ones_like(step.reward)
        return jax.grad(lambda n: algorithm.loss(n, step, weight, (), clock)[0])(network)

    run, _, experience = loop.step(run, iterations, iterations)
    loop.close()
    theta = [np.asarray(leaf) for leaf in leaves]
    for j in range(iterations):
        columns = slice(4 * (j % count), 4 * (j % count) + 4)
        step = replace(
            jax.tree.map(lambda x, j=j, c=columns: x[8 * j : 8 * j + 8, c], experience), valid=None
        )
        pushed = jax.tree.leaves(gradient(thetas[max(0, j - lag)], step, clocks[0]))
        for i, g in enumerate(map(np.asarray, pushed)):
            shared[i] = 0.99 * shared[i] + 0.01 * g**2
            theta[i] = theta[i] - 7e-4 * g / (np.sqrt(shared[i]) + 1e-5)
        thetas.append(structure.unflatten(jnp.asarray(x) for x in theta))
    for mine, its in zip(jax.tree.leaves(run.state.network), theta, strict=True):
        np.testing.assert_allclose(mine, its, rtol=1e-3, atol=1e-5)


def test_a3c_has_workers_unless_told_otherwise_and_is_saved_with_them(tmp_path):
    small = {"preset": None, "num_envs": 2, "network": {"hidden_sizes": (4,)}}
    with operant.A3C("CartPole-v1", **small) as agent:
        assert agent.learner.workers == Workers(4)
        assert agent.algorithm.name == "A3C"
        agent.learn(200, progress_bar=False)
        assert agent.history[-1]["time/policy_lag_max"] > 0
        agent.save(tmp_path / "model.safetensors")
    assert operant.load(tmp_path / "model.safetensors").learner.workers == Workers(4)
    alone = operant.A3C("CartPole-v1", workers=0, seeds=2, **small)
    assert alone.learner.workers is None
    assert alone.config()["workers"] == 0
    assert "--workers" in arguments(alone.config())


@pytest.mark.parametrize("native", [False, True])
def test_async_loop_in_turns_learns_the_same_again_and_iteration_by_iteration(native):
    runs, loop = [], loop_of("PPO", Workers(2, fixed_lag=3), native=native)
    for by_one in (False, False, True):
        run = loop.init(KEY)
        for _ in range(2):  # chunks of five iterations
            if by_one:
                for index in range(5):
                    run, *_ = loop.step(run, 1, 5, index < 4)
            else:
                run, *_ = loop.step(run, 5, 5)
        runs.append(jax.tree.map(jnp.copy, run))
    loop.close()
    assert_the_same(runs[0], runs[1])
    assert_the_same(runs[0], runs[2])


class Cue(CartPole):
    """CartPole of which one action is impossible, in turns."""

    def action_mask(self, state):
        return jnp.array([True, True]).at[(state[0] > 0).astype(int)].set(False)


@pytest.mark.parametrize("native", [False, True])
def test_async_loop_heeds_masks_and_memory(native):
    learner = IMPALA(n_steps=8, policy_lag=0, network=replace(SMALL, memory="gru", memory_size=4))
    environment = Cue()
    environment.__class__.id = "Cue"
    loop = loop_of(learner, Workers(2), environment, native, return_experience=True)
    run, metrics, experience = loop.step(loop.init(KEY), 6, 6)
    loop.close()
    assert metrics["time/policy_lag_max"] > 0
    taken = np.take_along_axis(
        np.asarray(experience.action_mask), np.asarray(experience.action)[..., None], -1
    )
    assert taken[np.asarray(experience.valid)].all()
    assert (
        float(jnp.abs(run.carry[0] if isinstance(run.carry, tuple) else jax.tree.leaves(run.carry)[0]).max())
        > 0
    )


def test_async_loop_hands_observers_the_steps_of_every_worker_in_their_columns():
    loop = loop_of("IMPALA", Workers(2), return_experience=True)
    run, _, experience = loop.step(loop.init(KEY), 8, 8)
    loop.close()
    valid, done = np.asarray(experience.valid), np.asarray(experience.terminated | experience.truncated)
    assert (valid[:, :4].all(1) ^ valid[:, 4:].all(1)).all()  # every row is of one worker
    for n in range(8):
        rows = np.flatnonzero(valid[:, n])
        np.testing.assert_array_equal(
            experience.next_observation[rows[:-1], n][~done[rows[:-1], n]],
            experience.observation[rows[1:], n][~done[rows[:-1], n]],
        )
        length = 0
        for row in rows:
            length = 0 if done[row, n] else length + 1
        assert run.statistics.running_length[n] == length
    assert int(run.statistics.episodes) == int((done & valid).sum())
    assert int(run.clock.step) == 8 * 8 * 4


@pytest.mark.parametrize("native", [False, True])
def test_async_loop_workers_have_episodes_and_noise_of_their_own(native):
    """By hand there are keys of workers too, which could be the same."""
    loop = loop_of("IMPALA", Workers(2, fixed_lag=0), native=native, return_experience=True)
    _, _, experience = loop.step(loop.init(KEY), 2, 2)
    loop.close()
    seen, action = np.asarray(experience.observation), np.asarray(experience.action)
    assert (seen[0, :4] != seen[8, 4:]).all()
    assert (action[:8, :4] != action[8:, 4:]).any()


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray])
def test_steps_of_one_worker_among_those_of_all_keep_what_never_happened(kind):
    valid = kind(np.array([[True, False], [True, True]]))
    reward = kind(np.array([[1.0, 2.0], [3.0, 4.0]], np.float32))
    flag = kind(np.zeros((2, 2), bool))
    step = Transition(kind(np.ones((2, 2, 3))), reward, reward, flag, flag, reward, valid=valid)
    whole = among(step, 6, 2)
    np.testing.assert_array_equal(whole.valid[:, 2:4], valid)
    np.testing.assert_array_equal(whole.reward[:, 2:4], reward)
    assert whole.observation.shape == (2, 6, 3)
    assert not np.asarray(whole.valid)[:, [0, 1, 4, 5]].any()


# Whoever is late, fails or is stopped


class Moody(NativeOnHost):
    """Environments that do something of their own before a step, which a worker of a number is told."""

    def __init__(self, mood, made):
        super().__init__(CartPole(), 4)
        made.append(self)
        self.number, self.mood, self.taken = len(made) - 1, mood, 0

    def step(self, action):
        self.taken += 1
        self.mood(self)
        return super().step(action)


def moody(mood, workers: Workers):
    made: list[Moody] = []
    learner = LEARNERS["IMPALA"]
    loop = AsyncLoop(
        learner, HostActors(learner, WorkerEnvironments(lambda: Moody(mood, made), workers.count)), workers
    )
    return loop, made


def test_async_loop_does_not_wait_for_a_straggler_and_leaves_out_what_is_too_old():
    freed = threading.Event()

    def late(env):
        if env.number == 1 and env.taken == 8:
            freed.wait(60)

    loop, made = moody(late, Workers(2, max_lag=3))
    run, metrics, _ = loop.step(loop.init(KEY), 10, 10)
    assert made[1].taken == 8
    assert metrics["time/policy_lag_max"] <= 3
    assert metrics["time/rollouts_dropped"] == 0
    freed.set()
    while metrics["time/rollouts_dropped"] == 0:
        run, metrics, _ = loop.step(run, 4, 4)
        assert metrics["time/policy_lag_max"] <= 3
    loop.close()
    assert int(run.clock.step) == int(run.iteration) * 8 * 4  # what was dropped was not counted


def test_async_loop_makes_failed_environments_anew_and_leaves_out_who_always_fails_and_says_each_once():
    once = [RuntimeError("once")]

    def fails(env):
        worker = threading.current_thread().name
        if worker.endswith("1") and env.taken == 20 and once:
            raise once.pop()
        if worker.endswith("2") and (
            env.taken > 8 or env.number > 2
        ):  # whatever stands in for it fails as well
            raise RuntimeError("always")

    loop, _ = moody(fails, Workers(3))
    run, said = loop.init(KEY), []
    while len(said) < 3:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run, metrics, _ = loop.step(run, 4, 4)
        said += [str(warning.message) for warning in caught if warning.category is TrainingWarning]
    assert sorted(said) == [
        "worker 1: RuntimeError: once Its environments are made anew.",
        "worker 2: RuntimeError: always It is left out after 3 failures in a row; 2 go on.",
        "worker 2: RuntimeError: always Its environments are made anew.",
    ]
    run, metrics, _ = loop.step(run, 6, 6)
    assert metrics["time/workers"] == 2
    assert int(run.clock.step) == int(run.iteration) * 32  # no iteration was lost
    loop.close()


def test_async_loop_counts_failures_in_a_row():
    failures = [0]

    def fails(env):
        if (
            threading.current_thread().name.endswith("1") and env.taken == 20
        ):  # in each of its environments' third rollout
            failures[0] += 1
            raise RuntimeError("now and then")

    loop, made = moody(fails, Workers(2))
    run = loop.init(KEY)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        while failures[0] < 4 and len(made) < 20:
            run, metrics, _ = loop.step(run, 4, 4)
            assert metrics["time/workers"] == 2
    assert 4 <= failures[0] <= len(made) - 1  # each time, and only then, they were made anew
    assert len(made) <= 2 + failures[0]
    loop.close()


def test_async_loop_raises_at_once_what_was_wrong_from_the_first_and_keeps_the_last_iteration_whole():
    def wrong(env):
        raise RuntimeError("the game")

    loop, _ = moody(wrong, Workers(2))
    with pytest.raises(RuntimeError, match="the game"):
        loop.step(loop.init(KEY), 3, 3)
    assert loop.lost
    loop.close()

    def later(env):
        if env.number == 1 and env.taken == 12:
            raise RuntimeError("in turns all are needed")

    loop, _ = moody(later, Workers(2, fixed_lag=1))
    with pytest.raises(RuntimeError, match="in turns"):
        loop.step(loop.init(KEY), 6, 6)
    assert loop.lost
    assert int(loop.salvage().iteration) in (2, 3)  # the third rollout may still have been played
    loop.close()


@pytest.mark.parametrize("lag", [None, 1])
def test_async_loop_that_is_stopped_keeps_what_was_learnt_and_goes_on_with_fresh_episodes(lag):
    def stops(env):
        if env.number == 0 and env.taken == 20:
            loop.watch.stop = True
            time.sleep(0.3)

    loop, made = moody(stops, Workers(2, fixed_lag=lag))
    run = loop.init(KEY)
    run, *_ = loop.step(run, 10**6, 10**6)
    assert 0 < int(run.iteration) < 10**6
    taken = [env.taken for env in made]
    time.sleep(0.1)
    assert [env.taken for env in made] == taken  # nobody plays
    loop.watch.stop = False
    run, *_ = loop.step(run, 2, 2)
    assert int(run.statistics.running_length.max()) <= 16
    loop.watch.stop = True
    with pytest.raises(Stopped):
        loop.step(run, 1, 5)
    loop.close()


def test_async_loop_remembers_nothing_in_environments_that_are_made_anew():
    learner = LEARNERS["recurrent PQN"]
    actors = HostActors(learner, WorkerEnvironments(partial(NativeOnHost, CartPole(), 4), 2))
    algorithm = jax.tree.map(jnp.asarray, learner)
    actors.take_up(algorithm, Packed(algorithm))
    run = actors.first_run(KEY, 10)
    actors.place(run)
    actor, order = actors.each[1], Order(1, 0, 0, Packed(run))
    played = actor.play(order, Watch())
    assert any(np.asarray(leaf).any() for leaf in jax.tree.leaves(played.actor.carry))
    actor.restart(order)
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(actor.stand.carry))
    assert (actor.stand.observation != played.actor.observation).any()
    actors.environments.close()


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("forgotten", [False, True])
def test_async_loop_leaves_no_thread(native, forgotten):
    """Not for a moment: a process that ends while a thread frees an array of JAX's is aborted."""
    loop = loop_of("IMPALA", Workers(3), native=native)
    loop.step(loop.init(KEY), 2, 2)
    exchange, environments = loop._exchange, loop.environments
    assert len(alive()) >= 3
    if forgotten:
        del loop
        gc.collect()
    elif native:
        loop.close()
    else:
        environments.close()
    assert not alive()
    assert exchange.closed


# What users say and see


def impala(env="CartPole-v1", **values) -> operant.Agent:
    small = {"preset": None, "num_envs": 2, "n_steps": 8, "network": {"hidden_sizes": (4,)}, "workers": 2}
    return operant.IMPALA(env, **small | values)


def test_async_loop_is_resumed_from_a_checkpoint_to_the_last_bit(tmp_path):
    options = {"log_interval": 64, "progress_bar": False}

    def trained(path, **more):
        with impala(fixed_lag=1, normalize_rewards=True) as agent:
            return agent.learn(512, run_dir=path, checkpoint_every=64, **options | more)

    whole = trained(tmp_path / "whole")

    class Crash(Exception):
        pass

    def crash(progress):
        if progress.step >= 256:
            raise Crash

    with pytest.raises(Crash):
        trained(tmp_path / "cut", callback=crash)
    resumed = operant.resume(tmp_path / "cut", progress_bar=False)
    assert_the_same(whole.learner.run, resumed.learner.run)
    resumed.close()


def test_async_loop_is_in_the_title_the_config_the_rows_and_what_repeats_a_run(tmp_path):
    agent = impala(backend="gymnasium", fixed_lag=2).learn(128, log_interval=64, progress_bar=False)
    assert "2 workers in turns, lag 2" in agent.title
    assert agent.history[-1]["time/policy_lag"] == pytest.approx((0 + 1 + 2 + 2) / 4)
    config = agent.config()
    assert (config["workers"], config["fixed_lag"], config["max_lag"]) == (2, 2, None)
    words = arguments(config)
    assert words[words.index("--workers") + 1] == "2"
    assert words[words.index("--fixed-lag") + 1] == "2"
    agent.save(tmp_path / "model.safetensors")
    loaded = operant.load(tmp_path / "model.safetensors")
    assert loaded.learner.workers == Workers(2, 2)
    loaded.learn(32, progress_bar=False)
    training = read("impala", ["CartPole-v1", "--workers", "4", "--max-lag", "3"]).training
    assert (training.workers, training.fixed_lag, training.max_lag) == (4, None, 3)
    agent.close()
    loaded.close()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"workers": -1}, "workers=-1: must be a whole number, at least 1"),
        ({"fixed_lag": -1}, "fixed_lag=-1: must be a whole number, at least 0"),
        ({"fixed_lag": 1, "max_lag": 1}, "max_lag=1: with fixed_lag=1 every policy is that old"),
        ({"workers": None, "max_lag": 1}, "max_lag=1: it is how old the policies of workers are"),
        ({"policy_lag": 2}, "policy_lag=2: policies of workers are as old as they are"),
        ({"seeds": 2}, "workers=2: several seeds are trained in one program"),
        ({"async_collect": True, "backend": "gymnasium"}, "workers=2: workers go on while"),
        ({"curiosity": "rnd"}, "workers=2: IMPALA with RND keeps returns of all environments"),
    ],
)
def test_workers_are_refused_where_they_make_no_sense(values, message):
    with pytest.raises(ValueError, match=message):
        impala(**values)


def test_workers_are_refused_by_what_learns_from_its_newest_policy_alone():
    with pytest.raises(ValueError, match="workers=2: A2C does not learn from rollouts of older policies"):
        operant.Agent(A2C(), "CartPole-v1", workers=2)
    with pytest.raises(ValueError, match="workers=2: DQN does not learn from rollouts"):
        operant.DQN("CartPole-v1", workers=2)
    import gymnasium as gym

    with pytest.raises(ValueError, match="workers=2: every worker has environments of its own"):
        impala(gym.make("CartPole-v1"), num_envs=1)
