"""One measurement of operant, in a process of its own: `python -m benchmarks.measure_operant CASE` prints JSON."""

from __future__ import annotations

import json
import os
import sys
import time

import jax

import operant
from benchmarks.cases import ENVIRONMENT, HYPERPARAMETERS, NUM_ENVS
from benchmarks.common import machine, versions


def main() -> None:
    case = json.loads(sys.argv[1])
    name, steps = case["algorithm"], case["steps"]
    before = machine()
    agent = operant.make(
        name,
        ENVIRONMENT,
        num_envs=NUM_ENVS[name],
        seed=case["seed"],
        **case["agent"],
        **HYPERPARAMETERS[name],
    )
    seconds = []
    for _ in range(2):  # the first call compiles and, with replay, warms up
        started = time.perf_counter()
        agent.learn(steps, progress_bar=False)
        seconds.append(time.perf_counter() - started)
    taken = steps * len(agent.seeds or (0,))
    result = {
        "steps_per_second": taken / seconds[1],
        "steps": taken,
        "seconds": seconds[1],
        "startup_seconds": seconds[0] - seconds[1],
        "threads": f"{len(jax.devices())} devices; XLA_FLAGS={os.environ.get('XLA_FLAGS', '').strip()}",
        "machine": before,
        "versions": versions(),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
