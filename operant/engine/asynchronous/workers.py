"""How many workers play for one learner, and how old the policy may be that they play by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

WorkerType = Literal["thread", "ray"]  # where a worker lives

MAX_LAG = 16  # updates for each worker, if nobody says otherwise: far more than there are where all are alike


@dataclass(frozen=True)
class Workers:
    """A number of workers, each with environments and a copy of the policy of its own.

    Without a `fixed_lag` nobody waits for anybody: a worker that has handed in its experience goes on with the newest
    policy. What was played by a policy that is more than `max_lag` updates old is left out. With it they take turns,
    and experience number j is played by the policy after j − `fixed_lag` updates: a run is then reproducible to the
    last bit, and waits for its slowest worker.
    """

    count: int
    fixed_lag: int | None = None
    max_lag: int | None = None  # None: `MAX_LAG` for each worker
    kind: WorkerType = "thread"  # of this process, or actors of Ray's
    address: str | None = field(default=None, compare=False)  # of a Ray cluster; None for one on this machine

    def __post_init__(self) -> None:
        if self.kind not in get_args(WorkerType):
            raise ValueError(f"worker_type={self.kind!r}: must be one of {', '.join(get_args(WorkerType))}.")
        for name, value, least in (
            ("workers", self.count, 1),
            ("fixed_lag", self.fixed_lag, 0),
            ("max_lag", self.max_lag, 0),
        ):
            whole = isinstance(value, int) and not isinstance(value, bool)
            if value is not None and not (whole and value >= least):
                raise ValueError(f"{name}={value!r}: must be a whole number, at least {least}.")
        if self.fixed_lag is not None and self.max_lag is not None:
            raise ValueError(
                f"max_lag={self.max_lag}: with fixed_lag={self.fixed_lag} every policy is that old. Leave one of them "
                "out."
            )

    @property
    def oldest(self) -> int:
        """How many updates old a policy may be whose experience is learnt from."""
        if self.fixed_lag is not None:
            return self.fixed_lag
        return MAX_LAG * self.count if self.max_lag is None else self.max_lag
