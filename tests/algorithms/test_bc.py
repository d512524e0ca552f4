"""Behaviour cloning: its loss, where it converges to, and every action space with masks and memory."""

# pyright: reportOptionalMemberAccess=false, reportArgumentType=false

from __future__ import annotations

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant import spaces
from operant.agent import Agent
from operant.algorithms.imitation.bc import BC
from operant.engine.demonstrations import from_arrays, from_steps
from operant.networks import Network
from operant.types import Batch, Clock, EnvSpec, Transition

LINEAR = Network(hidden_sizes=())
CLOCK = Clock(jnp.int32(1), jnp.int32(10))
TWO_STATES = np.eye(2, dtype=np.float32)


def steps(observation, action) -> Transition:
    nothing = np.zeros(np.shape(action)[: np.ndim(observation) - 1], bool)
    return Transition(observation, action, nothing.astype(np.float32), nothing, nothing, None)


def test_bc_loss_is_the_cross_entropy_of_two_states():
    """With logits (0, log 3) in state 0 and (log 4, 0) in state 1: π(1|0) = 3/4, π(0|1) = 4/5."""
    made = BC(network=LINEAR, ent_coef=0.1)
    state = made.init(EnvSpec("two", spaces.Box(0.0, 1.0, (2,)), spaces.Discrete(2)), jax.random.key(0))
    state = eqx.tree_at(
        lambda s: s.network.policy_head.output.weight,
        state,
        jnp.array([[0.0, np.log(3)], [np.log(4), 0.0]]),
    )
    recorded = steps(TWO_STATES[np.array([0, 0, 1, 0])], np.array([1, 0, 0, 0]))
    batch = Batch(recorded, jnp.array([1.0, 1.0, 1.0, 0.0]))  # the last one only fills it up
    loss, metrics = made.loss(state, batch, CLOCK)
    cross_entropy = -(np.log(3 / 4) + np.log(1 / 4) + np.log(4 / 5)) / 3
    entropies = [-(p * np.log(p) + (1 - p) * np.log(1 - p)) for p in (3 / 4, 3 / 4, 4 / 5)]
    assert metrics["train/neglogp"] == pytest.approx(cross_entropy, rel=1e-5)
    assert metrics["train/entropy_loss"] == pytest.approx(-np.mean(entropies), rel=1e-5)
    assert metrics["train/prob_true_act"] == pytest.approx((3 / 4 + 1 / 4 + 4 / 5) / 3, rel=1e-5)
    assert loss == pytest.approx(cross_entropy - 0.1 * np.mean(entropies), rel=1e-5)
    assert made.validation(state, batch)["validation/loss"] == pytest.approx(cross_entropy, rel=1e-5)


def test_bc_learns_the_empirical_distribution_of_a_tabular_dataset():
    """Of each state's actions: 1/5 and 4/5, 3/4 and 1/4."""
    observation = TWO_STATES[[0] * 5 + [1] * 4]
    data = {"observations": observation, "actions": np.array([0, 1, 1, 1, 1, 0, 0, 0, 1])}
    made = Agent(BC(learning_rate=0.05, batch_size=9, network=LINEAR, max_grad_norm=10.0), dataset=data)
    made.learn(600, progress_bar=False)
    policy, _ = made.state.network.policy(jnp.asarray(TWO_STATES), None, ())
    np.testing.assert_allclose(np.exp(policy.log_probabilities), [[0.2, 0.8], [0.75, 0.25]], atol=2e-3)


def test_bc_learns_the_mean_and_the_deviation_of_a_box():
    rng = np.random.default_rng(0)
    action = (rng.normal(size=(500, 1)) * 0.3 + 0.5).astype(np.float32)
    data = {"observations": np.ones((500, 1), np.float32), "actions": action}
    made = Agent(BC(learning_rate=0.03, batch_size=500, network=LINEAR, max_grad_norm=10.0), dataset=data)
    made.learn(500, progress_bar=False)
    policy, _ = made.state.network.policy(jnp.ones((1, 1)), None, ())
    assert policy.mode()[0, 0] == pytest.approx(action.mean(), abs=2e-3)
    assert jnp.exp(policy.log_std)[0, 0] == pytest.approx(action.std(), rel=2e-2)
    assert made.history[-1]["train/std"] == pytest.approx(action.std(), rel=2e-2)


