"""What a training was asked for, as it stands in a run's configuration."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields

from operant import formats
from operant.agent.inputs import at_least_one, require_episodes
from operant.engine.run_directory import RunDirectory
from operant.engine.train import LARGEST


@dataclass(frozen=True)
class Plan:
    """What a run was asked for besides the agent itself; `config.json` holds it, so that it can be resumed."""

    total_timesteps: int  # at which training ends, counted from the agent's first step
    chunk_size: int  # iterations
    checkpoint_every: int | None = None  # environment steps
    evaluate_every: int | None = None  # environment steps
    evaluation_episodes: int = 20
    keep_checkpoints: int = 2  # the latest ones
    checkpoint_replay: bool = True  # whether they hold replay

    def __post_init__(self) -> None:
        numbers = asdict(self)
        if not isinstance(numbers.pop("checkpoint_replay"), bool):
            raise ValueError(f"checkpoint_replay={self.checkpoint_replay!r}: must be True or False.")
        at_least_one(**numbers)
        if self.evaluate_every is not None:
            require_episodes("evaluation_episodes", self.evaluation_episodes)
        if self.total_timesteps > LARGEST:
            raise ValueError(f"total_timesteps={self.total_timesteps}: must be at most {LARGEST} in all.")

    @classmethod
    def of(cls, directory: RunDirectory) -> Plan:
        """The plan of a run that was started."""
        config = formats.read_run(directory.path)
        return cls(**{field.name: config[field.name] for field in fields(cls) if field.name in config})
