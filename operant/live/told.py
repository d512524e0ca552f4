"""A diagnosis as the page is told it."""

from __future__ import annotations

import base64
from typing import Any

from operant.diagnosis.diagnosing import Diagnosis, written
from operant.diagnosis.finding import Finding
from operant.live.drawing import LOCK
from operant.studio import style


def told(diagnosis: Diagnosis) -> dict[str, Any]:
    """Its findings as JSON values, each with its small picture."""
    findings = [_finding(found) for found in diagnosis]
    return {"title": diagnosis.title, "notes": list(diagnosis.notes), "findings": findings}


def _finding(found: Finding) -> dict[str, Any]:
    picture = None
    if found.chart is not None:
        with LOCK:
            drawn = style.png(found.chart.draw())
        picture = "data:image/png;base64," + base64.b64encode(drawn).decode()
    return {
        "check": found.check,
        "weight": found.weight,
        "wrong": found.wrong,
        "evidence": written(found.evidence),
        "remedies": list(found.remedies),
        "source": found.source,
        "picture": picture,
    }
