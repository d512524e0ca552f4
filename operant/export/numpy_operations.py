"""How each primitive is written in NumPy: the closed table of the exporter to readable source."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from operant.export import convolution
from operant.export.graph import Node, Value
from operant.export.text import ATOM, COMPARISON, PRODUCT, SUM, Text, joined, written, written_shape

if TYPE_CHECKING:
    from operant.export.numpy_source import Writer


def binary(symbol: str, level: int) -> Callable[[Writer, Node], Text]:
    def write(writer: Writer, node: Node) -> Text:
        a, b = map(writer.read, node.inputs)
        if symbol == "+" and b.text.removeprefix("-").isdigit() and b.text.startswith("-"):
            return Text(f"{a.at(level)} - {b.text[1:]}", joined(a.shape, b.shape), level)
        right = level if symbol in ("+", "*") else level + 1
        return Text(f"{a.at(level)} {symbol} {b.at(right)}", joined(a.shape, b.shape), level)

    return write


def function(name: str) -> Callable[[Writer, Node], Text]:
    """Of any number of arguments, element by element."""

    def write(writer: Writer, node: Node) -> Text:
        values = list(map(writer.read, node.inputs))
        return Text(f"{name}({', '.join(v.text for v in values)})", joined(*(v.shape for v in values)))

    return write


def logical(boolean: str, bitwise: str) -> Callable[[Writer, Node], Text]:
    def write(writer: Writer, node: Node) -> Text:
        return function(boolean if node.outputs[0].dtype == bool else bitwise)(writer, node)

    return write


def helper(name: str) -> Callable[[Writer, Node], Text]:
    """A function that is written out in the file."""

    def write(writer: Writer, node: Node) -> Text:
        writer.helpers.add(name)
        return function(name)(writer, node)

    return write


def reduction(name: str) -> Callable[[Writer, Node], Text]:
    def write(writer: Writer, node: Node) -> Text:
        (value,) = node.inputs
        axes = [axis - len(value.shape) for axis in node.parameters["axes"]]
        axis = str(axes[0]) if len(axes) == 1 else f"({', '.join(map(str, axes))})"
        whole = ", dtype=np.int32" if name in ("sum", "prod") and value.dtype.kind in "iu" else ""
        return Text(f"{writer.whole(value).at(ATOM)}.{name}(axis={axis}{whole})", node.outputs[0].shape)

    return write


def division(writer: Writer, node: Node) -> Text:
    if node.outputs[0].dtype.kind != "f":
        raise ValueError("The primitive div of whole numbers cannot be exported.")
    return binary("/", PRODUCT)(writer, node)


def negative(writer: Writer, node: Node) -> Text:
    value = writer.read(node.inputs[0])
    return Text(f"-{value.at(ATOM)}", value.shape, PRODUCT)


def power(writer: Writer, node: Node) -> Text:
    value = writer.read(node.inputs[0])
    exponent = node.parameters["y"]
    if exponent < 0:
        return Text(f"1 / {value.at(ATOM)} ** {-exponent}", value.shape, PRODUCT)
    return Text(f"{value.at(ATOM)} ** {exponent}", value.shape, PRODUCT)


def reciprocal_root(writer: Writer, node: Node) -> Text:
    value = writer.read(node.inputs[0])
    return Text(f"1 / np.sqrt({value.text})", value.shape, PRODUCT)


def convert(writer: Writer, node: Node) -> Text:
    value = writer.read(node.inputs[0])
    if node.inputs[0].dtype == node.outputs[0].dtype:
        return value
    return Text(f"{value.at(ATOM)}.astype(np.{node.outputs[0].dtype.name})", value.shape)


def select(writer: Writer, node: Node) -> Text:
    if len(node.inputs) != 3 or node.inputs[0].dtype != bool:
        raise ValueError("The primitive select_n of more than two cases cannot be exported.")
    which, if_false, if_true = map(writer.read, node.inputs)
    shape = joined(which.shape, if_false.shape, if_true.shape)
    return Text(f"np.where({which.text}, {if_true.text}, {if_false.text})", shape)


def clamp(writer: Writer, node: Node) -> Text:
    low, value, high = map(writer.read, node.inputs)
    return Text(f"np.clip({value.text}, {low.text}, {high.text})", joined(low.shape, value.shape, high.shape))


def extreme(name: str) -> Callable[[Writer, Node], Text]:
    def write(writer: Writer, node: Node) -> Text:
        (axis,) = node.parameters["axes"]
        value = node.inputs[0]
        text = f"{writer.whole(value).at(ATOM)}.{name}(axis={axis - len(value.shape)})"
        return Text(text, node.outputs[0].shape)

    return write


def broadcast(writer: Writer, node: Node) -> Text:
    """Nothing but an axis where one is needed: what it is used with broadcasts it."""
    return placed(writer.read(node.inputs[0]), node.inputs[0], node)


def placed(value: Text, operand: Value, node: Node) -> Text:
    dimensions, rank = node.parameters["broadcast_dimensions"], len(node.outputs[0].shape)
    known = dimensions[len(operand.shape) - len(value.shape) :]  # the axes that are really there
    if list(known) == list(range(rank - len(known), rank)):
        return value
    axes = range(known[0], rank)
    index = ", ".join(":" if axis in known else "None" for axis in axes)
    sizes = dict(zip(known, value.shape, strict=True))
    return Text(f"{value.at(ATOM)}[{index}]", tuple(sizes.get(axis, 1) for axis in axes))


def product(writer: Writer, node: Node) -> Text:
    a, b = node.inputs
    (of_a, of_b), (batch_a, _) = node.parameters["dimension_numbers"]
    left, right = writer.whole(a), writer.whole(b)
    if not batch_a and tuple(of_a) == (len(a.shape) - 1,) and tuple(of_b) == (0,) and len(b.shape) <= 2:
        return Text(f"{left.at(PRODUCT)} @ {right.at(ATOM)}", node.outputs[0].shape, PRODUCT)
    return Text(f"np.einsum({einsum(node)!r}, {left.text}, {right.text})", node.outputs[0].shape)


def einsum(node: Node) -> str:
    """The equation of a product of two arrays, such as `abc,acd->abd`."""
    a, b = node.inputs
    (of_a, of_b), (batch_a, batch_b) = node.parameters["dimension_numbers"]
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left = [next(letters) for _ in a.shape]
    shared = dict(zip((*of_b, *batch_b), (left[i] for i in (*of_a, *batch_a)), strict=True))
    right = [shared.get(i) or next(letters) for i in range(len(b.shape))]
    out = [left[i] for i in batch_a]
    out += [x for i, x in enumerate(left) if i not in (*of_a, *batch_a)]
    out += [x for i, x in enumerate(right) if i not in (*of_b, *batch_b)]
    return f"{''.join(left)},{''.join(right)}->{''.join(out)}"


def reshape(writer: Writer, node: Node) -> Text:
    shape = node.outputs[0].shape
    return Text(f"{writer.whole(node.inputs[0]).at(ATOM)}.reshape({written_shape(shape)})", shape)


def transpose(writer: Writer, node: Node) -> Text:
    order = ", ".join(map(str, node.parameters["permutation"]))
    return Text(f"{writer.whole(node.inputs[0]).at(ATOM)}.transpose({order})", node.outputs[0].shape)


def concatenate(writer: Writer, node: Node) -> Text:
    values = ", ".join(writer.whole(value).text for value in node.inputs)
    axis = node.parameters["dimension"] - len(node.outputs[0].shape)
    return Text(f"np.concatenate([{values}], axis={axis})", node.outputs[0].shape)


def stack(writer: Writer, node: Node) -> Text:
    values = ", ".join(writer.whole(value).text for value in node.inputs)
    axis = stack_axis(node) - len(node.outputs[0].shape)
    return Text(f"np.stack([{values}], axis={axis})", node.outputs[0].shape)


def stack_axis(node: Node) -> int:
    return next(node.parameters[name] for name in ("axis", "dimension") if name in node.parameters)


def cut(writer: Writer, node: Node) -> Text:
    (value,), parameters = node.inputs, node.parameters
    strides = parameters["strides"] or (1,) * len(value.shape)
    ranges = zip(value.shape, parameters["start_indices"], parameters["limit_indices"], strides, strict=True)
    parts = []
    for size, start, limit, stride in ranges:
        step = "" if stride == 1 else f":{stride}"
        begin, end = "" if start == 0 else written(start), "" if limit == size else written(limit)
        parts.append(f"{begin}:{end}{step}")
    while parts and parts[-1] == ":":
        parts.pop()
    whole = writer.whole(value)
    return Text(f"{whole.at(ATOM)}[{', '.join(parts)}]", node.outputs[0].shape) if parts else whole


def split(writer: Writer, node: Node) -> list[Text]:
    value = writer.named(node.inputs[0])
    axis, start, texts = node.parameters["axis"], 0, []
    for size, output in zip(node.parameters["sizes"], node.outputs, strict=True):
        index = ":, " * axis + f"{start}:{start + size}"
        texts.append(Text(f"{value.text}[{index}]", output.shape))
        start += size
    return texts


def padding(node: Node) -> list[tuple[int, int]]:
    """How much is put before and after each axis. Raises ValueError for gaps in between, and for cuts."""
    config = node.parameters["padding_config"]
    if any(low < 0 or high < 0 or inner for low, high, inner in config):
        raise ValueError("The primitive pad with gaps or cuts cannot be exported.")
    return [(low, high) for low, high, _ in config]


def pad(writer: Writer, node: Node) -> Text:
    value, filling = node.inputs
    config = padding(node)
    if not any(low or high for low, high in config):
        return writer.read(value)
    widths = ", ".join(f"({low}, {high})" for low, high in config)
    text = f"np.pad({writer.whole(value).text}, [{widths}], constant_values={writer.read(filling).text})"
    return Text(text, node.outputs[0].shape)


def squeeze(writer: Writer, node: Node) -> Text:
    value = node.inputs[0]
    index = ["0" if axis in node.parameters["dimensions"] else ":" for axis in range(len(value.shape))]
    while index and index[-1] == ":":
        index.pop()
    text = writer.whole(value).at(ATOM)
    return Text(f"{text}[{', '.join(index)}]" if index else text, node.outputs[0].shape)


def flip(writer: Writer, node: Node) -> Text:
    axes = tuple(node.parameters["dimensions"])
    return Text(f"np.flip({writer.whole(node.inputs[0]).text}, {axes})", node.outputs[0].shape)


def count(writer: Writer, node: Node) -> Text:
    """0, 1, 2, … along one axis, which is the batch's: all others are known beforehand."""
    shape, axis = node.outputs[0].shape, node.parameters["dimension"]
    rest = "".join(", None" for _ in shape[axis + 1 :])
    text = f"np.arange({written(shape[axis])})"
    known = (shape[axis], *(1 for _ in shape[axis + 1 :]))
    return Text(f"{text}[:{rest}]" if rest else text, known)


