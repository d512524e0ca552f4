"""What DQN's updates converge to on random models of five states: Q*, whatever is learnt of the return."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from operant.algorithms.value.dqn import DQN
from operant.networks import Network
from operant.ops.schedules import Linear
from operant.spaces import Discrete
from operant.types import Batch, Clock, EnvSpec, Transition

STATES, ACTIONS, GAMMA, UPDATES = 5, 3, 0.7, 3_000
SPEC = EnvSpec("Random", Discrete(STATES), Discrete(ACTIONS))


def model(seed: int, deterministic: bool) -> tuple[np.ndarray, np.ndarray]:
    """`P[s, a, s']`, the last s' being the end, and `R[s, a]`."""
    rng = np.random.default_rng(seed)
    transition = rng.dirichlet(np.full(STATES + 1, 0.4), (STATES, ACTIONS))
    if deterministic:
        transition = np.eye(STATES + 1)[transition.argmax(-1)]
    return transition, rng.uniform(-1, 1, (STATES, ACTIONS))


def optimal(transition: np.ndarray, reward: np.ndarray) -> np.ndarray:
    q = np.zeros((STATES, ACTIONS))
    for _ in range(200):
        q = reward + GAMMA * transition @ np.append(q.max(-1), 0.0)
    return q


def soft(transition: np.ndarray, reward: np.ndarray, alpha: float, temperature: float) -> np.ndarray:
    """What Munchausen's targets have for their fixed point, in closed form.

    With π = softmax(q/τ) and V = τ log Σ exp(q/τ), τ log π(a|s) is q − V, and q = r + α (q − V) + γ E[V′]. So V is the
    soft value of the temperature (1 − α) τ, as their theorem 1 has it, and q = (r + γ E[V′] − α V) / (1 − α).
    """
    cold, value = (1 - alpha) * temperature, np.zeros(STATES + 1)
    for _ in range(200):
        backed_up = reward + GAMMA * transition @ value
        most = backed_up.max(-1)
        value = np.append(most + cold * np.log(np.exp((backed_up - most[:, None]) / cold).sum(-1)), 0.0)
    return (backed_up - alpha * value[:-1, None]) / (1 - alpha)


def everything(transition: np.ndarray, reward: np.ndarray) -> Batch:
    """Each step that can happen, weighed by its probability: the loss is then the expected one, without noise."""
    state, action, next_state = np.nonzero(transition)
    ends = next_state == STATES
    return Batch(
        Transition(
            observation=jnp.asarray(state, jnp.int32),
            action=jnp.asarray(action, jnp.int32),
            reward=jnp.asarray(reward[state, action], jnp.float32),
            terminated=jnp.asarray(ends),
            truncated=jnp.zeros(len(ends), bool),
            next_observation=jnp.asarray(np.where(ends, 0, next_state), jnp.int32),
        ),
        jnp.asarray(transition[state, action, next_state], jnp.float32),
    )


CASES = {
    "double dueling": ({"loss_function": "mse", "double": True, "dueling": "max"}, False),
    "rmsprop": ({"loss_function": "mse", "optimizer": "rmsprop", "optimizer_eps": 1e-4}, False),
    "categorical": ({"distributional": "categorical", "n_atoms": 41, "v_min": -3.5, "v_max": 3.5}, False),
    "quantile": ({"distributional": "quantile", "n_quantiles": 7, "double": True}, True),
    "implicit": (
        {
            "distributional": "implicit",
            "n_quantiles": 6,
            "n_target_quantiles": 6,
            "n_policy_quantiles": 8,
            "n_cosines": 8,
        },
        True,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_dqn_has_the_optimal_value_for_its_fixed_point(name):
    values, deterministic = CASES[name]
    for transition, reward, q in learnt(values, deterministic):
        np.testing.assert_allclose(q, optimal(transition, reward), atol=0.03)


def test_munchausen_dqn_has_a_softer_value_for_its_fixed_point_and_larger_gaps_between_actions():
    """Catches an entropy of another temperature, and a log-policy of another state or action."""
    alpha, temperature = 0.5, 0.4
    values = {
        "loss_function": "mse",
        "munchausen": True,
        "munchausen_alpha": alpha,
        "munchausen_temperature": temperature,
        "munchausen_clip": -100.0,
    }
    for transition, reward, q in learnt(values, False):
        expected = soft(transition, reward, alpha, temperature)
        assert np.abs(expected - optimal(transition, reward)).max() > 0.3
        np.testing.assert_allclose(q, expected, atol=0.03)


def learnt(values: dict, deterministic: bool) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """`(P, R, Q)` of two models."""
    size = () if values.get("distributional") != "implicit" else (16, 16)
    algorithm = DQN(
        gamma=GAMMA,
        learning_rate=Linear(0.03, 0.0),
        target_update_interval=30,
        network=Network(hidden_sizes=size, activation="relu", initialization="uniform"),
        **values,
    )

    @jax.jit
    def learn(batch: Batch, key: jax.Array) -> jax.Array:
        def one(step, state):
            clock = Clock(step, jnp.asarray(UPDATES, jnp.int32))
            return algorithm.update(state, batch, jax.random.fold_in(key, step), clock)[0]

        state = jax.lax.fori_loop(0, UPDATES, one, algorithm.init(SPEC, key))
        features, _ = state.network.features(jnp.arange(STATES), ())
        return algorithm.q_values(state.network, features)

    for seed in range(2):
        transition, reward = model(seed, deterministic)
        batch = everything(transition, reward)
        padding = STATES * ACTIONS * (STATES + 1) - len(batch.weight)  # one shape for all models
        batch = jax.tree.map(lambda x, n=padding: jnp.pad(x, (0, n)), batch)
        yield transition, reward, np.asarray(learn(batch, jax.random.key(seed)))
