"""What plays in `operant evaluate` and `operant watch`: a model, the random policy, or one that is written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from operant import catalogue
from operant.cli import env_kwargs, runs
from operant.cli.environments import require_known
from operant.cli.errors import WrongInput
from operant.cli.modules import load

if TYPE_CHECKING:
    from operant.agent import Agent
    from operant.agent.handwritten import HandWritten


def require(
    model: str, environment: str | None, best: bool, stochastic: bool, modules: Sequence[str]
) -> None:
    """Raise WrongInput or ValueError for what cannot be, as far as that is known without JAX."""
    if model == "random":
        if best:
            raise WrongInput("the random policy has no --best; name a run.")
        if environment is None:
            raise WrongInput("the random policy needs an environment: `operant evaluate random CartPole-v1`.")
    elif model in catalogue.policies():
        if best or stochastic:
            raise WrongInput(
                f"the policy {model} has no --{'best' if best else 'stochastic'}: it is written by hand."
            )
    else:
        runs.require_model(model)
    if environment is None:
        load(modules)
    else:
        require_known(environment, modules)


def player(
    model: str,
    environment: str | None,
    best: bool,
    stochastic: bool,
    pairs: Sequence[str],
    modules: Sequence[str],
) -> tuple[Agent | HandWritten, dict[str, Any]]:
    """What plays, and how it is asked to."""
    require(model, environment, best, stochastic, modules)
    given = env_kwargs.read(pairs)
    if model in catalogue.policies():
        from operant.agent.handwritten import HandWritten

        return HandWritten.named(model, environment, given), {}
    if model == "random":
        from operant.construct import make

        return make("random", environment, env_kwargs=given), {"deterministic": False}
    from operant.agent import Agent

    agent = Agent.load(model, env=environment, best=best, env_kwargs=given or None)
    return agent if agent.seeds is None else agent.best(), {"deterministic": not stochastic}
