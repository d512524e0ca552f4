"""Actor–critics that learn from replay: SAC and TD3, and what is made of them by their values, TQC and DDPG."""
