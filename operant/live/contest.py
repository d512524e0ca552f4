"""A person and the newest policy in the same episode, each in an environment of its own; training is not touched."""

from __future__ import annotations

import json
import queue
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Any

from operant import spaces
from operant.engine.policy import Actor
from operant.envs.view import EnvironmentView
from operant.live.controls import Controls
from operant.live.playing import MOST_STEPS, Episode, Learnt
from operant.live.thinking import picture, said
from operant.studio.recording import frame_of

FRAMES = 15  # a second
FIRST_SEED = 40_000  # of the episodes; evaluations, films and what is watched have others
PACES = {"real": 1.0, "half": 0.5, "slow": 0.25}  # of the environment's own time
TURNS = "turns"  # a step for each action that is asked for
WAITING = 20  # actions that wait in turns; more are left out
LATEST = 10  # scores that are told
MOST = 3  # contests at a time


class Contest:
    """Episodes of a person and of the policy from the same seeds, step by step, while somebody looks.

    `pace` is one of `PACES`, or `TURNS`; None is turns where observations are Discrete, and else real time. `act` and
    `again` are for the thread that is asked, and `latest` is `(number, JSON)` of the newest frame.
    """

    def __init__(self, learnt: Learnt, pace: str | None) -> None:
        if pace not in (None, TURNS, *PACES):
            raise ValueError(f"pace={pace!r}: must be one of {TURNS}, {', '.join(PACES)}.")
        self.id = secrets.token_urlsafe(12)
        self.learnt, self.pace = learnt, pace
        self.controls: Controls | None = None
        self.latest: tuple[int, str] = (0, "{}")
        self.scores: list[tuple[float, float]] = []  # of finished episodes: the person's and the policy's
        self._asked: queue.Queue[Any] = queue.Queue(WAITING)
        self._action: Any = None
        self._again, self._over = Event(), Event()

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """In this block it is played."""
        thread = Thread(target=self._run, name="operant live contest", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()

    def act(self, action: Any) -> None:
        """What the person does from now on, or in turns next. Raises ValueError for what is no action."""
        if self.controls is None:
            raise ValueError("The environment is not there yet.")
        self._action = self.controls.action(action)
        if self.pace == TURNS and not self._asked.full():
            self._asked.put_nowait(self._action)

    def again(self) -> None:
        """Begin the next episode."""
        self._again.set()

    def _run(self) -> None:
        seed = FIRST_SEED
        while not self._over.is_set():
            try:
                self._play(seed)
            except Exception as error:  # whatever an environment of the user's raises is said on the page
                self._show(problem=said(error))
                self._over.wait(1)
            seed += 1

    def _play(self, seed: int) -> None:
        """One episode of both."""
        agent, _ = self.learnt.agent()
        if not agent.source.renders:
            raise ValueError(f"{agent.source.id} draws no pictures.")
        self.controls = controls = Controls.of(agent)
        if self.pace is None:
            self.pace = TURNS if isinstance(agent.spec.observation_space, spaces.Discrete) else "real"
        self._action = controls.at_rest
        while not self._asked.empty():
            self._asked.get_nowait()
        self._again.clear()
        views = [EnvironmentView(agent.make_env(agent.source, "rgb_array")) for _ in range(2)]
        try:
            own = Episode(views[0], None, seed)
            rival = Episode(views[1], Actor(agent.current_policy(True, 0)), seed)
            self._tell(own, rival)
            while not (self._over.is_set() or self._again.is_set()):
                began = time.monotonic()
                steps, pause = self._steps(views[0], own.done)
                if steps:
                    _, at = self.learnt.agent()  # which may have learnt more
                    for _ in range(steps):
                        self._step(own, rival)
                    self._tell(own, rival, at)
                    if own.done and rival.done:
                        self.scores.append((own.reward, rival.reward))
                        self._tell(own, rival, at)
                        break
                self._over.wait(max(0.0, pause - (time.monotonic() - began)))
            while not (self._over.is_set() or self._again.wait(0.1)):  # both are done
                pass
        finally:
            for view in views:
                view.close()

    def _steps(self, view: EnvironmentView, done: bool) -> tuple[int, float]:
        """`(environment steps until the next frame, seconds from one frame to the next)`."""
        assert self.pace is not None
        if self.pace != TURNS:
            fps = float(view.env.metadata.get("render_fps") or 30) * PACES[self.pace]
            steps = max(1, round(fps / FRAMES))
            return steps, steps / fps
        if done:  # the policy goes on alone
            return 1, 1 / FRAMES
        try:
            self._action = self._asked.get(timeout=0.1)
        except queue.Empty:
            return 0, 0.0
        return 1, 0.0

    def _step(self, own: Episode, rival: Episode) -> None:
        if own.steps >= MOST_STEPS or rival.steps >= MOST_STEPS:
            own.done = rival.done = True
        own.step(self._action)
        rival.step()

    def _tell(self, own: Episode, rival: Episode, at: int = 0) -> None:
        def shown(episode: Episode) -> dict[str, Any]:
            frame = picture(frame_of(episode.view.env))
            return {"frame": frame, "steps": episode.steps, "reward": episode.reward, "done": episode.done}

        assert self.controls is not None
        self._show(
            contest=self.id,
            pace=self.pace,
            controls=self.controls.to_json(),
            step=at,
            you=shown(own),
            policy=shown(rival),
            scores=self.scores[-LATEST:],
        )

    def _show(self, **values: Any) -> None:
        self.latest = self.latest[0] + 1, json.dumps(values)


class Contests:
    """Those of a page, of which there are a few at a time."""

    def __init__(self) -> None:
        self._going: dict[str, Contest] = {}
        self._lock = Lock()

    def begin(self, learnt: Learnt, pace: str | None) -> Contest:
        """A new one, which is not played yet. Raises ValueError where there are many, and for a pace that is none."""
        with self._lock:
            if len(self._going) >= MOST:
                raise ValueError(f"{MOST} people play already.")
        return Contest(learnt, pace)

    @contextmanager
    def going_on(self, contest: Contest) -> Iterator[None]:
        """In this block it is played."""
        with self._lock:
            self._going[contest.id] = contest
        try:
            with contest.going_on():
                yield
        finally:
            with self._lock:
                del self._going[contest.id]

    def named(self, id: str | None) -> Contest | None:
        """The one of this id, if it goes on."""
        with self._lock:
            return None if id is None else self._going.get(id)
