"""The newest policy at play, next to the random one: in environments of its own, and only while somebody looks."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from operant.agent import Agent
from operant.agent.experienced import Experienced
from operant.agent.steering import Snapshot, Steering
from operant.engine.policy import Actor
from operant.envs.view import EnvironmentView
from operant.live.drawing import Moment, Seen, draw, require_known
from operant.live.thinking import looks, picture, said, thinks
from operant.studio.recording import frame_of

FRAMES = 8  # a second
LOOKS = 1.0  # seconds between two pictures of what the network sees, and where it looks
FIRST_SEED = 30_000  # of the episodes that are played; evaluations and films have others
MOST_STEPS = 5_000  # of an episode, after which the next one begins


class Learnt:
    """What has been learnt so far as an agent of its own, whichever chunk training is in."""

    def __init__(
        self,
        newest: Callable[[], tuple[Agent, int]],
        experienced: Callable[[], Experienced | None] = lambda: None,
    ) -> None:
        self._newest, self._experienced = newest, experienced

    def agent(self) -> tuple[Agent, int]:
        """`(the agent, the step at which it had learnt that)`. Raises ValueError where there is none yet."""
        return self._newest()

    def experienced(self) -> Experienced | None:
        """What the learner went through lately; None where it is not trained in this process."""
        return self._experienced()

    @classmethod
    def of_training(cls, steering: Steering) -> Learnt:
        """Of the run that is trained in this process: as of the end of a chunk, a second ago or so."""
        made: list[tuple[Snapshot, Agent]] = []

        def newest() -> tuple[Agent, int]:
            snapshot, core = steering.snapshot(), steering.core
            if snapshot is None or core is None:
                raise ValueError("waiting for the end of this chunk")
            if core.source.shared:
                raise ValueError(
                    "The environment is an object of yours, which training steps: it is not played here."
                )
            if not made:
                apart = core.apart(snapshot.algorithm, snapshot.state, snapshot.step)
                made.append((snapshot, Agent._of(apart)))
            known, agent = made[0]
            if known is not snapshot:
                agent.learner.state = snapshot.state
                agent.learner.statistics_taken = [snapshot.statistics]
                made[0] = snapshot, agent
            return agent, snapshot.step

        def experienced() -> Experienced | None:
            snapshot = steering.snapshot()
            return None if snapshot is None else snapshot.experienced

        return cls(newest, experienced)

    @classmethod
    def of_file(cls, path: Path) -> Learnt:
        """Of a run's model; of several seeds the best one's."""
        made: list[Agent] = []

        def newest() -> tuple[Agent, int]:
            if not made:
                try:
                    made.append(Agent.load(path))
                except OSError as error:
                    raise ValueError(str(error)) from error
            return made[0], made[0].step

        return cls(newest)


class Player:
    """Plays while it is watched; `latest` is `(number, JSON)` of the newest frame, of which nobody needs all."""

    def __init__(self, learnt: Learnt, look_away: Callable[[], None] = lambda: None) -> None:
        self.learnt, self._look_away = learnt, look_away
        self.latest: tuple[int, str] = (0, "{}")
        self._seen: Seen | None = None  # the state on screen
        self._watchers, self._lock = 0, threading.Lock()
        self._thread: threading.Thread | None = None
        self._drawing = threading.Lock()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """In this block somebody looks."""
        with self._lock:
            self._watchers += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="operant live player", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._watchers -= 1

    def _is_watched(self) -> bool:
        """Whether anybody looks; where nobody does, the thread that asks is to end."""
        with self._lock:
            if self._watchers:
                return True
            self._thread, self._seen = None, None
        self._look_away()
        return False

    def _show(self, **values: Any) -> None:
        self.latest = self.latest[0] + 1, json.dumps(values)

    def _run(self) -> None:
        seed = FIRST_SEED
        while self._is_watched():
            try:
                self._play(seed)
            except Exception as error:  # whatever an environment of the user's raises is said on the page
                self._show(problem=said(error))
                time.sleep(1)
            seed += 1

    def _play(self, seed: int) -> None:
        """One episode, and the random policy meanwhile."""
        agent, _ = self.learnt.agent()
        if not agent.source.renders:
            raise ValueError(f"{agent.source.id} draws no pictures.")
        random = agent.random()
        view = EnvironmentView(agent.make_env(agent.source, "rgb_array"))
        other = EnvironmentView(random.make_env(random.source, "rgb_array"))
        try:
            fps = float(view.env.metadata.get("render_fps") or 30)
            every = max(1, round(fps / FRAMES))
            own = Episode(view, Actor(agent.current_policy(True, 0)), seed)
            against = Episode(other, Actor(random.current_policy(False, 0)), seed)
            looked = 0.0
            while not own.done and own.steps < MOST_STEPS and self._watchers:
                began = time.monotonic()
                agent, step = self.learnt.agent()  # which may have learnt more
                for _ in range(every):
                    own.step()
                    against.step()
                    if against.done:
                        against = Episode(other, against.actor, seed + 1)
                frame, more = frame_of(view.env), {}
                self._seen = Seen(view.observation, frame, own.steps)
                if began - looked > LOOKS:
                    more, looked = looks(agent, view.observation), began
                self._show(
                    step=step,
                    frame=picture(frame),
                    steps=own.steps,
                    reward=own.reward,
                    random={
                        "frame": picture(frame_of(other.env)),
                        "steps": against.steps,
                        "reward": against.reward,
                    },
                    thoughts=thinks(agent, view),
                    **more,
                )
                time.sleep(max(0.0, 1 / FRAMES - (time.monotonic() - began)))
        finally:
            view.close()
            other.close()

    def draw(self, what: str) -> bytes:
        """A picture (PNG) of one of `drawing.DRAWINGS`, as things are now; drawn on request.

        Raises ValueError, saying why, where there is no such picture or nothing is learnt yet.
        """
        require_known(what)
        with self._drawing:
            agent, step = self.learnt.agent()
            return draw(what, Moment(agent, step, self._seen, self.learnt.experienced()))


class Episode:
    """An episode as it is played, by an actor or by somebody whose actions are given."""

    def __init__(self, view: EnvironmentView, actor: Actor | None, seed: int) -> None:
        self.view, self.actor = view, actor
        self.steps, self.reward, self.done = 0, 0.0, False
        if actor is not None:
            actor.reset()
        view.reset(seed)

    def step(self, action: Any = None) -> None:
        """One more, unless it is over."""
        if self.done:
            return
        if self.actor is not None:
            action = self.actor(self.view.observation, self.view.action_mask)
        reward, self.done = self.view.step(action)
        self.reward += reward
        self.steps += 1
