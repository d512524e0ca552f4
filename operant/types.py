"""The vocabulary: what environments produce, what algorithms learn from, and how much of it they ask for."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.spaces import Dict, Space

PyTree = Any
Hindsight = Literal["none", "future", "final", "episode"]


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


class Experience(ABC):
    """A plan: what one iteration of training collects and learns from. It answers for itself; nobody asks its class."""

    whole_episodes: ClassVar[bool] = False  # environments start afresh for every batch
    offline: ClassVar[bool] = False  # nothing is collected: what is learnt from was recorded before

    @property
    def stores_carry(self) -> bool:
        """Whether the policy's memory is wanted before every step rather than before the first of them."""
        return False

    @property
    def replay(self) -> Replay | None:
        """Itself, where experience is kept and drawn from again; None where it is used once."""
        return None

    @property
    @abstractmethod
    def unroll_length(self) -> int:
        """Steps of every environment that are collected in one go; of whole episodes, at most."""

    @property
    @abstractmethod
    def described(self) -> str:
        """What decides the length of an iteration, as the user says it: `n_steps=128`."""

    def columns(self, num_envs: int) -> int:
        """The second axis of a batch."""
        return num_envs

    def rounds(self, num_envs: int) -> int:
        """How often an iteration collects `unroll_length` steps of `num_envs` environments."""
        return 1

    def starts(self, num_envs: int) -> tuple[int, int]:
        """`(rounds, environments)` in a row whose episodes begin in one and the same state."""
        return 1, 1

    def groups(self, num_envs: int) -> jax.Array | None:
        """Which columns of a batch began alike, int32 `[columns]`; None where none are meant to."""
        rounds, environments = self.starts(num_envs)
        if rounds * environments == 1:
            return None
        return jnp.arange(self.columns(num_envs)) // (rounds * environments)

    def steps_per_iteration(self, num_envs: int) -> int:
        """Environment steps of one iteration; of whole episodes, at most."""
        return self.unroll_length * self.columns(num_envs)

    def updates_per_iteration(self, num_envs: int) -> int:
        """How often `Algorithm.update` is called in one iteration."""
        return 1

    def warm_up_iterations(self, num_envs: int) -> int:
        """How many iterations act at random before anything is learnt."""
        return 0

    def require_shared(self, num_envs: int) -> None:
        """Raise ValueError where the episodes of an iteration are not a multiple of the environments."""
        count = self.columns(num_envs)
        if count % num_envs:
            raise ValueError(
                f"{count} episodes cannot be shared by num_envs={num_envs}: choose a divisor of {count}."
            )


@dataclass(frozen=True)
class Rollout(Experience):
    """`steps` steps of every environment, used once: batches are `[steps, N]`."""

    steps: int

    @property
    def unroll_length(self) -> int:
        return self.steps

    @property
    def described(self) -> str:
        return f"n_steps={self.steps}"


