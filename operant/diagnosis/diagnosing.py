"""`operant.diagnose(run)`: what looks wrong with a run, the weightiest first."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from operant.agent import Agent
from operant.agent.configuration import Supplied
from operant.diagnosis.checks import look
from operant.diagnosis.evidence import Evidence
from operant.diagnosis.finding import Finding
from operant.diagnosis.reading import of_agent, of_run
from operant.envs.wrappers.registry import Written
from operant.studio.findings import page, section


@dataclass(frozen=True)
class Diagnosis:
    """What the checks found, sorted; iterating gives the findings."""

    algorithm: str
    environment: str
    step: int
    total: int | None
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...] = ()  # what was not looked at, and why
    probed: bool = True  # whether the environment and the networks were looked at, too
    times: Mapping[str, float] = field(default_factory=dict)  # seconds of training

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    @property
    def title(self) -> str:
        """What was looked at, and how much looks wrong."""
        count = len(self.findings)
        found = (
            "nothing looks wrong"
            if count == 0
            else f"{count} thing{'s look' if count > 1 else ' looks'} wrong"
        )
        return f"{self.algorithm} on {self.environment}, {self.step:,} steps: {found}"

    @property
    def notes(self) -> tuple[str, ...]:
        """What else is to be said: that the run was stopped, and what was not looked at."""
        notes = [f"not looked at: {text}" for text in self.left_out]
        if self.times:
            notes.append(
                "seconds of training: " + ", ".join(f"{name} {s:.0f}" for name, s in self.times.items())
            )
        if self.total is not None and self.step < self.total:
            notes.insert(0, f"the run is at step {self.step:,} of {self.total:,}: `operant resume` goes on")
        if not self.probed:
            notes.append(
                "by the metrics alone: `operant diagnose RUN` looks at the environment and the networks, too"
            )
        return tuple(notes)

    def __str__(self) -> str:
        lines = [self.title]
        for number, found in enumerate(self.findings, 1):
            lines += [f"{number}. [{found.weight:.2f}] {found.check}: {found.wrong}"]
            lines += [f"   evidence: {written(found.evidence)}"] if found.evidence else []
            lines += [f"   try: {remedy}" for remedy in found.remedies]
            lines += [f"   source: {found.source}"] if found.source else []
        return "\n".join([*lines, *self.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return section(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """As plain values, with the pictures' data: what `diagnosis.json` of a run holds."""
        return {
            "algorithm": self.algorithm,
            "environment": self.environment,
            "step": self.step,
            "total": self.total,
            "findings": [found.to_json() for found in self.findings],
            "notes": list(self.notes),
        }

    def save_json(self, path: str | Path) -> Path:
        """Write `to_json()` to a file."""
        Path(path).write_text(json.dumps(self.to_json(), indent=2) + "\n", encoding="utf-8")
        return Path(path)

    def save_html(self, path: str | Path) -> Path:
        """Write a page of its own, pictures inside."""
        Path(path).write_text(page(html.escape(self.title), self.to_json()), encoding="utf-8")
        return Path(path)


def written(evidence: Mapping[str, float | str]) -> str:
    """Evidence in a line."""
    return ", ".join(
        f"{name} {value if isinstance(value, str) else format(value, '.4g')}"
        for name, value in evidence.items()
    )


def diagnosed(evidence: Evidence, probed: bool = True) -> Diagnosis:
    """What all checks find in this evidence."""
    setup = evidence.setup
    return Diagnosis(
        *(setup.algorithm, setup.environment, setup.step, setup.total),
        look(evidence),
        evidence.left_out,
        probed,
        evidence.times,
    )


def of_training(agent: Agent, scores: Sequence[float], random: float) -> Diagnosis:
    """What its metrics and its scores say of an agent, which takes no time: nothing is played."""
    evidence = replace(of_agent(agent, with_probe=False), scores=tuple(scores), random_score=random)
    return diagnosed(evidence, probed=False)


def diagnose(
    run: str | Path | Agent,
    *,
    env: Any = None,
    env_kwargs: Mapping[str, Any] | None = None,
    wrappers: Written | tuple[Written, ...] | None = None,
    network: Any = None,
    algorithm: Any = None,
    env_timeout: float | None = None,
    probe: bool = True,
) -> Diagnosis:
    """What looks wrong with a run, in plain words, with evidence and what to try; the weightiest first.

    It looks at the run's metrics and scores, and at what a probe finds: some hundred steps of the environment by the
    random policy and by the trained one, as the run recorded it, and the networks over what was seen there. Of several
    seeds, the one that was paid least in the end is probed. docs/diagnosis.md lists all checks.

    Args:
        run: The directory of a run, finished or not, or an agent.
        env: The environment, where the run was started with an object of yours, which no file holds; likewise
            `wrappers`, `network`, and `algorithm`, the class. Without it, what could not be looked at is in `left_out`.
        env_kwargs: Other keyword arguments for it.
        env_timeout: Seconds that a step or a reset may take.
        probe: Whether to play; without, the files alone are looked at.

    Raises FileNotFoundError where there is no run, and FileError where its config.json is damaged. Other files that are
    damaged are left out, and named.
    """
    if isinstance(run, Agent):
        return diagnosed(of_agent(run, probe), probe)
    values = {} if env_timeout is None else {"env_timeout": env_timeout}
    supplied = Supplied(env, network, wrappers, env_kwargs, algorithm, values)
    return diagnosed(of_run(run, supplied, probe), probe)
