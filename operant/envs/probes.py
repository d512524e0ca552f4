"""Probe environments: each isolates one thing that an algorithm must get right, with known values.

An algorithm that fails a probe has the bug that the probe is for; on a real task it would only score lower.
Values are the optimal policy's: V of an observation, Q of an observation and an action; γ is the discount.
"""

import math
from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from equinox import AbstractVar

from operant.envs.base import Environment
from operant.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Space, describe

Step = tuple[Any, jax.Array, jax.Array]


def right_action(space: Space, side: jax.Array) -> jax.Array:
    """The action that a probe asks for on `side` 0 or 1; neighbouring components differ, as do the sides.

    Discrete: the first or the last choice, and so for every component of MultiDiscrete. Box: a quarter or
    three quarters of the way from low to high, so that neither the centre nor a bound is right.
    """
    if isinstance(space, Discrete):
        return side * (space.n - 1)
    if isinstance(space, Box | MultiDiscrete | MultiBinary):
        end = (side + jnp.arange(math.prod(space.shape)).reshape(space.shape)) % 2
        if isinstance(space, MultiBinary):
            return end
        if isinstance(space, MultiDiscrete):
            return end * (jnp.asarray(space.nvec) - 1)
        low, high = (jnp.asarray(bound, jnp.float32) for bound in space.bounds)
        return low + (0.25 + 0.5 * end) * (high - low)
    raise ValueError(
        f"Probe actions must be Box, Discrete, MultiDiscrete or MultiBinary; got {describe(space)}."
    )


def correctness(space: Space, action: jax.Array, right: jax.Array) -> jax.Array:
    """The fraction of right components; of a Box, 1 − the mean squared error in half-widths. At most 1."""
    if isinstance(space, Box):
        low, high = (jnp.asarray(bound, jnp.float32) for bound in space.bounds)
        return 1.0 - jnp.mean(jnp.square((action - right) / (0.5 * (high - low))))
    return jnp.mean((action == right).astype(jnp.float32))


