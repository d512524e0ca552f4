"""The live page over its sockets: what it shows, what it does to a run, and whom it refuses."""

from __future__ import annotations

import json
import socket
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np
import pytest

import operant
from operant.engine.files import is_key
from operant.engine.interventions import read_interventions
from operant.live.guard import STREAMS, Allowance
from operant.live.page import Page
from tests.live.hostile import HOSTILE, filled
from tests.live.pages import EVERY, TOTAL, Held, ask, wait_until
from tests.shared import ppo


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    held = Held(tmp_path_factory.mktemp("held") / "run")
    yield held
    held.page.steering.ask("stop")
    held.thread.join(60)
    held.page.close()


@pytest.fixture(autouse=True)
def allowances_are_whole(request):
    """A test's requests do not use up those of the next."""
    if "held" in request.fixturenames:
        guard = request.getfixturevalue("held").page.server.config.app
        guard.all, guard.changing, guard.entering = Allowance(60, 240), Allowance(5, 20), Allowance(1, 10)
        guard.acting = Allowance(30, 60)


def test_the_page_is_shown_without_a_token_and_holds_nothing_of_a_run(held):
    for path, kind in (("/", "text/html"), ("/page.css", "text/css"), ("/play.js", "text/javascript")):
        status, headers, body = ask(held.page, "GET", path, cookie=None)
        assert status == 200
        assert headers["content-type"].startswith(kind)
        assert b"CartPole" not in body
        assert held.page.token.encode() not in body


def test_its_headers_keep_other_pages_and_inline_scripts_out(held):
    _, headers, body = ask(held.page, "GET", "/", cookie=None)
    policy = headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers
    assert b"<style" not in body
    assert b"http" not in body.replace(b"https://", b"http://").split(b"<title>")[1]  # no outside address
    for path in ("/page.js", "/chart.js", "/play.js", "/page.css"):
        text = ask(held.page, "GET", path)[2].decode()
        assert "://" not in text
        assert "innerHTML" not in text


def test_the_token_is_exchanged_for_a_cookie_that_scripts_cannot_read(held):
    status, headers, _ = ask(held.page, "POST", "/enter", {"token": held.page.token}, cookie=None)
    assert status == 200
    cookie = headers["set-cookie"]
    assert cookie.startswith(f"operant_{held.page.port}={held.page.token};")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))


def test_it_tells_how_the_run_stands(held):
    news = held.news()
    (run,) = news["runs"]
    assert (run["name"], run["algorithm"], run["environment"], run["total"]) == (
        "run",
        "ppo",
        "CartPole-v1",
        TOTAL,
    )
    assert run["last"]["time/total_timesteps"] == [128]
    assert "rollout/ep_rew_mean" in run["metrics"]
    assert (news["training"]["going"], news["training"]["paused"]) == (True, True)
    assert news["training"]["hyperparameters"]["learning_rate"] == 3e-4
    status, _, body = ask(held.page, "GET", "/api/curves?run=0&metric=rollout/ep_rew_mean&points=100")
    assert status == 200
    assert json.loads(body)["rollout/ep_rew_mean"]["x"] == [128]


def test_events_come_as_they_happen(held):
    with socket.create_connection(("127.0.0.1", held.page.port), 20) as connection:
        here = f"127.0.0.1:{held.page.port}"
        cookie = f"operant_{held.page.port}={held.page.token}"
        connection.sendall(f"GET /api/events HTTP/1.1\r\nHost: {here}\r\nCookie: {cookie}\r\n\r\n".encode())
        file = connection.makefile("rb")
        assert b"200" in file.readline()
        lines = iter(file.readline, b"")
        assert any(b"text/event-stream" in line for line in lines)
        assert next(line for line in lines if line.startswith(b"event:")) == b"event: news\n"
        assert json.loads(next(lines).removeprefix(b"data: "))["runs"][0]["name"] == "run"
        held.page.log.write("something\nhappened")
        assert any(line == b"event: log\n" for line in lines)
        assert json.loads(next(lines).removeprefix(b"data: "))[-1][1] == "something\nhappened"


def test_there_are_many_hostile_requests():
    assert len(HOSTILE) >= 200


