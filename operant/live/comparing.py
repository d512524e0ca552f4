"""Pairs of short clips that a person compares, while the run learns from what is said.

They are played by the newest policy as it explores, in environments of their own, and filmed in a thread of their own,
only while somebody compares: training waits for nobody. What is said goes into the folder that the run learns from,
where it looks between two chunks.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from operant.curiosity.answers import ASKED, PAIRS, QUESTIONS, Folder
from operant.engine.policy import Actor
from operant.language.data.labelling import Answer, Labels, Question, questions_of
from operant.language.data.rows import read
from operant.live.playing import Learnt
from operant.live.thinking import said
from operant.studio.clips import Filmed, filmed
from operant.studio.video import write_video

RESERVE = 2  # pairs that wait for whoever compares
SECONDS_TO_STAY = 10.0  # after the last question, until nobody is taken to compare any more
FIRST_SEED = 50_000  # of the episodes; evaluations, films and what is watched have others
SKIPPED = 3  # clips at most, between two that are compared: pairs are of different parts of episodes
SIDES = ("left", "right")


class Comparing:
    """Questions as the page is asked them. Safe to call from several threads.

    A question has a number, and only an answer to the present one counts. Those that the folder has already, of
    `record_clips` or of another time, come first.
    """

    def __init__(
        self,
        folder: Folder,
        learnt: Learnt,
        length: int,
        room: int,
        look_away: Callable[[], None] = lambda: None,
    ) -> None:
        self.folder, self.learnt, self.length, self.room = folder, learnt, length, room
        self._look_away = look_away
        self._labels = Labels(folder.path / PAIRS)
        self._waiting: deque[Question] = deque()
        if (folder.path / QUESTIONS).is_file():
            self._waiting.extend(self._labels.remaining(questions_of(read(folder.path / QUESTIONS))))
        self._number, self._asked_at, self._problem = 0, 0.0, ""
        self._lock, self._wake, self._over = threading.Lock(), threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None

    def question(self) -> dict[str, Any]:
        """The present question as JSON values; while there is none, why. To ask for it makes clips be filmed."""
        with self._lock:
            self._asked_at = time.monotonic()
            if self._thread is None and self._is_short_of_clips():
                self._thread = threading.Thread(target=self._run, name="operant live clips", daemon=True)
                self._thread.start()
            return self._told()

    def film(self, number: int, side: str) -> Path:
        """The film on one side of the present question. Raises ValueError for another."""
        with self._lock:
            if number != self._number or not self._waiting or side not in SIDES:
                raise ValueError("There is no such film, or no longer.")
            return self.folder.path / getattr(self._waiting[0], side)

    def answer(self, number: int, answer: Answer) -> tuple[dict[str, Any], Question]:
        """Answer the question of this number: `(the next one, what was answered)`. It is on the disk at once.

        Raises ValueError for another than the present one, and where there is no room for it.
        """
        with self._lock:
            if number != self._number or not self._waiting:
                raise ValueError("That was answered already.")
            if self._is_full():
                raise ValueError(self._full())
            question = self._waiting[0]
            self._labels.add(question, answer)
            self._waiting.popleft()
            self._number, self._asked_at = self._number + 1, time.monotonic()
            self._wake.set()
            return self._told(), question

    def close(self) -> None:
        """Film no more."""
        self._over.set()
        self._wake.set()

    def _told(self) -> dict[str, Any]:
        told = {"number": self._number, "answered": len(self.folder.judged()), "room": self.room}
        if self._is_full():
            return told | {"why": self._full()}
        if self._waiting:
            return told | {side: getattr(self._waiting[0], side) for side in SIDES}
        return told | {"why": self._problem or "filming two clips of the newest policy …"}

    def _is_full(self) -> bool:
        return len(self.folder.judged()) >= self.room

    def _full(self) -> str:
        return f"All {self.room:,} comparisons that the run has room for (comparisons) are answered."

    def _is_short_of_clips(self) -> bool:
        return len(self._waiting) < RESERVE and not self._is_full()

    def _is_watched(self) -> bool:
        """Whether somebody compares; where nobody does, the thread that asks is to end."""
        with self._lock:
            if time.monotonic() - self._asked_at < SECONDS_TO_STAY and not self._over.is_set():
                return True
            self._thread = None
        self._look_away()
        return False

    def _run(self) -> None:
        with ExitStack() as playing:
            players: list[Iterator[Filmed]] = []
            random = np.random.default_rng()
            while self._is_watched():
                if not self._is_short_of_clips():
                    self._wake.wait(1)
                    self._wake.clear()
                    continue
                try:
                    players = players or self._players(playing)
                    self._film(players, random)
                    self._problem = ""
                except Exception as error:  # whatever an environment of the user's raises is said on the page
                    self._problem, players = said(error), []
                    playing.close()
                    self._over.wait(1)

    def _players(self, playing: ExitStack) -> list[Iterator[Filmed]]:
        """Clip after clip of two policies that are brought up to date; their environments are closed with `playing`."""
        agent, _ = self.learnt.agent()
        if not agent.source.renders:
            raise ValueError(f"{agent.source.id} draws no pictures.")
        found = []
        for side in range(len(SIDES)):
            env = agent.make_env(agent.source, "rgb_array")
            playing.callback(env.close)
            seed = FIRST_SEED + 1000 * side + self._number
            found.append(filmed(env, Actor(agent.current_policy(False, seed)), self.length, seed))
        return found

    def _film(self, players: list[Iterator[Filmed]], random: np.random.Generator) -> None:
        """Film a pair, and ask about it."""
        self.learnt.agent()  # which may have learnt more: who plays has it from there
        names = []
        for player in players:
            for _ in range(random.integers(SKIPPED + 1)):
                next(player)
            one = next(player)
            name = self.folder.add(one.clip)
            write_video(self.folder.path / name, one.frames, one.fps)
            names.append(name)
        self.folder.ask(*names)
        with self._lock:
            self._waiting.append(Question(ASKED, *names))
