"""A value function with sizes, an encoder or a memory of its own, and memories of several layers."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import filled, normal

from operant.networks import GRU, ActorCritic, Network, StackedCells, recurrent, unroll
from operant.spaces import Box, Dict, Discrete
from operant.types import EnvSpec

T, N = 6, 3
SPEC = EnvSpec("test", Dict.of({"x": Box(-1.0, 1.0, (4,))}), Discrete(2))


def build(**values):
    config = Network(hidden_sizes=(8,), encoders=(("x", (7,)),), **values)
    return filled(lambda key: ActorCritic.build(config, SPEC, key))


def count(tree) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_actor_critic_has_a_critic_with_sizes_of_its_own():
    network = build(value_hidden_sizes=(5, 3))
    assert [layer.bias.size for layer in network.policy_head.layers] == [8, 2]
    assert [layer.bias.size for layer in network.value_head.layers] == [5, 3, 1]
    assert [layer.bias.size for layer in build(value_hidden_sizes=()).value_head.layers] == [1]


def depends(f, network, part) -> bool:
    """Whether `f(network)` has a gradient by any parameter of a part of the network."""
    gradient = jax.grad(lambda n: jnp.sum(f(n)))(network)
    return any((np.asarray(leaf) != 0).any() for leaf in jax.tree.leaves(part(gradient)))


KINDS = {
    "shared encoder": {},
    "own encoder": {"share_features_extractor": False},
    "shared memory": {"memory": "gru", "memory_size": 5},
    "own memory": {"memory": "lstm", "memory_size": 5, "critic_memory": "own"},
    "own memory and encoder": {
        "memory": "gru",
        "memory_size": 5,
        "critic_memory": "own",
        "share_features_extractor": False,
    },
    "no memory": {"memory": "gru", "memory_size": 5, "critic_memory": "none"},
    "two layers": {"memory": "lstm", "memory_size": 5, "memory_layers": 2, "critic_memory": "own"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_actor_critic_with_its_own_critic_unrolls_and_learns_from_nothing_else(kind):
    network = build(**KINDS[kind])
    observation = {"x": normal(T, N, 4)}
    next_observation = {"x": jnp.concatenate([observation["x"][1:], normal(1, N, 4)])}
    done = jnp.zeros((T, N), bool).at[1, 0].set(True).at[3, 2].set(True)
    start = jax.tree.map(lambda x: normal(*x.shape), network.initial_carry(N))
    policy, value = jax.jit(lambda n: n.unroll(observation, None, start, done))(network)
    successors = jax.jit(lambda n: n.successor_values(observation, next_observation, start, done))(network)
    step = jax.jit(lambda n, x, carry: (n.policy_and_value(x, None, carry), n.policy(x, None, carry)))
    fresh, carry = network.initial_carry(N), start
    for t in range(T):
        seen = {"x": observation["x"][t]}
        (expected, expected_value, after), (alone, after_alone) = step(network, seen, carry)
        np.testing.assert_allclose(policy.logits[t], expected.logits, atol=1e-6)
        np.testing.assert_allclose(policy.logits[t], alone.logits, atol=1e-6)
        np.testing.assert_allclose(value[t], expected_value, atol=1e-6)
        for one, other in zip(*map(jax.tree.leaves, (after, after_alone)), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)
        carry = jax.tree.map(lambda a, f, t=t: jnp.where(done[t][:, None], f, a), after, fresh)
    # Where no episode ended, V of the successor is V of the next observation.
    goes_on = ~np.asarray(done[:-1])
    np.testing.assert_allclose(
        np.asarray(successors[:-1])[goes_on], np.asarray(value[1:])[goes_on], atol=1e-6
    )
    if network.recurrent and kind != "no memory":
        assert not np.isclose(np.asarray(successors[:-1])[~goes_on], np.asarray(value[1:])[~goes_on]).any()

    def of_value(n):
        return n.unroll(observation, None, start, done)[1]

    def of_policy(n):
        return n.unroll(observation, None, start, done)[0].logits

    own = "own encoder" in kind or "and encoder" in kind
    assert depends(of_value, network, lambda n: n.encoder) == (not own)
    assert (network.critic_encoder is not None) == own
    if own:
        assert depends(of_value, network, lambda n: n.critic_encoder)
    assert not depends(of_policy, network, lambda n: n.critic)
    assert depends(of_value, network, lambda n: n.core) == (kind == "shared memory")
    assert (network.critic_core is not None) == ("own memory" in kind or kind == "two layers")
    assert count(network.actor) + count(network.critic) == count(network)
    restored = network.actor.with_critic(network.critic)
    np.testing.assert_array_equal(of_value(restored), of_value(network))


def test_build_makes_stacked_cells_that_stand_on_each_other():
    config = Network(memory="gru", memory_size=4, memory_layers=2)
    stack = filled(lambda key: recurrent.build(config, 3, key))
    assert isinstance(stack, StackedCells)
    first, second = stack.cells
    x, done = normal(T, N, 3), jnp.zeros((T, N), bool).at[2, 1].set(True)
    start = stack.initial_carry((N,))
    outputs, carries = unroll(stack, x, start, done)
    inner, inner_carries = unroll(first, x, start[0], done)
    expected, expected_carries = unroll(second, inner, start[1], done)
    np.testing.assert_array_equal(outputs, expected)
    for one, other in zip(carries, (inner_carries, expected_carries), strict=True):
        np.testing.assert_array_equal(one, other)
    assert isinstance(recurrent.build(Network(memory="gru"), 3, jax.random.key(0)), GRU)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            {"critic_memory": "own"},
            "critic_memory='own': there is no memory; set network.memory to gru or lstm",
        ),
        (
            {"memory": "gru", "share_features_extractor": False},
            "cannot use the policy's recurrent layers. Set network.critic_memory to own or none",
        ),
        ({"critic_memory": "mine"}, "network.critic_memory='mine' is unknown; choose from shared, own, none"),
        ({"value_hidden_sizes": 64}, "network.value_hidden_sizes=64: must be a tuple"),
        ({"value_hidden_sizes": (0,)}, "network.value_hidden_sizes holds 0"),
        ({"memory_layers": 0}, "network.memory_layers holds 0"),
    ],
)
def test_network_names_wrong_values_of_the_critic(values, reason):
    with pytest.raises(ValueError, match=r".") as error:
        Network(**values)
    assert reason in str(error.value)


def test_network_without_a_policy_refuses_values_of_a_critic():
    for values in (
        {"value_hidden_sizes": (4,)},
        {"value_layer_norm": True},
        {"value_dropout": 0.5},
        {"share_features_extractor": False},
    ):
        with pytest.raises(ValueError, match="DQN has no separate value function; leave it at"):
            Network(**values).require_no_critic("DQN")
    Network().require_no_critic("DQN")