@pytest.mark.parametrize(
    ("what", "method", "target", "body", "headers", "expected"),
    HOSTILE,
    ids=[f"{i}-{one[0].replace(' ', '-')}" for i, one in enumerate(HOSTILE)],
)
def test_a_hostile_request_is_refused(held, what, method, target, body, headers, expected):
    page = held.page
    kept = [one.kind for one in read_interventions(held.path / "interventions.jsonl")]
    headers = {name: filled(value, page) for name, value in headers.items()}
    headers = {
        name: value if value is None else value.encode().decode("latin-1") for name, value in headers.items()
    }
    status, answered, said = ask(page, method, filled(target, page), filled(body, page), **headers)
    assert status in expected, said
    assert "set-cookie" not in answered
    assert page.token.encode() not in said
    assert b"Traceback" not in said
    assert page.steering.paused
    assert [one.kind for one in read_interventions(held.path / "interventions.jsonl")] == kept == ["pause"]


def raw(page: Page, text: str) -> bytes:
    """What comes back for these bytes, until the connection ends."""
    with socket.create_connection(("127.0.0.1", page.port), 20) as connection:
        connection.sendall(filled(text, page).encode())
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


@pytest.mark.parametrize(
    "text",
    [
        "GET / HTTP/1.1\r\nHost: {here}\r\nHost: evil.example\r\n\r\n",
        "POST /api/steer HTTP/1.1\r\nHost: {here}\r\nOrigin: http://{here}\r\nOrigin: http://evil.example\r\n"
        "Cookie: operant_{port}={token}\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        "GET / HTTP/9.9\r\n\r\n",
        "\x00\x01\x02\r\n\r\n",
        "GET /api/events HTTP/1.1\r\nHost: evil\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        "GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "POST /api/steer HTTP/1.1\r\nHost: {here}\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "x" * 20_000 + "\r\n\r\n",
    ],
    ids=["two-hosts", "two-origins", "version", "bytes", "websocket", "proxy", "smuggling", "long-line"],
)
def test_bytes_that_are_no_request_of_the_page_are_refused(held, text):
    assert raw(held.page, text)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 421", b"HTTP/1.1 403", b"HTTP/1.1 431")
    assert held.page.steering.paused


def test_a_body_in_parts_without_end_is_cut_off(held):
    page, here = held.page, f"127.0.0.1:{held.page.port}"
    head = (
        f"POST /api/steer HTTP/1.1\r\nHost: {here}\r\nOrigin: http://{here}\r\nContent-Type: application/json\r\n"
        f"Cookie: operant_{page.port}={page.token}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    assert b" 413 " in raw(
        page, head + "400\r\n" + " " * 1024 + "\r\n" + ("400\r\n" + " " * 1024 + "\r\n") * 5
    )


def test_floods_are_refused_and_pass(held):
    page, guard = held.page, held.page.server.config.app
    # Nothing comes back meanwhile, however slow the machine is.
    guard.all, guard.changing, guard.entering = Allowance(0, 400), Allowance(0, 20), Allowance(0, 10)
    guard.acting = Allowance(0, 60)
    steered = [ask(page, "POST", "/api/steer", {"kind": "no"})[0] for _ in range(40)]
    assert steered == [400] * 20 + [429] * 20
    entered = [ask(page, "POST", "/enter", {"token": "no"})[0] for _ in range(20)]
    assert entered == [401] * 10 + [429] * 10
    acted = [ask(page, "POST", "/api/act", {"contest": "x", "action": 0})[0] for _ in range(80)]
    assert acted == [404] * 60 + [429] * 20
    read = [ask(page, "GET", "/page.css")[0] for _ in range(280)]
    assert read == [200] * 260 + [429] * 20
    guard.all = Allowance(60, 240)
    assert ask(page, "GET", "/api/runs")[0] == 200
    assert page.steering.paused


def test_an_allowance_comes_back_with_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("operant.live.guard.time", SimpleNamespace(monotonic=lambda: now[0]))
    allowance = Allowance(rate=2, burst=3)
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]
    now[0] += 1.0
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    now[0] += 1000.0
    assert [allowance.take() for _ in range(4)] == [True, True, True, False]


