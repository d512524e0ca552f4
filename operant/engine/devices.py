"""The devices that a run is spread over: a mesh of seeds × environments.

Several learners are divided among the devices first, each on one of them, which learns what it would learn alone.
Where there are more devices than that, or a single learner, those of a learner share its environments and its batches:
XLA divides the program of one device among them (`operant.ops.devices`), and sums over a batch are sums of their parts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from operant.algorithms.base import Algorithm
from operant.engine import processes
from operant.engine.over_seeds import everywhere
from operant.engine.train_state import TrainState
from operant.ops.devices import ENVIRONMENTS, SEEDS, gathered
from operant.types import PyTree


def shape_of(count: int | None, seeds: int | None) -> tuple[int, int]:
    """How many devices `(seeds, environments)` are divided among, of this number of them.

    None: as many as divide the seeds, or all where several processes train together.
    """
    there = len(jax.devices())
    if count is None and processes.count() == 1:
        return max(d for d in range(1, there + 1) if (seeds or 1) % d == 0), 1
    count = there if count is None else count
    over_seeds = math.gcd(count, seeds or 1)
    return over_seeds, count // over_seeds


def require(count: int | None, seeds: int | None, num_envs: int | None) -> None:
    """Raise ValueError, with what to do, for a number of devices that there are not, or that cannot share
    this many environments.
    """
    there, together = len(jax.devices()), processes.count()
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or count < 1):
        raise ValueError(f"devices={count!r}: must be a whole number, at least 1.")
    if count is not None and count > there:
        kind = jax.devices()[0].platform
        remedy = (
            f" XLA_FLAGS=--xla_force_host_platform_device_count={count} makes as many of this machine's processor."
            if kind == "cpu"
            else ""
        )
        raise ValueError(f"devices={count}: there are {there} ({kind}); `operant info` lists them.{remedy}")
    if together > 1 and count not in (None, there):
        raise ValueError(
            f"devices={count}: {together} processes train together on their {there} devices. Leave it out."
        )
    over_seeds, shares = shape_of(count, seeds)
    if num_envs is not None and num_envs % shares:
        learners = "" if seeds is None else f" {seeds} seeds are divided among {over_seeds} of them, and"
        raise ValueError(
            f"num_envs={num_envs}: on devices={count or there}{learners or ' it'}"
            f"{' num_envs' if learners else ''} must be a multiple of {shares}. Set num_envs="
            f"{-(-num_envs // shares) * shares}, or devices={over_seeds * math.gcd(num_envs, shares)}."
        )


def divided(function: Callable, devices: Devices, own: int) -> Callable:
    """`function(algorithm, run, *rest)` over a run of these devices, among which XLA divides it.

    Of the arguments after the run, each learner has its `own`; the others are common to all. Results but the run are on
    every device.
    """

    def on_all(algorithm: Algorithm, run: TrainState, *rest: Any) -> tuple[TrainState, PyTree]:
        def one(run: TrainState, *mine: Any) -> tuple[TrainState, PyTree]:
            return function(algorithm, run, *mine, *rest[own:])

        mapped = one if devices.seeds is None else jax.vmap(one, spmd_axis_name=SEEDS)
        run, others = mapped(devices.kept(run), *rest[:own])
        return devices.kept(run), gathered(others)

    return on_all


@dataclass(frozen=True)
class Devices:
    """Those of a run of `seeds` learners (None: of one without an axis for it), and what each has of it.

    `always`: XLA divides the program also where no learner has more than one device.
    """

    count: int | None
    seeds: int | None
    num_envs: int
    always: bool = False

    def __post_init__(self) -> None:
        if processes.count() > 1:  # each of which must have a part
            require(self.count, self.seeds, self.num_envs)

    @cached_property
    def mesh(self) -> Mesh:
        """Seeds × environments."""
        shape = shape_of(self.count, self.seeds)
        return Mesh(np.array(jax.devices()[: math.prod(shape)]).reshape(shape), (SEEDS, ENVIRONMENTS))

    @cached_property
    def divide(self) -> bool:
        """Whether XLA divides one program among them, rather than each of them having learners of its own."""
        several = self.mesh.size > 1 if self.always else self.mesh.shape[ENVIRONMENTS] > 1
        return several or processes.count() > 1

    @contextmanager
    def in_force(self) -> Iterator[None]:
        """In this block programs are traced and called for them."""
        with jax.set_mesh(self.mesh) if self.divide else nullcontext():
            yield

    def bound(self, function: Callable) -> Callable:
        """A compiled function, called for them."""
        if not self.divide:
            return function

        def call(*arguments: Any) -> Any:
            with self.in_force():
                return function(*arguments)

        return call

    def placed(self, run: TrainState) -> TrainState:
        """The run with its arrays on them; nothing moves that is there already."""
        if self.divide:
            return jax.tree.map(self._put, run, self._specs(run))
        if self.seeds is None or self.mesh.size == 1:
            return run
        return jax.device_put(run, NamedSharding(self.mesh, PartitionSpec(SEEDS)))

    def everywhere(self, tree: PyTree) -> PyTree:
        """An algorithm, or any tree, with its arrays on all of them, to which each call would copy them otherwise."""
        if not self.divide:
            return everywhere(tree, self.mesh)

        def leaf(x: Any) -> Any:
            return self._put(x, PartitionSpec()) if isinstance(x, jax.Array | np.ndarray) else x

        return jax.tree.map(leaf, tree)

    def kept(self, run: TrainState) -> TrainState:
        """The run as `placed` has it. Traced."""
        if not self.divide:
            return run
        return jax.tree.map(
            lambda x, spec: jax.lax.with_sharding_constraint(x, NamedSharding(self.mesh, spec)),
            run,
            self._specs(run),
        )

    def _put(self, x: Any, spec: PartitionSpec) -> jax.Array:
        return processes.put(x, NamedSharding(self.mesh, spec))

    def _specs(self, run: TrainState) -> TrainState:
        """Where each of its arrays lies, a PartitionSpec: a learner's environments are divided, and the rest of it, its
        replay too, is on all its devices; what Python reads between chunks is everywhere.
        """
        lead = () if self.seeds is None else (SEEDS,)

        def own(tree: PyTree) -> PyTree:
            return jax.tree.map(lambda x: PartitionSpec(*lead), tree)

        def divided(tree: PyTree) -> PyTree:
            def leaf(x: Any) -> PartitionSpec:
                first = x.shape[len(lead) : len(lead) + 1] == (self.num_envs,)
                return PartitionSpec(*lead, ENVIRONMENTS) if first else PartitionSpec(*lead)

            return jax.tree.map(leaf, tree)

        def whole(tree: PyTree) -> PyTree:
            return jax.tree.map(lambda x: PartitionSpec(), tree)

        statistics = run.statistics
        return replace(
            run,
            state=own(run.state),
            environment=divided(run.environment),
            observation=divided(run.observation),
            action_mask=divided(run.action_mask),
            carry=divided(run.carry),
            replay=own(run.replay),
            key=whole(run.key),
            iteration=whole(run.iteration),
            clock=whole(run.clock),
            statistics=replace(
                whole(statistics),
                running_return=divided(statistics.running_return),
                running_length=divided(statistics.running_length),
            ),
            exploration=divided(run.exploration),
        )
