"""Workers that are threads of this process."""

from __future__ import annotations

import threading
from typing import Any, Protocol

import jax

from operant.engine.asynchronous.exchange import Exchange, Order, Played
from operant.engine.train_state import Stream, stream
from operant.engine.watch import Stopped, Watch


class Actor(Protocol):
    """What plays a worker's environments."""

    @property
    def index(self) -> int:
        """Which of the workers it is."""
        ...

    @property
    def key(self) -> Any:
        """Of its environments and of its noise: `key_of_worker`."""
        ...

    def play(self, order: Order, watch: Watch) -> Played:
        """A rollout, as ordered. Raises Stopped where `watch` says stop, and whatever an environment raises."""
        ...

    def restart(self, order: Order) -> None:
        """Environments that failed are made anew, and their episodes begin afresh."""
        ...


def key_of_worker(key: jax.Array, worker: int) -> jax.Array:
    """The key of a worker's environments and noise. The first has the run's own, as if it were alone."""
    return key if worker == 0 else jax.random.fold_in(stream(key, Stream.WORKER), worker)


def drive(actor: Actor, exchange: Exchange) -> None:
    """Play what there is to play until there is nothing any more: the whole of a worker's thread."""
    worker, tries = actor.index, 0
    while (order := exchange.next_order(worker)) is not None:
        played = None
        try:
            if tries:
                actor.restart(order)
            played = actor.play(order, exchange.watches[worker])
            tries = 0
        except Stopped:
            pass
        except BaseException as error:  # as from environments that take too long
            tries += 1
            if not exchange.failed(worker, error, tries):
                return
        exchange.hand_in(worker, played)


def start(actor: Actor, exchange: Exchange) -> None:
    """Begin a thread that plays."""
    name = f"operant-worker-{actor.index}"
    thread = threading.Thread(target=drive, args=(actor, exchange), name=name, daemon=True)
    exchange.threads.append(thread)
    thread.start()
