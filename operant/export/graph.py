"""A policy as a graph: what its deterministic action is computed by, in a few dozen primitives over named parameters.

JAX says what a policy computes: it is traced into primitives, whatever its networks are. What depends on parameters
alone is computed here, once; what is left is what a file in another form must say, and each form has one table of
primitives.

The size of a batch is found by tracing twice, with two sizes: what differs between the two, and only that, is a
multiple of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from operant.types import PyTree

SIZES = (5, 7)  # of the two batches: no multiple of one is the same multiple of the other
CALLS = {
    "jit",
    "pjit",
    "closed_call",
    "core_call",
    "custom_jvp_call",
    "custom_vjp_call",
    "custom_vjp_call_jaxpr",
    "custom_vmap_call",
    "checkpoint",
    "remat",
    "remat2",
}
PASS = {"stop_gradient", "copy", "copy_p", "optimization_barrier", "sharding_constraint"}


@dataclass(frozen=True)
class Batch:
    """A dimension: `factor` times the size of the batch."""

    factor: int = 1


Dimension = int | Batch


@dataclass(eq=False)
class Value:
    """An array in the graph."""

    shape: tuple[Dimension, ...]
    dtype: np.dtype
    name: str = ""  # an input's or a parameter's
    constants: tuple[np.ndarray, np.ndarray] | None = None  # where it depends on no input: in both traces
    node: Node | None = None  # what it comes from

    @property
    def constant(self) -> np.ndarray | None:
        """Its value, with 1 for every dimension that is the batch's; None where it is not known beforehand."""
        if self.constants is None:
            return None
        first = self.constants[0]
        return first[tuple(slice(0, 1) if isinstance(d, Batch) else slice(None) for d in self.shape)]


@dataclass(eq=False)
class Node:
    """One primitive."""

    kind: str
    inputs: list[Value]
    outputs: list[Value]
    parameters: dict[str, Any] = field(default_factory=dict)  # dimensions in it may be a Batch


@dataclass
class Graph:
    """What is computed from the inputs, in order, and where the outputs are."""

    inputs: list[Value]
    nodes: list[Node]
    outputs: list[Value]


def graph_of(
    function: Callable[..., Sequence[Any]],
    parameters: PyTree,
    inputs: Mapping[str, tuple[tuple[int, ...], Any]],
) -> Graph:
    """The graph of `function(parameters, *inputs) → arrays [N, …]`, for inputs `{name: (shape after N, dtype)}`.

    Raises ValueError where it treats batches of different sizes differently.
    """
    leaves, structure = jax.tree.flatten(parameters)
    names = [identifier(path) for path, _ in jax.tree_util.tree_leaves_with_path(parameters)]

    def flat(*arguments: Any) -> list[Any]:
        known, given = arguments[: len(leaves)], arguments[len(leaves) :]
        return list(function(jax.tree.unflatten(structure, known), *given))

    traced = []
    for size in SIZES:
        shaped = [jax.ShapeDtypeStruct((size, *shape), dtype) for shape, dtype in inputs.values()]
        traced.append(jax.make_jaxpr(flat)(*leaves, *shaped))
    given = [Value((Batch(), *shape), np.dtype(dtype), name) for name, (shape, dtype) in inputs.items()]
    known = [_known((leaf, leaf), name) for leaf, name in zip(leaves, names, strict=True)]
    builder = _Builder()
    consts = [_known(pair, "constant") for pair in zip(*(closed.consts for closed in traced), strict=True)]
    jaxprs = tuple(closed.jaxpr for closed in traced)
    outputs = builder.run(jaxprs, consts, [*known, *given])
    return Graph(given, _needed(builder.nodes, outputs), outputs)


