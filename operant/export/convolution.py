"""What a convolution's primitive says, for both forms, and how each writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from operant.export.graph import Node
from operant.export.text import ATOM, Text

if TYPE_CHECKING:
    from operant.export.numpy_source import Writer as NumpyWriter
    from operant.export.onnx_model import Writer as OnnxWriter

HELPER = '''def convolve(x, weight, strides, padding, dilation):
    """Images [n, height, width, in] and weights [height, width, in, out]: [n, height, width, out]."""
    x = np.pad(x, [(0, 0), *padding, (0, 0)])
    sizes = [(size - 1) * step + 1 for size, step in zip(weight.shape, dilation)]
    windows = np.lib.stride_tricks.sliding_window_view(x, sizes, axis=(1, 2))
    windows = windows[:, :: strides[0], :: strides[1], :, :: dilation[0], :: dilation[1]]
    return np.tensordot(windows, weight, [(3, 4, 5), (2, 0, 1)])
'''


@dataclass(frozen=True)
class Convolution:
    """Of two axes, and which axes of images, weights and result are which: batch, channels, height and width; out, in,
    height and width; batch, channels, height and width.
    """

    images: tuple[int, ...]
    weights: tuple[int, ...]
    result: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]

    @classmethod
    def of(cls, node: Node) -> Convolution:
        """Raises ValueError for what neither form has."""
        parameters = node.parameters
        numbers = parameters["dimension_numbers"]
        plain = parameters["feature_group_count"] == parameters["batch_group_count"] == 1
        if len(numbers.lhs_spec) != 4 or set(parameters["lhs_dilation"]) != {1} or not plain:
            raise ValueError(
                "The primitive conv_general_dilated can be exported for images, without groups and without gaps "
                "between their pixels."
            )
        return cls(
            tuple(numbers.lhs_spec),
            tuple(numbers.rhs_spec),
            tuple(numbers.out_spec),
            tuple(parameters["window_strides"]),
            tuple(map(tuple, parameters["padding"])),
            tuple(parameters["rhs_dilation"]),
        )


def to_numpy(writer: NumpyWriter, node: Node) -> Text:
    writer.helpers.add("convolve")
    of = Convolution.of(node)
    batch, channels, height, width = of.images
    out, channels_in, *kernel = of.weights
    images, weights = map(writer.whole, node.inputs)
    x, weight = (
        _ordered(images, (batch, height, width, channels)),
        _ordered(weights, (*kernel, channels_in, out)),
    )
    text = Text(f"convolve({x}, {weight}, {of.strides}, {of.padding}, {of.dilation})", ())
    batch, channels, height, width = of.result
    return Text(_ordered(text, _inverse((batch, height, width, channels))), node.outputs[0].shape)


def to_onnx(writer: OnnxWriter, node: Node) -> str:
    of = Convolution.of(node)
    images = writer.add("Transpose", writer.whole(node.inputs[0]), perm=list(of.images))
    weights = writer.add("Transpose", writer.whole(node.inputs[1]), perm=list(of.weights))
    pads = [low for low, _ in of.padding] + [high for _, high in of.padding]
    given: dict[str, Any] = {"strides": list(of.strides), "pads": pads, "dilations": list(of.dilation)}
    return writer.add(
        "Transpose", writer.add("Conv", images, weights, **given), perm=list(_inverse(of.result))
    )


def _ordered(value: Text, order: tuple[int, ...]) -> str:
    if order == tuple(range(len(order))):
        return value.text
    return f"{value.at(ATOM)}.transpose({', '.join(map(str, order))})"


def _inverse(order: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(order.index(axis) for axis in range(len(order)))
