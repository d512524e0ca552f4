"""Every test runs with the checks that catch this field's silent bugs; see docs/testing.md."""

import os

# Two devices on the CPU, so that what is spread over devices is tested as such.
os.environ.setdefault("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")

import jax

import operant.engine  # noqa: F401 (its settings decide the last bits of results: before JAX's backend starts)

# (N,) − (N, 1) silently becomes (N, N) by default: the commonest bug of all.
jax.config.update("jax_numpy_rank_promotion", "raise")
