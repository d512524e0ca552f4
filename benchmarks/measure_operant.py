"""One measurement of operant, in a process of its own: `python -m benchmarks.measure_operant CASE` prints JSON."""

from __future__ import annotations

import json
import os
import sys
import time

import jax

import operant
from benchmarks.cases import FAMILIES, Case
from benchmarks.common import machine, versions


def main() -> None:
    argument = json.loads(sys.argv[1])
    seed, case = argument.pop("seed"), Case(**argument)
    family, before = FAMILIES[case.family], machine()
    agent = operant.make(family.algorithm, family.environment, seed=seed, **case.arguments)
    seconds, taken = [], 0
    for _ in range(2):  # the first call compiles and, with replay, warms up
        steps_before, started = agent.step, time.perf_counter()
        agent.learn(case.steps, progress_bar=False)
        seconds.append(time.perf_counter() - started)
        taken = (agent.step - steps_before) * len(agent.seeds or (0,))
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
