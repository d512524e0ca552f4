"""What the algorithms that evaluate a given policy share: the policy, and a table of state values."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Estimates
from operant.algorithms.tabular import table
from operant.algorithms.tabular.learner import TabularLearner
from operant.ops.step_noise import numbers, numbers_or_keys
from operant.spaces import Discrete, Space
from operant.types import Clock, EnvSpec, PyTree


class ValueTable(eqx.Module):
    """State values, how often each was visited, and the policy that is evaluated."""

    values: jax.Array  # [S]
    visits: jax.Array  # [S] int32
    policy: jax.Array  # [S, A]
    space: Space = eqx.field(static=True)  # of observations


def as_policy(value: Any) -> tuple[tuple[float, ...], ...] | None:
    """Probabilities `[S, A]` in any form as a hashable value."""
    return None if value is None else tuple(tuple(map(float, row)) for row in np.asarray(value))


class TabularPrediction(TabularLearner):
    """Evaluating a given policy in a table."""

    policy: tuple | None = eqx.field(default=None, converter=as_policy, static=True)
    """The probability of each action in each state, an array [S, A]; None: all allowed actions are equally likely."""

    def __check_init__(self) -> None:
        for state, row in enumerate(self.policy or ()):
            if min(row) < 0 or abs(sum(row) - 1) > 1e-4:
                raise ValueError(f"policy[{state}]={row}: must be probabilities that sum to 1.")

    def check(self, spec: EnvSpec) -> None:
        super().check(spec)
        shape = table.table_shape(spec)
        if self.policy is not None and np.shape(self.policy) != shape:
            raise ValueError(
                f"policy has shape {np.shape(self.policy)}; {spec.id} needs {shape}: [states, actions]."
            )

    def value_table(self, spec: EnvSpec) -> ValueTable:
        """The table before learning."""
        states, actions = shape = table.table_shape(spec)
        policy = (
            jnp.full(shape, 1 / actions, jnp.float32) if self.policy is None else jnp.asarray(self.policy)
        )
        values = jnp.full(states, self.initial_value, jnp.float32)
        return ValueTable(values, jnp.zeros(states, jnp.int32), policy, spec.observation_space)

    def init(self, spec: EnvSpec, key: jax.Array) -> Any:
        return self.value_table(spec)

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> jax.Array:
        """Gumbel noise `[N, A]`, or keys."""
        assert isinstance(spec.action_space, Discrete)
        return numbers_or_keys(jax.random.gumbel, key, (spec.num_envs,), spec.action_space.n)

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        """The policy's action; with `explore=False` its most likely one."""
        policy = self.probabilities_of(state, observation, action_mask)
        if not explore:
            return jnp.argmax(policy, -1), carry, ()
        gumbel = numbers(jax.random.gumbel, noise, policy.shape[-1])
        return jnp.argmax(jnp.log(policy) + gumbel, -1), carry, ()  # Gumbel's trick

    def probabilities(
        self, spec: EnvSpec, state: Any, observation: PyTree, action_mask: PyTree, carry: PyTree
    ) -> jax.Array:
        policy = self.probabilities_of(state, observation, action_mask)
        return policy / jnp.sum(policy, -1, keepdims=True)

    def estimates(self, state, observation, action_mask, carry):
        return Estimates(value=state.values[table.state_number(state.space, observation)]), carry

    def probabilities_of(self, state: Any, observation: PyTree, action_mask: PyTree) -> jax.Array:
        """π(·|s) `[…, A]` up to a factor; 0 for actions that are masked out."""
        policy = state.policy[table.state_number(state.space, observation)]
        return policy if action_mask is None else jnp.where(action_mask, policy, 0.0)
