"""What is learnt from again and again: a target network that stands still or never does, and replay that forgets."""

from __future__ import annotations

import numpy as np

from operant.diagnosis.evidence import Evidence
from operant.diagnosis.finding import Finding
from operant.engine.log import UPDATES
from operant.studio.chart import bars

LENGTH = "rollout/ep_len_mean"
BATCHES = 10  # that replay must hold at least
EPISODES = 3  # likewise, of their mean length
FEW = 1_000  # transitions, below which replay is small whatever else is so
OFTEN = 20.0  # times that each transition is learnt from, before it is left out


def target_frozen(e: Evidence) -> Finding | None:
    """The target network is the one that training began with."""
    target = None if e.networks is None else e.networks.target
    if target is None or target.moved or not target.online_moved:
        return None
    interval, tau = e.setup.number("target_update_interval"), e.setup.number("tau")
    return Finding(
        "target-frozen",
        "replay",
        0.9,
        f"The target network has not moved once in {e.setup.step:,} steps: values are learnt from the guesses "
        "of an untrained "
        "network.",
        ("--target-update-interval 500 --tau 1", "--target-update-interval 1 --tau 0.005"),
        {"distance to the online network": target.distance}
        | ({} if interval is None else {"target_update_interval": interval})
        | ({} if tau is None else {"tau": tau}),
        bars("", "moved since the start", ("online", "target"), moved=[target.distance, 0.0]),
        "Mnih et al. 2015, doi:10.1038/nature14236",
    )


def target_follows_at_once(e: Evidence) -> Finding | None:
    """The target network is a copy of the online one after every update, and nothing good comes of it."""
    setup = e.setup
    if e.networks is None or e.networks.target is None or e.better_than_random is not False:
        return None
    interval, tau, every = (setup.number(name) for name in ("target_update_interval", "tau", "train_freq"))
    if tau != 1 or interval is None or interval > (every or 1) * setup.num_envs:
        return None
    return Finding(
        "target-follows-at-once",
        "replay",
        0.6,
        f"The target network is copied at every update (tau=1, target_update_interval={interval:g}): targets "
        "move with every "
        "step towards them.",
        ("--tau 0.005", "--target-update-interval 500"),
        {"tau": 1.0, "target_update_interval": interval},
        source="Mnih et al. 2015, doi:10.1038/nature14236; Lillicrap et al. 2016, arXiv:1509.02971",
    )


def replay_too_small(e: Evidence) -> Finding | None:
    """Replay holds a few episodes, or a few minibatches, and forgets the rest."""
    size, batch = e.setup.number("buffer_size"), e.setup.number("batch_size")
    if size is None or batch is None or e.setup.step <= size or e.solved:
        return None
    length = None if e.course is None else e.course.typical(LENGTH, since=0.5)
    needed = {"minibatches": BATCHES * batch, "transitions": float(FEW)}
    if length is not None:
        needed["episodes"] = EPISODES * length
    if size >= max(needed.values()):
        return None
    held = [f"{size / batch:.3g} minibatches"] + ([] if length is None else [f"{size / length:.2g} episodes"])
    return Finding(
        "replay-too-small",
        "replay",
        0.8,
        f"Replay holds {size:,.0f} transitions ({', '.join(held)}) of the {e.setup.step:,} that were seen: "
        "minibatches are of the "
        "newest experience, all alike, and what was learnt of everything else is forgotten.",
        (f"--buffer-size {max(10_000, int(50 * batch)):d}",),
        {"buffer_size": size, "batch_size": batch, "steps": float(e.setup.step)},
        bars("", "transitions", ("in replay", "seen"), count=[size, float(e.setup.step)]),
        "Zhang & Sutton 2017, A deeper look at experience replay, arXiv:1712.01275; Fedus et al. 2020, "
        "arXiv:2007.06700",
    )


def learnt_too_often(e: Evidence) -> Finding | None:
    """Each transition is learnt from many times before anything new comes, and nothing good comes of it."""
    setup, course = e.setup, e.course
    batch, updates = setup.number("batch_size"), None if course is None else course.get(UPDATES)
    if batch is None or setup.number("buffer_size") is None or updates is None or not setup.step:
        return None
    ratio = float(np.nanmax(updates)) / setup.step
    if ratio <= OFTEN or e.better_than_random is not False:
        return None
    return Finding(
        "learnt-too-often",
        "replay",
        0.6,
        f"{ratio:.3g} updates are made for each step of an environment: the networks fit what was seen first, "
        "and cannot learn "
        "what comes later.",
        ("--gradient-steps 1", "--train-freq 4", "--network.layer-norm"),
        {"updates a step": ratio},
        source="Nikishin et al. 2022, The primacy bias, arXiv:2205.07802",
    )


CHECKS = (target_frozen, replay_too_small, target_follows_at_once, learnt_too_often)
