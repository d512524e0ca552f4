"""Programs that are kept between processes: the same to the last bit, found again only for what is the same."""

import dataclasses
import os
import threading
from contextlib import nullcontext
from enum import Enum
from functools import partial, wraps

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import operant
from operant.algorithms.policy_gradient.ppo import PPO
from operant.engine import device, fingerprint, programs
from operant.engine.fingerprint import Unknown, describe

CASES = {
    "PPO": ("ppo", {"num_envs": 2, "n_steps": 16, "batch_size": 16, "n_epochs": 2}),
    "PPO with memory": ("ppo", {"num_envs": 2, "n_steps": 8, "batch_size": 16, "network": {"memory": "gru"}}),
    "DQN with a warm-up": ("dqn", {"buffer_size": 500, "learning_starts": 40, "batch_size": 8}),
}


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A block in which programs are kept, in a directory that is empty at first."""
    monkeypatch.setattr(programs, "directory", lambda: tmp_path / "programs")
    monkeypatch.setenv("OPERANT_SETTINGS", "on")
    return programs.kept


def trained(case, **values):
    algorithm, hyperparameters = CASES[case]
    agent = operant.make(algorithm, "CartPole-v1", preset=None, seed=3, **(hyperparameters | values))
    return agent.learn(128, progress_bar=False, log_interval=32)


def files():
    return sorted(programs.directory().glob("*"))


def leaves(agent):
    run = jax.tree.leaves(agent.learner.run)
    return [
        np.asarray(jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x) for x in run
    ]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=pytest.mark.slow) if case in ("PPO", "DQN with a warm-up") else case
        for case in CASES
    ],
)
def test_program_that_is_kept_is_not_traced_again_and_the_same_to_the_last_bit(case, kept, monkeypatch):
    plain = trained(case)
    assert not files()
    with kept():
        first = trained(case)
        made = files()
        assert len(made) == 3 + case.startswith("DQN")  # the state, the beginning, the chunk, the warm-up
        monkeypatch.setattr(device, "chunk", None)  # fails if it is traced
        monkeypatch.setattr(device, "warm_up_chunk", None)
        again = trained(case)
    assert files() == made
    for agent in (first, again):
        for ours, theirs in zip(leaves(agent), leaves(plain), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        assert [row.keys() for row in agent.history] == [row.keys() for row in plain.history]
        timeless = [{k: v for k, v in row.items() if not k.startswith("time/")} for row in agent.history]
        theirs = [{k: v for k, v in row.items() if not k.startswith("time/")} for row in plain.history]
        np.testing.assert_equal(timeless, theirs)


@pytest.mark.slow
def test_program_that_is_kept_writes_where_the_replay_lies(kept):
    algorithm, values = CASES["DQN with a warm-up"]
    agent = operant.make(algorithm, "CartPole-v1", preset=None, **(values | {"buffer_size": 50_000}))
    with kept():
        for _ in range(2):  # compiled, and loaded
            run = agent.learner.started(False)
            where = [x.unsafe_buffer_pointer() for x in jax.tree.leaves(run.replay) if x.nbytes > 100_000]
            agent.learn(64, progress_bar=False)
            agent.learn(64, progress_bar=False)
            after = jax.tree.leaves(agent.learner.run.replay)
            assert [x.unsafe_buffer_pointer() for x in after if x.nbytes > 100_000] == where != []
            agent = operant.make(algorithm, "CartPole-v1", preset=None, **(values | {"buffer_size": 50_000}))


def test_program_is_not_kept_where_nobody_asked_or_settings_are_off(kept, monkeypatch):
    trained("PPO")
    monkeypatch.setenv("OPERANT_SETTINGS", "off")
    with kept():
        trained("PPO")
    monkeypatch.setenv("OPERANT_SETTINGS", "on")
    before = jax.config.values["jax_enable_compilation_cache"]
    jax.config.update("jax_enable_compilation_cache", False)
    try:
        with kept():
            trained("PPO")
    finally:
        jax.config.update("jax_enable_compilation_cache", before)
    assert not files()


def test_program_that_is_not_kept_yet_is_compiled_in_a_thread(kept):
    traced = []

    def function(constant, run, count):
        traced.append(threading.current_thread())
        return {"run": run["run"] * constant + count}, {"count": count}

    trees = jnp.float32(2.0), {"run": jnp.arange(3.0)}, np.int32(1)
    with kept():
        program = programs.Program(function, "about")
    program.prepare(*jax.eval_shape(lambda *trees: trees, *trees))
    for _ in range(2):
        run, others = program(*trees, like=trees[1])
        np.testing.assert_array_equal(run["run"], [1.0, 3.0, 5.0])
        assert others["count"] == 1
    assert len(set(traced)) == 1
    assert threading.main_thread() not in traced
    assert len(files()) == 1


def test_program_in_the_last_of_several_threads_lets_jax_take_up_programs_again():
    def least():
        return jax.config.values["jax_persistent_cache_min_compile_time_secs"]

    before = least()
    with programs._by_xla:
        with programs._by_xla:  # another thread
            assert least() == float("inf")
        assert least() == float("inf")
    assert least() == before < float("inf")


def test_program_that_fails_in_a_thread_fails_again_where_it_is_called(kept, monkeypatch):
    told = []
    monkeypatch.setattr(threading, "excepthook", told.append)

    def function(constant, run):
        raise ValueError("cannot be traced")

    with kept():
        program = programs.Program(function, "about")
    program.prepare(0.0, jnp.zeros(3))
    for _ in range(2):
        with pytest.raises(ValueError, match="cannot be traced"):
            program(0.0, jnp.zeros(3), like=jnp.zeros(3))
    assert not told
    assert not files()


def test_program_with_other_options_of_the_compiler_is_another(kept):
    for options in ({}, {"xla_backend_optimization_level": 0}):
        with kept():
            program = programs.Program(lambda constant, run: (run + constant, ()), "about", options=options)
        program(jnp.float32(1.0), jnp.zeros(3), like=jnp.zeros(3))
    assert len(files()) == 2


@pytest.mark.parametrize("backend", ["native", "gymnasium"])
def test_program_of_the_first_state_is_traced_once(backend, monkeypatch):
    traced, init = [], PPO.init
    monkeypatch.setattr(PPO, "init", lambda *arguments: traced.append(1) or init(*arguments))
    values = CASES["PPO"][1] | {"n_steps": 17, "batch_size": 17}  # that no other test has
    operant.PPO("CartPole-v1", preset=None, backend=backend, **values).learn(34, progress_bar=False)
    assert len(traced) == 1


@pytest.mark.slow  # it compiles whole chunks, cold
def test_programs_that_were_used_last_are_kept(kept, monkeypatch):
    monkeypatch.setattr(programs, "KEPT", 4)
    with kept():
        trained("PPO")
        ours = files()
        for age, name in ((50, "older"), (40, "old")):
            (programs.directory() / f"{name}.safetensors").touch()
            os.utime(programs.directory() / f"{name}.safetensors", (age, age))
        for path in ours:
            os.utime(path, (45, 45))
        trained("PPO")  # all are in use
        trained("PPO", gamma=0.5)
    left = {path.stem for path in files()}
    assert len(left) == 4
    assert not left & {"old", "older"}


def test_program_of_observed_and_spread_out_training_is_not_kept(kept):
    with kept():
        algorithm, values = CASES["PPO"]
        operant.make(algorithm, "CartPole-v1", preset=None, **values).learn(
            32, progress_bar=False, observers=[Observer()]
        )
        assert not files()
        operant.make(algorithm, "CartPole-v1", preset=None, seeds=2, **values).learn(32, progress_bar=False)
    assert not files()


class Observer:
    def __call__(self, transition):
        pass

    def close(self):
        pass


def about(values, env="CartPole-v1", seeds=None, what=("chunk", 1)):
    agent = operant.make("ppo", env, preset=None, **values)
    loop = device.DeviceLoop(agent.algorithm, agent.source.native, agent.num_envs, seeds)
    return fingerprint.fingerprint(loop._about(*what))


CHANGES = (
    *({}, {"gamma": 0.5}, {"n_epochs": 3}, {"normalize_observations": True}, {"num_envs": 3}),
    *({"network": {"activation": "relu"}}, {"learning_rate": "linear:0.1:0"}, {"wrappers": ["repeat:2"]}),
    *(
        {"wrappers": ["clip-reward:-1:1"]},
        {"wrappers": ["clip-reward:-2:2"]},
    ),  # whose descriptions are the same
)


def test_program_of_other_hyperparameters_wrappers_or_environments_is_another():
    described = [about(change) for change in CHANGES]
    others = [about({}, "Acrobot-v1"), about({}, what=("chunk", 2)), about({}, what=("warm-up", 1))]
    assert len({*described, *others}) == len(described) + len(others)
    assert described == [about(change) for change in CHANGES]


def test_program_of_several_seeds_is_another(monkeypatch):
    one = jax.devices()[:1]
    monkeypatch.setattr(device.jax, "devices", lambda: one)  # else they are spread out, and not kept
    assert len({about({}), about({}, seeds=1), about({}, seeds=2)}) == 3


@pytest.mark.slow  # it compiles whole chunks, cold
def test_program_whose_file_was_cut_short_is_made_anew(kept):
    with kept():
        first = trained("PPO")
        for path in files():
            path.write_bytes(path.read_bytes()[:1000])
        again = trained("PPO")
        assert all(path.stat().st_size > 1000 for path in files())
    np.testing.assert_equal(leaves(again), leaves(first))


def test_program_that_cannot_be_written_does_not_stop_training(kept, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(programs, "directory", lambda: tmp_path / "file" / "programs")
    with kept():
        assert trained("PPO").step == 128


@pytest.mark.slow  # it compiles whole chunks, cold
def test_program_of_another_jaxlib_does_not_stop_training(kept, monkeypatch):
    monkeypatch.setattr(jax.stages.Compiled, "runtime_executable", lambda self: object())
    with kept():
        assert trained("PPO").step == 128
    assert not files()


def test_program_that_cannot_be_traced_says_why(kept):
    def broken(x):
        raise ValueError("no such thing")

    with kept():
        program = programs.Program(broken, ("broken",))
    with pytest.raises(ValueError, match="no such thing"):
        program(jnp.ones(3), like=None)


class Colour(Enum):
    RED = 1
    BLUE = 2


def test_describe_tells_values_apart():
    values = [
        *(None, True, 1, 1.0, "1", b"1", (1,), [1], {"a": 1}, {"a": 2}, {"b": 1}),
        *(np.arange(3), np.arange(3.0), np.arange(3)[None], np.array([0, 1, 3]), np.float32(1), np.int32(1)),
        *(jnp.arange(3.0), jax.random.key(0), jax.random.key(1)),
        *(jnp.tanh, jax.nn.relu, jax.nn.gelu, partial(jax.nn.gelu, approximate=False)),
        *(operant.networks.Network(), operant.networks.Network(hidden_sizes=(3,)), operant.networks.Network),
    ]
    described = [describe(value) for value in values]
    assert len(set(described)) == len(values)
    assert described == [describe(value) for value in values]


@dataclasses.dataclass
class Mine:
    x: int = 0


@pytest.mark.parametrize(
    "value",
    [lambda x: x, Mine(), Colour.RED, object(), partial(lambda: 0), [Mine], wraps(jnp.tanh)(lambda x: x)],
)
def test_describe_refuses_code_that_is_nobodys_known(value):
    with pytest.raises(Unknown):
        describe(value)


def test_fingerprint_follows_code_and_settings(tmp_path, monkeypatch):
    before = fingerprint.fingerprint(1)
    assert fingerprint.fingerprint(1) == before != fingerprint.fingerprint(2)
    with programs._by_xla:  # while another thread compiles
        assert fingerprint.fingerprint(1) == before
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=true")
    assert fingerprint.fingerprint(1) != before
    monkeypatch.undo()
    source = tmp_path / "operant" / "deep"
    source.mkdir(parents=True)
    (source / "module.py").write_text("x = 1")
    monkeypatch.setattr(fingerprint, "SOURCES", tmp_path / "operant")
    states = []
    for text, moment in (("x = 1", 1), ("x = 1", 2), ("x = 11", 2)):
        (source / "module.py").write_text(text)
        os.utime(source / "module.py", ns=(moment, moment))
        fingerprint._installed.cache_clear()
        states.append(fingerprint.fingerprint(1))
    fingerprint._installed.cache_clear()
    assert len({before, *states}) == 4


def test_program_gives_memory_back_once_it_is_compiled_and_before_it_runs(kept, monkeypatch):
    happened, call = [], programs.Program.__call__
    monkeypatch.setattr(programs.memory, "give_back", lambda: happened.append("given back"))

    def noted(self, *trees, like):
        result = call(self, *trees, like=like)
        happened.append("ran")
        return result

    monkeypatch.setattr(programs.Program, "__call__", noted)
    for block in (nullcontext(), kept()):
        happened.clear()
        with block:
            trained("PPO with memory")
        assert happened[0] == "given back"
        count = happened.count("given back")
        assert 0 < count < happened.count("ran")  # of each program once
    with kept():
        happened.clear()
        trained("PPO with memory")  # what is read has not been compiled
        assert "given back" not in happened
