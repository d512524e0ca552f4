"""Every test runs with the checks that catch this field's silent bugs; see docs/testing.md."""

import ctypes
import gc
import inspect
import os
import platform
import signal
import sys
from pathlib import Path

# Two devices on the CPU, so that what is spread over devices is tested as such. LLVM does not optimise what most tests
# run once: compiling is most of their time. Without fused multiply-add two programs round alike, whatever is fused in
# them (docs/decisions/0003-bit-parity.md). What users run, `.ci/run` tests with the newer Python (its own XLA_FLAGS).
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_force_host_platform_device_count=2 --xla_backend_optimization_level=0"
    + (" --xla_cpu_max_isa=AVX" if platform.machine() in ("x86_64", "AMD64") else ""),
)
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import jax
import numpy as np
import pytest

import operant.engine  # noqa: F401 (its settings decide the last bits of results: before JAX's backend starts)

# (N,) − (N, 1) silently becomes (N, N) by default: the commonest bug of all.
jax.config.update("jax_numpy_rank_promotion", "raise")


# The background of a script ignores Ctrl-C, and nohup SIGHUP, which operant respects, and so would what is tested here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


SHARED = ("random_weights", "off_policy_samples")  # modules of tests that draw numbers for others
FIRST = np.random.default_rng(7).bit_generator.state  # not that of numbers drawn when modules are imported
ENOUGH = 1_500_000_000  # bytes, of each of two processes
SLOW = frozenset(Path(__file__).with_name("slow.txt").read_text().splitlines())


@pytest.hookimpl(tryfirst=True)  # before tests are selected by their markers
def pytest_collection_modifyitems(items):
    """Marks what takes long, as `python -m tools.slow_tests` has measured."""
    for item in items:
        if item.nodeid in SLOW and not item.get_closest_marker("full"):
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def numbers_do_not_depend_on_the_tests_before(request):
    """From its module's generators, and those of modules it imports, a test draws the same alone and among others."""
    for module in (request.module, *filter(inspect.ismodule, map(sys.modules.get, SHARED))):
        for value in vars(module).values():
            if isinstance(value, np.random.Generator):
                value.bit_generator.state = FIRST


@pytest.fixture(scope="module", autouse=True)
def compiled_programs_go_where_they_are_many():
    """JAX keeps every program for good, 5 GB by the end of all tests; no module needs those of another."""
    yield
    if memory() < ENOUGH:
        return  # what many modules compile alike stays
    jax.clear_caches()
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
    if trim is not None:  # freed memory goes back to the system
        trim(0)


def memory() -> int:
    """Bytes of this process that are in memory; without Linux's files too many to keep anything."""
    pages = Path("/proc/self/statm")
    return int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") if pages.exists() else ENOUGH
