"""The loop on the host in two: its train state says what is acted on next; each frame is handed over once."""

import ast
import inspect

import jax
import numpy as np
import pytest

from operant.agent import learner
from operant.algorithms.policy_gradient.a2c import A2C
from operant.engine import collector, device, host, host_learner
from operant.engine.collected import Collected, Gathering, newest
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.envs.classic.cartpole import CartPole
from operant.envs.host import NativeOnHost
from operant.networks import Network
from operant.types import TimeStep

K = 3  # frames in a stack


def a2c(**network):
    return A2C(n_steps=3, network=Network(hidden_sizes=(4,), **network))


@pytest.mark.parametrize("seeds", [None, 2])
def test_train_state_of_the_host_loop_says_what_is_acted_on_next(seeds):
    environments = NativeOnHost(CartPole(), 2 * (seeds or 1))
    loop = HostLoop(a2c(), environments, seeds, return_experience=True)
    run = loop.init(jax.random.key(0) if seeds is None else jax.random.split(jax.random.key(0), seeds))
    for _ in range(3):
        before = np.asarray(run.observation).reshape(2 * (seeds or 1), -1)
        run, _, experience = loop.step(run, 2, 2)
        np.testing.assert_array_equal(experience.observation[0], before)
    np.testing.assert_array_equal(
        np.asarray(run.observation).reshape(before.shape), loop.collector.actor.observation
    )


def test_train_state_of_both_loops_has_the_same_observation_and_memory():
    algorithm = a2c(memory="gru", memory_size=4)
    runs = []
    for loop in (
        DeviceLoop(algorithm, CartPole(), 2, None),
        HostLoop(algorithm, NativeOnHost(CartPole(), 2), None),
    ):
        run = loop.init(jax.random.key(1))
        for _ in range(4):
            run, *_ = loop.step(run, 5, 5)
        runs.append((run.observation, run.carry))
    for one, other in zip(*map(jax.tree.leaves, runs), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_host_loop_that_stops_in_a_rollout_leaves_the_state_of_the_last_iteration():
    class Stopping(NativeOnHost):
        left = 4  # of two iterations of three steps

        def step(self, action):
            self.left -= 1
            loop.watch.stop = self.left == 0
            return super().step(action)

    loop = HostLoop(a2c(), Stopping(CartPole(), 2), None)
    run, *_ = loop.step(loop.init(jax.random.key(0)), 2, 2)
    assert int(run.iteration) == 1
    assert loop.collector.env_stale


def steps_of_stacks(steps, columns, seed):
    """`(first stack, actions and answers)` of random frames `[…, 8, 8, 1]` in stacks, with ends of episodes."""
    rng = np.random.default_rng(seed)

    def frame():
        return rng.integers(0, 256, (columns, 40, 40, 1), np.uint8)

    stack = first = np.concatenate([frame()] * K, -1)
    taken = []
    for _ in range(steps):
        done = rng.random(columns) < 0.3
        after = np.concatenate([stack[..., 1:], frame()], -1)
        opened = np.concatenate([frame()] * K, -1)
        stack = np.where(done[:, None, None, None], opened, after)
        truncated = done & (rng.random(columns) < 0.5)
        answer = TimeStep(stack, after, np.zeros(columns, np.float32), done & ~truncated, truncated)
        taken.append((np.zeros(columns, np.int32), (), answer))
    return first, taken


@pytest.mark.parametrize("seed", range(3))
def test_collected_stacks_handed_over_frame_by_frame_come_out_whole(seed):
    first, taken = steps_of_stacks(7, 2, seed)
    gathering = Gathering(7, K)
    for step in taken:
        gathering.add(step)
    fresh = gathering.collected(first, None, None)
    assert fresh.steps[2].observation.shape == (7, 2, 40, 40, 1)  # the newest channel, not the stack
    assert fresh.steps[2].next_observation.shape == (7, 2, 40, 40, 1)
    rows = jax.jit(Collected.transitions)(fresh)
    answers = [answer for _, _, answer in taken]
    seen = [first, *(answer.observation for answer in answers[:-1])]
    np.testing.assert_array_equal(rows.observation, np.stack(seen))
    np.testing.assert_array_equal(rows.next_observation, np.stack([a.next_observation for a in answers]))


def test_newest_is_the_last_channel():
    _, ((_, _, answer),) = steps_of_stacks(1, 2, 0)
    np.testing.assert_array_equal(newest(answer, K).observation, answer.observation[..., -1:])


@pytest.mark.parametrize("module", [collector, host, host_learner, device])
def test_host_modules_assign_to_no_object_in_what_is_traced(module):
    """Functions within methods are what is compiled: they take what they need and give what they make."""
    tree = ast.parse(inspect.getsource(module))
    for method in ast.walk(tree):
        if not isinstance(method, ast.FunctionDef):
            continue
        for inner in ast.walk(method):
            if inner is method or not isinstance(inner, ast.FunctionDef):
                continue
            stores = [
                n for n in ast.walk(inner) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)
            ]
            owners = [n.value for n in stores]
            assert not any(isinstance(o, ast.Name) and o.id == "self" for o in owners), (module, inner.name)


def test_learner_does_not_ask_which_loop_it_has():
    calls = [n for n in ast.walk(ast.parse(inspect.getsource(learner))) if isinstance(n, ast.Call)]
    asked = [
        call.args[1] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "isinstance"
    ]
    assert not [name for name in asked if "Loop" in ast.dump(name)]
