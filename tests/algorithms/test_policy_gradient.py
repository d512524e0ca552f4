"""REINFORCE, A2C, PPO and TRPO on a decision process whose policy gradient is known, and what they share."""

from __future__ import annotations

import itertools
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from operant.algorithms.policy_gradient.a2c import A2C
from operant.algorithms.policy_gradient.ppo import PPO
from operant.algorithms.policy_gradient.reinforce import REINFORCE
from operant.algorithms.policy_gradient.trpo import TRPO
from operant.networks import Network
from operant.spaces import Box, Discrete
from operant.types import Batch, EnvSpec, Transition
from tests.shared import clock, normals

RNG = np.random.default_rng(0)
normal = normals(RNG)
SMALL = Network(hidden_sizes=(5,))
NOW = clock(25)
T, N = 5, 4


def state_of(algorithm, spec):
    """A state whose weights are far from their first values, so that policies and values differ."""
    shapes = jax.eval_shape(lambda key: algorithm.init(spec, key), jax.random.key(0))
    zeros = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes)
    return eqx.tree_at(
        lambda s: s.network, zeros, jax.tree.map(lambda x: normal(*x.shape, scale=0.7), shapes.network)
    )


# The gradient of a known return


# Two steps: from state 0, action a leads to state 1 + a; there the episode ends. The last action is impossible
# everywhere, and action 0 in state 2.
POSSIBLE = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 0]], bool)
REWARD = RNG.normal(size=(3, 3))
TWO_STEPS = EnvSpec("Two steps", Discrete(3), Discrete(3), masked=True, num_envs=3)
PATHS = [
    (first, second)
    for first, second in itertools.product(range(3), repeat=2)
    if POSSIBLE[0, first] and POSSIBLE[1 + first, second]
]
STATES = jnp.asarray([[0] * len(PATHS), [1 + first for first, _ in PATHS]], jnp.int32)  # [2, paths]
ACTIONS = jnp.asarray(PATHS, jnp.int32).T


@jax.jit
def path_probabilities(network):
    """How likely each path is."""
    policy, _ = network.unroll(STATES, jnp.asarray(POSSIBLE)[STATES], (), jnp.zeros(STATES.shape, bool))
    return jnp.exp(jnp.sum(policy.log_prob(ACTIONS), 0))


def expected_return(network):
    """Of one episode, exactly."""
    rewards = [REWARD[0, first] + REWARD[1 + first, second] for first, second in PATHS]
    return float(np.asarray(path_probabilities(network), np.float64) @ rewards)


def every_path(network):
    """A batch in which each path weighs as much as it is likely: means over it are expectations."""
    probability = path_probabilities(network)
    last = jnp.asarray([[False], [True]]) & jnp.ones(STATES.shape, bool)
    next_state = jnp.concatenate([STATES[1:], jnp.zeros_like(STATES[:1])])
    mask = jnp.asarray(POSSIBLE)
    transition = Transition(
        observation=STATES,
        action=ACTIONS,
        reward=jnp.asarray(REWARD, jnp.float32)[STATES, ACTIONS],
        terminated=last,
        truncated=jnp.zeros(STATES.shape, bool),
        next_observation=next_state,
        action_mask=mask[STATES],
        next_action_mask=mask[next_state],
    )
    return transition, jnp.broadcast_to(probability, STATES.shape)


EXACT = {"gamma": 1.0, "network": SMALL}
CRITIC = {"gae_lambda": 1.0, "normalize_advantage": False, **EXACT}
GRADIENTS = {
    "REINFORCE": REINFORCE(normalize_returns=False, **EXACT),
    "REINFORCE with a baseline": REINFORCE(normalize_returns=False, baseline=True, vf_coef=0.0, **EXACT),
    "A2C": A2C(vf_coef=0.0, **CRITIC),
    "PPO": PPO(vf_coef=0.0, **CRITIC),
    # Where damping is all there is of the Fisher matrix, a step goes along the gradient.
    "TRPO": TRPO(cg_damping=1e4, **CRITIC),
}


