"""Several processes that train together, on one machine or on many: the same script, started once for each of them.

Here they are connected, by JAX's own means; what they share then is in `operant.engine.processes`.
"""

from __future__ import annotations

import re
import socket
import time

from operant import private_jax, settings

TIMEOUT = 60  # seconds in which all of them must have come
PATIENCE = (
    24 * 3600
)  # seconds for which a process that has ended waits for the first one, which scores and draws


def connect_processes(
    coordinator_address: str, num_processes: int, process_id: int, *, timeout: int = TIMEOUT
) -> None:
    """Connect this process with others that run the same script, so that they train together.

    Call it before anything else that computes. Devices are then those of all processes, and the first one, of index 0,
    writes the run directory. All must do the same things in the same order.

    Args:
        coordinator_address: Where process 0 waits for the others, as `"127.0.0.1:4321"`; it listens at that address
            only, and asks nobody who they are: it must never be one that people can reach whom you do not trust.
        num_processes: How many there are.
        process_id: Which of them this is, from 0 to `num_processes` − 1.
        timeout: Seconds within which all must have come.

    Raises ValueError for what cannot be, and RuntimeError where JAX has started already, the address is taken or nobody
    listens there. Where one of the others does not come in time, JAX ends the process with an error of its own.
    """
    require(coordinator_address, num_processes, process_id)
    if private_jax.backend_started():
        raise RuntimeError(
            "connect_processes comes too late: JAX has started its devices. Call it before anything else."
        )
    import jax

    settings.apply()
    if process_id > 0:
        wait_for(coordinator_address, timeout)
    try:
        jax.distributed.initialize(
            coordinator_address,
            num_processes,
            process_id,
            initialization_timeout=timeout,
            coordinator_bind_address=coordinator_address,
            shutdown_timeout_seconds=PATIENCE,
            cluster_detection_method="deactivate",
        )
    except RuntimeError as error:
        raise RuntimeError(
            f"coordinator_address={coordinator_address!r}: not all of num_processes={num_processes} came there within "
            f"{timeout} seconds, or it is taken: {error}"
        ) from error


def wait_for(coordinator_address: str, timeout: float) -> None:
    """Return as soon as somebody listens there. Raises RuntimeError where nobody does in time."""
    host, port = coordinator_address.rsplit(":", 1)
    until = time.monotonic() + timeout
    while True:
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=1):
                return
        except OSError as error:
            if time.monotonic() > until:
                raise RuntimeError(
                    f"coordinator_address={coordinator_address!r}: nobody listens there after {timeout:g} seconds "
                    f"({error}). Start the process with process_id=0, which does, and look at what it says."
                ) from error
            time.sleep(0.1)


def require(coordinator_address: str, num_processes: int, process_id: int) -> None:
    """Raise ValueError, naming the argument, for what cannot be."""
    port = re.fullmatch(r".+:(\d{1,5})", str(coordinator_address))
    if port is None or not 0 < int(port[1]) < 2**16:
        raise ValueError(
            f"coordinator_address={coordinator_address!r}: must be HOST:PORT, such as '127.0.0.1:4321'."
        )
    if not isinstance(num_processes, int) or num_processes < 1:
        raise ValueError(f"num_processes={num_processes!r}: must be a whole number, at least 1.")
    if not isinstance(process_id, int) or not 0 <= process_id < num_processes:
        raise ValueError(
            f"process_id={process_id!r}: must be from 0 to {num_processes - 1}, another one for each of "
            f"num_processes={num_processes}."
        )
