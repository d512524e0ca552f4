"""What a policy thinks of observations: how likely it acts in which way, and what it expects to be paid.

Questions to a `Policy`, over a batch of observations in operant's own terms.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm, Estimates, ReturnDistribution
from operant.distributions import Distribution, sample_noise
from operant.engine.policy import Policy
from operant.envs.border import Border
from operant.envs.gymnasium_spaces import observation_to_jax
from operant.ops.seeds import key_of
from operant.spaces import Discrete, Space, example
from operant.studio.estimates import Estimates as Thought
from operant.types import EnvSpec, PyTree


def distribution(policy: Policy, observation: PyTree, action_mask: PyTree) -> Distribution:
    """The distribution over actions, `[M]`. Raises ValueError where there is none."""
    known = policy.ask(_estimates, observation, action_mask).distribution
    if known is None:
        raise _refusal(
            policy,
            "a stochastic policy to give the distribution of",
            "SAC, PPO, A2C, IMPALA, TRPO and REINFORCE",
        )
    return known.marginal


def value(policy: Policy, observation: PyTree, action_mask: PyTree = None) -> np.ndarray:
    """V(s), `[M]`. Raises ValueError where no value function is learnt."""
    known = policy.ask(_estimates, observation, action_mask)
    if known.value is None or known.q_values is not None:
        raise _refusal(policy, "a value function", "PPO, A2C, IMPALA, TRPO and REINFORCE(baseline=True)")
    return np.asarray(known.value)


def q_values(policy: Policy, observation: PyTree, action_mask: PyTree = None) -> np.ndarray:
    """Q(s, ·), `[M, A]`. Raises ValueError where none are learnt."""
    known = policy.ask(_estimates, observation, action_mask).q_values
    if known is None:
        raise _refusal(policy, "Q-values", "DQN, Rainbow, QRDQN, IQN, PQN and the tables")
    return np.asarray(known)


def action_returns(policy: Policy, observation: PyTree, action: PyTree) -> ReturnDistribution:
    """What critics say of actions `[M, *shape]` in one observation `[1, …]`.

    Raises ValueError where none are learnt.
    """
    count = len(action)
    repeated = jax.tree.map(lambda x: np.repeat(np.asarray(x), count, 0), observation)
    known = policy.ask(_action_returns, repeated, action)
    if known is None:
        raise _refusal(policy, "a critic of actions", "SAC, TQC, TD3, DDPG, DQN, QR-DQN, IQN and the tables")
    return known


def knows_action_returns(policy: Policy) -> bool:
    """Whether `action_returns` has an answer."""
    algorithm, state = policy.algorithm, policy.state
    seen, action = example(policy.spec.observation_space, (1,)), example(policy.spec.action_space, (1,))
    carry = jax.eval_shape(lambda state: algorithm.initial_carry(state, 1), state)
    return jax.eval_shape(algorithm.action_returns, state, seen, action, carry) is not None


def expectation(
    policy: Policy, observation: PyTree, action_mask: PyTree, action: np.ndarray
) -> np.ndarray | None:
    """The return `[M]` that is expected in each of M observations: V, the largest Q, or where neither is learnt the
    mean of the critics for these actions `[M, *shape]`. None where nothing is learnt of it.
    """
    value = policy.ask(_estimates, observation, action_mask).value
    if value is None:
        known = policy.ask(_action_returns, observation, action)
        if known is None:
            return None
        value = jnp.mean(jnp.sum(known.values * known.probabilities, -1), 0)
    return np.asarray(value, np.float64)


def density(policy: Policy, observation: PyTree, action: np.ndarray) -> np.ndarray | None:
    """The density `[M]` of actions `[M, *shape]` of a Box in one observation `[1, …]`; None where there is none."""
    repeated = jax.tree.map(lambda x: np.repeat(np.asarray(x), len(action), 0), observation)
    known = policy.ask(_density, repeated, action)
    return None if known is None else np.asarray(known)


def estimates(policy: Policy, observation: PyTree, action_mask: PyTree, carry: PyTree) -> Thought:
    """What a policy with this memory `[1, …]` (None: at the start of an episode) thinks of one state."""
    one = jax.tree.map(lambda x: np.asarray(x)[None], (observation, action_mask))
    value, q_values, likely = jax.tree.map(np.asarray, policy.ask(_thought, *one, carry))
    if q_values is not None:
        return Thought(float(q_values.max()), q_values[0], q_values=True)
    return Thought(None if value is None else float(value[0]), None if likely is None else likely[0])


def has_estimates(policy: Policy) -> bool:
    """Whether `estimates` knows anything."""
    algorithm, state, spec = policy.algorithm, policy.state, replace(policy.spec, num_envs=1)

    def asked(state: PyTree) -> PyTree:
        carry = algorithm.initial_carry(state, 1)
        return _thought(algorithm, spec, state, example(spec.observation_space, (1,)), None, None, carry)

    return bool(jax.tree.leaves(jax.eval_shape(asked, state)))


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
        noise = sample_noise(self._space, key, (count,))
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


def _refusal(policy: Policy, what: str, others: str) -> ValueError:
    return ValueError(f"{policy.algorithm.name} learns no such thing as {what}; {others} do.")


def _estimates(
    algorithm: Algorithm,
    spec: EnvSpec,
    state: PyTree,
    observation: PyTree,
    action_mask: PyTree,
    carry: PyTree,
) -> Estimates:
    return algorithm.estimates(state, observation, action_mask, carry)[0]


def _thought(
    algorithm: Algorithm,
    spec: EnvSpec,
    state: PyTree,
    observation: PyTree,
    action_mask: PyTree,
    carry: PyTree,
    start: PyTree,
) -> tuple[jax.Array | None, jax.Array | None, jax.Array | None]:
    """`(V [M], Q [M, A], probabilities [M, A])`; None for what there is not."""
    carry = start if carry is None else carry
    known = algorithm.estimates(state, observation, action_mask, carry)[0]
    if known.q_values is not None or not isinstance(spec.action_space, Discrete):
        return known.value, known.q_values, None
    return known.value, None, algorithm.probabilities(spec, state, observation, action_mask, carry)


def _action_returns(
    algorithm: Algorithm, spec: EnvSpec, state: PyTree, observation: PyTree, action: PyTree, carry: PyTree
) -> ReturnDistribution | None:
    return algorithm.action_returns(state, observation, action, carry)


def _density(
    algorithm: Algorithm, spec: EnvSpec, state: PyTree, observation: PyTree, action: PyTree, carry: PyTree
) -> jax.Array | None:
    policy = algorithm.estimates(state, observation, None, carry)[0].distribution
    return None if policy is None else jnp.exp(policy.marginal.log_prob(action))
