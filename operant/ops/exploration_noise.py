"""Exploration that lasts longer than a step: processes that turn the noise of each step into what is explored with.

A process has a state, which lives where the policy's memory lives: it starts anew with every episode of an environment,
is stored in checkpoints and is no part of a policy once training is over. What it is given is
`Algorithm.sample_noise`, and what it gives is the `noise` of `Algorithm.act`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from operant.ops.schedules import Schedule, at
from operant.types import Clock, PyTree


class ExplorationNoise(eqx.Module):
    """Noise `[N, …]` of one step after another, over N environments. Concrete ones are final."""

    @abstractmethod
    def init(self, noise: PyTree) -> PyTree:
        """The state `[N, …]` at the start of an episode; only the shapes of `noise` `[N, …]` matter."""

    @abstractmethod
    def step(self, state: PyTree, noise: PyTree, clock: Clock) -> tuple[PyTree, PyTree]:
        """`(what to explore with in this step, state)`, from independent `noise`."""

    def next_rollout(self, state: PyTree) -> PyTree:
        """The state where the next iteration of training begins; the same unless a subclass says otherwise."""
        return state

    def fresh(self, noise: PyTree, clock: Clock) -> PyTree:
        """What the first step of an episode explores with: how a policy samples once training is over."""
        return self.step(self.init(noise), noise, clock)[0]


class Independent(ExplorationNoise):
    """New noise at every step, as it is."""

    def init(self, noise: PyTree) -> PyTree:
        return ()

    def step(self, state: PyTree, noise: PyTree, clock: Clock) -> tuple[PyTree, PyTree]:
        return noise, state


class GaussianNoise(ExplorationNoise):
    """σ ε: of standard normals ε, new normals at every step."""

    sigma: float | Schedule = 0.1

    def __check_init__(self) -> None:
        _require(self, "sigma", lambda sigma: sigma >= 0, "at least 0")

    def init(self, noise: jax.Array) -> PyTree:
        return ()

    def step(self, state: PyTree, noise: jax.Array, clock: Clock) -> tuple[jax.Array, PyTree]:
        return at(self.sigma, clock) * noise, state


class OrnsteinUhlenbeck(ExplorationNoise):
    """Noise with inertia (Uhlenbeck & Ornstein 1930), as in DDPG (Lillicrap et al. 2016, arXiv:1509.02971, section 3):

        x_{t+1} = x_t − θ x_t dt + σ √dt ε_t,   x_0 = 0,   ε ~ N(0, 1)

    In the long run its variance is σ² dt / (1 − a²) and its autocorrelation over k steps a^k, with a = 1 − θ dt.
    Numbers as in Stable-Baselines3.
    """

    sigma: float | Schedule = 0.2
    theta: float = 0.15
    dt: float = 0.01

    def __check_init__(self) -> None:
        _require(self, "sigma", lambda sigma: sigma >= 0, "at least 0")
        _require(self, "dt", lambda dt: dt > 0, "more than 0")
        stable = isinstance(self.theta, int | float) and isinstance(self.dt, int | float)
        if stable and not 0 < self.theta * self.dt < 2:
            raise ValueError(
                f"theta={self.theta}, dt={self.dt}: theta × dt must be between 0 and 2, or the noise grows without end."
            )

    def init(self, noise: jax.Array) -> jax.Array:
        return jnp.zeros_like(noise)

    def step(self, state: jax.Array, noise: jax.Array, clock: Clock) -> tuple[jax.Array, jax.Array]:
        x = state - self.theta * state * self.dt + at(self.sigma, clock) * jnp.sqrt(self.dt) * noise
        return x, x


class Held(NamedTuple):
    """Noise that is held, and for how many steps it has been; leaves `[N, …]`."""

    age: jax.Array  # int32; 0: nothing is held
    noise: PyTree  # keys as their data


class HeldNoise(ExplorationNoise):
    """The same noise for `steps` steps, or by default for an episode: a bias, or the weights of gSDE.

    With `each_rollout`, for no longer than an iteration of training collects.
    """

    steps: int | None = eqx.field(static=True, default=None)
    each_rollout: bool = eqx.field(static=True, default=False)
    source: ExplorationNoise = Independent()
    """What is held; a process without a state."""

    def __check_init__(self) -> None:
        _require(self, "steps", lambda steps: steps >= 1, "at least 1, or None")
        if isinstance(self.source, HeldNoise | OrnsteinUhlenbeck | RepeatedActions):
            raise ValueError(f"source={self.source}: only a process without a state can be held.")

    def init(self, noise: PyTree) -> Held:
        size = jax.tree.leaves(noise)[0].shape[0]
        held = jax.tree.map(lambda x: jnp.zeros_like(_data(x)), noise)
        return Held(jnp.zeros(size, jnp.int32), held)

    def step(self, state: Held, noise: PyTree, clock: Clock) -> tuple[PyTree, Held]:
        fresh, _ = self.source.step((), noise, clock)
        stale = state.age == 0 if self.steps is None else state.age % self.steps == 0
        held = jax.tree.map(lambda new, old: _where(stale, _data(new), old), fresh, state.noise)
        used = jax.tree.map(_like, held, fresh)
        older = state.age if self.steps is None else state.age + 1
        return used, Held(jnp.where(stale, 1, older), held)

    def next_rollout(self, state: Held) -> Held:
        return state._replace(age=jnp.zeros_like(state.age)) if self.each_rollout else state


class Joint(ExplorationNoise):
    """A process for each part of the noise, which is a tuple; they know nothing of each other."""

    processes: tuple[ExplorationNoise, ...] = ()

    def init(self, noise: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
        return tuple(process.init(part) for process, part in zip(self.processes, noise, strict=True))

    def step(
        self, state: tuple[PyTree, ...], noise: tuple[PyTree, ...], clock: Clock
    ) -> tuple[tuple[PyTree, ...], tuple[PyTree, ...]]:
        parts = zip(self.processes, state, noise, strict=True)
        stepped = [process.step(own, part, clock) for process, own, part in parts]
        return tuple(noise for noise, _ in stepped), tuple(own for _, own in stepped)

    def next_rollout(self, state: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
        return tuple(process.next_rollout(own) for process, own in zip(self.processes, state, strict=True))


LONGEST_REPEAT = 1000  # steps


class Repeating(NamedTuple):
    """A random action that is being repeated; leaves `[N, …]`."""

    left: jax.Array  # int32: for how many more steps
    uniform: jax.Array  # what it is chosen by; keys as their data


class RepeatedActions(ExplorationNoise):
    """εz-greedy exploration (Dabney, Ostrovski & Barreto 2021, arXiv:2006.01782): with probability ε a random action
    begins, and is repeated for n steps, where P(n) ∝ n^−μ and n ≤ `LONGEST_REPEAT`.

    Its noise has fields `uniform` `[N, …]`, which a random action is chosen by, and `option` `[N]` in [0, 1), of which
    it makes 1 where an environment explores and 0 where not: the ε of this step.
    """

    epsilon: float | Schedule = 0.1
    exponent: float = eqx.field(static=True, default=2.0)  # μ

    def __check_init__(self) -> None:
        _require(self, "exponent", lambda exponent: exponent > 1, "more than 1")

    def init(self, noise: Any) -> Repeating:
        return Repeating(jnp.zeros(noise.option.shape, jnp.int32), jnp.zeros_like(_data(noise.uniform)))

    def step(self, state: Repeating, noise: Any, clock: Clock) -> tuple[Any, Repeating]:
        epsilon, repeats = at(self.epsilon, clock), state.left > 0
        begins = ~repeats & (noise.option < epsilon)
        # Below ε it is as good as a fresh uniform number of [0, ε).
        steps = self.steps(noise.option / jnp.maximum(epsilon, jnp.finfo(jnp.float32).tiny))
        uniform = _where(repeats, state.uniform, _data(noise.uniform))
        left = jnp.where(repeats, state.left - 1, jnp.where(begins, steps - 1, 0))
        explored = noise._replace(
            uniform=_like(uniform, noise.uniform), option=(repeats | begins).astype(jnp.float32)
        )
        return explored, Repeating(left, uniform)

    def steps(self, uniform: jax.Array) -> jax.Array:
        """The quantiles of n: int32, of the shape of `uniform` in [0, 1)."""
        weight = np.arange(1, LONGEST_REPEAT + 1, dtype=np.float64) ** -self.exponent
        ends = np.cumsum(weight / weight.sum())[:-1].astype(np.float32)
        return 1 + jnp.searchsorted(jnp.asarray(ends), uniform, side="right").astype(jnp.int32)


PROCESSES = {
    kind.__name__: kind
    for kind in (Independent, GaussianNoise, OrnsteinUhlenbeck, HeldNoise, RepeatedActions)
}
"""Those that a file can name."""


def _require(process: ExplorationNoise, name: str, right: Callable[[Any], bool], allowed: str) -> None:
    """Raise ValueError where a plain number is not right; schedules and traced numbers are left alone."""
    value = getattr(process, name)
    if isinstance(value, int | float) and not right(value):
        raise ValueError(f"{name}={value!r}: must be {allowed}.")


def _where(condition: jax.Array, new: jax.Array, old: jax.Array) -> jax.Array:
    """`new` `[N, …]` where the condition `[N]` holds, otherwise `old`."""
    return jnp.where(condition.reshape(-1, *(1,) * (new.ndim - 1)), new, old)


def _is_key(x: Any) -> bool:
    return jnp.issubdtype(x.dtype, jax.dtypes.prng_key)


def _data(x: jax.Array) -> jax.Array:
    """Random keys as plain numbers, which are stored and selected from like all others."""
    return jax.random.key_data(x) if _is_key(x) else x


def _like(data: jax.Array, x: jax.Array) -> jax.Array:
    """The inverse of `_data`."""
    return jax.random.wrap_key_data(data, impl=jax.random.key_impl(x)) if _is_key(x) else data