class OneStep(Environment):
    """One step, observed as −1 or 1 at random; what it pays is the concrete probe's."""

    actions: AbstractVar[Space]

    @property
    def observation_space(self) -> Box:
        return Box(-1.0, 1.0, (1,))

    @property
    def action_space(self) -> Space:
        return self.actions

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jax.random.randint(key, (), 0, 2, dtype=jnp.int32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return noise

    def step(self, state: jax.Array, action: jax.Array, noise: jax.Array) -> Step:
        return state, self.reward(state, action), jnp.ones((), bool)

    def observation(self, state: jax.Array) -> jax.Array:
        return (2.0 * state - 1.0)[None]

    @abstractmethod
    def reward(self, side: jax.Array, action: jax.Array) -> jax.Array:
        """Of an action on side 0 (observed as −1) or 1."""


class ConstantReward(OneStep):
    """Reward 1. V = Q = 1 whatever γ: the value loss and its optimiser work at all."""

    id: ClassVar[str] = "ConstantReward"
    max_episode_steps: int | None = eqx.field(default=None, static=True)
    actions: Space = eqx.field(default=Discrete(2), static=True)

    def reward(self, side: jax.Array, action: jax.Array) -> jax.Array:
        return jnp.ones((), dtype=jnp.float32)


class ObservationReward(OneStep):
    """The reward is the observation. V(o) = Q(o, ·) = o: values see the observation."""

    id: ClassVar[str] = "ObservationReward"
    max_episode_steps: int | None = eqx.field(default=None, static=True)
    actions: Space = eqx.field(default=Discrete(2), static=True)

    def reward(self, side: jax.Array, action: jax.Array) -> jax.Array:
        return 2.0 * side - 1.0


class ActionReward(OneStep):
    """The reward is how right the action was, whatever the observation.

    The best action is `right_action(actions, 1)`, V = 1 and Q(·, a) = `correctness`: the policy gradient's
    sign, the greedy choice, every component of the action, and the scale and offset of a Box.
    """

    id: ClassVar[str] = "ActionReward"
    max_episode_steps: int | None = eqx.field(default=None, static=True)
    actions: Space = eqx.field(default=Discrete(2), static=True)

    def reward(self, side: jax.Array, action: jax.Array) -> jax.Array:
        return correctness(self.actions, action, right_action(self.actions, jnp.ones_like(side)))


class ObservationActionReward(OneStep):
    """The observation says which action is right, and the reward how right it was.

    The best action is `right_action(actions, 0)` on −1 and `right_action(actions, 1)` on 1; V = 1 and Q(o, a)
    = `correctness`: advantages belong to their own observations and actions.
    """

    id: ClassVar[str] = "ObservationActionReward"
    max_episode_steps: int | None = eqx.field(default=None, static=True)
    actions: Space = eqx.field(default=Discrete(2), static=True)

    def reward(self, side: jax.Array, action: jax.Array) -> jax.Array:
        return correctness(self.actions, action, right_action(self.actions, side))


class DelayedReward(Environment):
    """Two steps, observed as 0 and 1; the second pays 1. V(0) = γ, V(1) = 1: discount and bootstrap.

    With γ = 0.9 a value that leaks through the terminal step into the next episode gives V(1) = 5.26.
    """

    id: ClassVar[str] = "DelayedReward"
    max_episode_steps: int | None = eqx.field(default=None, static=True)
    actions: Space = eqx.field(default=Discrete(2), static=True)

    @property
    def observation_space(self) -> Box:
        return Box(-1.0, 1.0, (1,))

    @property
    def action_space(self) -> Space:
        return self.actions

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jnp.zeros((), dtype=jnp.float32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return noise

    def step(self, state: jax.Array, action: jax.Array, noise: jax.Array) -> Step:
        return jnp.ones_like(state), state, state == 1

    def observation(self, state: jax.Array) -> jax.Array:
        return state[None]


class TwoStates(Environment):
    """A → B with reward 0, B → B with reward 1, forever, truncated at step 3; observed as 0 (A) and 1 (B).

    V(B) = 1/(1 − γ) and V(A) = γ/(1 − γ). With γ = 0.9: V(B) = 10 and V(A) = 9. Wrong values of B and their
    bugs: 6.90, bootstrapped from the reset observation; 1.82, truncation treated as termination.
    """

    id: ClassVar[str] = "TwoStates"
    max_episode_steps: int | None = eqx.field(default=3, static=True)
    actions: Space = eqx.field(default=Discrete(2), static=True)

    @property
    def observation_space(self) -> Discrete:
        return Discrete(2)

    @property
    def action_space(self) -> Space:
        return self.actions

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jnp.zeros((), jnp.int32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return noise

    def step(self, state: jax.Array, action: jax.Array, noise: jax.Array) -> Step:
        return jnp.ones_like(state), state.astype(jnp.float32), jnp.zeros((), bool)

    def observation(self, state: jax.Array) -> jax.Array:
        return state


class Endings(Environment):
    """A → B with reward 0, B → A with reward 1, over and over, in four kinds that never mix.

    Observed as 2·kind (A) or 2·kind + 1 (B).

    The steps have discounts d_A and d_B of their own, `DISCOUNTS[kind]`; one of 0 is a life lost. What ends
    an episode at B's step is `ends`: "terminated", "truncated" or "never". V(A) = γ d_A V(B), and V(B) = 1 where it
    terminates, else 1/(1 − γ² d_A d_B). A wrong trace, memory or reset at a lost life shows in episodes' length: 2.
    """

    id: ClassVar[str] = "Endings"
    DISCOUNTS: ClassVar[tuple[tuple[float, float], ...]] = ((1.0, 1.0), (0.0, 1.0), (1.0, 0.0), (0.5, 1.0))
    max_episode_steps: int | None = eqx.field(default=None, static=True)
    ends: str = eqx.field(default="terminated", static=True)

    @classmethod
    def ending(cls, ends: str) -> "Endings":
        """The environment whose episodes end so."""
        return cls(2 if ends == "truncated" else None, ends)

    @classmethod
    def values(cls, ends: str, gamma: float) -> list[float]:
        """V of every observation, `[8]`."""
        found = []
        for first, last in cls.DISCOUNTS:
            value = 1.0 if ends == "terminated" else 1 / (1 - gamma**2 * first * last)
            found += [gamma * first * value, value]
        return found

    @property
    def observation_space(self) -> Discrete:
        return Discrete(2 * len(self.DISCOUNTS))

    @property
    def action_space(self) -> Discrete:
        return Discrete(2)

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jax.random.randint(key, (), 0, len(self.DISCOUNTS), dtype=jnp.int32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return 2 * noise

    def step(self, state: jax.Array, action: jax.Array, noise: jax.Array) -> Step:
        at_b = state % 2 == 1
        return state ^ 1, at_b.astype(jnp.float32), at_b & (self.ends == "terminated")

    def observation(self, state: jax.Array) -> jax.Array:
        return state

    def discount(self, state: jax.Array) -> jax.Array:
        return jnp.array(self.DISCOUNTS, jnp.float32).reshape(-1)[state ^ 1]  # of the step that led here


class Masked(Environment):
    """Two steps, observed as 0 and 1; each forbids the action that would pay 10, and not the same one.

    Rewards of the three actions: 0, 1, (10) at first, then (10), 0, 1. Best: 1, then 2; V(0) = 1 + γ and V(1)
    = 1. An episode's return is at most 2: more says that a forbidden action was taken.
    """

    id: ClassVar[str] = "Masked"
    max_episode_steps: int | None = eqx.field(default=None, static=True)

    @property
    def observation_space(self) -> Discrete:
        return Discrete(2)

    @property
    def action_space(self) -> Discrete:
        return Discrete(3)

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jnp.zeros((), jnp.int32)

    def reset(self, noise: jax.Array) -> jax.Array:
        return noise

    def step(self, state: jax.Array, action: jax.Array, noise: jax.Array) -> Step:
        reward = jnp.array([[0.0, 1.0, 10.0], [10.0, 0.0, 1.0]])[state, action]
        return jnp.ones_like(state), reward, state == 1

    def observation(self, state: jax.Array) -> jax.Array:
        return state

    def action_mask(self, state: jax.Array) -> jax.Array:
        return jnp.array([[True, True, False], [False, True, True]])[state]


class Memory(Environment):
    """The first observation shows a cue, −1 or 1; `delay` steps later the right action is `right_action` accordingly.

    Observations: `[cue or 0, whether the answer is due]`. The reward is how right the answer was. With a recurrent
    network the return is 1 and V after t steps is γ^(delay − t); without one no policy expects more than 0.5 of
    Discrete actions, and 0.75 of a Box.
    """

    id: ClassVar[str] = "Memory"
    max_episode_steps: int | None = eqx.field(default=None, static=True)
    delay: int = eqx.field(default=3, static=True)
    actions: Space = eqx.field(default=Discrete(2), static=True)

    @property
    def observation_space(self) -> Box:
        return Box(-1.0, 1.0, (2,))

    @property
    def action_space(self) -> Space:
        return self.actions

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jax.random.randint(key, (), 0, 2, dtype=jnp.int32)

    def reset(self, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
        return noise, jnp.zeros_like(noise)

    def step(self, state: tuple[jax.Array, jax.Array], action: jax.Array, noise: jax.Array) -> Step:
        cue, t = state
        due = t == self.delay
        right = correctness(self.actions, action, right_action(self.actions, cue))
        return (cue, t + 1), jnp.where(due, right, 0.0), due

    def observation(self, state: tuple[jax.Array, jax.Array]) -> jax.Array:
        cue, t = state
        return jnp.stack([jnp.where(t == 0, 2.0 * cue - 1.0, 0.0), (t == self.delay).astype(jnp.float32)])


class Counting(Environment):
    """Observes `[episode, t]`: a number drawn at reset, and the steps since then. The reward is their sum.

    Whatever stores or samples a transition, `next_observation` is `observation + [0, 1]` and the reward the
    sum of the observation; anything else mixes two episodes. An episode terminates after 1 + episode mod 6
    steps, or is truncated after 4: both ends occur. Numbers stay below 2²⁰, exact in float32.
    """

    id: ClassVar[str] = "Counting"
    max_episode_steps: int | None = eqx.field(default=4, static=True)

    @property
    def observation_space(self) -> Box:
        return Box(0.0, float(2**20), (2,))

    @property
    def action_space(self) -> Discrete:
        return Discrete(2)

    def sample_noise(self, key: jax.Array) -> jax.Array:
        return jax.random.randint(key, (), 0, 2**19, dtype=jnp.int32)

    def reset(self, noise: jax.Array) -> tuple[jax.Array, jax.Array]:
        return noise, jnp.zeros_like(noise)

    def step(self, state: tuple[jax.Array, jax.Array], action: jax.Array, noise: jax.Array) -> Step:
        episode, t = state
        return (episode, t + 1), (episode + t).astype(jnp.float32), t >= episode % 6

    def observation(self, state: tuple[jax.Array, jax.Array]) -> jax.Array:
        return jnp.stack(state).astype(jnp.float32)


class Senses(Environment):
    """One step; each component of an action must name what one part of a Dict observation shows.

    `image` (uint8, size × size × 1) is black or white: 0 or 1. `kind` (Discrete) is 0, 1 or 2. `vector` is −1
    or 1 in its second element, noise in its first: 0 or 1. Actions are `[image, kind, vector]`, of a Box from a
    quarter of the way from low to high for the least to three quarters for the greatest; the reward is how right they
    are. V = 1; a policy blind to the image or the vector expects 5/6, to the kind 7/9, and in a Box 11/12 and 17/18.
    """

    id: ClassVar[str] = "Senses"
    max_episode_steps: int | None = eqx.field(default=None, static=True)
    size: int = eqx.field(default=8, static=True)
    actions: Space = eqx.field(default=MultiDiscrete((2, 3, 2)), static=True)

    @property
    def action_space(self) -> Space:
        return self.actions

    @property
    def observation_space(self) -> Dict:
        image = Box(0.0, 255.0, (self.size, self.size, 1), "uint8")
        return Dict.of({"image": image, "kind": Discrete(3), "vector": Box(-1.0, 1.0, (2,))})

    def sample_noise(self, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        shown, distraction = jax.random.split(key)
        right = jax.random.randint(shown, (3,), 0, jnp.array([2, 3, 2]), dtype=jnp.int32)
        return right, jax.random.uniform(distraction, minval=-1.0, maxval=1.0, dtype=jnp.float32)

    def reset(self, noise: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        return noise

    def step(self, state: tuple[jax.Array, jax.Array], action: jax.Array, noise: Any) -> Step:
        right = state[0]
        if isinstance(self.actions, Box):
            low, high = (jnp.asarray(bound, jnp.float32) for bound in self.actions.bounds)
            right = low + (0.25 + 0.5 * right / jnp.array([1, 2, 1])) * (high - low)
        return state, correctness(self.actions, action, right), jnp.ones((), bool)

    def observation(self, state: tuple[jax.Array, jax.Array]) -> dict[str, jax.Array]:
        right, distraction = state
        image = jnp.full((self.size, self.size, 1), 255, jnp.uint8) * right[0].astype(jnp.uint8)
        return {"image": image, "kind": right[1], "vector": jnp.stack([distraction, 2.0 * right[2] - 1.0])}
