"""The newest policy at play, next to the random one: in environments of its own, and only while somebody looks."""

from __future__ import annotations

import base64
import io
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np

from operant import spaces
from operant.agent import Agent, thoughts
from operant.agent.steering import Snapshot, Steering
from operant.engine.policy import Actor
from operant.envs.view import EnvironmentView
from operant.studio.names import names
from operant.studio.recording import frame_of
from operant.studio.table_map import table_map
from operant.studio.tables import learnt_table

FRAMES = 8  # a second
LARGEST = 400  # pixels, in width
FIRST_SEED = 30_000  # of the episodes that are played; evaluations and films have others
MOST_STEPS = 5_000  # of an episode, after which the next one begins


class Learnt:
    """What has been learnt so far as an agent of its own, whichever chunk training is in."""

    def __init__(self, newest: Callable[[], tuple[Agent, int]]) -> None:
        self._newest = newest

    def agent(self) -> tuple[Agent, int]:
        """`(the agent, the step at which it had learnt that)`. Raises ValueError where there is none yet."""
        return self._newest()

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

        return cls(newest)

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

    def _seen(self) -> bool:
        """Whether anybody looks; where nobody does, the thread that asks is to end."""
        with self._lock:
            if self._watchers:
                return True
            self._thread = None
        self._look_away()
        return False

    def _show(self, **values: Any) -> None:
        self.latest = self.latest[0] + 1, json.dumps(values)

    def _run(self) -> None:
        seed = FIRST_SEED
        while self._seen():
            try:
                self._play(seed)
            except Exception as error:  # whatever an environment of the user's raises is said on the page
                said = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
                self._show(problem=said[:300])
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
            own = _Episode(view, Actor(agent.current_policy(True, 0)), seed)
            against = _Episode(other, Actor(random.current_policy(False, 0)), seed)
            while not own.done and own.steps < MOST_STEPS and self._watchers:
                began = time.monotonic()
                agent, step = self.learnt.agent()  # which may have learnt more
                for _ in range(every):
                    own.step()
                    against.step()
                    if against.done:
                        against = _Episode(other, against.actor, seed + 1)
                self._show(
                    step=step,
                    frame=picture(frame_of(view.env)),
                    steps=own.steps,
                    reward=own.reward,
                    random={
                        "frame": picture(frame_of(other.env)),
                        "steps": against.steps,
                        "reward": against.reward,
                    },
                    thoughts=thinks(agent, view),
                )
                time.sleep(max(0.0, 1 / FRAMES - (time.monotonic() - began)))
        finally:
            view.close()
            other.close()

    def map(self) -> bytes:
        """A picture (PNG) of what the policy does over its observations, or of its table; drawn on request.

        Raises ValueError, saying why, where there is no such picture or nothing is learnt yet.
        """
        with self._drawing, tempfile.TemporaryDirectory() as folder:
            agent, step = self.learnt.agent()
            path, table = (
                Path(folder) / "map.png",
                learnt_table(agent.state, agent.source.twin or agent.source.given),
            )
            if table is None:
                agent.plot_policy(path)
            else:
                title = f"{agent.name} on {agent.source.id}, step {step:,}"
                table_map(table.q_values, table.layout, visits=table.visits, title=title, path=path)
            return path.read_bytes()


class _Episode:
    """An episode as it is played."""

    def __init__(self, view: EnvironmentView, actor: Actor, seed: int) -> None:
        self.view, self.actor = view, actor
        self.steps, self.reward, self.done = 0, 0.0, False
        actor.reset()
        view.reset(seed)

    def step(self) -> None:
        """One more, unless it is over."""
        if self.done:
            return
        reward, self.done = self.view.step(self.actor(self.view.observation, self.view.action_mask))
        self.reward += reward
        self.steps += 1


def thinks(agent: Agent, view: EnvironmentView) -> dict[str, Any]:
    """What a policy without memory thinks of the state on screen: the probability and the value of each action, and the
    state's value, as far as it knows them."""
    if agent.remembers:
        return {}
    policy = agent.policy()
    seen, mask = jax.tree.map(lambda x: np.asarray(x)[None], (view.observation, view.action_mask))
    found: dict[str, Any] = {}
    if isinstance(agent.spec.action_space, spaces.Discrete):
        words = names(agent.source.id if agent.source.own_actions else None)
        found["actions"] = [words.action(index) for index in range(agent.spec.action_space.n)]
        found["probabilities"] = _numbers(policy.probabilities(seen, mask)[0])
    for name, question in (("q_values", thoughts.q_values), ("value", thoughts.value)):
        try:
            answer = question(policy, seen, mask)[0]
        except ValueError:  # it learns none
            continue
        found[name] = _numbers(answer) if np.ndim(answer) else float(answer)
    return found


def _numbers(values: Any) -> list[float | None]:
    return [float(x) if np.isfinite(x) else None for x in np.asarray(values, np.float64)]


def picture(frame: np.ndarray) -> str:
    """A rendered frame `[H, W, 3]` as the address of a JPEG, made smaller where it is large."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(frame).astype(np.uint8))
    image.thumbnail((LARGEST, LARGEST))
    with io.BytesIO() as file:
        image.save(file, "JPEG", quality=80)
        return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
