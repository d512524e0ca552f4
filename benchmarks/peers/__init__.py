"""What runs in the peers' own virtual environment, where operant is not installed."""
