"""A callback sees every row of metrics, and may end training: here, as soon as a policy is good enough.

python examples/callback.py
"""

from __future__ import annotations

import operant
from operant.agent import Progress


class StopAt:
    """Stops training once the mean return of recent episodes reaches a threshold."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def __call__(self, progress: Progress) -> bool:
        """False ends training; what was learnt stays, and `learn` may be called again."""
        return not progress.metrics["rollout/ep_rew_mean"] >= self.threshold


def main(
    total_timesteps: int = 200_000, threshold: float = 200.0, progress_bar: bool = True
) -> operant.Agent:
    """Train PPO on CartPole until episodes last 200 steps."""
    agent = operant.PPO("CartPole-v1", preset="auto")
    agent.learn(total_timesteps, callback=StopAt(threshold), progress_bar=progress_bar)
    print(f"stopped after {agent.step:,} steps: {agent.history[-1]['rollout/ep_rew_mean']:.1f}")
    return agent


if __name__ == "__main__":
    main()
