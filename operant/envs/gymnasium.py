"""The bridge to Gymnasium: any of its environments, N of them stepped together or a single one to look at."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec as Registration
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv

from operant.envs import arguments, processes
from operant.envs.foreign import foreign
from operant.envs.gymnasium_layers import MaskInInfo, keep_inside
from operant.envs.gymnasium_processes import Sent
from operant.envs.gymnasium_spaces import action_to_gym, observation_to_jax, space_from_gymnasium
from operant.envs.gymnasium_stepping import SingleEnvironments, describe
from operant.envs.gymnasium_vector import VectorEnvironments
from operant.envs.host import HostEnvironments
from operant.envs.processes import StartMethod
from operant.envs.timeouts import timed
from operant.envs.unknown import unknown
from operant.envs.vector_single import single_of_vector
from operant.envs.wrappers.apply import wrap_gymnasium
from operant.envs.wrappers.base import Wrapper
from operant.interruption import left_to_the_parent

__all__ = [
    "EnvironmentLike",
    "action_to_gym",
    "make",
    "make_single",
    "observation_to_jax",
    "space_from_gymnasium",
]

Maker = str | Callable[..., gym.Env]  # of one environment
EnvironmentLike = Maker | Sequence[Maker] | gym.Env | VectorEnv

T = TypeVar("T")

NONE: Mapping[str, Any] = MappingProxyType({})
VECTORIZATIONS = ("sync", "async", "vector_entry_point")


def make(
    env: EnvironmentLike,
    num_envs: int = 1,
    *,
    vectorization: str = "sync",
    wrappers: Sequence[Wrapper] = (),
    env_kwargs: Mapping[str, Any] = NONE,
    start_method: StartMethod | None = None,
    env_timeout: float | None = None,
) -> HostEnvironments:
    """`num_envs` environments stepped together.

    Action masks are taken from `info["action_mask"]` or, except for a vector environment, from a method
    `action_masks()`.

    Args:
        env: a registered id, a function (or class) that makes one, a list of these, one for each, an environment
            itself, or a vector environment, whose own number of environments is used.
        vectorization: `sync`, one after another in this process; `async`, a process each; or
            `vector_entry_point`, Gymnasium's own vector environment of that id.
        wrappers: around each single environment, the innermost first; a vector environment takes none.
        env_kwargs: given to `gymnasium.make` or to the function.
        start_method: of processes: `forkserver`, `spawn` or `fork`; by default the first that there is.
        env_timeout: seconds that a step or a reset may take; None for any time.

    Raises:
        ValueError: the environment is not known, or cannot be used so; says what can.
        RuntimeError: processes cannot be started from this script, since it lacks a `__main__` guard.
        ImportError: a package that it needs is not installed.
    """
    if vectorization not in VECTORIZATIONS:
        raise ValueError(
            f"Unknown vectorization {vectorization!r}; it is one of {', '.join(VECTORIZATIONS)}."
        )
    if num_envs < 1:
        raise ValueError(f"num_envs must be at least 1; got {num_envs}.")
    arguments.check(env, env_kwargs)
    if wrappers and (isinstance(env, VectorEnv) or vectorization == "vector_entry_point"):
        raise ValueError(
            f"wrappers={list(wrappers)}: they go around single environments, and this is a vector environment. Give an "
            "id or a function, with vectorization='sync' or 'async'; or wrap it in gymnasium.wrappers.vector yourself."
        )
    if isinstance(env, VectorEnv):
        return _of_vector(env, env_timeout)
    if isinstance(env, gym.Env):
        if num_envs != 1 or vectorization != "sync":
            raise ValueError(
                f"One {type(env.unwrapped).__name__} cannot be {num_envs} environments with vectorization="
                f"{vectorization!r}. Give a function that makes one (such as its class), or num_envs=1."
            )
        return SingleEnvironments([wrap_gymnasium(_with_masks(env), wrappers)], timeout=env_timeout)
    if vectorization == "vector_entry_point":
        return VectorEnvironments(vector_entry_point(env, num_envs, env_kwargs), timeout=env_timeout)
    if vectorization == "async":
        return _processes(_each(env, num_envs), env_kwargs, wrappers, start_method, env_timeout)
    envs = [_create(one, env_kwargs, wrappers) for one in _each(env, num_envs)]
    if len({id(e.unwrapped) for e in envs}) < num_envs:
        raise ValueError(
            f"{env!r} returned the same environment twice. It must make a new one at every call."
        )
    return SingleEnvironments(envs, timeout=env_timeout)


def make_single(
    env: Maker | gym.Env | VectorEnv,
    render_mode: str | None = None,
    *,
    wrappers: Sequence[Wrapper] = (),
    env_kwargs: Mapping[str, Any] = NONE,
) -> gym.Env:
    """One Gymnasium environment, to score a policy on or to film; what a callable makes is taken as it is.

    It is in all of the wrappers that do more than change rewards: scores are those of the environment's own.

    Raises:
        ValueError: the environment is not known, or a vector environment does not say what one of its copies is.
        ImportError: a package that it needs is not installed.
    """
    if isinstance(env, gym.Env):
        return wrap_gymnasium(_with_masks(env), wrappers, rewards=False)
    if isinstance(env, VectorEnv):
        return _with_masks(single_of_vector(env, render_mode, _bare))
    made = _bare(env, _in_mode(env, env_kwargs, render_mode))
    return wrap_gymnasium(made, wrappers, rewards=False)


def _in_mode(env: Any, env_kwargs: Mapping[str, Any], render_mode: str | None) -> Mapping[str, Any]:
    """The keyword arguments with this render mode, for what is made with one."""
    if isinstance(env, str):
        registered = gym.registry.get(env)
        named = "render_mode" in env_kwargs or (registered is not None and "render_mode" in registered.kwargs)
        return {**env_kwargs, "render_mode": render_mode} if named or render_mode is not None else env_kwargs
    taken = render_mode is not None and "render_mode" in (arguments.parameters(env) or ())
    return {**env_kwargs, "render_mode": render_mode} if taken else env_kwargs


def _of_vector(env: VectorEnv, timeout: float | None) -> HostEnvironments:
    """A vector environment; the environments inside Gymnasium's own, in this process, are stepped as ours are."""
    same_step = env.metadata.get("autoreset_mode") == AutoresetMode.SAME_STEP
    if type(env) is SyncVectorEnv and same_step and env.observation_mode == "same":
        return SingleEnvironments([_with_masks(one) for one in env.envs], env, timeout)
    return VectorEnvironments(env, timeout=timeout)


