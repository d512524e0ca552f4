"""What users pass in, looked at before anything is done with it."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence, Sized
from typing import Any

import jax
import numpy as np

from operant import memory, spaces
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.base import Algorithm
from operant.envs.source import Source
from operant.envs.wrappers import Wrapper
from operant.memory import nbytes
from operant.ops.seeds import LARGEST
from operant.plans import Experience
from operant.types import EnvSpec

EVALUATION_EPISODES = 20  # during training, if nobody says otherwise
MOST_LEARNERS = 10_000  # each is evaluated by itself: more would not end
SLOTS, SLOTS_OF_IMAGES = 128, 16  # environments in which episodes are scored side by side


def slots(spec: EnvSpec) -> int:
    """In how many environments episodes are scored side by side.

    The batch that acts stays as large as it is until the last episode has ended, which costs little but for images.
    """
    size = nbytes(jax.eval_shape(lambda: spaces.example(spec.observation_space)))
    return SLOTS if size < 1 << 12 else SLOTS_OF_IMAGES


def at_least_one(**values: int | None) -> None:
    """Raise ValueError naming the first of these that is given and is not a whole number from 1 upwards."""
    for name, value in values.items():
        if value is not None and not isinstance(value, int | np.integer):
            raise ValueError(f"{name}={value!r}: must be a whole number.")
        if value is not None and value < 1:
            raise ValueError(f"{name}={value}: must be at least 1.")


def require_episodes(name: str, episodes: int | None) -> None:
    """Raise ValueError, naming this argument, for what is no number of episodes, or more than there is memory for."""
    at_least_one(**{name: episodes})
    if episodes is not None:
        memory.require(name, int(episodes), memory.EPISODE, "their scores")


def require_share(name: str, value: float) -> None:
    """Raise ValueError, naming this argument, for what is no number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value <= 1:
        raise ValueError(f"{name}={value!r}: must be a number from 0 to 1.")


def require_used(evaluate_every: int | None, *, evaluation_episodes: int, evaluate_env: Any) -> None:
    """Raise ValueError where how to evaluate is said, and how often is not, so that it would have no effect."""
    if evaluate_every is not None:
        return
    if evaluation_episodes != EVALUATION_EPISODES:
        raise ValueError(f"evaluation_episodes={evaluation_episodes}: say how often, with evaluate_every=….")
    if evaluate_env is not None:
        raise ValueError(f"evaluate_env={evaluate_env!r}: say how often, with evaluate_every=….")


def require_kept(run_dir: Any, **given: tuple[Any, Any]) -> None:
    """Raise ValueError where how to keep a run is said (`name=(value, default)`), and where is not."""
    for name, (value, default) in given.items():
        if run_dir is None and value != default:
            raise ValueError(f"{name}={value!r}: say where the run is kept, with run_dir=….")


def steps(total_timesteps: float) -> int:
    """1e5 as 100,000. Raises ValueError for what is no whole number, or less than 1."""
    whole = isinstance(total_timesteps, float) and total_timesteps.is_integer()
    at_least_one(total_timesteps=int(total_timesteps) if whole else total_timesteps)  # pyright: ignore[reportArgumentType]
    return int(total_timesteps)


def require_learning(plan: Experience, num_envs: int, total_timesteps: int, before: int = 0) -> None:
    """Raise ValueError where training would end, `before` steps having been taken, with its first random steps."""
    per_iteration = plan.steps_per_iteration(num_envs)
    random = plan.warm_up_iterations(num_envs) * per_iteration
    if plan.replay is not None and before + total_timesteps <= random:
        each = "" if random == plan.replay.learning_starts else f", in iterations of {per_iteration:,} steps"
        raise ValueError(
            f"total_timesteps={total_timesteps}: the first learning_starts={plan.replay.learning_starts} steps are "
            f"random{each}, and nothing would be learnt. Raise total_timesteps, or lower learning_starts."
        )


def require_replay(algorithm: Algorithm, checkpoint_replay: bool) -> None:
    """Raise ValueError where replay is to be left out of checkpoints, and there is none."""
    if not checkpoint_replay and algorithm.experience.replay is None:
        raise ValueError(f"checkpoint_replay=False: {algorithm.name} has no replay that could be left out.")


