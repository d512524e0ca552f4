"""Texts, responses and preferences from files, as arrays of tokens that algorithms learn from."""
