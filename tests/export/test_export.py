"""Exported policies do what `predict` does, for 1,000 observations, for every kind of network and space."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces

import operant
from operant.cli import main
from operant.envs.gymnasium_spaces import mask_size
from operant.export import numpy_operations, onnx_operations
from operant.export.graph import SIZES, Batch, Node, graph_of
from operant.networks.layers import ACTIVATIONS

COUNT = 1_000
VECTOR, TWO = spaces.Box(-1, 1, (4,)), spaces.Discrete(2)
PLANE = spaces.Box(np.array([-2.0, 0.0], np.float32), np.array([3.0, 10.0], np.float32))
IMAGE = spaces.Box(0, 255, (10, 10, 3), np.uint8)
NESTED = spaces.Dict(
    {
        "a": VECTOR,
        "b": spaces.Discrete(3, start=-1),
        "c": spaces.Tuple([spaces.MultiBinary(2), spaces.MultiDiscrete([2, 3], start=[1, 0])]),
        "d": IMAGE,
    }
)
SMALL = {"hidden_sizes": (8,)}
MEMORY = {**SMALL, "memory": "gru", "memory_size": 5, "critic_memory": "own"}
CONVOLUTIONS = {**SMALL, "convolutions": ((4, 4, 2), (4, 3, 1)), "convolution_features": 8}
RESIDUAL = {
    "convolutions": ((2, 3, 2), (3, 3, 2)),
    "residual": True,
    "convolution_width": 2,
    "convolution_norm": "image",
    "convolution_pooling": 2,
    "spectral_norm": True,
    **SMALL,
}


class World(gym.Env):
    """Of these spaces; nothing happens in it."""

    def __init__(self, observations, actions, masked=False):
        self.observation_space, self.action_space, self.masked = observations, actions, masked

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        info = {"action_mask": np.ones(mask_size(self.action_space), np.int8)} if self.masked else {}
        return self.observation_space.sample(), info

    def step(self, action):
        raise NotImplementedError


def of(name, observations=VECTOR, actions=TWO, *, masked=False, **hyperparameters):
    def build():
        make = lambda: World(observations, actions, masked)  # noqa: E731
        return operant.make(name, make, **({"network": SMALL} | hyperparameters))

    return build


def table(name, observations=None, actions=TWO, **hyperparameters):
    observations = spaces.Discrete(7, start=2) if observations is None else observations
    return lambda: operant.make(name, lambda: World(observations, actions), **hyperparameters)


class Own(eqx.Module):
    """A module of a user's: every activation, and more of what networks may be made of."""

    weight: jax.Array
    strange: bool = eqx.field(static=True, default=False)

    def __call__(self, x):
        if self.strange:
            return jnp.fft.rfft(x).real
        x = x[..., ::-1] @ self.weight
        image, kernel = jnp.reshape(x, (1, 1, 3, 1)), self.weight[:2, :2].reshape(1, 1, 2, 2)
        image = jax.lax.conv_general_dilated(image, kernel, (1, 1), ((1, 1), (1, 0)), rhs_dilation=(2, 1))
        x = x + jnp.sum(image) * jnp.arange(3.0)
        x = jnp.concatenate([f(x) for f in ACTIVATIONS.values()])
        x = jnp.log1p(jnp.abs(jax.scipy.special.erf(x))) + jnp.cumsum(x) - jnp.mean(x, keepdims=True)
        return jnp.where(jnp.isfinite(x), jnp.clip(x, -5, 5), x[::-1])


