"""What is V-trace good for? `python -m benchmarks.policy_lag` writes results/policy_lag.json and policy_lag.md.

IMPALA on CartPole, acting with policies that are more and more updates old: corrected by V-trace, corrected by ratios
that nothing cuts off, and not corrected, as though the newest policy had acted.
"""

from __future__ import annotations

import argparse
import datetime
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks import common
from operant import Agent, presets
from operant.algorithms.policy_gradient.impala import IMPALA
from operant.ops import schedules
from operant.ops.intervals import iqm_interval

ENVIRONMENT = "CartPole-v1"
LAGS = (0, 1, 4, 16, 64)
FIRST_SEED, SEEDS, STEPS = 1000, 20, 100_000
RETURN = "rollout/ep_rew_mean"
CORRECTED = "V-trace"
CORRECTIONS = {
    CORRECTED: {"clip_rho": 1.0, "clip_c": 1.0},
    "none": {},
    "ratios uncut": {"clip_rho": 1e9, "clip_c": 1e9},
}

Raw = dict[str, Any]


class Uncorrected(IMPALA):
    """IMPALA that takes what an older policy did for what the newest would have done: all ratios are 1."""

    def loss(self, network, transition, weight, carry, clock, *, key=None):
        policy, _ = network.unroll(
            transition.observation, transition.action_mask, carry, transition.done, key=key
        )
        log_prob = jax.lax.stop_gradient(policy.log_prob(transition.action))
        transition = replace(transition, extras=log_prob)
        return super().loss(network, transition, weight, carry, clock, key=key)


def main() -> None:
    options = _options()
    file = options.out / "policy_lag.json"
    kept: list[Raw] = json.loads(file.read_text())["runs"] if file.exists() else []
    for correction in CORRECTIONS:
        for lag in LAGS:
            if lag == 0 and correction != CORRECTED:
                continue  # all ratios are 1: the three are the same
            if any((raw["lag"], raw["correction"], raw["steps"]) == (lag, correction, STEPS) for raw in kept):
                continue  # a run that was stopped goes on
            raw = run(lag, correction, range(FIRST_SEED, FIRST_SEED + options.seeds), STEPS)
            kept.append(raw | {"date": options.date})
            common.write_json(file, {"runs": kept})
            print(lag, correction, *map("{:.0f}".format, iqm_interval(raw["training"])), flush=True)
    text = report(kept)
    (options.out / "policy_lag.md").write_text(text)
    print(text)


def run(lag: int, correction: str, seeds: Sequence[int], steps: int) -> Raw:
    """Train all seeds with the preset, but for the lag and the correction."""
    preset = presets.find("impala", ENVIRONMENT, "auto")
    del preset["total_timesteps"]
    num_envs = preset.pop("num_envs")
    rate = schedules.parse(preset.pop("learning_rate"))
    values = preset | {"learning_rate": rate, "policy_lag": lag} | CORRECTIONS[correction]
    algorithm = (Uncorrected if correction == "none" else IMPALA)(**values)
    started = time.perf_counter()
    agent = Agent(algorithm, ENVIRONMENT, num_envs=num_envs, seeds=list(seeds), backend="native")
    agent.learn(steps, progress_bar=False)
    rows = [row for row in agent.history if RETURN in row]
    return {
        "lag": lag,
        "correction": correction,
        "steps": steps,
        "seeds": list(seeds),
        "training": np.nanmean([row[RETURN] for row in rows], 0).tolist(),
        "at_the_end": np.asarray(rows[-1][RETURN], float).tolist(),
        "kl": float(
            np.mean([np.nanmean(row["train/approx_kl"]) for row in rows if "train/approx_kl" in row])
        ),
        "seconds": time.perf_counter() - started,
        "machine": {name: value for name, value in common.machine().items() if name != "load"},
        "versions": common.versions(),
    }


def report(runs: Sequence[Raw]) -> str:
    """The Markdown of policy_lag.md."""
    known = {(raw["lag"], raw["correction"]): raw for raw in runs}

    def cell(lag: int, correction: str, what: str) -> str:
        correction = correction if lag else CORRECTED
        if (lag, correction) not in known:
            return "–"
        return "{:.0f} [{:.0f}, {:.0f}]".format(*iqm_interval(known[lag, correction][what]))

    def rows(what: str) -> list[tuple[str, ...]]:
        return [(str(lag), *(cell(lag, name, what) for name in CORRECTIONS)) for lag in LAGS]

    def divergence(lag: int) -> str:
        return f"{known[lag, CORRECTED]['kl']:.1e}" if (lag, CORRECTED) in known else "–"

    header = ("policy_lag", *CORRECTIONS)
    first = runs[0]
    return "\n".join(
        (
            "# What V-trace is good for\n",
            common.describe(first["date"], first["machine"], first["versions"]),
            f"\nIMPALA on {ENVIRONMENT} with its preset but {first['steps']:,} steps, acting with the policy of "
            f"`policy_lag` updates ago (of 64 steps each). Interquartile means over seeds {first['seeds'][0]} to "
            f"{first['seeds'][-1]} with 95 % bootstrap intervals: of the mean return over all of training, and of the "
            "last 100 episodes, which the lagging policy played. V-trace cuts ratios off at 1 (`clip_rho`, `clip_c`); "
            "uncut, they are what they are; none learns as though the newest policy had acted. Where the acting policy "
            "is within 0.01 nats of the newest, ratios are near 1, and no correction can make much of a difference. "
            "Without a lag the three are the same, and measured once. Written by `python -m benchmarks.policy_lag`.\n",
            "Over all of training:\n",
            common.table(header, rows("training")),
            "\nThe last 100 episodes:\n",
            common.table(header, rows("at_the_end")),
            "\nHow far the acting policy is from the newest, with V-trace (mean KL divergence, nats):\n",
            common.table(("policy_lag", "KL"), [(str(lag), divergence(lag)) for lag in LAGS]) + "\n",
        )
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy_lag", description=__doc__)
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help=f"how many, from {FIRST_SEED} on (default {SEEDS})"
    )
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of what is measured")
    parser.add_argument("--out", type=Path, default=common.RESULTS, help="directory of the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
