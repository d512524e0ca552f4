"""What a training calls while it goes on, in the words of the user's callbacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from operant.agent.callbacks.base import Callbacks, Progress, StepEvent
from operant.agent.model import Model
from operant.engine.records import Records
from operant.types import Transition


class Hooks:
    """The callbacks of a training, which are told of the agent that trains. A call says whether it should go on."""

    def __init__(self, callback: Any, agent: Model) -> None:
        self._callbacks, self._agent = Callbacks(callback), agent
        self.records = Records(agent.learner.seeds)  # what they add to rows of metrics

    def wants(self, hook: str) -> bool:
        """Whether any of them wants to be told at this hook."""
        return self._callbacks.wants(hook)

    def start(self, total: int) -> bool:
        """Training begins."""
        return self._callbacks.tell("on_start", self._agent, total)

    def end(self) -> None:
        """Training is over, in whatever way."""
        self._callbacks.tell("on_end", self._agent)

    def rollout(self, step: int, total: int, metrics: dict[str, Any]) -> bool:
        """An iteration has been finished."""
        return self._callbacks.tell("on_rollout", self._progress(step, total, metrics))

    def row(self, step: int, total: int, row: dict[str, Any], evaluated: bool) -> bool:
        """A chunk has been finished, with this row of metrics."""
        progress = self._progress(step, total, row)
        going = self._callbacks.tell("on_evaluation", progress) if evaluated else True
        return self._callbacks.tell("on_row", progress) and going

    def step(self, row: Transition, step: int, infos: Sequence[dict[str, Any]]) -> bool:
        """One step of the environments has been taken."""
        event = StepEvent(
            step=step,
            observation=row.observation,
            action=row.action,
            reward=row.reward,
            raw_reward=row.reward if row.raw_reward is None else row.raw_reward,
            mask=row.mask,
            terminated=row.terminated,
            truncated=row.truncated,
            next_observation=row.next_observation,
            infos=infos,
            agent=self._agent,
            records=self.records,
        )
        return self._callbacks.tell("on_step", event)

    def _progress(self, step: int, total: int, metrics: dict[str, Any]) -> Progress:
        return Progress(step, total, metrics, self._agent, self.records)
