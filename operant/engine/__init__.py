"""The engine: the only training loop, on the device or on the host, and everything around it."""

import jax  # noqa: F401 (has settings of operant's)

from operant import settings

settings.apply()
