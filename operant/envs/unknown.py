"""What to say of an environment's id that nobody knows. JAX is not needed for it, so it is not loaded."""

from __future__ import annotations

from difflib import get_close_matches

import gymnasium as gym


def unknown(name: str) -> str:
    """The error's text: the nearest ids, and how others become known."""
    lower = {known.lower(): known for known in gym.registry}
    nearest = [lower[match] for match in get_close_matches(name.lower(), lower, n=3, cutoff=0.5)]
    guess = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
    return (
        f"Unknown environment {name!r}.{guess} Those of another package are known once it has been imported, or as "
        "'module:id'; `operant environments` lists all."
    )
