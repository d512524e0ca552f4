"""What the page asks its server for, and the server itself. Imported only where the extra `live` is there."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from operant.agent import hyperparameters
from operant.fields import FileError
from operant.live.curves import curve
from operant.live.guard import ENTER, Guard
from operant.live.playing import Player
from operant.live.runs import PICTURES, ShownRun

if TYPE_CHECKING:
    from operant.live.page import Page

SECONDS_BETWEEN_EVENTS = 0.5
SECONDS_FOR_A_REQUEST = 10.0  # to send its first line and headers
CONNECTIONS = 64
SECONDS_BETWEEN_LOOKS = 0.05  # for a new frame
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


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
    answers = Answers(page)
    static = [Route(path, _static(name)) for path, name in _STATIC.items()]
    return Starlette(
        routes=[
            *static,
            Route(ENTER, answers.enter, methods=["POST"]),
            Route("/api/runs", answers.runs),
            Route("/api/curve", answers.curve),
            Route("/api/picture", answers.picture),
            Route("/api/events", answers.events),
            Route("/api/play", answers.play),
            Route("/api/map", answers.map),
            Route("/api/steer", answers.steer, methods=["POST"]),
        ],
        exception_handlers={Exception: _failed},
    )


_STATIC = {"/": "index.html"} | {f"/{name}": name for name in ("page.css", "page.js", "chart.js", "play.js")}


def _static(name: str) -> Callable[[Request], Response]:
    content = files("operant.live").joinpath("static", name).read_bytes()
    kind = TYPES[Path(name).suffix]

    def answer(request: Request) -> Response:
        return Response(content, media_type=f"{kind}; charset=utf-8")

    return answer


class _Wrong(Exception):
    """What was asked for is not there, or not allowed."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


async def _failed(request: Request, error: Exception) -> Response:
    return PlainTextResponse("it failed\n", 500)