@dataclass(frozen=True)
class Episodes(Experience):
    """`count` whole episodes, used once: batches are `[max_steps, count]`, with weight 0 after each episode's end.

    Environments start afresh for every batch; `count` must be a multiple of the number of environments.

    With `group` G, G episodes in a row begin in one and the same state, as from one prompt: episode i is of group
    i // G, which is `Batch.group`. After that a native environment's chances are independent; one of Gymnasium's is
    reset by the same seed, so that the same actions lead to the same episode. Either G divides the number of
    environments, or the other way round.
    """

    whole_episodes: ClassVar[bool] = True
    count: int
    max_steps: int
    group: int = 1

    def __post_init__(self) -> None:
        if self.group < 1 or self.count % self.group:
            raise ValueError(
                f"Episodes(count={self.count}, group={self.group}): group must be a divisor of count, so that all "
                "groups are whole."
            )

    @property
    def unroll_length(self) -> int:
        return self.max_steps

    @property
    def described(self) -> str:
        return f"n_episodes={self.count}"

    def columns(self, num_envs: int) -> int:
        return self.count

    def rounds(self, num_envs: int) -> int:
        return self.count // num_envs

    def starts(self, num_envs: int) -> tuple[int, int]:
        return max(self.group // num_envs, 1), min(self.group, num_envs)

    def require_shared(self, num_envs: int) -> None:
        super().require_shared(num_envs)
        if self.group % num_envs and num_envs % self.group:
            raise ValueError(
                f"Groups of {self.group} episodes cannot be shared by num_envs={num_envs}: choose a divisor or a "
                f"multiple of {self.group}."
            )


@dataclass(frozen=True)
class Replay(Experience):
    """A ring of the last `capacity` transitions, from which batches `[batch_size]` are drawn.

    Each iteration collects `collect_steps` steps of every environment and then makes `updates` updates (−1: as many as
    transitions were collected). The first `learning_starts` steps are taken at random, without learning.

    With `n_step` > 1 transitions reach up to n steps ahead: see `Batch`. They never cross an episode's end, and end
    early at the newest experience. With `priority` they are drawn in proportion to what `Algorithm.update` says of
    them, and otherwise uniformly. With `hindsight` a share of 1 − 1/(n_sampled_goal + 1) of them has another goal, one
    that was achieved in the same episode: see `replay.hindsight`. With `sequence` > 1 what is drawn are that many
    consecutive steps of one environment, `[sequence, B, …]`, across the ends of episodes, with the policy's memory
    before the first; n-step returns within them are the algorithm's business (`ops.returns.n_step`).
    """

    capacity: int
    batch_size: int
    collect_steps: int = 1
    updates: int = 1
    learning_starts: int = 0
    n_step: int = 1
    priority: bool = False
    sequence: int = 1
    hindsight: Hindsight = "none"
    n_sampled_goal: int = 4

    @property
    def replay(self) -> Replay:
        return self

    @property
    def unroll_length(self) -> int:
        return self.collect_steps

    @property
    def described(self) -> str:
        return f"train_freq={self.collect_steps}"

    @property
    def stores_carry(self) -> bool:
        return self.sequence > 1

    def updates_per_iteration(self, num_envs: int) -> int:
        return self.collect_steps * num_envs if self.updates == -1 else self.updates

    def warm_up_iterations(self, num_envs: int) -> int:
        return math.ceil(self.learning_starts / self.steps_per_iteration(num_envs))


@dataclass(frozen=True)
class Dataset(Experience):
    """Recorded steps, without an environment: batches are `[batch_size]`, each of one update, which the clock counts.

    The plan says how they are drawn; the steps themselves are the agent's `dataset`, as the environment is its `env`.
    Of a dataset in memory every epoch is a new order of all of it, which each seed has for itself: everything comes
    once, and what fills up an epoch's last batch has weight 0. `validation_fraction` of its episodes is never learnt
    from (`Algorithm.validation`). With `sequence` > 1 batches are that many consecutive steps, `[sequence,
    batch_size]`, across the ends of episodes, and the policy's memory is empty before the first. `next_observation` is
    None. With `neighbours` > 1 the steps of a batch are drawn from about that many batches' worth of them that lie next
    to each other in the dataset, as texts of about one length do where these are in order.

    Of a dataset that is streamed, the batches are as they come.
    """

    offline: ClassVar[bool] = True
    batch_size: int
    sequence: int = 1
    validation_fraction: float = 0.0
    neighbours: int = 1

    @property
    def unroll_length(self) -> int:
        return self.sequence

    @property
    def described(self) -> str:
        return f"batch_size={self.batch_size}"

    def columns(self, num_envs: int) -> int:
        return self.batch_size

    def steps_per_iteration(self, num_envs: int) -> int:
        """One: what is counted are updates."""
        return 1

    def require_shared(self, num_envs: int) -> None:
        """No environments share anything."""
