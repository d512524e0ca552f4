"""Faults of the environment: what is learnt there, or scored elsewhere, does not mean what it seems to."""

from __future__ import annotations

import numpy as np

from operant.diagnosis.evidence import Evidence
from operant.diagnosis.finding import Finding
from operant.engine.log import EVALUATED
from operant.studio.chart import bars, dots, lines

EPISODES = "time/episodes"
LONG = 1_000  # steps of an environment without an end
SHORT = 20  # steps, below which episodes of one length say nothing of a time limit
AT_ONCE = 4  # episodes that end at the very same step, from which on that is no accident
GAP = 4.0  # standard errors between two scores of one policy
SHARE = 0.25  # of the larger of the two, which they must differ by as well
PARDO = "Pardo et al. 2018, Time limits in reinforcement learning, arXiv:1712.00378"


def environment_fault(e: Evidence) -> Finding | None:
    """It raised an error, or answered what its spaces do not allow, while random actions were tried."""
    if not e.faults:
        return None
    return Finding(
        "environment-fault",
        "environment",
        1.0,
        f"The environment does what cannot be learnt from: {e.faults[0]}",
        ("mend the environment first; `operant check ENVIRONMENT` lists everything that is wrong with it",),
        {"faults": float(len(e.faults))} | {f"fault {i + 2}": text for i, text in enumerate(e.faults[1:4])},
    )


def not_finite(e: Evidence) -> Finding | None:
    """An observation or a reward was NaN or infinite."""
    for played in e.plays:
        for what, values in (("an observation", played.observation), ("a reward", played.reward)):
            if values is None or np.isfinite(values).all():
                continue
            bad = np.asarray(~np.isfinite(values.reshape(*values.shape[:2], -1)).all(-1))
            first = int(np.argmax(bad.any(1)))
            return Finding(
                "not-finite",
                "environment",
                1.0,
                f"After {first + 1} steps of an environment {what} was NaN or infinite: whatever learns from "
                "it becomes NaN, too.",
                (
                    "look for a division by 0, a logarithm or a square root in the environment's step",
                    "until then nan_to_num in a wrapper around it, and end the episode there",
                ),
                {"share of steps": float(bad.mean())},
                lines("steps", "share that is not finite", share=(np.arange(len(bad)), bad.mean(1))),
            )
    return None


def seed_leaks(e: Evidence) -> Finding | None:
    """The same seed gives another episode, copies share their randomness, or every episode is the same one."""
    r = e.repeats
    if r is None:
        return None
    if not r.same_observations:
        wrong = (
            "reset(seed=…) does not fix the episode: the same seed and the same actions led to other "
            "observations."
        )
    elif not r.copies_same:
        wrong = (
            "Two copies with the same seed and the same actions go different ways: they share something, or draw "
            "from a common generator."
        )
    elif r.seeds_differ and not r.unseeded_differ:
        wrong = (
            "The seed leaks into later episodes: resets without a seed open the very same episode again and "
            "again, though other seeds open others."
        )
    else:
        return None
    return Finding(
        "seed-leaks",
        "environment",
        0.95,
        wrong,
        (
            "call super().reset(seed=seed) at the beginning of reset, and draw all random numbers from "
            "self.np_random",
            "make a generator only where a seed is given, never in every reset",
        ),
        {
            "same seed, same observations": str(r.same_observations),
            "copies agree": str(r.copies_same),
            "other seeds differ": str(r.seeds_differ),
            "resets without a seed differ": str(r.unseeded_differ),
        },
        source="Henderson et al. 2018, Deep reinforcement learning that matters, arXiv:1709.06560",
    )


def reward_drifts(e: Evidence) -> Finding | None:
    """The same seed and actions give the same observations and, some hundred steps later, other rewards."""
    r = e.repeats
    if r is None or not r.same_observations or r.same_rewards:
        return None
    first, again = (np.asarray(x, np.float64) for x in r.rewards)
    difference = float(np.abs(first - again).mean())
    return Finding(
        "reward-drifts",
        "environment",
        0.95,
        f"The reward changes with time: {r.steps_between} steps later the same seed and the same actions led "
        "to the same observations and other rewards.",
        (
            "let the reward depend on state and action alone, or show what it depends on in the observation",
            "if it is random, draw it from self.np_random, so that a seed fixes it",
        ),
        {
            "mean difference of a reward": difference,
            "mean reward": float(first.mean()),
            "mean reward later": float(again.mean()),
        },
        lines("step", "reward", first=(np.arange(len(first)), first), later=(np.arange(len(again)), again)),
        "Sutton & Barto 2018, section 3.1: dynamics are a function of state and action",
    )


