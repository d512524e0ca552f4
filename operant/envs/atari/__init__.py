"""Atari games, through the Arcade Learning Environment (`pip install "operant-rl[atari]"`)."""