CASES = {
    "a Box": of("ppo", actions=PLANE),
    "layer norm": of("ppo", network=SMALL | {"layer_norm": True}),
    "no hidden layer": of("ppo", network={"hidden_sizes": ()}),
    "images": of("dqn", IMAGE, network=CONVOLUTIONS, buffer_size=100),
    "channels first": of("ppo", spaces.Box(0, 255, (3, 10, 10), np.uint8), network=CONVOLUTIONS),
    "a residual network": of("ppo", IMAGE, network=RESIDUAL),
    "BTR's network, channels first": of(
        "btr",
        spaces.Box(0, 255, (3, 10, 10), np.uint8),
        network={**RESIDUAL, "convolution_features": 0, "convolution_norm": "none"},
        buffer_size=500,
        learning_starts=100,
    ),
    "nested": of("ppo", NESTED, network=CONVOLUTIONS, normalize_observations=True),
    "Discrete observations": of("ppo", spaces.Discrete(6, start=3)),
    "MultiDiscrete of two axes": of(
        "ppo", spaces.MultiDiscrete([[2, 3], [4, 2]]), spaces.MultiDiscrete([[2, 3], [4, 2]])
    ),
    "MultiBinary": of("ppo", spaces.MultiBinary(5), spaces.MultiBinary(3)),
    "starts": of("ppo", actions=spaces.Discrete(3, start=-5)),
    "starts of several": of("ppo", actions=spaces.MultiDiscrete([2, 3], start=[4, -1])),
    "float64": of("ppo", spaces.Box(-1, 1, (3,), np.float64), spaces.Box(-0.1, 0.3, (2,), np.float64)),
    "whole numbers": of("ppo", spaces.Box(-5, 5, (3,), np.int64), spaces.Box(-3, 4, (2,), np.int32)),
    "one bound": of("ppo", actions=spaces.Box(np.float32(0), np.float32(np.inf), (2, 2))),
    "unscaled actions": of("ppo", actions=PLANE, scale_actions=False),
    "CrossQ": of("crossq", actions=PLANE, buffer_size=100),
    "gSDE of CrossQ": of("crossq", actions=PLANE, use_sde=True, buffer_size=100),
    "weights of length one": of("xqc", masked=True, buffer_size=100),
    "SimBa": of(
        "tqc", actions=PLANE, network={"hidden_sizes": (8, 8), "architecture": "simba"}, buffer_size=100
    ),
    "SimBaV2": of(
        "td3", actions=PLANE, network={"hidden_sizes": (8,), "architecture": "simba_v2"}, buffer_size=100
    ),
    "gSDE": of("ppo", actions=PLANE, use_sde=True),
    "normalised": of("a2c", normalize_observations=True),
    "masks": of("ppo", masked=True),
    "masked switches": of("ppo", actions=spaces.MultiBinary(3), masked=True),
    "masked choices": of("ppo", actions=spaces.MultiDiscrete([2, 3]), masked=True),
    "masked DQN": of("dqn", masked=True, buffer_size=100),
    "GRU": of("ppo", network=SMALL | {"memory": "gru", "memory_size": 5}),
    "LSTM": of(
        "dqn", network=SMALL | {"memory": "lstm", "memory_size": 5}, buffer_size=1000, learning_starts=500
    ),
    "SAC with memory": of("sac", actions=PLANE, network=MEMORY, buffer_size=100),
    "TD3": of("td3", actions=PLANE, buffer_size=100, normalize_observations=True),
    "dueling": of("dqn", dueling="max", double=True, buffer_size=100),
    "Rainbow": of("rainbow", buffer_size=100),
    "QR-DQN": of("qr-dqn", buffer_size=100),
    "IQN": of("iqn", buffer_size=100, noisy=True),
    "Q-learning": table("q-learning"),
    "Double Q-learning": table("double-q-learning", actions=spaces.Discrete(3, start=1)),
    "Dyna-Q": table("dyna-q"),
    "tile coding": table("linear-q", VECTOR, tiles=3),
    "a constant": lambda: operant.GridSearch("VacuumRobot"),
    "a linear policy": lambda: operant.ARS("Pendulum-v1"),
    "a network that was searched": lambda: operant.CEM("CartPole-v1", network=SMALL),
    "curiosity": of("ppo", curiosity="rnd"),
    "a module of one's own": of("ppo", network=Own(jnp.ones((4, 3)))),
}


@cache
def agent(case):
    """With random parameters: what was not trained yet is often 0."""
    made, rng = CASES[case](), np.random.default_rng(0)

    def moved(x):
        if not jnp.issubdtype(x.dtype, jnp.floating):
            return x
        return x + jnp.asarray(0.3 * np.abs(rng.normal(size=x.shape)), x.dtype)

    made.learner.state = jax.tree.map(moved, made.state)
    return made


