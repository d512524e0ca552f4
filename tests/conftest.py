"""Every test runs with the checks that catch this field's silent bugs; see docs/testing.md."""

import ctypes
import gc
import os
import signal
import sys
from pathlib import Path

# Two devices on the CPU, so that what is spread over devices is tested as such. LLVM does not optimise what most tests
# run once: compiling is most of their time. With the newer Python `.ci/run` tests what users run (its own XLA_FLAGS).
os.environ.setdefault(
    "XLA_FLAGS", "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
)
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import jax
import pytest

import operant.engine  # noqa: F401 (its settings decide the last bits of results: before JAX's backend starts)

# (N,) − (N, 1) silently becomes (N, N) by default: the commonest bug of all.
jax.config.update("jax_numpy_rank_promotion", "raise")


# The background of a script ignores Ctrl-C, and nohup SIGHUP, which operant respects, and so would what is tested here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


SLOW = frozenset(Path(__file__).with_name("slow.txt").read_text().splitlines())


@pytest.hookimpl(tryfirst=True)  # before tests are selected by their markers
def pytest_collection_modifyitems(items):
    """Marks what takes long, as `python -m tools.slow_tests` has measured."""
    for item in items:
        if item.nodeid in SLOW:
            item.add_marker("slow")


@pytest.fixture(scope="module", autouse=True)
def compiled_programs_go_with_their_module():
    """JAX keeps every program for good, 5 GB by the end of all tests; no module needs those of another."""
    yield
    jax.clear_caches()
    gc.collect()
    if sys.platform == "linux":  # freed memory goes back to the system
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
