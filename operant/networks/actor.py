"""The policy of off-policy actor–critics: its actions are in units in which the bounds of a Box are −1 and 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp

from operant import distributions
from operant.distributions import Distribution
from operant.networks import recurrent
from operant.networks.batch_renorm import BatchRenorm
from operant.networks.config import Network, UserModule
from operant.networks.critic_ensemble import AFTER_MODULE, CriticEnsemble
from operant.networks.encoder import Encoder
from operant.networks.hidden import Layers, hidden_layers
from operant.networks.layers import MLP
from operant.networks.recurrent import RecurrentCore
from operant.networks.torso import Torso
from operant.spaces import Box, Space
from operant.types import EnvSpec, PyTree

LOG_STD_MIN, LOG_STD_MAX = -20.0, 2.0  # of a Gaussian before it is squashed, as in Stable-Baselines3
SDE_MEAN_LIMIT = 2.0  # of the mean with state-dependent exploration: actions are nearly at a bound there


class Actor(eqx.Module):
    """An encoder of observations, and layers whose outputs describe an action, or a distribution over actions.

    A deterministic one has an output for each element of a Box action. A stochastic one has a logit for each Discrete
    action, and of a Box a mean and a log standard deviation for each element, of the normal that is squashed; with
    state-dependent exploration that deviation is a parameter instead.
    """

    encoder: Encoder | None  # None: that of the critics, which is theirs to learn
    core: RecurrentCore | None  # None: that of the critics, likewise, or no memory at all
    head: Layers
    log_std: jax.Array | None  # [features, elements] with state-dependent exploration
    action_space: Space = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        config: Network | UserModule,
        spec: EnvSpec,
        key: jax.Array,
        critics: CriticEnsemble,
        *,
        stochastic: bool,
        use_sde: bool = False,
        log_std_init: jax.Array | float = -3.0,
        renorm: Callable[[int], BatchRenorm] | None = None,
    ) -> Actor:
        """On the features of a user's module the layers are `AFTER_MODULE`. `renorm` builds batch
        renormalisation, for those who keep the statistics of `learn`.

        Raises:
            ValueError: there is no policy head for such actions, or the configuration does not fit the observations.
        """
        key_encoder, key_head = jax.random.split(key)
        key_core = jax.random.fold_in(key_encoder, 1)
        encoder, core, layers = None, None, AFTER_MODULE
        if isinstance(config, Network):
            layers = config
        if isinstance(config, UserModule) or not config.share_features_extractor:
            encoder = Encoder.build(config, spec.observation_space, key_encoder, stacked=spec.frame_stack > 1)
        outputs = elements = distributions.parameters(spec.action_space)
        gaussian = stochastic and isinstance(spec.action_space, Box)
        if gaussian and not use_sde:
            outputs = 2 * elements
        if layers.critic_memory != "shared":
            core = recurrent.build(layers, (encoder or critics.encoder).size, key_core)
        size = _torso(encoder, core, critics).size
        head = hidden_layers(layers, size, layers.hidden_sizes, outputs, key_head, renorm=renorm)
        assert head.output is not None
        latent, _ = head.output.weight.shape
        log_std = jnp.full((latent, elements), log_std_init, jnp.float32) if gaussian and use_sde else None
        return cls(encoder, core, head, log_std, spec.action_space)

    def torso(self, critics: CriticEnsemble) -> Torso:
        """What makes the input of the layers; what it has of the critics has no gradient."""
        return _torso(self.encoder, self.core, critics)

    def action(self, features: jax.Array, *, key: jax.Array | None = None) -> jax.Array:
        """A deterministic actor's action of a Box, `[..., *shape]` in [−1, 1]."""
        assert isinstance(self.action_space, Box)
        output = jnp.tanh(self.head(features, key=key))
        return jnp.reshape(output, (*output.shape[:-1], *self.action_space.shape))

    def policy(
        self, features: jax.Array, action_mask: PyTree = None, *, key: jax.Array | None = None
    ) -> Distribution:
        """A stochastic actor's distribution over Discrete actions, or over those of a Box in units of [−1, 1]."""
        outputs, latent = self.head(features, key=key), None
        if self.log_std is not None:
            latent = replace(self.head, output=None)(features, key=key)
        return self._distribution(outputs, latent, action_mask)

    def learn(
        self,
        features: jax.Array,
        action_mask: PyTree = None,
        *,
        key: jax.Array | None = None,
        mask: jax.Array | None = None,
    ) -> tuple[Distribution, Actor]:
        """`policy` of a minibatch by its own statistics, and the actor after its running ones have seen it.

        `mask` `[B]` says which rows count for them; None: all do.
        """
        if not (isinstance(self.head, MLP) and self.head.renorms):
            return self.policy(features, action_mask, key=key), self
        (outputs, head), latent = self.head.learn(features, key=key, mask=mask), None
        if self.log_std is not None:
            latent, _ = replace(self.head, output=None).learn(features, key=key, mask=mask)
        return self._distribution(outputs, latent, action_mask), replace(self, head=head)

    def _distribution(
        self, outputs: jax.Array, latent: jax.Array | None, action_mask: PyTree
    ) -> Distribution:
        """Of what the layers put out, and with state-dependent exploration before the last one."""
        space = self.action_space
        if not isinstance(space, Box):
            return distributions.from_parameters(space, outputs, action_mask)
        unit = Box(-1.0, 1.0, space.shape)
        if self.log_std is None:
            mean, log_std = jnp.split(outputs, 2, -1)
            log_std = jnp.clip(log_std, LOG_STD_MIN, LOG_STD_MAX)
            return distributions.from_parameters(unit, mean, log_std=log_std, squashed=True)
        # The limits of Stable-Baselines3's clip_mean=2.0, and nearly the same means below 1, but no clipping: beyond
        # the limit that has no gradient by which a mean could come back.
        mean = SDE_MEAN_LIMIT * jnp.tanh(outputs / SDE_MEAN_LIMIT)
        return distributions.from_parameters(unit, mean, log_std=self.log_std, features=latent, squashed=True)


def _torso(encoder: Encoder | None, core: RecurrentCore | None, critics: CriticEnsemble) -> Torso:
    theirs = jax.lax.stop_gradient(critics.torso)
    return Torso(encoder or theirs.encoder, core or theirs.core)
