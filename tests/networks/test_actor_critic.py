"""The actor–critic's parts, and its rollout at once against one step at a time."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_weights import filled, normal

from operant.networks import ActorCritic, Network, UserModule
from operant.spaces import Box, Dict, Discrete, MultiDiscrete
from operant.types import EnvSpec

KEY = jax.random.key(0)
OBSERVATIONS = Box(-1.0, 1.0, (4,))
T, N = 6, 3


def build(config=None, actions=None, observations=OBSERVATIONS):
    spec = EnvSpec("test", observations, actions or Discrete(2))
    return filled(lambda key: ActorCritic.build(config or Network(), spec, key))


def count(tree) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(tree))


def test_actor_critic_has_the_published_parameter_counts():
    network = build(Network(hidden_sizes=(24, 24)))
    assert count(network.policy_head) == 770  # 4→24→24→2, as published
    assert count(network.value_head) == 4 * 24 + 24 + 24 * 24 + 24 + 24 + 1
    assert count(network) == count((network.policy_head, network.value_head))
    assert (
        count(build(actions=Box(-1.0, 1.0, (2, 3)))) - count(build(actions=MultiDiscrete((3, 3)))) == 6
    )  # log_std
    # Embedding 4→5 in the memory's gates, behind it the heads.
    gru = build(Network(hidden_sizes=(), memory="gru", memory_size=5))
    assert count(gru) == 3 * (4 * 5 + 5 * 5 + 2 * 5) + (5 * 2 + 2) + (5 + 1)
    lstm = build(Network(hidden_sizes=(), memory="lstm", memory_size=5))
    assert count(lstm) == 4 * (4 * 5 + 5 * 5 + 5) + (5 * 2 + 2) + (5 + 1)


def test_actor_critic_begins_nearly_uniform_with_the_published_gains():
    network = ActorCritic.build(Network(), EnvSpec("test", OBSERVATIONS, Discrete(2)), KEY)
    x = normal(50, 4)
    distribution, _ = network.policy(x, None, ())
    np.testing.assert_allclose(jnp.exp(distribution.log_probabilities), 0.5, atol=0.02)
    for head, gain in ((network.policy_head, 0.01), (network.value_head, 1.0)):
        np.testing.assert_allclose(np.linalg.norm(head.output.weight, axis=0), gain, rtol=1e-4)
        np.testing.assert_allclose(np.linalg.norm(head.hidden[1].weight, axis=0), np.sqrt(2), rtol=1e-4)


def test_actor_critic_without_memory_is_two_plain_mlps():
    network = build()
    x = normal(T, N, 4)
    distribution, value = network.unroll(x, None, (), None)

    def mlp(head, x):
        for layer in head.hidden:
            x = np.tanh(x @ layer.weight + layer.bias[None, None])
        return x @ head.output.weight + head.output.bias[None, None]

    np.testing.assert_allclose(distribution.logits, mlp(network.policy_head, x), atol=1e-5)
    np.testing.assert_allclose(value, mlp(network.value_head, x)[..., 0], atol=1e-5)
    jaxpr = str(jax.make_jaxpr(lambda network, x: network.policy(x, None, ())[0].logits)(network, x[0]))
    assert (
        jaxpr.count("dot_general") == jaxpr.count("tanh") + 1 == 3
    )  # nothing else is computed, nor the value


def test_actor_critic_hands_masks_and_a_box_on_to_the_distribution():
    mask = jnp.asarray([[True, False], [False, True], [True, True]])
    distribution, _ = build().policy(jnp.ones((3, 4)), mask, ())
    np.testing.assert_array_equal(np.exp(distribution.log_probabilities) > 0, mask)

    network = build(actions=Box(-1.0, 1.0, (2, 3)))
    network = eqx.tree_at(lambda n: n.log_std, network, jnp.arange(6.0))
    distribution, _ = network.unroll(jnp.ones((T, N, 4)), None, (), None)
    np.testing.assert_array_equal(distribution.log_std[1, 2], np.arange(6))
    assert distribution.mode().shape == (T, N, 2, 3)


@pytest.mark.parametrize("memory", ["gru", "lstm"])
def test_actor_critic_unrolled_is_actor_critic_step_by_step(memory):
    network = build(Network(hidden_sizes=(8,), memory=memory, memory_size=5))
    observation, next_observation = normal(T, N, 4), normal(T, N, 4)
    done = jnp.zeros((T, N), bool).at[1, 0].set(True).at[3, 2].set(True).at[T - 1, 1].set(True)
    # Between resets, the successor of one step is the observation of the next.
    row_after = jnp.concatenate([observation[1:], next_observation[-1:]])
    next_observation = jnp.where(done[..., None], next_observation, row_after)
    start = jax.tree.map(lambda x: x + 0.3, network.initial_carry(N))
    distribution, value = jax.jit(lambda n, *a: n.unroll(a[0], None, *a[1:]))(
        network, observation, start, done
    )
    successors = jax.jit(lambda n, *a: n.successor_values(*a))(
        network, observation, next_observation, start, done
    )

    step = jax.jit(lambda network, x, carry: network.policy(x, None, carry))
    fresh, carry = network.initial_carry(N), start
    for t in range(T):
        expected, after = step(network, observation[t], carry)
        np.testing.assert_allclose(distribution.logits[t], expected.logits, atol=1e-6)
        features, _ = network.core(observation[t], carry)
        np.testing.assert_allclose(value[t], network.value_head(features)[:, 0], atol=1e-6)
        features, _ = network.core(next_observation[t], after)
        np.testing.assert_allclose(successors[t], network.value_head(features)[:, 0], atol=1e-6)
        carry = jax.tree.map(lambda a, f, t=t: jnp.where(done[t][:, None], f, a), after, fresh)
    assert network.recurrent

    # Where no episode ended, V of the successor is V of the next observation; where one did, it is not.
    same = np.isclose(successors[:-1], value[1:], atol=1e-6)
    np.testing.assert_array_equal(same, ~done[:-1])


def test_actor_critic_without_memory_takes_any_axes():
    network = build()
    x, next_observation = normal(7, 4), normal(7, 4)
    assert not network.recurrent
    assert network.initial_carry(7) == ()
    distribution, value = network.unroll(x, None, (), None)
    assert distribution.logits.shape == (7, 2)
    assert value.shape == (7,)
    np.testing.assert_array_equal(
        network.successor_values(x, next_observation, (), None),
        network.unroll(next_observation, None, (), None)[1],
    )


def test_actor_critic_has_its_heads_on_a_user_module():
    module = filled(lambda key: eqx.nn.MLP(4, 6, 8, 1, key=key))
    spec = EnvSpec("test", OBSERVATIONS, Discrete(2))
    network = ActorCritic.build(UserModule(module), spec, KEY)
    assert count(network) == count(eqx.filter(module, eqx.is_array)) + (6 * 2 + 2) + (6 + 1)
    x = normal(T, N, 4)
    value = jax.jit(lambda network, x: network.unroll(x, None, (), None)[1])(network, x)
    features = jax.vmap(jax.vmap(module))(x)
    np.testing.assert_allclose(value, network.value_head.output(features)[..., 0], rtol=1e-5, atol=1e-6)
    gradient = jax.jit(jax.grad(lambda network: jnp.sum(network.unroll(x, None, (), None)[1])))(network)
    assert all((leaf != 0).any() for leaf in jax.tree.leaves(gradient.encoder))


def test_actor_critic_of_several_seeds_stacks():
    networks = jax.tree.map(lambda *leaves: jnp.stack(leaves), first := build(), second := build())
    x = normal(T, N, 4)
    values = jax.jit(jax.vmap(lambda network: network.unroll(x, None, (), None)[1]))(networks)
    for value, network in zip(values, (first, second), strict=True):
        np.testing.assert_allclose(value, network.unroll(x, None, (), None)[1], atol=1e-5)


def test_actor_critic_drops_out_only_with_a_key():
    observations = Dict.of({"a": OBSERVATIONS, "b": Discrete(3)})
    config = Network(hidden_sizes=(32,), dropout=0.5, layer_norm=True, encoders={"a": (8,)})
    network = build(config, observations=observations)
    observation = {"a": jnp.ones((N, 4)), "b": jnp.ones(N, jnp.int32)}
    unroll = jax.jit(lambda network, key=None: network.unroll(observation, None, (), None, key=key))
    (plain, _), (_, dropped) = unroll(network), unroll(network, KEY)
    np.testing.assert_array_equal(
        plain.logits, np.tile(plain.logits[:1], (N, 1))
    )  # the same answer to the same
    assert len(np.unique(dropped)) == N


def test_actor_critic_without_a_value_function_has_values_of_0():
    spec = EnvSpec("test", OBSERVATIONS, Discrete(2))
    network = filled(lambda key: ActorCritic.build(Network(hidden_sizes=(5,)), spec, key, critic=False))
    assert count(network) == 4 * 5 + 5 + 5 * 2 + 2
    policy, value = network.unroll(normal(T, N, 4), None, (), None)
    assert policy.logits.shape == (T, N, 2)
    np.testing.assert_array_equal(value, jnp.zeros((T, N)))
    np.testing.assert_array_equal(
        network.successor_values(normal(N, 4), normal(N, 4), (), None), jnp.zeros(N)
    )


@pytest.mark.parametrize("sizes", [(8, 5), ()])
def test_actor_critic_explores_by_its_last_features(sizes):
    spec = EnvSpec("test", OBSERVATIONS, Box(-1.0, 1.0, (3,)))

    def make(key):
        return ActorCritic.build(Network(hidden_sizes=sizes), spec, key, use_sde=True, log_std_init=-2.0)

    network = filled(make)
    x = normal(T, N, 4)
    latent = x
    for layer in network.policy_head.hidden:
        latent = np.tanh(latent @ layer.weight + layer.bias[None, None])
    assert network.log_std.shape == (latent.shape[-1], 3)
    policy, _ = network.unroll(x, None, (), None)
    np.testing.assert_allclose(policy.features, latent, atol=1e-5)
    np.testing.assert_allclose(
        policy.mode(),
        latent @ network.policy_head.output.weight + network.policy_head.output.bias[None, None],
        atol=1e-5,
    )
    assert (np.asarray(make(KEY).log_std) == -2).all()


def test_actor_critic_refuses_actions_without_a_policy_head():
    with pytest.raises(ValueError, match=r"Dict\(a: Discrete\(2\)\)"):
        build(actions=Dict.of({"a": Discrete(2)}))
