"""What operant uses of JAX and jaxlib that they do not promise to keep: all of it is here, and nowhere else.

Where a release has something of it no longer, the answer is None, and what was built on it is left out. Which public
interfaces would do, and what each is worth: docs/decisions/0013-private-interfaces.md.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def options() -> dict[str, Any] | None:
    """JAX's options and their values: `jax.config.values`, which is in no documentation."""
    import jax

    return getattr(jax.config, "values", None)


def backend_started() -> bool:
    """Whether JAX has started a backend, which has read XLA's flags by then. Imports nothing."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    started = getattr(bridge, "backends_are_initialized", None)
    return bool(started and started())


def executable(compiled: Any) -> Any | None:
    """The LoadedExecutable of a `jax.stages.Compiled`, which can be written and called with arrays only."""
    loaded = getattr(compiled, "runtime_executable", lambda: None)()
    known = all(hasattr(loaded, name) for name in ("execute_sharded", "serialize"))
    return loaded if known else None


def execute(loaded: Any, arrays: Sequence[Any]) -> list[Any]:
    """Its results, of JAX arrays on the first device."""
    results = loaded.execute_sharded(arrays).disassemble_into_single_device_arrays()
    return [own[0] for own in results]


def written(loaded: Any) -> bytes:
    """Its machine code, for this jaxlib on this processor."""
    return loaded.serialize()


def read(content: bytes) -> Any | None:
    """What was `written`; None where it cannot be read."""
    try:
        import jax
        from jaxlib.xla_client import DeviceList

        devices = jax.devices()[:1]
        return devices[0].client.deserialize_executable(content, DeviceList(tuple(devices)))
    except Exception:
        return None
