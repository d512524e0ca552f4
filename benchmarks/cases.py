"""What is measured: the same hyperparameters for both sides, and the ratios to be reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ENVIRONMENT = "CartPole-v1"
NUM_ENVS = {"ppo": 8, "dqn": 1}
HYPERPARAMETERS: dict[str, dict[str, Any]] = {
    # Both sides' default networks: 64×64 tanh, the value function with a network of its own.
    "ppo": {
        "learning_rate": 3e-4,
        "n_steps": 256,
        "batch_size": 256,
        "n_epochs": 10,
        "gamma": 0.99,
        "gae_lambda": 0.95,
        "clip_range": 0.2,
        "ent_coef": 0.0,
        "vf_coef": 0.5,
        "max_grad_norm": 0.5,
    },
    # 64×64 ReLU. ε does not fall: SB3 skips the network for random actions, so a falling ε would make its speed
    # depend on how long it is measured.
    "dqn": {
        "learning_rate": 1e-3,
        "buffer_size": 100_000,
        "learning_starts": 1_000,
        "batch_size": 32,
        "train_freq": 4,
        "gradient_steps": 1,
        "target_update_interval": 500,
        "gamma": 0.99,
        "exploration_initial_eps": 0.05,
        "exploration_final_eps": 0.05,
        "max_grad_norm": 10.0,
    },
}


@dataclass(frozen=True)
class Case:
    """One way of training with operant. `steps` are of each seed: enough for about five seconds on two cores."""

    name: str
    algorithm: str
    steps: int
    agent: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Peer:
    """The same with Stable-Baselines3."""

    name: str
    algorithm: str
    steps: int
    threads: int


_GYM = {"backend": "gymnasium"}
_SEEDS = {"backend": "native", "seeds": 8}
_ENTRY_POINT = {"vectorization": "vector_entry_point"}
CASES = (
    Case("PPO, native", "ppo", 409_600, {"backend": "native"}),
    Case("PPO, through Gymnasium (sync)", "ppo", 163_840, _GYM),
    Case("PPO, through Gymnasium (vector_entry_point)", "ppo", 204_800, _GYM | _ENTRY_POINT),
    Case("PPO, native, eight seeds together", "ppo", 102_400, _SEEDS),
    Case("DQN, native", "dqn", 400_000, {"backend": "native"}),
    Case("DQN, through Gymnasium", "dqn", 50_000, _GYM),
)
PEERS = tuple(
    Peer(f"SB3 {algorithm.upper()}, threads={threads}", algorithm, steps, threads)
    for algorithm, steps in (("ppo", 40_960), ("dqn", 12_000))
    for threads in (1, 2)
)

COLD = "operant train ppo CartPole-v1, empty compile cache"
WARM = "operant train ppo CartPole-v1, warm compile cache"

# What must be reached: (what, how many times as fast, by any one of these).
TARGETS = (
    ("PPO, native", 10, ("PPO, native",)),
    ("PPO, through Gymnasium", 4, tuple(c.name for c in CASES if c.name.startswith("PPO, through"))),
    ("PPO, eight seeds together", 15, ("PPO, native, eight seeds together",)),
    ("DQN, native", 20, ("DQN, native",)),
    ("DQN, through Gymnasium", 4, ("DQN, through Gymnasium",)),
    ("the whole command, empty compile cache", 2.5, (COLD,)),
    ("the whole command, warm compile cache", 5, (WARM,)),
)
