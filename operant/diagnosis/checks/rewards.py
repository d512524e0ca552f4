"""What is paid, and when: rewards that nobody has seen, that are too large or too small, or too far away."""

from __future__ import annotations

import numpy as np

from operant.diagnosis.evidence import FLAT, Evidence, Played
from operant.diagnosis.finding import Finding
from operant.engine.log import RETURN
from operant.studio.chart import dots, lines

LARGE, SMALL = 30.0, 0.003  # the root mean square of rewards that are not 0
RARE = 0.05  # share of steps, below which what differs from the usual reward is an event
UNSEEN = 1e-3  # γ^d of an event d steps away, below which a network's values do not show it
ENOUGH = 200  # steps played, below which a reward may only have been missed


def no_reward_seen(e: Evidence) -> Finding | None:
    """Every episode, in training and in the probe, was paid the same: nothing tells good actions from bad ones."""
    curve = None if e.course is None else e.course.get(RETURN)
    if curve is not None and np.nanmax(curve) - np.nanmin(curve) > FLAT * (1 + np.nanmax(np.abs(curve))):
        return None
    played = sum(played.reward.size for played in e.plays)
    if curve is None and (e.setup.step > 0 or played < ENOUGH):
        return None
    if e.plays:
        rewards = np.concatenate([played.reward.ravel() for played in e.plays])
        ended = any(played.terminated.any() for played in e.plays)
        if np.ptp(rewards) > 0 or (rewards[0] != 0 and ended):
            return None
        amount = float(rewards[0])
    elif curve is not None and np.nanmax(np.abs(curve)) == 0:
        amount = 0.0
    else:
        return None
    steps = e.setup.step or played
    said = (
        "No reward but 0 was ever seen"
        if amount == 0
        else f"Every step was paid {amount:g}, and no episode reached an end"
    )
    return Finding(
        "no-reward-seen",
        "environment",
        0.9,
        f"{said} in {steps:,} steps: whatever the policy does, it is paid the same, so there is nothing to "
        "learn from.",
        (
            "explore for its own sake: --curiosity rnd (or counts, where states are few)",
            "pay for progress: operant.PotentialShaping, which keeps the best policy",
            "with goals, learn from those that were reached: --hindsight future",
            "for longer, with more random actions: --exploration-fraction 0.5, --ent-coef 0.01",
        ),
        {"reward of a step": amount, "steps": float(steps)},
        None
        if curve is None or e.course is None
        else lines("environment steps", "mean return", returns=(e.course.steps, np.nanmean(curve, 0))),
        "Bellemare et al. 2016, arXiv:1606.01868; Ng, Harada & Russell 1999 (shaping)",
    )


def reward_scale(e: Evidence) -> Finding | None:
    """Rewards that networks learn from are far from 1, and not normalised."""
    setup = e.setup
    if not setup.by_gradient or setup.is_set("normalize_rewards") or not e.plays:
        return None
    if setup.hyperparameters.get("distributional") == "categorical":  # whose range is what matters
        return None
    paid = np.concatenate([played.paid for played in e.plays])
    paid = paid[np.isfinite(paid)]
    if len(paid) == 0:
        return None
    size = float(np.sqrt(np.mean(np.square(paid))))
    if SMALL <= size <= LARGE:
        return None
    distance = abs(np.log10(size / (LARGE if size > LARGE else SMALL)))
    what = "large" if size > LARGE else "small"
    return Finding(
        "reward-scale",
        "environment",
        min(0.9, 0.6 + 0.1 * distance),
        f"Rewards are {what}, about {size:.3g}: networks and learning rates are made for values of about 1 to "
        "100, and a "
        f"reward that is not scaled makes errors and gradients as {what}.",
        (
            "--normalize-rewards",
            f"--wrappers scale-reward:{1 / size:.1g}",
        ),
        {"root mean square": size, "least": float(paid.min()), "largest": float(paid.max())},
        dots("reward that was paid", "size", {"1": 1.0}, reward=(np.arange(len(paid)), np.abs(paid))),
        "Henderson et al. 2018, section 4.2, arXiv:1709.06560; van Hasselt et al. 2016 (Pop-Art), arXiv:1602.07714",
    )


def horizon_too_short(e: Evidence) -> Finding | None:
    """What is paid lies so far ahead that γ makes nothing of it."""
    gamma = e.setup.number("gamma")
    if gamma is None or gamma >= 1 or not e.plays:
        return None
    found = [d for played in e.plays if (d := _delay(played)) is not None]
    if not found or gamma ** min(found) >= UNSEEN:
        return None
    delay = min(found)
    better = round(1 - 1 / max(delay, 2), 4)
    ahead = np.arange(int(2 * delay) + 1)
    return Finding(
        "horizon-too-short",
        "value",
        0.85,
        f"gamma={gamma:g} looks about {1 / (1 - gamma):.0f} steps ahead, and what is paid comes {delay:.0f} "
        "steps later: it "
        f"counts {gamma**delay:.1e} of itself, which no network learns to see.",
        (
            f"--gamma {better:g}",
            "pay earlier: operant.PotentialShaping",
            "repeat actions: --wrappers repeat:4",
        ),
        {"gamma": gamma, "steps to what is paid": delay, "what counts of it": gamma**delay},
        lines("steps ahead", "weight", with_gamma=(ahead, gamma**ahead), better=(ahead, better**ahead)),
        "Sutton & Barto 2018, section 3.3",
    )


def _delay(played: Played) -> float | None:
    """The median number of steps from an episode's start to its first event; None where there are none, or many.

    An event is a reward other than the usual one; where all are alike, the end of the task.
    """
    values, counts = np.unique(played.reward, return_counts=True)
    event = played.terminated if len(values) == 1 else played.reward != values[np.argmax(counts)]
    if not event.any() or event.mean() > RARE:
        return None
    delays = []
    for episode in played.episodes:
        inside = np.flatnonzero(event[episode.start : episode.end, episode.number])
        if len(inside):
            delays.append(int(inside[0]) + 1)
    return float(np.median(delays)) if delays else None


CHECKS = (no_reward_seen, reward_scale, horizon_too_short)
