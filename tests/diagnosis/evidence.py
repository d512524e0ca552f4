"""Evidence made by hand: a small run in which nothing is wrong, and what a test changes in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from operant.diagnosis.evidence import Course, Evidence, Layer, Networks, Played, Repeats, Setup
from operant.spaces import Box, Discrete

STEPS = np.arange(1, 21) * 1000.0
HYPERPARAMETERS: dict[str, Any] = {
    "network": {"hidden_sizes": [64]},
    "learning_rate": 1e-3,
    "gamma": 0.99,
    "batch_size": 64,
    "ent_coef": 0.01,
}


def setup(**values: Any) -> Setup:
    hyperparameters = HYPERPARAMETERS | values.pop("hyperparameters", {})
    known = {"algorithm": "ppo", "environment": "Made-v0", "action_space": Discrete(4), "step": 20_000}
    return Setup(hyperparameters=hyperparameters, **known | values)


def course(seeds: int = 1, **columns: Any) -> Course:
    """Columns of numbers, of `[20]` or of `[S, 20]`; `_` is `/` in the first place of a name."""
    return Course(
        STEPS,
        {
            "/".join(name.split("_", 1)): np.broadcast_to(np.asarray(column, float), (seeds, len(STEPS)))
            for name, column in columns.items()
        },
    )


def played(returns: Any = (10.0, 12.0, 8.0, 11.0), length: int = 50, seed: int = 0, **values: Any) -> Played:
    """An episode of this length for each return, whose rewards are random and sum up to it."""
    draw = np.random.default_rng(seed)
    returns = np.asarray(returns, float)
    rewards = draw.uniform(0.5, 1.5, (length, len(returns)))
    rewards *= returns / rewards.sum(0)
    ends = np.zeros((length, len(returns)), bool)
    ends[-1] = True
    known = {
        "observation": draw.normal(size=(length, len(returns), 3)),
        "action": draw.integers(0, 4, (length, len(returns), 1)).astype(float),
        "reward": rewards,
        "raw_reward": values.get("reward", rewards),
        "terminated": ends,
        "truncated": np.zeros_like(ends),
    }
    return Played(**known | values)


def varied(lengths: Any, **values: Any) -> Played:
    """One episode of each of these lengths, of a step's reward 1; what comes after is under way."""
    most = max(lengths) + 5
    ends = np.zeros((most, len(lengths)), bool)
    ends[np.asarray(lengths) - 1, np.arange(len(lengths))] = True
    ones = np.ones_like(ends, float)
    known = {"reward": ones, "raw_reward": ones, "terminated": ends, "truncated": np.zeros_like(ends)}
    return played(np.ones(len(lengths)), most, **known | {"longest_open": 5} | values)


def healthy(**changes: Any) -> Evidence:
    """A run that learns, with `changes` of its evidence."""
    rising = np.linspace(1.0, 12.0, len(STEPS))
    known: dict[str, Any] = {
        "setup": setup(),
        "course": course(
            rollout_ep_rew_mean=rising,
            rollout_ep_len_mean=40.0,
            train_loss=0.5,
            train_approx_kl=0.01,
            train_clip_fraction=0.1,
            train_entropy_loss=-0.7,
            train_explained_variance=0.8,
            train_learning_rate=1e-3,
            train_n_updates=np.arange(20) + 1,
        ),
        "random": varied((11, 17, 23, 31), seed=1),
        "policy": varied((37, 41, 43, 47), seed=2),
        "repeats": Repeats(True, True),
        "reach": 1.0,
        "networks": Networks((Layer("policy", 1, 64, 0.1, 0.1, 20.0, 22.0),), None, 1e-3, 2.0, None),
    }
    return Evidence(**known | changes)


def chance(**changes: Any) -> Evidence:
    """The same, of a policy that does no better than the random one."""
    flat = healthy().course
    assert flat is not None
    curve = {"rollout/ep_rew_mean": np.linspace(19.9, 20.0, len(STEPS))[None]}
    same = replace(flat, columns=dict(flat.columns) | curve)
    return healthy(**{"course": same, "policy": varied((12, 18, 22, 30), seed=2)} | changes)


def with_columns(evidence: Evidence, **columns: Any) -> Evidence:
    """With further metrics, or others in their place."""
    assert evidence.course is not None
    added = course(evidence.setup.seeds, **columns).columns
    return replace(evidence, course=replace(evidence.course, columns={**evidence.course.columns, **added}))


def box(low: float, high: float) -> Box:
    return Box(low, high, (1,))
