"""Distributions over actions: what an action space's policy head samples from.

Each is a pytree of arrays with any leading axes `[...]`. Actions have the action space's own shape after
them. Sampling is a deterministic function of noise that `sample_noise` makes, so a whole block of noise can be drawn
outside the loop that samples.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from operant.distributions.base import Distribution
from operant.distributions.discrete import Bernoulli, Categorical, MultiCategorical
from operant.distributions.gaussian import DiagonalGaussian, StateDependentGaussian, expln
from operant.distributions.transformed import Transformed, scale, units
from operant.ops.step_noise import numbers_or_keys
from operant.spaces import Box, Discrete, MultiBinary, MultiDiscrete, Space, describe

__all__ = [
    "Bernoulli",
    "Categorical",
    "DiagonalGaussian",
    "Distribution",
    "MultiCategorical",
    "StateDependentGaussian",
    "Transformed",
    "expln",
    "from_parameters",
    "parameters",
    "sample_noise",
    "scale",
]

# Far below any logit a network produces, so that its probability underflows to exactly 0, and yet finite:
# 0 · MASKED is 0 where 0 · −∞ is NaN, in the entropy, in the divergence and in the gradients of both.
MASKED = -1e9


def parameters(space: Space) -> int:
    """How many numbers a policy head must put out for actions of this space.

    Raises:
        ValueError: no distribution is known for the space.
    """
    if isinstance(space, Discrete | MultiBinary):
        return space.n
    if isinstance(space, MultiDiscrete):
        return sum(space.nvec)
    if isinstance(space, Box):
        return math.prod(space.shape)
    raise ValueError(
        f"No policy head for the action space {describe(space)}: actions must be Box, Discrete, "
        "MultiDiscrete or MultiBinary. Flatten the action space with a wrapper."
    )


def from_parameters(
    space: Space,
    outputs: jax.Array,
    action_mask: jax.Array | None = None,
    log_std: jax.Array | None = None,
    features: jax.Array | None = None,
    *,
    scaled: bool = False,
    squashed: bool = False,
) -> Distribution:
    """The distribution over actions of `space` described by a policy head's outputs.

    Args:
        outputs: `[..., parameters(space)]`.
        action_mask: True for every possible action, of the shape of `outputs`: for MultiDiscrete the masks of
            its choices, concatenated; for MultiBinary `[..., 2n]`, for each switch whether it may be off and on.
            An action that is not possible has probability 0, and its output no gradient. Where nothing is
            possible (a state that nobody acts in) the distribution is uniform.
        log_std: of a Box, `[parameters(space)]` or of the shape of `outputs`; 0 when None.
        features: of a Box, `[..., F]`: makes exploration depend on them; `log_std` is then `[F, parameters(space)]`.
        scaled: of a Box: outputs and `log_std` are in units in which its bounds are −1 and 1; see `Transformed`.
            Actions are as the environment takes them, either way.
        squashed: of a Box whose bounds are finite, and `scaled`: no action lies outside of them.

    Raises:
        ValueError: no distribution is known for the space, or a mask is given for one that takes none.
    """
    parameters(space)
    if action_mask is not None:
        if isinstance(space, Box):
            raise ValueError(
                f"An action mask needs Discrete, MultiDiscrete or MultiBinary actions; the actions are "
                f"{describe(space)}. Remove the mask from the environment."
            )
        possible = action_mask.astype(bool)
        if isinstance(space, MultiBinary):
            off, on = jnp.moveaxis(possible.reshape(*possible.shape[:-1], space.n, 2), -1, 0)
            outputs = jnp.where(on, jnp.where(off, outputs, -MASKED), jnp.where(off, MASKED, 0.0))
        else:
            outputs = jnp.where(possible, outputs, MASKED)
    if isinstance(space, Discrete):
        return Categorical(outputs)
    if isinstance(space, MultiDiscrete):
        return MultiCategorical(outputs, space.nvec)
    if isinstance(space, MultiBinary):
        return Bernoulli(outputs)
    assert isinstance(space, Box)
    if features is not None:
        assert log_std is not None
        base = StateDependentGaussian(outputs, features, log_std, space.shape)
    else:
        log_std = jnp.zeros_like(outputs) if log_std is None else jnp.broadcast_to(log_std, outputs.shape)
        base = DiagonalGaussian(outputs, log_std, space.shape)
    if squashed or (scaled and units(space) is not None):
        return Transformed(base, space, squashed)
    return base


def sample_noise(
    space: Space, key: jax.Array, leading: tuple[int, ...] = (), *, state_dependent: bool = False
) -> jax.Array:
    """The noise `[*leading, parameters(space)]` from which `sample` makes `leading` actions of this space.

    Keys `[*leading]` where that is many numbers (see `ops.step_noise`), and for `state_dependent` exploration of a Box.
    """
    if state_dependent:
        return jax.random.split(key, leading)
    if isinstance(space, Box):
        draw = jax.random.normal
    else:
        draw = jax.random.logistic if isinstance(space, MultiBinary) else jax.random.gumbel
    return numbers_or_keys(draw, key, leading, parameters(space))
