"""What curiosities with a learnt model share: hyperparameters, a network of features, gradient steps."""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.curiosity.base import Curiosity
from operant.networks import Encoder, Network
from operant.networks.hidden import Layers, hidden_layers
from operant.ops.optimizers import adam, descend
from operant.ops.schedules import Schedule, at
from operant.ops.shuffle import minibatches
from operant.types import Clock, EnvSpec, PyTree, Transition

Loss = Callable[[PyTree, Transition, jax.Array], tuple[jax.Array, dict[str, jax.Array]]]


class Features(eqx.Module):
    """`features(observation) -> [..., size]`: an encoder, and layers after it."""

    encoder: Encoder
    head: Layers

    @classmethod
    def build(cls, config: Network, spec: EnvSpec, size: int, key: jax.Array) -> Features:
        """Raises ValueError where the configuration does not fit the observations."""
        key_encoder, key_head = jax.random.split(key)
        encoder = Encoder.build(config, spec.observation_space, key_encoder, stacked=spec.frame_stack > 1)
        layers = hidden_layers(config, encoder.size, config.hidden_sizes, size, key_head, gain=math.sqrt(2))
        return cls(encoder, layers)

    def __call__(self, observation: PyTree) -> jax.Array:
        return self.head(self.encoder(observation))


def _network(value: Network | dict) -> Network:
    """A hyperparameter `network` from what users write: a Network, or a dict of its values."""
    if isinstance(value, Network):
        return value
    if isinstance(value, dict):
        return Network(**value)
    raise ValueError(
        f"network={type(value).__name__}: a curiosity's network must be an operant.Network or a dict of its values, so "
        "that a model file can name it."
    )


def own_network() -> Any:
    """A hyperparameter that is a network of the curiosity's own: a Network, or a dict of its values."""
    return eqx.field(default=Network(activation="relu"), converter=_network)


class Learned(Curiosity):
    """An intrinsic reward that is the error of a learnt model."""

    gamma: float | None = None
    """Discount factor of the intrinsic return; none: the algorithm's."""
    episodic: bool = static(True)
    """End the intrinsic return with the episode; otherwise it continues in the next episode."""
    gae_lambda: float = 0.95
    """λ of the targets of the intrinsic value, which is learnt only if the two hyperparameters above need it."""
    learning_rate: float | Schedule = 1e-3
    """Step size of Adam for the curiosity's own networks: a number or a schedule."""
    batch_size: int = static(64)
    """Transitions in a minibatch of the curiosity's own learning; at most all of the batch."""
    n_epochs: int = static(1)
    """Passes of the curiosity's own learning over each batch of experience."""
    max_grad_norm: float = 10.0
    """The largest norm of gradients of the curiosity's own networks; longer ones are scaled down."""
    features: int = static(64)
    """Number of features of an observation."""
    network: Network = own_network()
    """The curiosity's own networks."""

    def __check_init__(self) -> None:
        ranges.whole(self, "batch_size", "n_epochs", "features")
        ranges.fraction(self, "gamma", "gae_lambda")
        ranges.not_negative(self, "learning_rate")
        ranges.positive(self, "max_grad_norm")
        self.network.require_no_critic("a curiosity")
        memory, dropout = self.network.memory, self.network.dropout
        require(memory == "none", "network.memory", memory, "'none': curiosity looks at single transitions")
        require(dropout == 0, "network.dropout", dropout, "0: its noise would look like novelty")

    @property
    def values(self) -> bool:
        """Whether the intrinsic return needs a value function of its own."""
        return self.gamma is not None or not self.episodic

    def optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        """Built inside traced functions; only its state is kept."""
        return adam(learning_rate, self.max_grad_norm, eps=1e-8)

    def begin(self, models: PyTree) -> optax.OptState:
        """The optimiser's state before the first step."""
        return self.optimizer(0.0).init(models)

    def fit(
        self,
        loss: Loss,
        models: PyTree,
        optimizer_state: optax.OptState,
        transition: Transition,
        weight: jax.Array,
        key: jax.Array,
        clock: Clock,
    ) -> tuple[PyTree, optax.OptState, dict[str, jax.Array]]:
        """`(models, optimiser, mean metrics)` after `n_epochs` passes down `loss(models, transition, weight)`."""
        count = weight.size
        data = jax.tree.map(lambda x: x.reshape(count, *x.shape[weight.ndim :]), (transition, weight))
        order = minibatches(key, self.n_epochs, count, min(self.batch_size, count))
        optimizer = self.optimizer(at(self.learning_rate, clock))

        def step(now: tuple[PyTree, optax.OptState], index: jax.Array):
            models, optimizer_state = now
            gradient, metrics = jax.grad(loss, has_aux=True)(models, *jax.tree.map(lambda x: x[index], data))
            return descend(optimizer, gradient, optimizer_state, models), metrics

        (models, optimizer_state), metrics = jax.lax.scan(step, (models, optimizer_state), order)
        return models, optimizer_state, jax.tree.map(jnp.mean, metrics)
