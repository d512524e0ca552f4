"""How far one learner goes with many slow environments: `python -m benchmarks.scale` writes results/scale.{json,md}.

What a step and an update cost here is measured with environments that sleep; a model of them says what more workers
would bring. See README.md.
"""

from __future__ import annotations

import argparse
import datetime
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

import operant
from benchmarks import common
from benchmarks.scale_model import Costs, apart, bound, fitted, lockstep, simulate, simulate_lockstep
from benchmarks.sleeping import Sleeping
from operant.engine.learn import strip_statistics
from operant.types import Batch, Clock

STEPS = 20  # of a rollout
WORKERS, SLEEPS, SECONDS = (1, 8, 64, 200), (0.01, 0.1), 12.0
REQUIRED, REQUIRED_WORKERS = 0.9, 64
SCALES, TIMES = (10, 100, 1_000), (0.001, 0.01, 0.1, 1.0)
VARIATION = 0.5
KNOBS = {
    "environments": "more workers",
    "queue": "longer rollouts, several environments a worker",
    "learner": "a faster or a second device, a smaller network",
}

Raw = dict[str, Any]


def main() -> None:
    options = _options()
    workers, sleeps, seconds = WORKERS, SLEEPS, SECONDS
    if options.quick:
        workers, sleeps, seconds = (1, 4), (0.01,), 1.0
    machine, runs = common.machine(), []
    for environment in (0.0, *sleeps):
        for count in (
            workers if environment else workers[:-1]
        ):  # 200 that do not sleep are only in each other's way
            runs.append(measure(count, environment, seconds))
            print(f"{count} × {environment:g} s: {runs[-1]['steps_per_second']:,.1f} steps/s", flush=True)
    learning = [measure_learning(count) for count in workers]
    raw = {
        "date": options.date,
        "quick": options.quick,
        "machine": machine,
        "versions": common.versions(),
        "runs": runs,
        "learning": learning,
        "costs": asdict(costs_of(runs, learning)),
    }
    text = report(raw)
    if not options.quick or options.out is not None:
        out = options.out or common.RESULTS
        common.write_json(out / "scale.json", raw)
        (out / "scale.md").write_text(text)
    print(text)


def measure(workers: int, environment: float, seconds: float) -> Raw:
    """IMPALA with this many environments, each in a process of its own, for about `seconds`."""
    agent = _agent(workers, environment)
    with agent:
        each = max(environment, 1e-4 * workers)
        agent.learn(2 * STEPS * workers, progress_bar=False, log_interval=2 * STEPS * workers)
        rollouts = max(2, round(seconds / (STEPS * each)))
        before, begun = agent.step, time.perf_counter()
        total = rollouts * STEPS * workers
        agent.learn(total, progress_bar=False, log_interval=total)
        lasted = time.perf_counter() - begun
        steps = agent.step - before
    return {
        "workers": workers,
        "environment": environment,
        "steps_per_second": steps / lasted,
        "seconds_per_step": lasted / (steps / workers),
    }


def measure_learning(workers: int, repeats: int = 20) -> Raw:
    """Seconds of an update from a rollout of this many environments."""
    kept: list[Any] = []
    observer: Any = kept.append
    agent = operant.make("impala", partial(Sleeping, 0.0), num_envs=workers, n_steps=STEPS, preset=None)
    with agent:
        agent.learn(STEPS * workers, progress_bar=False, observers=[observer])
        transition = strip_statistics(kept[0])
        algorithm, state = agent.algorithm, agent.learner.state
        batch = Batch(transition, transition.weight, algorithm.initial_carry(state, workers))
        update = jax.jit(algorithm.update)
        given = state, batch, jax.random.key(0), Clock.start()
        jax.block_until_ready(update(*given))
        taken = []
        for _ in range(repeats):
            begun = time.perf_counter()
            jax.block_until_ready(update(*given))
            taken.append(time.perf_counter() - begun)
    return {"workers": workers, "seconds": float(np.median(taken))}


def _agent(workers: int, environment: float) -> operant.Agent:
    return operant.make(
        "impala",
        partial(Sleeping, environment),
        num_envs=workers,
        n_steps=STEPS,
        vectorization="async",
        async_collect=True,
        preset=None,
    )


