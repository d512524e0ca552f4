"""Gymnasium's classic control tasks, native: they agree with Gymnasium's own step by step."""
