"""operant: reinforcement learning, from gridworlds to pixels, on one fast engine."""