def observations(space, count=COUNT):
    """A batch of them, and what each part is called in an exported policy."""
    space.seed(0)
    samples = [space.sample() for _ in range(count)]

    def gathered(space, samples):
        if isinstance(space, spaces.Dict):
            return {key: gathered(part, [s[key] for s in samples]) for key, part in space.items()}
        if isinstance(space, spaces.Tuple):
            return tuple(gathered(part, [s[i] for s in samples]) for i, part in enumerate(space.spaces))
        return np.stack([np.asarray(s, space.dtype) for s in samples])

    return gathered(space, samples)


def parts(value, name="observation"):
    if isinstance(value, dict):
        return {k: v for key, part in value.items() for k, v in parts(part, f"{name}_{key}").items()}
    if isinstance(value, tuple):
        return {k: v for i, part in enumerate(value) for k, v in parts(part, f"{name}_{i}").items()}
    return {name: value}


def masks(agent, count=COUNT):
    if not agent.spec.masked:
        return None
    space = agent.border.action_space
    switches = isinstance(space, spaces.MultiBinary)
    sizes = np.full(space.n, 2) if switches else getattr(space, "nvec", np.array([mask_size(space)]))
    parts = [np.random.default_rng(1 + i).random((count, size)) < 0.5 for i, size in enumerate(sizes)]
    for part in parts:
        part[~part.any(axis=1), 0] = True
    return np.concatenate(parts, axis=1)


def expected(agent, seen, mask):
    """What the agent does: at each observation, or with a memory in all of them as one episode."""
    if not agent.remembers:
        return agent.predict(seen, action_mask=mask)
    act = agent.actor()
    return np.stack(
        [act(jax.tree.map(lambda x, i=i: x[i], seen)) for i in range(len(jax.tree.leaves(seen)[0]))]
    )


def assert_same(given, wanted):
    assert given.dtype == wanted.dtype
    assert given.shape == wanted.shape
    if wanted.dtype.kind == "f":
        np.testing.assert_allclose(given, wanted, rtol=1e-4, atol=1e-4)
    else:  # two sums in another order may differ in the last bit, which a near tie shows
        assert np.mean(given != wanted) <= 0.002


