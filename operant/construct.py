"""`operant.PPO(env, …)`: agents from an algorithm's name and plain hyperparameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from operant import presets
from operant.agent import Agent
from operant.algorithms import registry
from operant.curiosity import make_curious
from operant.envs.ids import resolve
from operant.signatures import documentation, signature_of

TRAINING_VALUES = ("total_timesteps", "evaluate_every", "episodes")  # a preset's, for the command line
AGENT_ARGUMENTS = ("seed", "seeds", "num_envs", "backend", "vectorization", "wrappers", "env_kwargs")
# What Stable-Baselines3's users type by habit, and what says it here.
HABITS = {
    **dict.fromkeys(
        ("policy", "policy_kwargs", "net_arch", "hidden_sizes"),
        "The network is made for the environment; network={'hidden_sizes': (64, 64)} says how.",
    ),
    "n_envs": "Did you mean 'num_envs'?",
    "verbose": "learn(progress_bar=False) is quiet.",
    "tensorboard_log": "learn(run_dir=…) writes TensorBoard's events, and more.",
    "device": "JAX chooses it: a GPU where its CUDA build is installed (operant info tells).",
}


def make(name: str, env: Any, *, preset: str | None = None, curiosity: Any = None, **arguments: Any) -> Agent:
    """An agent of the named algorithm.

    Args:
        env: What to learn: see `Agent`.
        preset: Hyperparameters that are known to work: those of this environment's id, or "auto" for the ones of `env`
            if there are any. What is given by hand goes first.
        curiosity: A reward of its own for what is new to it: an `RND`, `ICM` or `Counts`, or the name of one, which
            then has the preset's values if there are any.
        arguments: The agent's (`seed`, `seeds`, `num_envs`, `backend`, `vectorization`, `wrappers`, `env_kwargs`) and
            any hyperparameter.

    Raises ValueError naming what is wrong: the algorithm, a hyperparameter, its value, the preset or the environment.
    """
    cls = registry.algorithm(name)
    for argument in HABITS.keys() & arguments.keys() - cls.__dataclass_fields__.keys():
        raise ValueError(f"{cls.__name__} has no argument {argument!r}. {HABITS[argument]}")
    known = registry.defaults(name) | presets.find(name, resolve(env), preset)
    known = {key: value for key, value in known.items() if key not in TRAINING_VALUES}
    tuned = known.pop("curiosity", {})
    if isinstance(curiosity, str):
        curiosity = {"name": curiosity, **tuned.get(curiosity, {})}
    network = {**known.pop("network", {}), **arguments["network"]} if _both_values(known, arguments) else None
    values = {**known, **arguments} | ({} if network is None else {"network": network})
    agent_arguments: dict[str, Any] = {key: values.pop(key) for key in AGENT_ARGUMENTS if key in values}
    algorithm = make_curious(
        registry.build(cls, values, beside=(*AGENT_ARGUMENTS, "preset", "curiosity")), curiosity
    )
    return Agent(algorithm, env, **agent_arguments)


def _both_values(known: dict[str, Any], arguments: dict[str, Any]) -> bool:
    return isinstance(known.get("network"), dict) and isinstance(arguments.get("network"), dict)


def constructor(name: str) -> Callable[..., Agent]:
    """The function that is published as `operant.PPO` and the like, with its hyperparameters as its signature."""
    cls, defaults = registry.algorithm(name), registry.defaults(name)

    def construct(
        env: Any, *more: Any, preset: str | None = None, curiosity: Any = None, **arguments: Any
    ) -> Agent:
        if more:
            raise ValueError(
                f"{construct.__name__} takes one argument without a name, the environment; it was given {env!r} and "
                f"{', '.join(map(repr, more))}. {HABITS['policy']}"
            )
        return make(name, env, preset=preset, curiosity=curiosity, **arguments)

    keyword = inspect.Parameter.KEYWORD_ONLY
    agent = inspect.signature(Agent.__init__).parameters
    construct.__name__ = construct.__qualname__ = name if defaults else cls.__name__
    construct.load = Agent.load  # pyright: ignore[reportFunctionMemberAccess] (where habit looks for it)
    before = [
        inspect.Parameter("env", inspect.Parameter.POSITIONAL_OR_KEYWORD),
        *(agent[argument] for argument in AGENT_ARGUMENTS),
        inspect.Parameter("preset", keyword, default=None),
        inspect.Parameter("curiosity", keyword, default=None),
    ]
    signature = signature_of(cls, defaults, before, Agent)
    construct.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess] (what help() and editors show)
    construct.__doc__ = documentation(name, signature, (Agent, make))
    return construct
