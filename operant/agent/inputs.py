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
from operant.engine import devices as shared
from operant.engine import processes
from operant.engine.asynchronous.workers import Workers
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


def say_nothing_overlaps(
    async_collect: bool, workers: Workers | None, plan: Experience, num_envs: int, chunk: int
) -> None:
    """Warn where every iteration is a row of metrics by itself, for which no experience is collected ahead."""
    asked = "async_collect=True" if async_collect else f"fixed_lag={workers and workers.fixed_lag}"
    if chunk == 1 and (async_collect or (workers and workers.fixed_lag)):
        each = plan.steps_per_iteration(num_envs)
        warnings.warn(
            f"{asked} does nothing: environments wait for the end of each row of metrics, and a row is one "
            f"iteration of {each:,} steps. Set log_interval to several times that.",
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


def require_asynchronous(algorithm: Algorithm, source: Source, recorded: bool) -> None:
    """Raise ValueError, with what to do, where environments cannot go on while something is learnt."""
    plan = algorithm.experience
    if recorded or plan.offline:
        raise ValueError(f"async_collect=True: {algorithm.name} learns from a dataset. Leave it out.")
    if source.native is not None:
        raise ValueError(
            f"async_collect=True: {source.id} is trained on natively, in one program that waits for nobody. Leave it "
            "out, or set backend='gymnasium'."
        )
    if plan.whole_episodes or not algorithm.learns_from_older:
        raise ValueError(
            f"async_collect=True: {algorithm.name} learns from its newest policy alone. Leave it out, or take PPO or "
            "IMPALA, which account for an older one, PQN, or what learns from replay."
        )


def require_devices(
    devices: int | None,
    seeds: int | Sequence[int] | None,
    num_envs: int,
    name: str,
    recorded: bool,
) -> None:
    """Raise ValueError, with what to do, where these devices cannot train this together."""
    learners = None if seeds is None else number_of_learners(seeds)
    if devices is None or devices == 1:  # several processes are looked at where training begins
        return
    shared.require(devices, learners, None if recorded else num_envs)
    if recorded and (divided := shared.shape_of(devices, learners))[1] > 1:
        raise ValueError(
            f"devices={devices}: {name} learns from a dataset, which is divided among seeds only. Set devices="
            f"{divided[0]}, or seeds to a multiple of {devices}."
        )


def require_alone(**given: Any) -> None:
    """Raise ValueError naming the first of these that is given where several processes train together."""
    for name, value in given.items():
        if value is not None and processes.count() > 1:
            raise ValueError(
                f"{name}={value!r}: {processes.count()} processes train together, of which none may be changed by "
                "itself. Leave it out."
            )


def require_workers(
    workers: Workers,
    algorithm: Algorithm,
    source: Source,
    several: bool = False,
    recorded: bool = False,
    async_collect: bool = False,
    devices: int | None = None,
) -> None:
    """Raise ValueError, with what to do, where workers cannot play for a learner."""
    asked, plan = f"workers={workers.count}", algorithm.experience
    if recorded or plan.offline:
        raise ValueError(f"{asked}: {algorithm.name} learns from a dataset. Leave it out.")
    if plan.whole_episodes or plan.replay is not None or not algorithm.learns_from_older:
        raise ValueError(
            f"{asked}: {algorithm.name} does not learn from rollouts of older policies. Leave it out, or take IMPALA, "
            "APPO, A3C, PPO or PQN."
        )
    if algorithm.innermost is not algorithm:
        raise ValueError(
            f"{asked}: {algorithm.name} keeps returns of all environments, and learns from those of one worker at a "
            "time. Leave one of them out."
        )
    if several:
        raise ValueError(
            f"{asked}: several seeds are trained in one program. Train them in runs of their own, or set workers=0."
        )
    if async_collect:
        raise ValueError(f"{asked}: workers go on while something is learnt. Leave out async_collect.")
    if devices not in (None, 1) or processes.count() > 1:
        raise ValueError(f"{asked}: there is one learner, on one device. Leave out devices, or workers.")
    if workers.kind == "ray" and source.vectorization == "ray":
        raise ValueError(
            f"{asked}: each worker on Ray steps its own environments. Leave out vectorization='ray', or worker_type."
        )
    if source.copies is not None and (workers.count > 1 or workers.kind == "ray"):
        raise ValueError(
            f"{asked}: every worker has environments of its own. Pass an id, or a callable that makes one environment."
        )


def workers_of(
    algorithm: Algorithm,
    count: int | None,
    fixed_lag: int | None,
    max_lag: int | None,
    worker_type: Any = None,
    ray_address: str | None = None,
) -> Workers | None:
    """The workers that are asked for, by default as many as the algorithm says; None for none, which is 0 too.

    They are threads unless another `worker_type` is given, or an address of Ray's.

    Raises ValueError for what cannot be.
    """
    count = algorithm.default_workers if count is None else count
    if count is not None and count != 0:
        kind = worker_type or ("thread" if ray_address is None else "ray")
        if kind == "thread" and ray_address is not None:
            raise ValueError(
                f"ray_address={ray_address!r}: workers are threads of this process. Leave it out, or set "
                "worker_type='ray'."
            )
        return Workers(count, fixed_lag, max_lag, kind, ray_address)
    for name, value, what in (
        ("fixed_lag", fixed_lag, "how old the policies of workers are"),
        ("max_lag", max_lag, "how old the policies of workers are"),
        ("worker_type", worker_type, "where workers live"),
        ("ray_address", ray_address, "where workers live"),
    ):
        if value is not None:
            raise ValueError(f"{name}={value!r}: it is {what}. Set workers, or leave it out.")
    return None


def require_together(source: Source, recorded: bool) -> None:
    """Raise ValueError, with what to do, where several processes train together what one of them would have to step."""
    if processes.count() > 1 and (recorded or source.native is None):
        raise ValueError(
            f"{source.id}: {processes.count()} processes train together on native environments only. Set "
            "backend='native', or start one process."
        )


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
