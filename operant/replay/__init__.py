"""Replay: the ring of past transitions, and drawing from it uniformly, by priority, in n steps or sequences."""
