"""`operant show`: a picture of what a policy does, of what its critics expect, or of what it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from operant.cli.errors import WrongInput
from operant.cli.play import PolicyRequest


def picture(
    request: PolicyRequest,
    output: str,
    what: str,
    axes: Sequence[str] | None,
    observation: Sequence[float] | None,
    steps: int,
    of: Literal["policy", "value"],
) -> None:
    """Write the picture. Raises WrongInput or ValueError where there is none."""
    if axes is not None and what != "policy":
        raise WrongInput("--axes goes with --what policy; other pictures are of one state.")
    if observation is not None and what not in ("critic", "actions"):
        raise WrongInput("--observation goes with --what critic or actions.")
    if steps and what == "policy":
        raise WrongInput("--steps goes with --what critic, actions or saliency, which are of one state.")
    if of != "policy" and what != "saliency":
        raise WrongInput(f"--of {of} goes with --what saliency.")
    request.require()
    player, _ = request.player()
    from operant.agent import Agent

    if not isinstance(player, Agent) or request.model == "random":
        raise WrongInput(f"the policy {request.model} has learnt nothing; name a run or a model file.")
    given = None if observation is None else np.asarray(observation, np.float32)
    if what == "policy":
        player.plot_policy(output, axes=axes)
    elif what == "critic":
        player.plot_critic(output, given, steps)
    elif what == "actions":
        player.plot_actions(output, given, steps)
    else:
        player.plot_saliency(output, steps=steps, of=of)
