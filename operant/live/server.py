"""The page's server: its routes, each of which the guard sees first. Imported only where the extra `live` is there."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from operant.live.answers import Answers
from operant.live.doings import Doings
from operant.live.guard import ACT, ENTER, OPEN, Guard

if TYPE_CHECKING:
    from operant.live.page import Page

SECONDS_FOR_A_REQUEST = 10.0  # to send its first line and headers
CONNECTIONS = 64
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
PAGES = {"/": "index.html", "/label": "label.html"}


class _Hurried(H11Protocol):
    """Closes a connection over which no whole request comes in time: the server has a limited number of them."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.loop.call_later(SECONDS_FOR_A_REQUEST, self._look)

    def _look(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


def make_server(page: Page) -> uvicorn.Server:
    """The server of a page, which is not started yet. It writes no log: addresses and cookies stay out of files."""
    config = uvicorn.Config(
        Guard(application(page), page.port, page.token),
        http=_Hurried,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS,
        h11_max_incomplete_event_size=8192,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def application(page: Page) -> Starlette:
    """What there is after the guard."""
    answers, doings = Answers(page), Doings(page)
    return Starlette(
        routes=[
            *(Route(path, _static(PAGES.get(path, path[1:]))) for path in OPEN),
            Route("/api/runs", answers.runs),
            Route("/api/curves", answers.curves),
            Route("/api/picture", answers.picture),
            Route("/api/diagnosis", answers.diagnosis),
            Route("/api/events", answers.events),
            Route("/api/play", answers.play),
            Route("/api/contest", answers.contest),
            Route("/api/map", answers.map),
            Route("/api/question", answers.question),
            Route("/api/clips", answers.clips),
            Route("/api/film", answers.film),
            Route(ENTER, doings.enter, methods=["POST"]),
            Route("/api/steer", doings.steer, methods=["POST"]),
            Route("/api/branch", doings.branch, methods=["POST"]),
            Route(ACT, doings.act, methods=["POST"]),
            Route("/api/answer", doings.judge, methods=["POST"]),
            Route("/api/compare", doings.compare, methods=["POST"]),
        ],
        exception_handlers={Exception: _failed},
    )


def _static(name: str) -> Callable[[Request], Response]:
    content = files("operant.live").joinpath("static", name).read_bytes()
    kind = TYPES[Path(name).suffix]

    def answer(request: Request) -> Response:
        return Response(content, media_type=f"{kind}; charset=utf-8")

    return answer


async def _failed(request: Request, error: Exception) -> Response:
    return PlainTextResponse("it failed\n", 500)
