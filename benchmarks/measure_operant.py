"""One measurement of operant, in a process of its own, round by round: `python -m benchmarks.measure_operant CASE`."""

from __future__ import annotations

import json
import os
import sys

import jax

import operant
from benchmarks.cases import FAMILIES, Case
from benchmarks.common import sit


def main() -> None:
    argument = json.loads(sys.argv[1])
    seed, rounds, case = argument.pop("seed"), argument.pop("rounds"), Case(**argument)
    family = FAMILIES[case.family]
    agent = operant.make(family.algorithm, family.environment, preset=None, seed=seed, **case.arguments)

    def learn() -> int:
        before = agent.step
        interval = max(case.steps // 100, 2_000)  # between two rows of metrics, as in training without rounds
        agent.learn(case.steps // rounds, progress_bar=False, log_interval=interval)
        return (agent.step - before) * len(agent.seeds or (0,))

    sit(learn, f"{len(jax.devices())} devices; XLA_FLAGS={os.environ.get('XLA_FLAGS', '').strip()}")


if __name__ == "__main__":
    main()