def test_streams_have_a_bound_and_slow_readers_do_no_harm(held):
    page, here = held.page, f"127.0.0.1:{held.page.port}"
    head = f"GET /api/events HTTP/1.1\r\nHost: {here}\r\nCookie: operant_{page.port}={page.token}\r\n\r\n".encode()
    guard: Any = page.server.config.app
    wait_until(lambda: guard.streams == 0, 30)
    open_ones = []
    try:
        for _ in range(STREAMS):  # which read nothing
            open_ones.append(socket.create_connection(("127.0.0.1", page.port), 20))
            open_ones[-1].sendall(head)
        wait_until(lambda: guard.streams == STREAMS, 20)
        assert ask(page, "GET", "/api/events")[0] == 503
        assert held.news()["training"]["paused"]
    finally:
        for one in open_ones:
            one.close()
    wait_until(lambda: guard.streams == 0, 30)


def test_a_request_that_never_ends_is_closed(held, monkeypatch):
    monkeypatch.setattr("operant.live.server.SECONDS_FOR_A_REQUEST", 0.2)
    monkeypatch.setattr("operant.live.guard.SECONDS_TO_SEND", 0.2)
    assert raw(held.page, "GET / HTTP/1.1\r\nHost: {here}\r\n") == b""  # its headers do not end
    head = (
        "POST /enter HTTP/1.1\r\nHost: {here}\r\nOrigin: http://{here}\r\nContent-Type: application/json\r\n"
    )
    assert b" 408 " in raw(held.page, head + "Content-Length: 50\r\n\r\n{")


def test_z_after_all_this_the_run_is_steered_and_learns_what_it_would_have(held):
    page = held.page
    assert ask(page, "POST", "/api/steer", {"kind": "change", "name": "gamma", "value": 0.9})[0] == 200
    assert ask(page, "POST", "/api/steer", {"kind": "one chunk"})[0] == 200
    wait_until(lambda: held.news()["runs"][0]["last"]["time/total_timesteps"] == [256])
    wait_until(lambda: held.news()["training"]["paused"])
    assert held.news()["training"]["hyperparameters"]["gamma"] == 0.9
    assert ask(page, "POST", "/api/steer", {"kind": "go on"})[0] == 200
    held.thread.join(60)
    assert not held.thread.is_alive()
    kept = [(one.step, one.kind, one.value) for one in read_interventions(held.path / "interventions.jsonl")]
    assert kept == [
        (128, "pause", None),
        (128, "change", 0.9),
        (128, "one chunk", None),
        (256, "go on", None),
    ]
    assert ask(page, "POST", "/api/steer", {"kind": "pause"})[0] == 409
    wait_until(lambda: not held.news()["training"]["going"])
    alone = ppo(seed=3).learn(TOTAL, progress_bar=False, log_interval=EVERY, interventions=held.path)
    for x, y in zip(jax.tree.leaves(held.agent.learner.run), jax.tree.leaves(alone.learner.run), strict=True):
        plain = [np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf) for leaf in (x, y)]
        assert np.array_equal(*plain)


def test_runs_that_are_over_are_shown_side_by_side_and_nothing_of_them_can_be_steered(tmp_path, held, capsys):
    wait_until(lambda: (held.path / "config.json").exists())
    with operant.live.open_page(held.path, held.path, tmp_path / "none") as page:
        assert page.address in capsys.readouterr().out
        status, _, body = ask(page, "GET", "/api/runs")
        assert status == 200
        assert [run["id"] for run in json.loads(body)["runs"]] == [0, 1]
        assert json.loads(body)["training"] is None
        assert ask(page, "POST", "/api/steer", {"kind": "stop"})[0] == 409
        assert ask(page, "GET", "/api/runs", cookie=f"operant_{page.port}={held.page.token}")[0] == 401
    with pytest.raises(ConnectionError):
        ask(page, "GET", "/")


def test_a_port_that_is_taken_is_named(held):
    with pytest.raises(ValueError, match=f"port={held.page.port}: it cannot be listened on"):
        Page(port=held.page.port)
