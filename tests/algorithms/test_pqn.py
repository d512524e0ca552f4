"""PQN against loops over samples, and what it learns on the probe environments."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_probes_learned import Highest

import operant
from operant.agent import Agent
from operant.algorithms.value.pqn import PQN, PQNState
from operant.envs import probes
from operant.networks import Network
from operant.ops.normalization import Normalizer
from operant.ops.schedules import Linear, Step
from operant.spaces import Box, Discrete
from operant.types import Batch, EnvSpec, Transition
from tests.shared import clock, normals

RNG = np.random.default_rng(0)
normal = normals(RNG)
T, N, A = 5, 4, 3
SPEC = EnvSpec("Test", Box(-1.0, 1.0, (2,)), Discrete(A), num_envs=N)
SMALL = Network(hidden_sizes=(8,), activation="relu", layer_norm=True, initialization="uniform")
GRU = replace(SMALL, memory="gru", memory_size=4)
NOW = clock(30)


def algorithm(**values) -> PQN:
    return PQN(
        **({"n_steps": T, "batch_size": T * N, "gamma": 0.9, "q_lambda": 0.7, "network": SMALL} | values)
    )


def state_of(learner: PQN) -> PQNState:
    shapes = jax.eval_shape(lambda key: learner.init(SPEC, key), jax.random.key(0))
    network = jax.tree.map(lambda x: normal(*x.shape, scale=0.5), shapes.network)
    return PQNState(
        network,
        learner._optimizer(0.0).init(network),
        Normalizer.build(SPEC, observations=False, rewards=False),
    )


def rollout() -> Transition:
    """Steps one after another, with every kind of end, masks, and discounts of the environment's own."""
    terminated, truncated = RNG.random((2, T, N)) < 0.25
    masks = RNG.random((2, T, N, A)) < 0.6
    masks[..., 0] = True
    masks[1, 2, 1] = False  # nothing is possible after that step
    return Transition(
        observation=normal(T, N, 2),
        action=jnp.asarray(RNG.integers(0, A, (T, N)), jnp.int32),
        reward=normal(T, N),
        terminated=jnp.asarray(terminated),
        truncated=jnp.asarray(truncated & ~terminated),
        next_observation=normal(T, N, 2),
        action_mask=jnp.asarray(masks[0]),
        next_action_mask=jnp.asarray(masks[1]),
        discount=jnp.asarray(RNG.choice([0.0, 0.5, 1.0], (T, N)), jnp.float32),
    )


def by_steps(network, step: Transition, carry) -> tuple[np.ndarray, np.ndarray]:
    """Q `[T, N, A]` of observations and of true successors, one step after another."""
    q, next_q = [], []
    fresh = network.initial_carry(N)
    for t in range(T):
        features, carry = network.features(step.observation[t], carry)
        q.append(network.head(features)[..., 0])
        next_q.append(network.head(network.features(step.next_observation[t], carry)[0])[..., 0])
        done = step.done[t][:, None]
        carry = jax.tree.map(lambda now, new, done=done: jnp.where(done, new, now), carry, fresh)
    return np.asarray(q, np.float64), np.asarray(next_q, np.float64)


def targets_by_hand(step: Transition, next_q: np.ndarray) -> np.ndarray:
    """G of each step, from the last row backwards, in float64."""
    mask = np.asarray(step.next_action_mask)
    target = np.zeros((T, N))
    for n in range(N):
        for t in reversed(range(T)):
            after = 0.0
            if not step.terminated[t, n] and mask[t, n].any():
                after = next_q[t, n][mask[t, n]].max()
                if t + 1 < T and not step.truncated[t, n]:
                    after = 0.3 * after + 0.7 * target[t + 1, n]
            target[t, n] = float(step.reward[t, n]) + 0.9 * float(step.discount[t, n]) * after
    return target


@pytest.mark.parametrize("network", [SMALL, GRU], ids=["feed-forward", "memory"])
def test_pqn_targets_and_loss_are_those_of_a_loop_over_samples(network):
    learner = algorithm(network=network)
    theta, step = state_of(learner).network, rollout()
    carry = jax.tree.map(lambda x: normal(*x.shape), theta.initial_carry(N))
    weight = jnp.ones((T, N)).at[1, 2].set(0.0)
    target = jax.jit(learner.targets)(theta, step, carry)
    loss, metrics = jax.jit(learner.loss)(theta, step, target, weight, carry)

    q, next_q = by_steps(theta, step, carry)
    expected = targets_by_hand(step, next_q)
    np.testing.assert_allclose(target, expected, rtol=1e-4, atol=1e-5)
    taken = np.take_along_axis(q, np.asarray(step.action)[..., None], -1)[..., 0]
    counts = np.asarray(weight) > 0
    assert float(loss) == pytest.approx(0.5 * np.mean(np.square(expected - taken)[counts]), rel=1e-4)
    assert float(metrics["train/q_value"]) == pytest.approx(taken[counts].mean(), rel=1e-4)


def test_pqn_update_follows_one_rollouts_targets_for_all_its_epochs():
    """Gradient descent over three epochs of the whole rollout: targets are those of the network that acted."""
    learner = algorithm(n_epochs=3, optimizer="sgd", learning_rate=0.1, max_grad_norm=None)
    state, step = state_of(learner), rollout()
    weight = jnp.ones((T, N))
    got, metrics = jax.jit(learner.update)(state, Batch(step, weight), jax.random.key(0), NOW)
    target = learner.targets(state.network, step, ())
    network = state.network
    for _ in range(3):
        gradient = jax.grad(lambda n: learner.loss(n, step, target, weight, ())[0])(network)
        network = jax.tree.map(lambda x, g: x - 0.1 * g, network, gradient)
    for mine, its in zip(*map(jax.tree.leaves, (network, got.network)), strict=True):
        np.testing.assert_allclose(its, mine, rtol=1e-4, atol=1e-6)
    assert metrics["train/n_updates"] == 3
    assert metrics["rollout/exploration_rate"] == pytest.approx(0.001)


