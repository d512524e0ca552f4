"""The signature and the help of `operant.PPO` and the like: what `help()`, notebooks and editors show of them."""

from __future__ import annotations

import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

from operant.algorithms import registry
from operant.algorithms.base import Algorithm
from operant.algorithms.documentation import field_help
from operant.networks import Network

WIDTH = 100


class OneALine(inspect.Signature):
    """A signature whose text has a line for each parameter, which alone keeps thirty of them readable."""

    def __str__(self) -> str:
        parameters, starred = [], False
        for parameter in self.parameters.values():
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY and not starred:
                parameters.append("*")
                starred = True
            default = "" if parameter.default is inspect.Parameter.empty else f"={shown(parameter.default)}"
            parameters.append(f"{parameter.name}{default}")
        returned = getattr(self.return_annotation, "__name__", self.return_annotation)
        return "(\n    " + ",\n    ".join(parameters) + f",\n) -> {returned}"


def signature_of(
    cls: type[Algorithm],
    defaults: Mapping[str, Any],
    before: Iterable[inspect.Parameter],
    returned: Any,
) -> inspect.Signature:
    """The parameters `before`, and each hyperparameter of the class by name, with these or its own defaults."""
    hyperparameters = (
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults.get(field.name, field.default),
            annotation=field.type,
        )
        for field in dataclasses.fields(cls)
    )
    return OneALine([*before, *hyperparameters], return_annotation=returned)


def documentation(name: str, signature: inspect.Signature, described: Iterable[Callable[..., Any]]) -> str:
    """The algorithm's own text, and a paragraph for each parameter, as Google's style has it.

    Parameters that are no hyperparameters take theirs from the docstrings of `described`, the first that has it.
    """
    cls = registry.algorithm(name)
    help_of, hints = field_help(cls), get_type_hints(cls)
    for function in described:
        help_of = arguments_help(function.__doc__ or "") | help_of
    paragraphs = []
    for parameter in signature.parameters.values():
        text = help_of.get(parameter.name, "")
        choices = hints.get(parameter.name)
        if get_origin(choices) is Literal:
            text = f"{text} One of {', '.join(map(repr, get_args(choices)))}."
        if parameter.default is not inspect.Parameter.empty:
            text = f"{text} Default: {shown(parameter.default)}.".strip()
        paragraphs.append(
            textwrap.fill(
                f"{parameter.name}: {text}",
                WIDTH,
                initial_indent="    ",
                subsequent_indent="        ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        )
    about = textwrap.fill(registry.paper(name), WIDTH) if not registry.documentation(name) else ""
    return "\n".join([registry.documentation(name) or about, "", "Args:", *paragraphs])


def arguments_help(docstring: str) -> dict[str, str]:
    """`{argument: its text}` of the section "Args:" of a docstring in Google's style."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n|\n)+)", inspect.cleandoc(docstring) + "\n", re.MULTILINE)
    if section is None:
        return {}
    entries = re.split(r"^(\w+): ", textwrap.dedent(section[1]), flags=re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in zip(entries[1::2], entries[2::2], strict=True)}


def shown(default: Any) -> str:
    """A default as a person would type it; of a network only what differs from `Network()`."""
    if isinstance(default, Network):
        plain = Network()
        values = {field.name: getattr(default, field.name) for field in dataclasses.fields(Network)}
        others = [f"{name}={value!r}" for name, value in values.items() if value != getattr(plain, name)]
        return f"Network({', '.join(others)})"
    return repr(default)
