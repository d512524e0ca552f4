"""Eight learners in one program, spread over the processor's cores: how sure is a result?

python examples/many_seeds.py
"""

from __future__ import annotations

from pathlib import Path

import operant


def main(
    total_timesteps: int = 50_000,
    seeds: int = 8,
    picture: str | Path = "seeds.png",
    progress_bar: bool = True,
) -> operant.Agent:
    """Train DQN on CartPole with several seeds, draw their curves, and keep the best."""
    study = operant.DQN("CartPole-v1", preset="auto", seeds=seeds)
    study.learn(total_timesteps, progress_bar=progress_bar)
    scores = study.evaluate(episodes=20)
    for seed, score in zip(study.seeds or (), scores, strict=True):
        print(f"seed {seed}: {score}")
    study.plot(picture)
    best = study.best(scores)
    print("the best is seed", best.seed)
    return best


if __name__ == "__main__":
    main()
