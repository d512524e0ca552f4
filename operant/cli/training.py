"""How to train, as flags that every algorithm has; the docstrings of the fields are their help."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Annotated, Literal

import tyro

from operant import memory

Seeds = int | tuple[int, ...] | None
NO_ENVIRONMENT = "none"  # where a dataset is learnt from, and nothing is scored
LARGEST = 2**31 - 1  # steps are counted in int32, on the device too

MOST = 10**7  # episodes: beyond that a number is mistyped


@dataclasses.dataclass(frozen=True)
class Training:
    """How to train, for every algorithm."""

    environment: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENVIRONMENT")]
    """Any Gymnasium id; see `operant environments`. With --dataset it only scores the result, and is optional."""
    total_timesteps: int = 100_000
    """Environment steps to train for, for each seed."""
    dataset: Annotated[str | None, tyro.conf.arg(metavar="PATH")] = None
    """Recorded data for an algorithm that learns offline, such as bc: the folder or id of a Minari dataset, or an .npz
    file with observations and actions. Steps then mean updates."""
    model: Annotated[str | None, tyro.conf.arg(metavar="RUN|MODEL")] = None
    """The language model to begin with, in an environment of text: a run or a model file of operant's, a folder with
    config.json and model.safetensors, a .gguf file; or a new one, such as transformer:width=64,layers=2."""
    lora: Annotated[str | None, tyro.conf.arg(metavar="RANK[:ALPHA[:LAYER,LAYER…]]")] = None
    """Learn adapters of this rank instead of all weights of --model, as in 8 or 8:16:query,value."""
    epochs: int | None = None
    """How often to go through the dataset, instead of --total-timesteps; of texts, if neither is given, 3 times."""
    seed: int = 0
    """The seed of all randomness."""
    seeds: Seeds = None
    """Number of learners to train together, with seeds from --seed upwards; or the seeds, as in 3,5,9."""
    num_envs: int | None = None
    """Environments stepped together, for each learner; none: the algorithm's own number, which is one for most, and for
    a policy search one for each candidate."""
    backend: Literal["auto", "native", "gymnasium"] = "auto"
    """native: operant's own version of the environment, on the device; gymnasium: Gymnasium's, in Python; auto: native
    if there is one. Scores always come from Gymnasium's."""
    vectorization: Literal["auto", "sync", "async", "vector_entry_point", "ray"] = "auto"
    """How the gymnasium backend steps several environments: sync: one by one; async: each in its own process; ray: in
    processes of Ray's (docs/ray.md); vector_entry_point: by the environment's own vector version; auto: that of Atari
    games, and sync for all else."""
    start_method: Literal["forkserver", "spawn", "fork"] | None = None
    """How `--vectorization async` starts its processes; none: the best way for this system."""
    env_timeout: Annotated[float | None, tyro.conf.arg(metavar="SECONDS")] = None
    """Time limit of an environment's step or reset, in seconds. Training ends with a checkpoint and an error that names
    the environment that takes longer."""
    async_collect: bool = False
    """Let environments that are stepped in Python go on while what they gave before is learnt from: they are played by
    the policy before the last update (rollout/policy_lag)."""
    devices: int | None = None
    """Devices that train together, of those that `operant info` lists; seeds are divided among them first, then the
    environments and batches of each learner. none: as many as divide the seeds."""
    coordinator: Annotated[str | None, tyro.conf.arg(metavar="HOST:PORT")] = None
    """Where the first of several processes that train together waits for the others, such as 127.0.0.1:4321: the same
    command is started for each, with --num-processes and --process-id. See docs/devices.md."""
    num_processes: int | None = None
    """How many processes train together (--coordinator)."""
    process_id: int | None = None
    """Which of them this is, from 0; the first one writes the run directory (--coordinator)."""
    workers: int | None = None
    """Workers that play for one learner, each with --num-envs environments of its own; 0: none; by default
    as many as the algorithm says, which is none for most."""
    fixed_lag: int | None = None
    """With --workers: how many updates old the policy is by which they play, in turns and reproducibly. By default they
    play by the newest one, and nobody waits."""
    max_lag: int | None = None
    """With --workers: experience of a policy that is more updates old is left out; by default 16 for each worker."""
    worker_type: Literal["thread", "ray"] | None = None
    """With --workers: where they live: thread: in this process; ray: each in a process of its own, which Ray starts, on
    this machine or on those of a cluster; none: thread, or ray with --ray-address. See docs/ray.md."""
    ray_address: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """The Ray cluster on which workers or environments live: auto (the one that this machine is part of) or HOST:PORT.
    none: the one in the variable RAY_ADDRESS, or else Ray on this machine alone."""
    env_kwargs: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE…")] = ()
    """Keyword arguments of the environment, such as is_slippery=false map_name=8x8."""
    reward: Annotated[tuple[str, ...], tyro.conf.arg(metavar="RULE|RUN[:WEIGHT]…")] = ()
    """What responses are worth, in an environment of text: a rule, the run of a reward model, or the sum of several,
    each with its weight, as in runs/reward-1 exact:0.5."""
    wrappers: tuple[str, ...] = ()
    """Wrappers around the environment, the innermost first, such as repeat:4 frame-stack:4; see docs/wrappers.md.
    Scores are by the environment's own rewards."""
    modules: Annotated[tuple[str, ...], tyro.conf.arg(name="import", metavar="MODULE…")] = ()
    """Python modules that register environments; they may lie in the current folder."""
    curiosity: Literal["none", "counts", "icm", "preferences", "rnd"] = "none"
    """An intrinsic reward for novelty. It has flags of its own: `--curiosity rnd --help` lists them."""
    kl_penalty: Annotated[str | None, tyro.conf.arg(metavar="COEFFICIENT[:TARGET[:GAIN]][:whiten]")] = None
    """What each nat of KL divergence from --model costs of the reward, as in 0.1; with a target, the divergence of an
    episode to which it is adapted, as in 0.1:6; with whiten, rewards are divided by their deviation."""
    preset: str = "auto"
    """Hyperparameters that are known to work: auto (for this environment, or its family), the name of another,
    such as published or another environment's id, none, or your own FILE.toml. Flags that are typed take precedence."""
    run_dir: str | None = None
    """Directory for all files of the run; none: runs/ALGORITHM-ENVIRONMENT-N."""
    checkpoint_every: int | None = None
    """Environment steps between two checkpoints. The last state is always kept."""
    keep_checkpoints: int = 2
    """How many of the latest checkpoints to keep."""
    checkpoint_replay: bool = True
    """Keep replay in checkpoints. Without it they are small, and a resumed run first plays what it has learnt for
    learning_starts steps, learning nothing, to fill replay again."""
    evaluate_every: int = 0
    """Environment steps between two evaluations during training; the best model is kept. 0: no evaluations."""
    evaluation_episodes: int = 20
    """Episodes of each evaluation during training (--evaluate-every); --episodes is for the final score."""
    evaluate_env: Annotated[str | None, tyro.conf.arg(metavar="ENVIRONMENT")] = None
    """Another environment, with the same spaces, for evaluations during training; a resumed run uses its own."""
    stats_window_size: int = 100
    """rollout/ep_rew_mean and similar metrics are means over this number of last episodes."""
    overwrite: bool = False
    """Replace a run that is already in the run directory."""
    log_interval: int | None = None
    """Environment steps between two rows of metrics; none: about a hundredth of training."""
    live: bool = False
    """Open a page in a browser on this machine that shows training, and pauses, changes and stops it."""
    interventions: Annotated[str | None, tyro.conf.arg(metavar="RUN|FILE")] = None
    """A run that was steered from its page, or its interventions.jsonl: what was changed there is changed here, at the
    same steps."""
    wandb: Annotated[str | None, tyro.conf.arg(metavar="PROJECT")] = None
    """Also send the metrics to this project of Weights & Biases."""
    progress: bool = True
    """Show a table and a progress bar."""
    episodes: int = 100
    """Episodes for the final score."""
    video: bool = True
    """Film an episode of the trained policy next to one of the random policy."""
    pictures: bool = True
    """Draw the learning curve, the training diagnostics and a map of the policy."""

    def require_valid(self) -> None:
        """Raise ValueError naming the first flag with a number that is not allowed."""
        at_least_one(
            total_timesteps=self.total_timesteps,
            epochs=self.epochs,
            seeds=self.seeds if isinstance(self.seeds, int) else None,
            num_envs=self.num_envs,
            devices=self.devices,
            log_interval=self.log_interval,
            checkpoint_every=self.checkpoint_every,
            keep_checkpoints=self.keep_checkpoints,
            evaluate_every=self.evaluate_every or None,
            evaluation_episodes=self.evaluation_episodes,
            stats_window_size=self.stats_window_size,
            episodes=self.episodes,
        )
        if not self.evaluate_every:
            usual = type(self)
            for flag in ("evaluation_episodes", "evaluate_env"):
                value = getattr(self, flag)
                if value != getattr(usual, flag):
                    name = flag.replace("_", "-")
                    raise ValueError(
                        f"--{name} {value}: has no effect without --evaluate-every STEPS: add it."
                    )
        if self.lora is not None and (self.model is None or self.model.startswith("transformer:")):
            raise ValueError(f"--lora {self.lora}: adapts a model that there is: name it with --model.")
        require_countable(self.total_timesteps)
        require_timeout(self.env_timeout)
        require_processes(self.coordinator, self.num_processes, self.process_id, self.live)
        require_wandb(self.wandb)
        require_ray(self.worker_type, self.vectorization, self.ray_address)
        if self.live:
            require_live("--live")
        if self.run_dir is not None and not self.run_dir.strip():
            raise ValueError(f"--run-dir {self.run_dir!r}: must name a directory.")
        require_seeds("seed", [self.seed])
        if not isinstance(self.seeds, int):
            require_seeds("seeds", self.seeds or ())
        require_scores(episodes=self.episodes, evaluation_episodes=self.evaluation_episodes)


