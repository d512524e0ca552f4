"""From what a person writes to a `Request`, with what follows from it where nobody said so."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from operant import cluster
from operant.agent.inputs import seeds_of
from operant.envs.source import Source
from operant.sweeps import checks, samplers
from operant.sweeps.request import FIRST_TEST_SEED, Request, Scheduler, plain
from operant.sweeps.space import Space

TRIALS, MEMBERS = 64, 20  # where nobody says how many
BATCHES = 4  # in which a sampler that learns is asked for trials


def request_of(
    algorithm: str,
    named: Any,
    space: Space,
    shared: Mapping[str, Any],
    *,
    trials: int | None,
    seeds: int | Sequence[int],
    seed: int,
    sampler: Any,
    together: int | None,
    test_seeds: int | Sequence[int],
    scheduler: Scheduler,
    num_envs: Any,
    **others: Any,
) -> Request:
    """What is asked for, with what follows from it where nobody said so."""
    population = scheduler == "population"
    count = trials if trials is not None else MEMBERS if population else TRIALS
    few = space.size is not None and space.size <= count  # all of them are tried, in any order
    usual = "random" if population or few else samplers.usual()
    name = sampler if isinstance(sampler, str) else usual if sampler is None else type(sampler).__name__
    if space.size is not None and (few or (trials is None and name == "grid")) and name in samplers.OWN:
        count = space.size
    learns = name not in (*samplers.OWN, "qmc")
    if together is None or population:
        together = count if population or not learns else math.ceil(count / BATCHES)
    return Request(
        algorithm,
        named if isinstance(named, str) else None,
        space,
        {key: plain(key, value) for key, value in shared.items() if key != "num_envs"},
        trials=count,
        seeds=_seeds("seeds", seed, seeds),
        seed=seed,
        sampler=name,
        together=together,
        scheduler=scheduler,
        test_seeds=_seeds("test_seeds", FIRST_TEST_SEED, test_seeds) if test_seeds else (),
        num_envs=num_envs,
        **others,
    )


def prepared(request: Request, env: Any, sampler: Any = None) -> Source:
    """The environment, after all has been looked at that can be refused before training.

    Raises ValueError naming what is wrong.
    """
    if request.workers is not None:
        cluster.require(f"workers={request.workers}")
    source = request.source(env)
    checks.require_space(request, source)
    request.sampled(sampler)
    return source


def _seeds(name: str, first: int, seeds: int | Sequence[int]) -> tuple[int, ...]:
    """Those listed, or that many from the first upwards. Raises ValueError for what are no seeds."""
    found = seeds_of(first, seeds)
    if found is None or len(set(found)) < len(found):
        raise ValueError(f"{name}={seeds!r}: each must be there once.")
    return found
