"""What a distribution over actions can do."""

from __future__ import annotations

from abc import abstractmethod

import equinox as eqx
import jax


class Distribution(eqx.Module):
    """Over actions `[..., *shape]`, where `shape` is the action space's."""

    @abstractmethod
    def mode(self) -> jax.Array:
        """The likeliest action."""

    @abstractmethod
    def sample(self, noise: jax.Array) -> jax.Array:
        """An action, from the noise of `sample_noise`."""

    @abstractmethod
    def log_prob(self, action: jax.Array) -> jax.Array:
        """Log-probability or log-density of a whole action, in nats: `[...]`."""

    def sample_and_log_prob(self, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
        """An action from the noise of `sample_noise`, and its log-probability `[...]`; both can be differentiated."""
        action = self.sample(noise)
        return action, self.log_prob(action)

    @abstractmethod
    def entropy(self) -> jax.Array:
        """In nats: `[...]`."""

    @abstractmethod
    def kl(self, other: Distribution) -> jax.Array:
        """KL(self ‖ other) to another of the same kind, in nats: `[...]`."""

    @property
    def marginal(self) -> Distribution:
        """The same over one action by itself, with nothing that it shares with others: all leaves `[..., _]`."""
        return self
