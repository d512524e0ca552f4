"""Between workers and the learner: policies one way, experience the other way, and who waits for what.

No thread of a worker's knows of the learner, or of its loop: what all of them share is here, under one lock.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple

from operant.engine.asynchronous.workers import Workers
from operant.engine.collect import ActorState
from operant.engine.flat import Packed
from operant.engine.watch import Stopped, Watch
from operant.types import PyTree

POLL = 0.1  # seconds between two looks at whether somebody asked to stop
GRACE = 2.0  # seconds that workers have to end what they are doing when nobody wants it any more
TRIES = 3  # times in a row that a worker fails before it is left out


class Order(NamedTuple):
    """What a worker is to play."""

    worker: int
    number: int  # of this worker's rollout, by which its randomness is counted
    version: int  # how many updates were made of the policy
    policy: Packed  # the run that acts


class Played(NamedTuple):
    """A worker's rollout, not learnt from yet."""

    order: Order
    experience: Any  # `Collected`
    memory: PyTree  # of the policy, before the first step
    exploration: PyTree  # its state after the last step
    actor: ActorState  # where its environments stand after it
    gradients: PyTree = None  # and metrics, where workers learn


@dataclass
class _Worker:
    """What is known of one worker."""

    number: int = 0  # of its next rollout
    turn: int = 0  # in which iteration that is learnt from, where workers take turns
    playing: bool = False
    played: Played | None = None  # and not taken yet
    error: BaseException | None = None  # for which it was left out


class Exchange:
    """Workers call `next_order`, `hand_in` and `failed`; the learner all else."""

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self.watches = [Watch() for _ in range(workers.count)]  # one each, through which they are stopped
        self.threads: list[threading.Thread] = []  # of the workers
        self.dropped = 0  # rollouts of policies that were too old
        self.begun = False  # whether anything has ever been handed in
        self._changed = threading.Condition()
        self._known = [_Worker() for _ in range(workers.count)]
        self._order: deque[int] = deque()  # of the workers that have handed something in, the first first
        self._policies: dict[int, Packed] = {}  # by their versions
        self._first = self._end = 0  # iterations of what may be played now, where workers take turns
        self._open = self.closed = False
        self._notices: list[str] = []

    # the learner's side

    @property
    def at_work(self) -> int:
        """How many workers are not left out."""
        return sum(one.error is None for one in self._known)

    @property
    def failure(self) -> BaseException | None:
        """What a worker raised that is left out, where nobody could go on without it."""
        errors = [one.error for one in self._known if one.error is not None]
        goes_on = self.begun and not self._needs_all and len(errors) < self.workers.count
        return None if goes_on or not errors else errors[-1]

    def begin(self, iteration: int) -> None:
        """Rollouts are numbered, and turns taken, from this iteration on, which is learnt from next."""
        count = self.workers.count
        with self._changed:
            for worker, one in enumerate(self._known):
                one.turn = iteration + (worker - iteration) % count
                one.number = iteration if self.workers.fixed_lag is None else one.turn // count
            self._policies, self._first, self._end = {}, iteration, iteration

    def publish(self, version: int, policy: Packed) -> None:
        """This is the policy after as many updates."""
        oldest = version - (self.workers.fixed_lag or 0)
        with self._changed:
            known = {**self._policies, version: policy}
            self._policies = {v: p for v, p in known.items() if v >= oldest}
            self._changed.notify_all()

    def allow(self, iteration: int, end: int, *, afresh: bool) -> None:
        """Workers may play for the iterations up to `end`. `afresh`: no policy is older than that of `iteration`."""
        with self._changed:
            if afresh:
                self._first = iteration
            self._end, self._open = end, True
            self._changed.notify_all()

    def take(self, iteration: int, watch: Watch) -> Played:
        """What is learnt from next. Raises Stopped where `watch` says stop, and a `failure`."""
        with self._changed:
            while True:
                if watch.stop:
                    raise Stopped
                if (played := self._next(iteration)) is not None:
                    return played
                if (error := self.failure) is not None:
                    raise error
                self._changed.wait(POLL)

    def halt(self) -> None:
        """Let nobody play, and forget what has been played: all workers are at rest when this returns."""
        with self._changed:
            self._open = False
            self._stop(True)
            while any(one.playing for one in self._known):
                self._changed.wait(POLL)
            self._stop(False)
            for one in self._known:
                one.played = None
            self._order.clear()

    def close(self) -> None:
        """No worker is told to play any more: their threads end, or are waited for `GRACE` seconds.

        A process that ends while one of its threads frees an array of JAX's is aborted.
        """
        with self._changed:
            self.closed, self._open = True, False
            self._stop(True)
        deadline = time.monotonic() + GRACE
        for thread in self.threads:
            if thread is not threading.current_thread():  # as where it collects garbage
                thread.join(max(0.0, deadline - time.monotonic()))

    def notices(self) -> list[str]:
        """What is to be said of workers, once."""
        with self._changed:
            told, self._notices = self._notices, []
        return told

    @property
    def _needs_all(self) -> bool:
        return self.workers.fixed_lag is not None

    def _next(self, iteration: int) -> Played | None:
        if self._needs_all:
            return self._handed_over(self._known[iteration % self.workers.count])
        while self._order:
            played = self._handed_over(self._known[self._order.popleft()])
            if played is not None and iteration - played.order.version <= self.workers.oldest:
                return played
            self.dropped += played is not None
        return None

    def _handed_over(self, one: _Worker) -> Played | None:
        played, one.played = one.played, None
        self._changed.notify_all()
        return played

    def _stop(self, asked: bool) -> None:
        for watch in self.watches:
            watch.stop = asked
        self._changed.notify_all()

    # the workers' side

    def next_order(self, worker: int) -> Order | None:
        """What this worker plays next, as soon as it may; None: nothing any more."""
        one = self._known[worker]
        with self._changed:
            while True:
                if self.closed:
                    return None
                due = self._due(one)
                if due is not None:
                    break
                self._changed.wait()
            order = Order(worker, one.number, *due)
            one.playing, one.number, one.turn = True, one.number + 1, one.turn + self.workers.count
            return order

    def hand_in(self, worker: int, played: Played | None) -> None:
        """A worker has played, or, None, was stopped, or failed and will try again."""
        one = self._known[worker]
        with self._changed:
            one.playing = False
            if played is not None and self._open:
                self.begun, one.played = True, played
                self._order.append(worker)
            self._changed.notify_all()

    def failed(self, worker: int, error: BaseException, tries: int) -> bool:
        """A worker has failed `tries` times in a row: whether it is to try again. If not, it is left out."""
        one, again = self._known[worker], self.begun and not self._needs_all and tries < TRIES
        with self._changed:
            what = f"worker {worker}: {type(error).__name__}: {error}"
            if again and tries == 1:
                self._notices.append(f"{what} Its environments are made anew.")
            if not again:
                one.error, one.playing = error, False
                if self.failure is None and not self.closed:
                    self._notices.append(
                        f"{what} It is left out after {tries} failures in a row; {self.at_work} go on."
                    )
            self._changed.notify_all()
        return again

    def _due(self, one: _Worker) -> tuple[int, Packed] | None:
        """`(version, policy)` by which a worker may play now."""
        if not self._open or one.played is not None or not self._policies:
            return None
        lag = self.workers.fixed_lag
        if lag is None:
            version = max(self._policies)
        else:
            version = max(self._first, one.turn - lag)
            if one.turn >= self._end or version not in self._policies:
                return None
        return version, self._policies[version]
