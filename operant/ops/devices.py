"""One learner on several devices: which of them has which part of an array.

Algorithms are written as if for one device, and XLA divides their programs among those of a mesh: a mean over a batch
becomes the mean of all its parts. The engine says where the arrays of a run lie (`operant.engine.devices`), and these
functions say it of what is made in between. Outside such a mesh they do nothing.
"""

from __future__ import annotations

import jax
from jax.sharding import PartitionSpec

from operant.types import PyTree

SEEDS, ENVIRONMENTS = "seeds", "environments"  # the axes of a mesh


def spread(tree: PyTree, axis: int = 0) -> PyTree:
    """The same arrays, each divided along this axis among the devices of one learner.

    An axis that they do not divide evenly stays whole: each of the devices then has all of it.
    """
    devices = _axes().get(ENVIRONMENTS, 1)
    if devices == 1:
        return tree

    def leaf(x: jax.Array) -> jax.Array:
        place = axis % x.ndim if x.ndim else 0
        if x.ndim <= max(axis, 0) or x.shape[place] % devices:
            return x
        return jax.lax.with_sharding_constraint(x, PartitionSpec(*[None] * place, ENVIRONMENTS))

    return jax.tree.map(leaf, tree)


def gathered(tree: PyTree) -> PyTree:
    """The same arrays, of which each device has all."""
    if not _axes():
        return tree
    return jax.tree.map(lambda x: jax.lax.with_sharding_constraint(x, PartitionSpec()), tree)


def _axes() -> dict[str, int]:
    """The mesh of the program that is traced: how many devices along each axis."""
    mesh = jax.sharding.get_abstract_mesh()
    kinds = dict(zip(mesh.axis_names, mesh.axis_types, strict=True))
    # Where each device has learners of its own, it sees its own part only, and there is nothing to divide.
    return dict(mesh.shape) if kinds.get(ENVIRONMENTS) is jax.sharding.AxisType.Auto else {}
