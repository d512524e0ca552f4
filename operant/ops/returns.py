"""Returns and advantages over a time axis.

Two rules hold throughout. `terminated` cuts the bootstrap: nothing follows a terminal state. `done` (terminated or
truncated) cuts the trace: the next row belongs to another episode. Successor values come from the true successor, so a
truncated episode still bootstraps from its last observation. Arrays are `[T, …]` with time first.

An environment may have a `discount` d_t of its own for each step, 1 where it is None. It multiplies γ: the bootstrap,
the trace, and what lies further ahead count d_t times, so that 0 ends a value although the episode goes on.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from operant.ops.metrics import Masked


def bootstrap(value: jax.Array, terminated: jax.Array, discount: jax.Array | None = None) -> jax.Array:
    """d_t V(s_{t+1}), 0 where the episode terminated: what of a successor's value counts. Arrays of one shape."""
    return carried(jnp.where(terminated, 0.0, value), discount)


def carried(value: jax.Array, discount: jax.Array | None) -> jax.Array:
    """d_t x: a value after a step, or a trace that leads up to it, seen across the step."""
    return value if discount is None else discount * value


def discounted_returns(
    reward: jax.Array, done: jax.Array, gamma: jax.Array | float, discount: jax.Array | None = None
) -> jax.Array:
    """G_t = r_t + γ G_{t+1}, restarted after every `done`; nothing is bootstrapped after the last row. `[T, …]`.

    Sutton & Barto 2018, equation 3.9.
    """

    def backward(
        next_return: jax.Array, row: tuple[jax.Array, jax.Array, jax.Array | None]
    ) -> tuple[jax.Array, jax.Array]:
        r, d, discount_t = row
        total = r + gamma * carried(jnp.where(d, 0.0, next_return), discount_t)
        return total, total

    return jax.lax.scan(backward, jnp.zeros_like(reward[0]), (reward, done, discount), reverse=True)[1]


