"""A policy as an ONNX model: opset 17, which every onnxruntime of the last years takes, with any size of batch.

Inputs have the names of the observation's parts, then `action_mask` (which may be left out: everything is possible),
then `state_0`, … of a policy with a memory; outputs are `action`, then `next_state_0`, …
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from operant.engine.files import replacing
from operant.export.graph import Batch, Dimension, Value
from operant.export.numpy_source import plain_name
from operant.export.onnx_operations import OPERATIONS, unsqueezed
from operant.export.policy import Exported
from operant.export.text import joined

OPSET = 17
IR_VERSION = 8  # what goes with that opset


@dataclass(frozen=True)
class Tensor:
    """The name of a tensor, and the shape that it has: 1 or no axis where what it is used with broadcasts it."""

    name: str
    shape: tuple[Dimension, ...]


class Writer:
    """Turns a graph into ONNX nodes and initializers."""

    def __init__(self, onnx: Any, exported: Exported) -> None:
        self.onnx, self.exported = onnx, exported
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self._tensors: dict[int, Tensor] = {}
        self._names: dict[int, str] = {}
        self._count = 0
        self._batch: str | None = None

    def read(self, value: Value) -> Tensor:
        """The operand for a value, with its shape made explicit for broadcasting."""
        if value.constants is None:
            return self._tensors[id(value)]
        if value.node is not None and value.node.kind == "broadcast_in_dim":
            return unsqueezed(self, self.read(value.node.inputs[0]), value.node)
        constant = value.constant
        assert constant is not None
        if id(value) not in self._names:
            self._names[id(value)] = self.constant(constant, plain_name(value.name or "constant"))
        return Tensor(self._names[id(value)], constant.shape)

    def whole(self, value: Value) -> str:
        """The name of the same where every axis must be there."""
        tensor = self.read(value)
        return (
            tensor.name
            if tensor.shape == value.shape
            else self.add("Expand", tensor.name, self.shape(value.shape))
        )

    def add(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        """A node with one output; returns that output's name."""
        self._count += 1
        name = f"x{self._count}"
        self.nodes.append(self.onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def cast(self, name: str, dtype: Any) -> str:
        return self.add("Cast", name, to=self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))

    def constant(self, array: Any, name: str = "constant") -> str:
        """An initializer; its name."""
        array = np.asarray(array)
        base, number = name, 2
        while name in self.initializers:
            if base == "constant" or not np.array_equal(self.initializers[name][0], array):
                name, number = f"{base}_{number}", number + 1
            else:
                return name
        self.initializers[name] = (
            array,
            self.onnx.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name),
        )
        return name

    def integers(self, values: Sequence[int]) -> str:
        return self.constant(np.array(values, np.int64))

    def shape(self, shape: Sequence[Dimension]) -> str:
        """A shape as a tensor."""
        if not any(isinstance(size, Batch) for size in shape):
            return self.integers([size for size in shape if isinstance(size, int)])
        parts = [(self.size(size) if isinstance(size, Batch) else self.integers([size])) for size in shape]
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=0)

    def size(self, dimension: Batch) -> str:
        """How many there are in the batch, times the dimension's factor, as `[1]` int64."""
        if self._batch is None:
            first = self.exported.graph.inputs[0].name
            self._batch = self.add("Shape", first, start=0, end=1)
        return (
            self._batch
            if dimension.factor == 1
            else self.add("Mul", self._batch, self.integers([dimension.factor]))
        )

    def elementwise(self, kind: str, *values: Value, **attributes: Any) -> Tensor:
        tensors = list(map(self.read, values))
        name = self.add(kind, *(tensor.name for tensor in tensors), **attributes)
        return Tensor(name, joined(*(tensor.shape for tensor in tensors)))

    def run(self) -> list[str]:
        """All nodes; the names of the graph's outputs."""
        exported = self.exported
        kinds = {part.name: np.dtype(part.space.dtype) for part in exported.parts}
        for value in exported.graph.inputs:
            own = kinds.get(value.name, value.dtype)
            name = value.name if own == value.dtype else self.cast(value.name, value.dtype)
            self._tensors[id(value)] = Tensor(name, value.shape)
        for node in exported.graph.nodes:
            if node.kind not in OPERATIONS:
                raise ValueError(f"The primitive {node.kind} cannot be exported to ONNX.")
            if node.outputs[0].constants is not None:  # read where it is used
                continue
            written = OPERATIONS[node.kind](self, node)
            written = written if isinstance(written, list) else [written]
            for value, tensor in zip(node.outputs, written, strict=True):
                known = tensor if isinstance(tensor, Tensor) else Tensor(tensor, value.shape)
                self._tensors[id(value)] = known
        return [self.whole(value) for value in exported.graph.outputs]


def model(exported: Exported) -> Any:
    """The `onnx.ModelProto`. Raises ImportError saying what to install."""
    try:
        onnx = import_module("onnx")
    except ImportError as error:
        raise ImportError('Exporting to ONNX needs: pip install "operant-rl[onnx]"') from error
    helper, writer = onnx.helper, Writer(onnx, exported)
    action, *states = writer.run()
    action = _action(writer, action, exported.action_space)
    names = ["action", *(f"next_{name}" for name in exported.memory_names)]
    for source, name in zip((action, *states), names, strict=True):
        writer.nodes.append(helper.make_node("Identity", [source], [name]))

    def information(name: str, dtype: Any, shape: Sequence[int]) -> Any:
        return helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), ["batch", *shape]
        )

    inputs = [information(part.name, part.space.dtype, part.space.shape or ()) for part in exported.parts]
    if exported.choices is not None:
        inputs.append(information("action_mask", np.bool_, [exported.choices]))
        every = np.ones((1, exported.choices), bool)  # an input's initializer is its default
        writer.initializers["action_mask"] = (every, onnx.numpy_helper.from_array(every, "action_mask"))
    memory = list(zip(exported.memory_names, exported.memory, strict=True))
    inputs += [information(name, array.dtype, array.shape) for name, array in memory]
    space = exported.action_space
    outputs = [
        information("action", space.dtype, space.shape or ()),
        *(information(f"next_{name}", array.dtype, array.shape) for name, array in memory),
    ]
    initializers = [proto for _, proto in writer.initializers.values()]
    graph = helper.make_graph(writer.nodes, "policy", inputs, outputs, initializers)
    made = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="operant",
        doc_string=f"{exported.title}: the best known action, as env.step takes it.",
    )
    helper.set_model_props(
        made,
        {
            "action_space": str(space),
            **{part.name: str(part.space) for part in exported.parts},
            **{name: f"at the start of an episode: {array.tolist()}" for name, array in memory},
        },
    )
    onnx.checker.check_model(made)
    return made


def write(exported: Exported, path: str | Path) -> Path:
    """Write the model to the file `path`; its folder is made if need be."""
    made, path = model(exported), Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(made.SerializeToString())
    return path


def _action(writer: Writer, name: str, space: gym.Space) -> str:
    """The type that the environment has, whose bounds may be finer."""
    name = writer.cast(name, space.dtype)
    if isinstance(space, gym.spaces.Box) and space.dtype == np.float64 and space.is_bounded("below"):
        name = writer.add("Max", name, writer.constant(space.low))
    if isinstance(space, gym.spaces.Box) and space.dtype == np.float64 and space.is_bounded("above"):
        name = writer.add("Min", name, writer.constant(space.high))
    return name