def require_countable(total_timesteps: int) -> None:
    """Raise ValueError for more steps than an int32 can count."""
    if total_timesteps > LARGEST:
        raise ValueError(f"--total-timesteps {total_timesteps}: must be at most {LARGEST}.")


def require_timeout(seconds: float | None) -> None:
    """Raise ValueError unless this is a positive number of seconds."""
    if seconds is not None and not 0 < seconds < math.inf:
        raise ValueError(f"--env-timeout {seconds:g}: must be a number of seconds above 0.")


def require_processes(
    coordinator: str | None, num_processes: int | None, process_id: int | None, live: bool = False
) -> None:
    """Raise ValueError naming the flag unless these say how processes train together, or are left out."""
    given = {"--coordinator": coordinator, "--num-processes": num_processes, "--process-id": process_id}
    missing = [flag for flag, value in given.items() if value is None]
    if len(missing) == len(given):
        return
    if missing:
        raise ValueError(f"{missing[0]}: is missing. Processes train together by all of {', '.join(given)}.")
    if live:
        raise ValueError("--live: several processes train together, of which none may be steered by itself.")
    from operant.connecting import require

    assert coordinator is not None
    assert num_processes is not None
    assert process_id is not None
    require(coordinator, num_processes, process_id)


def connect(coordinator: str | None, num_processes: int | None, process_id: int | None) -> bool:
    """Connect this process with those it trains together with, if any; whether it writes files and talks to people."""
    if coordinator is None or num_processes is None or process_id is None:
        return True
    from operant.connecting import connect_processes

    connect_processes(coordinator, num_processes, process_id)
    return process_id == 0