def n_step(
    reward: jax.Array,
    done: jax.Array,
    gamma: jax.Array | float,
    n: int,
    discount: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """`(Σ_{i<k} γ^i D_i r_{t+i}, k, D_k)` from each row of a sequence, all `[T, …]`.

    k is n, or less where the episode ends before, or the sequence does. D_i is the product of the first i discounts of
    the environment from there on, None where it has none. Sutton & Barto 2018, equation 7.1.
    """
    row = jnp.arange(len(reward))
    total, steps, going = reward, jnp.ones_like(reward, jnp.int32), ~done
    product = discount
    for i in range(1, n):
        ahead = jnp.minimum(row + i, len(reward) - 1)
        going = going & jnp.reshape(row + i < len(reward), (-1,) + (1,) * (reward.ndim - 1))
        total = total + jnp.where(going, carried(gamma**i * reward[ahead], product), 0.0)
        if discount is not None and product is not None:
            product = product * jnp.where(going, discount[ahead], 1.0)
        steps = steps + going
        going = going & ~done[ahead]
    return total, steps, product


def generalized_advantages(
    reward: jax.Array,
    value: jax.Array,
    next_value: jax.Array,
    terminated: jax.Array,
    done: jax.Array,
    gamma: jax.Array | float,
    lambda_: jax.Array | float,
    discount: jax.Array | None = None,
) -> jax.Array:
    """Â_t = Σ_l (γλ)^l δ_{t+l} with δ_t = r_t + γ V(s_{t+1}) − V(s_t). All arrays `[T, …]`.

    `next_value[t]` is V of the true successor of row t. Schulman et al. 2016 (GAE), equations 11 and 16.
    """
    delta = reward + gamma * bootstrap(next_value, terminated, discount) - value

    def backward(
        next_advantage: jax.Array, row: tuple[jax.Array, jax.Array, jax.Array | None]
    ) -> tuple[jax.Array, jax.Array]:
        delta_t, done_t, discount_t = row
        trace = carried(jnp.where(done_t, 0.0, next_advantage), discount_t)
        advantage = delta_t + gamma * lambda_ * trace
        return advantage, advantage

    return jax.lax.scan(backward, jnp.zeros_like(delta[0]), (delta, done, discount), reverse=True)[1]


def lambda_returns(
    reward: jax.Array,
    next_value: jax.Array,
    terminated: jax.Array,
    done: jax.Array,
    gamma: jax.Array | float,
    lambda_: jax.Array | float,
    discount: jax.Array | None = None,
) -> jax.Array:
    """G_t = r_t + γ [(1 − λ) V(s_{t+1}) + λ G_{t+1}], with V(s_{t+1}) for G_{t+1} after the last row of an episode and
    of the arrays, which are all `[T, …]`.

    `next_value[t]` is V of the true successor of row t. Where V(s) is max_a Q(s, a), these are the targets of Peng's
    Q(λ) (Peng & Williams 1996, doi:10.1007/BF00114731), whose traces go on after actions that were not the best.
    """

    def backward(
        next_return: jax.Array, row: tuple[jax.Array, jax.Array, jax.Array, jax.Array, jax.Array | None]
    ) -> tuple[jax.Array, jax.Array]:
        reward_t, value_t, terminated_t, done_t, discount_t = row
        after = value_t + lambda_ * jnp.where(done_t, 0.0, next_return - value_t)
        total = reward_t + gamma * bootstrap(after, terminated_t, discount_t)
        return total, total

    rows = (reward, next_value, terminated, done, discount)
    return jax.lax.scan(backward, next_value[-1], rows, reverse=True)[1]


def vtrace(
    log_ratio: jax.Array,
    reward: jax.Array,
    value: jax.Array,
    next_value: jax.Array,
    terminated: jax.Array,
    done: jax.Array,
    gamma: jax.Array | float,
    lambda_: jax.Array | float = 1.0,
    clip_rho: float = 1.0,
    clip_c: float = 1.0,
    discount: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """`(targets v_t, advantages)` of what another policy μ did, corrected to what π would expect. All arrays `[T, …]`.

        v_t = V(s_t) + δ_t + γ c_t (v_{t+1} − V(s_{t+1})),   δ_t = ρ_t (r_t + γ V(s_{t+1}) − V(s_t))
        advantage of a_t = ρ_t (r_t + γ v_{t+1} − V(s_t))

    with ρ_t = min(ρ̄, π/μ) and c_t = λ min(c̄, π/μ). `log_ratio` is log π(a_t|s_t) − log μ(a_t|s_t), and
    `next_value[t]` is V of the true successor of row t. On-policy and with λ = 1, v_t is the n-step return; with a
    smaller λ the advantage takes V(s_{t+1}) + λ (v_{t+1} − V(s_{t+1})) for v_{t+1}.

    Espeholt et al. 2018 (IMPALA), arXiv:1802.01561, equation 1, remark 1, remark 2 (λ) and section 4.2.
    """
    ratio = jnp.exp(log_ratio)
    rho, c = jnp.minimum(clip_rho, ratio), lambda_ * jnp.minimum(clip_c, ratio)
    ahead = gamma * bootstrap(next_value, terminated, discount)
    delta = rho * (reward + ahead - value)

    def backward(
        next_error: jax.Array, row: tuple[jax.Array, jax.Array, jax.Array, jax.Array | None]
    ) -> tuple[jax.Array, tuple]:
        delta_t, c_t, done_t, discount_t = row
        trace = carried(jnp.where(done_t, 0.0, next_error), discount_t)  # d_t (v_{t+1} − V(s_{t+1}))
        error = delta_t + gamma * c_t * trace
        return error, (error, trace)

    rows = (delta, c, done, discount)
    _, (error, trace) = jax.lax.scan(backward, jnp.zeros_like(delta[0]), rows, reverse=True)
    return value + error, rho * (reward + ahead + gamma * lambda_ * trace - value)


def explained_variance(prediction: jax.Array, target: jax.Array, weight: jax.Array) -> Masked:
    """1 − Var[target − prediction] / Var[target], weighted; absent where the targets do not vary. Scalar."""
    residual = weighted_variance(target - prediction, weight)
    spread = weighted_variance(target, weight)
    varies = spread > 1e-12
    return Masked(jnp.where(varies, 1 - residual / jnp.maximum(spread, 1e-12), 0.0), varies)


def weighted_mean(value: jax.Array, weight: jax.Array) -> jax.Array:
    """Σ w x / Σ w over all elements; 0 when every weight is 0. `value` and `weight` of one shape."""
    return jnp.sum(value * weight) / jnp.maximum(jnp.sum(weight), 1e-8)


def weighted_variance(value: jax.Array, weight: jax.Array) -> jax.Array:
    """The weighted mean of squared distances from the weighted mean."""
    return weighted_mean(jnp.square(value - weighted_mean(value, weight)), weight)


def standardize(value: jax.Array, weight: jax.Array) -> jax.Array:
    """Shifted and scaled to mean 0 and standard deviation 1 over the elements that count; finite for a single one."""
    return (value - weighted_mean(value, weight)) / (jnp.sqrt(weighted_variance(value, weight)) + 1e-8)
