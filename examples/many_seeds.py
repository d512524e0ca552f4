"""Eight learners in one program, spread over the processor's cores: how sure is a result, and what beats what?

python examples/many_seeds.py
"""

from __future__ import annotations

from pathlib import Path

import operant


def main(
    total_timesteps: int = 100_000,
    seeds: int = 8,
    picture: str | Path = "seeds.png",
    progress_bar: bool = True,
) -> operant.Agent:
    """Train PPO on CartPole with several seeds, compare it with A2C, draw the curves, and keep the best learner."""
    study = operant.PPO("CartPole-v1", preset="auto", seeds=seeds)
    study.learn(total_timesteps, progress_bar=progress_bar)
    scores = study.evaluate(episodes=20)
    for seed, score in zip(study.seeds or (), scores, strict=True):
        print(f"seed {seed}: {score}")
    print(scores)  # the median, the interquartile mean and its interval, over seeds

    other = operant.A2C("CartPole-v1", preset="auto", seeds=seeds)
    other.learn(total_timesteps, progress_bar=progress_bar)
    comparison = operant.compare(scores, other.evaluate(episodes=20), names=("PPO", "A2C"))
    print(comparison)

    study.plot(picture)
    best = study.best(scores)
    print("the best is seed", best.seed)
    return best


if __name__ == "__main__":
    main()
