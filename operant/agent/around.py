"""What is put around an algorithm: a curiosity, and a penalty for the distance from a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from operant import curiosity
from operant.algorithms.base import Algorithm

if TYPE_CHECKING:
    from operant.algorithms.kl_penalty import KLPenalty


def put(algorithm: Algorithm, curious: Any = None, kl_penalty: Any = None) -> Algorithm:
    """The algorithm with these around it; itself with neither. Both as users write them: values, text, or dicts.

    Raises ValueError naming what is wrong.
    """
    algorithm = curiosity.make_curious(algorithm, curious)
    penalty = penalty_of(kl_penalty)
    if penalty is None:
        return algorithm
    from operant.algorithms.kl_penalty import KLRegularized

    return KLRegularized(algorithm, penalty)


def parts(algorithm: Algorithm) -> tuple[Algorithm, Any, KLPenalty | None]:
    """The inverse of `put`."""
    penalty = None
    if hasattr(algorithm, "penalty"):  # most have none
        from operant.algorithms.kl_penalty import KLRegularized

        if isinstance(algorithm, KLRegularized):
            algorithm, penalty = algorithm.algorithm, algorithm.penalty
    return *curiosity.parts(algorithm), penalty


def penalty_of(value: Any) -> KLPenalty | None:
    """A penalty from what users write: a value, its coefficient, text, or a dict of its values; None for none."""
    if value is None:
        return None
    from operant.algorithms import registry
    from operant.algorithms.kl_penalty import KLPenalty

    if isinstance(value, KLPenalty):
        return value
    if isinstance(value, str):
        return KLPenalty.parse(value)
    if isinstance(value, dict):
        return registry.build(KLPenalty, value)
    return registry.build(KLPenalty, {"coefficient": value})


def to_json(penalty: KLPenalty | None) -> dict[str, Any] | None:
    """A value that `json.dumps` takes and `penalty_of` reads back."""
    if penalty is None:
        return None
    from operant.algorithms import registry

    return registry.to_json(penalty)
