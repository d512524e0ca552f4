"""What is called while an agent trains, and what it is told."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from operant.agent.model import Model
from operant.engine.records import Records
from operant.types import PyTree


@dataclass(frozen=True)
class Progress:
    """What a callback is told between two chunks of training."""

    step: int  # environment steps so far, of each seed
    total: int
    metrics: dict[str, Any]  # the row of metrics: numbers, or arrays [S] with several seeds
    agent: Model
    records: Records = field(default_factory=Records, repr=False, compare=False)

    def record(self, name: str, value: Any, exclude: str | Sequence[str] = ()) -> None:
        """Add a value of your own to this row: in the table, the CSV file, TensorBoard and all other loggers.

        `value` is a number, or an array `[S]` of one for each of several seeds. A text, a Matplotlib figure, or an
        `Image`, `Histogram` or `Video` of `operant.callbacks` goes to those that show such (TensorBoard,
        Weights & Biases). `exclude` names where it shall not go: "table", "csv", "tensorboard", "json", "text" or
        "wandb".
        """
        self.records.record(name, value, exclude)


@dataclass(frozen=True)
class StepEvent:
    """One step of the environments. Leaves are NumPy, `[N, …]`; of S seeds `[S·N, …]`, one after another."""

    step: int  # environment steps so far, of each seed
    observation: PyTree
    action: PyTree
    reward: Any
    raw_reward: Any  # the environment's own, where wrappers changed it
    terminated: Any
    truncated: Any
    next_observation: PyTree  # the true successor, also where the episode ended
    mask: Any  # False for a step that only reset, as some vector environments have them
    infos: Sequence[dict[str, Any]]  # what each environment said; empty dicts on native environments
    agent: Model
    records: Records = field(default_factory=Records, repr=False, compare=False)

    @property
    def done(self) -> Any:
        """Where an episode ended, for whichever reason."""
        return (self.terminated | self.truncated) & self.mask

    def record(self, name: str, value: Any, exclude: str | Sequence[str] = ()) -> None:
        """As `Progress.record`, for the next row of metrics; of several values the last counts."""
        self.records.record(name, value, exclude)

    def record_mean(self, name: str, value: Any, exclude: str | Sequence[str] = ()) -> None:
        """The same, where the mean of all values since the last row counts."""
        self.records.record(name, value, exclude, mean=True)


class Callback:
    """Hooks into training, of which you override those that you need: `learn(callback=MyCallback())`.

    A hook that returns anything false but None (False, NumPy's False, 0) stops training. A plain function of
    `Progress` is a callback as well: it is called as `on_row` is. Between two calls of `on_step` the agent knows what
    it knew after its last update.
    """

    def on_start(self, agent: Model, total: int) -> Any:
        """Training begins, and ends at `total` environment steps."""

    def on_step(self, event: StepEvent) -> Any:
        """After every step of the environments, whose cost in time this adds to.

        Through Gymnasium training stops at this very step; what was collected since the last update is not learnt
        from. Natively a whole chunk is played on the device first: its steps are then told one by one, infos are
        empty, and training stops after the chunk.
        """

    def on_rollout(self, progress: Progress) -> Any:
        """After every iteration: a rollout or some steps, and the updates that follow. Its metrics are the last row's.

        Iterations then come one by one from the device, which learns the same and takes longer.
        """

    def on_row(self, progress: Progress) -> Any:
        """After every chunk of training, before its row of metrics is written: `progress.record` adds to it."""

    def on_evaluation(self, progress: Progress) -> Any:
        """After an evaluation (`learn(evaluate_every=…)`), whose `eval/…` metrics are in the row."""

    def on_end(self, agent: Model) -> Any:
        """Training is over: finished, stopped, interrupted or failed."""


class _Function(Callback):
    """A function of `Progress`."""

    def __init__(self, function: Callable[[Progress], Any]) -> None:
        self.function = function

    def on_row(self, progress: Progress) -> Any:
        return self.function(progress)


class Callbacks:
    """Several callbacks as one; all of them are told, also when one says stop."""

    def __init__(self, given: Any) -> None:
        self.callbacks = as_callbacks(given)

    def wants(self, hook: str) -> bool:
        """Whether anybody wants to be told."""
        return any(_overrides(callback, hook) for callback in self.callbacks)

    def tell(self, hook: str, *arguments: Any) -> bool:
        """Call a hook of all; whether training should go on."""
        answers = [
            getattr(callback, hook)(*arguments) for callback in self.callbacks if _overrides(callback, hook)
        ]
        return not any(map(stops, answers))


def _overrides(callback: Callback, hook: str) -> bool:
    return hook in vars(callback) or getattr(type(callback), hook) is not getattr(Callback, hook)


def stops(answer: Any) -> bool:
    """Whether this is what a callback returns to stop training: anything false but None."""
    try:
        return answer is not None and not answer
    except ValueError:
        raise ValueError(
            f"A callback returned {answer!r}: to stop training it must return False, and otherwise True or nothing."
        ) from None


def as_callbacks(given: Any) -> list[Callback]:
    """The callbacks in what a user gave: none, a function of `Progress`, a `Callback`, or a list of these.

    Raises ValueError for anything else, which says how it is written here.
    """
    if given is None:
        return []
    if isinstance(given, list | tuple):
        return [callback for part in given for callback in as_callbacks(part)]
    if isinstance(given, Callback):
        return [given]
    if isinstance(given, type) and issubclass(given, Callback):
        raise ValueError(f"callback={given.__name__}: give an instance, {given.__name__}(…).")
    if "BaseCallback" in [kind.__name__ for kind in inspect.getmro(type(given))]:
        raise ValueError(
            f"callback: {type(given).__name__} is a callback of Stable-Baselines3's. Here it is an operant.Callback: "
            "_on_step becomes on_step(event), _on_rollout_end on_rollout(progress), self.model progress.agent."
        )
    if not callable(given):
        raise ValueError(
            f"callback: {given!r} must be a function of Progress, an operant.Callback, or a list of these."
        )
    if _takes_two(given):
        raise ValueError(
            "callback: a function of (locals, globals) is of older Stable-Baselines3. Here it takes one argument, "
            "progress: progress.step, progress.metrics and progress.agent are what it may want."
        )
    return [_Function(given)]


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # written in C
        return False
    required = [
        p
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]
    return len(required) == 2
