"""Learning the distribution of returns: projections and losses, over any leading axes."""

from __future__ import annotations

import jax
import jax.numpy as jnp

UNROLL = 8  # samples a turn of the loop over them: less overhead, and as many operations on an accelerator


def midpoints(count: int) -> jax.Array:
    """(2i + 1) / 2N, the middles of N equal parts of [0, 1]: where N quantiles say most of a distribution.

    Dabney et al. 2018, arXiv:1710.10044, lemma 2.
    """
    return (jnp.arange(count, dtype=jnp.float32) + 0.5) / count


def categorical_projection(atoms: jax.Array, probabilities: jax.Array, support: jax.Array) -> jax.Array:
    """The probabilities `[…, M]` on an equidistant `support` `[M]` of a distribution on other atoms.

    Each atom's probability is shared by its two neighbours in the support, the nearer getting the more, so that the
    mean stays where it is; atoms outside of it go to its ends. Bellemare et al. 2017, arXiv:1707.06887, equation 7.

    Args:
        atoms: `[…, K]`.
        probabilities: of these, `[…, K]`.
    """
    low, high = support[0], support[-1]
    gap = (high - low) / (support.shape[0] - 1)
    distance = jnp.clip(atoms, low, high)[..., None] - jnp.reshape(support, (1,) * atoms.ndim + support.shape)
    share = jnp.clip(1 - jnp.abs(distance) / gap, 0, 1)  # […, K, M]
    return jnp.sum(share * probabilities[..., None], -2)


def truncated_mixture(quantiles: jax.Array, dropped: int) -> jax.Array:
    """The smallest N·M − N·`dropped` of the M quantiles of each of N distributions, in order: `[N, …, M]` to `[…, K]`.

    They describe the mixture of these distributions without its upper tail. Kuznetsov et al. 2020, arXiv:2005.04269,
    equation 10; with N·M − N·d as in section 3.2.
    """
    count, size = quantiles.shape[0], quantiles.shape[-1]
    mixture = jnp.moveaxis(quantiles, 0, -2)
    mixture = mixture.reshape(*mixture.shape[:-2], count * size)
    # The smallest, as the largest of the negatives: on a CPU half the time of sorting them all.
    return -jax.lax.top_k(-mixture, count * (size - dropped))[0]


def quantile_huber_loss(
    quantiles: jax.Array, fractions: jax.Array, samples: jax.Array, kappa: jax.Array | float
) -> jax.Array:
    """Σ_i mean_j |τ_i − 1{δ_ij < 0}| L_κ(δ_ij)/κ with δ_ij = sample_j − quantile_i, `[…]`.

    It is least where quantile_i has a fraction τ_i of the samples below it, but for the rounding of its corner by
    Huber's loss L_κ. Dabney et al. 2018, arXiv:1806.06923, equations 3 and 5. It can be differentiated once, by the
    quantiles.

    Args:
        quantiles: `[…, N]`.
        fractions: τ, `[…, N]`.
        samples: of the distribution, `[…, N']`.
        kappa: κ > 0, up to which error the loss is a square.
    """
    # One sample after another, and the slope together with the value: keeping the pairs of 200 quantiles and 200
    # samples of a minibatch for the gradient takes four times as long.
    fixed = jax.lax.stop_gradient(quantiles)

    def add(sums: tuple[jax.Array, jax.Array], sample: jax.Array) -> tuple[tuple[jax.Array, jax.Array], None]:
        value, pull = sums
        error = sample[..., None] - fixed
        within = jnp.clip(error, -kappa, kappa)  # L_κ'
        weighted = jnp.abs(fractions - (error < 0)) * within
        return (value + weighted * (error - within / 2), pull + weighted), None

    nothing = jnp.zeros_like(fixed)
    sums, _ = jax.lax.scan(add, (nothing, nothing), jnp.moveaxis(samples, -1, 0), unroll=UNROLL)
    value, pull = jax.lax.stop_gradient(sums)
    total = value - pull * (quantiles - fixed)  # the value, and its gradient −pull
    return jnp.sum(total, -1) / (kappa * samples.shape[-1])
