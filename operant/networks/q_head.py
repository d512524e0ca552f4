"""The head of a Q-network: from features to the numbers that describe the return of each action."""

from __future__ import annotations

from functools import partial
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.networks import noisy
from operant.networks.config import Network
from operant.networks.hidden import Layers, hidden_layers
from operant.networks.layers import Linear

Dueling = Literal["none", "mean", "max"]


class QHead(eqx.Module):
    """`head(features [..., F]) -> [..., A, M]`: M numbers for each of A actions.

    M is 1 for values, and the number of atoms or quantiles for a distribution. With `dueling` they are the sum of a
    state's value and an action's advantage over the mean, or over the best (Wang et al. 2016, arXiv:1511.06581,
    equations 9 and 8). With an `embedding`, M is the number of fractions τ that the head is given, and the numbers
    are the return's quantiles there (Dabney et al. 2018, arXiv:1806.06923, equation 4).

    All hidden layers but the last are shared; the value and the advantage have one last layer each, before which the
    features are multiplied by the embedding of τ. In both papers that is after the convolutions.
    """

    shared: Layers | None
    embedding: Linear | None  # of τ's cosines
    action: Layers  # the advantage where there is a value
    value: Layers | None
    actions: int = eqx.field(static=True)
    dueling: Dueling = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        config: Network,
        size_in: int,
        actions: int,
        key: jax.Array,
        *,
        outputs: int = 1,
        dueling: Dueling = "none",
        sigma: jax.Array | float | None = None,
        cosines: int = 0,
    ) -> QHead:
        """`outputs` is M without fractions; `sigma` makes all layers but the embedding noisy; see `NoisyLinear`.

        `cosines` is how many of τ are embedded, 0 for a head that takes no fractions (whose `outputs` are 1).
        """
        linear = Linear.build if sigma is None else partial(noisy.NoisyLinear.build, sigma=sigma)
        layers = partial(hidden_layers, config, linear=linear)
        keys = jax.random.split(key, 4)
        before, last = config.hidden_sizes[:-1], config.hidden_sizes[-1:]
        if config.architecture != "mlp":  # all blocks and the normalisation after them are shared
            before, last = config.hidden_sizes, ()
        shared = layers(size_in, before, None, keys[0]) if before else None
        size = before[-1] if before else size_in
        return cls(
            shared,
            Linear.build(cosines, size, keys[1], config.initialization) if cosines else None,
            layers(size, last, actions * outputs, keys[2]),
            None if dueling == "none" else layers(size, last, outputs, keys[3]),
            actions,
            dueling,
        )

    def sample_noise(self, key: jax.Array, leading: tuple[int, ...] = ()) -> tuple[jax.Array, ...]:
        """The noise of noisy layers, one array each; none where there are none."""
        parts = [part for part in (self.shared, self.action, self.value) if part is not None]
        return noisy.sample_noise([layer for part in parts for layer in part.layers], key, leading)

    def __call__(
        self,
        features: jax.Array,
        *,
        fractions: jax.Array | None = None,
        noise: tuple[jax.Array, ...] = (),
        key: jax.Array | None = None,
    ) -> jax.Array:
        """`[..., A, M]`; `fractions` `[..., M]` where there is an embedding. `key` turns dropout on."""
        keys = (None, None, None) if key is None else tuple(jax.random.split(key, 3))
        if self.shared is not None:
            count = len(self.shared.layers)
            features, noise = self.shared(features, key=keys[0], noise=noise[:count]), noise[count:]
        if self.embedding is not None:
            assert fractions is not None
            waves = jnp.arange(self.embedding.weight.shape[0], dtype=jnp.float32)
            angles = jnp.pi * fractions[..., None] * jnp.reshape(waves, (1,) * fractions.ndim + waves.shape)
            features = features[..., None, :] * jax.nn.relu(self.embedding(jnp.cos(angles)))

        count = len(self.action.layers)
        output = self._by_action(self.action(features, key=keys[1], noise=noise[:count]), self.actions)
        if self.value is None:
            return output
        value = self._by_action(self.value(features, key=keys[2], noise=noise[count:]), 1)
        over = jnp.mean if self.dueling == "mean" else jnp.max
        return value + output - over(output, axis=-2, keepdims=True)

    def _by_action(self, output: jax.Array, actions: int) -> jax.Array:
        """A layer's output as `[..., A, M]`."""
        if self.embedding is not None:  # one fraction after the other: [..., M, A]
            return jnp.swapaxes(output, -1, -2)
        return output.reshape(*output.shape[:-1], actions, -1)
