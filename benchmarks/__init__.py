"""Measurements behind every number that operant claims; see README.md."""
