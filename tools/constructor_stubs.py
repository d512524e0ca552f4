"""Writes `operant/constructors.pyi` and `operant/__init__.pyi`, from which editors and type checkers know operant.

    python -m tools.constructor_stubs

The constructors (`operant.PPO` and the like) are made at run time from the algorithms' fields, and what the package
publishes is imported when it is first asked for: no editor looks there. A test compares the files with what would be
written, so they cannot go out of date.
"""

from __future__ import annotations

import inspect
import types
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import operant
from operant.algorithms import registry
from operant.algorithms.documentation import field_help
from operant.construct import make
from operant.constructors import NAMES
from operant.networks import Network, UserModule
from operant.ops.schedules import Schedule

PATH = Path(operant.__file__).with_name("constructors.pyi")
PACKAGE = Path(operant.__file__).with_name("__init__.pyi")

HEADING = '''\
# Written by `python -m tools.constructor_stubs` from the algorithms: change those, then run it again.
# ruff: noqa: E501
"""The published constructors, `operant.PPO` and the like, with every hyperparameter's type and help."""

'''
PACKAGE_HEADING = '''\
# Written by `python -m tools.constructor_stubs` from operant/__init__.py: change that, then run it again.
# ruff: noqa: E501, I001, RUF100
"""operant: reinforcement learning, from gridworlds to pixels, on one fast engine."""

'''
LOAD = "    load = Agent.load\n    @property\n    def __name__(self) -> str: ...\n"


class Names:
    """Type hints as text, and the imports that the text needs."""

    def __init__(self) -> None:
        self.imports: defaultdict[str, set[str]] = defaultdict(set)

    def text(self, hint: Any) -> str:
        """The hint as it is written, wider where a constructor takes more than it stores."""
        arguments = get_args(hint)
        if hint is Any:
            return self._named("typing", "Any")
        if hint is None or hint is type(None):
            return "None"
        if get_origin(hint) in (Union, types.UnionType):
            return " | ".join(dict.fromkeys(self.text(part) for part in arguments))
        if get_origin(hint) is Literal:
            return f"{self._named('typing', 'Literal')}[{', '.join(map(_quoted, arguments))}]"
        if get_origin(hint) is Callable:
            return f"{self._named('collections.abc', 'Callable')}[..., {self._named('typing', 'Any')}]"
        if hint is Schedule:  # text such as linear:3e-4:0 is read as one
            return f"{self._named(Schedule.__module__, 'Schedule')} | str | Callable[[Any], Any]"
        if hint is UserModule:  # a module of the user's own, or a dict of the values of a Network
            mapping, anything = self._named("collections.abc", "Mapping"), self._named("typing", "Any")
            return f"NetworkValues | {mapping}[str, {anything}] | {self._named('equinox', 'Module')}"
        if hint is tuple:  # an array, in any form
            return self._named("numpy.typing", "ArrayLike")
        if get_origin(hint) is tuple:  # lists are taken for tuples
            elements = " | ".join(dict.fromkeys(self.text(part) for part in arguments if part is not ...))
            return f"{self._named('collections.abc', 'Sequence')}[{elements}]"
        origin = get_origin(hint) or hint
        name = origin.__name__ if origin.__module__ == "builtins" else self._named(*_place(origin))
        return f"{name}[{', '.join(map(self.text, arguments))}]" if arguments else name

    def _named(self, module: str, name: str) -> str:
        self.imports[module].add(name)
        return name

    def lines(self) -> str:
        """The import statements: the standard library's first, operant's own last."""
        standard = [module for module in self.imports if module in ("collections.abc", "typing")]
        own = [module for module in self.imports if module.startswith("operant")]
        others = self.imports.keys() - {*standard, *own}
        groups = [
            [f"from {module} import {', '.join(sorted(self.imports[module]))}" for module in sorted(group)]
            for group in (standard, others, own)
        ]
        return "\n\n".join("\n".join(group) for group in groups if group)


def stub() -> str:
    """The whole file."""
    names = Names()
    names.imports["typing"] |= {"Any", "TypedDict"}
    names.imports["operant.agent"].add("Agent")
    parts = [_network_values(names), *(_constructor(constructor, names) for constructor in NAMES)]
    parts.append("NAMES: dict[str, str]\n")
    return f"{HEADING}{names.lines()}\n\n" + "\n".join(parts)


def package_stub() -> str:
    """The whole of `__init__.pyi`: what `operant` publishes, and where it is defined."""
    package: Any = operant  # type checkers know it by the stub alone
    lines = [
        f"from {module} import {name} as {name}"
        for module, published in sorted(package._MODULES.items())
        for name in sorted(published)
    ]
    lines += [f"from operant import {name} as {name}" for name in package._PACKAGES]
    lines += ["from operant.version import __version__ as __version__", ""]
    lines += [f"{name} = Agent.{name}" for name in package._METHODS]
    return PACKAGE_HEADING + "\n".join(lines) + "\n"


def _constructor(name: str, names: Names) -> str:
    construct = getattr(operant, name)
    signature = inspect.signature(construct)
    hints = get_type_hints(registry.algorithm(NAMES[name]))
    for function in (make, operant.Agent.__init__):  # the agent's own arguments, and what `make` adds
        hints = get_type_hints(function, function.__globals__) | hints
    hints["env"] = Any
    lines, starred = [f"class _{name}:", "    def __call__(", "        self,"], False
    for parameter in signature.parameters.values():
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
            lines.append("        *,")
            starred = True
        given = "" if parameter.default is inspect.Parameter.empty else f" = {_default(parameter.default)}"
        lines.append(f"        {parameter.name}: {names.text(hints[parameter.name])}{given},")
    lines += ["    ) -> Agent:", _docstring(construct.__doc__, "        ")]
    return "\n".join(lines) + f"\n\n{LOAD}\n{name}: _{name}\n"


def _network_values(names: Names) -> str:
    """The values of a `Network` as a dict, so that its keys are completed too."""
    lines = ["class NetworkValues(TypedDict, total=False):"]
    helps = field_help(Network)
    for field, hint in (get_type_hints(Network) | {"encoders": Mapping[str, tuple[int, ...]]}).items():
        lines.append(f"    {field}: {names.text(hint)}\n    {_docstring(helps.get(field, ''), '')}")
    return "\n".join(lines) + "\n"


def _docstring(text: str, indent: str) -> str:
    lines = text.strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"').splitlines()
    if len(lines) <= 1:
        return f'{indent}"""{"".join(lines)}"""'
    body = "\n".join(f"{indent}{line}".rstrip() for line in lines[1:])
    return f'{indent}"""{lines[0]}\n{body}\n{indent}"""'


def _default(value: Any) -> str:
    """Numbers, flags and text as they are; what a stub cannot say is `...`."""
    if isinstance(value, str):
        return _quoted(value)
    return repr(value) if value is None or isinstance(value, int | float) else "..."


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _place(kind: Any) -> tuple[str, str]:
    return kind.__module__, kind.__qualname__


if __name__ == "__main__":
    for path, text in ((PATH, stub()), (PACKAGE, package_stub())):
        path.write_text(text, encoding="utf-8")
        print(path)
