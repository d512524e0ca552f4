"""One measurement of operant's workers, in a process of its own, round by round, for `benchmarks.workers`."""

from __future__ import annotations

import json
import sys

import jax

import operant
from benchmarks.common import sit

# What RLlib is given as well, by its names for it.
ROLLOUT, ENVIRONMENTS, NETWORK = 64, 8, {"hidden_sizes": (64, 64), "activation": "tanh"}
OF_ONE = {"impala": {}, "appo": {"n_epochs": 1, "batch_size": ROLLOUT * ENVIRONMENTS}}


def main() -> None:
    argument = json.loads(sys.argv[1])
    algorithm, steps = argument.pop("algorithm"), argument.pop("steps")
    agent = operant.make(
        algorithm,
        "CartPole-v1",
        preset=None,
        seed=0,
        n_steps=ROLLOUT,
        num_envs=ENVIRONMENTS,
        network=NETWORK,
        learning_rate=5e-4,
        **OF_ONE[algorithm],
        **argument,
    )

    def learn() -> int:
        before = agent.step
        agent.learn(steps, progress_bar=False, log_interval=max(steps // 10, 1))
        return agent.step - before

    sit(learn, f"{len(jax.devices())} devices")
    agent.close()


if __name__ == "__main__":
    main()
