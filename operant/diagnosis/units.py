"""The units of hidden layers over a batch of observations, whatever the network is: JAX says what it computes.

What is multiplied by parameters is a layer's input. Where it comes from an earlier such product, it is the output of
hidden units. So a function is traced into primitives, and each such input is kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from operant.export.graph import CALLS, inner_jaxpr
from operant.types import PyTree

DORMANT = 0.025  # of a layer's mean activation, up to which a unit is dormant (Sokar et al. 2023, section 3)
RANK = 0.99  # of the sum of singular values, that the effective rank holds (Kumar et al. 2021, section 3)
PRODUCTS = ("dot_general", "conv_general_dilated")
MOST = 40  # layers
Kept = dict[int, tuple[Any, jax.Array]]  # what a layer is given, by its identity: two layers may share it


@dataclass(frozen=True)
class Known:
    """An array on the way: how many products with parameters it has come through, and whether inputs are in it."""

    value: Any
    depth: int
    of_input: bool


def hidden_units(
    function: Callable[[PyTree, PyTree], Any], parameters: PyTree, inputs: PyTree
) -> list[np.ndarray]:
    """The outputs `[M, units]` of the hidden layers of `function(parameters, inputs [B, …])`, in order.

    M is B, or more where a layer is used several times for an observation, as a convolution and an ensemble are.
    """
    closed = jax.make_jaxpr(function)(parameters, inputs)
    count = len(jax.tree.leaves(parameters))

    def run(leaves: list[Any]) -> list[jax.Array]:
        kept: Kept = {}
        given = [Known(leaf, 0, i >= count) for i, leaf in enumerate(leaves)]
        _walk(closed.jaxpr, [Known(const, 0, False) for const in closed.consts], given, kept)
        return [rows for _, rows in kept.values()]

    leaves = [*jax.tree.leaves(parameters), *jax.tree.leaves(inputs)]
    return [np.asarray(units, np.float64) for units in jax.jit(run)(leaves)]


def _walk(jaxpr: Any, consts: Sequence[Known], arguments: Sequence[Known], kept: Kept) -> list[Known]:
    """Compute a trace, and keep what its layers are given."""
    known: dict[Any, Known] = dict(zip(jaxpr.constvars, consts, strict=True))
    known |= dict(zip(jaxpr.invars, arguments, strict=True))

    def read(variable: Any) -> Known:
        return Known(variable.val, 0, False) if isinstance(variable, core.Literal) else known[variable]

    for equation in _needed(jaxpr):
        inputs = [read(variable) for variable in equation.invars]
        name = equation.primitive.name
        if name in CALLS:
            inner = inner_jaxpr(equation)
            outputs = _walk(inner.jaxpr, [Known(const, 0, False) for const in inner.consts], inputs, kept)
        else:
            depth = max((each.depth for each in inputs), default=0)
            of_input = any(each.of_input for each in inputs)
            layer = name in PRODUCTS and inputs[0].of_input != inputs[1].of_input
            if layer and depth > 0 and len(kept) < MOST:
                given = inputs[0 if inputs[0].of_input else 1].value
                kept[id(given)] = given, _rows(equation, inputs)
            outputs = [Known(value, depth + layer, of_input) for value in _computed(equation, inputs)]
        known |= dict(zip(equation.outvars, outputs, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _needed(jaxpr: Any) -> list[Any]:
    """The equations that the outputs depend on, in order."""
    wanted, needed = {id(variable) for variable in jaxpr.outvars}, []
    for equation in reversed(jaxpr.eqns):
        if any(id(variable) in wanted for variable in equation.outvars):
            needed.append(equation)
            wanted |= {id(variable) for variable in equation.invars}
    return needed[::-1]


def _computed(equation: Any, inputs: Sequence[Known]) -> list[Any]:
    bound = equation.primitive.get_bind_params(equation.params)
    functions, parameters = bound if isinstance(bound, tuple) else ((), bound)  # JAX before 0.10, and since
    result = equation.primitive.bind(*functions, *(each.value for each in inputs), **parameters)
    return list(result) if equation.primitive.multiple_results else [result]


def _rows(equation: Any, inputs: Sequence[Known]) -> jax.Array:
    """What a product is of, as `[M, units]`. Each of several networks side by side has units of its own."""
    which = 0 if inputs[0].of_input else 1
    value = jnp.asarray(inputs[which].value)
    if equation.primitive.name == "dot_general":
        contracted, together = equation.params["dimension_numbers"]
        axes = (*together[which], *contracted[which])
    else:
        axes = (equation.params["dimension_numbers"].lhs_spec[1],)
    rest = [axis for axis in range(value.ndim) if axis not in axes]
    units = math.prod(value.shape[axis] for axis in axes)
    return jnp.transpose(value, (*rest, *axes)).reshape(-1, units)


def dormant_share(units: np.ndarray) -> float:
    """The share of units `[M, n]` whose mean |activation| is at most `DORMANT` times the mean over the layer.

    Sokar et al. 2023, definition 3.1. A layer that puts out nothing at all is wholly dormant.
    """
    activity = np.abs(units).mean(0)
    mean = activity.mean()
    return 1.0 if mean == 0 or not np.isfinite(mean) else float((activity / mean <= DORMANT).mean())


def effective_rank(units: np.ndarray) -> float:
    """The fewest singular values of `[M, n]` that sum up to `RANK` of all of them (Kumar et al. 2021, section 3)."""
    if not np.isfinite(units).all():
        return 0.0
    values = np.linalg.svd(units, compute_uv=False)
    total = values.sum()
    return 0.0 if total == 0 else float(np.searchsorted(np.cumsum(values) / total, RANK) + 1)
