"""What is expected and what comes: values that nothing could pay, that explain nothing, or are cut off."""

from __future__ import annotations

import numpy as np

from operant.diagnosis.evidence import Evidence, Played
from operant.diagnosis.finding import Finding
from operant.studio.chart import dots, lines

EXPLAINED = "train/explained_variance"
AT_EDGE = ("train/target_at_v_max", "train/target_at_v_min")
BEYOND = 1.2  # times what could be paid at most
WARM_UP = 0.3  # part of training, after which a value function should explain something
EDGE = 0.05  # share of targets at an end of the support
OVER = 0.5  # part of the range of returns, by which a value may be too high
PAIRS = 100  # steps of episodes that ended, below which nothing is said of a correlation
HASSELT = "van Hasselt et al. 2016, arXiv:1509.06461"


def values_out_of_range(e: Evidence) -> Finding | None:
    """A value is beyond r_max / (1 − γ), which nothing could pay."""
    gamma, played = e.setup.number("gamma"), e.policy
    if gamma is None or played is None or played.value is None or not e.setup.by_gradient:
        return None
    rewards = np.concatenate([each.reward.ravel() for each in e.plays])
    horizon = 1 / (1 - gamma) if gamma < 1 else e.setup.max_episode_steps
    if horizon is None:
        return None
    if e.setup.max_episode_steps is None or gamma < 1:
        most, least = max(rewards.max() * horizon, 0.0), min(rewards.min() * horizon, 0.0)
    else:
        most, least = rewards.max() * horizon, rewards.min() * horizon
    bonus = _entropy_bonus(e) * horizon
    width = max(most - least, 1e-6)
    high, low = float(np.max(played.value)), float(np.min(played.value))
    over = max(high - (most + bonus), (least - bonus) - low) / width
    if over <= BEYOND - 1:
        return None
    flat = played.value.ravel()
    return Finding(
        "values-out-of-range",
        "value",
        min(0.9, 0.7 + 0.1 * np.log10(1 + over)),
        f"Values reach from {low:.3g} to {high:.3g}, and with gamma={gamma:g} nothing could pay less than "
        f"{least:.3g} or more than "
        f"{most:.3g}: they feed on themselves.",
        (
            "--learning-rate, a tenth of it",
            "--target-update-interval 1000 --tau 1, or --tau 0.005",
            "--double",
            "--max-grad-norm 10",
        ),
        {"largest value": high, "least value": low, "r_max/(1−γ)": float(most), "r_min/(1−γ)": float(least)},
        dots(
            "step of the probe",
            "value",
            {"most": float(most), "least": float(least)},
            value=(np.arange(len(flat)), flat),
        ),
        "van Hasselt et al. 2018, Deep reinforcement learning and the deadly triad, arXiv:1812.02648",
    )


def _entropy_bonus(e: Evidence) -> float:
    """The most that a step is paid for the policy's entropy, where values contain it."""
    alpha = None if e.course is None else e.course.typical("train/ent_coef", since=0.9)
    if alpha is None or e.setup.is_set("munchausen"):
        return 0.0 if alpha is None else abs(alpha)
    most = e.setup.most_entropy
    count = 1 if e.setup.bounds is None else len(e.setup.bounds[0])
    return abs(alpha) * (most if most is not None else 3.0 * count)


def values_too_high(e: Evidence) -> Finding | None:
    """The first state of an episode is expected to pay much more than it does."""
    gamma, played = e.setup.number("gamma"), e.policy
    if (
        gamma is None
        or gamma >= 1
        or played is None
        or played.value is None
        or e.solved
        or not e.setup.by_gradient
    ):
        return None
    found = _first_states(played, gamma)
    if len(found) < 4:
        return None
    expected, came, rest = np.array(found).T
    # What would follow a truncated episode is at most the largest reward for ever.
    most = max(float(played.reward.max()), 0.0) / (1 - gamma)
    upper = came + rest * most + _entropy_bonus(e) / (1 - gamma)
    rewards = np.concatenate([each.reward.ravel() for each in e.plays])
    width = (rewards.max() - min(rewards.min(), 0.0)) / (1 - gamma)
    over = float(np.mean(expected - upper))
    if over <= OVER * width or over <= 2 * float(np.std(expected - upper)) / np.sqrt(len(expected)):
        return None
    return Finding(
        "values-too-high",
        "value",
        0.65,
        f"At the start of an episode {expected.mean():.3g} is expected, and {came.mean():.3g} comes "
        f"(discounted by gamma={gamma:g}): "
        "the maximum over uncertain values is taken for the truth.",
        ("--double", "--n-critics 2", "--learning-rate, a third of it", "--target-update-interval, larger"),
        {"expected": float(expected.mean()), "came": float(came.mean())},
        dots("what came", "what was expected", None, first_states=(came, expected)),
        HASSELT,
    )


