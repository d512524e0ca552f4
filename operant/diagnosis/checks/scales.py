"""What goes in and out: the scale of observations, inputs that never change, and actions that reach nothing."""

from __future__ import annotations

import numpy as np

from operant.diagnosis.evidence import Evidence
from operant.diagnosis.finding import Finding
from operant.studio.chart import bars

LARGE, SMALL = 50.0, 1e-3  # the root mean square of an element of the observation
ENOUGH = 200  # observations, below which an element may only not have changed yet
MANY = 1000  # elements, above which an observation is no list of quantities
COVERED = 0.1  # share of an action's range that the untrained policy must explore
REACH = 0.25  # of the half-width of a Box, up to which larger actions may do the same
SHOWN = 12  # elements in a picture


def observation_scale(e: Evidence) -> Finding | None:
    """An element of the observation is far larger or smaller than 1, and nothing normalises it."""
    plays = _seen(e)
    if not plays or not e.setup.by_gradient or e.setup.is_set("normalize_observations"):
        return None
    # Of the two policies the larger: a trained one may keep small what it has learnt to keep small.
    size = np.max([np.sqrt(np.mean(np.square(seen), 0)) for seen in plays], 0)
    seen = np.concatenate(plays)
    varying = np.ptp(seen, 0) > 0
    large = size > LARGE
    small = (size < SMALL) & varying
    if not (large.any() or small.any()):
        return None
    worst = int(np.argmax(size)) if large.any() else int(np.argmin(np.where(small, size, np.inf)))
    distance = abs(np.log10(size[worst] / (LARGE if large.any() else SMALL)))
    count = int((large | small).sum())
    others = f", and so {'is another one' if count == 2 else f'are {count - 1} others'}" if count > 1 else ""
    return Finding(
        "observation-scale",
        "environment",
        min(0.9, 0.6 + 0.1 * distance),
        f"Element {worst} of the observation is about {size[worst]:.3g}{others}: a network that begins with "
        "weights for "
        "inputs of about 1 is driven by the large ones and does not see the small ones.",
        ("--normalize-observations", "scale it in the environment, to about −1 to 1"),
        {
            "element": float(worst),
            "its root mean square": float(size[worst]),
            "median of all": float(np.median(size)),
        },
        _by_element("root mean square, as a power of 10", np.log10(np.maximum(size, 1e-8)), worst),
        "LeCun et al. 1998, Efficient BackProp, section 4.3; Andrychowicz et al. 2021, arXiv:2006.05990",
    )


def constant_observation(e: Evidence) -> Finding | None:
    """An element of the observation never changed."""
    plays = _seen(e)
    if not plays or sum(map(len, plays)) < ENOUGH:
        return None
    seen = np.concatenate(plays)
    spread = np.ptp(seen, 0)
    constant = np.flatnonzero(spread == 0)
    if len(constant) == 0:
        return None
    named = ", ".join(map(str, constant[:5])) + ("…" if len(constant) > 5 else "")
    element = (
        f"Element {named} of the observation was"
        if len(constant) == 1
        else f"Elements {named} of the observation were"
    )
    return Finding(
        "constant-observation",
        "environment",
        0.55,
        f"{element} always the same, in {len(seen):,} steps of the random and of the trained policy: a sensor "
        "that is not "
        "connected, or an input that only takes up weights.",
        (
            "look at what it is meant to be, and whether the environment ever sets it",
            "leave it out: --wrappers "
            f"select:{','.join(str(i) for i in range(min(len(spread), SHOWN)) if spread[i] > 0)}",
        ),
        {
            "constant elements": float(len(constant)),
            "of": float(len(spread)),
            "value": float(seen[0, constant[0]]),
        },
        _by_element("largest − least", spread, int(constant[0])),
    )


def actions_unreachable(e: Evidence) -> Finding | None:
    """Most of the range of an action does nothing, or is never explored."""
    bounds = e.setup.bounds
    if bounds is None:
        return None
    low, high = bounds
    source = "Kanervisto et al. 2020, Action space shaping in deep reinforcement learning, arXiv:2004.00980"
    if e.reach is not None and e.reach <= REACH:
        return Finding(
            "actions-unreachable",
            "environment",
            0.8,
            f"All actions beyond {e.reach:.0%} of the bounds ({low.min():g} to {high.max():g}) do the same: "
            "the environment "
            "clips them, and most of what a policy can choose between makes no difference.",
            (
                f"declare the bounds that the environment clips to, about {e.reach * low.min():.3g} to "
                f"{e.reach * high.max():.3g}",
                "with wrappers only: --wrappers rescale-action:-1:1 changes units, not what is clipped",
            ),
            {"part of the range that matters": e.reach, "low": float(low.min()), "high": float(high.max())},
            bars("", "part of the range", ("declared", "that matters"), part=[1.0, e.reach]),
            source,
        )
    coverage = None if e.networks is None else e.networks.first_coverage
    if coverage is None or coverage.min() >= COVERED:
        return None
    worst = int(np.argmin(coverage))
    return Finding(
        "actions-unreachable",
        "environment",
        0.8,
        f"The untrained policy explores {coverage[worst]:.1%} of the range of action {worst} ({low[worst]:g} to "
        f"{high[worst]:g}): the rest of it is out of reach, and may never be tried.",
        (
            "--scale-actions, which acts in units of the bounds",
            "--wrappers rescale-action:-1:1",
            f"--log-std-init {np.log(max((high[worst] - low[worst]) / 4, 1e-3)):.2g}",
        ),
        {"explored": float(coverage[worst]), "low": float(low[worst]), "high": float(high[worst])},
        bars(
            "action",
            "explored share",
            tuple(map(str, range(min(len(coverage), SHOWN)))),
            share=coverage[:SHOWN],
        ),
        source,
    )


def _seen(e: Evidence) -> list[np.ndarray]:
    """The vector observations `[M, D]` of each policy; none where observations are none, or too many numbers."""
    seen = [played.observation for played in e.plays if played.observation is not None]
    flat = [each.reshape(-1, each.shape[-1]) for each in seen if each.shape[-1] <= MANY]
    return [each[np.isfinite(each).all(1)] for each in flat if np.isfinite(each).all(1).any()]


def _by_element(what: str, values: np.ndarray, worst: int):
    """Bars of the first elements, and the one that is meant."""
    shown = list(range(min(len(values), SHOWN)))
    shown = shown if worst in shown else [*shown[:-1], worst]
    return bars("element", what, tuple(map(str, shown)), value=values[shown])


CHECKS = (observation_scale, constant_observation, actions_unreachable)