ACTIONS = {
    "Discrete": (spaces.Discrete(3), lambda sign: np.where(sign, 2, 0)),
    "MultiDiscrete": (spaces.MultiDiscrete((2, 3)), lambda sign: np.stack([1 - sign, 2 * sign], -1)),
    "MultiBinary": (spaces.MultiBinary(2), lambda sign: np.stack([sign, 1 - sign], -1)),
    "Box": (spaces.Box(-2.0, 4.0, (2,)), lambda sign: np.stack([3.0 * sign, 1.0 - 2 * sign], -1)),
}


@pytest.mark.parametrize(
    ("kind", "memory"),
    [*((kind, "gru") for kind in ACTIONS), ("MultiDiscrete", "none"), ("MultiBinary", "none")],
)
def test_bc_learns_every_action_space(kind, memory):
    """What the observation of the first step of an episode shows; with a memory, of all of its steps."""
    space, act = ACTIONS[kind]
    rng = np.random.default_rng(0)
    sign = rng.integers(0, 2, 64)
    shown = np.stack([2.0 * sign - 1, np.ones(64)], -1).astype(np.float32)
    observation = np.stack([shown, np.zeros_like(shown), np.zeros_like(shown)], 1)
    if memory == "none":
        observation = np.repeat(shown[:, None], 3, 1)
    spec = EnvSpec("signs", spaces.Box(-1.0, 1.0, (2,)), space)
    ends = np.tile([False, False, True], 64)
    recorded = Transition(
        observation.reshape(-1, 2),
        np.repeat(act(sign), 3, 0),
        np.zeros(192, np.float32),
        ends,
        ~ends & ends,
        None,
    )
    network = Network(hidden_sizes=(8,), memory=memory, memory_size=8)
    made = BC(learning_rate=0.02, batch_size=96, sequence_length=8, network=network)
    agent = Agent(made, dataset=from_steps("signs", recorded, spec))
    agent.learn(300, progress_bar=False)
    carry, first = made.initial_carry(agent.state, 2), jnp.array([[-1.0, 1.0], [1.0, 1.0]])
    for t in range(3):
        seen = first if memory == "none" or t == 0 else jnp.zeros((2, 2))
        action, carry, _ = made.act(agent.state, seen, None, carry, None, CLOCK, explore=False)
        np.testing.assert_allclose(action, act(np.array([0, 1])), atol=0.35 if kind == "Box" else 0)


def test_bc_loss_begins_with_an_empty_memory_where_an_episode_began():
    """A sequence across two episodes is learnt from as the two of them are alone."""
    made = BC(network=Network(hidden_sizes=(4,), memory="gru", memory_size=4), batch_size=32)
    spec = EnvSpec("two", spaces.Box(-1.0, 1.0, (2,)), spaces.Discrete(3))
    state = made.init(spec, jax.random.key(0))
    rng = np.random.default_rng(0)
    both = steps(rng.normal(size=(7, 1, 2)).astype(np.float32), rng.integers(0, 3, (7, 1)))
    both = replace(both, truncated=np.arange(7)[:, None] == 2)

    def loss(recorded: Transition) -> float:
        weight = jnp.ones(recorded.reward.shape)
        return made.loss(state, Batch(recorded, weight, made.initial_carry(state, 1)), CLOCK)[0].item()

    first, second = (jax.tree.map(lambda x, part=part: x[part], both) for part in (slice(3), slice(3, 7)))
    assert loss(both) == pytest.approx((3 * loss(first) + 4 * loss(second)) / 7, rel=1e-5)
    assert loss(both) != pytest.approx(loss(replace(both, truncated=both.terminated)), rel=1e-4)


def test_bc_gives_no_probability_to_what_is_masked():
    data = {
        "observations": np.ones((6, 1), np.float32),
        "actions": np.array([0, 1, 0, 1, 0, 1]),
        "action_masks": np.array([[True, True, False]] * 6),
    }
    spec = EnvSpec("masked", spaces.Box(0.0, 1.0, (1,)), spaces.Discrete(3), masked=True)
    agent = Agent(BC(learning_rate=0.0, network=LINEAR), dataset=from_arrays("masked", data, spec))
    agent.learn(1, progress_bar=False)
    assert agent.history[-1]["train/prob_true_act"] == pytest.approx(1 / 2, abs=1e-2)  # 1/3 without the mask


def test_bc_advises_and_refuses():
    with pytest.raises(ValueError, match=r"batch_size=16: must be at least sequence_length=32"):
        BC(batch_size=16, network=Network(memory="lstm"))
    with pytest.raises(ValueError, match=r"validation_fraction=1\.0"):
        BC(validation_fraction=1.0)
    with pytest.raises(ValueError, match="BC has no separate value function"):
        BC(network=Network(value_hidden_sizes=(8,)))