def require_wandb(project: str | None) -> None:
    """Raise ValueError if metrics should go to Weights & Biases and its package is not installed."""
    if project is not None and find_spec("wandb") is None:
        raise ValueError(f"--wandb {project}: needs an extra: pip install 'operant-rl[wandb]'.")


def require_ray(worker_type: str | None, vectorization: str, ray_address: str | None) -> None:
    """Raise ValueError if something should live on Ray and it is not installed."""
    asked = "" if ray_address is None else f"--ray-address {ray_address}"
    for flag, value in (("--vectorization", vectorization), ("--worker-type", worker_type)):
        asked = f"{flag} ray" if value == "ray" else asked
    if asked and find_spec("ray") is None:
        raise ValueError(f"{asked}: needs an extra: pip install 'operant-rl[distributed]'.")


def require_live(what: str) -> None:
    """Raise ValueError if the page that a flag or a command opens needs packages that are not installed."""
    if find_spec("starlette") is None or find_spec("uvicorn") is None:
        raise ValueError(f"{what}: needs an extra: pip install 'operant-rl[live]'.")


def require_episodes(episodes: int, seed: int = 0) -> None:
    """Raise ValueError naming the flag unless these are a number of episodes and a seed."""
    at_least_one(episodes=episodes)
    require_scores(episodes=episodes)
    require_seeds("seed", [seed])


def require_share(flag: str, value: float) -> None:
    """Raise ValueError naming the flag unless this is a number from 0 to 1."""
    if not 0 <= value <= 1:
        raise ValueError(f"{flag} {value:g}: must be a number from 0 to 1.")


def require_seeds(flag: str, seeds: Iterable[int]) -> None:
    """Raise ValueError naming the first number that is not a seed."""
    for seed in seeds:
        if not 0 <= seed < 2**63:
            raise ValueError(f"--{flag} {seed}: a seed is a whole number from 0 to 2**63 - 1.")


def require_scores(**episodes: int) -> None:
    """Raise ValueError naming the first flag that asks for too many episodes."""
    for name, value in episodes.items():
        memory.require(name, value, memory.EPISODE, "their scores")
        if value > MOST:
            raise ValueError(f"--{name.replace('_', '-')} {value}: must be at most {MOST}.")


def at_least_one(**values: int | None) -> None:
    """Raise ValueError naming the first flag that is given and is below 1."""
    for name, value in values.items():
        if value is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')} {value}: must be at least 1.")
