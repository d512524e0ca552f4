"""Policies as vectors of numbers, among which a search looks for the best.

A policy here is a pytree whose leaves are its parameters. A `Shape` turns it into one vector and back, so that methods
work on vectors only.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp

from operant import distributions
from operant.networks import ActorCritic, Network, UserModule
from operant.spaces import Box, Space
from operant.types import EnvSpec, PyTree

Kind = Literal["network", "constant"]


class Policy(eqx.Module):
    """A policy whose parameters are searched. Every leaf is an array of floats; all else is static.

    Your own subclass, passed as the hyperparameter `network`, is searched as it is, starting from the parameters that
    it has.
    """

    @abstractmethod
    def act(self, observation: PyTree, action_mask: PyTree, carry: PyTree) -> tuple[PyTree, PyTree]:
        """`(action, carry)` for observations `[N, …]`."""

    def initial_carry(self, num_envs: int) -> PyTree:
        """Its recurrent state at the start of an episode, `[N, …]`; `()` without one."""
        return ()

    def quantities(self) -> dict[str, jax.Array]:
        """Scalars by name that describe its parameters to people; logged while searching."""
        return {}


class NetworkPolicy(Policy):
    """The most likely action of a network, which is linear without hidden layers."""

    network: ActorCritic  # without its value function and without its deviation

    @classmethod
    def build(
        cls, config: Network | UserModule, spec: EnvSpec, key: jax.Array, scale_actions: bool = True
    ) -> NetworkPolicy:
        """As `ActorCritic.build`, whose errors it raises."""
        network: Any = ActorCritic.build(config, spec, key, scale_actions=scale_actions)
        return cls(replace(network.actor, log_std=None))

    def act(self, observation: PyTree, action_mask: PyTree, carry: PyTree) -> tuple[PyTree, PyTree]:
        policy, carry = self.network.policy(observation, action_mask, carry)
        return policy.mode(), carry

    def initial_carry(self, num_envs: int) -> PyTree:
        return self.network.initial_carry(num_envs)


class ConstantPolicy(Policy):
    """The same action for every observation: of a bounded Box the one between its bounds, from −1 (low) to 1 (high).

    Of the other spaces the most likely action of a head without inputs.
    """

    outputs: jax.Array  # [parameters of the action space]
    action_space: Space = eqx.field(static=True)

    @classmethod
    def build(cls, spec: EnvSpec) -> ConstantPolicy:
        return cls(jnp.zeros(distributions.parameters(spec.action_space), jnp.float32), spec.action_space)

    def act(self, observation: PyTree, action_mask: PyTree, carry: PyTree) -> tuple[PyTree, PyTree]:
        count = jax.tree.leaves(observation)[0].shape[0]
        outputs = jnp.broadcast_to(self.head(), (count, len(self.outputs)))
        return distributions.from_parameters(self.action_space, outputs, action_mask).mode(), carry

    def quantities(self) -> dict[str, jax.Array]:
        if not isinstance(self.action_space, Box):
            return {}
        return {f"search/action_{i}": value for i, value in enumerate(self.head())}

    def head(self) -> jax.Array:
        """What replaces a network's outputs; of a bounded Box the action itself."""
        space = self.action_space
        if not (isinstance(space, Box) and space.bounded):
            return self.outputs
        low, high = (jnp.asarray(bound.reshape(-1), jnp.float32) for bound in space.bounds)
        return low + (high - low) * (jnp.clip(self.outputs, -1.0, 1.0) + 1) / 2


def build(
    kind: Kind, config: Network | UserModule, spec: EnvSpec, key: jax.Array, scale_actions: bool = True
) -> Policy:
    """The policy that a search starts from.

    Raises:
        ValueError: the network does not fit the spaces, or no policy head is known for the actions.
    """
    if kind == "constant":
        return ConstantPolicy.build(spec)
    if isinstance(config, UserModule) and isinstance(config.module, Policy):
        return config.module
    return NetworkPolicy.build(config, spec, key, scale_actions)


@dataclass(frozen=True)
class Shape:
    """How a vector of parameters is cut into the leaves of a policy. Hashable."""

    structure: Hashable  # a jax.tree_util.PyTreeDef
    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, policy: PyTree) -> Shape:
        """Of a policy, or of its shapes alone (`jax.eval_shape`)."""
        leaves, structure = jax.tree.flatten(policy)
        return cls(structure, tuple(leaf.shape for leaf in leaves))

    @property
    def size(self) -> int:
        """D: how many parameters there are."""
        return sum(map(math.prod, self.shapes))

    def vector(self, policy: PyTree) -> jax.Array:
        """The parameters of one policy, `[D]`."""
        return jnp.concatenate([jnp.reshape(leaf, -1) for leaf in jax.tree.leaves(policy)])

    def policy(self, vector: jax.Array) -> Policy:
        """The policy of parameters `[…, D]`; its leaves have the same leading axes."""
        leaves, start = [], 0
        for shape in self.shapes:
            part = vector[..., start : start + math.prod(shape)]
            leaves.append(part.reshape(*vector.shape[:-1], *shape))
            start += math.prod(shape)
        return jax.tree.unflatten(self.structure, leaves)
