"""A page over a run that is held between two chunks, and requests as the page makes them."""

from __future__ import annotations

import http.client
import json
import threading
import time
from pathlib import Path
from typing import Any

from operant.agent import Agent
from operant.algorithms.policy_gradient.ppo import PPO
from operant.curiosity import Curious, Preferences
from operant.live.page import Page
from operant.networks import Network
from tests.shared import ppo

TOTAL, EVERY = 768, 128
CLIP_LENGTH = 4  # of `learns_from_clips`


def ask(
    page: Page, method: str, target: str, body: Any = None, **headers: str | None
) -> tuple[int, dict, bytes]:
    """`(status, headers, body)` of a request as the page makes it; headers of None are left out."""
    here = f"127.0.0.1:{page.port}"
    usual = {"Host": here, "Cookie": f"operant_{page.port}={page.token}"}
    if method == "POST":
        usual |= {"Origin": f"http://{here}", "Content-Type": "application/json"}
    named = {name.replace("_", "-").title(): value for name, value in headers.items()}
    sent = {name: value for name, value in {**usual, **named}.items() if value is not None}
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=20)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        if data is not None and "Content-Length" not in sent and "Transfer-Encoding" not in sent:
            connection.putheader("Content-Length", str(len(data)))
        connection.endheaders(data)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def learns_from_clips(folder: Path, comparisons: int = 20) -> Agent:
    """A small PPO on CartPole that learns from what a person says of clips."""
    tiny = Network(hidden_sizes=(8,))
    own = Preferences(
        answers=str(folder), clip_length=CLIP_LENGTH, comparisons=comparisons, query_every=64, window=64,
        n_updates=4, network=tiny,
    )  # fmt: skip
    return Agent(Curious(PPO(n_steps=64, batch_size=64, network=tiny), own), "CartPole-v1", seed=3)


class Held:
    """A run that trains in a thread, pauses after its first chunk, and is seen by a page."""

    def __init__(self, path: Path, agent: Agent | None = None, total: int = TOTAL) -> None:
        self.path, self.page, self.agent, self.total = path, Page([path]), agent or ppo(seed=3), total
        self.page.steering.ask("pause")
        self.page.start()
        self.thread = threading.Thread(target=self._train, daemon=True)
        self.thread.start()
        wait_until(lambda: self.page.steering.paused)

    def _train(self) -> None:
        steering = self.page.steering
        kept = {"run_dir": self.path, "checkpoint_every": 4 * EVERY}
        self.agent.learn(self.total, progress_bar=False, log_interval=EVERY, steering=steering, **kept)

    def news(self) -> dict[str, Any]:
        status, _, body = ask(self.page, "GET", "/api/runs")
        assert status == 200
        return json.loads(body)


def wait_until(true, seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)
