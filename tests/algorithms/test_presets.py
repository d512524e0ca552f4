"""Presets: that each can be made, and that those of papers have the papers' sizes."""

from __future__ import annotations

from typing import Any

import jax
import pytest

from operant import presets
from operant.agent import texts
from operant.algorithms import registry
from operant.algorithms.names import PLACES
from operant.cli.asked import read
from operant.construct import AGENT_ARGUMENTS, TRAINING_VALUES
from operant.envs.wrappers.registry import as_wrappers
from operant.spaces import Box, Discrete
from operant.types import EnvSpec

KEY = jax.random.key(0)
ATARI = EnvSpec("any", Box(0.0, 255.0, (84, 84, 4), "uint8"), Discrete(18))
CARTPOLE = EnvSpec("any", Box(-1.0, 1.0, (4,)), Discrete(2))


def made(name: str, preset: str) -> tuple[Any, dict]:
    """The algorithm of a preset, and its values that are not the algorithm's."""
    values = registry.overlaid(registry.defaults(name), presets.find(name, "any", preset))
    rest = {
        key: values.pop(key)
        for key in (*TRAINING_VALUES, *AGENT_ARGUMENTS, "curiosity", "kl_penalty")
        if key in values
    }
    if isinstance(values.get("network"), str):
        values["network"] = texts.network(values["network"])
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


def written(tmp_path, text: str) -> str:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    return str(file)


def test_a_preset_holds_for_a_family_of_environments_that_have_none_of_their_own(tmp_path):
    file = written(
        tmp_path,
        """
        ["grids"]
        environments = ["Grid*-v1", "Frozen*", "!*-ram*"]
        gamma = 0.5
        ["GridOne-v1"]
        gamma = 0.6
        ["others"]
        environments = ["Grid*"]
        gamma = 0.7
        """,
    )
    for env, gamma in (
        ("GridTwo-v1", 0.5),
        ("FrozenLake-v1", 0.5),
        ("GridOne-v1", 0.6),
        ("Grid-ram-v1", 0.7),
    ):
        assert presets.find("ppo", env, file) == {"gamma": gamma}
    with pytest.raises(
        ValueError, match="has no table for 'CartPole-v1'; it has: grids, GridOne-v1, others"
    ) as error:
        presets.find("ppo", "CartPole-v1", file)
    assert str(error.value).endswith(". Write the line [CartPole-v1] above the values for CartPole-v1.")
    with pytest.raises(
        ValueError, match=r'Write the line \["ALE/Pong-v5"\] above the values for ALE/Pong-v5\.$'
    ):
        presets.find("ppo", "ALE/Pong-v5", file)


def test_a_preset_file_of_one_environment_needs_no_table_though_a_value_is_one(tmp_path):
    file = written(tmp_path, "total_timesteps = 9\n[env_kwargs]\nsize = 4\n[network]\nhidden_sizes = []")
    found = {"total_timesteps": 9, "env_kwargs": {"size": 4}, "network": {"hidden_sizes": []}}
    assert presets.find("ppo", "CartPole-v1", file) == found
    both = written(tmp_path, "gamma = 0.5\n[CartPole-v1]\nn_steps = 8")
    with pytest.raises(
        ValueError, match=r"has gamma outside its tables, .* the line \[CartPole-v1\] above the values"
    ):
        presets.find("ppo", "CartPole-v1", both)


def test_a_preset_of_a_family_is_taken_by_its_name_too():
    assert presets.chosen("dqn", "ALE/Pong-v5", "auto") == "two-cores"
    assert presets.chosen("dqn", "ALE/Breakout-v5", "auto") == "dqn-2015"
    assert presets.find("dqn", "ALE/Breakout-v5", "auto") == presets.find("dqn", "any", "dqn-2015")
    assert presets.chosen("dqn", "ALE/Pong-ram-v5", "auto") is None
    assert presets.chosen("dqn", "CartPole-v1", "auto") == "CartPole-v1"
    assert presets.chosen("dqn", "Nothing-v0", "auto") is None


def test_a_configuration_of_the_same_algorithm_is_a_preset_of_it():
    found = presets.find("dqn", "CartPole-v1", "rainbow")
    of_its_own = presets.find("rainbow", "CartPole-v1", "auto")
    assert found["n_atoms"] == of_its_own["n_atoms"] == 31
    assert found["double"]
    assert found["n_step"] == 3
    assert presets.find("dqn", "Nothing-v0", "rainbow") == registry.defaults("rainbow")
    with pytest.raises(ValueError, match=r"dqn has no preset 'rainbo'\. Did you mean 'rainbow'"):
        presets.find("dqn", "CartPole-v1", "rainbo")
    with pytest.raises(ValueError, match="ppo has no preset 'rainbow'"):
        presets.find("ppo", "CartPole-v1", "rainbow")


def test_btr_is_a_preset_of_dqn_on_the_command_line_with_all_that_its_paper_says():
    asked = read("dqn", ["Pong", "--preset", "btr", "--gamma", "0.9"])
    training, values = asked.training, asked.hyperparameters
    assert (training.num_envs, training.env_kwargs) == (64, ("episodic_life=false",))
    assert (values["munchausen"], values["distributional"], values["gamma"]) == (True, "implicit", 0.9)
    own = read("btr", ["ALE/Pong-v5"])
    assert own.hyperparameters == values | {"gamma": 0.997}
    algorithm = registry.build(registry.algorithm("btr"), own.hyperparameters)
    assert (algorithm.name, registry.name_of(algorithm)) == ("BTR", "btr")
    # 500 updates, of which each comes with a step of all environments; ε over 8 of 200 million frames.
    assert algorithm.target_update_interval == 500 * training.num_envs
    assert algorithm.exploration_fraction * training.total_timesteps == 2_000_000
    assert float(algorithm.optimizer_eps) == 0.005 / 256


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


def test_presets_of_text_say_how_long_where_nobody_types_it():
    """Epochs of a preset or three of them; what is typed takes the place of either."""
    data = ("--data", "pairs.jsonl", "--model", "sft")
    assert read("dpo", [*data, "--preset", "characters"]).training.epochs == 4
    assert read("dpo", [*data]).training.epochs == 3
    assert read("kto", [*data, "--preset", "characters"]).training.epochs == 4
    typed = read("dpo", [*data, "--preset", "characters", "--total-timesteps", "7"]).training
    assert (typed.epochs, typed.total_timesteps) == (None, 7)
    assert read("sft", ["--data", "a.jsonl", "--preset", "characters"]).training.total_timesteps == 2000
    assert read("sft", ["--data", "a.jsonl", "--preset", "characters"]).training.epochs is None
    grpo = read("grpo", ["Arithmetic", "--model", "sft"])
    assert (grpo.training.epochs, grpo.hyperparameters["max_steps"]) == (None, 3)
    assert grpo.training.env_kwargs == ("digits=1",)
    ppo = read("ppo", ["Text", "--model", "sft", "--preset", "characters"])
    assert (ppo.training.kl_penalty, ppo.hyperparameters["n_steps"]) == ("0.1", 64)