def ascent(algorithm, network):
    """What the algorithm takes for the gradient of the expected return, or TRPO's step along it."""
    transition, weight = every_path(network)
    if isinstance(algorithm, TRPO):
        sample = algorithm.estimate(network, transition, ())
        moved, _ = algorithm.policy_step(replace(network, value_head=None), transition, sample, weight, ())
        return jax.tree.map(jnp.subtract, moved, replace(network, value_head=None))
    if isinstance(algorithm, PPO):
        given = (transition, algorithm.estimate(network, transition, ()), weight, (), NOW)
    elif isinstance(algorithm, A2C):
        given = (transition, weight, (), NOW)
    else:
        given = (transition, weight, ())
    gradient = jax.grad(lambda network: algorithm.loss(network, *given)[0])(network)
    # The loss is a mean over steps, of which each path has two.
    return jax.tree.map(lambda g: -2 * g, gradient)


@pytest.mark.parametrize("name", GRADIENTS)
def test_policy_gradient_is_that_of_the_expected_return(name):
    """Against finite differences of the exact return; and what is impossible has no gradient at all."""
    algorithm = GRADIENTS[name]
    network = state_of(algorithm, TWO_STEPS).network
    gradient = jax.jit(ascent)(algorithm, network)
    leaves, structure = jax.tree.flatten(replace(network, value_head=None))
    directions = [structure.unflatten([normal(*x.shape) for x in leaves]) for _ in range(4)]
    slopes = []
    for direction in directions:
        near = [
            expected_return(jax.tree.map(lambda x, d, h=h: x + h * d, structure.unflatten(leaves), direction))
            for h in (1e-2, -1e-2)
        ]
        slopes.append((near[0] - near[1]) / 2e-2)
    policy_part = replace(gradient, value_head=None)
    got = np.array([float(ravel_pytree(policy_part)[0] @ ravel_pytree(d)[0]) for d in directions])
    if name == "TRPO":  # its length is the constraint's
        got *= np.linalg.norm(slopes) / np.linalg.norm(got)
    np.testing.assert_allclose(got, slopes, rtol=0.02, atol=3e-3)
    assert np.linalg.norm(slopes) > 0.1
    assert gradient.policy_head.output.bias[2] == 0
    assert (np.asarray(gradient.policy_head.output.weight)[:, 2] == 0).all()


# REINFORCE


def test_reinforce_is_a_loop_over_episodes():
    """Episodes of several lengths, one cut by a limit: returns by hand, normalised over all of their steps."""
    lengths = [5, 2, 4]
    spec = EnvSpec("Test", Box(-1.0, 1.0, (2,)), Discrete(3), num_envs=3)
    algorithm = REINFORCE(gamma=0.8, network=SMALL)
    network = state_of(algorithm, spec).network
    ends = np.zeros((5, 3), bool)
    ends[[4, 1, 3], [0, 1, 2]] = True
    happened = np.arange(5)[:, None] < np.array(lengths)[None]
    transition = Transition(
        observation=normal(5, 3, 2),
        action=jnp.asarray(RNG.integers(0, 3, (5, 3)), jnp.int32),
        reward=normal(5, 3),
        terminated=jnp.asarray(ends).at[4, 0].set(False),
        truncated=jnp.zeros((5, 3), bool).at[4, 0].set(True),
        next_observation=normal(5, 3, 2),
    )

    @jax.jit
    def gradient_of_one(network, observation, action):
        def log_prob(network):
            policy, _ = network.policy(observation[None], None, ())
            return policy.log_prob(action[None])[0]

        return ravel_pytree(jax.grad(log_prob)(network))[0]

    returns, gradients = [], []
    for episode, length in enumerate(lengths):
        total, backwards = 0.0, []
        for t in reversed(range(length)):
            total = float(transition.reward[t, episode]) + 0.8 * total
            backwards.append(total)
        returns += backwards[::-1]
        for t in range(length):
            row = (transition.observation[t, episode], transition.action[t, episode])
            gradients.append(np.asarray(gradient_of_one(network, *row), np.float64))
    returns = np.array(returns)
    normalised = (returns - returns.mean()) / returns.std()
    expected = -np.mean([g * n for g, n in zip(gradients, normalised, strict=True)], axis=0)
    weight = jnp.asarray(happened, jnp.float32)
    got, _ = jax.jit(jax.grad(algorithm.loss, has_aux=True))(network, transition, weight, ())
    np.testing.assert_allclose(ravel_pytree(got)[0], expected, rtol=1e-3, atol=1e-5)