def say_how_far(plan: Experience, num_envs: int, total_timesteps: int, before: int) -> None:
    """Warn where training goes further than was asked for, or ends before anything is learnt."""
    each = plan.steps_per_iteration(num_envs)
    try:
        require_learning(plan, num_envs, total_timesteps, before)
    except ValueError as error:
        warnings.warn(str(error).replace("would be", "is"), TrainingWarning, stacklevel=3)
        return
    if not plan.whole_episodes and total_timesteps < each:
        warnings.warn(
            f"total_timesteps={total_timesteps}: {each:,} steps will be taken, since {plan.described} × "
            f"num_envs={num_envs} come before an update, and schedules are then at their end. Lower one of them for a "
            "shorter training.",
            TrainingWarning,
            stacklevel=3,
        )


def say_replay_is_empty(plan: Experience, before: int, started: bool) -> None:
    """Warn where training goes on, after `before` steps, without the replay of before."""
    if plan.replay is not None and before > 0 and not started:
        warnings.warn(
            "Training goes on with an empty replay: a model file holds none, nor does one go along into another "
            "environment. agent.load_replay_buffer(path) takes what save_replay_buffer wrote, and operant.resume a "
            "run's own.",
            TrainingWarning,
            stacklevel=3,
        )


def seed_of(seed: Any) -> int:
    """A seed as Python's own number. Raises ValueError for what is not one from 0 to 2⁶³ − 1."""
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool):
        raise ValueError(
            f"seed={seed!r}: must be a whole number, from which all randomness derives, so that a run can be repeated. "
            "For another one each time: seed=random.randrange(2**32)."
        )
    if not 0 <= seed <= LARGEST:
        raise ValueError(f"seed={seed}: must be from 0 to 2**63 - 1.")
    return int(seed)


def number_of_learners(seeds: int | Iterable[int] | None) -> int:
    """How many learners are asked for; 1 for what `seeds_of` will refuse."""
    if isinstance(seeds, int | np.integer):
        return max(int(seeds), 1)
    return max(len(seeds), 1) if isinstance(seeds, Sized) else 1


def require_one_learner(seeds: Sequence[int] | None) -> None:
    """Raise ValueError where several learners would have to answer as one."""
    if seeds is not None:
        raise ValueError(f"There are {len(seeds)} learners here: choose one with agent[i] or agent.best().")


def seeds_of(seed: int, seeds: int | Iterable[int] | None) -> tuple[int, ...] | None:
    """The learners' seeds: those listed, or that many from `seed` upwards; None for a single learner."""
    if seeds is None:
        return None
    if number_of_learners(seeds) > MOST_LEARNERS:
        raise ValueError(
            f"seeds={number_of_learners(seeds)}: at most {MOST_LEARNERS:,} learners are trained together. Train the "
            "others in runs of their own."
        )
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        listed = tuple(range(seed, seed + int(seeds)))
    else:
        listed = tuple(seeds) if isinstance(seeds, Iterable) and not isinstance(seeds, str) else ()
    try:
        known = tuple(map(seed_of, listed))
    except ValueError:
        known = ()
    if not known:
        raise ValueError(
            f"seeds={seeds!r}: must be a whole number, at least 1, or a list of at least one seed from 0 to 2**63 - 1."
        )
    return known


def copies(source: Source, num_envs: int | None, default: int, learners: int) -> int:
    """How many environments each learner steps: as many as asked for, or the algorithm's default.

    Raises ValueError where those given cannot be shared so.
    """
    given = source.copies
    if num_envs is not None and num_envs < 1:
        raise ValueError(f"num_envs={num_envs}: must be at least 1.")
    if given is None:
        return num_envs or default
    if given % learners:
        raise ValueError(
            f"{given} environments cannot be shared by {learners} learners; pass an id or a callable."
        )
    if num_envs not in (None, given // learners):
        raise ValueError(
            f"num_envs={num_envs}: the environment given is {given} for {learners} learner(s). Pass an id or a "
            "callable for any number."
        )
    return given // learners


def require_same_discount(algorithm: Algorithm, wrappers: Sequence[Wrapper]) -> None:
    """Raise ValueError, naming both, where shaping discounts in another way than the learner."""
    gamma = getattr(algorithm, "gamma", None)
    if gamma is None or not wrappers:
        return
    from operant.envs.wrappers import PotentialShaping

    for wrapper in wrappers:
        if isinstance(wrapper, PotentialShaping) and wrapper.gamma != gamma:
            raise ValueError(
                f"PotentialShaping(gamma={wrapper.gamma}) and the algorithm's gamma={gamma} differ: only with the same "
                "one does the best policy stay the best."
            )
