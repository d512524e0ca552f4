"""What the page shows: answers of which every one is small, or a stream of small ones."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse

from operant.agent import hyperparameters
from operant.agent.answering import learns_from_answers
from operant.live.asked import Wrong, answered, comparing_of, whole
from operant.live.contest import Contest
from operant.live.playing import Player
from operant.live.runs import PICTURES, ShownRun

if TYPE_CHECKING:
    from operant.live.page import Page

SECONDS_BETWEEN_EVENTS = 1.0
SECONDS_BETWEEN_LOOKS = 0.05  # for a new frame
MOST_AT_ONCE = 100  # curves


class Answers:
    """The answers of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._lock = threading.Lock()
        self._news: dict[str, Any] = {}
        self._told_at = -1.0

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

    async def curves(self, request: Request) -> Response:
        """Metrics of a run by their names, each in as many points as are asked for."""

        def answer() -> Response:
            run, points = self._run(request), whole(request, "points", 400)
            names = request.query_params.getlist("metric")
            if len(names) > MOST_AT_ONCE:
                raise Wrong(f"at most {MOST_AT_ONCE} metrics can be asked for at once")
            try:
                parts = [f"{json.dumps(name)}: {run.curve(name, points)}" for name in names]
            except KeyError as error:
                raise Wrong("the run has no such metric", 404) from error
            return Response(f"{{{', '.join(parts)}}}", media_type="application/json")

        return await answered(answer)

    async def picture(self, request: Request) -> Response:
        """A picture that the run's directory holds, by what it shows: no path comes from outside."""

        def answer() -> Response:
            run, name = self._run(request), PICTURES.get(request.query_params.get("show", ""))
            path = None if name is None else run.directory.path / name
            if path is None or not path.is_file():
                raise Wrong("there is no such picture", 404)
            return Response(path.read_bytes(), media_type="image/png")

        return await answered(answer)

    async def diagnosis(self, request: Request) -> Response:
        """What looks wrong with a run by its metrics, with small pictures: nothing is played for it."""
        return await answered(lambda: JSONResponse(self.page.diagnosis(self._run(request))))

    def _run(self, request: Request) -> ShownRun:
        run = self.page.shown().get(whole(request, "run", 0))
        if run is None:
            raise Wrong("there is no such run", 404)
        return run

    async def events(self, request: Request) -> Response:
        """What is new, as server-sent events: at most one a second, and none where nothing is."""
        return StreamingResponse(self._events(), media_type="text/event-stream")

    async def _events(self) -> AsyncIterator[str]:
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
        except Wrong as wrong:
            return PlainTextResponse(f"{wrong}\n", wrong.status)
        return StreamingResponse(self._watched(player), media_type="text/event-stream")

    async def _watched(self, player: Player) -> AsyncIterator[str]:
        with player.watched():
            async for event in self._frames(player):
                yield event

    async def contest(self, request: Request) -> Response:
        """An episode of whoever looks next to the policy's, as server-sent events."""
        try:
            player = await run_in_threadpool(self._player, request)
            contest = self.page.contests.begin(player.learnt, request.query_params.get("pace"))
        except Wrong as wrong:
            return PlainTextResponse(f"{wrong}\n", wrong.status)
        except ValueError as error:
            return PlainTextResponse(f"{error}\n", 400)
        return StreamingResponse(self._contested(contest), media_type="text/event-stream")

    async def _contested(self, contest: Contest) -> AsyncIterator[str]:
        with self.page.contests.going_on(contest):
            async for event in self._frames(contest):
                yield event

    async def _frames(self, shown: Player | Contest) -> AsyncIterator[str]:
        seen = 0
        while not self.page.server.should_exit:
            number, frame = shown.latest
            if number != seen:
                seen = number
                yield f"event: frame\ndata: {frame}\n\n"
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)

    async def map(self, request: Request) -> Response:
        """A picture of what the policy does, or of another thing that `show` names, drawn now."""

        def answer() -> Response:
            try:
                drawn = self._player(request).draw(request.query_params.get("show", "policy"))
            except ValueError as error:
                raise Wrong(str(error), 404) from error
            return Response(drawn, media_type="image/png")

        return await answered(answer)

    def _player(self, request: Request) -> Player:
        player = self.page.player(whole(request, "run", 0))
        if player is None:
            raise Wrong("there is no such run", 404)
        return player

    async def question(self, request: Request) -> Response:
        """The pair of responses that is to be judged."""

        def answer() -> Response:
            if self.page.labelling is None:
                raise Wrong("nothing is to be judged here", 404)
            return JSONResponse(self.page.labelling.question())

        return await answered(answer)

    async def clips(self, request: Request) -> Response:
        """The two clips that are to be compared, or why there are none; or that training is over."""

        def answer() -> Response:
            over = self.page.steering.core is not None and self.page.steering.watch is None
            return JSONResponse({"over": True} if over else comparing_of(self.page).question())

        return await answered(answer)

    async def film(self, request: Request) -> Response:
        """One of these, by the number of the question and its side: no path comes from outside."""

        def answer() -> Response:
            side = request.query_params.get("side", "")
            try:
                path = comparing_of(self.page, over=True).film(whole(request, "number", 0), side)
            except ValueError as error:
                raise Wrong(str(error), 404) from error
            if not path.is_file():
                raise Wrong("the film is not there any more", 404)
            return FileResponse(path, media_type="video/mp4")

        return await answered(answer)


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
        "compares": learns_from_answers(core) is not None,
        "hyperparameters": values,
        "problems": steering.problems[-5:],
    }
