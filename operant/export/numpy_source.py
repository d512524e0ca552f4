"""A policy as one Python file that a person can read and that needs NumPy only, and its weights."""

from __future__ import annotations

import keyword
from collections import Counter
from pathlib import Path

import gymnasium as gym
import numpy as np

from operant.engine.files import replacing
from operant.export.convolution import HELPER
from operant.export.graph import Node, Value
from operant.export.numpy_operations import OPERATIONS, placed
from operant.export.policy import Exported, Part
from operant.export.text import ATOM, Text, written_shape

LONGEST = 60  # characters of an expression that is written where it is used rather than on a line of its own
TAKEN = {
    "np",
    "n",
    "act",
    "policy",
    "weights",
    "sigmoid",
    "erf",
    "convolve",
    "Path",
    "math",
    "action",
    "state",
    "batched",
}
HELPERS = {
    "sigmoid": '''def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))
''',
    "erf": '''def erf(x):
    """The error function."""
    return np.vectorize(math.erf, otypes=[np.float32])(x)
''',
    "convolve": HELPER,
}


class Writer:
    """Turns a graph into statements, and knows which parameters and helpers these use."""

    def __init__(self, exported: Exported) -> None:
        self.graph = exported.graph
        self.helpers: set[str] = set()
        self.parameters: dict[str, np.ndarray] = {}
        self.lines: list[str] = []
        self._texts = {id(value): Text(value.name, value.shape) for value in self.graph.inputs}
        self._names: dict[int, str] = {}
        self._taken = {*TAKEN, *(value.name for value in self.graph.inputs)}
        values = [value for node in self.graph.nodes for value in node.inputs] + self.graph.outputs
        self._uses = Counter(id(value) for value in values)
        for node in self.graph.nodes:
            self._write(node)
        self.outputs = [self.whole(value).text for value in self.graph.outputs]

    def read(self, value: Value) -> Text:
        """The operand for a value, with its shape made explicit for broadcasting."""
        if value.constants is None:
            return self._texts[id(value)]
        if value.node is not None and value.node.kind == "broadcast_in_dim":
            return placed(self.read(value.node.inputs[0]), value.node.inputs[0], value.node)
        constant = value.constant
        assert constant is not None
        if constant.size == 1 and (not value.shape or value.name in ("", "constant")):
            number = str(constant.item() if constant.dtype.kind != "f" else constant.ravel()[0])
            number = f"np.{number}" if number in ("inf", "nan") else number.replace("-inf", "-np.inf")
            return Text(number, (), ATOM if not number.startswith("-") else 2)
        return Text(self._parameter(value, constant), constant.shape)

    def whole(self, value: Value) -> Text:
        """The same where every axis must be there."""
        text = self.read(value)
        if text.shape == value.shape:
            return text
        shape = written_shape(value.shape) + ("," if len(value.shape) == 1 else "")
        return Text(f"np.broadcast_to({text.text}, ({shape}))", value.shape)

    def named(self, value: Value) -> Text:
        """The same as a variable, since it is used several times."""
        text = self.whole(value)
        if text.text.isidentifier():
            return text
        return self._assign(value, text)

    def _write(self, node: Node) -> None:
        if node.kind not in OPERATIONS:
            raise ValueError(f"The primitive {node.kind} cannot be exported to NumPy.")
        if node.outputs[0].constants is not None:  # read where it is used
            return
        written = OPERATIONS[node.kind](self, node)
        for value, text in zip(
            node.outputs, written if isinstance(written, list) else [written], strict=True
        ):
            self._texts[id(value)] = text
            if self._uses[id(value)] > 1 or len(text.text) > LONGEST:
                self._assign(value, text)

    def _assign(self, value: Value, text: Text) -> Text:
        if text.text.isidentifier():
            return text
        number = 1
        while f"x{number}" in self._taken:
            number += 1
        name = f"x{number}"
        self._taken.add(name)
        self.lines.append(f"{name} = {text.text}")
        self._texts[id(value)] = Text(name, text.shape)
        return self._texts[id(value)]

    def _parameter(self, value: Value, constant: np.ndarray) -> str:
        """The name of a parameter; equal ones from the same place have one."""
        if id(value) not in self._names:
            base = name = plain_name(value.name or "constant")
            number = 2
            while name in self._taken or (
                name in self.parameters and not np.array_equal(self.parameters[name], constant)
            ):
                name, number = f"{base}_{number}", number + 1
            self.parameters[name] = constant
            self._names[id(value)] = name
        return self._names[id(value)]


def plain_name(name: str) -> str:
    """A parameter's name without what says nothing: that it is of the state that was learnt."""
    for start in ("_1_", "_0_"):
        name = name.removeprefix(start)
    return name + "_" if keyword.iskeyword(name) else name


