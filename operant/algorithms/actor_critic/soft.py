"""Maximum-entropy learning in parts: what a policy would do in a state, and the temperature of its entropy."""

from __future__ import annotations

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from operant.distributions import Categorical, Distribution
from operant.networks import CriticEnsemble
from operant.ops.metrics import Metrics
from operant.ops.optimizers import descend
from operant.spaces import Box, Discrete, Space

# Of the largest there is, as in CleanRL. Of two actions that leaves the better one a probability of 0.69. The 0.98 of
# Christodoulou 2019's code leaves 0.58, nearly a random policy: too much, say Xu et al. 2021 (arXiv:2112.02852).
DISCRETE_ENTROPY = 0.89


class Choice(NamedTuple):
    """What a policy does in B states: one action of a Box, by chance, or all Discrete ones, by their probability."""

    action: jax.Array | None  # [B, *shape] in units of [−1, 1]; None: all A
    probability: jax.Array | None  # [B, A]; None for one action
    log_prob: jax.Array  # [B], or [B, A]

    @classmethod
    def of(cls, policy: Distribution, key: jax.Array) -> Choice:
        """With gradients that go through the action, or through the probabilities."""
        if isinstance(policy, Categorical):
            log_prob = policy.log_probabilities
            return cls(None, jnp.exp(log_prob), log_prob)
        policy = policy.marginal
        size = jax.tree.leaves(policy)[0].shape  # [B, elements]
        action, log_prob = policy.sample_and_log_prob(jax.random.normal(key, size, dtype=jnp.float32))
        return cls(action, None, log_prob)

    def outputs(
        self, critics: CriticEnsemble, features: jax.Array, key: jax.Array | None = None
    ) -> jax.Array:
        """What critics say of it, `[n, B, M]`, or of each action, `[n, B, A, M]`; `key` turns dropout on."""
        if self.action is None:
            return critics.of_each_action(features, key=key)
        return critics(features, self.action, key=key)

    def expected(self, x: jax.Array) -> jax.Array:
        """Σ_a π(a|s) x(s, a), `[B, …]`, of `x` `[B, A, …]`; of one action that is `x` `[B, …]` itself."""
        if self.probability is None:
            return x
        weight = self.probability.reshape(*self.probability.shape, *(1,) * (x.ndim - 2))
        return jnp.sum(jnp.broadcast_to(weight, x.shape) * x, 1)

    @property
    def entropy(self) -> jax.Array:
        """−Σ_a π(a|s) log π(a|s), `[B]`; of one action −log π(a|s), which is that on average."""
        return -self.expected(self.log_prob)


def initial_ent_coef(ent_coef: float | str) -> float | None:
    """α at the start where it is learnt, of "auto" (1) or "auto_0.1"; None for a number, which stays.

    Raises ValueError for another text.
    """
    if not isinstance(ent_coef, str):
        return None
    start, _, value = ent_coef.partition("_")
    try:
        number = float(value) if value else 1.0
    except ValueError:
        number = math.nan
    if start != "auto" or not 0 < number < math.inf:
        raise ValueError(
            f"ent_coef={ent_coef!r}: must be a number, auto, or auto_ and a number, as in auto_0.1."
        )
    return number


def entropy_target(target: float | str, space: Space, action_mask: jax.Array | None) -> jax.Array | float:
    """H̄, the entropy that a policy is to have: a number, or `[B]` where masks leave different numbers of actions.

    "auto" is −1 for each element of a Box in units of [−1, 1] (Haarnoja et al. 2018, arXiv:1812.05905, appendix D). For
    Discrete actions it is 0.89 of log A, with A the number of possible ones.
    """
    if not isinstance(target, str):
        return target
    if isinstance(space, Box):
        return -float(math.prod(space.shape))
    assert isinstance(space, Discrete)
    if action_mask is None:
        return DISCRETE_ENTROPY * math.log(space.n)
    return DISCRETE_ENTROPY * jnp.log(jnp.maximum(jnp.sum(action_mask, -1), 1).astype(jnp.float32))


def ent_coef_loss(log_ent_coef: jax.Array, missing: jax.Array) -> jax.Array:
    """−log α (H̄ − H), whose gradient raises α where the entropy is less than H̄, by `missing` = H̄ − H.

    Haarnoja et al. 2018, arXiv:1812.05905, equation 18, with log α in place of α, as the authors' code has it: the step
    then does not shrink with α.
    """
    return -log_ent_coef * jax.lax.stop_gradient(missing)


def improve_ent_coef(
    optimizer: optax.GradientTransformation,
    missing: jax.Array,
    log_ent_coef: jax.Array | None,
    optimizer_state: optax.OptState,
) -> tuple[jax.Array | None, optax.OptState, Metrics]:
    """`(log α, the optimiser's state, metrics)` after one step by the `missing` entropy; α that is given stays."""
    if log_ent_coef is None:
        return None, optimizer_state, {}
    loss, gradient = jax.value_and_grad(ent_coef_loss)(log_ent_coef, missing)
    log_ent_coef, optimizer_state = descend(optimizer, gradient, optimizer_state, log_ent_coef)
    return log_ent_coef, optimizer_state, {"train/ent_coef_loss": loss}
