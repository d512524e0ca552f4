"""What DQN's updates converge to on random models of five states: Q*, whatever is learnt of the return."""

from __future__ import annotations

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
        q = learn(batch, jax.random.key(seed))
        np.testing.assert_allclose(q, optimal(transition, reward), atol=0.03)
