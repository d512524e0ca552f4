"""What is done to an Atari game, in words: for learning, and for a score that can be compared."""

from __future__ import annotations

from operant.envs.atari.options import Atari


def protocol(atari: Atari) -> str:
    """How it is scored: what published scores must agree on to be compared."""
    noops = f"up to {atari.noop_max} no-ops" if atari.noop_max else "no no-ops"
    fire = " and FIRE" if atari.use_fire_reset else ""
    sticky = f"sticky actions {atari.sticky:g}" if atari.sticky else "no sticky actions"
    set_so = ((name, getattr(atari, name)) for name in ("mode", "difficulty"))
    kind = "".join(f", {name} {value}" for name, value in set_so if value is not None)
    return (
        f"whole games of at most {atari.max_num_frames_per_episode:,} frames, rewards as they are, {noops}{fire} at "
        f"the start, {sticky}{kind}"
    )


def preprocessing(atari: Atari) -> str:
    """What is done to it for learning."""
    skip = atari.frameskip
    held = (
        f"{skip[0]} to {skip[1] - 1} frames"
        if isinstance(skip, tuple)
        else f"{skip} frame{'s' * (skip != 1)}"
    )
    actions = [f"an action lasts {held}"]
    actions += ["all 18 actions"] * atari.full_action_space + ["a continuous stick"] * atari.continuous
    if atari.obs_type == "frames":
        seen = ["the maximum of the last two frames"] * bool(atari.maxpool)
        seen += ["grey" if atari.grayscale else "in colour", f"{atari.img_height}×{atari.img_width}"]
    else:
        seen = ["the 128 bytes of memory" if atari.obs_type == "ram" else f"the {atari.obs_type} screen"]
    seen += [f"stacks of {atari.stack_num}"] * (atari.stack_num != 1)
    learnt = ["rewards clipped to ±1"] * atari.reward_clipping + [
        "value ends with a life"
    ] * atari.episodic_life
    return "; ".join(", ".join(part) for part in (actions, seen, learnt) if part)
