"""`operant train --from MODEL`: training that starts from a run or a model file."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from operant.cli import habits, runs
from operant.cli.config_file import arguments_of
from operant.cli.errors import WrongInput

if TYPE_CHECKING:
    from operant.agent import Agent

FLAGS = ("--from", "--load", "--trained-agent", "-i")


def arguments(model: str, typed: list[str]) -> list[str]:
    """The arguments of `train` for the agent of a model; typed arguments take precedence.

    Its number of steps is not taken over, nor another environment's keyword arguments. Raises WrongInput if it is not a
    model, or one of another algorithm.
    """
    runs.require_model(model)
    config, named = runs.model_config(model), named_first(typed)
    elsewhere = named[1:] not in ([], [config.get("environment")])
    left_out = ("total_timesteps", "env_kwargs", "env_kwargs_not_kept") if elsewhere else ("total_timesteps",)
    kept = {key: value for key, value in config.items() if key not in left_out}
    words = arguments_of(kept, f"--from {model}")
    if named and habits.algorithm(typed[0]) != words[0]:
        raise WrongInput(f"--from {model}: it is a model of {words[0]}, not of {habits.algorithm(typed[0])}.")
    return [*named, *words[len(named) :], *typed[len(named) :]]


def named_first(typed: list[str]) -> list[str]:
    """The algorithm and the environment, as far as they are before all flags."""
    return list(itertools.takewhile(lambda word: not word.startswith("-"), typed[:2]))


def take_over(agent: Agent, model: str) -> None:
    """Load a model's state into all learners of an agent that has not been trained.

    Raises ValueError if it does not fit.
    """
    import jax
    import jax.numpy as jnp

    from operant.agent import Agent

    source = agent.source
    loaded = Agent.load(
        model, env=source.given, wrappers=source.wrappers, env_kwargs=source.env_kwargs or None
    )
    state: Any = loaded.state
    if agent.seeds is not None:
        state = jax.tree.map(lambda x: jnp.stack([jnp.asarray(x)] * len(agent.seeds or ())), state)
    wanted = jax.eval_shape(agent.learner.initial_state)
    same = jax.tree.structure(state) == jax.tree.structure(wanted)
    if not same or any(
        jnp.shape(x) != y.shape for x, y in zip(jax.tree.leaves(state), jax.tree.leaves(wanted), strict=True)
    ):
        raise ValueError(
            f"--from {model}: what it has learnt does not fit what was asked for. Leave out the flags that change the "
            "network or what is learnt."
        )
    agent.learner.state = state
