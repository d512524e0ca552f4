"""What looks wrong with a run, by evidence, and what to try: checks over its metrics, its environment, its networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operant.lazy import exports

if TYPE_CHECKING:
    from operant.diagnosis.diagnosing import Diagnosis, diagnose
    from operant.diagnosis.evidence import Evidence
    from operant.diagnosis.finding import Finding

__all__ = ["Diagnosis", "Evidence", "Finding", "diagnose"]

__getattr__ = exports(
    __name__,
    {
        "Diagnosis": "operant.diagnosis.diagnosing",
        "Evidence": "operant.diagnosis.evidence",
        "Finding": "operant.diagnosis.finding",
        "diagnose": "operant.diagnosis.diagnosing",
    },
)
