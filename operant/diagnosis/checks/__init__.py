"""The checks: small pure functions of the evidence, grouped by theme. docs/diagnosis.md lists them all."""

from __future__ import annotations

import re
from dataclasses import replace

from operant.diagnosis.checks import environment, optimisation, policy, replay, rewards, scales, seeds, value
from operant.diagnosis.evidence import Evidence
from operant.diagnosis.finding import Finding, by_weight

CHECKS = (
    *environment.CHECKS,
    *rewards.CHECKS,
    *scales.CHECKS,
    *optimisation.CHECKS,
    *policy.CHECKS,
    *value.CHECKS,
    *replay.CHECKS,
    *seeds.CHECKS,
)
ANYWHERE = {
    "wrappers",
    "curiosity",
    "num_envs",
    "total_timesteps",
    "seeds",
    "evaluate_every",
}  # flags of all training


def look(evidence: Evidence) -> tuple[Finding, ...]:
    """What all checks find, the weightiest first; of what to try, that for which the algorithm has a flag."""
    known = ANYWHERE | set(evidence.setup.hyperparameters)
    found = [finding for check in CHECKS if (finding := check(evidence)) is not None]
    return by_weight(replace(each, remedies=_possible(each.remedies, known)) for each in found)


def _possible(remedies: tuple[str, ...], known: set[str]) -> tuple[str, ...]:
    """Those that are no flag, or one of these; all where there would be none."""

    def takes(remedy: str) -> bool:
        flag = re.match(r"--([a-z-]+)", remedy)
        return flag is None or flag[1].replace("-", "_") in known

    return tuple(filter(takes, remedies)) or remedies
