"""What the policy does: whether it still explores, whether it ever stops, and what its units and actions are at."""

from __future__ import annotations

import numpy as np

from operant.diagnosis.evidence import Evidence
from operant.diagnosis.finding import Finding
from operant.studio.chart import Chart, bars, lines

ENTROPY, EPSILON, ALPHA, STD = "train/entropy_loss", "rollout/exploration_rate", "train/ent_coef", "train/std"
HIGH, LOW = 0.97, 0.02  # of the largest possible entropy
WIDER = 2.0  # times the first deviation of actions, that it is at the end
FEW = 0.01  # ε that explores
OUTWEIGHS = 1.0  # α over the deviation of a reward
SATURATED = 0.95  # share of actions at a bound
DORMANT = 0.85  # share of dormant units in a layer
COLLAPSED = 0.25  # of the rank that the network had before learning
DETERMINISTIC = ("td3", "ddpg")
HAARNOJA = "Haarnoja et al. 2018, arXiv:1812.05905, section 5"


def entropy_stays_high(e: Evidence) -> Finding | None:
    """The policy is as random at the end as at the start, and is paid for it."""
    if e.course is None or e.trains_better:
        return None
    coefficient = e.setup.hyperparameters.get("ent_coef")
    if not e.setup.is_set("ent_coef") or ALPHA in e.course.columns:
        return None
    most, entropy = e.setup.most_entropy, e.course.typical(ENTROPY, since=0.9)
    if most is not None and entropy is not None:
        share = -entropy / most
        if share < HIGH:
            return None
        said = f"{-entropy:.3g} of at most {most:.3g} nats"
        chart = _entropy(e, most)
    else:
        first, last = e.course.typical(STD, until=0.1), e.course.typical(STD, since=0.9)
        if first is None or last is None or last < WIDER * first:
            return None
        said = f"a deviation of {last:.3g}, which was {first:.3g} at the start"
        chart = _lines(e, STD, "deviation of actions")
    number = e.setup.number("ent_coef")
    return Finding(
        "entropy-stays-high",
        "policy",
        0.8,
        f"The policy is still random at the end of training ({said}): the bonus for its entropy, "
        f"ent_coef={coefficient}, "
        "outweighs what it is paid.",
        (f"--ent-coef {0.01 if number is None else min(0.01, number / 100):g}", "--ent-coef 0"),
        {"entropy": -(entropy or 0.0)}
        | ({} if most is None else {"most": most})
        | {"ent_coef": str(coefficient)},
        chart,
        "Ahmed et al. 2019, Understanding the impact of entropy on policy optimization, arXiv:1811.11214",
    )


def entropy_collapsed(e: Evidence) -> Finding | None:
    """The policy became deterministic, and is paid no more than chance."""
    if e.course is None or e.better_than_random is not False:
        return None
    most, entropy = e.setup.most_entropy, e.course.typical(ENTROPY, since=0.5)
    if most is None or entropy is None or -entropy / most > LOW:
        return None
    return Finding(
        "entropy-collapsed",
        "policy",
        0.7,
        f"The policy became deterministic ({-entropy:.2g} of {most:.3g} nats) before it had found anything "
        "better than chance: "
        "it explores no more.",
        ("--ent-coef 0.01", "--learning-rate, a third of it", "--num-envs 16"),
        {"entropy": -entropy, "most": most},
        _entropy(e, most),
        "Mnih et al. 2016, arXiv:1602.01783, section 4; Ahmed et al. 2019, arXiv:1811.11214",
    )


def temperature_outweighs(e: Evidence) -> Finding | None:
    """SAC's temperature is larger than the differences between rewards."""
    if e.course is None or e.random is None or e.better_than_random:
        return None
    alpha, reward = e.course.typical(ALPHA, since=0.5), float(np.std(e.random.reward))
    if alpha is None or alpha <= OUTWEIGHS * reward:
        return None
    return Finding(
        "temperature-outweighs",
        "policy",
        0.8,
        f"The temperature α is {alpha:.3g}, and rewards differ by {reward:.3g}: the policy is paid more for "
        "being random than "
        "for what it does.",
        (
            "--ent-coef auto, which learns it",
            f"--ent-coef {max(reward, 1e-3) / 20:.1g}",
            "--normalize-rewards",
        ),
        {"temperature": alpha, "deviation of rewards": reward},
        _lines(e, ALPHA, "temperature α"),
        HAARNOJA,
    )


