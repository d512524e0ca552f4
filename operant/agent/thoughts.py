"""What a policy thinks of observations: how likely it acts in which way, and what it expects to be paid.

Questions to a `Policy`, over a batch of observations in operant's own terms.
"""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant import curiosity
from operant.algorithms.base import Algorithm
from operant.distributions import Distribution, draw
from operant.engine.policy import Policy
from operant.envs.border import Border
from operant.envs.gymnasium_spaces import observation_to_jax
from operant.ops.seeds import key_of
from operant.spaces import Space
from operant.types import EnvSpec, PyTree


def distribution(policy: Policy, observation: PyTree, action_mask: PyTree) -> Distribution:
    """The distribution over actions, `[M]`. Raises ValueError where there is none."""
    if not hasattr(_learnt(policy), "network") or not hasattr(_learnt(policy).network, "policy"):
        raise _refusal(
            policy, "a stochastic policy to give the distribution of", "PPO, A2C, TRPO and REINFORCE"
        )
    return policy.ask(_distribution, observation, action_mask)


def value(policy: Policy, observation: PyTree, action_mask: PyTree = None) -> np.ndarray:
    """V(s), `[M]`. Raises ValueError where no value function is learnt."""
    if getattr(getattr(_learnt(policy), "network", None), "value_head", None) is None:
        raise _refusal(policy, "a value function", "PPO, A2C, TRPO and REINFORCE(baseline=True)")
    return np.asarray(policy.ask(_value, observation))


def q_values(policy: Policy, observation: PyTree, action_mask: PyTree = None) -> np.ndarray:
    """Q(s, ·), `[M, A]`. Raises ValueError where none are learnt."""
    algorithm, _ = curiosity.parts(policy.algorithm)
    if hasattr(algorithm, "values") and hasattr(_learnt(policy), "network"):
        return np.asarray(policy.ask(_network_q_values, observation))
    if hasattr(_learnt(policy), "q_values") and hasattr(_learnt(policy), "space"):
        return np.asarray(policy.ask(_table_q_values, observation))
    raise _refusal(policy, "Q-values", "DQN, Rainbow, QRDQN, IQN and the tables")


class ActionDistribution:
    """The policy at one observation, or at each of a batch; actions are as `env.step` takes them."""

    def __init__(self, policy: Distribution, border: Border, space: Space, batched: bool, seed: int) -> None:
        self._policy, self._border, self._space = policy, border, space
        self._batched, self._seed, self._calls = batched, seed, itertools.count()

    def mode(self) -> Any:
        """The likeliest action."""
        return self._border.action_out(np.asarray(self._policy.mode()), self._batched)

    def sample(self) -> Any:
        """An action by its probability, another one at every call; of a Box inside its bounds."""
        key = jax.random.fold_in(key_of(self._seed), next(self._calls))
        count = jax.tree.leaves(self._policy)[0].shape[0]
        noise = draw(self._space, key, (count,))
        return self._border.action_out(np.asarray(self._policy.sample(noise)), self._batched)

    def log_prob(self, action: Any) -> np.ndarray:
        """Log-probability of an action, or of one for each observation; of a Box the log-density. In nats."""
        actions = observation_to_jax(self._border.action_space, action)
        actions = actions if self._batched else jnp.asarray(actions)[None]
        return self._numbers(self._policy.log_prob(jnp.asarray(actions)))

    def entropy(self) -> np.ndarray:
        """In nats."""
        return self._numbers(self._policy.entropy())

    def _numbers(self, values: jax.Array) -> np.ndarray:
        return np.asarray(values) if self._batched else np.asarray(values)[0]

    def __repr__(self) -> str:
        return f"<{type(self._policy).__name__} over {self._border.action_space}>"


def _learnt(policy: Policy) -> PyTree:
    """The state of the algorithm itself, without that of a curiosity around it."""
    _, curious = curiosity.parts(policy.algorithm)
    return policy.state if curious is None else policy.state.learner


def _refusal(policy: Policy, what: str, others: str) -> ValueError:
    return ValueError(f"{policy.algorithm.name} learns no such thing as {what}; {others} do.")


def _inside(algorithm: Algorithm, state: PyTree) -> tuple[Any, PyTree]:
    inner, curious = curiosity.parts(algorithm)
    return inner, state if curious is None else state.learner


def _distribution(
    algorithm: Algorithm,
    spec: EnvSpec,
    state: PyTree,
    observation: PyTree,
    action_mask: PyTree,
    carry: PyTree,
) -> Distribution:
    _, state = _inside(algorithm, state)
    return state.network.policy(state.normalizer.observations(observation), action_mask, carry)[0].marginal


def _value(
    algorithm: Algorithm, spec: EnvSpec, state: PyTree, observation: PyTree, carry: PyTree
) -> jax.Array:
    _, state = _inside(algorithm, state)
    seen = jax.tree.map(lambda x: x[None], state.normalizer.observations(observation))
    _, value = state.network.unroll(seen, None, carry, jnp.zeros((1, spec.num_envs), bool))
    return value[0]


def _network_q_values(
    algorithm: Algorithm, spec: EnvSpec, state: PyTree, observation: PyTree, carry: PyTree
) -> jax.Array:
    inner, state = _inside(algorithm, state)
    features, _ = state.network.features(state.normalizer.observations(observation), carry)
    return inner.values(state.network, features)


def _table_q_values(
    algorithm: Algorithm, spec: EnvSpec, state: PyTree, observation: PyTree, carry: PyTree
) -> jax.Array:
    from operant.algorithms.tabular.table import state_number

    _, state = _inside(algorithm, state)
    return state.q_values[state_number(state.space, observation)]
