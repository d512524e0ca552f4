"""Open pages, in a process of their own, until its input ends: `python -m benchmarks.live_pages ADDRESS COUNT`.

In Chromium with --browser, and else by what a page asks for, as often as it does: the stream of news, and once a second
each of its curves that changed. With --watch the first page watches the newest policy play.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit

READY = "ready"
CURVES = 8  # that fit on a screen
POINTS = 1_600  # of each: four for each column of pixels
SECONDS = 60


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live_pages", description=__doc__)
    parser.add_argument("address")
    parser.add_argument("count", type=int)
    parser.add_argument("--browser", action="store_true")
    parser.add_argument("--watch", action="store_true")
    options = parser.parse_args()
    (in_browser if options.browser else by_requests)(options.address, options.count, options.watch)


def chromium() -> str | None:
    """The browser, if there is one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def in_browser(address: str, count: int, watch: bool) -> None:
    """As a person opens them."""
    from playwright.sync_api import sync_playwright  # pyright: ignore[reportMissingImports]

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        tabs = [browser.new_context(viewport={"width": 1280, "height": 900}).new_page() for _ in range(count)]
        for tab in tabs:
            tab.goto(address)
            tab.wait_for_function("() => document.querySelector('#state').textContent !== 'opening …'")
        print(READY, flush=True)
        if watch:  # what is trained, which has not begun yet
            tabs[0].wait_for_function(
                "() => document.querySelector('#state').textContent.startsWith('training')"
            )
            tabs[0].get_by_role("button", name="Watch the newest policy").click()
        sys.stdin.read()
        browser.close()


def by_requests(address: str, count: int, watch: bool) -> None:
    """As a page does."""
    pages = [Asking(address) for _ in range(count)]
    if watch:
        threading.Thread(target=pages[0].watch, daemon=True).start()
    for page in pages:
        threading.Thread(target=page.listen, daemon=True).start()
        threading.Thread(target=page.draw, daemon=True).start()
    for page in pages:
        page.heard.wait(SECONDS)
    print(READY, flush=True)
    sys.stdin.read()


class Asking:
    """What one page asks for."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self.host, self.news = parts.netloc, {"runs": [], "training": None}
        self.headers = {"Cookie": f"operant_{parts.port}={parts.fragment}"}
        self.heard = threading.Event()

    def listen(self) -> None:
        """The stream of news."""
        for event, data in self._events("/api/events"):
            if event == "news":
                self.news = json.loads(data)
                self.heard.set()

    def watch(self) -> None:
        """The stream of frames."""
        while not (self.news["runs"] and self.news["training"]):  # what is trained, which has not begun yet
            time.sleep(0.05)
        for _ in self._events("/api/play?run=0"):
            pass

    def draw(self) -> None:
        """Once a second the curves that changed."""
        drawn: dict[int, int] = {}
        connection = http.client.HTTPConnection(self.host, timeout=SECONDS)
        while True:
            for run in self.news["runs"]:
                if drawn.get(run["id"]) == run["version"] or not run["metrics"]:
                    continue
                query = {"run": run["id"], "metric": run["metrics"][:CURVES], "points": POINTS}
                connection.request("GET", f"/api/curves?{urlencode(query, doseq=True)}", headers=self.headers)
                json.loads(connection.getresponse().read())
                drawn[run["id"]] = run["version"]
            time.sleep(1)

    def _events(self, target: str) -> Iterator[tuple[str, str]]:
        connection = http.client.HTTPConnection(self.host, timeout=SECONDS)
        connection.request("GET", target, headers=self.headers)
        answer: Any = connection.getresponse()
        if answer.status != 200:
            raise RuntimeError(f"{target}: {answer.status} {answer.read().decode()}")
        event = ""
        for line in iter(answer.readline, b""):
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                yield event, value


if __name__ == "__main__":
    main()
