"""SAC and TD3 with memory: sequences against a loop over their steps, plans, and what goes together."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from off_policy_samples import BOX, CHOICES, normal, one_critic, state_of, to_units

from operant.algorithms.actor_critic.sac import SAC
from operant.algorithms.actor_critic.td3 import TD3
from operant.algorithms.value.parts import sequence_td_error
from operant.networks import Network
from operant.plans import Replay
from operant.spaces import Discrete
from operant.types import Batch, Transition
from tests.shared import clock

RNG = np.random.default_rng(3)
LENGTH, B, BURN_IN, GAMMA, ALPHA = 7, 3, 2, 0.9, 0.3
MEMORY = Network(
    hidden_sizes=(8,),
    initialization="uniform",
    memory="gru",
    memory_size=4,
    critic_memory="own",
    share_features_extractor=False,
)
VALUES = {"gamma": GAMMA, "n_step": 3, "burn_in": BURN_IN, "sequence_length": LENGTH - BURN_IN}


def tape(spec) -> Transition:
    """Rows one after another, in which episodes end and begin."""
    ends = RNG.integers(0, 5, (LENGTH, B))
    mask = None
    if isinstance(spec.action_space, Discrete):
        action = jnp.asarray(RNG.integers(0, spec.action_space.n, (LENGTH, B)), jnp.int32)
        possible = RNG.random((2, LENGTH, B, spec.action_space.n)) < 0.7
        possible[..., 0] |= ~possible.any(-1)
        mask = jnp.asarray(possible)
    else:
        action = jnp.asarray(RNG.uniform(*spec.action_space.bounds, (LENGTH, B, 2)), jnp.float32)
    return Transition(
        normal(LENGTH, B, 3),
        action,
        normal(LENGTH, B),
        jnp.asarray(ends == 1),
        jnp.asarray(ends == 2),
        normal(LENGTH, B, 3),
        None if mask is None else mask[0],
        None if mask is None else mask[1],
    )


def features_by_steps(torso, start, rows) -> tuple[np.ndarray, np.ndarray]:
    """Of observations and of their successors, `[T, B, F]`, a step of one sequence at a time."""
    step = jax.jit(lambda seen, carry: torso(seen, carry))
    now, after = [], []
    for b in range(B):
        carry = jax.tree.map(lambda x, b=b: x[b : b + 1], start)
        for t in range(LENGTH):
            features, carry = step(rows.observation[t, b : b + 1], carry)
            now.append(features[0])
            after.append(step(rows.next_observation[t, b : b + 1], carry)[0][0])
            if rows.done[t, b]:
                carry = torso.initial_carry(1)
    shape = (B, LENGTH, -1)
    return tuple(np.swapaxes(np.reshape(np.asarray(x, np.float64), shape), 0, 1) for x in (now, after))


def parts(algorithm, carry):
    """The actor's memory and the critics', where a carry is a pair of them."""
    return carry if algorithm.network.critic_memory == "own" else (carry, carry)


def by_hand(layers, inputs):
    """One hidden layer of tanh."""
    layers = jax.tree.map(lambda x: np.asarray(x, np.float64), layers)
    hidden = np.tanh(inputs @ layers.hidden[0].weight + layers.hidden[0].bias)
    return hidden @ layers.output.weight + layers.output.bias


def soft_value(logits, mask, q):
    """Σ_a π(a|s) (Q(s, a) − α log π(a|s)) over the actions that are possible."""
    logits = np.where(mask, logits, -np.inf)
    pi = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    return sum(p * (x - ALPHA * np.log(p)) for p, x in zip(pi, q, strict=True) if p > 0)


CASES = {
    "SAC": (SAC(ent_coef=ALPHA, network=MEMORY, **VALUES), CHOICES),
    "SAC with the critics' memory": (
        SAC(ent_coef=ALPHA, network=replace(MEMORY, critic_memory="shared", share_features_extractor=True), **VALUES),
        CHOICES,
    ),
    "TD3": (TD3(target_policy_noise=0.0, network=MEMORY, **VALUES), BOX),
    "TD3 whose critics have none": (
        TD3(target_policy_noise=0.0, network=replace(MEMORY, critic_memory="none"), **VALUES),
        BOX,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_losses_of_a_sequence_are_those_of_a_loop_over_its_steps_with_memory(case):
    """The policies are deterministic, or averaged over, so that nothing is drawn."""
    algorithm, spec = CASES[case]
    discrete = isinstance(spec.action_space, Discrete)
    state, rows = state_of(algorithm, spec), tape(spec)
    start = jax.tree.map(lambda x: normal(*x.shape), algorithm.initial_carry(state, B))
    weight = jnp.asarray(np.where(RNG.random((LENGTH, B)) < 0.2, 0.0, RNG.random((LENGTH, B))), jnp.float32)
    batch = Batch(rows, weight, start)

    old_actor, old_critics = (
        (state.actor, state.target) if discrete else (state.target_actor, state.target_critics)
    )
    torsos = (state.actor.torso(state.critics), state.critics.torso)
    old_torso = torsos[0] if discrete else old_actor.torso(old_critics)
    of_actor, of_critics = parts(algorithm, start)
    seen = features_by_steps(torsos[0], of_actor, rows)[0]
    valued, _ = features_by_steps(torsos[1], of_critics, rows)
    after = features_by_steps(old_torso, of_actor, rows)[1]
    valued_after = features_by_steps(old_critics.torso, of_critics, rows)[1]

    losses, errors, policy_losses = (np.zeros((LENGTH, B)) for _ in range(3))
    for b in range(B):
        for t in range(BURN_IN, LENGTH):
            last = t
            while not rows.done[last, b] and last < min(t + 2, LENGTH - 1):
                last += 1
            y = sum(GAMMA ** (i - t) * float(rows.reward[i, b]) for i in range(t, last + 1))
            output = by_hand(old_actor.head, after[last, b])
            here, then = valued[t, b], valued_after[last, b]
            if discrete:
                q = np.min([one_critic(old_critics, k, then) for k in range(2)], 0)
                value = soft_value(output, rows.next_action_mask[last, b], q)
                taken = [one_critic(state.critics, k, here)[int(rows.action[t, b])] for k in range(2)]
                q_now = np.min([one_critic(state.critics, k, here) for k in range(2)], 0)
                logits = by_hand(state.actor.head, seen[t, b])
                policy_losses[t, b] = -soft_value(logits, rows.action_mask[t, b], q_now)
            else:
                inputs = np.concatenate([then, np.tanh(output)])
                value = min(one_critic(old_critics, k, inputs)[0] for k in range(2))
                inputs = np.concatenate([here, to_units(rows.action[t, b])])
                taken = [one_critic(state.critics, k, inputs)[0] for k in range(2)]
                inputs = np.concatenate([here, np.tanh(by_hand(state.actor.head, seen[t, b]))])
                policy_losses[t, b] = -one_critic(state.critics, 0, inputs)[0]
            y += 0.0 if rows.terminated[last, b] else GAMMA ** (last - t + 1) * value
            losses[t, b] = sum((0.5 if discrete else 1.0) * (y - x) ** 2 for x in taken)
            errors[t, b] = np.mean([abs(y - x) for x in taken])

    @jax.jit
    def run(state, batch):
        sample, key = algorithm.sample(batch, state), jax.random.key(0)
        if discrete:
            arguments = state.critics, state.target, state.actor, jnp.asarray(ALPHA), sample, key
            of_policy = algorithm.actor_loss(state.actor, state.critics, jnp.asarray(ALPHA), sample, key)[0]
        else:
            arguments = state.critics, state.target_critics, state.target_actor, sample, key
            of_policy = algorithm.actor_loss(state.actor, state.critics, sample, key)
        return algorithm.critic_loss(*arguments), of_policy

    (loss, (_, td_error)), policy_loss = run(state, batch)
    counted = np.asarray(weight)[BURN_IN:]
    kept = counted > 0

    def mean(x):
        return np.sum((counted * x[BURN_IN:])[kept]) / kept.sum()

    np.testing.assert_allclose(td_error, errors[BURN_IN:].reshape(-1), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(loss, mean(losses), rtol=1e-3)
    np.testing.assert_allclose(policy_loss, mean(policy_losses), rtol=1e-3)

    of_sequences = np.asarray(sequence_td_error(jnp.asarray(errors[BURN_IN:]), weight[BURN_IN:]))
    *_, priority = replace(algorithm, priority=True).with_priority(state, {}, td_error, batch)
    np.testing.assert_allclose(priority, (of_sequences + 1e-6) ** 0.6, rtol=1e-3)


@pytest.mark.parametrize("case", CASES)
def test_step_moves_the_memory_of_actor_and_critics_each_by_its_own_core(case):
    """What acting remembers is what both torsos make of it, one by one."""
    algorithm, spec = CASES[case]
    state, observation = state_of(algorithm, spec), normal(B, 3)
    carry = jax.tree.map(lambda x: normal(*x.shape), algorithm.initial_carry(state, B))

    @jax.jit
    def run(state, carry):
        _, after, _ = algorithm.act(state, observation, None, carry, None, clock(), explore=False)
        _, known = algorithm.estimates(state, observation, None, carry)
        before = parts(algorithm, carry)
        torsos = state.actor.torso(state.critics), state.critics.torso
        expected = [torso(observation, own)[1] for torso, own in zip(torsos, before, strict=True)]
        return after, known, expected

    after, known, expected = run(state, carry)
    pair = algorithm.network.critic_memory == "own"
    for x, y, z in zip(*map(jax.tree.leaves, (after, known, expected if pair else expected[0])), strict=True):
        np.testing.assert_allclose(x, z, atol=1e-6)
        np.testing.assert_array_equal(x, y)


def test_sac_with_memory_has_a_plan_of_sequences():
    algorithm = SAC(network=MEMORY, priority=True, buffer_size=500, **VALUES)
    plan = Replay(500, 256, learning_starts=100, priority=True, sequence=LENGTH)
    assert algorithm.experience == plan
    with pytest.raises(ValueError, match=r"learning_starts=100: must be at least .* = 140"):
        algorithm.check(replace(BOX, num_envs=20))
    with pytest.raises(ValueError, match="a network with memory learns from sequences"):
        replace(algorithm, hindsight="future").check(BOX)