def test_pqn_explores_each_environment_by_itself_with_a_falling_epsilon():
    count = 4000
    learner = algorithm(exploration_fraction=0.5, exploration_final_eps=0.2)
    spec = replace(SPEC, num_envs=count)
    state, seen = state_of(learner), jnp.zeros((count, 2))
    best, _, _ = learner.act(state, seen, None, (), None, NOW, explore=False)
    for step, epsilon in ((0, 1.0), (25, 0.6), (80, 0.2)):
        noise = learner.sample_noise(spec, jax.random.key(step))
        action, _, _ = learner.act(state, seen, None, (), noise, clock(step), explore=True)
        others = np.mean(np.asarray(action != best))
        assert others == pytest.approx(epsilon * (1 - 1 / A), abs=0.04)


def test_epsilon_may_change_again_after_it_has_fallen():
    learner = algorithm(exploration_fraction=0.5, exploration_final_eps=Step(0.2, 0.0, 0.6))
    found = [float(learner.epsilon(clock(step))) for step in (0, 25, 55, 80)]
    np.testing.assert_allclose(found, [1.0, 0.6, 0.2, 0.0], atol=1e-6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"q_lambda": 1.5}, "q_lambda=1.5"),
        ({"n_epochs": 0}, "n_epochs=0"),
        ({"batch_size": T * N + 1}, "batch_size=21: must be at most n_steps=5 × num_envs=4 = 20"),
        ({"network": Network(value_hidden_sizes=(4,))}, "PQN has no separate value function"),
    ],
)
def test_pqn_refuses_what_it_cannot_learn_with(values, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        algorithm(**values).check(SPEC)


def test_pqn_advises_layer_normalisation_and_whole_epochs():
    assert algorithm().advice(SPEC) == []
    (said,) = algorithm(network=replace(SMALL, layer_norm=False)).advice(SPEC)
    assert said.startswith("network.layer_norm=False")
    (said,) = algorithm(batch_size=7).advice(SPEC)
    assert "6 samples" in said
    assert algorithm(network=Network(architecture="simba", hidden_sizes=(8, 8))).advice(SPEC) == []


# What it learns


def learnt(environment, steps=16_000, observers=(), **values) -> Agent:
    defaults = {
        "n_steps": 8,
        "batch_size": 32,
        "gamma": 0.9,
        "learning_rate": Linear(1e-2, 0.0),
        "exploration_fraction": 0.8,
        "exploration_final_eps": 0.2,
        "network": replace(SMALL, hidden_sizes=(16,)),
    }
    agent = Agent(PQN(**(defaults | values)), environment, num_envs=16)
    return agent.learn(steps, progress_bar=False, observers=observers)


def test_pqn_tells_observations_and_actions_apart():
    agent = learnt(probes.ObservationActionReward(actions=Discrete(3)), 32_000)
    sides = np.array([[-1.0], [1.0]], np.float32)
    np.testing.assert_allclose(agent.q_values(sides), [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], atol=0.1)
    np.testing.assert_array_equal(agent.predict(sides), [0, 2])


def test_pqn_bootstraps_a_truncated_episode_from_its_true_successor():
    agent = learnt(probes.TwoStates(), 64_000)
    q = agent.q_values(np.array([0, 1], np.int32))  # Q(B) = 6.90 from the reset observation, 1.82 if cut
    np.testing.assert_allclose(q, [[9.0, 9.0], [10.0, 10.0]], atol=0.3)


def test_pqn_never_takes_a_forbidden_action():
    seen = Highest()
    agent = learnt(probes.Masked(), 16_000, observers=[seen])
    assert seen.reward == 1.0  # a forbidden action pays 10
    q = agent.q_values(np.array([0, 1], np.int32))
    np.testing.assert_allclose([q[0, 1], q[1, 1], q[1, 2]], [1.9, 0.0, 1.0], atol=0.1)
    assert agent.evaluate(20).mean == 2.0


def remembered(memory: str) -> float:
    agent = learnt(
        probes.Memory(delay=3),
        80_000,
        n_steps=24,
        batch_size=96,
        q_lambda=0.9,
        gamma=0.99,
        network=Network(
            hidden_sizes=(16,), activation="relu", layer_norm=True, memory=memory, memory_size=16
        ),
    )
    return agent.evaluate(100).mean


def test_pqn_with_memory_remembers_three_steps():
    assert remembered("gru") > 0.95


def test_pqn_without_memory_cannot_remember():
    assert remembered("none") < 0.7


def test_pqn_is_curious_reads_composite_observations_and_learns_seeds_together():
    agent = operant.PQN(
        probes.Senses(size=3, actions=Discrete(2)),
        seeds=2,
        num_envs=4,
        n_steps=4,
        batch_size=8,
        curiosity={"name": "rnd", "network": {"hidden_sizes": (8,), "convolutions": ()}},
        normalize_rewards=True,
        network={"hidden_sizes": (8,), "convolutions": (), "layer_norm": True},
    ).learn(64, progress_bar=False)
    row = agent.history[-1]
    for name in ("train/loss", "rollout/intrinsic_reward"):
        assert np.isfinite(row[name]).all()
        assert len(set(np.asarray(row[name]).tolist())) == 2
