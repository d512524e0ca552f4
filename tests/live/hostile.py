"""Requests that the page's server refuses, each with the statuses of which one is right."""

from __future__ import annotations

from typing import Any

from operant.live.guard import LARGEST_BODY
from operant.live.page import Page

STEER = {"kind": "stop"}
READS = (
    *("/api/runs", "/api/curves?run=0&metric=a", "/api/events", "/api/picture?run=0&show=policy"),
    *("/api/play?run=0", "/api/map?run=0", "/api/contest?run=0", "/api/diagnosis?run=0", "/api/question"),
    *("/api/clips", "/api/film?number=0&side=left"),
)
DOINGS: tuple[tuple[str, Any], ...] = (
    ("/api/branch", {"run": 0, "step": 128}),
    ("/api/act", {"contest": "x", "action": 0}),
    ("/api/answer", {"number": 0, "answer": "left"}),
    ("/api/compare", {"number": 0, "answer": "left"}),
)
HOSTILE: list[tuple[str, str, str, Any, dict[str, str | None], tuple[int, ...]]] = [
    # no token, a wrong one, or one in the wrong place
    *(("no token", "GET", path, None, {"cookie": None}, (401,)) for path in READS),
    ("no token", "POST", "/api/steer", STEER, {"cookie": None}, (401,)),
    *(
        ("a wrong token", "POST", "/api/steer", STEER, {"cookie": cookie}, (401,))
        for cookie in (
            "operant_{port}=",
            "operant_{port}=x",
            "operant_{port}={token}x",
            "operant_1={token}",
            "operant={token}",
            "a={token}",
            "{token}",
            "operant_{port}",
            "operant_{port}=é",
            "=;;;=",
        )
    ),
    ("the token in the address", "GET", "/api/runs?token={token}", None, {"cookie": None}, (401,)),
    ("the token in a header", "GET", "/api/runs", None, {"cookie": None, "authorization": "Bearer {token}"}, (401,)),
    *(
        ("a wrong token", "POST", "/enter", body, {"cookie": None}, (400, 401))
        for body in ({"token": ""}, {"token": None}, {"token": ["{token}"]}, {}, [], b"", b"{", {"token": "a" * 999})
    ),
    # another page asks
    *(
        ("a foreign origin", method, path, body, {"origin": origin}, (403,))
        for method, path, body in (("POST", "/api/steer", STEER), ("GET", "/api/runs", None), ("POST", "/enter", {}))
        for origin in (
            "http://evil.example",
            "https://{here}",
            "http://127.0.0.1",
            "http://127.0.0.1:1",
            "http://localhost:{port}",
            "null",
            "",
            "http://{here}.evil.example",
        )
    ),
    ("no origin", "POST", "/api/steer", STEER, {"origin": None}, (403,)),
    ("no origin", "POST", "/enter", {"token": "{token}"}, {"origin": None}, (403,)),
    *(
        ("another site", "GET", "/api/runs", None, {"sec_fetch_site": site}, (403,))
        for site in ("cross-site", "same-site", "evil")
    ),
    # a name that is pointed here
    *(
        ("another name", "GET", "/", None, {"host": host, "cookie": None}, (400, 421))
        for host in (
            "evil.example",
            "evil.example:{port}",
            "127.0.0.1",
            "127.0.0.1:1",
            "[::1]:{port}",
            "0.0.0.0:{port}",
            "127.0.0.1.evil.example:{port}",
            "{here}@evil.example",
            "LOCALHOST.:{port}",
            "",
        )
    ),
    ("no name", "GET", "/", None, {"host": None}, (400, 421)),
    # wrong methods, forms
    *(
        ("a wrong method", method, "/api/runs", None, {}, (400, 405))
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "NONSENSE")
    ),
    ("a change by GET", "GET", "/api/steer?kind=stop", None, {}, (405,)),
    ("entering by GET", "GET", "/enter?token={token}", None, {}, (405,)),
    ("a post where one reads", "POST", "/api/runs", {}, {}, (405,)),
    *(
        ("a form", "POST", "/api/steer", b"kind=stop", {"content_type": kind}, (415,))
        for kind in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", None, "")
    ),
    # paths that lead elsewhere
    *(
        ("a traversal", "GET", path, None, {}, (400, 404))
        for path in (
            "/../../etc/passwd",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/static/../page.py",
            "/..%2fguard.py",
            "/page.py",
            "/api/picture?run=0&show=../config.json",
            "/api/picture?run=0&show=..%2f..%2fetc%2fpasswd",
            "/api/picture?run=0&show=config.json",
            "/api/picture?run=0&show=%00",
            "/api/picture?run=../x&show=policy",
            "/api/curves?run=-1&metric=a",
            "/api/curves?run=99&metric=a",
            "/api/curves?run=1e3&metric=a",
            "/api/curves?run=0&metric=__class__",
            "/api/curves?run=0&metric=seed",
            "/api/curves?run=0&metric=a&points=-5",
            "/api/curves?run=0&metric=a&points=99999999999999999999",
            "/api/curves?run=" + "٣",
            "//evil.example/",
            "/api/",
        )
        if path.isascii()
    ),
    # too much
    ("a body that is too large", "POST", "/api/steer", b" " * (LARGEST_BODY + 1), {}, (413,)),
    ("a length that is too large", "POST", "/api/steer", b"{}", {"content_length": "99999999999"}, (413,)),
    ("a length that is none", "POST", "/api/steer", b"{}", {"content_length": "-1"}, (400, 413)),
    ("an address that is too long", "GET", "/api/runs?" + "a" * 5000, None, {}, (414,)),
    ("headers that are too long", "GET", "/api/runs", None, {"x": "a" * 20_000}, (400, 431)),
    # what the run does not do
    *(
        ("a wrong request", "POST", "/api/steer", body, {}, (400,))
        for body in (
            b"",
            b"{",
            b"[]",
            b"null",
            b"\xff\xfe",
            b"[" * 3000,
            {},
            {"kind": 5},
            {"kind": "explode"},
            {"kind": "stop", "more": 1},
            {"kind": "change"},
            {"kind": "change", "name": "learning_rate"},
            {"kind": "change", "name": "learning_rate", "value": None},
            {"kind": "change", "name": "learning_rate", "value": [1]},
            {"kind": "change", "name": "learning_rate", "value": -1},
            {"kind": "change", "name": "learning_rate", "value": "__import__('os').system('true')"},
            {"kind": "change", "name": "learning_rate", "value": "linear:" + "9" * 2000},
            {"kind": "change", "name": "network", "value": "x"},
            {"kind": "change", "name": "__class__", "value": 1},
            {"kind": "change", "name": ["learning_rate"], "value": 1},
            {"kind": "change", "name": "n_steps", "value": 1},
            b'{"kind": "change", "name": "learning_rate", "value": NaN}',
            b'{"kind": "change", "name": "learning_rate", "value": 1e999}',
        )
    ),
    # what a person does there, each as steering is locked
    *(
        (f"{path} {what}", method, path, given if method == "POST" else None, headers, (status,))
        for path, given in DOINGS
        for what, method, headers, status in (
            ("without a token", "POST", {"cookie": None}, 401),
            ("with a wrong token", "POST", {"cookie": "operant_{port}=x"}, 401),
            ("from elsewhere", "POST", {"origin": "http://evil.example"}, 403),
            ("from another port", "POST", {"origin": "http://127.0.0.1:1"}, 403),
            ("from no page", "POST", {"origin": None}, 403),
            ("across sites", "POST", {"sec_fetch_site": "cross-site"}, 403),
            ("by another name", "POST", {"host": "evil.example"}, 421),
            ("as a form", "POST", {"content_type": "text/plain"}, 415),
            ("by GET", "GET", {}, 405),
            ("by PUT", "PUT", {}, 405),
            ("of a great length", "POST", {"content_length": "99999999"}, 413),
        )
    ),
    *(
        ("a wrong table", "POST", path, body, {}, (400,))
        for path, _ in DOINGS
        for body in (b"", b"{", b"[]", b"[" * 3000, b"\xff", {"more": 1})
    ),
    # branches of what is not there, by names that are not asked for
    *(
        ("a wrong branch", "POST", "/api/branch", body, {}, (400, 404, 409))
        for body in (
            {},
            {"run": 99, "step": 128},
            {"run": -1, "step": 128},
            {"run": "../..", "step": 128},
            {"run": 0, "step": "../../x"},
            {"run": 0, "step": -1},
            {"run": 0, "step": True},
            {"run": 0, "step": 1e300},
            {"run": 0, "step": 12_345},
            {"run": 0, "step": 128, "path": "/tmp/x"},
            {"run": 0, "step": 128, "name": "../x"},
            {"run": 0, "step": 128, "changes": [1]},
            {"run": 0, "step": 128, "changes": {"learning_rate": [1]}},
            {"run": 0, "step": 128, "changes": {"learning_rate": True}},
            {"run": 0, "step": 128, "changes": {"learning_rate": None}},
            {"run": 0, "step": 128, "changes": {f"x{i}": 1 for i in range(21)}},
            {"run": 0, "step": 128, "train": "rm -r /"},
        )
    ),
    # contests that nobody plays, and pictures that nobody draws
    *(
        ("a wrong contest", "POST", "/api/act", body, {}, (400, 404))
        for body in (
            {},
            {"contest": "", "action": 0},
            {"contest": "x" * 999, "action": 0},
            {"contest": ["x"], "action": 0},
            {"contest": 0, "again": True},
            {"contest": "../x", "again": True},
        )
    ),
    *(
        ("a wrong picture or contest", "GET", path, None, {}, (400, 404))
        for path in (
            "/api/contest?run=99",
            "/api/contest?run=-1",
            "/api/contest?run=0&pace=warp",
            "/api/contest?run=0&pace=__class__",
            "/api/map?run=99",
            "/api/map?run=0&show=../policy",
            "/api/map?run=0&show=__class__",
            "/api/map?run=0&show=",
            "/api/diagnosis?run=99",
            "/api/diagnosis?run=..%2f..",
            "/api/question",
            "/label/../api/runs",
            "/label.html",
            "/index.html",
        )
    ),
    *(
        ("an answer where nobody asks", "POST", "/api/answer", body, {}, (404,))
        for body in ({"number": 0, "answer": "left"}, {"undo": True}, {})
    ),
    *(
        ("a comparison where nobody asks", "POST", "/api/compare", body, {}, (404,))
        for body in ({"number": 0, "answer": "left"}, {})
    ),
    *(
        ("clips of a run that learns from none", "GET", path, None, {}, (404,))
        for path in ("/api/clips", "/api/film?number=0&side=left", "/api/film?number=0&side=../x")
    ),
]  # fmt: skip


def filled(value: Any, page: Page) -> Any:
    """With this page's address and token."""
    if isinstance(value, dict):
        return {key: filled(part, page) for key, part in value.items()}
    if not isinstance(value, str):
        return value
    names = {"here": f"127.0.0.1:{page.port}", "port": str(page.port), "token": page.token}
    for name, text in names.items():
        value = value.replace(f"{{{name}}}", text)
    return value
