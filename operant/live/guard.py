"""Who may ask the page's server for something, and how much: in front of everything else that it does.

The page is for one person on this machine. Other pages in the same browser, and other people's programs, are kept out:

- The server listens on the loopback address, and answers only to its own names there, so that a name which somebody
  points at this address (DNS rebinding) leads nowhere.
- What another page asks for is refused by its `Origin` and `Sec-Fetch-Site`.
- Without the token, which only the terminal showed, there is nothing but the empty page. It comes in the fragment of
  the address, which no browser sends, and is exchanged for a cookie, so that no log and no history has it.
- What changes something is a POST, of JSON, from this page.
- Sizes, rates and numbers of connections have bounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SCRIPTS = ("asking", "chart", "compare", "contest", "diagnosis", "label", "page", "play", "tree")
# What there is without a token: it holds nothing of a run.
OPEN = ("/", "/label", "/page.css", *(f"/{name}.js" for name in SCRIPTS))
ENTER = "/enter"  # where the token is exchanged for the cookie
ACT = "/api/act"  # what a person does at play, as often as keys are pressed
STREAMING = ("/api/events", "/api/play", "/api/contest")
LARGEST_BODY = 4096
LONGEST_TARGET = 1024  # of a path with its query
LARGEST_HEADERS = 8192  # all together
SECONDS_TO_SEND = 20.0  # a body, and to take one part of an answer
SECONDS_TO_DRAIN = 1.0  # the body of a request that is refused
STREAMS = 12  # open at once

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass
class Allowance:
    """At most `rate` things a second, and `burst` at once."""

    rate: float
    burst: float
    _left: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._at = self.burst, time.monotonic()

    def take(self) -> bool:
        """Whether there is one left, which is then taken."""
        now = time.monotonic()
        self._left = min(self.burst, self._left + (now - self._at) * self.rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Refused(Exception):
    """An answer without anything of the page's: its status, and why in a few words."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Guard:
    """Answers what is refused itself, and hands on the rest with its body read."""

    def __init__(self, app: App, port: int, token: str) -> None:
        self.app, self.token = app, token
        self.names = (f"127.0.0.1:{port}", f"localhost:{port}")
        self.cookie = f"operant_{port}"  # browsers send the cookies of all ports to each
        self.all, self.changing = Allowance(60, 240), Allowance(5, 20)
        self.entering, self.acting = Allowance(1, 10), Allowance(30, 60)
        self.streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # a WebSocket: there are none
            await send({"type": "websocket.close", "code": 1008})
            return
        send = _patient(_with_headers(send))
        try:
            self._require_allowed(scope)
        except Refused as refused:
            with contextlib.suppress(
                Refused, TimeoutError
            ):  # else the answer may be lost as the connection ends
                await asyncio.wait_for(_body(receive), SECONDS_TO_DRAIN)
            await _answer(send, refused.status, str(refused))
            return
        try:
            body = await asyncio.wait_for(_body(receive), SECONDS_TO_SEND)
        except TimeoutError:
            await _answer(send, 408, "the request took too long")
            return
        except Refused as refused:
            await _answer(send, refused.status, str(refused))
            return
        streaming = scope["path"] in STREAMING
        if streaming and self.streams >= STREAMS:
            await _answer(send, 503, "too many pages are open")
            return
        self.streams += streaming
        try:
            await self.app(scope, _given(body, receive), send)
        except TimeoutError:  # of `_patient`: whoever asked does not take the answer
            pass
        finally:
            self.streams -= streaming

    def _require_allowed(self, scope: Scope) -> None:
        """Raise Refused unless this may be asked."""
        method, path = scope["method"], scope["path"]
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEADERS:
            raise Refused(431, "the headers are too long")
        headers = _headers(scope)
        if headers.get("host") not in self.names:
            raise Refused(421, "this server does not have that name")
        if not self.all.take():
            raise Refused(429, "too many requests")
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{headers['host']}":
            raise Refused(403, "another page asks")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refused(403, "another page asks")
        if method not in ("GET", "HEAD", "POST"):
            raise Refused(405, "GET and POST only")
        if len(path) + len(scope["query_string"]) > LONGEST_TARGET:
            raise Refused(414, "the address is too long")
        if method == "POST":
            self._require_allowed_post(path, origin, headers)
        elif path == ENTER:
            raise Refused(405, "POST only")
        if path not in (*OPEN, ENTER) and not self.knows(headers.get("cookie", "")):
            raise Refused(401, "open the address that the terminal shows")

    def _require_allowed_post(self, path: str, origin: str | None, headers: Mapping[str, str]) -> None:
        if origin is None:
            raise Refused(403, "it must come from this page")
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "JSON only")
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or int(length) > LARGEST_BODY:
            raise Refused(413, "it is too large")
        if not {ENTER: self.entering, ACT: self.acting}.get(path, self.changing).take():
            raise Refused(429, "too many requests")

    def knows(self, cookies: str) -> bool:
        """Whether the token is among the cookies of a request."""
        pairs = (pair.strip().partition("=") for pair in cookies.split(";"))
        return any(name == self.cookie and self.is_token(value) for name, _, value in pairs)

    def is_token(self, given: Any) -> bool:
        """Whether it is the token, in a time that does not tell how much of it is right."""
        return isinstance(given, str) and hmac.compare_digest(given.encode(), self.token.encode())


def _headers(scope: Scope) -> dict[str, str]:
    """By name in small letters. Raises Refused where one that decides something is there twice."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key = name.decode("latin-1").lower()
        if key in found and key in ("host", "origin", "content-length", "content-type", "sec-fetch-site"):
            raise Refused(400, f"{key} is there twice")
        found[key] = f"{found[key]}; {value.decode('latin-1')}" if key in found else value.decode("latin-1")
    return found


async def _body(receive: Receive) -> bytes:
    """All of it. Raises Refused where it is larger than was said, or than anything that the page sends."""
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the request ended early")
        body += message.get("body", b"")
        if len(body) > LARGEST_BODY:
            raise Refused(413, "it is too large")
        if not message.get("more_body"):
            return body


def _given(body: bytes, receive: Receive) -> Receive:
    """Gives the body that was read, and then what comes."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Any:
        return left.pop() if left else await receive()

    return give


def _with_headers(send: Send) -> Send:
    async def sending(message: Any) -> None:
        if message["type"] == "http.response.start":
            own = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", []), *own]}
        await send(message)

    return sending


def _patient(send: Send) -> Send:
    """Waits for whoever takes an answer, but not for ever."""

    async def sending(message: Any) -> None:
        await asyncio.wait_for(send(message), SECONDS_TO_SEND)

    return sending


async def _answer(send: Send, status: int, why: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{why}\n".encode()})