def costs_of(runs: Sequence[Raw], learning: Sequence[Raw]) -> Costs:
    """The model's numbers, by least squares: of acting from the runs that sleep, of learning from updates alone."""
    slept = [run for run in runs if run["environment"]]
    beyond = [run["seconds_per_step"] - run["environment"] for run in slept]
    step, worker = fitted([run["workers"] for run in slept], beyond, 0.0)
    update, sample = fitted(
        [STEPS * one["workers"] for one in learning], [one["seconds"] for one in learning], 0.0
    )
    return Costs(step, worker, update, sample)


def report(raw: Raw) -> str:
    """The Markdown of scale.md."""
    costs = Costs(**raw["costs"])

    def measured(run: Raw) -> list[str]:
        workers, environment = run["workers"], run["environment"]
        if not environment:
            return [str(workers), "0", f"{run['steps_per_second']:,.0f}", "–", "–"]
        ideal = workers / environment
        predicted = lockstep(costs, workers, environment, STEPS, overlapped=True) / ideal
        share = run["steps_per_second"] / ideal
        return [
            str(workers),
            f"{1e3 * environment:g}",
            f"{run['steps_per_second']:,.0f}",
            f"{share:.3f}",
            f"{predicted:.3f}",
        ]

    def scaled(environment: float) -> list[list[str]]:
        rows = []
        for workers in SCALES:
            ideal = workers / environment
            which = bound(costs, workers, environment, STEPS)
            rows.append(
                [
                    f"{1e3 * environment:g}",
                    f"{workers:,}",
                    f"{lockstep(costs, workers, environment, STEPS, overlapped=True) / ideal:.2f}",
                    f"{apart(costs, workers, environment, STEPS) / ideal:.2f}",
                    which,
                    KNOBS[which],
                ]
            )
        return rows

    def simulated(workers: int) -> list[list[str]]:
        environment, ideal = 0.01, workers / 0.01
        learning = costs.update + costs.sample * STEPS + costs.worker
        together = simulate_lockstep(
            workers, environment, STEPS, costs.update + costs.sample * STEPS * workers, variation=VARIATION
        )
        rows = [[f"{workers:,}", "all wait at every step", f"{together.steps_per_second / ideal:.2f}", "0"]]
        for queue in (1, 16):
            one = simulate(workers, environment, STEPS, learning, queue, variation=VARIATION)
            rows.append(
                [f"{workers:,}", f"queue of {queue}", f"{one.steps_per_second / ideal:.2f}", f"{one.lag:.1f}"]
            )
        return rows

    found = [
        run["steps_per_second"] * run["environment"] / run["workers"]
        for run in raw["runs"]
        if run["workers"] == REQUIRED_WORKERS and run["environment"] == max(SLEEPS)
    ]
    verdict = [
        f"\nRequired at {REQUIRED_WORKERS} workers of {1e3 * max(SLEEPS):g} ms: {REQUIRED:g} of the ideal. Reached: "
        f"{share:.3f}, {'pass' if share >= REQUIRED else '**fail**'}.\n"
        for share in found
    ]
    return "\n".join(
        (
            "# How far one learner goes\n",
            common.describe(raw["date"], raw["machine"], raw["versions"]),
            f"\nIMPALA, rollouts of {STEPS} steps, environments that sleep, each in a process of its own "
            '(`vectorization="async", async_collect=True`). Ideal is what the environments give that nobody keeps '
            "waiting. Written by `python -m benchmarks.scale`; README.md says how.\n",
            common.table(
                ("workers", "sleep, ms", "steps/s", "of the ideal", "the model's"), map(measured, raw["runs"])
            ),
            *verdict,
            f"\nFitted: a step costs {1e6 * costs.step:,.0f} µs and {1e6 * costs.worker:,.0f} µs for each worker; an "
            f"update {1e3 * costs.update:.2f} ms and {1e6 * costs.sample:.1f} µs for each sample. With these costs, as "
            "a share of the ideal: all workers in lockstep, and workers that act by themselves and put rollouts into a "
            "queue. Nothing here has been measured with more workers than above.\n",
            common.table(
                ("environment, ms", "workers", "lockstep", "queue", "limited by", "knob"),
                [row for environment in TIMES for row in scaled(environment)],
            ),
            f"\nSimulated: environments of 10 ms whose steps vary ({VARIATION:g} of their mean), as a share of the "
            "ideal, and how many updates old experience is when it is learnt from.\n",
            common.table(
                ("workers", "", "of the ideal", "lag"), [row for count in SCALES for row in simulated(count)]
            ),
            "",
        )
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="seconds; its numbers mean nothing")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of what is measured")
    parser.add_argument("--out", type=Path, help="directory of the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