def _first_states(played: Played, gamma: float) -> list[tuple[float, float, float]]:
    """`(value, discounted return, γ^length where truncated, else 0)` of the first state of each episode "
    "that ended."""
    assert played.value is not None
    found = []
    for episode in played.episodes:
        came = played.discounted(episode, gamma)[0]
        rest = 0.0 if episode.terminated else gamma**episode.length
        found.append((float(played.value[episode.start, episode.number]), float(came), float(rest)))
    return found


def value_explains_nothing(e: Evidence) -> Finding | None:
    """The value function explains none of the variance of returns, long after it began to learn."""
    if e.course is None or e.better_than_random is not False:
        return None
    explained = e.course.typical(EXPLAINED, since=WARM_UP)
    if explained is None or explained > 0.0:
        return None
    known = e.course.series(EXPLAINED)
    assert known is not None
    return Finding(
        "value-explains-nothing",
        "value",
        0.5,
        f"The value function explains {explained:.2g} of the variance of returns: advantages are as noisy as "
        "returns, or "
        "noisier.",
        (
            "--vf-coef 1",
            "--normalize-rewards",
            "--network.share-features-extractor false",
            "--gae-lambda 0.98",
        ),
        {"explained variance": explained},
        lines("environment steps", "explained variance", {"nothing": 0.0}, value=known),
        "Andrychowicz et al. 2021, arXiv:2006.05990, section 3.3",
    )


def value_uncorrelated(e: Evidence) -> Finding | None:
    """Within episodes that ended by themselves, states of higher value are not followed by higher returns."""
    gamma, played = e.setup.number("gamma"), e.policy
    if gamma is None or played is None or played.value is None or e.better_than_random is not False:
        return None
    pairs = [
        (played.value[x.start : x.end, x.number], played.discounted(x, gamma))
        for x in played.episodes
        if x.terminated
    ]
    if sum(len(value) for value, _ in pairs) < PAIRS:
        return None
    value, came = (np.concatenate(each) for each in zip(*pairs, strict=True))
    if value.std() < 1e-9 or came.std() < 1e-9:
        return None
    correlation = float(np.corrcoef(value, came)[0, 1])
    if correlation > 0:
        return None
    return Finding(
        "value-uncorrelated",
        "value",
        0.5,
        f"Values and the returns that came have a correlation of {correlation:.2f}: what is learnt is not the "
        "return.",
        ("--learning-rate, a third of it", "--gae-lambda 1", "--total-timesteps, more"),
        {"correlation": correlation, "steps": float(len(value))},
        dots("discounted return that came", "value", None, steps=(came, value)),
        "Sutton & Barto 2018, section 9.2",
    )


def support_too_small(e: Evidence) -> Finding | None:
    """Targets lie at an end of the range of returns that a categorical distribution can hold."""
    if e.course is None:
        return None
    found = {name: value for name in AT_EDGE if (value := e.course.typical(name, since=0.5)) is not None}
    if not found or max(found.values()) <= EDGE or e.solved:
        return None
    name = max(found, key=lambda each: found[each])
    which = name.rpartition("target_at_")[2]
    bound = e.setup.number(which)
    known = e.course.series(name)
    assert known is not None
    return Finding(
        "support-too-small",
        "value",
        0.75,
        f"{found[name]:.0%} of targets are at {which}={'?' if bound is None else f'{bound:g}'}: returns "
        "beyond it are taken for "
        "it, and better ones cannot be told apart.",
        (
            f"--{which.replace('_', '-')} {'100' if bound is None else f'{10 * bound:g}'}",
            "--normalize-rewards",
        ),
        {each.rpartition("/")[2]: value for each, value in found.items()},
        lines("environment steps", f"share of targets at {which}", {"threshold": EDGE}, share=known),
        "Bellemare et al. 2017, arXiv:1707.06887",
    )


CHECKS = (values_out_of_range, support_too_small, values_too_high, value_explains_nothing, value_uncorrelated)
