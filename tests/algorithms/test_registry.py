"""Algorithms from names and plain values, and back; and what a wrong one is told."""

from __future__ import annotations

import dataclasses
import json

import equinox as eqx
import pytest

from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.random import Random
from operant.algorithms.registry import ALGORITHMS, algorithm, build, defaults, name_of, overlaid, to_json
from operant.algorithms.value.dqn import DQN
from operant.networks import Network
from operant.ops.schedules import Linear


@pytest.mark.parametrize(
    "made",
    [
        *(cls() for cls in ALGORITHMS.values()),
        PPO(
            learning_rate=Linear(3e-4),
            n_steps=7,
            clip_range_vf=Linear(0.2, 0.1),
            target_kl=0.02,
            normalize_observations=True,
            network=Network(hidden_sizes=(3, 4), memory="lstm", encoders=(("a", (5,)),)),
        ),
        DQN(learning_rate=Linear(1e-3, 1e-4, 0.5), gradient_steps=-1, network=Network(activation="gelu")),
    ],
    ids=lambda made: type(made).__name__,
)
def test_to_json_and_build_are_a_round_trip(made):
    text = json.dumps(to_json(made), allow_nan=False)
    assert build(type(made), json.loads(text)) == made
    assert build(type(made), to_json(made)) == made


def test_algorithm_and_name_of_agree_on_every_name():
    for name, cls in ALGORITHMS.items():
        assert algorithm(name) is cls
        assert name_of(build(cls, defaults(name))) == name


def test_build_makes_named_configurations_of_one_dqn():
    for name, title in {"rainbow": "Rainbow", "qr-dqn": "QR-DQN", "iqn": "IQN"}.items():
        made = build(DQN, defaults(name))
        assert type(made) is DQN
        assert made.name == title
        assert build(DQN, json.loads(json.dumps(to_json(made)))) == made
        assert build(DQN, defaults(name) | {"learning_rate": 1.0, "n_step": 7}).name == title
    # Named by what it is, however it was made.
    assert DQN().name == "DQN"
    assert DQN(distributional="quantile", double=True).name == "QR-DQN"
    assert build(DQN, defaults("rainbow") | {"noisy": False}).name == "DQN"


def test_defaults_and_overlaid_keep_the_values_of_a_network_that_are_not_given():
    known = defaults("droq")
    assert known["network"] == dataclasses.replace(SAC().network, value_dropout=0.01, value_layer_norm=True)
    preset = overlaid(known, {"network": {"hidden_sizes": (8,)}, "tau": 0.1})
    network = build(SAC, overlaid(preset, {"network": {"value_dropout": 0.1}})).network
    assert (network.hidden_sizes, network.value_dropout, network.value_layer_norm) == ((8,), 0.1, True)
    assert network.activation == "relu"
    assert preset["tau"] == 0.1
    assert overlaid(known, {"network": Network()})["network"] == Network()


def test_build_takes_plain_values():
    made = build(PPO, {"learning_rate": "linear:1e-3:0", "ent_coef": 1, "target_kl": None, "gamma": 1})
    assert made.learning_rate == Linear(1e-3, 0.0)
    assert isinstance(made.ent_coef, float)
    assert isinstance(made.gamma, float)
    assert build(PPO, {"target_kl": 1}).target_kl == 1.0
    assert build(PPO, {"clip_range_vf": "linear:0.2:0.1"}).clip_range_vf == Linear(0.2, 0.1)


def test_build_with_a_part_of_a_network_leaves_the_rest_the_algorithms_own():
    assert build(DQN, {"network": {"hidden_sizes": [8]}}).network == Network(
        hidden_sizes=(8,), activation="relu", initialization="uniform"
    )
    assert build(PPO, {"network": {"hidden_sizes": [8]}}).network == Network(hidden_sizes=(8,))


class Features(eqx.Module):
    """A network of a user's."""

    def __call__(self, observation):
        return observation


def test_to_json_leaves_a_network_of_the_users_out():
    assert to_json(PPO(network=Features()))["network"] is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pp0", "Unknown algorithm 'pp0'. Did you mean 'ppo' or 'appo'?"),
        ("DQN", "Unknown algorithm 'DQN'. "),
        ("xyz", f"Unknown algorithm 'xyz'. There are: {', '.join(sorted(ALGORITHMS))}."),
        ("os.system", "Unknown algorithm 'os.system'. "),
    ],
)
def test_algorithm_refuses_unknown_names(name, message):
    with pytest.raises(ValueError, match="Unknown") as error:
        algorithm(name)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("cls", "values", "message"),
    [
        (
            PPO,
            {"learning_rat": 1e-3},
            "PPO has no hyperparameter 'learning_rat' (value 0.001). Did you mean 'learning_rate",
        ),
        (Random, {"gamma": 1.0}, "Random has no hyperparameter 'gamma' (value 1.0). There are: ."),
        (PPO, {"n_steps": 1.5}, "n_steps=1.5: must be a whole number."),
        (PPO, {"n_steps": True}, "n_steps=True: must be a whole number."),
        (PPO, {"n_steps": 0}, "n_steps=0: must be at least 1."),
        (PPO, {"gamma": "0.9x"}, "gamma='0.9x': must be a number."),
        (PPO, {"gamma": True}, "gamma=True: must be a number."),
        (PPO, {"learning_rate": "linaer:1:0"}, "'linaer:1:0' is neither a number nor a schedule"),
        (PPO, {"learning_rate": None}, "learning_rate=None: must be a number or a schedule."),
        (PPO, {"gamma": Linear(1.0)}, "gamma="),
        (PPO, {"normalize_advantage": 1}, "normalize_advantage=1: must be True or False."),
        (PPO, {"network": {"hiden_sizes": [8]}}, "network.hiden_sizes is unknown; choose from hidden_sizes"),
        (DQN, {"tau": 2}, "tau=2.0: must be a number in [0, 1]."),
    ],
)
def test_build_refuses_wrong_values(cls, values, message):
    with pytest.raises(ValueError, match=r".") as error:
        build(cls, values)
    assert message in str(error.value)


@pytest.mark.parametrize("cls", sorted({*ALGORITHMS.values()}, key=lambda cls: cls.__name__))
def test_algorithm_refuses_text_and_functions_where_a_class_takes_a_schedule(cls):
    names = [field.name for field in dataclasses.fields(cls) if "Schedule" in str(field.type)]
    for name in names:
        for value in ("linear:0.001:0", lambda remaining: remaining):
            with pytest.raises(
                ValueError, match=rf"^{name}=.*: the class takes a number or a schedule, such as"
            ):
                cls(**{name: value})