def source(exported: Exported, writer: Writer) -> str:
    """The text of `policy.py`."""
    shapes = [
        f'{name} = weights["{name}"]  # {_dimensions(array)}' for name, array in writer.parameters.items()
    ]
    memory = exported.memory_names
    inputs = [part.name for part in exported.parts]
    masks = ["action_mask"] if exported.choices is not None else []
    first = exported.parts[0]
    sections = [
        _docstring(exported),
        "\n".join([*(["import math"] if "erf" in writer.helpers else []), "from pathlib import Path"]),
        "import numpy as np",
        'weights = np.load(Path(__file__).with_name("weights.npz"))',
    ]
    if shapes:
        sections.append("\n".join(shapes))
    body = [
        *_reading(exported.parts),
        f"batched = {first.name}.ndim > {len(first.space.shape or ())}",
        "if not batched:  # a batch of one",
        *(f"    {name} = {name}[None]" for name in inputs),
    ]
    if masks:
        every = f"np.ones((1, {exported.choices}), bool)"
        body.append(
            f"mask = {every} if action_mask is None else np.atleast_2d(np.asarray(action_mask, bool))"
        )
    if memory:
        body += [
            "if state is None:  # an episode begins",
            f"    state = [{', '.join(f'np.repeat({_start(a)}, len({first.name}), axis=0)' for a in exported.memory)}]",
        ]
    arguments = ", ".join([*inputs, *(["mask"] if masks else []), *(["*state"] if memory else [])])
    body.append(f"{', '.join(['action', *(['state'] if memory else [])])} = policy({arguments})")
    body += _writing(exported.action_space)
    chosen = "action if batched else action[0]"
    body.append(f"return {f'({chosen}), state' if memory else chosen}")
    parameters = ["observation", *(f"{name}=None" for name in masks), *(["state=None"] if memory else [])]
    sections.append(f"def act({', '.join(parameters)}):\n{_indented([_act_docstring(exported), *body])}")
    gives = writer.outputs[0] if not memory else f"{writer.outputs[0]}, [{', '.join(writer.outputs[1:])}]"
    uses_n = any("n" in _words(line) for line in [*writer.lines, gives])
    lines = [
        '"""What the network computes, for a batch of n observations."""',
        *([f"n = len({first.name})"] if uses_n else []),
        *writer.lines,
        f"return {gives}",
    ]
    sections.append(f"def policy({', '.join([*inputs, *masks, *memory])}):\n{_indented(lines)}")
    sections += [HELPERS[name].rstrip() for name in sorted(writer.helpers)]
    imports, functions = sections[:5] if shapes else sections[:4], sections[5 if shapes else 4 :]
    return "\n\n".join(imports) + "".join(f"\n\n\n{text}" for text in functions) + "\n"


def write(exported: Exported, path: str | Path) -> Path:
    """Write `policy.py` and `weights.npz` into the folder `path`, which is made if need be."""
    writer = Writer(exported)
    text = source(exported, writer)
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / "weights.npz") as temporary, open(temporary, "wb") as file:
        np.savez(file, **writer.parameters)  # pyright: ignore[reportArgumentType]
    with replacing(folder / "policy.py") as temporary:
        temporary.write_text(text, encoding="utf-8")
    return folder


def _docstring(exported: Exported) -> str:
    names = ["action"] + (["state"] if exported.memory else [])
    arguments = ["observation"] + (["state=state"] if exported.memory else [])
    first = ["    state = None  # at the start of each episode"] if exported.memory else []
    return "\n".join(
        [
            f'"""{exported.title}: the best known action, by NumPy alone.',
            "",
            "    from policy import act",
            *first,
            f"    {', '.join(names)} = act({', '.join(arguments)})",
            '"""',
        ]
    )


def _act_docstring(exported: Exported) -> str:
    lines = [
        '"""The action for one observation, or the actions for a batch of them, as `env.step` takes them.',
        "",
    ]
    lines.append(f"observation: {_space(exported.parts)}")
    lines.append(f"action: {exported.action_space}")
    if exported.choices is not None:
        lines.append(f"action_mask: [{exported.choices}], True for what is possible; everything if not given")
    if exported.memory:
        lines.append(
            "state: what the last call returned, None at the start of an episode; returned with the action"
        )
    return "\n".join([*lines, '"""'])


def _space(parts: list[Part]) -> str:
    if len(parts) == 1 and not parts[0].path:
        return str(parts[0].space)
    return "; ".join(f"{_key(part.path)} {part.space}" for part in parts)


def _key(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{key!r}]" for key in path)


def _reading(parts: list[Part]) -> list[str]:
    return [f"{part.name} = np.asarray(observation{_key(part.path)}, np.{part.dtype.name})" for part in parts]


def _writing(space: gym.Space) -> list[str]:
    """What is left to do after the graph: the type that the environment has, whose bounds may be finer."""
    dtype = np.dtype(space.dtype)
    lines = [f"action = action.astype(np.{dtype.name})"]
    if (
        isinstance(space, gym.spaces.Box)
        and dtype == np.float64
        and (space.bounded_below | space.bounded_above).any()
    ):
        low, high = (
            np.array2string(bound, separator=", ", floatmode="unique") for bound in (space.low, space.high)
        )
        lines.append(f"action = np.clip(action, {low}, {high})".replace("inf", "np.inf"))
    return lines


def _start(array: np.ndarray) -> str:
    if not array.any():
        return f"np.zeros((1, {', '.join(map(str, array.shape))}), np.{array.dtype.name})"
    return f"np.array([{np.array2string(array, separator=', ')}], np.{array.dtype.name})"


def _dimensions(array: np.ndarray) -> str:
    return f"[{', '.join(map(str, array.shape))}]"


def _indented(lines: list[str]) -> str:
    return "\n".join(f"    {line}".rstrip() for text in lines for line in text.split("\n"))


def _words(line: str) -> set[str]:
    return set("".join(c if c.isalnum() or c == "_" else " " for c in line).split())
