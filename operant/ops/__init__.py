"""Equations: returns, targets, losses, exploration, schedules, statistics, as pure functions with their source."""