def imported(folder):
    spec = spec_from_file_location("policy", folder / "policy.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("case", CASES)
def test_numpy(case, tmp_path):
    made = agent(case)
    count = 100 if made.remembers else COUNT
    seen, mask = observations(made.border.observation_space, count), masks(made, count)
    policy = imported(made.export(tmp_path / "policy", "numpy"))
    wanted = expected(made, seen, mask)
    alone = jax.tree.map(lambda x: x[0], seen)
    if made.remembers:
        state, given = None, []
        for i in range(count):
            action, state = policy.act(jax.tree.map(lambda x, i=i: x[i], seen), state=state)
            given.append(action)
        assert_same(np.stack(given), wanted)
        return
    with np.errstate(all="raise", under="ignore"):
        given = policy.act(seen) if mask is None else policy.act(seen, mask)
        single = policy.act(alone) if mask is None else policy.act(alone, mask[0])
    assert_same(given, wanted)
    np.testing.assert_allclose(single, given[0], rtol=1e-5)
    assert made.border.action_space.contains(single)


@pytest.mark.parametrize("case", CASES)
def test_onnx(case, tmp_path):
    runtime, _ = pytest.importorskip("onnxruntime"), pytest.importorskip("onnx")
    made = agent(case)
    count = 100 if made.remembers else COUNT
    seen, mask = observations(made.border.observation_space, count), masks(made, count)
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    session = runtime.InferenceSession(made.export(tmp_path / "policy.onnx"), options)
    wanted = expected(made, seen, mask)
    inputs = parts(seen)
    if made.remembers:
        memory, given = [i for i in session.get_inputs() if i.name.startswith("state")], []
        states = [np.zeros((1, *i.shape[1:]), np.float32) for i in memory]
        for i in range(count):
            now = {name: value[i : i + 1] for name, value in inputs.items()}
            now |= dict(zip((m.name for m in memory), states, strict=True))
            action, *states = session.run(None, now)
            given.append(action[0])
        assert_same(np.stack(given), wanted)
        return
    if mask is not None:
        assert_same(session.run(None, inputs)[0], made.predict(seen))  # it may be left out
        inputs["action_mask"] = mask
    assert_same(session.run(None, inputs)[0], wanted)
    one = session.run(None, {name: value[:1] for name, value in inputs.items()})[0]
    np.testing.assert_allclose(one[0], wanted[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("form", ["onnx", "numpy"])
def test_what_cannot_be_exported_is_named_in_one_line(form, tmp_path):
    if form == "onnx":
        pytest.importorskip("onnx")
    made = of("ppo", network=Own(jnp.ones((4, 3)), strange=True))()
    with pytest.raises(ValueError, match=r"^The primitive fft cannot be exported to (ONNX|NumPy)\.$"):
        made.export(tmp_path / "policy", form)
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_policy_is_refused(tmp_path):
    with pytest.raises(ValueError, match="The random policy computes nothing"):
        operant.Random("CartPole-v1").export(tmp_path / "policy", "numpy")
    with pytest.raises(ValueError, match="format='torch': must be 'onnx' or 'numpy'"):
        agent("normalised").export(tmp_path, "torch")
    with pytest.raises(ValueError, match="There are 2 learners here"):
        operant.QLearning("FrozenLake-v1", seeds=2).export(tmp_path / "policy", "numpy")


def test_the_numpy_policy_needs_numpy_only(tmp_path):
    folder = agent("nested").export(tmp_path / "policy", "numpy")
    code = (
        "import sys, policy; print([name for name in ('jax', 'operant', 'gymnasium') if name in sys.modules])"
    )
    seen = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert seen.stdout == "[]\n"


def test_the_numpy_policy_reads_as_the_network_is(tmp_path):
    text = (agent("starts").export(tmp_path, "numpy") / "policy.py").read_text()
    assert text.endswith('''def policy(observation):
    """What the network computes, for a batch of n observations."""
    x1 = observation @ network_policy_head_hidden_0_weight + network_policy_head_hidden_0_bias
    x2 = np.tanh(x1) @ network_policy_head_output_weight + network_policy_head_output_bias
    return x2.argmax(axis=-1) - 5
''')


def test_the_command_line_exports_a_model(tmp_path, capsys):
    made = operant.QLearning("FrozenLake-v1")
    made.save(tmp_path / "model.safetensors")
    assert main(["export", str(tmp_path / "model.safetensors"), "--format", "numpy"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'policy'}\n"
    assert imported(tmp_path / "policy").act(0) == made.predict(0)
    assert main(["export", str(tmp_path / "nothing")]) == 2
    assert "there is no such run or model file" in capsys.readouterr().err


def test_dimensions_that_follow_the_batch_are_found():
    def function(weights, x):
        return [(x @ weights["w"]).reshape(-1), jnp.zeros((3, 2))]

    graph = graph_of(function, {"w": np.ones((4, 2), np.float32)}, {"x": ((4,), np.float32)})
    assert graph.inputs[0].shape == (Batch(), 4)
    assert graph.outputs[0].shape == (Batch(2),)
    assert graph.outputs[1].shape == (3, 2)
    with pytest.raises(ValueError, match="another size"):
        graph_of(lambda _, x: [x * 2 if len(x) == SIZES[0] else x], {}, {"x": ((), np.float32)})


def test_both_tables_know_what_networks_are_made_of():
    shared = set(onnx_operations.OPERATIONS) & set(numpy_operations.OPERATIONS)
    assert {"dot_general", "tanh", "argmax", "gather", "select_n", "logistic"} <= shared


def test_padding_is_read_and_gaps_and_cuts_are_refused():
    def node(*config):
        return Node("pad", [], [], {"padding_config": config})

    assert numpy_operations.padding(node((0, 1, 0), (2, 0, 0))) == [(0, 1), (2, 0)]
    for config in ((0, 1, 1), (-1, 0, 0)):
        with pytest.raises(ValueError, match="pad with gaps or cuts"):
            numpy_operations.padding(node(config))
