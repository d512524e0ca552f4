"""What a check found: what looks wrong, by what evidence, and what to try."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from operant.studio.chart import Chart

Theme = Literal["environment", "optimisation", "policy", "value", "replay", "seeds"]


@dataclass(frozen=True)
class Finding:
    """One thing that looks wrong. `weight` is from 0 to 1: how much it hurts, and how sure it is, together."""

    check: str  # the check's name, as in docs/diagnosis.md
    theme: Theme
    weight: float
    wrong: str  # one sentence
    remedies: tuple[str, ...]  # what to try, the likeliest first, with values
    evidence: Mapping[str, float | str] = field(default_factory=dict)  # what was measured, by its name
    chart: Chart | None = None
    source: str = ""  # the paper that the check, or its threshold, comes from

    def to_json(self) -> dict[str, Any]:
        """As plain values, with the picture's data."""
        return {
            "check": self.check,
            "theme": self.theme,
            "weight": round(self.weight, 3),
            "wrong": self.wrong,
            "remedies": list(self.remedies),
            "evidence": dict(self.evidence),
            "chart": None if self.chart is None else self.chart.to_json(),
            "source": self.source,
        }


def by_weight(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """What is wrong with the environment first, since nothing learnt in it means what it seems to; then by weight."""
    return tuple(sorted(findings, key=lambda found: (found.theme != "environment", -found.weight)))
