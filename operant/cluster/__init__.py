"""Ray, which keeps objects in processes of their own, on this machine or on many."""

from operant.cluster.connection import VARIABLE, Share, abandon, library, require, require_listening
from operant.cluster.process import Process, ProcessLost, about, require_version

__all__ = [
    "VARIABLE",
    "Process",
    "ProcessLost",
    "Share",
    "abandon",
    "about",
    "library",
    "require",
    "require_listening",
    "require_version",
]
