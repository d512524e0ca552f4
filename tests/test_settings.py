"""The process-wide settings, each case in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import jax
import pytest

from operant import settings, supported

SHOW = """
import json, os, sys
{first}
import operant
imported = "jax" in sys.modules
import jax
jax.random.key(0)  # starts the backend, before the engine is imported
import operant.engine
print(json.dumps({{
    "jax imported": imported,
    "devices": jax.local_device_count(),
    "flags": os.environ.get("XLA_FLAGS", ""),
    "mujoco": os.environ.get("MUJOCO_GL"),
    "asynchronous": jax.config.read("jax_cpu_enable_async_dispatch"),
    "cache": jax.config.jax_compilation_cache_dir,
    "least": jax.config.jax_persistent_cache_min_compile_time_secs,
}}))
"""


def show(first: str = "", **environment: str) -> dict:
    inherited = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS" and not k.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, "-c", SHOW.format(first=first)],
        env=inherited | {"JAX_PLATFORMS": "cpu"} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("first", ["", "import jax"], ids=["operant first", "jax first"])
def test_importing_operant_makes_them_before_the_backend_starts(first, tmp_path):
    seen = show(first, XDG_CACHE_HOME=str(tmp_path))
    assert seen["jax imported"] == bool(first)  # `import operant` costs nothing
    assert seen["devices"] == len(os.sched_getaffinity(0))
    assert "--xla_cpu_multi_thread_eigen=false" in seen["flags"]
    assert seen["asynchronous"] is False
    assert seen["cache"] == str(tmp_path / "operant" / "jax")
    assert seen["least"] == 0.0


def test_what_the_user_has_set_stays():
    seen = show(
        XLA_FLAGS="--xla_force_host_platform_device_count=1",
        JAX_COMPILATION_CACHE_DIR="/elsewhere",
    )
    assert seen["devices"] == 1
    assert seen["cache"] == "/elsewhere"
    seen = show("import jax; jax.config.update('jax_compilation_cache_dir', '/elsewhere')")
    assert seen["cache"] == "/elsewhere"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a window to draw into")
def test_mujoco_draws_without_a_window_where_there_is_no_display(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"):
        monkeypatch.delenv(name, raising=False)
    assert show()["mujoco"] == "egl"
    assert show(MUJOCO_GL="osmesa")["mujoco"] == "osmesa"
    assert show(DISPLAY=":0")["mujoco"] is None


def test_all_can_be_turned_off(monkeypatch):
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    seen = show(OPERANT_SETTINGS="off")
    assert seen["mujoco"] is None
    assert seen["devices"] == 1
    assert seen["flags"] == ""
    assert seen["asynchronous"] is True
    assert seen["cache"] is None


def test_info_tells_of_what_is_in_force(tmp_path):
    inherited = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS" and not k.startswith("JAX_")}
    done = subprocess.run(
        [sys.executable, "-m", "operant.cli", "info"],
        env=inherited | {"JAX_PLATFORMS": "cpu", "XDG_CACHE_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = dict(
        line.split(maxsplit=2)[::2] for line in done.stdout.splitlines() if line.startswith("compile")
    )
    assert lines == {"compile": str(tmp_path / "operant" / "jax")}
    assert any(
        line.split() == ["asynchronous", "CPU", "dispatch", "False"] for line in done.stdout.splitlines()
    )


def test_what_runs_once_is_compiled_faster_unless_settings_are_off(monkeypatch):
    monkeypatch.setenv("OPERANT_SETTINGS", "on")
    emitters = settings.once(exact=True)
    # From JAX 0.12 on there is no such option.
    assert emitters == ({} if supported.left_out() else {"xla_cpu_use_fusion_emitters": False})
    assert settings.once(exact=False) == emitters | {"xla_backend_optimization_level": 0}
    for exact in (True, False):
        jax.jit(lambda x: x + 1, compiler_options=settings.once(exact=exact))(1.0)  # XLA knows them
    monkeypatch.setenv("OPERANT_SETTINGS", "off")
    assert settings.once(exact=False) == {}