class Answers:
    """The answers of a page, of which every one is small, or a stream of small ones."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._lock = threading.Lock()
        self._news: dict[str, Any] = {}
        self._told_at = -1.0

    async def enter(self, request: Request) -> Response:
        """The token for the cookie."""
        guard: Guard = self.page.server.config.app
        try:
            given = (await _table(request)).get("token")
        except _Wrong as wrong:
            return PlainTextResponse(f"{wrong}\n", wrong.status)
        if not guard.is_token(given):
            return PlainTextResponse("that is not the token\n", 401)
        answer = JSONResponse({"entered": True})
        answer.set_cookie(guard.cookie, self.page.token, path="/", httponly=True, samesite="strict")
        return answer

    async def runs(self, request: Request) -> Response:
        """All that is shown besides curves."""
        return JSONResponse(await run_in_threadpool(self.news))

    def news(self) -> dict[str, Any]:
        """The same as JSON values."""
        with self._lock:  # all pages are told the same
            if time.monotonic() - self._told_at > SECONDS_BETWEEN_EVENTS / 2:
                runs = [{"id": number, **run.about()} for number, run in self.page.shown().items()]
                self._news, self._told_at = {"runs": runs, "training": training(self.page)}, time.monotonic()
            return self._news

    async def curve(self, request: Request) -> Response:
        """A metric of a run in as many points as are asked for."""

        def answer() -> Response:
            run = self._run(request)
            try:
                run.metrics.refresh()
                points = _whole(request, "points", 400)
                return JSONResponse(curve(run.metrics, request.query_params.get("metric", ""), points))
            except KeyError as error:
                raise _Wrong("the run has no such metric", 404) from error

        return await _answered(answer)

    async def picture(self, request: Request) -> Response:
        """A picture that the run's directory holds, by what it shows: no path comes from outside."""

        def answer() -> Response:
            run, name = self._run(request), PICTURES.get(request.query_params.get("show", ""))
            path = None if name is None else run.directory.path / name
            if path is None or not path.is_file():
                raise _Wrong("there is no such picture", 404)
            return Response(path.read_bytes(), media_type="image/png")

        return await _answered(answer)

    def _run(self, request: Request) -> ShownRun:
        run = self.page.shown().get(_whole(request, "run", 0))
        if run is None:
            raise _Wrong("there is no such run", 404)
        return run

    async def events(self, request: Request) -> Response:
        """What is new, as server-sent events: at most two a second, and none where nothing is."""
        return StreamingResponse(self._events(request), media_type="text/event-stream")

    async def _events(self, request: Request) -> AsyncIterator[str]:
        before, line, quiet = "", 0, time.monotonic()
        while not self.page.server.should_exit:
            news = await run_in_threadpool(self.news)
            text = json.dumps(news)
            lines = self.page.log.after(line)
            if text != before:
                before = text
                yield f"event: news\ndata: {text}\n\n"
            if lines:
                line = lines[-1][0]
                yield f"event: log\ndata: {json.dumps(lines)}\n\n"
            if text == before and not lines and time.monotonic() - quiet > 10:
                yield ": still here\n\n"  # so that a page that went is noticed
                quiet = time.monotonic()
            await asyncio.sleep(SECONDS_BETWEEN_EVENTS)
        yield "event: over\ndata: {}\n\n"

    async def play(self, request: Request) -> Response:
        """The newest policy at play, as server-sent events: a few frames a second, as long as somebody takes them."""
        try:
            player = await run_in_threadpool(self._player, request)
        except _Wrong as wrong:
            return PlainTextResponse(f"{wrong}\n", wrong.status)
        return StreamingResponse(self._frames(player), media_type="text/event-stream")

    async def _frames(self, player: Player) -> AsyncIterator[str]:
        seen = 0
        with player.watched():
            while not self.page.server.should_exit:
                number, frame = player.latest
                if number != seen:
                    seen = number
                    yield f"event: frame\ndata: {frame}\n\n"
                await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def map(self, request: Request) -> Response:
        """A picture of what the policy does, drawn now."""

        def answer() -> Response:
            try:
                return Response(self._player(request).map(), media_type="image/png")
            except ValueError as error:
                raise _Wrong(str(error), 404) from error

        return await _answered(answer)

    def _player(self, request: Request) -> Player:
        player = self.page.player(_whole(request, "run", 0))
        if player is None:
            raise _Wrong("there is no such run", 404)
        return player

    async def steer(self, request: Request) -> Response:
        """Ask the training of something: `{"kind": …}`, and of a change its `name` and `value`."""
        try:
            asked = await _table(request)
            if set(asked) - {"kind", "name", "value"} or not isinstance(asked.get("kind"), str):
                raise _Wrong("it must have a kind, and of a change a name and a value")
            if self.page.steering.watch is None:
                raise _Wrong("nothing is trained here", 409)
            await run_in_threadpool(
                self.page.steering.ask, asked["kind"], _text(asked.get("name")), asked.get("value")
            )
        except _Wrong as wrong:
            return JSONResponse({"problem": str(wrong)}, wrong.status)
        except ValueError as error:
            return JSONResponse({"problem": str(error)}, 400)
        self.page.log.write(f"asked for: {' '.join(str(x) for x in asked.values())}")
        return JSONResponse({"asked": True})


def training(page: Page) -> dict[str, Any] | None:
    """How the training in this process stands, as JSON values; None where there is none."""
    steering = page.steering
    core, watch = steering.core, steering.watch
    if core is None:
        return None
    try:
        values = hyperparameters.traced(core)
    except Exception:  # read while it is exchanged by another thread
        values = {}
    return {
        "going": watch is not None,
        "paused": steering.paused,
        "phase": "" if watch is None else watch.phase,
        "stopping": watch is not None and watch.stop,
        "hyperparameters": values,
        "problems": steering.problems[-5:],
    }


async def _answered(answer: Callable[[], Response]) -> Response:
    try:
        return await run_in_threadpool(answer)
    except _Wrong as wrong:
        return PlainTextResponse(f"{wrong}\n", wrong.status)
    except (OSError, FileError) as error:
        return PlainTextResponse(f"{error}\n", 409)


async def _table(request: Request) -> dict[str, Any]:
    """The table of values that was sent. Raises _Wrong for anything else."""
    try:
        values = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise _Wrong("it is not JSON") from None
    if not isinstance(values, dict):
        raise _Wrong("it must be a table of values")
    return values


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _Wrong("a name is text")
    return value


def _whole(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise _Wrong(f"{name} must be a whole number")
    return int(text)
