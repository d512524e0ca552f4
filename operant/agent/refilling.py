"""Replay that was left out of a checkpoint is filled again before learning goes on."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence

from operant.agent.core import Core
from operant.agent.held import Held
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.playing import Refilling
from operant.engine.observers import Observer
from operant.engine.train import WARM_UP_STEPS, iterations_done, train
from operant.engine.train_state import TrainState


def refill(
    core: Core,
    run: TrainState,
    total: int,
    observers: Sequence[Observer],
    on_part: Callable[[TrainState], bool],
) -> TrainState:
    """Act for `learning_starts` steps as the policy does in training, and learn nothing.

    Random steps, as a new run begins with, would be of states that the policy has long left. The steps count: training
    ends at `total` all the same. `on_part(run)` says after each part whether to go on.
    """
    learner, algorithm, plan = core.learner, core.algorithm, core.algorithm.experience
    iterations, before = plan.warm_up_iterations(core.num_envs), iterations_done(run)
    core.lacks_replay = False
    if not iterations:
        return run
    each = plan.steps_per_iteration(core.num_envs)
    warnings.warn(
        f"Replay was left out of the checkpoint: for {iterations * each:,} steps (learning_starts) the policy fills it "
        "again and learns nothing.",
        TrainingWarning,
        stacklevel=2,
    )
    parts = math.ceil(iterations * each / WARM_UP_STEPS)
    learner.tune(Refilling(algorithm), traced=False)
    try:
        run = train(
            Held(learner),
            run,
            total,
            math.ceil(iterations / parts),
            lambda run, _: on_part(run) and iterations_done(run) < before + iterations,
            observers,
        )
    finally:
        learner.tune(algorithm, traced=False)
    core.refilled += iterations_done(run) - before
    return run
