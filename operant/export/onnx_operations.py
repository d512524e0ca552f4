"""How each primitive is written in ONNX: the closed table of that exporter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from operant.export import convolution
from operant.export.graph import Batch, Node
from operant.export.numpy_operations import einsum, gathered, padding, stack_axis
from operant.export.text import joined

if TYPE_CHECKING:
    from operant.export.onnx_model import Tensor, Writer

Operation = Callable[
    ["Writer", Node], Any
]  # a Tensor, the name of one that has every axis, or a list of such


def plain(kind: str, **attributes: Any) -> Operation:
    """An operator that works element by element on any number of arguments."""

    def write(writer: Writer, node: Node) -> Tensor:
        return writer.elementwise(kind, *node.inputs, **attributes)

    return write


def boolean(kind: str) -> Operation:
    def write(writer: Writer, node: Node) -> Tensor:
        if node.outputs[0].dtype != bool:
            raise ValueError(f"The primitive {node.kind} of whole numbers cannot be exported to ONNX.")
        return writer.elementwise(kind, *node.inputs)

    return write


def composed(*steps: tuple[Any, ...]) -> Operation:
    """Operators one after the other, each of what came before and of numbers: `("Pow", 2.0)`; `None` is the value."""

    def write(writer: Writer, node: Node) -> Tensor:
        (value,) = node.inputs
        tensor = writer.read(value)
        name = tensor.name
        for kind, *arguments in steps:
            names = [
                name if a is None else writer.constant(np.array(a, value.dtype)) for a in arguments or (None,)
            ]
            name = writer.add(kind, *names)
        return _like(tensor, name)

    return write


def _like(tensor: Tensor, name: str) -> Tensor:
    return type(tensor)(name, tensor.shape)


def not_equal(writer: Writer, node: Node) -> Tensor:
    equal = writer.elementwise("Equal", *node.inputs)
    return _like(equal, writer.add("Not", equal.name))


def power(writer: Writer, node: Node) -> Tensor:
    tensor = writer.read(node.inputs[0])
    exponent = writer.constant(np.array(node.parameters["y"], node.inputs[0].dtype))
    return _like(tensor, writer.add("Pow", tensor.name, exponent))


def division(writer: Writer, node: Node) -> Tensor:
    if node.outputs[0].dtype.kind != "f":
        raise ValueError("The primitive div of whole numbers cannot be exported.")
    return writer.elementwise("Div", *node.inputs)


def finite(writer: Writer, node: Node) -> Tensor:
    tensor = writer.read(node.inputs[0])
    either = writer.add("Or", writer.add("IsInf", tensor.name), writer.add("IsNaN", tensor.name))
    return _like(tensor, writer.add("Not", either))


def convert(writer: Writer, node: Node) -> Tensor:
    tensor = writer.read(node.inputs[0])
    same = node.inputs[0].dtype == node.outputs[0].dtype
    return tensor if same else _like(tensor, writer.cast(tensor.name, node.outputs[0].dtype))


def select(writer: Writer, node: Node) -> Tensor:
    if len(node.inputs) != 3 or node.inputs[0].dtype != bool:
        raise ValueError("The primitive select_n of more than two cases cannot be exported.")
    which, if_false, if_true = map(writer.read, node.inputs)
    shape = joined(which.shape, if_false.shape, if_true.shape)
    if node.outputs[0].dtype != bool:
        return type(which)(writer.add("Where", which.name, if_true.name, if_false.name), shape)
    one = writer.add("And", which.name, if_true.name)
    other = writer.add("And", writer.add("Not", which.name), if_false.name)
    return type(which)(writer.add("Or", one, other), shape)


def clamp(writer: Writer, node: Node) -> Tensor:
    low, value, high = map(writer.read, node.inputs)
    name = writer.add("Min", writer.add("Max", value.name, low.name), high.name)
    return type(value)(name, joined(low.shape, value.shape, high.shape))


def reduction(kind: str) -> Operation:
    def write(writer: Writer, node: Node) -> str:
        axes, name = list(node.parameters["axes"]), writer.whole(node.inputs[0])
        if kind == "ReduceSum":
            return writer.add(kind, name, writer.integers(axes), keepdims=0)
        return writer.add(kind, name, axes=axes, keepdims=0)

    return write


def logical(kind: str) -> Operation:
    """Of flags, which ONNX reduces as numbers."""

    def write(writer: Writer, node: Node) -> str:
        numbers = writer.cast(writer.whole(node.inputs[0]), np.int32)
        reduced = writer.add(kind, numbers, axes=list(node.parameters["axes"]), keepdims=0)
        return writer.cast(reduced, np.bool_)

    return write


def extreme(kind: str) -> Operation:
    def write(writer: Writer, node: Node) -> str:
        (axis,), value = node.parameters["axes"], node.inputs[0]
        name = writer.whole(value)
        name = writer.cast(name, np.int32) if value.dtype == bool else name
        found = writer.add(kind, name, axis=axis, keepdims=0)
        return writer.cast(found, node.outputs[0].dtype)

    return write


def cumulative(writer: Writer, node: Node) -> str:
    axis = writer.constant(np.array(node.parameters["axis"], np.int64))
    return writer.add("CumSum", writer.whole(node.inputs[0]), axis, reverse=int(node.parameters["reverse"]))


def broadcast(writer: Writer, node: Node) -> Tensor:
    return unsqueezed(writer, writer.read(node.inputs[0]), node)


def unsqueezed(writer: Writer, tensor: Tensor, node: Node) -> Tensor:
    """Nothing but an axis where one is needed: what it is used with broadcasts it."""
    dimensions, rank = node.parameters["broadcast_dimensions"], len(node.outputs[0].shape)
    known = dimensions[len(node.inputs[0].shape) - len(tensor.shape) :]  # the axes that are really there
    if list(known) == list(range(rank - len(known), rank)):
        return tensor
    axes = range(known[0], rank)
    missing = [i for i, axis in enumerate(axes) if axis not in known]
    sizes = dict(zip(known, tensor.shape, strict=True))
    name = writer.add("Unsqueeze", tensor.name, writer.integers(missing))
    return type(tensor)(name, tuple(sizes.get(axis, 1) for axis in axes))


def product(writer: Writer, node: Node) -> str:
    a, b = node.inputs
    (of_a, of_b), (batch_a, _) = node.parameters["dimension_numbers"]
    left, right = writer.whole(a), writer.whole(b)
    if not batch_a and tuple(of_a) == (len(a.shape) - 1,) and tuple(of_b) == (0,) and len(b.shape) <= 2:
        return writer.add("MatMul", left, right)
    return writer.add("Einsum", left, right, equation=einsum(node))


def reshape(writer: Writer, node: Node) -> str:
    shape = node.outputs[0].shape
    batch_sizes = [size for size in shape if isinstance(size, Batch)]
    name = writer.whole(node.inputs[0])
    if len(batch_sizes) > 1:
        return writer.add("Reshape", name, writer.shape(shape))
    return writer.add("Reshape", name, writer.integers([-1 if isinstance(s, Batch) else s for s in shape]))


def transpose(writer: Writer, node: Node) -> str:
    return writer.add("Transpose", writer.whole(node.inputs[0]), perm=list(node.parameters["permutation"]))


def concatenate(writer: Writer, node: Node) -> str:
    return writer.add("Concat", *map(writer.whole, node.inputs), axis=node.parameters["dimension"])


def stack(writer: Writer, node: Node) -> str:
    axis = stack_axis(node)
    parts = [writer.add("Unsqueeze", writer.whole(value), writer.integers([axis])) for value in node.inputs]
    return writer.add("Concat", *parts, axis=axis)


def cut(writer: Writer, node: Node) -> str:
    (value,), parameters = node.inputs, node.parameters
    strides = parameters["strides"] or (1,) * len(value.shape)
    ranges = zip(value.shape, parameters["start_indices"], parameters["limit_indices"], strides, strict=True)
    name = writer.whole(value)
    for axis, (size, start, limit, stride) in enumerate(ranges):
        if (start, limit, stride) != (0, size, 1):
            if isinstance(limit, Batch) or isinstance(start, Batch):
                raise ValueError("The primitive slice of a batch cannot be exported to ONNX.")
            name = writer.add("Slice", name, *(writer.integers([i]) for i in (start, limit, axis, stride)))
    return name


def split(writer: Writer, node: Node) -> list[str]:
    name, axis, start, parts = writer.whole(node.inputs[0]), node.parameters["axis"], 0, []
    for size in node.parameters["sizes"]:
        parts.append(writer.add("Slice", name, *(writer.integers([i]) for i in (start, start + size, axis))))
        start += size
    return parts


def pad(writer: Writer, node: Node) -> Any:
    value, filling = node.inputs
    config = padding(node)
    if not any(low or high for low, high in config):
        return writer.read(value)
    widths = [low for low, _ in config] + [high for _, high in config]
    return writer.add("Pad", writer.whole(value), writer.integers(widths), writer.read(filling).name)


def flip(writer: Writer, node: Node) -> str:
    name = writer.whole(node.inputs[0])
    for axis in node.parameters["dimensions"]:
        ends = (-1, np.iinfo(np.int64).min, axis, -1)
        name = writer.add("Slice", name, *(writer.integers([int(i)]) for i in ends))
    return name


def count(writer: Writer, node: Node) -> Tensor:
    shape, axis = node.outputs[0].shape, node.parameters["dimension"]
    size = shape[axis]
    assert isinstance(size, Batch)  # all others are known beforehand
    end = writer.add("Reshape", writer.size(size), writer.constant(np.zeros(0, np.int64)))
    zero, one = (writer.constant(np.array(number, np.int64)) for number in (0, 1))
    name = writer.cast(writer.add("Range", zero, end, one), node.outputs[0].dtype)
    if shape[axis + 1 :]:
        name = writer.add("Unsqueeze", name, writer.integers(range(1, len(shape) - axis)))
    tensor = writer.read(writer.exported.graph.inputs[0])
    return type(tensor)(name, (size, *(1 for _ in shape[axis + 1 :])))


def gather(writer: Writer, node: Node) -> str:
    operand, indices = node.inputs
    first, last = gathered(node)
    source = _transposed(writer, writer.whole(operand), first)
    found = writer.add("GatherND", source, writer.cast(writer.whole(indices), np.int64))
    return _transposed(writer, found, last)


def _transposed(writer: Writer, name: str, order: tuple[int, ...]) -> str:
    return name if order == tuple(range(len(order))) else writer.add("Transpose", name, perm=list(order))


SAME_NAME = (
    "Tanh Exp Log Sqrt Sin Cos Tan Sinh Cosh Floor Ceil Sign Abs Neg Erf Asin Acos Atan Asinh Acosh Atanh Round Pow "
    "Max Min Add Sub Mul"
)
OPERATIONS: dict[str, Operation] = {
    **{name.lower(): plain(name) for name in SAME_NAME.split()},
    "add_any": plain("Add"),
    "logistic": plain("Sigmoid"),
    "not": boolean("Not"),
    "and": boolean("And"),
    "or": boolean("Or"),
    "xor": boolean("Xor"),
    "integer_pow": power,
    "square": composed(("Mul", None, None)),
    "rsqrt": composed(("Sqrt",), ("Reciprocal",)),
    "log1p": composed(("Add", None, 1.0), ("Log",)),
    "expm1": composed(("Exp",), ("Sub", None, 1.0)),
    "exp2": composed(("Pow", 2.0, None)),
    "is_finite": finite,
    "convert_element_type": convert,
    "div": division,
    "rem": plain("Mod", fmod=1),
    "eq": plain("Equal"),
    "ne": not_equal,
    "lt": plain("Less"),
    "le": plain("LessOrEqual"),
    "gt": plain("Greater"),
    "ge": plain("GreaterOrEqual"),
    "select_n": select,
    "clamp": clamp,
    "reduce_sum": reduction("ReduceSum"),
    "reduce_prod": reduction("ReduceProd"),
    "reduce_max": reduction("ReduceMax"),
    "reduce_min": reduction("ReduceMin"),
    "reduce_and": logical("ReduceMin"),
    "reduce_or": logical("ReduceMax"),
    "argmax": extreme("ArgMax"),
    "argmin": extreme("ArgMin"),
    "cumsum": cumulative,
    "broadcast_in_dim": broadcast,
    "dot_general": product,
    "conv_general_dilated": convolution.to_onnx,
    "reshape": reshape,
    "squeeze": reshape,
    "transpose": transpose,
    "concatenate": concatenate,
    "stack": stack,
    "slice": cut,
    "split": split,
    "pad": pad,
    "rev": flip,
    "iota": count,
    "gather": gather,
}
