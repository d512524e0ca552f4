"""Algorithms: one file each, to be read along with its paper; what they share is in `ops`, `networks` and `types`."""
