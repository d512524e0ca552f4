"""One side of the comparison of sweeps, in a process of its own: `python -m benchmarks.measure_sweep ARGUMENT`.

`together` is `operant.sweep`; the other sides ask Optuna for one trial after another, each an ordinary training of
operant's, and end when their time is up.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import optuna

import operant
from benchmarks import common
from operant.engine import programs
from operant.engine.evaluate_native import NativeEvaluator

ALGORITHM, ENVIRONMENT = "ppo", "CartPole-v1"
LOG, LINEAR = True, False
SPACE = {  # all of them numbers that need no program of their own
    "learning_rate": (1e-4, 1e-2, LOG),
    "gamma": (0.9, 0.999, LINEAR),
    "gae_lambda": (0.8, 1.0, LINEAR),
    "ent_coef": (0.0, 0.02, LINEAR),
}
EPISODES = 20  # of a score, the deterministic policy's
ETA = 3  # of successive halving, on both sides: at a ninth and at a third of training
EVALUATION_SEED = 10_000


def main() -> None:
    argument = json.loads(sys.argv[1])
    side = argument.pop("side")
    measured = together(**argument) if side == "together" else one_by_one(**argument)
    print(json.dumps(measured | {"machine": common.machine(), "versions": common.versions()}))


def together(begun: float, trials: int, steps: int, sampler: str, stops: bool, seed: int) -> dict[str, Any]:
    """A sweep of this many trials; `stops`: by successive halving. Time is counted from `begun`."""
    ranges: dict[str, Any] = {
        name: f"{'log:' if log else ''}{low}:{high}" for name, (low, high, log) in SPACE.items()
    }
    with tempfile.TemporaryDirectory() as directory:
        found = operant.sweep(
            ALGORITHM,
            ENVIRONMENT,
            trials=trials,
            sampler=sampler,
            scheduler="halving" if stops else "none",
            seed=seed,
            total_timesteps=steps,
            evaluation_episodes=EPISODES,
            test_seeds=0,
            pictures=False,
            progress_bar=False,
            run_dir=Path(directory) / "sweep",
            **ranges,
        )
        seconds = time.time() - begun
        scores = [trial.score for trial in found.trials if trial.status == "finished"]
    return {"trials": trials, "seconds": seconds, "best": max(scores), "finished": len(scores)}


def one_by_one(
    begun: float, seconds: float, steps: int, sampler: str, stops: bool, seed: int
) -> dict[str, Any]:
    """Trials one after another until `seconds` after `begun`; `stops`: where Optuna's successive halving says so.

    The program of a training is compiled by the first trial and kept for the others, and one evaluator serves all.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    samplers = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}
    rungs = [steps // ETA**2, steps // ETA]
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=rungs[0], reduction_factor=ETA)
    study = optuna.create_study(sampler=samplers[sampler](seed=seed), pruner=pruner, direction="maximize")
    evaluator: NativeEvaluator | None = None
    ended: list[float] = []  # when each trial did

    def objective(trial: optuna.Trial) -> float:
        nonlocal evaluator
        values = {
            name: trial.suggest_float(name, low, high, log=log) for name, (low, high, log) in SPACE.items()
        }
        agent = operant.make(ALGORITHM, ENVIRONMENT, seed=seed, **values)
        native = agent.source.native
        assert native is not None
        evaluator = own = evaluator or NativeEvaluator(native, EPISODES, None, EVALUATION_SEED)
        due = list(rungs) if stops else []

        def look(progress: Any) -> bool:
            if due and progress.step >= due[0]:
                trial.report(own(agent.algorithm, agent.learner.state)[0].mean, due.pop(0))
                return not trial.should_prune()
            return True

        agent.learn(steps, look, progress_bar=False)
        if agent.step < steps:
            raise optuna.TrialPruned
        return own(agent.algorithm, agent.learner.state)[0].mean

    with programs.kept():
        while time.time() - begun < seconds:
            study.optimize(objective, n_trials=1)
            ended.append(time.time() - begun)
    done = sum(end <= seconds for end in ended)
    finished = sum(trial.state is optuna.trial.TrialState.COMPLETE for trial in study.trials[:done])
    return {
        "trials": done,
        "seconds": seconds,
        "best": study.best_value,
        "finished": finished,
        "first": ended[0],
    }


if __name__ == "__main__":
    main()
