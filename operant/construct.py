"""`operant.PPO(env, …)`: agents from an algorithm's name and plain hyperparameters."""

from __future__ import annotations

import inspect
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from operant import habits, presets
from operant.agent import Agent, around, texts
from operant.agent.advice import out_of_range
from operant.algorithms import registry
from operant.envs.atari.options import Atari
from operant.envs.ids import resolve
from operant.signatures import documentation, signature_of

TRAINING_VALUES = (
    "total_timesteps",
    "epochs",
    "evaluate_every",
    "episodes",
)  # a preset's, for the command line
AGENT_ARGUMENTS = tuple(inspect.signature(Agent.__init__).parameters)[3:]  # all but self, algorithm and env


def make(
    name: str,
    env: Any = None,
    *,
    preset: str | None = "auto",
    curiosity: Any = None,
    kl_penalty: Any = None,
    **arguments: Any,
) -> Agent:
    """An agent of the named algorithm.

    Args:
        env: What to learn: see `Agent`.
        preset: Hyperparameters that are known to work: "auto" takes those for `env`, if there are any, and says so;
            another name those of that name; None plain defaults. What you give takes precedence over a preset.
        curiosity: A reward that the agent gives itself for what is new to it: an `RND`, `ICM` or `Counts`, or the name
            of one, which then has the preset's values if there are any.
        kl_penalty: What every step pays for the distance from the model that the network began as: a `KLPenalty`, its
            coefficient, or text as `--kl-penalty` takes it.
        arguments: The agent's (`dataset`, `seed`, `seeds`, `num_envs`, `backend`, `vectorization`, `wrappers`,
            `env_kwargs`, `start_method`, `env_timeout`, `async_collect`, `devices`, `workers`, `fixed_lag`, `max_lag`,
            `worker_type`, `ray_address`) and any hyperparameter.

    Raises ValueError naming what is wrong: the algorithm, a hyperparameter, its value, the preset or the environment.
    """
    cls = registry.algorithm(name)
    for argument in habits.CONSTRUCTOR.keys() & arguments.keys() - cls.__dataclass_fields__.keys():
        raise ValueError(habits.answer(habits.CONSTRUCTOR, f"{cls.__name__} has no argument", argument))
    named = env.id if isinstance(env, Atari) else env
    found = presets.find(name, resolve(named), preset)
    found = {key: value for key, value in found.items() if key not in TRAINING_VALUES}
    if found and preset == "auto":
        taken = presets.chosen(name, resolve(named), preset)
        _say_once(name, named, taken, {key: value for key, value in found.items() if key not in arguments})
    known = registry.overlaid(registry.defaults(name), found)
    tuned = known.pop("curiosity", {})
    kl_penalty = known.pop("kl_penalty", None) if kl_penalty is None else kl_penalty
    if isinstance(curiosity, str):
        curiosity = {"name": curiosity, **tuned.get(curiosity, {})}
    values = registry.overlaid(known, arguments)
    if isinstance(network := values.get("network"), str | Path):
        values["network"] = texts.network(network)
    agent_arguments: dict[str, Any] = {key: values.pop(key) for key in AGENT_ARGUMENTS if key in values}
    others = (*AGENT_ARGUMENTS, "preset", "curiosity", "kl_penalty")
    algorithm = around.put(registry.build(cls, values, others=others), curiosity, kl_penalty)
    agent = Agent(algorithm, env, **agent_arguments)
    range_by_hand = {"v_min", "v_max"} & values.keys()
    if not range_by_hand and (reason := out_of_range(algorithm, *_solved(agent))):
        warnings.warn(f"{agent.source.id} counts as solved at {agent.threshold:g}: {reason}", stacklevel=3)
    return agent


_said: set[str] = set()


def _say_once(name: str, env: str, taken: str | None, values: dict[str, Any]) -> None:
    """Tell which values a preset brings, the first time in this process."""
    written = ", ".join(f"{key}={value!r}" for key, value in values.items() if key != "curiosity")
    which = "" if taken == env else f" ({taken})"
    line = f"operant: {name} takes its preset for {env}{which}: {written} (preset=None takes plain defaults)."
    if line not in _said:
        _said.add(line)
        print(line, file=sys.stderr, flush=True)


def _solved(agent: Agent) -> tuple[float | None, float | None]:
    """The return from which the environment counts as solved, and the steps of an episode that has it."""
    return agent.threshold, agent.spec.max_episode_steps


def constructor(name: str) -> Callable[..., Agent]:
    """The function that is published as `operant.PPO` and the like, with its hyperparameters as its signature."""
    cls, defaults = registry.algorithm(name), registry.defaults(name)

    def construct(
        env: Any = None,
        *more: Any,
        preset: str | None = "auto",
        curiosity: Any = None,
        kl_penalty: Any = None,
        **arguments: Any,
    ) -> Agent:
        if more:
            raise ValueError(
                f"{construct.__name__} takes one argument without a name, the environment; it was given {env!r} and "
                f"{', '.join(map(repr, more))}. {habits.CONSTRUCTOR['policy']}"
            )
        return make(name, env, preset=preset, curiosity=curiosity, kl_penalty=kl_penalty, **arguments)

    keyword = inspect.Parameter.KEYWORD_ONLY
    agent = inspect.signature(Agent.__init__).parameters
    offline = registry.build(cls, defaults).experience.offline
    environment = inspect.Parameter(
        "env",
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None if offline else inspect.Parameter.empty,
    )
    construct.__name__ = construct.__qualname__ = name if defaults else cls.__name__

    def load(path: Any, *arguments: Any, **keywords: Any) -> Agent:
        """As `operant.load`; raises ValueError for the model of another algorithm."""
        agent = Agent.load(path, *arguments, **keywords)
        learnt = getattr(agent.algorithm, "algorithm", agent.algorithm)  # without its curiosity
        if not isinstance(learnt, cls):
            other = type(learnt).__name__
            raise ValueError(
                f"{path}: it is a model of {other}, not of {cls.__name__}. operant.load takes those of every algorithm."
            )
        return agent

    construct.load = load  # pyright: ignore[reportFunctionMemberAccess] (where habit looks for it)
    before = [
        environment,
        *(agent[argument] for argument in AGENT_ARGUMENTS if offline or argument != "dataset"),
        inspect.Parameter("preset", keyword, default="auto"),
        inspect.Parameter("curiosity", keyword, default=None),
        inspect.Parameter("kl_penalty", keyword, default=None),
    ]
    signature = signature_of(cls, defaults, before, Agent)
    construct.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess] (what help() and editors show)
    construct.__doc__ = documentation(name, signature, (Agent, make))
    return construct
