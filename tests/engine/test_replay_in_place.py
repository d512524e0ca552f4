"""The ring of replay is written where it lies: neither loop copies it, with frames, priorities, sequences or seeds."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.algorithms.value.dqn import DQN
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.engine.metrics import no_sums
from operant.envs.base import Environment
from operant.envs.host import NativeOnHost
from operant.envs.wrappers import FrameStack
from operant.networks import Network
from operant.spaces import Box, Discrete


class Screen(Environment):
    """A dot that goes round a black screen."""

    max_episode_steps: int | None = 50
    id = "Screen"

    @property
    def observation_space(self):
        return Box(0, 255, (12, 12, 1), "uint8")

    @property
    def action_space(self):
        return Discrete(2)

    def sample_noise(self, key):
        return jax.random.randint(key, (), 0, 144)

    def reset(self, noise):
        return noise

    def step(self, state, action, noise):
        return (state + 1) % 144, jnp.float32(1), noise == 0

    def observation(self, state):
        return (255 * (jnp.arange(144) == state)).astype(jnp.uint8).reshape(12, 12, 1)


BUFFER = 200_000
FRAMES = BUFFER * 144  # bytes


def dqn(kind: str) -> DQN:
    network = {"hidden_sizes": (8,), "initialization": "uniform", "convolutions": ()}
    flags = {
        "uniform": {},
        "priority": {"priority": True, "n_step": 3},
        "updates": {"priority": True, "gradient_steps": 3},
        "sequences": {"priority": True, "sequence_length": 3, "burn_in": 2},
    }[kind]
    if kind == "sequences":
        network |= {"memory": "gru", "memory_size": 4}
    return DQN(buffer_size=BUFFER, batch_size=8, learning_starts=32, network=Network(**network), **flags)


def pointers(run) -> dict[str, int]:
    leaves = jax.tree.leaves_with_path(run.replay)
    return {jax.tree_util.keystr(path): x.unsafe_buffer_pointer() for path, x in leaves if x.nbytes > 100_000}


@pytest.mark.parametrize(
    ("kind", "seeds"), [("uniform", None), ("updates", None), ("priority", 2), ("sequences", 2)]
)
def test_device_loop_needs_no_room_for_a_second_ring(kind, seeds, monkeypatch):
    environment = FrameStack(4).native(Screen())
    one = jax.devices()[:1]
    monkeypatch.setattr("operant.engine.device.jax.devices", lambda: one)
    loop = DeviceLoop(dqn(kind), environment, 2, seeds)
    key = jax.random.key(0) if seeds is None else jax.random.split(jax.random.key(0), seeds)
    run = loop.init(key)
    assert run.replay.frames.frames.nbytes >= FRAMES * (seeds or 1)
    rest = no_sums(seeds), np.int32(4), np.int32(0)
    compiled = loop._chunk(4)._jitted.lower(loop._given, run, *rest).compile()
    used = compiled.memory_analysis()
    assert used.temp_size_in_bytes < 4 * BUFFER  # not even for a second tree of priorities
    assert used.alias_size_in_bytes > FRAMES * (seeds or 1)
    before = pointers(run)
    assert pointers(compiled(loop._given, run, *rest)[0]) == before


@pytest.mark.parametrize(("kind", "seeds"), [("priority", None), ("sequences", 2)])
def test_host_loop_writes_where_the_ring_lies(kind, seeds):
    loop = HostLoop(dqn(kind), NativeOnHost(FrameStack(4).native(Screen()), 2 * (seeds or 1)), seeds)
    run = loop.init(jax.random.key(0) if seeds is None else jax.random.split(jax.random.key(0), seeds))
    before = pointers(run)
    run, *_ = loop.warm_up(run, 4)
    run, *_ = loop.step(run, 2, 2)
    assert pointers(run) == before