class _Builder:
    """Walks two traces of one function side by side."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def run(
        self, jaxprs: tuple[Any, Any], consts: Sequence[Value], arguments: Sequence[Value]
    ) -> list[Value]:
        one, other = jaxprs
        if len(one.eqns) != len(other.eqns):
            raise ValueError(
                "The policy computes other things for a batch of another size; it cannot be exported."
            )
        known: dict[Any, Value] = dict(zip(one.constvars, consts, strict=True))
        known |= dict(zip(one.invars, arguments, strict=True))

        def read(pair: tuple[Any, Any]) -> Value:
            if isinstance(pair[0], core.Literal):
                # The value may be a Python number, which NumPy would give another type.
                first, second = (np.asarray(literal.val, literal.aval.dtype) for literal in pair)
                return _known((first, second), "")
            return known[pair[0]]

        for equations in zip(one.eqns, other.eqns, strict=True):
            inputs = [read(pair) for pair in zip(*(e.invars for e in equations), strict=True)]
            outputs = self._equation(equations, inputs)
            known |= dict(zip(equations[0].outvars, outputs, strict=True))
        return [read(pair) for pair in zip(one.outvars, other.outvars, strict=True)]

    def _equation(self, equations: tuple[Any, Any], inputs: list[Value]) -> list[Value]:
        kind = equations[0].primitive.name
        if kind in PASS:
            return inputs
        if kind == "platform_index":
            return [_anywhere(equations[0])]
        computed = _computed(equations, inputs)
        if (
            computed is not None and kind != "broadcast_in_dim"
        ):  # which costs nothing, and keeps a parameter's name
            return computed
        if kind == "cond" and inputs[0].constant is not None:
            which = int(inputs[0].constant)
            branches = [equation.params["branches"][which] for equation in equations]
            return self._call(branches, inputs[1:])
        if kind in CALLS:
            return self._call([inner_jaxpr(equation) for equation in equations], inputs)
        shapes = [
            _unified(*(v.aval.shape for v in pair))
            for pair in zip(*(e.outvars for e in equations), strict=True)
        ]
        outputs = [
            Value(shape, np.dtype(variable.aval.dtype))
            for shape, variable in zip(shapes, equations[0].outvars, strict=True)
        ]
        if computed is not None:
            outputs = computed
        parameters = {
            name: _unified(value, equations[1].params[name]) for name, value in equations[0].params.items()
        }
        node = Node(kind, inputs, outputs, parameters)
        for output in outputs:
            output.node = node
        self.nodes.append(node)
        return outputs

    def _call(self, inner: Sequence[Any], inputs: list[Value]) -> list[Value]:
        """What is computed inside of an equation, in both traces."""
        consts = [_known(pair, "constant") for pair in zip(*(one.consts for one in inner), strict=True)]
        return self.run((inner[0].jaxpr, inner[1].jaxpr), consts, inputs)


def _anywhere(equation: Any) -> Value:
    """The place of the branch that is for any platform, among those of `jax.lax.platform_dependent`."""
    place = np.int32(list(equation.params["platforms"]).index(None))
    return _known((place, place), "")


def inner_jaxpr(equation: Any) -> Any:
    """What an equation calls, closed."""
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr", "call"):
        if name in equation.params:
            inner = equation.params[name]
            return inner if isinstance(inner, core.ClosedJaxpr) else core.ClosedJaxpr(inner, ())
    raise ValueError(f"The primitive {equation.primitive.name} cannot be exported.")


def _computed(equations: tuple[Any, Any], inputs: list[Value]) -> list[Value] | None:
    """The outputs where inputs are known; None where they are not, or differ from row to row of the batch."""
    if any(value.constants is None for value in inputs):
        return None
    results = []
    for index, equation in enumerate(equations):
        bound = equation.primitive.get_bind_params(equation.params)
        functions, parameters = (
            bound if isinstance(bound, tuple) else ((), bound)
        )  # JAX before 0.10, and since
        values = [v.constants[index] for v in inputs if v.constants is not None]
        result = equation.primitive.bind(*functions, *values, **parameters)
        results.append(result if equation.primitive.multiple_results else [result])
    name = next((v.name for v in inputs if v.name), "constant")
    outputs = [_known(pair, name) for pair in zip(*results, strict=True)]
    return None if any(_differs(value) for value in outputs) else outputs


def _known(pair: tuple[Any, Any], name: str) -> Value:
    if jnp.issubdtype(getattr(pair[0], "dtype", np.float32), jax.dtypes.prng_key):
        return Value(pair[0].shape, np.dtype(object), name)  # which no deterministic policy looks at
    one, other = (np.asarray(x) for x in pair)
    return Value(_unified(one.shape, other.shape), one.dtype, name, (one, other))


def _differs(value: Value) -> bool:
    """Whether it is not the same in every row of the batch, and in both batches."""
    constant = value.constant
    assert constant is not None
    assert value.constants is not None
    return not all(
        np.array_equal(np.broadcast_to(constant, whole.shape), whole, equal_nan=whole.dtype.kind == "f")
        for whole in value.constants
    )


def _unified(one: Any, other: Any) -> Any:
    """What both traces have, with a `Batch` for sizes that follow the batch's."""
    if hasattr(one, "_fields"):  # a named tuple
        return type(one)(*(_unified(*pair) for pair in zip(one, other, strict=True)))
    if isinstance(one, tuple | list) and isinstance(other, tuple | list) and len(one) == len(other):
        return tuple(_unified(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, np.integer) and isinstance(other, np.integer):
        one, other = int(one), int(other)
    if isinstance(one, int) and isinstance(other, int) and one != other:
        factor, rest = divmod(one, SIZES[0])
        if rest or factor * SIZES[1] != other:
            raise ValueError(
                f"A dimension of the policy is {one} for {SIZES[0]} observations and {other} for {SIZES[1]}: "
                "it cannot be exported."
            )
        return Batch(factor)
    return one


def _needed(nodes: list[Node], outputs: list[Value]) -> list[Node]:
    """The nodes that the outputs depend on, in order. What is known beforehand needs none."""
    wanted, kept = {id(value) for value in outputs}, []
    for node in reversed(nodes):
        if any(id(value) in wanted for value in node.outputs):
            kept.append(node)
            wanted |= {id(value) for value in node.inputs}
    return kept[::-1]


def identifier(path: Sequence[Any]) -> str:
    """The place of a leaf in a tree as a Python name: `network_policy_hidden_0_weight`."""
    text = "_".join(str(getattr(key, "name", getattr(key, "key", getattr(key, "idx", key)))) for key in path)
    name = "".join(c if c.isalnum() else "_" for c in text).strip("_")
    return name if name and not name[0].isdigit() else f"_{name}"
