"""Processes that train together: what is refused before anything waits for anybody."""

from __future__ import annotations

import socket

import pytest

import operant
from operant.cli.training import require_processes
from operant.connecting import wait_for


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("localhost", 2, 0), r"coordinator_address='localhost': must be HOST:PORT"),
        (("localhost:99999", 2, 0), r"coordinator_address='localhost:99999'"),
        (("localhost:4321", 0, 0), r"num_processes=0: must be a whole number, at least 1"),
        (("localhost:4321", 2, 2), r"process_id=2: must be from 0 to 1"),
    ],
)
def test_connect_processes_names_what_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        operant.connect_processes(*arguments)


def test_connect_processes_comes_before_anything_else():
    import jax

    jax.devices()  # which start here, if nothing else has
    with pytest.raises(RuntimeError, match="comes too late"):
        operant.connect_processes("127.0.0.1:4321", 2, 0)


def test_wait_for_says_that_nobody_listens():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(
            RuntimeError, match=f"coordinator_address='{address}': nobody listens there after 0.2 s"
        ):
            wait_for(address, 0.2)
        bound.listen()
        wait_for(address, 0.2)


def test_flags_of_processes_go_together():
    require_processes(None, None, None)
    require_processes("127.0.0.1:4321", 2, 1)
    with pytest.raises(ValueError, match="--process-id: is missing"):
        require_processes("127.0.0.1:4321", 2, None)
    with pytest.raises(ValueError, match="--live"):
        require_processes("127.0.0.1:4321", 2, 1, live=True)
