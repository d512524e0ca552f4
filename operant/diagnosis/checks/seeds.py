"""Over time and over seeds: what was known and is forgotten, learners that part, and no progress at all."""

from __future__ import annotations

import numpy as np

from operant.diagnosis.evidence import LAST, Evidence
from operant.diagnosis.finding import Finding
from operant.engine.log import RETURN
from operant.studio.chart import bars, dots, lines
from operant.studio.curves import smoothed

ROWS = 10  # of metrics, below which nothing is said of a course
DROP = 0.4  # part of what was gained, that is lost in the end
SMOOTH = 20  # parts of the rows, over one of which they are averaged
GAP = 0.5  # part of the range of final returns, that lies between two groups
FEWEST = 4  # seeds
GREEDY = 0.5  # part of the gain over chance, by which the best known action may be worse than the policy that trains


def forgetting(e: Evidence) -> Finding | None:
    """The return was much better once, and stayed lower."""
    curve = None if e.course is None else e.course.get(RETURN)
    if curve is None or e.course is None or e.solved:
        return None
    known = np.isfinite(curve).any(0)
    steps, mean = e.course.steps[known], np.nanmean(curve[:, known], 0)
    if len(mean) < ROWS:
        return None
    smooth = smoothed(mean, max(1, len(mean) // SMOOTH))
    start = e.chance[0] if e.chance is not None else float(smooth[0])
    tail = max(1, round(LAST * len(smooth)))
    peak, place = float(smooth.max()), int(np.argmax(smooth))
    last = float(smooth[-tail:].max())
    deviation = 0.0 if e.chance is None else e.chance[1]
    gained = peak - max(start, float(smooth[0]))
    if gained <= deviation or peak - last <= DROP * gained or place >= len(smooth) - tail:
        return None
    return Finding(
        "forgetting",
        "seeds",
        0.75,
        f"It was better: at step {steps[place]:,.0f} the return was {peak:.4g}, and in the end it is "
        f"{last:.4g}. What was learnt "
        "was lost again.",
        (
            "--evaluate-every, which keeps the best model: `operant evaluate RUN --best`",
            "--learning-rate linear:1e-3:0, a rate that falls to 0",
            "--target-kl 0.02",
            "--buffer-size, larger",
        ),
        {"best": peak, "at step": float(steps[place]), "in the end": last, "at the start": start},
        lines("environment steps", "mean return", {"in the end": last}, returns=(steps, smooth)),
        "Kirkpatrick et al. 2017, arXiv:1612.00796; Dohare et al. 2024, doi:10.1038/s41586-024-07711-7",
    )


def seeds_split(e: Evidence) -> Finding | None:
    """The learners fall into two groups: some found what others did not."""
    scores = np.asarray(e.scores) if len(e.scores) >= FEWEST else e.final
    if scores is None or len(scores) < FEWEST or not np.isfinite(scores).all():
        return None
    ordered = np.sort(scores)
    gaps = np.diff(ordered)
    place = int(np.argmax(gaps))
    width = float(ordered[-1] - ordered[0])
    low, high = ordered[: place + 1], ordered[place + 1 :]
    fewest = max(1, round(0.15 * len(scores)))
    if width <= 0 or gaps[place] <= GAP * width or min(len(low), len(high)) < fewest:
        return None
    deviation = 0.0 if e.chance is None else e.chance[1]
    spread = np.sqrt((np.sum((low - low.mean()) ** 2) + np.sum((high - high.mean()) ** 2)) / len(scores))
    size = 0.25 * (
        float(np.abs(scores).max()) if e.chance is None else max(abs(high.mean() - e.chance[0]), 1e-9)
    )
    between = float(high.mean() - low.mean())
    if between <= max(4 * spread, deviation, size):
        return None
    return Finding(
        "seeds-split",
        "seeds",
        0.75,
        f"The seeds fall into two groups: {len(high)} reach about {high.mean():.4g}, and {len(low)} stay at "
        f"about {low.mean():.4g}. "
        "Their mean is what none of them does.",
        (
            "explore more, or longer: the groups differ by what they happened to find",
            "--learning-rate, a third of it; --num-envs 16",
            "report every seed and the interquartile mean, with 10 seeds or more: --seeds 10",
        ),
        {"higher": float(high.mean()), "lower": float(low.mean()), "seeds that reach it": float(len(high))},
        dots("seed", "return", None, seeds=(np.arange(len(scores)), scores)),
        "Agarwal et al. 2021, arXiv:2108.13264; Patterson et al. 2024, arXiv:2304.01315",
    )


def greedy_is_worse(e: Evidence) -> Finding | None:
    """The best known action does much worse than the policy that trains, which explores."""
    returns = None if e.policy is None else e.policy.first_returns
    if returns is None or e.final is None or e.chance is None or e.setup.seeds > 1:
        return None
    trained, greedy, (chance, deviation) = float(e.final[0]), float(returns.mean()), e.chance
    error = float(returns.std()) / np.sqrt(len(returns))
    if trained - greedy <= max(GREEDY * (trained - chance), deviation, 4 * error):
        return None
    return Finding(
        "greedy-is-worse",
        "seeds",
        0.55,
        f"While it trains and explores it is paid {trained:.4g}, and with the best known actions "
        f"{greedy:.4g}: what is likeliest is "
        "not what is good, or the policy circles where chance would free it.",
        (
            "operant evaluate RUN --stochastic",
            "--total-timesteps, more: a policy narrows as it learns",
            "--ent-coef, smaller",
        ),
        {"in training": trained, "best known actions": greedy, "chance": chance},
        bars("", "return", ("in training", "greedy", "chance"), returns=[trained, greedy, chance]),
        "Singh, Jaakkola & Jordan 1994: a memoryless policy may have to be stochastic",
    )


def no_better_than_random(e: Evidence) -> Finding | None:
    """What was learnt is paid no more than chance."""
    if e.better_than_random is not False or e.achieved is None or e.chance is None or e.setup.step == 0:
        return None
    curve = None if e.course is None else e.course.series(RETURN)
    chance = e.chance[0]
    return Finding(
        "no-better-than-random",
        "seeds",
        0.3,
        f"After {e.setup.step:,} steps the policy is paid {e.achieved:.4g}, and the random one {chance:.4g}.",
        (
            "--total-timesteps, ten times as many",
            "a preset, if there is one: `operant train ALGORITHM ENVIRONMENT` takes it",
            "--learning-rate, three times and a third of it",
        ),
        {"policy": e.achieved, "chance": chance},
        None
        if curve is None
        else lines("environment steps", "mean return", {"chance": chance}, returns=curve),
    )


CHECKS = (forgetting, seeds_split, greedy_is_worse, no_better_than_random)
