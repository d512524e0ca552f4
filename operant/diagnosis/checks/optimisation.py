"""How parameters follow their gradient: too far, hardly at all, from too little, or into what is not a number."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from operant.diagnosis.evidence import Course, Evidence
from operant.diagnosis.finding import Finding
from operant.engine.log import RETURN, UPDATES
from operant.studio.chart import Chart, lines

KL, CLIP = "train/approx_kl", "train/clip_fraction"
RATE = "train/learning_rate"
USUAL_KL = 0.1  # of an update, where no target_kl is given; three times target_kl where one is
LARGEST_KL = 0.5  # of any row
USUAL_CLIPPED = 0.3  # share of samples whose probability ratio leaves the range
USUAL_STEP = 0.02  # length of an optimiser's step, as a part of the parameters'
USUAL_GROWTH = 10.0  # of the parameters' length over training
SMALL_STEP, SMALL_KL = 1e-7, 1e-5
FEWEST = 8  # samples in a minibatch
NOTHING = 1e-9  # a learning rate


def diverged(e: Evidence) -> Finding | None:
    """A loss became NaN or infinite, or what had been learnt did, for some learner."""
    lost = None if e.course is None else _lost(e.course)
    if lost is None or e.course is None:
        if not e.setup.lost:
            return None
        where, seeds, chart = "", 1, None
    else:
        name, step, seeds = lost
        where, chart = f" ({name} at step {step:,.0f})", _course(e.course, name)
    who = "Learning" if e.setup.seeds == 1 else f"Learning of {seeds} of {e.setup.seeds} seeds"
    rate = e.setup.number("learning_rate")
    return Finding(
        "diverged",
        "optimisation",
        1.0,
        f"{who} diverged: what had been learnt was NaN or infinite from one moment on{where}.",
        (
            "--learning-rate " + ("1e-4" if rate is None else f"{rate / 10:g}"),
            "--normalize-observations, --normalize-rewards, if either is large or may suddenly be",
            "--max-grad-norm 0.5",
            "operant check ENVIRONMENT: whether it ever gives NaN or infinity",
        ),
        {"learners": float(seeds)} | ({} if lost is None else {"step": float(lost[1])}),
        chart,
    )


def _lost(course: Course) -> tuple[str, float, int] | None:
    """`(loss, step, number of learners)` where a loss that every row had is not finite any more; the earliest."""
    found: dict[int, tuple[str, float]] = {}
    for name, column in course.columns.items():
        if "loss" not in name:
            continue
        for seed, values in enumerate(column):
            known = np.flatnonzero(np.isfinite(values))
            without_gaps = len(known) > 0 and known[-1] - known[0] + 1 == len(known)
            if without_gaps and known[-1] + 1 < len(values):
                step = float(course.steps[known[-1] + 1])
                if seed not in found or step < found[seed][1]:
                    found[seed] = name, step
    if not found:
        return None
    name, step = min(found.values(), key=lambda each: each[1])
    return name, step, len(found)


def updates_too_large(e: Evidence) -> Finding | None:
    """The policy changes too much with a rollout, or the parameters with a step of the optimiser, or altogether."""
    if e.solved:
        return None
    measured = _sizes(e)
    if not measured:
        return None
    worst = max(measured, key=lambda each: each.excess)
    if worst.excess <= 1:
        return None
    rate = None if e.course is None else e.course.typical(RATE, until=0.1)
    smaller = "a tenth of it" if rate is None else f"{rate / (10 if worst.excess > 3 else 3):.1g}"
    return Finding(
        "updates-too-large",
        "optimisation",
        min(0.95, 0.75 + 0.05 * float(np.log2(worst.excess))),
        f"Updates change too much: {worst.what} is {worst.value:.3g}, where at most {worst.usual:g} is usual. What "
        "was learnt before is overwritten.",
        (f"--learning-rate {smaller}", "--n-epochs 4", "--target-kl 0.02", "--max-grad-norm 0.5"),
        {each.what: each.value for each in measured} | ({} if rate is None else {"learning rate": rate}),
        None if e.course is None else _course(e.course, worst.metric, {"usual": worst.usual}),
        "Schulman et al. 2017, arXiv:1707.06347; Andrychowicz et al. 2021, arXiv:2006.05990",
    )


class Size(NamedTuple):
    """How large updates were, by one measure, and what is usual."""

    what: str
    value: float
    usual: float
    metric: str = ""

    @property
    def excess(self) -> float:
        return self.value / self.usual


def _sizes(e: Evidence) -> list[Size]:
    course, networks, found = e.course, e.networks, []
    if course is not None:
        target, kl, clipped = e.setup.number("target_kl"), course.typical(KL), course.typical(CLIP)
        if kl is not None:
            most = USUAL_KL if target is None else 3 * target
            found += [Size("the typical KL divergence of an update", kl, most, KL)]
            known = course.series(KL)
            assert known is not None
            found += [Size("the largest KL divergence of an update", float(known[1].max()), LARGEST_KL, KL)]
        if clipped is not None and "clip_range" in e.setup.hyperparameters:  # of PPO; V-trace's is another
            found += [Size("the typical share of clipped samples", clipped, USUAL_CLIPPED, CLIP)]
    if networks is not None and networks.relative_step is not None:
        found += [Size("a step of the optimiser over the parameters", networks.relative_step, USUAL_STEP)]
    if networks is not None and networks.growth is not None:
        found += [Size("the length of the parameters over that at the start", networks.growth, USUAL_GROWTH)]
    return found


def updates_too_small(e: Evidence) -> Finding | None:
    """The parameters have hardly moved, although the optimiser was at work."""
    if e.better_than_random is not False or e.course is None or not e.setup.by_gradient:
        return None
    rate = e.course.typical(RATE, until=0.5)
    kl = e.course.series(KL)
    step = None if e.networks is None else e.networks.relative_step
    ended = (e.course.typical(RATE, since=0.95) or 0.0) <= NOTHING  # a schedule has come to its end
    if kl is not None and kl[1].max() < SMALL_KL:
        what, value, least = "the largest KL divergence of an update", float(kl[1].max()), SMALL_KL
    elif kl is None and step is not None and step < SMALL_STEP and not ended:
        what, value, least = "a step of the optimiser over the parameters", step, SMALL_STEP
    else:
        return None
    return Finding(
        "updates-too-small",
        "optimisation",
        0.7,
        f"Learning hardly changes anything: {what} is {value:.2g}, and the policy is no better than chance.",
        (
            "--learning-rate " + ("1e-3" if not rate else f"{rate * 10:.1g}"),
            "--total-timesteps, ten times as many",
        ),
        {what: value, "least that is usual": least} | ({} if rate is None else {"learning rate": rate}),
        _course(e.course, KL) if kl is not None else None,
        "Andrychowicz et al. 2021, arXiv:2006.05990, section 3.6",
    )


def tiny_batch(e: Evidence) -> Finding | None:
    """A gradient is made of a handful of samples."""
    setup = e.setup
    if not setup.by_gradient:
        return None
    size, name = setup.number("batch_size"), "batch_size"
    if size is None and setup.number("n_steps") is not None:
        size, name = (setup.number("n_steps") or 1) * setup.num_envs, "n_steps × num_envs"
    memory = setup.hyperparameters.get("network")
    recurrent = isinstance(memory, dict) and memory.get("memory") not in (None, "none")
    if size is None or size >= FEWEST or recurrent:  # of sequences, each holds many steps
        return None
    remedy = "--batch-size 64" if name == "batch_size" else "--num-envs 8"
    return Finding(
        "tiny-batch",
        "optimisation",
        0.8,
        f"Each gradient is made of {size:.0f} sample{'s' * (size != 1)} ({name}): it is mostly noise, which "
        "Adam turns into "
        "steps of full length.",
        (remedy, "--learning-rate, smaller by the root of the same factor, if it must stay so"),
        {name: size, "fewest that are usual": float(FEWEST)},
        None if e.course is None else _course(e.course, RETURN),
        "McCandlish et al. 2018, An empirical model of large-batch training, arXiv:1812.06162",
    )


def learning_never_began(e: Evidence) -> Finding | None:
    """Not one update was made, although steps were taken."""
    starts = e.setup.number("learning_starts")
    updates = None if e.course is None else e.course.get(UPDATES)
    if updates is not None:
        began = np.nanmax(updates) > 0
    else:  # random steps before learning have no rows of metrics
        began = e.course is not None or starts is None or starts < e.setup.step
    if e.setup.step == 0 or began:
        return None
    return Finding(
        "learning-never-began",
        "optimisation",
        0.95,
        f"Nothing was learnt: not one update was made in {e.setup.step:,} steps"
        + ("." if starts is None else f", since learning starts after {starts:,.0f}."),
        ("--learning-starts 1000", "--total-timesteps, more than learning_starts"),
        {"steps": float(e.setup.step), "updates": 0.0}
        | ({} if starts is None else {"learning_starts": starts}),
    )


def _course(course: Course, name: str, limits: dict[str, float] | None = None) -> Chart | None:
    """A metric over the steps, the mean of all learners; None for one that is not there."""
    known = course.series(name)
    if known is None:
        return None
    label = name.rpartition("/")[2]
    return lines("environment steps", label.replace("_", " "), limits, **{label: known})


CHECKS = (diverged, learning_never_began, updates_too_large, updates_too_small, tiny_batch)
