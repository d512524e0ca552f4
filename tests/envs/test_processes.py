"""Processes, lists of environments, what can be called in them, and that they are closed."""

from __future__ import annotations

import gc
import multiprocessing
import subprocess
import sys
import textwrap

import gymnasium as gym
import jax
import numpy as np
import pytest
from gymnasium import spaces as gs
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import operant
from operant.envs.source import Source


class Level(gym.Env):
    """Pays its level for three steps; can be told another."""

    observation_space, action_space = gs.Box(-1, 9, (1,), np.float32), gs.Discrete(2)
    closed = 0

    def __init__(self, level=1.0, size=1):
        self.level = level
        self.observation_space = gs.Box(-1, 9, (size,), np.float32)

    def seen(self):
        return np.full(self.observation_space.shape, self.level, np.float32)

    def set_difficulty(self, level, plus=0.0):
        self.level = level + plus
        return self.level

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.seen(), {}

    def step(self, action):
        self.t += 1
        return self.seen(), self.level, self.t == 3, False, {}

    def close(self):
        Level.closed += 1


def one():
    return Level(1.0)


def two():
    return Level(2.0)


def workers():
    return [child for child in multiprocessing.active_children() if "Worker<Async" in child.name]


# a list of environments


@pytest.mark.parametrize("vectorization", ["sync", "async"])
def test_source_takes_a_list_with_an_environment_for_each_copy(vectorization):
    source = Source([one, two], vectorization=vectorization)
    environments = source.host(2)
    assert environments.reset(jax.random.key(0))[0].tolist() == [[1], [2]]
    assert environments.step(np.zeros(2, np.int32)).reward.tolist() == [1, 2]
    environments.close()
    assert source.copies == 2
    assert operant.ScriptedPolicy(lambda observation: 0, source).evaluate(2).mean == 3  # of the first


def test_learn_in_a_list_of_environments():
    agent = operant.Random((one, two)).learn(16, progress_bar=False)
    assert agent.num_envs == 2
    assert 3 < agent.history[-1]["rollout/ep_rew_mean"] < 6
    by_id = operant.Random(["CartPole-v1", "CartPole"], env_kwargs={"max_episode_steps": 3})
    assert (by_id.num_envs, by_id.spec.max_episode_steps, by_id.source.native) == (2, 3, None)


def test_source_refuses_lists_that_cannot_be_used():
    cases = [
        ([one, lambda: Level(size=2)], {}, "environments differ in their spaces"),
        ([], {}, "holds none"),
        ([one, Level()], {}, "Level is made already: a list holds what makes"),
        ([one, two], {"num_envs": 3}, "num_envs=3: the environment given is 2"),
        ([one, two], {"seeds": 3}, "2 environments cannot be shared by 3 learners"),
        ([one, two], {"env_kwargs": {"size": 1}}, "no argument 'size'"),
    ]
    for env, arguments, message in cases:
        with pytest.raises(ValueError, match=message):
            operant.Random(env, **arguments)


# a curriculum


@pytest.mark.parametrize("kind", ["single", "instance", "async", "vector"])
def test_get_attr_and_env_method_reach_the_environments_of_training(kind):
    envs = {"single": one, "instance": one(), "async": one}.get(kind)
    if envs is None:
        envs = SyncVectorEnv([one, one], autoreset_mode=AutoresetMode.SAME_STEP)
    many = {"num_envs": 2} if kind in ("single", "async") else {}
    with operant.Random(envs, **many, vectorization="async" if kind == "async" else "sync") as agent:
        n = agent.num_envs
        assert agent.get_attr("level") == [1] * n  # before training too
        agent.learn(8, progress_bar=False)
        assert agent.env_method("set_difficulty", 3, plus=0.5) == [3.5] * n
        agent.set_attr("level", 5.0)
        assert agent.get_attr("level") == [5] * n
        agent.learn(4 * n * 3, progress_bar=False)
        assert agent.history[-1]["rollout/ep_rew_mean"] > 6
        for attempt in (
            lambda: agent.env_method("set_dificulty", 3),
            lambda: agent.set_attr("levle", 3),
            lambda: agent.get_attr("levle"),
        ):
            with pytest.raises(ValueError, match=r"Level has (no attribute|nothing that is called)"):
                attempt()
        assert agent.get_attr("level") == [5] * n  # and none of these did any harm