def _create(
    env: Maker | Registration,
    env_kwargs: Mapping[str, Any],
    wrappers: Sequence[Wrapper] = (),
) -> gym.Env:
    """One environment of an id, its registration or a function, in its wrappers."""
    return wrap_gymnasium(_bare(env, env_kwargs), wrappers)


def _bare(env: Maker | Registration, env_kwargs: Mapping[str, Any]) -> gym.Env:
    if isinstance(env, str | Registration):
        # Gymnasium's checker would look at every step; `describe` looks once.
        return _with_masks(
            _registered(partial(gym.make, env, **{"disable_env_checker": True, **env_kwargs}), str(env))
        )
    if isinstance(env, gym.Env | VectorEnv):  # in a list
        raise ValueError(
            f"{type(env).__name__} is made already: a list holds what makes environments, such as its class."
        )
    known = (
        foreign(env)
        if not callable(env) or (isinstance(env, type) and not issubclass(env, gym.Env))
        else None
    )
    if known is not None or not callable(env):
        said = f"{env!r} is no environment: give an id, a function that makes one, or a gymnasium.Env."
        raise ValueError(known or said)
    missing = arguments.missing(env, env_kwargs)
    if missing:
        name = getattr(env, "__name__", repr(env))
        raise ValueError(f"{name} needs {', '.join(missing)}: give env_kwargs={{{missing[0]!r}: …}}.")
    try:
        made = env(**env_kwargs)
    except TypeError as error:  # of one that takes any keyword, and hands it on
        if any(f"unexpected keyword argument {name!r}" in str(error) for name in env_kwargs):
            raise ValueError(f"env_kwargs: {error}.") from error
        raise
    if not isinstance(made, gym.Env):
        known = foreign(made) or f"It returned a {type(made).__name__}; it must return a gymnasium.Env."
        raise ValueError(f"{env!r}: {known}")
    return _with_masks(made)


