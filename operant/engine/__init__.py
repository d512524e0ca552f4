"""The engine: the only training loop, on the device or on the host, and everything around it."""

from operant.engine import settings

settings.apply()
