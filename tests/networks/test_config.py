"""Network values: hashable, through JSON and back, from the command line, and never silently wrong."""

from __future__ import annotations

import dataclasses
import json

import equinox as eqx
import jax
import pytest
import tyro
from random_weights import filled

from operant.networks import Network, UserModule, as_network, network_field

FULL = Network(
    hidden_sizes=(3, 4),
    activation="elu",
    convolutions=((2, 3, 1),),
    convolution_features=9,
    residual=True,
    convolution_width=2,
    convolution_norm="image",
    convolution_pooling=3,
    spectral_norm=True,
    layer_norm=True,
    dropout=0.25,
    memory="lstm",
    memory_size=8,
    encoders=(("goal", (5, 6)), ("view", ())),
    combine="sum",
    initialization="uniform",
)


def test_network_goes_to_json_and_back():
    assert Network(**json.loads(json.dumps(dataclasses.asdict(FULL)))) == FULL
    assert Network(**json.loads(json.dumps(dataclasses.asdict(Network())))) == Network()


def test_network_takes_lists_and_dicts():
    network = Network(hidden_sizes=[3, 4], convolutions=[[2, 3, 1]], encoders={"goal": [5, 6], "view": []})
    assert network == Network((3, 4), convolutions=((2, 3, 1),), encoders=FULL.encoders)
    assert hash(network) == hash(Network((3, 4), convolutions=((2, 3, 1),), encoders=FULL.encoders))


def test_network_is_static():
    assert jax.tree.leaves(FULL) == []
    assert jax.jit(lambda network: network.memory_size)(FULL) == 8


def test_network_is_read_from_the_command_line():
    arguments = "--hidden-sizes 3 4 --convolutions 2 3 1 8 4 2 --encoders goal 5 6 --memory gru --layer-norm"
    assert tyro.cli(Network, args=arguments.split()) == Network(
        (3, 4),
        convolutions=((2, 3, 1), (8, 4, 2)),
        encoders=(("goal", (5, 6)),),
        memory="gru",
        layer_norm=True,
    )
    named = tyro.cli(Network, args=["--convolutions", "impala", "--convolution-width", "2", "--no-residual"])
    assert named == Network(convolutions="impala", convolution_width=2)


def test_network_knows_the_layers_of_those_with_a_name():
    assert Network().image_layers == (((32, 8, 4), (64, 4, 2), (64, 3, 1)), False, 512)
    assert Network(convolutions="dqn_2013").image_layers == (((16, 8, 4), (32, 4, 2)), False, 256)
    wide = Network(convolutions="impala", convolution_width=2, convolution_features=0)
    assert wide.image_layers == (((32, 3, 2), (64, 3, 2), (64, 3, 2)), True, 0)
    own = Network(convolutions=((4, 3, 2),), residual=True)
    assert own.image_layers == (((4, 3, 2),), True, 512)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"hidden_sizes": (64, 0)}, "network.hidden_sizes holds 0"),
        ({"hidden_sizes": (6.5,)}, "network.hidden_sizes holds 6.5"),
        ({"convolutions": ((32, 8),)}, r"network.convolutions holds \(32, 8\); .*stride"),
        ({"convolutions": ((32, 8, 0),)}, "network.convolutions holds 0"),
        ({"encoders": {"goal": (-1,)}}, r"network.encoders\['goal'\] holds -1"),
        ({"convolution_features": -1}, "network.convolution_features holds -1"),
        ({"convolution_pooling": 1.5}, "network.convolution_pooling holds 1.5"),
        ({"convolution_width": 0}, "network.convolution_width holds 0"),
        ({"convolution_norm": "batch"}, "network.convolution_norm='batch' is unknown; .* channels, image"),
        ({"convolutions": "natur"}, "network.convolutions='natur' is unknown; choose from dqn_2013, nature"),
        ({"convolutions": "nature", "residual": True}, "convolutions='nature' says by itself"),
        ({"convolutions": ((8, 4, 2),), "residual": True}, r"holds \(8, 4, 2\) with .*residual.*must be odd"),
        ({"memory_size": 0}, "network.memory_size holds 0"),
        ({"dropout": 1.0}, "network.dropout=1.0"),
        ({"activation": "tahn"}, "network.activation='tahn' is unknown; choose from tanh, relu"),
        ({"memory": "rnn"}, "network.memory='rnn' is unknown; choose from none, gru, lstm"),
        ({"combine": "max"}, "network.combine='max'"),
        ({"initialization": "xavier"}, "network.initialization='xavier'"),
    ],
)
def test_network_names_wrong_values(values, reason):
    with pytest.raises(ValueError, match=reason):
        Network(**values)


def test_as_network_takes_what_users_write():
    module = filled(lambda key: eqx.nn.MLP(2, 3, 4, 1, key=key))
    assert as_network(FULL) is FULL
    assert as_network({"hidden_sizes": [8]}) == Network((8,))
    given = as_network(module)
    assert isinstance(given, UserModule)
    assert given.module is module
    assert as_network(given) is given
    assert hash(given) == hash(given)
    with pytest.raises(ValueError, match=r"network.hiden_sizes is unknown; choose from hidden_sizes"):
        as_network({"hiden_sizes": [8]})


def test_network_field_has_a_default_and_takes_what_as_network_takes():
    class Algorithm(eqx.Module):
        network: Network = network_field(Network((7,)))

    assert Algorithm().network == Network((7,))
    assert Algorithm({"hidden_sizes": [8]}).network == Network((8,))  # pyright: ignore[reportArgumentType]
