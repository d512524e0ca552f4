"""What a worker in another process is told: the algorithm and the environment, as JSON, and objects of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operant.algorithms import registry
from operant.algorithms.base import Algorithm
from operant.envs import sent
from operant.envs.source import Source

ALGORITHM = "algorithm"


def written(algorithm: Algorithm, source: Source) -> sent.Written:
    """Values and objects of which `read` makes the same again."""
    told = sent.Written()
    sent.write(source, told)
    told.put(ALGORITHM, algorithm, lambda x: {"name": registry.name_of(x), **registry.to_json(x)}, _algorithm)
    return told


def read(values: Mapping[str, Any], objects: Mapping[str, Any]) -> tuple[Algorithm, Source]:
    """The inverse of `written`."""
    kept, others = dict(values), dict(objects)
    algorithm = others.pop(ALGORITHM) if ALGORITHM in others else _algorithm(kept.pop(ALGORITHM))
    return algorithm, sent.read(kept, others)


def _algorithm(kept: Mapping[str, Any]) -> Algorithm:
    values = dict(kept)
    return registry.restore(registry.algorithm(values.pop("name")), values)
