"""Every kind of observation becomes the features that its definition says."""

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import call, filled, normal

from operant.networks import Encoder, Network, UserModule
from operant.networks.cnn import CNN
from operant.networks.encoder import DictEncoder, Flatten, ModuleEncoder, Sequential, hidden_layers
from operant.networks.pooling import adaptive_max_pool, max_pool
from operant.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple, example

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
IMAGE = Box(0.0, 255.0, (10, 12, 3), "uint8")
SMALL = Network(convolutions=((4, 4, 2), (5, 3, 1)), convolution_features=7)


def build(space, config=None):
    return filled(lambda key: Encoder.build(config or Network(), space, key))


@pytest.mark.parametrize(
    ("space", "observation", "features"),
    [
        (Box(-1.0, 1.0, (3,)), [0.5, -0.5, 2.0], [0.5, -0.5, 2.0]),
        (Box(-1.0, 1.0, (2, 2)), [[1.0, 2.0], [3.0, 4.0]], [1.0, 2.0, 3.0, 4.0]),
        (Box(-1.0, 1.0, ()), 0.25, [0.25]),
        (Box(0.0, 255.0, (3,), "uint8"), [0, 51, 255], [0.0, 0.2, 1.0]),
        (Box(0.0, 9.0, (2,), "uint8"), [3, 9], [3.0, 9.0]),
        (Discrete(4), 2, [0.0, 0.0, 1.0, 0.0]),
        (MultiDiscrete((2, 3)), [1, 2], [0.0, 1.0, 0.0, 0.0, 1.0]),
        (MultiBinary(3), [1, 0, 1], [1.0, 0.0, 1.0]),
    ],
)
def test_flatten_has_no_weights(space, observation, features):
    encoder = build(space)
    observation = jnp.asarray(observation, space.dtype)
    assert isinstance(encoder, Flatten)
    assert jax.tree.leaves(encoder) == []
    assert encoder.size == len(features)
    np.testing.assert_allclose(encoder(observation), features, rtol=1e-6)
    wide = jnp.broadcast_to(observation, (2, 3, *space.shape))
    np.testing.assert_allclose(encoder(wide), np.broadcast_to(features, (2, 3, len(features))), rtol=1e-6)


def test_cnn_convolves_images():
    encoder = build(IMAGE, SMALL)
    pixels = jnp.asarray(RNG.integers(0, 256, (2, *IMAGE.shape)), jnp.uint8)
    x = pixels.astype(jnp.float32) / 255
    for layer in encoder.convolutions:
        x = jax.nn.relu(layer(x))
    expected = jax.nn.relu(encoder.projection.hidden[0](x.reshape(2, -1)))
    assert isinstance(encoder, CNN)
    assert encoder.size == 7
    np.testing.assert_allclose(call(encoder, pixels), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(call(encoder, pixels[0]), expected[0], rtol=1e-4, atol=1e-4)


def test_cnn_takes_frames_stacked_in_front_for_channels():
    first, last = Box(0.0, 255.0, (3, 10, 12), "uint8"), IMAGE
    pixels = jnp.asarray(RNG.integers(0, 256, IMAGE.shape), jnp.uint8)
    theirs = build(last, SMALL)
    ours = jax.tree.unflatten(jax.tree.structure(build(first, SMALL)), jax.tree.leaves(theirs))
    np.testing.assert_allclose(call(ours, jnp.moveaxis(pixels, -1, 0)), call(theirs, pixels), rtol=1e-5)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int32"])
@pytest.mark.parametrize("form", ["last", "first", "stack", "stack, first"])
def test_cnn_sees_the_same_in_pixels_of_every_type_and_form(dtype, form):
    """`[H, W, k·C]` in bytes against what Gymnasium's FrameStackObservation and others make of it."""
    pixels = jnp.asarray(RNG.integers(0, 256, (10, 12, 6)), jnp.uint8)
    stack = jnp.moveaxis(pixels.reshape(10, 12, 3, 2), 2, 0)  # k = 3 of C = 2
    seen = {
        "last": pixels,
        "first": jnp.moveaxis(pixels, -1, 0),
        "stack": stack,
        "stack, first": jnp.moveaxis(stack, -1, 1),
    }[form]
    theirs = build(Box(0.0, 255.0, pixels.shape, "uint8"), SMALL)
    space = Box(0.0, 255.0, seen.shape, dtype)
    ours = jax.tree.unflatten(jax.tree.structure(build(space, SMALL)), jax.tree.leaves(theirs))
    expected = call(theirs, pixels)
    np.testing.assert_allclose(call(ours, seen.astype(dtype)), expected, rtol=1e-4, atol=1e-5)
    wide = jnp.broadcast_to(seen.astype(dtype), (2, 3, *seen.shape))
    np.testing.assert_allclose(call(ours, wide), jnp.broadcast_to(expected, (2, 3, 7)), rtol=1e-4, atol=1e-5)


def test_encoder_leaves_what_is_no_image_as_it_is():
    flat = build(Box(0.0, 255.0, (2,)), SMALL)
    np.testing.assert_array_equal(flat(jnp.float32([255, 51])), [255, 51])
    assert build(Box(-1.0, 1.0, (2, 10, 12, 3)), SMALL).size == 720  # four axes of anything
    matrix = build(Box(0.0, 255.0, (2, 2)), SMALL)
    np.testing.assert_allclose(matrix(jnp.full((2, 2), 51.0)), [0.2] * 4)


def layer_norm(norm, x, axes):
    """By NumPy, over these axes."""
    unit = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 1e-5)
    return unit * np.asarray(norm.scale).reshape(x.shape[-len(axes) :]) + np.asarray(norm.shift).reshape(
        x.shape[-len(axes) :]
    )


