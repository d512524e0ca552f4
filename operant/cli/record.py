"""`operant record`: a film of a policy, or of a run's checkpoints one after another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from operant.cli import runs
from operant.cli.errors import WrongInput, from_input
from operant.cli.play import PolicyRequest
from operant.studio.recording import Recording
from operant.studio.video import labelled, write_video

if TYPE_CHECKING:
    from operant.agent import Agent
    from operant.agent.scripted import ScriptedPolicy


def record(
    request: PolicyRequest, output: str, episodes: int, seed: int, with_random: bool, with_estimates: bool
) -> None:
    """Film whole episodes."""
    with from_input():
        player, how = request.player()
        _require_pictures(player)
        if with_estimates:
            player.require_estimates()
    player.record(output, episodes, seed, with_random=with_random, with_estimates=with_estimates, **how)


def record_checkpoints(request: PolicyRequest, output: str, episodes: int, seed: int) -> None:
    """Film the same episodes as they were played after each checkpoint of a run, the first one first."""
    fps: list[float] = []

    def frames() -> Iterator[np.ndarray]:
        for step in runs.checkpoints(request.model):
            player, how = replace(request, checkpoint=step).player()
            filmed: Recording = player.recording(episodes, seed, **how)
            fps.append(filmed.fps)
            yield from labelled(filmed.frames, f"{player.name}, step {step:,}")

    with from_input():
        if not runs.checkpoints(request.model):
            raise WrongInput(f"{request.model} has no checkpoints.")
        _require_pictures(request.player()[0])
    everything = list(frames())
    write_video(output, everything, max(fps))


def _require_pictures(player: Agent | ScriptedPolicy) -> None:
    if not player.source.renders:
        raise WrongInput(
            f"{player.source.id} gives no pictures (no render mode rgb_array): there is nothing to film."
        )
