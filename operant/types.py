"""The vocabulary: what environments produce, and what algorithms learn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.spaces import Dict, Space

PyTree = Any


@dataclass(frozen=True)
class EnvSpec:
    """What an algorithm must know of an environment: static and hashable."""

    id: str
    observation_space: Space
    action_space: Space
    max_episode_steps: int | None = None
    masked: bool = False  # whether it says which actions are possible
    discounted: bool = False  # whether its steps have a discount of their own: see `TimeStep.discount`
    goals: bool = False  # whether it says what any pair of goals gives: see `envs.goals`
    dummy_steps: bool = False  # whether a step after an episode's end only resets: see `TimeStep.valid`
    num_envs: int = 1  # copies stepped together: the N of every shape below
    frame_stack: int = 1  # the last axis is that of the k last observations, newest last: see `FrameStack`
    border: Any = field(
        default=None, compare=False, repr=False
    )  # the `envs.border.Border`; None: as the spaces here

    @property
    def of_text(self) -> bool:
        """Whether an action is a token: see `language.environment`."""
        return (
            self.dummy_steps
            and isinstance(self.observation_space, Dict)
            and "tokens" in self.observation_space.parts
        )


# A plain dataclass, as is Transition: the host loop makes one of each at every step, and an eqx.Module of eight
# fields takes 15 µs to make where this takes 1 µs.
@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class TimeStep:
    """What N environments answer to N actions. Leaves are `[N, …]`.

    An environment whose episode ends is reset at once: `observation` then opens the next episode while
    `next_observation` is still the last observation of the old one.
    """

    observation: PyTree  # act on this next
    next_observation: PyTree  # ALWAYS the true successor of the action just taken
    reward: jax.Array
    terminated: jax.Array  # the task itself ended: nothing follows, bootstrap with 0
    truncated: jax.Array  # cut short from outside (a time limit): bootstrap from next_observation
    action_mask: PyTree = None  # True where an action is possible in `observation`; None: all are
    next_action_mask: PyTree = None  # the same for `next_observation`
    valid: jax.Array | None = None  # False for a step that never happened (a dummy step); None: all did
    raw_reward: jax.Array | None = None  # the environment's own; None where no wrapper changed it
    # float32 in [0, 1]: how much of what follows counts. 0 ends all values here although the episode goes on, as a lost
    # life does. Only values know it: statistics count whole games, and the policy's memory goes on. None: 1 everywhere.
    discount: jax.Array | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Transition:
    """One step of experience. Leaves are `[T, N, …]` in a rollout and `[B, …]` when sampled from replay."""

    observation: PyTree
    action: PyTree  # as the policy chose it: before clipping to the action space
    reward: jax.Array
    terminated: jax.Array
    truncated: jax.Array
    next_observation: PyTree
    action_mask: PyTree = None
    next_action_mask: PyTree = None
    valid: jax.Array | None = None
    raw_reward: jax.Array | None = None  # for statistics only: it is not in a `Batch`
    extras: PyTree = ()  # what `Algorithm.act` computed besides the action
    discount: jax.Array | None = None  # of the environment: see `TimeStep`

    @property
    def done(self) -> jax.Array:
        """The episode ended here, for whichever reason: traces and memories stop."""
        return self.terminated | self.truncated

    @property
    def mask(self) -> jax.Array:
        """Whether this step did (bool, of `reward`'s shape): `valid`, or True everywhere."""
        # Not `ones`: on the host both are NumPy arrays, and stay so.
        return self.terminated | True if self.valid is None else self.valid

    @property
    def weight(self) -> jax.Array:
        """The same as a number: 1 for a step that happened, and 0 for one that did not (float32)."""
        return self.mask.astype(jnp.float32)


class Recording(NamedTuple):
    """What was recorded, as an algorithm of its own reads it: see `Algorithm.read_dataset`."""

    name: str
    spec: EnvSpec  # of where it comes from
    steps: (
        Transition  # NumPy leaves `[B, …]`, without next_observation; `done` where what belongs together ends
    )


class Batch(eqx.Module):
    """What `Algorithm.update` learns from.

    From replay with `n_step` > 1, `transition` goes from s_t to s_{t+k} with k ≤ n: its observation, action, reward and
    action_mask are those of the first step on the way, all else is of the last, and so bootstrap from next_observation
    with γ^k.
    """

    transition: Transition
    weight: jax.Array  # of the transition's leading shape: its importance, and 0 if it never happened
    carry: PyTree = ()  # the policy's memory before the first step, [N, …], or [B, …] with sequences from replay
    rewards: jax.Array | None = None  # [n, B] those on the way, 0 after its end; None for single steps
    steps: jax.Array | None = None  # [B] int32: k
    # [n, B] the product of the environment's discounts before each of `rewards`
    discounts: jax.Array | None = None
    group: jax.Array | None = None  # [N] int32: which episodes began alike; None without `Episodes.group`
    behavior: PyTree = None  # the algorithm's state that acted, where it was an earlier one (`async_collect`)


class Clock(eqx.Module):
    """Where training stands, in environment steps summed over the N environments (in updates where the plan is a
    `Dataset`): what schedules are functions of."""

    step: jax.Array  # int32
    total: jax.Array  # int32

    @classmethod
    def start(cls, total: int = 1) -> Clock:
        """The clock before the first of `total` steps."""
        return cls(jnp.zeros((), jnp.int32), jnp.full((), total, jnp.int32))

    @classmethod
    def finished(cls) -> Clock:
        """The clock at the end, where schedules have their last values."""
        return cls(jnp.ones((), jnp.int32), jnp.ones((), jnp.int32))

    @property
    def progress(self) -> jax.Array:
        """From 0 at the start to 1 at the end."""
        return jnp.clip(self.step / self.total, 0.0, 1.0).astype(jnp.float32)