def time_limit_terminates(e: Evidence) -> Finding | None:
    """Episodes are reported as terminated, all at the very same length, and none lasts longer."""
    episodes = [episode for played in e.plays for episode in played.episodes]
    if not episodes or not all(episode.terminated for episode in episodes):
        return None
    longest = max(episode.length for episode in episodes)
    ended = sum(episode.length == longest for episode in episodes)
    still_open = max(played.longest_open for played in e.plays)
    if longest < SHORT or ended < AT_ONCE or still_open >= longest:
        return None
    lengths = np.array([episode.length for episode in episodes])
    return Finding(
        "time-limit-terminates",
        "environment",
        0.9,
        f"{ended} of {len(episodes)} episodes were terminated at exactly {longest} steps, and none lasts "
        "longer: this "
        "looks like a time limit that is reported as an end of the task, after which values are taken to be 0.",
        (
            "return terminated=False, truncated=True at the time limit",
            f"leave it out of the environment, and give it as a wrapper: --wrappers time-limit:{longest}",
            "if the task really ends then, show the time that is left: --wrappers time-aware",
        ),
        {"length": float(longest), "episodes of that length": float(ended), "episodes": float(len(episodes))},
        dots("episode", "steps", {"longest": float(longest)}, length=(np.arange(len(lengths)), lengths)),
        PARDO,
    )


def episodes_never_end(e: Evidence) -> Finding | None:
    """Not one episode has ended in training."""
    ended = None if e.course is None else e.course.get(EPISODES)
    lasted = e.setup.step / e.setup.num_envs
    if ended is None or np.nanmax(ended) > 0 or lasted < LONG or e.setup.max_episode_steps is not None:
        return None
    return Finding(
        "episodes-never-end",
        "environment",
        0.7,
        f"No episode has ended in {lasted:,.0f} steps of each environment, and there is no time limit: learning sees "
        "one course only, and there are no returns to tell whether it gets better.",
        ("--wrappers time-limit:1000",),
        {"steps of each environment": lasted},
        source=PARDO,
    )


def evaluation_elsewhere(e: Evidence) -> Finding | None:
    """The very policy that was scored is paid something else where it was trained."""
    returns = None if e.policy is None else e.policy.first_returns
    if returns is None or e.setup.seeds > 1:
        return None
    scored = _scored(e)
    if scored is None:
        return None
    what, score, episodes = scored
    mean, error = float(returns.mean()), float(returns.std()) * np.sqrt(1 / len(returns) + 1 / episodes)
    gap = abs(score - mean)
    if gap <= max(GAP * error, SHARE * max(abs(score), abs(mean))):
        return None
    return Finding(
        "evaluation-elsewhere",
        "environment",
        0.9,
        f"The policy is paid {mean:.4g} an episode in the environment that it was trained in, and {score:.4g} "
        f"in {what}: "
        "these are not the same environment.",
        (
            "score where it was trained: leave out evaluate_env, or give both the same env_kwargs and wrappers",
            "with statistics of your own (a wrapper that normalises), evaluate with those of training",
        ),
        {"where it was trained": mean, what: score, "standard error": float(error)},
        bars("", "return", ("trained in", "scored in"), returns=[mean, score]),
    )


def _scored(e: Evidence) -> tuple[str, float, int] | None:
    """`(what in words, mean, episodes)` of the newest score of the policy; None without one."""
    if e.evaluations is not None and e.course is not None:
        steps, means = e.evaluations
        if steps[-1] >= e.setup.step:
            column = e.course.get(EVALUATED)
            assert column is not None
            return (
                "the evaluations during training",
                float(means[-1]),
                int(e.setup.number("evaluation_episodes") or 20),
            )
    return ("the score after training", e.scores[0], 100) if e.scores else None


CHECKS = (
    environment_fault,
    not_finite,
    seed_leaks,
    reward_drifts,
    time_limit_terminates,
    episodes_never_end,
    evaluation_elsewhere,
)
