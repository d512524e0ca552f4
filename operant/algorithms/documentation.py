"""The help of hyperparameters: the strings below the fields of a class, read from its source."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap


def field_help(cls: type) -> dict[str, str]:
    """`{field: its docstring in one line}` for the fields of a class, those that it inherits included.

    Empty for a class whose source cannot be read.
    """
    inherited: dict[str, str] = {}
    for base in cls.__bases__:
        if dataclasses.is_dataclass(base):
            inherited |= field_help(base)
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        return inherited
    body = ast.parse(textwrap.dedent(source)).body[0]
    assert isinstance(body, ast.ClassDef)
    return inherited | {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
