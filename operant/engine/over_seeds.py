"""A function of one learner as one of all learners, spread over the machine's devices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from operant.frozen import Frozen

SEEDS = PartitionSpec("seeds")  # a run's first axis, over the devices


def mesh_of(seeds: int | None, devices: int | None = None) -> Mesh:
    """The devices of this process that share this number of learners: as many as divide it, and at most `devices`."""
    there = jax.devices() if jax.process_count() == 1 else jax.local_devices()
    most = min(len(there), devices or len(there))
    devices = max(d for d in range(1, most + 1) if (seeds or 1) % d == 0)
    return Mesh(np.array(there[:devices]), ("seeds",))


def spread(run: Any, mesh: Mesh) -> Any:
    """A run with its learners on their devices; nothing moves that is there already."""
    return run if mesh.size == 1 else jax.device_put(run, NamedSharding(mesh, SEEDS))


def everywhere(algorithm: Any, mesh: Mesh) -> Any:
    """An algorithm, or any tree, with its frozen ones on every device, to which each call would copy them otherwise."""
    if mesh.size == 1:
        return algorithm

    def frozen(node: Any) -> bool:
        return isinstance(node, Frozen)

    placed = NamedSharding(mesh, PartitionSpec())
    return jax.tree.map(lambda x: jax.device_put(x, placed) if frozen(x) else x, algorithm, is_leaf=frozen)


def over_seeds(
    function: Callable, mesh: Mesh, own: int, shared: int, *, in_turn: Callable[[], bool] = lambda: False
) -> Callable:
    """`function(algorithm, run, *rest)` over a run whose leaves have a first axis of learners.

    Of the arguments after the run, each learner has its `own`; the algorithm and the `shared` ones are common to all.
    Learners of one device learn together, or one after another where `in_turn` says so.
    """

    def mapped(algorithm: Any, run: Any, *rest: Any) -> Any:
        def one(run: Any, *mine: Any) -> Any:
            return function(algorithm, run, *mine, *rest[own:])

        each = run, *rest[:own]
        return jax.lax.map(lambda x: one(*x), each) if in_turn() else jax.vmap(one)(*each)

    if mesh.size == 1:
        return mapped
    common = PartitionSpec()
    return jax.shard_map(
        mapped,
        mesh=mesh,
        in_specs=(common, *[SEEDS] * (1 + own), *[common] * shared),
        out_specs=SEEDS,
        check_vma=False,
    )
