"""One environment of a vector environment, to score, film and watch: in the same wrappers, with the same values.

A policy that learnt in a vector environment must be played in that very environment. One that was made from functions
or by `gymnasium.make_vec` says what one of its copies is; wrappers around all copies are put around one.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import gymnasium as gym
import jax
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space, concatenate, create_empty_array, iterate
from gymnasium.wrappers import vector as layers

from operant.envs.running_statistics import with_raw_rewards
from operant.types import PyTree

FOR_PEOPLE = (
    "RecordEpisodeStatistics",
    "RecordVideo",
    "HumanRendering",
    "DictInfoToList",
)  # not for policies
NOT_FOR_POLICIES = tuple(getattr(layers, name) for name in FOR_PEOPLE if hasattr(layers, name))
REMEDY = "pass one of its kind, evaluate(env=…), or make the agent from the function that makes one"


def single_of_vector(
    envs: VectorEnv, render_mode: str | None, make: Callable[[str, Mapping[str, Any]], gym.Env]
) -> gym.Env:
    """One environment that is what each copy of `envs` is; `envs` itself is not touched.

    `make` makes a single environment from an id and keyword arguments.

    Raises ValueError where that cannot be told, naming what to pass.
    """
    around = [layer for layer in _layers(envs) if not isinstance(layer, NOT_FOR_POLICIES)]
    one = _single(envs.unwrapped, render_mode, make)
    one = None if one is None else with_raw_rewards(one)
    if not around and one is not None:
        return one
    mode = envs.unwrapped.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
    if one is not None:
        base: VectorEnv = SyncVectorEnv([lambda: one], autoreset_mode=mode)
    else:
        base = gym.make_vec(_registration(envs.unwrapped, render_mode), 1)
    return OneOfVector(*_around_one(base, around, envs.num_envs))


def first_copy(inner: Any) -> gym.Env:
    """The first environment of a SyncVectorEnv or an AsyncVectorEnv, made anew."""
    if isinstance(inner.env_fns, list | tuple):
        return inner.env_fns[0]()
    if inner.spec is None:  # the functions came one by one, and are used up
        raise ValueError(f"{type(inner).__name__} was not given a list of functions: {REMEDY}.")
    registration = copy.deepcopy(inner.spec)
    around, registration.kwargs = registration.kwargs.get("wrappers", ()), _own_values(registration)
    env = gym.make(registration)
    for wrapper in around:
        env = wrapper(env)
    return env


def _own_values(registration: Any) -> dict[str, Any]:
    """The keyword arguments of one environment, of those that `make_vec` kept."""
    of_vectors = ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers")
    return {name: value for name, value in registration.kwargs.items() if name not in of_vectors}


class OneOfVector(gym.Env[Any, Any]):
    """The only copy in a vector environment, as an environment by itself.

    Observations are normalised with the statistics of training as they are at each reset, and do not change them.
    """

    def __init__(self, envs: VectorEnv, statistics: list[tuple[Any, Any]]) -> None:
        self.envs, self._statistics = envs, statistics
        self.observation_space, self.action_space = envs.single_observation_space, envs.single_action_space
        inner = envs.unwrapped
        self.spec = inner.envs[0].spec if isinstance(inner, SyncVectorEnv) else envs.spec
        self.render_mode = envs.render_mode
        self.metadata = {**envs.metadata, "render_modes": envs.metadata.get("render_modes", [])}

    @property
    def id(self) -> str:
        inner = self.envs.unwrapped
        return type(inner.envs[0].unwrapped if isinstance(inner, SyncVectorEnv) else inner).__name__

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[PyTree, dict[str, Any]]:
        for trained, own in self._statistics:
            own.obs_rms = copy.deepcopy(trained.obs_rms)
        observation, infos = self.envs.reset(seed=seed, options=options)
        return self._first(observation), _first_info(infos)

    def step(self, action: Any) -> tuple[PyTree, float, bool, bool, dict[str, Any]]:
        out = create_empty_array(self.action_space, 1)
        observation, reward, terminated, truncated, infos = self.envs.step(
            concatenate(self.action_space, [action], out)
        )
        over = bool(terminated[0]), bool(truncated[0])
        if any(over) and "final_obs" in infos:  # the copy was reset in the same step
            return infos["final_obs"][0], float(reward[0]), *over, _first_info(infos.get("final_info", {}))
        return self._first(observation), float(reward[0]), *over, _first_info(infos)

    def render(self) -> Any:
        frames = self.envs.render()
        return frames[0] if isinstance(frames, tuple | list) else frames

    def close(self) -> None:
        self.envs.close()

    def _first(self, observation: PyTree) -> PyTree:
        return copy.deepcopy(next(iter(iterate(self.envs.observation_space, observation))))


def _layers(envs: VectorEnv) -> list[VectorWrapper]:
    """From the outermost inwards."""
    found = []
    while isinstance(envs, VectorWrapper):
        found.append(envs)
        envs = envs.env
    return found


def _single(
    inner: VectorEnv, render_mode: str | None, make: Callable[[str, Mapping[str, Any]], gym.Env]
) -> gym.Env | None:
    """What one copy is, made anew; None where it exists only as a vector environment, of one copy or more."""
    if type(inner) in (SyncVectorEnv, AsyncVectorEnv):
        return first_copy(inner)
    if inner.spec is None:
        raise ValueError(
            f"{type(inner).__name__} does not say what one of its environments is, so it cannot be scored or shown: "
            f"{REMEDY}."
        )
    values = _own_values(inner.spec)
    if render_mode is not None:
        values["render_mode"] = render_mode
    if inner.spec.entry_point is None:
        return None
    try:
        made = make(inner.spec.id, values)
    except (TypeError, ValueError):  # keyword arguments that only the vector environment has
        return None
    spaces = (made.observation_space, made.action_space)
    if spaces == (inner.single_observation_space, inner.single_action_space):
        return made
    made.close()  # of the same name, but not the same: Atari's vectors, for one, scale and stack their pictures
    return None


def _registration(inner: VectorEnv, render_mode: str | None) -> Any:
    """How `make_vec` made it, but for the number of copies."""
    registration = copy.deepcopy(inner.spec)
    assert registration is not None
    registration.kwargs.pop("num_envs", None)
    if render_mode is not None:
        registration.kwargs["render_mode"] = render_mode
    return registration


def _around_one(
    base: VectorEnv, around: list[VectorWrapper], num_envs: int
) -> tuple[VectorEnv, list[tuple[Any, Any]]]:
    """`(base in copies of these layers, the outermost first, [(layer with statistics, its copy)])`.

    Scores are of rewards as they come before the innermost NormalizeReward.
    """
    statistics, raw = [], False
    for layer in reversed(around):
        if isinstance(layer, layers.NormalizeReward):
            raw = True
            continue
        if raw and isinstance(layer, gym.vector.VectorRewardWrapper):
            continue
        base = _around(base, layer, num_envs)
        if isinstance(layer, layers.NormalizeObservation):
            base.update_running_mean = False  # pyright: ignore[reportAttributeAccessIssue] (it is one)
            statistics.append((layer, base))
    return base, statistics


def _around(env: VectorEnv, layer: VectorWrapper, num_envs: int) -> VectorEnv:
    """A copy of this layer around one copy. Raises ValueError for one that keeps something for each of its copies."""
    one: Any = copy.copy(layer)
    one.env = env
    ours = type(layer).__module__.startswith("gymnasium.")
    for name, value in vars(layer).items():
        if name == "env":
            continue
        if name in ("_observation_space", "_action_space"):
            single = getattr(layer, f"single{name}")
            setattr(one, name, value if value is None else batch_space(single, 1))
        elif ours and name == "out":  # where batches are put together
            one.out = jax.tree.map(lambda part: part[:1].copy(), value)
        elif not ours and num_envs > 1 and _each(value, num_envs):
            raise ValueError(
                f"{type(layer).__name__}.{name} holds something for each of its {num_envs} environments, so that one "
                f"alone cannot be scored or shown in this wrapper: {REMEDY}."
            )
        elif isinstance(value, np.ndarray | list | dict | set | deque):
            setattr(one, name, copy.deepcopy(value))
    return one


def _each(value: Any, num_envs: int) -> bool:
    """Whether a value may hold a part for every copy."""
    if isinstance(value, np.ndarray):
        return value.ndim > 0 and len(value) == num_envs
    return isinstance(value, list | tuple | dict | set | deque) and len(value) == num_envs


def _first_info(infos: Mapping[str, Any]) -> dict[str, Any]:
    """The only copy's, of what it told."""
    return {
        name: values[0]
        for name, values in infos.items()
        if f"_{name}" in infos and not isinstance(values, dict) and infos[f"_{name}"][0]
    }
