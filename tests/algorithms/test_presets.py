"""Presets: that each can be made, and that those of papers have the papers' sizes."""

from __future__ import annotations

from typing import Any

import jax
import pytest

from operant import presets
from operant.algorithms import registry
from operant.algorithms.names import PLACES
from operant.construct import AGENT_ARGUMENTS, TRAINING_VALUES
from operant.envs.wrappers.registry import as_wrappers
from operant.spaces import Box, Discrete
from operant.types import EnvSpec

KEY = jax.random.key(0)
ATARI = EnvSpec("any", Box(0.0, 255.0, (84, 84, 4), "uint8"), Discrete(18))
CARTPOLE = EnvSpec("any", Box(-1.0, 1.0, (4,)), Discrete(2))


def made(name: str, preset: str) -> tuple[Any, dict]:
    """The algorithm of a preset, and its values that are not the algorithm's."""
    values = registry.defaults(name) | presets.find(name, "any", preset)
    rest = {
        key: values.pop(key) for key in (*TRAINING_VALUES, *AGENT_ARGUMENTS, "curiosity") if key in values
    }
    return registry.build(registry.algorithm(name), values), rest


def parameters(algorithm: Any, spec: EnvSpec) -> int:
    network = jax.eval_shape(lambda key: algorithm.init(spec, key).network, KEY)
    return sum(leaf.size for leaf in jax.tree.leaves(network))


@pytest.mark.parametrize("name", [name for name in PLACES if presets.names(name)])
def test_presets_can_be_made_and_keep_their_names(name):
    for preset in presets.names(name):
        algorithm, rest = made(name, preset)
        assert registry.name_of(algorithm) == name
        as_wrappers(rest.get("wrappers", ()))


def test_dqn_of_the_small_cartpole_preset_has_770_parameters():
    assert parameters(made("dqn", "cartpole-770")[0], CARTPOLE) == 770


def test_dqn_presets_of_the_papers_are_the_papers():
    older, rest = made("dqn", "dqn-2013")
    convolutions = 8 * 8 * 4 * 16 + 16 + 4 * 4 * 16 * 32 + 32
    assert parameters(older, ATARI) == convolutions + 9 * 9 * 32 * 256 + 256 + 256 * 18 + 18
    assert older.optimizer == "rmsprop"
    assert (older.batch_size, older.buffer_size, older.target_update_interval) == (32, 1_000_000, 1)
    assert older.exploration_fraction * rest["total_timesteps"] == pytest.approx(1_000_000)
    assert older.exploration_final_eps == 0.1

    newer, rest = made("dqn", "dqn-2015")
    assert parameters(newer, ATARI) == 1_693_362
    assert (newer.optimizer, newer.loss_function) == ("rmsprop", "huber")
    assert (newer.learning_rate, newer.optimizer_decay, newer.optimizer_eps) == (2.5e-4, 0.95, 0.01)
    assert (newer.target_update_interval, newer.train_freq) == (10_000, 4)
    assert newer.exploration_fraction * rest["total_timesteps"] == pytest.approx(1_000_000)
