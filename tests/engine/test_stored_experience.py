"""What both loops put into replay: the memory that a step was taken with, and an end where episodes begin afresh."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest

from operant.algorithms.value.dqn import DQN
from operant.engine.device import DeviceLoop
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.envs.classic.cartpole import CartPole
from operant.envs.host import NativeOnHost
from operant.envs.probes import Counting
from operant.networks import Network

NUM_ENVS, WARM_UP = 2, 8  # rows of the random policy, which remembers nothing
NETWORK = Network(hidden_sizes=(), initialization="uniform")
RECURRENT = Network(hidden_sizes=(), initialization="uniform", memory="gru", memory_size=4)


@pytest.mark.parametrize("where", ["device", "host"])
def test_replay_of_both_loops_stores_every_step_with_the_memory_it_was_taken_with(where):
    algorithm = DQN(
        learning_rate=0.0,  # the network that acted is the one that is left
        learning_starts=WARM_UP * NUM_ENVS,
        sequence_length=2,
        burn_in=1,
        buffer_size=200,
        batch_size=4,
        network=RECURRENT,
    )
    if where == "device":
        loop = DeviceLoop(algorithm, CartPole(), NUM_ENVS, None)
    else:
        loop = HostLoop(algorithm, NativeOnHost(CartPole(), NUM_ENVS), None)
    run = train(loop, loop.init(jax.random.key(0)), 120, 2, lambda run, metrics: True)
    network, size = run.state.network, int(run.replay.size)
    rows, stored = jax.tree.map(np.asarray, (run.replay.rows, run.replay.carry))
    after = jax.jit(lambda observation, carry: network.features(observation, carry)[1])
    nothing = carry = np.asarray(network.initial_carry(NUM_ENVS))
    np.testing.assert_array_equal(stored[:WARM_UP], np.broadcast_to(nothing, stored[:WARM_UP].shape))
    assert rows.done[WARM_UP:size].any()
    for t in range(WARM_UP, size):
        np.testing.assert_allclose(stored[t], carry, atol=1e-6)
        carry = np.where(rows.done[t][:, None], nothing, after(rows.observation[t], carry))


@pytest.mark.parametrize("seeds", [None, 2])
def test_replay_has_an_end_where_episodes_begin_afresh(seeds):
    """A run on the host that is restored cannot go on with the episodes it was stopped in."""
    algorithm = DQN(buffer_size=100, learning_starts=8, batch_size=4, network=NETWORK)
    loop = HostLoop(algorithm, NativeOnHost(Counting(), NUM_ENVS * (seeds or 1)), seeds)
    key = jax.random.key(0) if seeds is None else jax.random.split(jax.random.key(0), seeds)
    run, *_ = loop.warm_up(loop.init(key), 3)
    run, *_ = loop.warm_up(loop.restart(run), 2)
    rows = jax.tree.map(np.asarray, run.replay.rows)
    axis = rows.done.ndim - 2
    rows = jax.tree.map(lambda x: np.moveaxis(x, axis, 0)[: 5 * algorithm.train_freq], rows)
    follows = (rows.observation[1:] == rows.next_observation[:-1]).all(-1)
    np.testing.assert_array_equal(follows, ~rows.done[:-1])


def test_restart_begins_the_returns_that_scale_rewards_afresh():
    algorithm = DQN(buffer_size=100, learning_starts=8, batch_size=4, network=NETWORK, normalize_rewards=True)
    loop = HostLoop(algorithm, NativeOnHost(CartPole(), NUM_ENVS), None)
    run, *_ = loop.warm_up(loop.init(jax.random.key(0)), 1)
    assert np.any(run.state.normalizer.returns)
    again = loop.restart(run).state
    np.testing.assert_array_equal(again.normalizer.returns, 0)
    np.testing.assert_array_equal(again.normalizer.reward.count, run.state.normalizer.reward.count)


def test_restart_leaves_nothing_of_the_episodes_before():
    algorithm = DQN(
        buffer_size=100, learning_starts=20, sequence_length=2, burn_in=1, batch_size=4, network=RECURRENT
    )
    loop = HostLoop(algorithm, NativeOnHost(CartPole(), NUM_ENVS), None)
    run, *_ = loop.warm_up(loop.init(jax.random.key(0)), 1)
    first, begun = loop.init(run.key), np.array(loop.collector.actor.observation)
    assert np.any(run.statistics.running_length)
    assert np.any(run.statistics.running_return)
    run = replace(run, carry=jax.tree.map(lambda x: x + 1, run.carry))
    shown = []
    for _ in range(2):
        again = loop.restart(run)
        shown.append(np.array(loop.collector.actor.observation))
        for name in ("carry", "statistics"):
            for one, other in zip(*(jax.tree.leaves(getattr(r, name)) for r in (again, first)), strict=True):
                np.testing.assert_array_equal(one, other)
    assert not np.isin(shown[0], begun).any()  # other episodes than the first ones
    np.testing.assert_array_equal(*shown)  # and the same whenever it is restored here