def test_reinforce_fits_its_baseline_to_returns_as_they_are():
    """Of an episode that a limit cut, the value of its last state stands for the rest; one that ended has none."""
    spec = EnvSpec("Test", Box(-1.0, 1.0, (2,)), Discrete(3), num_envs=2)
    algorithm = REINFORCE(gamma=0.8, baseline=True, network=SMALL)
    network, last = state_of(algorithm, spec).network, jnp.zeros((4, 2), bool).at[3].set(True)
    seen = normal(5, 2, 2)
    transition = Transition(
        observation=seen[:-1],
        action=jnp.asarray(RNG.integers(0, 3, (4, 2)), jnp.int32),
        reward=normal(4, 2),
        terminated=last.at[3, 1].set(False),
        truncated=last.at[3, 0].set(False),
        next_observation=seen[1:],
    )
    value = np.asarray(network.unroll(seen, None, (), jnp.zeros((5, 2), bool))[1], np.float64)
    total, errors = np.array([0.0, value[4, 1]]), []
    for t in reversed(range(4)):
        total = np.asarray(transition.reward[t], np.float64) + 0.8 * total
        errors.append((value[t] - total) ** 2)
    _, metrics = jax.jit(algorithm.loss)(network, transition, jnp.ones((4, 2)), ())
    np.testing.assert_allclose(metrics["train/value_loss"], np.mean(errors), rtol=1e-4)


# A2C and PPO


def test_a2c_is_ppo_with_one_pass_over_all_there_is():
    """At the policy that acted the ratio is 1 and unclipped, and its gradient that of the log-probability."""
    shared = {
        "learning_rate": 0.01,
        "n_steps": T,
        "gamma": 0.9,
        "gae_lambda": 0.8,
        "ent_coef": 0.05,
        "vf_coef": 0.3,
        "network": replace(SMALL, memory="lstm", memory_size=4),
    }
    a2c = A2C(use_rms_prop=False, normalize_advantage=True, **shared)
    ppo = PPO(n_epochs=1, batch_size=T * N, **shared)
    spec = EnvSpec("Test", Box(-1.0, 1.0, (2,)), Box(-1.0, 1.0, (2,)), num_envs=N)
    state = state_of(a2c, spec)
    terminated, truncated = RNG.random((2, T, N)) < 0.2
    transition = Transition(
        observation=normal(T, N, 2),
        action=normal(T, N, 2),
        reward=normal(T, N),
        terminated=jnp.asarray(terminated),
        truncated=jnp.asarray(truncated & ~terminated),
        next_observation=normal(T, N, 2),
    )
    carry = jax.tree.map(lambda x: normal(*x.shape), a2c.initial_carry(state, N))
    batch = Batch(transition, jnp.ones((T, N)).at[1, 2].set(0.0), carry)

    @jax.jit
    def both(state, batch, key):
        other = ppo.init(spec, key)
        other = eqx.tree_at(lambda s: (s.network, s.optimizer), other, (state.network, state.optimizer))
        return a2c.update(state, batch, key, NOW), ppo.update(other, batch, key, NOW)

    (one, metrics), (other, theirs) = both(state, batch, jax.random.key(0))
    for mine, its in zip(*(jax.tree.leaves(s.network) for s in (one, other)), strict=True):
        np.testing.assert_allclose(mine, its, atol=2e-5)
    assert any(
        (np.abs(np.asarray(a) - np.asarray(b)) > 1e-3).any()
        for a, b in zip(*(jax.tree.leaves(s.network) for s in (one, state)), strict=True)
    )
    for name in ("train/value_loss", "train/entropy_loss", "train/explained_variance"):
        for mine, its in zip(jax.tree.leaves(metrics[name]), jax.tree.leaves(theirs[name]), strict=True):
            np.testing.assert_allclose(mine, its, rtol=1e-4, atol=1e-5, err_msg=name)


