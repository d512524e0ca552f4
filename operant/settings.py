"""Process-wide settings, made once, before the backend starts, and only where the user has not made them.

`OPERANT_SETTINGS=off` turns all of them off; `operant info` prints what is in force. What the installed JAX does not
know is left out (`operant.supported`).
"""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

from operant import private_jax, supported
from operant.version import __version__

DEVICES = "--xla_force_host_platform_device_count"


def flags() -> dict[str, str]:
    """The XLA flags operant asks for on a CPU, with their values."""
    wanted = {
        # One device a core: several seeds are spread over devices, and two cores are then twice as fast.
        DEVICES: str(_cores()),
        # These networks are too small for a matrix product to be worth splitting between threads.
        "--xla_cpu_multi_thread_eigen": "false",
        # More of LLVM's optimisation takes a third longer to compile, and the programs are no faster for it.
        "--xla_backend_optimization_level": "1",
        # A loop whose iteration touches fewer bytes than this becomes one function instead of many kernels that are
        # called one by one: learning a table is then ten times as fast. At 64 kB also the loops of small networks
        # would, whose matrix products XLA then writes out by itself, at half the speed.
        "--xla_backend_extra_options": "xla_cpu_small_while_loop_byte_threshold=16384",
    }
    if "avx512f" in processor():
        wanted["--xla_cpu_prefer_vector_width"] = "512"
    return wanted


def cache_directory() -> Path:
    """Where compiled programs are kept between processes."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "operant" / "jax"


def answers_directory() -> Path:
    """Where it is kept which of the settings the installed versions know."""
    return cache_directory().parent / "supported"


def options() -> dict[str, bool | float | int | str]:
    """The options operant asks of JAX, with their values."""
    return {
        # A small compiled function returns in 28 µs instead of 106 µs when the call itself computes it.
        "jax_cpu_enable_async_dispatch": False,
        "jax_compilation_cache_dir": str(cache_directory()),
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }


def once(*, exact: bool) -> dict[str, bool | float | int | str]:
    """The options operant asks of XLA for a program that runs once, with their values.

    `exact`: its results have the bits that the same operations have in a program that runs often.
    """
    import jax

    if not enabled() or jax.default_backend() != "cpu":
        return {}
    # Compiled in three quarters of the time; what runs often would be a quarter to a third slower.
    options: dict[str, bool | float | int | str] = {"xla_cpu_use_fusion_emitters": False}
    if not exact:  # in a third of the time, to other last bits
        options["xla_backend_optimization_level"] = 0
    return supported.compiler_options(options, answers_directory())


def apply() -> None:
    """Make the settings, as far as they can be made now: when operant is imported, and again when its engine is.

    XLA reads its flags from the environment when JAX's backend starts, and they also decide the last bits of results.
    The options are JAX's own, and wait until JAX is imported, which `import operant` does not do.
    """
    if not enabled():
        return
    if sys.platform == "linux" and not ("DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ):
        os.environ.setdefault("MUJOCO_GL", "egl")  # MuJoCo draws into a window by default, even for a film
    present = os.environ.get("XLA_FLAGS", "")
    missing = {name: value for name, value in flags().items() if name not in present}
    if missing and not _backend_started():
        known = supported.flags(missing, answers_directory())
        os.environ["XLA_FLAGS"] = " ".join([present, *map("=".join, known.items())]).strip()
    jax = sys.modules.get("jax")
    if jax is None:
        return
    for name, value in options().items():
        given = name.upper() in os.environ or (name == "jax_compilation_cache_dir" and _cache_in_force())
        if not given:
            supported.set_option(name, value)


def enabled() -> bool:
    """Whether operant may make process-wide settings."""
    return os.environ.get("OPERANT_SETTINGS", "on").lower() not in ("off", "0", "false", "no")


def processor() -> str:
    """What this machine's processor is able to do, where the system says so; machine code may depend on it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


def work_on_processor(x64: bool, cores: int | None = None) -> None:
    """In a process that works for another one: on the processor, on this many of its cores if it is not alone there,
    and in the other's precision.
    """
    import jax

    apply()
    if cores is not None and enabled() and not _backend_started():
        count = f"{DEVICES}={min(cores, _cores())}"
        os.environ["XLA_FLAGS"] = re.sub(rf"{DEVICES}=\d+", count, os.environ.get("XLA_FLAGS", ""))
    jax.config.update("jax_platforms", "cpu")
    jax.config.update("jax_enable_x64", x64)


def versions() -> dict[str, str]:
    """The versions that results depend on: of Python, operant and what it is built on."""
    from importlib.metadata import version

    libraries = ("jax", "jaxlib", "equinox", "optax", "gymnasium", "numpy", "safetensors")
    own = {"python": platform.python_version(), "operant": __version__}
    return own | {name: version(name) for name in libraries}


def report() -> dict[str, str]:
    """What is in force, for `operant info`."""
    import jax

    apply()  # `operant info` needs no engine, which would have made them
    once(exact=False)  # finds out what the compiler takes
    try:
        asynchronous = str(jax.config.read("jax_cpu_enable_async_dispatch"))
    except (AttributeError, LookupError):
        asynchronous = "not known to this JAX"
    return {
        "process-wide settings": "on" if enabled() else "off (OPERANT_SETTINGS)",
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        "compile cache": str(_cache_in_force()),
        "asynchronous CPU dispatch": asynchronous,
        "unknown to this JAX, left out": ", ".join(supported.left_out()) or "nothing",
        "devices": f"{len(jax.devices())}: {', '.join(map(str, jax.devices()))}",
    }


def _cache_in_force() -> str | None:
    import jax

    return getattr(jax.config, "jax_compilation_cache_dir", None)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _backend_started() -> bool:
    return private_jax.backend_started()
