"""What is V-trace good for? `python -m benchmarks.policy_lag` writes results/policy_lag.json and policy_lag.md.

IMPALA on CartPole, and on a fork where old values mislead, acting with policies that are more and more updates old:
corrected by V-trace, by ratios that nothing cuts off, and not corrected, as though the newest policy had acted.
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
from benchmarks.fork import AFTER, SURE, Fork
from operant import Agent, presets
from operant.algorithms.policy_gradient.impala import IMPALA
from operant.networks import Network
from operant.ops import schedules
from operant.ops.intervals import iqm_interval

ENVIRONMENT = "CartPole-v1"
FORK_LAGS = (0, 128)
FORK_FIRST_SEED, FORK_STEPS = 0, 64_000
FORK_VALUES: dict[str, Any] = {  # on seeds from 100 on, smaller learning rates than 0.05 hid any difference
    "n_steps": 8,
    "gamma": 1.0,
    "ent_coef": 0.01,
    "learning_rate": 0.1,
    "optimizer": "adam",
    "network": Network(hidden_sizes=(), initialization="uniform"),
}
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
    stored: dict[str, list[Raw]] = json.loads(file.read_text()) if file.exists() else {}
    kept, fork = stored.get("runs", []), stored.get("fork", [])
    for correction in CORRECTIONS:
        for lag in FORK_LAGS if "fork" in options.tasks else ():
            if (lag == 0 and correction != CORRECTED) or _known(fork, lag, correction, FORK_STEPS):
                continue
            first = FORK_FIRST_SEED
            raw = run_fork(lag, correction, range(first, first + options.seeds), FORK_STEPS)
            fork.append(raw | {"date": options.date})
            common.write_json(file, {"runs": kept, "fork": fork})
            print("fork", lag, correction, *map("{:.2f}".format, iqm_interval(raw["training"])), flush=True)
    for correction in CORRECTIONS:
        for lag in LAGS if "cartpole" in options.tasks else ():
            if lag == 0 and correction != CORRECTED:
                continue  # all ratios are 1: the three are the same
            if _known(kept, lag, correction, STEPS):
                continue  # a run that was stopped goes on
            raw = run(lag, correction, range(FIRST_SEED, FIRST_SEED + options.seeds), STEPS)
            kept.append(raw | {"date": options.date})
            common.write_json(file, {"runs": kept, "fork": fork})
            print(lag, correction, *map("{:.0f}".format, iqm_interval(raw["training"])), flush=True)
    text = report(kept, fork)
    (options.out / "policy_lag.md").write_text(text)
    print(text)


def run(lag: int, correction: str, seeds: Sequence[int], steps: int) -> Raw:
    """Train all seeds with the preset, but for the lag and the correction."""
    preset = presets.find("impala", ENVIRONMENT, "auto")
    del preset["total_timesteps"]
    num_envs = preset.pop("num_envs")
    rate = schedules.parse(preset.pop("learning_rate"))
    values = preset | {"learning_rate": rate, "policy_lag": lag} | CORRECTIONS[correction]
    return _trained(ENVIRONMENT, lag, correction, seeds, steps, num_envs, values)


def run_fork(lag: int, correction: str, seeds: Sequence[int], steps: int) -> Raw:
    """Train all seeds at the fork."""
    values = FORK_VALUES | {"policy_lag": lag} | CORRECTIONS[correction]
    return _trained(Fork(), lag, correction, seeds, steps, 8, values, log_interval=steps // 20)


def _known(runs: Sequence[Raw], lag: int, correction: str, steps: int) -> bool:
    return any((raw["lag"], raw["correction"], raw["steps"]) == (lag, correction, steps) for raw in runs)


def _trained(
    environment: Any,
    lag: int,
    correction: str,
    seeds: Sequence[int],
    steps: int,
    num_envs: int,
    values: dict[str, Any],
    **how: Any,
) -> Raw:
    algorithm = (Uncorrected if correction == "none" else IMPALA)(**values)
    started = time.perf_counter()
    agent = Agent(algorithm, environment, num_envs=num_envs, seeds=list(seeds), backend="native")
    agent.learn(steps, progress_bar=False, **how)
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


def report(runs: Sequence[Raw], fork: Sequence[Raw] = ()) -> str:
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
            *(report_of_fork(fork) if fork else ()),
        )
    )


def report_of_fork(runs: Sequence[Raw]) -> tuple[str, ...]:
    """The Markdown of what was learnt at the fork."""
    known = {(raw["lag"], raw["correction"]): raw for raw in runs}

    def cell(lag: int, correction: str) -> str:
        raw = known.get((lag, correction if lag else CORRECTED))
        if raw is None:
            return "–"
        lost = sum(value < (SURE + 1) / 2 for value in raw["at_the_end"])
        return "{:.2f} [{:.2f}, {:.2f}]; {}".format(*iqm_interval(raw["training"]), lost)

    def row(lag: int) -> tuple[str, ...]:
        kl = known[lag, CORRECTED]["kl"] if (lag, CORRECTED) in known else float("nan")
        return str(lag), *(cell(lag, name) for name in CORRECTIONS), f"{kl:.1e}"

    seeds = runs[0]["seeds"]
    return (
        f"Where old values mislead: at a fork a sure {SURE} ends the episode; going on pays 1, but only after "
        f"{AFTER} more steps that must all be right, so that the random policy is right not to. {FORK_STEPS:,} steps "
        f"with a learning rate of {FORK_VALUES['learning_rate']}, seeds {seeds[0]} to {seeds[-1]} (settings were "
        "chosen on others): the mean return over all of training, as above, and how many seeds still took the sure "
        "reward at the end; KL as above. Without a lag seeds give up as well: their policy stops exploring before it "
        "has learnt the way, while an old one goes on.\n",
        common.table(("policy_lag", *CORRECTIONS, "KL"), [row(lag) for lag in FORK_LAGS]) + "\n",
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy_lag", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"how many (default {SEEDS})")
    tasks = ("fork", "cartpole")
    parser.add_argument("--tasks", nargs="+", choices=tasks, default=tasks, help="which (default: both)")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="date of what is measured")
    parser.add_argument("--out", type=Path, default=common.RESULTS, help="directory of the results")
    return parser.parse_args()


if __name__ == "__main__":
    main()