# Randomness


@pytest.mark.parametrize(
    ("algorithm", "anew"),
    [
        (A2C(n_steps=4), range(1, 8)),
        (A2C(n_steps=4, use_sde=True, sde_sample_freq=2), (2, 4, 6)),
        (A2C(n_steps=5, use_sde=True, sde_sample_freq=2), (2, 4, 5, 7)),
        (A2C(n_steps=4, use_sde=True), (4,)),
        (REINFORCE(max_steps=4, use_sde=True), (4,)),
    ],
    ids=["every step", "two steps", "two steps of rollouts of five", "a rollout", "an episode"],
)
def test_policy_gradient_holds_state_dependent_noise(algorithm, anew):
    """For `sde_sample_freq` steps from the beginning of a rollout on, and not into the next one."""
    spec = EnvSpec("Test", Box(-1.0, 1.0, (2,)), Box(-1.0, 1.0, (2,)), num_envs=N)
    process, state, explored = algorithm.exploration, None, []
    for t in range(8):
        noise = algorithm.sample_noise(spec, jax.random.key(t))
        state = process.init(noise) if state is None else state
        if t % algorithm.experience.unroll_length == 0:
            state = process.next_rollout(state)
        used, state = process.step(state, noise, NOW)
        explored.append(np.asarray(jax.random.key_data(used) if algorithm.use_sde else used))
    for t in range(1, 8):
        same = (explored[t] == explored[t - 1]).all(-1)
        assert not same.any() if t in anew else same.all()
    assert len({tuple(row) for row in explored[0]}) == N


@pytest.mark.parametrize("kind", [REINFORCE, A2C, TRPO])
def test_policy_gradient_uses_no_key_twice(kind):
    sizes = {"batch_size": 4} if kind is TRPO else {}
    network = SMALL if kind is TRPO else replace(SMALL, dropout=0.1)
    algorithm = kind(network=network, **sizes)
    state, (transition, weight) = (
        state_of(algorithm, TWO_STEPS),
        every_path(state_of(A2C(), TWO_STEPS).network),
    )
    explorer = A2C(use_sde=True, network=SMALL)
    spec = EnvSpec("Test", Box(-1.0, 1.0, (2,)), Box(-1.0, 1.0, (2,)), num_envs=N)
    with jax.debug_key_reuse(True):
        for use in (
            lambda key: algorithm.init(TWO_STEPS, key),
            lambda key: algorithm.sample_noise(TWO_STEPS, key),
            lambda key: algorithm.update(state, Batch(transition, weight), key, NOW),
            lambda key: explorer.sample_noise(spec, key),
        ):
            jax.eval_shape(jax.jit(use), jax.random.key(0))


# What a wrong value is told


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: A2C(n_steps=0), "n_steps=0: must be at least 1"),
        (lambda: A2C(gamma=1.5), r"gamma=1.5: must be a number in \[0, 1\]"),
        (lambda: A2C(gae_lambda=-0.1), "gae_lambda=-0.1"),
        (lambda: A2C(sde_sample_freq=0), "sde_sample_freq=0: must be at least 1, or -1"),
        (lambda: REINFORCE(n_episodes=0), "n_episodes=0: must be at least 1"),
        (lambda: REINFORCE(max_steps=0), "max_steps=0: must be at least 1"),
        (lambda: TRPO(cg_max_steps=0), "cg_max_steps=0: must be at least 1"),
        (lambda: TRPO(target_kl=0.0), "target_kl=0.0: must be more than 0"),
        (lambda: TRPO(network=Network(dropout=0.5)), "network.dropout=0.5: must be 0"),
        (lambda: PPO(objective="plain"), "objective='plain': must be clip or kl"),
        (lambda: A2C(use_sde=True).check(TWO_STEPS), r"use_sde=True: .*Two steps has Discrete\(3\)"),
        (
            lambda: TRPO(n_steps=8).check(TWO_STEPS),
            r"batch_size=128: n_steps=8 × num_envs=3 gives 24 samples",
        ),
    ],
)
def test_policy_gradient_refuses_wrong_hyperparameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()