@pytest.mark.parametrize(("norm", "axes"), [("channels", (-1,)), ("image", (-3, -2, -1))])
def test_cnn_normalises_each_pixel_or_image(norm, axes):
    encoder = build(IMAGE, replace(SMALL, convolution_norm=norm))
    pixels = jnp.asarray(RNG.integers(0, 256, (2, *IMAGE.shape)), jnp.uint8)
    x = pixels.astype(jnp.float32) / 255
    for layer, of in zip(encoder.convolutions, encoder.norms, strict=True):
        x = jnp.maximum(layer_norm(getattr(of, "norm", of), np.asarray(layer(x)), axes), 0)
    projection = encoder.projection
    x = projection.hidden[0](x.reshape(2, -1))
    expected = np.maximum(layer_norm(projection.norms[0], np.asarray(x), (-1,)), 0)
    np.testing.assert_allclose(call(encoder, pixels), expected, rtol=1e-3, atol=1e-4)


def test_cnn_of_residual_stages_is_impalas():
    """Convolution, pooling, and two blocks x + C max(C max(x, 0), 0), stage after stage; then the largest of parts."""
    config = Network(
        convolutions=((2, 3, 2), (3, 3, 1)), residual=True, convolution_width=2, convolution_pooling=5
    )
    encoder = build(IMAGE, replace(config, convolution_features=7))
    pixels = jnp.asarray(RNG.integers(0, 256, (2, *IMAGE.shape)), jnp.uint8)
    x = pixels.astype(jnp.float32) / 255
    for stage, stride in zip(encoder.convolutions, (2, 1), strict=True):
        x = stage.convolution(x)
        x = max_pool(x, 3, 2, 1) if stride == 2 else x
        for block in stage.blocks:
            x = x + block.second(jax.nn.relu(block.first(jax.nn.relu(x))))
    assert x.shape == (2, 5, 6, 6)
    x = adaptive_max_pool(jax.nn.relu(x), 5)
    expected = jax.nn.relu(encoder.projection.hidden[0](x.reshape(2, -1)))
    np.testing.assert_allclose(call(encoder, pixels), expected, rtol=1e-3, atol=1e-4)


def test_cnn_has_the_parameters_of_the_published_networks():
    def count(**of):
        space = Box(0.0, 255.0, (84, 84, 4), "uint8")
        encoder = jax.eval_shape(lambda key: Encoder.build(Network(**of), space, key), KEY)
        return sum(leaf.size for leaf in jax.tree.leaves(encoder))

    def stage(before, after):
        return 9 * before * after + after + 4 * (9 * after * after + after)

    impala = stage(4, 16) + stage(16, 32) + stage(32, 32)
    assert count(convolutions="impala") == impala + 11 * 11 * 32 * 256 + 256
    btr = {"convolution_width": 2, "convolution_pooling": 6, "convolution_features": 0}
    wide = stage(4, 32) + stage(32, 64) + stage(64, 64)
    assert count(convolutions="impala", **btr) == wide
    vectors = 4 * (32 + 64 + 64)  # of the power method, one for each convolution in a block
    assert count(convolutions="impala", spectral_norm=True, **btr) == wide + vectors


