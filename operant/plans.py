"""Plans: how much experience an algorithm asks for, and what becomes of it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp

Hindsight = Literal["none", "future", "final", "episode"]


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