def _with_masks(env: gym.Env) -> gym.Env:
    """An environment with its masks in `info`, whose rescaled actions stay inside the space."""
    env = keep_inside(env)
    return (
        MaskInInfo(env) if env.has_wrapper_attr("action_masks") and not isinstance(env, MaskInInfo) else env
    )


def _each(env: Maker | Sequence[Maker], num_envs: int) -> list[Maker]:
    """What makes each of the environments."""
    if not isinstance(env, list | tuple):
        return [env] * num_envs  # pyright: ignore[reportReturnType] (a sequence is a list or a tuple)
    if len(env) != num_envs:
        raise ValueError(f"A list of {len(env)} environments cannot be {num_envs}.")
    return list(env)


def _processes(
    makers: Sequence[Maker],
    env_kwargs: Mapping[str, Any],
    wrappers: Sequence[Wrapper],
    start_method: StartMethod | None,
    timeout: float | None,
) -> HostEnvironments:
    method = processes.start_method(start_method)
    single = _bare(makers[0], env_kwargs)
    try:
        like = describe(timed(wrap_gymnasium(single, wrappers), timeout))
    finally:
        single.close()
    functions = [
        partial(_in_process, os.getpid(), like.id, i, *_sent(maker, env_kwargs), wrappers)
        for i, maker in enumerate(makers)
    ]
    make = partial(
        AsyncVectorEnv, functions, copy=False, context=method, autoreset_mode=AutoresetMode.SAME_STEP
    )
    started = processes.start(make, method)
    try:
        return VectorEnvironments(started, like, timeout)
    except BaseException:
        started.close(terminate=True)
        raise


def _sent(maker: Maker, env_kwargs: Mapping[str, Any]) -> tuple[Maker | Registration, dict[str, Any]]:
    """What another process makes it from. An id is sent with its registration, which need not be known there."""
    registration = gym.registry.get(maker) if isinstance(maker, str) else None
    return (maker if registration is None else registration), dict(env_kwargs)


def _in_process(parent: int, name: str, number: int, *what: Any) -> gym.Env:
    """One environment for a process of its own."""
    if os.getpid() != parent:  # Gymnasium makes the first one here as well, to look at it
        left_to_the_parent()
    return Sent(_create(*what), name, number)


def vector_entry_point(env: object, num_envs: int, env_kwargs: Mapping[str, Any]) -> VectorEnv:
    """The vector environment that an id has of its own. Raises ValueError where it has none."""
    if not isinstance(env, str):
        raise ValueError(
            f"vectorization='vector_entry_point' needs a registered id; got {env!r}. Use 'sync' or 'async'."
        )
    made = partial(gym.make_vec, env, num_envs, vectorization_mode="vector_entry_point", **env_kwargs)
    spec = gym.registry.get(env)
    if spec is not None and spec.vector_entry_point is None:
        raise ValueError(f"{env} has no vector entry point. Use vectorization='sync' or 'async'.")
    return _registered(made, env)


def _registered(make: Callable[[], T], name: str) -> T:
    """What `make` makes, with Gymnasium's errors about names and packages turned into ours."""
    try:
        return make()
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        said = str(error).split(" was raised from")[0]
        shown = "'render_mode'" in said
        what = f"{name} cannot be shown, since it takes no render_mode" if shown else "env_kwargs"
        raise ValueError(f"{what}: {said}.") from error
    except gym.error.DependencyNotInstalled as error:
        spec = gym.registry.get(name)
        extra = re.match(r"gymnasium\.envs\.(box2d|mujoco)\b", "" if spec is None else str(spec.entry_point))
        installed = re.search(r"pip install [\"']?[\w\[\]\-.]+[\"']?", str(error))
        ours = f'pip install "operant-rl[{extra[1]}]"' if extra else None
        remedy = ours or (installed[0] if installed else str(error))
        raise ImportError(f"{name} needs a package that is not installed: {remedy}") from error
    except ImportError as error:
        if ":" in name and isinstance(error, ModuleNotFoundError):  # of a package named in the id
            raise ValueError(unknown(name)) from error
        if "mujoco v2 and v3" not in str(error):
            raise
        newer = re.sub(r"-v\d+$", "-v5", name)
        raise ValueError(
            f'{name} left Gymnasium: use {newer}, which needs pip install "operant-rl[mujoco]".'
        ) from error
    except (gym.error.UnregisteredEnv, gym.error.DeprecatedEnv) as error:
        raise ValueError(unknown(name)) from error