@pytest.mark.parametrize("shape", [(10, 12, 16), (16, 12, 10)])
def test_cnn_has_the_axis_of_channels_that_it_is_told(shape):
    space = Box(0.0, 255.0, shape, "uint8")

    def channels(stacked=False, **how):
        config = Network(convolutions=((4, 3, 1),), convolution_features=0, **how)
        encoder = jax.eval_shape(lambda key: Encoder.build(config, space, key, stacked=stacked), KEY)
        return encoder.convolutions[0].weight.shape[2]

    assert channels() == 10  # the shortest
    assert channels(channels="first") == shape[0]
    assert channels(channels="last") == channels(stacked=True) == shape[2]


def test_flatten_takes_images_where_there_are_no_convolutions():
    encoder = build(IMAGE, Network(convolutions=()))
    assert isinstance(encoder, Flatten)
    pixels = jnp.full((4, *IMAGE.shape), 255, jnp.uint8)
    np.testing.assert_array_equal(encoder(pixels), np.ones((4, 360)))


def test_encoder_refuses_convolutions_that_do_not_fit():
    with pytest.raises(ValueError, match=r"convolutions=.*Box\(10×12×3 uint8\).*kernel of 4 meets 1×2"):
        build(IMAGE)


def test_hidden_layers_are_of_the_kinds_of_the_network():
    config = Network(activation="relu", layer_norm=True, dropout=0.1, initialization="uniform")
    mlp = hidden_layers(config, 4, (6, 5), 2, KEY, gain=9.0)
    assert mlp.output is not None
    assert [layer.bias.size for layer in (*mlp.hidden, mlp.output)] == [6, 5, 2]
    assert (mlp.activation, mlp.rate, len(mlp.norms)) == ("relu", 0.1, 2)
    assert 0.4 < np.abs(mlp.hidden[0].weight).max() <= 0.5  # uniform in ±1/√4
    last = hidden_layers(Network(), 4, (), 2, KEY, gain=9.0).output
    assert last is not None
    np.testing.assert_allclose(np.linalg.norm(last.weight, axis=0), 9, rtol=1e-5)


DICT = Dict.of(
    {"goal": Box(-1.0, 1.0, (2,)), "cell": Discrete(3), "pair": Tuple((Discrete(2), Box(0.0, 1.0, (1,))))}
)


def observation_of(space, leading):
    return jax.tree.map(lambda x: x + 1, example(space, leading))


def test_dict_encoder_concatenates_in_the_order_of_names():
    encoder = build(DICT)
    assert isinstance(encoder, DictEncoder)
    features = encoder(observation_of(DICT, (4, 5)))
    np.testing.assert_array_equal(features[1, 2], [0, 1, 0, 1, 1, 0, 1, 1])  # cell, goal, pair
    assert encoder.size == 8


@pytest.mark.parametrize("combine", ["sum", "product"])
def test_dict_encoder_combines_inputs_with_sequential_networks_of_their_own(combine):
    encoders = {"goal": (5, 4), "cell": (4,), "pair": (4,), "pair/0": (6,), "pair/1": (6,)}
    encoder = build(DICT, Network(encoders=encoders, combine=combine))
    observation = observation_of(DICT, (3,))
    parts = [
        part(observation[name]) for name, part in zip(("cell", "goal", "pair"), encoder.parts, strict=True)
    ]
    assert all(part.shape == (3, 4) for part in parts)
    assert all(isinstance(part, Sequential) for part in encoder.parts)
    expected = sum(parts) if combine == "sum" else parts[0] * parts[1] * parts[2]
    np.testing.assert_allclose(encoder(observation), expected, rtol=1e-6)
    assert encoder.size == 4
    # cell 3→4; goal 2→5→4; pair: (2→6) ∘ (1→6) → 4
    count = sum(leaf.size for leaf in jax.tree.leaves(encoder))
    assert count == (3 * 4 + 4) + (2 * 5 + 5 + 5 * 4 + 4) + (2 * 6 + 6) + (6 + 6) + (6 * 4 + 4)


def test_dict_encoder_drops_out_in_an_inputs_own_network():
    encoder = build(DICT, Network(encoders={"goal": (50,)}, dropout=0.5, activation="sigmoid"))
    features = jax.jit(lambda encoder, key: encoder(observation_of(DICT, ()), key=key))(encoder, KEY)
    assert 10 < (features[3:53] == 0).sum() < 40


