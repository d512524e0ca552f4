"""operant's version: the one place, so that it is right without an installed distribution, and costs nothing."""

__version__ = "0.1.0"