def gather(writer: Writer, node: Node) -> Text:
    operand, indices = node.inputs
    first, last = gathered(node)
    text, source = writer.whole(operand).at(ATOM), indices.node
    axes = len(node.parameters["dimension_numbers"].start_index_map)
    text += _transposed(first)
    one = axes == 1 and source is not None and source.kind == "broadcast_in_dim"
    if one and source is not None and source.inputs[0].shape == indices.shape[:-1]:
        index = writer.whole(source.inputs[0]).text
    else:
        name = writer.named(indices).text
        index = ", ".join(f"{name}[..., {i}]" for i in range(axes))
    return Text(f"{text}[{index}]{_transposed(last)}", node.outputs[0].shape)


def _transposed(order: tuple[int, ...]) -> str:
    return "" if order == tuple(range(len(order))) else f".transpose({', '.join(map(str, order))})"


def gathered(node: Node) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How to bring the axes of the operand, which indices `[…, k]` choose one place of, to the front; and how to bring
    what is then found, `[…, rest]`, into the order of the output.

    Raises ValueError for gathering of more than one place along each axis.
    """
    numbers, sizes = node.parameters["dimension_numbers"], node.parameters["slice_sizes"]
    operand, output = node.inputs[0].shape, node.outputs[0].shape
    chosen = tuple(numbers.start_index_map)
    rest = tuple(axis for axis in range(len(operand)) if axis not in chosen)
    whole = tuple(1 if axis in chosen else size for axis, size in enumerate(operand))
    if (
        tuple(sorted(chosen)) != tuple(numbers.collapsed_slice_dims)
        or tuple(sizes) != whole
        or getattr(numbers, "operand_batching_dims", ())
    ):
        raise ValueError("The primitive gather of several places of one axis cannot be exported.")
    found = [axis for axis in range(len(output)) if axis not in numbers.offset_dims]
    order = [*found, *numbers.offset_dims]
    return (*chosen, *rest), tuple(order.index(axis) for axis in range(len(output)))


def cumulative(name: str) -> Callable[[Writer, Node], Text]:
    def write(writer: Writer, node: Node) -> Text:
        if node.parameters.get("reverse"):
            raise ValueError(f"The primitive {node.kind} from the end cannot be exported.")
        text = f"{name}({writer.whole(node.inputs[0]).text}, axis={node.parameters['axis']})"
        return Text(text, node.outputs[0].shape)

    return write


SAME_NAME = "tanh exp log log1p expm1 exp2 sqrt cbrt sin cos tan sinh cosh floor ceil sign square"
OPERATIONS: dict[str, Callable[[Writer, Node], Any]] = {
    **{name: function(f"np.{name}") for name in SAME_NAME.split()},
    "abs": function("np.abs"),
    "acos": function("np.arccos"),
    "asin": function("np.arcsin"),
    "atan": function("np.arctan"),
    "asinh": function("np.arcsinh"),
    "acosh": function("np.arccosh"),
    "atanh": function("np.arctanh"),
    "atan2": function("np.arctan2"),
    "erf": helper("erf"),
    "is_finite": function("np.isfinite"),
    "logistic": helper("sigmoid"),
    "neg": negative,
    "not": logical("np.logical_not", "np.invert"),
    "integer_pow": power,
    "round": function("np.rint"),
    "rsqrt": reciprocal_root,
    "convert_element_type": convert,
    "add": binary("+", SUM),
    "add_any": binary("+", SUM),
    "sub": binary("-", SUM),
    "mul": binary("*", PRODUCT),
    "div": division,
    "rem": function("np.fmod"),
    "max": function("np.maximum"),
    "min": function("np.minimum"),
    "pow": function("np.power"),
    "nextafter": function("np.nextafter"),
    "eq": binary("==", COMPARISON),
    "ne": binary("!=", COMPARISON),
    "lt": binary("<", COMPARISON),
    "le": binary("<=", COMPARISON),
    "gt": binary(">", COMPARISON),
    "ge": binary(">=", COMPARISON),
    "and": logical("np.logical_and", "np.bitwise_and"),
    "or": logical("np.logical_or", "np.bitwise_or"),
    "xor": logical("np.logical_xor", "np.bitwise_xor"),
    "select_n": select,
    "clamp": clamp,
    "reduce_sum": reduction("sum"),
    "reduce_prod": reduction("prod"),
    "reduce_max": reduction("max"),
    "reduce_min": reduction("min"),
    "reduce_and": reduction("all"),
    "reduce_or": reduction("any"),
    "argmax": extreme("argmax"),
    "argmin": extreme("argmin"),
    "cumsum": cumulative("np.cumsum"),
    "cumprod": cumulative("np.cumprod"),
    "broadcast_in_dim": broadcast,
    "dot_general": product,
    "conv_general_dilated": convolution.to_numpy,
    "reshape": reshape,
    "squeeze": squeeze,
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
