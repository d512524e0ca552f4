"""What is asked of the page's server, read and answered: anything else than what the page asks is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from operant.fields import FileError

if TYPE_CHECKING:
    from operant.live.comparing import Comparing
    from operant.live.page import Page


class Wrong(Exception):
    """What was asked for is not there, or not allowed."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


def comparing_of(page: Page, over: bool = False) -> Comparing:
    """The clips that are compared on a page, with `over` also after training.

    Raises Wrong where the run that is trained here learns from none.
    """
    try:
        found = page.comparing(over)
    except ValueError as error:  # of a folder that holds something else
        raise Wrong(str(error), 409) from error
    if found is None:
        raise Wrong("nothing that is trained here learns from answers", 404)
    return found


async def answered(answer: Callable[[], Response]) -> Response:
    """What a function answers, in a thread of its own; where it is refused, why, as text."""
    try:
        return await run_in_threadpool(answer)
    except Wrong as wrong:
        return PlainTextResponse(f"{wrong}\n", wrong.status)
    except (OSError, FileError) as error:
        return PlainTextResponse(f"{error}\n", 409)


async def done(request: Request, known: frozenset[str], do: Callable[[dict[str, Any]], Any]) -> Response:
    """What a function says of the table of values that was sent, as JSON; where it is refused, `{"problem": why}`.

    `known` are the names that there may be.
    """
    try:
        values = await table(request)
        if unknown := set(values) - known:
            raise Wrong(f"there is no {sorted(unknown)[0][:40]!r}; there may be {', '.join(sorted(known))}")
        return JSONResponse(await run_in_threadpool(do, values))
    except Wrong as wrong:
        return JSONResponse({"problem": str(wrong)}, wrong.status)
    except ValueError as error:
        return JSONResponse({"problem": str(error)}, 400)
    except (OSError, FileError) as error:
        return JSONResponse({"problem": str(error)}, 409)


async def table(request: Request) -> dict[str, Any]:
    """The table of values that was sent. Raises Wrong for anything else."""
    try:
        values = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Wrong("it is not JSON") from None
    if not isinstance(values, dict):
        raise Wrong("it must be a table of values")
    return values


def whole(request: Request, name: str, default: int) -> int:
    """A whole number of the address. Raises Wrong for anything else."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Wrong(f"{name} must be a whole number")
    return int(text)


def number_in(values: dict[str, Any], name: str) -> int:
    """A whole number of a table. Raises Wrong for anything else."""
    value = values.get(name)
    if type(value) is not int or not 0 <= value < 2**31:
        raise Wrong(f"{name} must be a whole number")
    return value


def text_in(values: dict[str, Any], name: str) -> str | None:
    """A text of a table, or None. Raises Wrong for anything else."""
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise Wrong(f"{name} is text")
    return value
