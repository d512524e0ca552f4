"""Visit counts as intrinsic reward (Strehl & Littman 2008, doi:10.1016/j.jcss.2007.08.009, section 2.2).

    r_i = 1 / √N(s')

N counts how often the next state was seen, including now. The paper counts pairs of states and actions; the next state
is what matters in a sparse environment, and works for every action space.

| paper | here |
|---|---|
| β | scale |
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.algorithms.tabular.table import number_of_states, state_number
from operant.curiosity.base import Curiosity
from operant.spaces import Discrete, MultiDiscrete, Space, describe
from operant.types import EnvSpec, Transition


class CountsState(eqx.Module):
    """How often each state was reached."""

    visits: jax.Array  # [S]
    space: Space = eqx.field(static=True)  # of observations


class Counts(Curiosity):
    """A bonus of 1/√N for the N-th visit of a state, for Discrete and MultiDiscrete observations."""

    def check(self, spec: EnvSpec) -> None:
        if not isinstance(spec.observation_space, Discrete | MultiDiscrete):
            raise ValueError(
                f"Counts keeps a table, and needs Discrete or MultiDiscrete observations: {spec.id} has "
                f"{describe(spec.observation_space)}. Use RND or ICM, or discretise the observations."
            )

    def init(self, spec: EnvSpec, key: jax.Array) -> CountsState:
        return CountsState(
            jnp.zeros(number_of_states(spec.observation_space), jnp.float32), spec.observation_space
        )

    def update_statistics(self, state: CountsState, transition: Transition, weight: jax.Array) -> CountsState:
        arrived = state_number(state.space, transition.next_observation)
        return CountsState(state.visits.at[arrived].add(weight), state.space)

    def reward(self, state: CountsState, transition: Transition) -> jax.Array:
        visits = state.visits[state_number(state.space, transition.next_observation)]
        return jax.lax.rsqrt(jnp.maximum(visits, 1.0))
