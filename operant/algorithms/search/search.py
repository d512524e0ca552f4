"""Policy search: play many policies, and look for better ones near those that did well.

No gradient is needed, so anything with parameters may be searched. A method is two functions of vectors
of parameters,

    ask(state) → candidates [P, D]        tell(state, candidates, fitness [P]) → state

and this file is all that the methods share: each candidate plays whole episodes in an environment of its own, and its
fitness is their mean return.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms import ranges
from operant.algorithms.base import Algorithm, require, static
from operant.algorithms.normalizing import NormalizesObservations
from operant.algorithms.search import policy as policies
from operant.algorithms.search.policy import Kind, Policy, Shape
from operant.networks import Network, UserModule, network_field
from operant.ops.normalization import Normalizer
from operant.plans import Episodes
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition


def require_range(low: float, high: float) -> None:
    """Raise ValueError unless `low` is less than `high`, where they are numbers and not traced."""
    if isinstance(low, int | float) and isinstance(high, int | float):
        require(low < high, "low", low, f"less than high={high}")


class SearchState(eqx.Module):
    """Everything a search knows."""

    method: PyTree  # what the method learns: see its file
    candidates: jax.Array  # [P, D] of the current generation
    asked: Clock  # when they were asked for
    normalizer: Normalizer
    shape: Shape = eqx.field(static=True)


class PolicySearch(NormalizesObservations, Algorithm):
    """A search over the parameters of a policy, for every action space, with masks and recurrent networks."""

    n_eval_episodes: int = static(1)
    """Episodes that each candidate plays; its fitness is their mean return."""
    max_steps: int = static(1000)
    """Longer episodes are cut off."""
    alive_bonus_offset: float = 0.0
    """Added to each reward; −1 cancels a reward of 1 for every step survived."""
    scale_actions: bool = static(True)
    """Scale the actions of a bounded Box so that its bounds are −1 and 1 for the network."""
    policy: Kind = static("network")
    """What is searched: the weights of a network, or a constant action."""
    network: Network | UserModule = network_field(Network(hidden_sizes=()))
    """The network, linear by default: a Network(…), an Equinox module that maps an observation to features, or a search
    Policy of your own."""

    def __check_init__(self) -> None:
        ranges.whole(self, "n_eval_episodes", "max_steps")
        ranges.finite(self, "alive_bonus_offset")
        require(self.policy in get_args(Kind), "policy", self.policy, f"one of {', '.join(get_args(Kind))}")
        if isinstance(self.network, Network):
            self.network.require_no_critic("a policy search")
            self.network.require_descent("a policy search")
            dropout = self.network.dropout
            require(dropout == 0, "network.dropout", dropout, "0: candidates are played as they are")

    # a method: functions of vectors of parameters

    @property
    @abstractmethod
    def candidates(self) -> int:
        """P: how many policies are played side by side."""

    @abstractmethod
    def begin(self, center: jax.Array) -> PyTree:
        """The method's state before the first generation; `center` `[D]` is the policy as it was made."""

    @abstractmethod
    def ask(self, state: PyTree, key: jax.Array, clock: Clock) -> jax.Array:
        """The next candidates, `[P, D]`."""

    @abstractmethod
    def tell(
        self, state: PyTree, candidates: jax.Array, fitness: jax.Array, clock: Clock
    ) -> tuple[PyTree, dict[str, jax.Array]]:
        """`(state, metrics)` after the candidates `[P, D]` had this fitness `[P]`; higher is better.

        `clock` is from when they were asked for, and schedules are read there too.
        """

    @abstractmethod
    def best(self, state: PyTree) -> jax.Array:
        """The best known parameters, `[D]`."""

    # the algorithm that each method is

    @property
    def experience(self) -> Episodes:
        return Episodes(self.candidates * self.n_eval_episodes, self.max_steps)

    @property
    def default_num_envs(self) -> int:
        return self.candidates

    def advice(self, spec: EnvSpec) -> list[str]:
        return self.advice_on_normalization(spec)

    def check(self, spec: EnvSpec) -> None:
        self.shape_of(spec)
        self.normalized_parts(spec)
        if spec.num_envs != self.candidates:
            raise ValueError(
                f"{type(self).__name__} plays each of its {self.candidates} candidates in an environment of its own; "
                f"num_envs={spec.num_envs}. Leave num_envs out (an id or a callable makes any number of environments), "
                f"or search with {spec.num_envs} candidates."
            )

    def shape_of(self, spec: EnvSpec) -> Shape:
        """The shape of the policies that are searched. Raises ValueError where there can be none."""
        return Shape.of(jax.eval_shape(lambda key: self._first(spec, key), jax.random.key(0)))

    def _first(self, spec: EnvSpec, key: jax.Array) -> Policy:
        return policies.build(self.policy, self.network, spec, key, self.scale_actions)

    def init(self, spec: EnvSpec, key: jax.Array) -> SearchState:
        policy_key, ask_key = jax.random.split(key)
        first = self._first(spec, policy_key)
        shape, start = Shape.of(first), Clock.start()
        method = self.begin(shape.vector(first))
        normalizer = self.make_normalizer(spec)
        return SearchState(method, self.ask(method, ask_key, start), start, normalizer, shape)

    def initial_carry(self, state: SearchState, num_envs: int) -> PyTree:
        return self.best_policy(state).initial_carry(num_envs)

    def best_policy(self, state: SearchState) -> Policy:
        """The best known policy."""
        return state.shape.policy(self.best(state.method))

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        """No noise: the candidates are chosen before an episode begins."""
        return ()

    def act(self, state, observation, action_mask, carry, noise, clock: Clock, *, explore: bool):
        """Environment i of P plays candidate i; of another number M, candidate i·P // M."""
        observation = state.normalizer.observations(observation)
        if not explore:
            return *self.best_policy(state).act(observation, action_mask, carry), ()
        candidates, count = state.candidates, jax.tree.leaves(observation)[0].shape[0]
        if count != len(candidates):  # not while searching
            candidates = candidates[np.arange(count) * len(candidates) // count]

        def one(policy: Policy, *seen: PyTree) -> tuple[PyTree, PyTree]:
            alone = policy.act(*jax.tree.map(lambda x: x[None], seen))
            return jax.tree.map(lambda x: x[0], alone)

        action, carry = jax.vmap(one)(state.shape.policy(candidates), observation, action_mask, carry)
        return action, carry, ()

    def update_statistics(self, state: SearchState, transition: Transition) -> SearchState:
        normalizer = state.normalizer.update(transition, 1.0)
        return eqx.tree_at(lambda s: s.normalizer, state, normalizer)

    def update(self, state: SearchState, batch: Batch, key: jax.Array, clock: Clock):
        """Tell the method the fitness of this generation, and ask it for the next."""
        fitness = self.fitness(batch)
        method, metrics = self.tell(state.method, state.candidates, fitness, state.asked)
        next_state = SearchState(method, self.ask(method, key, clock), clock, state.normalizer, state.shape)
        return next_state, metrics | self.best_policy(next_state).quantities() | {
            "train/fitness_mean": jnp.mean(fitness),
            "train/fitness_std": jnp.std(fitness),
            "train/fitness_max": jnp.max(fitness),
        }

    def fitness(self, batch: Batch) -> jax.Array:
        """The mean return of each candidate, `[P]`, from episodes `[T, n_eval_episodes · P]`."""
        reward = batch.weight * (batch.transition.reward + self.alive_bonus_offset)
        rows = reward.reshape(-1, self.candidates)
        # One after another: the order of a sum is otherwise the compiler's, and not the same in both loops.
        total, _ = jax.lax.scan(
            lambda total, row: (total + row, None), jnp.zeros(self.candidates, jnp.float32), rows
        )
        return total / self.n_eval_episodes
