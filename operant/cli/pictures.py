"""`operant show`: a picture of what a policy does, or of what its critics expect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operant.cli.errors import WrongInput
from operant.cli.play import PolicyRequest


def picture(
    request: PolicyRequest,
    output: str,
    what: str,
    axes: Sequence[str] | None,
    observation: Sequence[float] | None,
) -> None:
    """Write the picture. Raises WrongInput or ValueError where there is none."""
    if axes is not None and what != "policy":
        raise WrongInput("--axes goes with --what policy; a picture of the critic is over actions.")
    if observation is not None and what != "critic":
        raise WrongInput("--observation goes with --what critic; a picture of the policy is over --axes.")
    request.require()
    player, _ = request.player()
    from operant.agent import Agent

    if not isinstance(player, Agent) or request.model == "random":
        raise WrongInput(f"the policy {request.model} has learnt nothing; name a run or a model file.")
    if what == "policy":
        player.plot_policy(output, axes=axes)
    else:
        player.plot_critic(output, None if observation is None else np.asarray(observation, np.float32))
