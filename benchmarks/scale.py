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
from benchmarks.scale_model import (
    Costs,
    bound,
    fitted,
    processed,
    rate,
    saturation,
    simulate,
    simulate_lockstep,
)
from benchmarks.sleeping import Sleeping
from operant.engine.learn import strip_statistics
from operant.types import Batch, Clock

STEPS = 20  # of a rollout
WORKERS, SLEEPS, SECONDS = (1, 16, 64, 200), (0.01, 0.1), 12.0
LENGTHS = (5, 20, 80, 320)  # of rollouts that are learnt from, to find what a step of them costs
REQUIRED, REQUIRED_WORKERS = 0.9, 64
SCALES, TIMES = (10, 100, 1_000), (0.001, 0.01, 0.1, 1.0)
VARIATION = 0.5
GUESS = 2e-4  # seconds of the process for a step
KNOBS = {
    "environments": "more workers",
    "acting": "processes of their own for workers; several environments in each, for one call of the policy",
    "learning": "longer rollouts; a faster device, or several",
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
            workers if environment else workers[:2]
        ):  # more that never sleep are only in each other's way
            runs.append(measure(count, environment, seconds))
            print(f"{count} × {environment:g} s: {runs[-1]['steps_per_second']:,.1f} steps/s", flush=True)
    learning = [measure_learning(length) for length in LENGTHS]
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
    """IMPALA with this many workers, a sleeping environment each, for about `seconds` after its first rollouts."""
    with operant.make(
        "impala", partial(Sleeping, environment), workers=workers, num_envs=1, n_steps=STEPS, preset=None
    ) as agent:
        first = 2 * STEPS * workers
        agent.learn(first, progress_bar=False, log_interval=first)
        guess = max(environment, GUESS * workers)  # of a step of all workers, from above
        total = max(2, round(seconds / (STEPS * guess))) * STEPS * workers
        before, begun = agent.step, time.perf_counter()
        agent.learn(total, progress_bar=False, log_interval=total)
        lasted, steps = time.perf_counter() - begun, agent.step - before
        lag = agent.history[-1].get("time/policy_lag")
    return {
        "workers": workers,
        "environment": environment,
        "steps_per_second": steps / lasted,
        "policy_lag": None if lag is None else float(lag),
    }


def measure_learning(length: int, repeats: int = 20) -> Raw:
    """Seconds of an update from a rollout of this many steps."""
    kept: list[Any] = []
    observer: Any = kept.append
    agent = operant.make("impala", partial(Sleeping, 0.0), num_envs=1, n_steps=length, preset=None)
    with agent:
        agent.learn(length, progress_bar=False, observers=[observer])
        transition = strip_statistics(kept[0])
        algorithm, state = agent.algorithm, agent.learner.state
        batch = Batch(transition, transition.weight, algorithm.initial_carry(state, 1))
        update = jax.jit(algorithm.update)
        given = state, batch, jax.random.key(0), Clock.start()
        jax.block_until_ready(update(*given))
        taken = []
        for _ in range(repeats):
            begun = time.perf_counter()
            jax.block_until_ready(update(*given))
            taken.append(time.perf_counter() - begun)
    return {"length": length, "seconds": float(np.median(taken))}


def costs_of(runs: Sequence[Raw], learning: Sequence[Raw]) -> Costs:
    """The model's numbers: of learning by least squares of updates timed alone; of a step from workers that never
    sleep, who keep the process busy.
    """
    update, sample = fitted([one["length"] for one in learning], [one["seconds"] for one in learning])
    busiest = max(run["steps_per_second"] for run in runs if not run["environment"])
    step = 1 / busiest - (update + sample * STEPS) / STEPS
    return Costs(max(step, 0.0), update, sample)


def report(raw: Raw) -> str:
    """The Markdown of scale.md."""
    costs = Costs(**raw["costs"])

    def measured(run: Raw) -> list[str]:
        workers, environment = run["workers"], run["environment"]
        lag = "–" if run["policy_lag"] is None else f"{run['policy_lag']:.1f}"
        shown = [str(workers), f"{1e3 * environment:g}", f"{run['steps_per_second']:,.0f}"]
        if not environment:
            return [*shown, "–", "–", lag]
        ideal = workers / environment
        predicted = rate(costs, workers, environment, STEPS) / ideal
        return [*shown, f"{run['steps_per_second'] / ideal:.3f}", f"{predicted:.3f}", lag]

    def scaled(environment: float) -> list[list[str]]:
        rows = []
        for workers in SCALES:
            which = bound(costs, workers, environment, STEPS)
            found = rate(costs, workers, environment, STEPS)
            share = found * environment / workers
            enough = saturation(costs, environment, STEPS)
            shown = (
                f"{1e3 * environment:g}",
                f"{workers:,}",
                f"{found:,.0f}",
                f"{share:.2f}",
                f"{enough:,.0f}",
            )
            rows.append([*shown, which, KNOBS[which]])
        return rows

    def simulated(workers: int) -> list[list[str]]:
        environment = 0.01
        ideal = workers / environment
        learning = STEPS / processed(costs, STEPS)  # with acting, for which the same process must have time
        together = simulate_lockstep(workers, environment, STEPS, learning * workers, variation=VARIATION)
        rows = [[f"{workers:,}", "all wait at every step", f"{together.steps_per_second / ideal:.2f}", "0"]]
        for queue, name in ((0, "no queue, as operant's workers"), (16, "a queue of 16")):
            one = simulate(workers, environment, STEPS, learning, queue, variation=VARIATION)
            rows.append([f"{workers:,}", name, f"{one.steps_per_second / ideal:.2f}", f"{one.lag:.1f}"])
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
            f"\nIMPALA with workers that have an environment each, which sleeps; rollouts of {STEPS} steps. Ideal is "
            "what the environments give if nobody keeps them waiting. Written by `python -m benchmarks.scale`; "
            "README.md says how.\n",
            common.table(
                ("workers", "sleep, ms", "steps/s", "of the ideal", "the model's", "policy lag"),
                map(measured, raw["runs"]),
            ),
            *verdict,
            f"\nFitted: a step costs the process {1e6 * costs.step:,.0f} µs, an update {1e3 * costs.update:.2f} ms and "
            f"{1e6 * costs.sample:.1f} µs for each step of the rollout. With these costs, by the model; nothing of it "
            "has been measured with more workers than above:\n",
            common.table(
                (
                    *(
                        "environment, ms",
                        "workers",
                        "steps/s",
                        "of the ideal",
                        "full at, workers",
                        "limited by",
                    ),
                    "what helps",
                ),
                [row for environment in TIMES for row in scaled(environment)],
            ),
            f"\nSimulated: environments of 10 ms whose steps vary ({VARIATION:g} of their mean), as a share of the "
            "ideal, and how many updates old experience is when it is learnt from. Workers that are more than the "
            "learner can take wait, and what they play grows old.\n",
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
