"""Several critics Q(s, a) that differ in their first weights, over one encoder of observations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.networks import recurrent
from operant.networks.batch_renorm import BatchRenorm
from operant.networks.config import Network, UserModule
from operant.networks.encoder import Encoder
from operant.networks.hidden import Layers, hidden_layers
from operant.networks.layers import MLP
from operant.networks.recurrent import RecurrentCore
from operant.networks.torso import Torso
from operant.spaces import Box, Discrete, Space, describe
from operant.types import EnvSpec

AFTER_MODULE = Network(hidden_sizes=(256, 256), activation="relu", initialization="uniform")


class CriticEnsemble(eqx.Module):
    """`critics(features [..., F], action [..., *shape]) -> [n, ..., M]`: M numbers of each of n critics.

    Actions of a Box are an input, in units in which its bounds are −1 and 1; each Discrete action has outputs of its
    own. M is 1 for values, and the number of quantiles for a distribution. All n are evaluated at once: the leaves of
    `heads` are those of one network, with a first axis n. Features are the torso's, which all n share.
    """

    encoder: Encoder
    core: RecurrentCore | None
    heads: Layers  # leaves [n, …]
    action_space: Space = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        config: Network | UserModule,
        spec: EnvSpec,
        key: jax.Array,
        *,
        count: int,
        outputs: int = 1,
        renorm: Callable[[int], BatchRenorm] | None = None,
    ) -> CriticEnsemble:
        """`count` is n and `outputs` M. On the features of a user's module the layers are `AFTER_MODULE`. `renorm`
        builds batch renormalisation, for those who keep the statistics of `learn`.

        Raises:
            ValueError: actions are neither a Box nor Discrete, or the configuration does not fit the observations.
        """
        space = spec.action_space
        if not isinstance(space, Box | Discrete):
            raise ValueError(
                f"Critics of actions need Box or Discrete actions; {spec.id} has {describe(space)}."
            )
        key_encoder, key_heads = jax.random.split(key)
        key_core = jax.random.fold_in(key_encoder, 1)
        encoder = Encoder.build(config, spec.observation_space, key_encoder, stacked=spec.frame_stack > 1)
        shape = config if isinstance(config, Network) else AFTER_MODULE
        core = None if shape.critic_memory == "none" else recurrent.build(shape, encoder.size, key_core)
        features, layers = Torso(encoder, core).size, shape.of_value
        of_action = 0 if isinstance(space, Discrete) else math.prod(space.shape)
        out = outputs * (space.n if isinstance(space, Discrete) else 1)

        def head(key: jax.Array) -> Layers:
            return hidden_layers(layers, features + of_action, layers.hidden_sizes, out, key, renorm=renorm)

        return cls(encoder, core, jax.vmap(head)(jax.random.split(key_heads, count)), space)

    @property
    def count(self) -> int:
        """n."""
        return jax.tree.leaves(self.heads)[0].shape[0]

    @property
    def first(self) -> CriticEnsemble:
        """The first critic alone."""
        return eqx.tree_at(lambda c: c.heads, self, jax.tree.map(lambda x: x[:1], self.heads))

    @property
    def torso(self) -> Torso:
        """What makes the input `[..., F]` that all critics have besides the action."""
        return Torso(self.encoder, self.core)

    def __call__(self, features: jax.Array, action: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        """`[n, ..., M]` of these actions; `key` turns dropout on, for each critic another."""
        if isinstance(self.action_space, Discrete):
            return self.taken(self.of_each_action(features, key=key), action)
        return self._outputs(self._inputs(features, action), key)

    def of_each_action(self, features: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        """`[n, ..., A, M]` of all Discrete actions."""
        return self._by_action(self._outputs(features, key))

    def taken(self, of_each: jax.Array, action: jax.Array) -> jax.Array:
        """`[n, ..., M]` of these Discrete actions `[...]`, out of those of all `[n, ..., A, M]`."""
        index = jnp.broadcast_to(action[..., None, None], (*of_each.shape[:-2], 1, 1))
        return jnp.take_along_axis(of_each, index, -2)[..., 0, :]

    def learn(
        self,
        features: jax.Array,
        action: jax.Array | None,
        *,
        key: jax.Array | None = None,
        mask: jax.Array | None = None,
    ) -> tuple[jax.Array, CriticEnsemble]:
        """What is made of a minibatch by its own statistics, and the critics after their running ones have seen it.

        Outputs are `[n, B, M]` of actions of a Box, and `[n, B, A, M]` of all Discrete ones, for which `action` is
        None. `mask` `[B]` says which rows count for the statistics; None: all do. Without batch renormalisation the
        outputs are those of a call.
        """
        inputs, heads = features if action is None else self._inputs(features, action), self.heads
        if not (isinstance(heads, MLP) and heads.renorms):
            output = self._outputs(inputs, key)
        elif key is None:
            output, heads = jax.vmap(lambda head: head.learn(inputs, mask=mask))(heads)
        else:
            keys = jax.random.split(key, self.count)
            output, heads = jax.vmap(lambda head, key: head.learn(inputs, key=key, mask=mask))(heads, keys)
        return self._by_action(output) if action is None else output, replace(self, heads=heads)

    def _inputs(self, features: jax.Array, action: jax.Array) -> jax.Array:
        """The features, and after them the action of a Box."""
        return jnp.concatenate([features, jnp.reshape(action, (*features.shape[:-1], -1))], -1)

    def _by_action(self, output: jax.Array) -> jax.Array:
        """`[n, ..., A·M]` as `[n, ..., A, M]`."""
        assert isinstance(self.action_space, Discrete)
        return output.reshape(*output.shape[:-1], self.action_space.n, -1)

    def _outputs(self, inputs: jax.Array, key: jax.Array | None) -> jax.Array:
        if key is None:
            return jax.vmap(lambda head: head(inputs))(self.heads)
        return jax.vmap(lambda head, key: head(inputs, key=key))(
            self.heads, jax.random.split(key, self.count)
        )
