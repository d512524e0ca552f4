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
    """How to train, whatever the algorithm."""

    environment: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="ENVIRONMENT")]
    """Any Gymnasium id; see `operant environments`. With --dataset it is where the result is scored, and may be left
    out."""
    total_timesteps: int = 100_000
    """Environment steps to train for, with each seed."""
    dataset: Annotated[str | None, tyro.conf.arg(metavar="PATH")] = None
    """What an algorithm learns from that does not play, such as bc: the folder or the id of a Minari dataset, or a .npz
    file with observations and actions. All steps are then updates."""
    seed: int = 0
    """All randomness derives from it."""
    seeds: Seeds = None
    """Learners to train together, with seeds from --seed upwards; or which seeds, as in 3,5,9."""
    num_envs: int | None = None
    """Environments stepped together, for each learner; the algorithm's own number if not given: one, or for a policy
    search one for each candidate."""
    backend: Literal["auto", "native", "gymnasium"] = "auto"
    """native: on operant's twin of the environment, on the device; gymnasium: in Python; auto: on the twin if there is
    one. Scores always come from Gymnasium's own."""
    vectorization: Literal["sync", "async", "vector_entry_point"] = "sync"
    """How the gymnasium backend steps several: one by one, a process each, or the environment's own way."""
    start_method: Literal["forkserver", "spawn", "fork"] | None = None
    """How the processes of `--vectorization async` are started; what suits the system if not given."""
    env_timeout: Annotated[float | None, tyro.conf.arg(metavar="SECONDS")] = None
    """Seconds that a step or a reset of the environment may take; what takes longer is named, and ends training with a
    checkpoint. Any time if not given."""
    env_kwargs: Annotated[tuple[str, ...], tyro.conf.arg(metavar="KEY=VALUE…")] = ()
    """Keyword arguments of the environment, such as is_slippery=false map_name=8x8."""
    wrappers: tuple[str, ...] = ()
    """What the environment is wrapped in, the innermost first, such as repeat:4 frame-stack:4; see docs/wrappers.md.
    Scores are of its own rewards."""
    modules: Annotated[tuple[str, ...], tyro.conf.arg(name="import", metavar="MODULE…")] = ()
    """Python modules that register environments, looked for in the current folder, too."""
    curiosity: Literal["none", "counts", "icm", "rnd"] = "none"
    """A reward of its own for what is new to it; its values are flags, too: `--curiosity rnd --help` lists them."""
    preset: str = "auto"
    """Hyperparameters known to work: those of an environment's id, auto for this environment's, none, or those of a
    FILE.toml of yours. Flags given by hand go before it."""
    run_dir: str | None = None
    """Where everything is kept; runs/ALGORITHM-ENVIRONMENT-N if not given."""
    checkpoint_every: int | None = None
    """Environment steps between two checkpoints; the last state is always kept."""
    keep_checkpoints: int = 2
    """How many checkpoints are kept, the latest ones."""
    checkpoint_replay: bool = True
    """Keep replay in checkpoints. Without it they are small, and a resumed run first plays what it has learnt for
    learning_starts steps, learning nothing, to fill replay again."""
    evaluate_every: int = 0
    """Environment steps between two evaluations during training, whose best model is kept; 0 for none."""
    evaluation_episodes: int = 20
    """Episodes of an evaluation during training (--evaluate-every); the result is scored by --episodes."""
    evaluate_env: Annotated[str | None, tyro.conf.arg(metavar="ENVIRONMENT")] = None
    """Another environment of the same spaces to evaluate on during training; a resumed run evaluates on its own."""
    stats_window_size: int = 100
    """Of how many of the last episodes rollout/ep_rew_mean and its kin are the means."""
    overwrite: bool = False
    """Replace a run that is already in the run directory."""
    log_interval: int | None = None
    """Environment steps between two rows of metrics; about a hundredth of training if not given."""
    wandb: Annotated[str | None, tyro.conf.arg(metavar="PROJECT")] = None
    """Send the rows of metrics to Weights & Biases, too, into this project."""
    progress: bool = True
    """Show a table and a bar of progress."""
    episodes: int = 100
    """Episodes to score the result by."""
    video: bool = True
    """Film an episode of the trained policy alongside one of the random policy."""
    pictures: bool = True
    """Draw the learning curve, the training diagnostics and a map of the policy."""

    def require_valid(self) -> None:
        """Raise ValueError naming the first flag whose number cannot be."""
        at_least_one(
            total_timesteps=self.total_timesteps,
            seeds=self.seeds if isinstance(self.seeds, int) else None,
            num_envs=self.num_envs,
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
        require_countable(self.total_timesteps)
        require_timeout(self.env_timeout)
        require_wandb(self.wandb)
        if self.run_dir is not None and not self.run_dir.strip():
            raise ValueError(f"--run-dir {self.run_dir!r}: must name a directory.")
        require_seeds("seed", [self.seed])
        if not isinstance(self.seeds, int):
            require_seeds("seeds", self.seeds or ())
        require_scores(episodes=self.episodes, evaluation_episodes=self.evaluation_episodes)


def require_countable(total_timesteps: int) -> None:
    """Raise ValueError for more steps than can be counted."""
    if total_timesteps > LARGEST:
        raise ValueError(f"--total-timesteps {total_timesteps}: must be at most {LARGEST}.")


def require_timeout(seconds: float | None) -> None:
    """Raise ValueError where this is no number of seconds."""
    if seconds is not None and not 0 < seconds < math.inf:
        raise ValueError(f"--env-timeout {seconds:g}: must be a number of seconds above 0.")


def require_wandb(project: str | None) -> None:
    """Raise ValueError where metrics are to go to Weights & Biases, and its package is not there."""
    if project is not None and find_spec("wandb") is None:
        raise ValueError(f"--wandb {project}: needs an extra: pip install 'operant-rl[wandb]'.")


def require_episodes(episodes: int, seed: int = 0) -> None:
    """Raise ValueError naming the flag where this is no number of episodes, or no seed."""
    at_least_one(episodes=episodes)
    require_scores(episodes=episodes)
    require_seeds("seed", [seed])


def require_seeds(flag: str, seeds: Iterable[int]) -> None:
    """Raise ValueError naming the first number that is no seed."""
    for seed in seeds:
        if not 0 <= seed < 2**63:
            raise ValueError(f"--{flag} {seed}: a seed is a whole number from 0 to 2**63 - 1.")


def require_scores(**episodes: int) -> None:
    """Raise ValueError naming the first flag that asks for more episodes than can be scored."""
    for name, value in episodes.items():
        memory.require(name, value, memory.EPISODE, "their scores")
        if value > MOST:
            raise ValueError(f"--{name.replace('_', '-')} {value}: must be at most {MOST}.")


def at_least_one(**values: int | None) -> None:
    """Raise ValueError naming the first flag that is given and is below 1."""
    for name, value in values.items():
        if value is not None and value < 1:
            raise ValueError(f"--{name.replace('_', '-')} {value}: must be at least 1.")