def test_env_method_and_get_attr_say_what_can_be_called():
    with pytest.raises(ValueError, match=r"CartPole-v1 is trained on natively.*backend='gymnasium'"):
        operant.Random("CartPole-v1").env_method("set_difficulty", 1)
    own = operant.Random("CartPole-v1", backend="gymnasium", vectorization="vector_entry_point", num_envs=2)
    with pytest.raises(ValueError, match="stepped together and cannot be called one by one"):
        own.get_attr("gravity")


# the end


def test_close_is_once_and_learning_goes_on():
    agent = operant.Random(lambda: gym.wrappers.TimeLimit(Level(), 2), num_envs=2)
    agent.learn(8, progress_bar=False)
    before = Level.closed
    agent.close()
    agent.close()
    assert Level.closed == before + 2
    assert agent.learn(8, progress_bar=False).step == 16
    with agent:
        pass
    assert Level.closed == before + 4
    with operant.ScriptedPolicy(lambda observation: 0, Level) as scripted:
        scripted.evaluate(1)
    operant.Random("CartPole-v1").close()


def test_close_leaves_open_what_the_user_made():
    gc.collect()  # of earlier tests: a vector environment that is forgotten closes what it holds
    for envs in (Level(), SyncVectorEnv([one], autoreset_mode=AutoresetMode.SAME_STEP)):
        before = Level.closed
        with operant.Random(envs) as agent:
            agent.learn(8, progress_bar=False)
            opened = Level.closed - before  # of what was made to look at, and closed
        assert Level.closed - before == opened
        del agent
        gc.collect()
        assert Level.closed - before == opened


def test_compare_with_the_random_policy_does_not_touch_what_trains():
    envs = SyncVectorEnv([one, one], autoreset_mode=AutoresetMode.SAME_STEP)
    agent = operant.Random(envs).learn(4, progress_bar=False)
    taken = [env.get_wrapper_attr("t") for env in envs.envs]
    assert taken == [2, 2]
    agent.evaluate(2, deterministic=False, with_random=True)
    agent.random()
    assert [env.get_wrapper_attr("t") for env in envs.envs] == taken


def test_evaluate_that_fails_closes_its_environments():
    class Fails(Level):
        def step(self, action):
            raise RuntimeError("planted")

    before = Level.closed
    scripted = operant.ScriptedPolicy(lambda observation: 0, Fails)
    with pytest.raises(RuntimeError, match="planted"):
        scripted.evaluate(3)
    assert Level.closed >= before + 3


@pytest.mark.parametrize("end", ["close", "forgotten"])
def test_close_ends_the_processes_of_an_agent(end):
    agent = operant.Random(one, num_envs=2, vectorization="async").learn(8, progress_bar=False)
    assert len(workers()) == 2
    if end == "close":
        agent.close()
    else:
        del agent
        gc.collect()
    assert workers() == []


# how processes start


def test_start_method_that_is_wrong_is_told():
    with pytest.raises(ValueError, match=r"start_method='thread': must be one of .*spawn"):
        operant.Random(one, vectorization="async", start_method="thread")
    with pytest.raises(
        ValueError, match="start_method='spawn' is that of processes: add vectorization='async'"
    ):
        operant.Random(one, start_method="spawn")


@pytest.mark.parametrize("method", ["spawn", "fork"])
def test_start_method_is_the_one_asked_for(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    environments = Source(one, vectorization="async", start_method=method).host(1)
    assert environments.envs.context == method
    assert environments.call("level") == [1]
    environments.close()


SCRIPT = """
import gymnasium as gym
from operant.envs.gymnasium import make

def play():
    environments = make("MountainCar-v0", 2, vectorization="async", start_method={method!r})
    print("started", len(environments.envs.processes))
    environments.close()
"""
GUARDS = {
    "none": "play()",
    "other": "if True:\n    play()",
    "guard": 'if "__main__" == __name__:\n    for _ in range(1):\n        play()',
}


@pytest.mark.parametrize(
    ("guard", "method"),
    [("none", "forkserver"), ("none", "spawn"), ("other", "spawn"), ("guard", "forkserver")],
)
def test_start_method_tells_a_script_without_a_guard_what_to_add(tmp_path, guard, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system has no {method}")
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT.format(method=method)) + GUARDS[guard])
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    if guard == "guard":
        assert (done.returncode, done.stdout) == (0, "started 2\n"), done.stderr
        return
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if not line.startswith((" ", "Traceback"))]
    assert line.startswith(
        "RuntimeError: vectorization='async' starts processes: each of them reads this script anew"
    )
    assert "if __name__ == '__main__': main()" in line
    assert "started" not in done.stdout