def no_exploration(e: Evidence) -> Finding | None:
    """Nothing but the best known action is ever tried."""
    setup = e.setup
    if (
        setup.is_set("noisy")
        or setup.is_set("temperature")
        or setup.is_set("exploration_bonus")
        or setup.curious
    ):
        return None
    if (setup.number("initial_value") or 0.0) > 0:  # optimism explores
        return None
    epsilon = None if e.course is None else e.course.get(EPSILON)
    if epsilon is not None and np.nanmax(epsilon) < FEW:
        said, chart = f"ε was {np.nanmax(epsilon):.2g} throughout", _lines(e, EPSILON, "ε")
        remedies = (
            "--exploration-initial-eps 1 --exploration-final-eps 0.05",
            "--exploration-fraction 0.2",
            "--epsilon linear:1:0.05:0.5",
            "--noisy",
        )
    elif setup.algorithm in DETERMINISTIC and setup.hyperparameters.get("action_noise") is None:
        if e.better_than_random:
            return None
        said, chart = "the policy is deterministic, and no noise is added to its actions", None
        remedies = ("--action-noise normal", "--learning-starts 1000")
    else:
        return None
    return Finding(
        "no-exploration",
        "policy",
        0.85,
        f"Nothing is explored: {said}. What seems best at first is repeated, and the rest is never tried.",
        remedies,
        {} if epsilon is None else {"largest ε": float(np.nanmax(epsilon))},
        chart,
        "Sutton & Barto 2018, sections 2.2 and 6.5",
    )


def actions_saturated(e: Evidence) -> Finding | None:
    """The policy acts at the bounds all the time, and is paid no more than chance."""
    bounds = e.setup.bounds
    if bounds is None or e.policy is None or e.better_than_random is not False:
        return None
    low, high = bounds
    actions = e.policy.action.reshape(-1, len(low))
    margin = 1e-3 * (high - low)
    share = ((actions <= low + margin) | (actions >= high - margin)).mean(0)
    if share.min() < SATURATED:
        return None
    return Finding(
        "actions-saturated",
        "policy",
        0.6,
        f"{share.min():.0%} of the policy's actions are at a bound, and it is paid no more than chance: there "
        "the gradient of "
        "a squashed action is 0, and it cannot come back.",
        (
            "--learning-rate, a third of it",
            "--normalize-observations",
            "--normalize-rewards",
            "--action-noise normal",
        ),
        {f"share at a bound, action {i}": float(each) for i, each in enumerate(share[:4])},
        bars("action", "share at a bound", tuple(map(str, range(min(len(share), 12)))), share=share[:12]),
        "Hausknecht & Stone 2016, arXiv:1511.04143, section 4",
    )


def dead_units(e: Evidence) -> Finding | None:
    """Most units of a layer are silent whatever is seen."""
    if e.networks is None or e.solved or not e.networks.layers:
        return None
    worst = max(e.networks.layers, key=lambda layer: layer.dormant)
    if worst.dormant < DORMANT:
        return None
    begun = worst.dormant_at_start >= DORMANT
    slower = "--learning-rate, a tenth of it"
    return Finding(
        "dead-units",
        "policy",
        min(0.95, 0.6 + 0.35 * worst.dormant),
        f"{worst.dormant:.0%} of the {worst.units} units of {worst.name} are dormant"
        + (", and were before learning" if begun else "")
        + ": whatever is seen, they put out next to nothing, and have no gradient by which they could come back.",
        (
            *(
                ("begin anew: look at how the network is initialised, its biases above all", slower)
                if begun
                else (slower,)
            ),
            "--network.layer-norm",
            "--network.activation tanh",
        ),
        {layer.name: layer.dormant for layer in e.networks.layers},
        bars(
            "layer",
            "share of dormant units",
            tuple(f"{layer.function[:6]} {layer.number}" for layer in e.networks.layers[:8]),
            {"threshold": DORMANT},
            dormant=[layer.dormant for layer in e.networks.layers[:8]],
        ),
        "Sokar et al. 2023, The dormant neuron phenomenon (ReDo), arXiv:2302.12902",
    )


def rank_collapsed(e: Evidence) -> Finding | None:
    """The last features tell observations apart along far fewer directions than before learning."""
    if e.networks is None or e.better_than_random is not False:
        return None
    known = [layer for layer in e.networks.layers if layer.rank is not None and layer.rank_at_start]
    if not known:
        return None
    worst = min(known, key=lambda layer: (layer.rank or 0) / (layer.rank_at_start or 1))
    rank, start = worst.rank or 0.0, worst.rank_at_start or 1.0
    if rank > COLLAPSED * start:
        return None
    return Finding(
        "rank-collapsed",
        "policy",
        0.55,
        f"The features of {worst.name} have an effective rank of {rank:.0f}, which was {start:.0f} before "
        "learning: the network "
        "has lost most of what it could tell apart.",
        (
            "--learning-rate, a third of it",
            "--network.layer-norm",
            "--n-step 3",
            "fewer updates for each step",
        ),
        {"rank": rank, "rank before learning": start, "units": float(worst.units)},
        bars("", "effective rank", ("before learning", "now"), rank=[start, rank]),
        "Kumar et al. 2021, Implicit under-parameterization, arXiv:2010.14498, section 3",
    )


def _entropy(e: Evidence, most: float) -> Chart | None:
    known = None if e.course is None else e.course.series(ENTROPY)
    if known is None:
        return None
    return lines("environment steps", "entropy in nats", {"most": most}, entropy=(known[0], -known[1]))


def _lines(e: Evidence, name: str, label: str) -> Chart | None:
    known = None if e.course is None else e.course.series(name)
    return None if known is None else lines("environment steps", label, value=known)


CHECKS = (
    no_exploration,
    entropy_stays_high,
    entropy_collapsed,
    temperature_outweighs,
    actions_saturated,
    dead_units,
    rank_collapsed,
)
