"""Environments of goals: what is observed says what is to be achieved, and what has been.

An observation is a Dict of `observation`, `achieved_goal` and `desired_goal`, and the environment says what reward any
pair of goals would give. That is the interface of Gymnasium-Robotics' `GoalEnv`, which hindsight learns from.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant.envs.gymnasium_layers import PASS_THROUGH, RawRewardInInfo, layers_of
from operant.envs.gymnasium_spaces import action_to_gym, space_from_gymnasium
from operant.spaces import Dict, Space, Tuple
from operant.types import PyTree

if TYPE_CHECKING:
    from operant.envs.base import Environment

ACHIEVED, DESIRED = "achieved_goal", "desired_goal"
SUCCESS = (
    "is_success"  # in infos, whether the goal is reached: Gymnasium's robots and Stable-Baselines3 have it so
)
PARTS = {"observation", ACHIEVED, DESIRED}


class Goals(NamedTuple):
    """What an environment says of pairs of goals `[…, *goal]`, with any leading axes; traced."""

    reward: Callable[[jax.Array, jax.Array], jax.Array]  # (achieved, desired) → float32 […]
    terminated: Callable[[jax.Array, jax.Array], jax.Array] | None  # bool […]; None: goals end no episode
    success: (
        Callable[[jax.Array, jax.Array], jax.Array] | None
    )  # bool […]; None where infos say so, or nobody


def goal_space(space: Space) -> Space | None:
    """The space of the goals in an environment's observations; None where there are none.

    A goal is one array: neither a Dict nor a Tuple.
    """
    if not isinstance(space, Dict) or not space.parts.keys() >= PARTS:
        return None
    achieved, desired = space.parts[ACHIEVED], space.parts[DESIRED]
    if type(achieved) is not type(desired) or isinstance(achieved, Dict | Tuple):
        return None
    own, wanted = ((one.shape, one.dtype) for one in (achieved, cast(Any, desired)))
    return desired if own == wanted else None


def native_goals(environment: Environment) -> Goals | None:
    """What a native environment says of goals; None if it has none."""
    space: Any = goal_space(environment.observation_space)
    if space is None:
        return None
    goal = jax.ShapeDtypeStruct(space.shape, space.dtype)
    axes = len(space.shape)

    def of(function: Callable[[jax.Array, jax.Array], Any]) -> Callable | None:
        if jax.eval_shape(function, goal, goal) is None:
            return None

        def batched(achieved: jax.Array, desired: jax.Array) -> jax.Array:
            leading = achieved.shape[: achieved.ndim - axes]
            flat = (goals.reshape(-1, *space.shape) for goals in (achieved, desired))
            return jax.vmap(function)(*flat).reshape(leading)

        return batched

    reward = of(environment.compute_reward)
    if reward is None:
        return None
    return Goals(reward, of(environment.compute_terminated), of(environment.compute_success))


def says_goals(env: gym.Env, space: Space) -> bool:
    """Whether a Gymnasium environment of this observation space says what reward a pair of goals gives in it.

    A layer around the one that says it must not change observations or rewards, or repeat actions.
    """
    if goal_space(space) is None or not env.has_wrapper_attr("compute_reward"):
        return False
    for layer in layers_of(env):
        if hasattr(type(layer), "compute_reward"):
            return True
        if not isinstance(layer, PASS_THROUGH) or isinstance(layer, gym.RewardWrapper | RawRewardInInfo):
            return False
    return True


def goals_of(env: gym.Env, name: str) -> Goals:
    """What a Gymnasium environment says, in NumPy: a compiled program calls it back, with a whole batch at once.

    Ends of episodes are asked of `compute_terminated`, where there is one, with one pair after the other: given a
    batch, many environments answer for all of it together.

    Raises ValueError, naming the environment, where `compute_reward` does not take batches.
    """
    observations: Any = env.observation_space
    space = observations[DESIRED]
    ours: Any = space_from_gymnasium(space)
    axes = len(ours.shape)
    compute_reward = env.get_wrapper_attr("compute_reward")
    ends = env.has_wrapper_attr("compute_terminated")
    compute_terminated = env.get_wrapper_attr("compute_terminated") if ends else None

    def shown(goals: Any) -> Any:
        """A batch as the environment has it: of the type of its space."""
        batch = np.asarray(goals).reshape(-1, *ours.shape)
        return batch.astype(space.dtype) if isinstance(space, gym.spaces.Box) else action_to_gym(space, batch)

    def rewards(achieved: Any, desired: Any) -> np.ndarray:
        own = shown(achieved)
        answer = compute_reward(own, shown(desired), [{} for _ in own])
        return np.asarray(answer, np.float32).reshape(np.shape(achieved)[: np.ndim(achieved) - axes])

    def terminated(achieved: Any, desired: Any) -> np.ndarray:
        assert compute_terminated is not None
        pairs = zip(shown(achieved), shown(desired), strict=True)
        answer = np.array([bool(compute_terminated(*pair, {})) for pair in pairs], bool)
        return answer.reshape(np.shape(achieved)[: np.ndim(achieved) - axes])

    def called_back(function: Callable, dtype: Any, achieved: jax.Array, desired: jax.Array) -> jax.Array:
        like = jax.ShapeDtypeStruct(achieved.shape[: achieved.ndim - axes], dtype)
        return jax.pure_callback(function, like, achieved, desired, vmap_method="broadcast_all")

    zeros = np.zeros((3, *ours.shape), ours.dtype)
    try:
        rewards(zeros, zeros)
    except Exception as error:
        raise ValueError(
            f"{name}: compute_reward(achieved_goal, desired_goal, info) must take batches of goals, with a list of "
            f"infos, and give a reward for each; of 3 pairs it gave {type(error).__name__}: {error}"
        ) from error
    return Goals(
        partial(called_back, rewards, jnp.float32),
        None if compute_terminated is None else partial(called_back, terminated, jnp.bool_),
        None,
    )


def parts_of(observation: PyTree) -> tuple[jax.Array, jax.Array]:
    """`(achieved, desired)` of observations."""
    return observation[ACHIEVED], observation[DESIRED]