def test_dict_encoder_refuses_sizes_that_do_not_combine():
    with pytest.raises(ValueError, match=r"combine='sum'.*'pair/0': 2, 'pair/1': 1.*network.encoders"):
        build(DICT, Network(combine="sum"))


@pytest.mark.parametrize(
    ("space", "known"), [(DICT, "cell, goal, pair, pair/0, pair/1"), (Discrete(2), "no named")]
)
def test_encoder_for_an_unknown_input_is_refused(space, known):
    with pytest.raises(ValueError, match=f"'gaol'.*{known}"):
        build(space, Network(encoders={"gaol": (4,)}))


class DictNet(eqx.Module):
    """A user's module with everything awkward: a function and a number for leaves, dropout, a Dict."""

    linear: eqx.nn.Linear
    drop: eqx.nn.Dropout
    activation: object = jax.nn.relu
    scale: float = 2.0

    def __call__(self, x, *, key=None):
        hidden = self.scale * self.activation(self.linear(x["goal"]))
        return self.drop(hidden, key=key) + x["cell"].astype(jnp.float32)


def test_module_encoder_works_under_plain_jit_grad_and_vmap():
    module = filled(lambda key: eqx.nn.MLP(3, 5, 8, 2, key=key))
    encoder = Encoder.build(UserModule(module), Box(-1.0, 1.0, (3,)), KEY)
    x = normal(4, 6, 3)
    expected = jax.vmap(jax.vmap(module))(x)
    assert isinstance(encoder, ModuleEncoder)
    assert encoder.size == 5
    np.testing.assert_allclose(jax.jit(lambda e, x: e(x))(encoder, x), expected, atol=1e-6)

    gradient = jax.jit(jax.grad(lambda e, x: jnp.sum(e(x) ** 2)))(encoder, x)
    theirs = eqx.filter_grad(lambda m, x: jnp.sum(jax.vmap(jax.vmap(m))(x) ** 2))(module, x)
    for a, b in zip(
        jax.tree.leaves(gradient), jax.tree.leaves(eqx.filter(theirs, eqx.is_array)), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)

    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, 2 * leaf]), encoder)
    both = jax.vmap(lambda e, x: e(x), in_axes=(0, None))(stacked, x)
    np.testing.assert_allclose(both[0], expected, atol=1e-6)
    assert not np.allclose(both[1], expected)


def test_module_encoder_drops_out_only_with_a_key():
    space = Dict.of({"goal": Box(-1.0, 1.0, (2,)), "cell": Discrete(3)})
    linear = filled(lambda key: eqx.nn.Linear(2, 50, key=key))
    encoder = Encoder.build(UserModule(DictNet(linear, eqx.nn.Dropout(0.5))), space, KEY)
    observation = {"goal": jnp.ones((3, 2)), "cell": jnp.zeros((3,), jnp.int32)}
    call = jax.jit(lambda e, o, key=None: e(o, key=key))
    without, dropped = call(encoder, observation), call(encoder, observation, KEY)
    np.testing.assert_array_equal(without, call(encoder, observation))
    alive = without[0] > 0
    share = (dropped == 0)[:, alive].mean()
    assert 0.2 < share < 0.8
    assert (dropped[0] != dropped[1]).any()  # each sample has its own
    np.testing.assert_allclose(dropped[dropped != 0], 2 * without[dropped != 0], rtol=1e-5)


class Whole(eqx.Module):
    table: jax.Array

    def __call__(self, x):
        return self.table[x].astype(jnp.float32)


class Static(eqx.Module):
    n: int = eqx.field(static=True)


def test_user_module_that_cannot_be_a_network_is_refused():
    space = Box(-1.0, 1.0, (3,))
    for module, reason in (
        (7, "callable Equinox module; it is a int"),
        (Static(3), "callable Equinox module; it is a Static"),
        (
            eqx.nn.BatchNorm(3, "batch", mode="ema"),
            "holds a BatchNorm, whose running statistics cannot be kept",
        ),
        (Whole(jnp.arange(3)), r"array of int32 \(3,\), which cannot be learned"),
        (filled(lambda key: eqx.nn.MLP(4, 5, 8, 1, key=key)), r"must take one observation of Box\(3\)"),
        (filled(lambda key: eqx.nn.MLP(3, "scalar", 8, 1, key=key)), "one vector of float32 features"),
    ):
        with pytest.raises(ValueError, match=reason):
            Encoder.build(UserModule(module), space, KEY)
