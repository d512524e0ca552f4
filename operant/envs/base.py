"""The protocol of native environments, and the one place where they are batched, time-limited and reset."""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from equinox import AbstractVar
from jax.typing import ArrayLike

from operant.envs.goals import native_goals
from operant.ops.metrics import Metrics
from operant.spaces import Space
from operant.types import EnvSpec, PyTree, TimeStep, Transition


class Environment(eqx.Module):
    """A Markov decision process as pure functions of one (unbatched) state.

    All randomness arrives as data: `sample_noise` makes what one step *and* one reset need, and the engine draws
    whole blocks of it outside its loop. Constants of the dynamics are static fields or class constants.
    """

    id: ClassVar[str]  # every concrete class gives its own
    max_episode_steps: AbstractVar[int | None]

    @property
    @abstractmethod
    def observation_space(self) -> Space: ...

    @property
    @abstractmethod
    def action_space(self) -> Space: ...

    @abstractmethod
    def sample_noise(self, key: jax.Array) -> PyTree:
        """The randomness of one step and of one reset: at least one array, even if nothing is random."""

    @abstractmethod
    def reset(self, noise: PyTree) -> PyTree:
        """The first state of an episode."""

    @abstractmethod
    def step(self, state: PyTree, action: PyTree, noise: PyTree) -> tuple[PyTree, jax.Array, jax.Array]:
        """`(next state, reward, terminated)`. The engine applies the time limit."""

    @abstractmethod
    def observation(self, state: PyTree) -> PyTree:
        """What the agent sees of a state; of `observation_space`."""

    def action_mask(self, state: PyTree) -> PyTree:
        """True for every possible action of `state`; None if all always are."""
        return None

    def raw_reward(self, state: PyTree) -> jax.Array | None:
        """The environment's own reward for the step that led to `state`; None where no wrapper changes it."""
        return None

    def discount(self, state: PyTree) -> jax.Array | None:
        """How much of what follows the step that led to `state` counts: see `TimeStep.discount`. None: all."""
        return None

    def compute_reward(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> jax.Array | None:
        """The reward of a step to what has been achieved, where that is desired: see `envs.goals`. None: no goals."""
        return None

    def compute_terminated(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> jax.Array | None:
        """Whether such a step ends the episode; None where goals end none."""
        return None

    def compute_success(self, achieved_goal: jax.Array, desired_goal: jax.Array) -> jax.Array | None:
        """Whether the goal is reached, which is counted at an episode's last step; None where nobody asks."""
        return None

    @property
    def slot(self) -> int | None:
        """How many steps every episode takes up: those after its end are dummy steps (see `TimeStep.valid`), so that
        all copies begin their episodes together. None: the next episode begins at once."""
        return None

    def judge(self, experience: Transition) -> tuple[jax.Array, Metrics] | None:
        """`(rewards [T, N], metrics)` of steps that have been taken, where these are looked at together, as a reward
        model looks at whole texts; they stand in place of those of `step`. None: those of `step` it is.
        """
        return None

    def picture(self, state: PyTree) -> jax.Array | None:
        """A picture of the state for people, `[H, W, 3]` uint8; None without one."""
        return None

    @property
    def frame_stack(self) -> int:
        """How many observations are stacked along the last axis of one."""
        return 1

    @property
    def spec(self) -> EnvSpec:
        """Its description, for one copy."""
        state = jax.eval_shape(lambda key: self.reset(self.sample_noise(key)), jax.random.key(0))
        masked = jax.eval_shape(self.action_mask, state) is not None
        return EnvSpec(
            self.id,
            self.observation_space,
            self.action_space,
            self.max_episode_steps,
            masked,
            discounted=jax.eval_shape(self.discount, state) is not None,
            goals=native_goals(self) is not None,
            dummy_steps=self.slot is not None,
            frame_stack=self.frame_stack,
        )


def judges(environment: Environment) -> bool:
    """Whether an environment rewards what was done as a whole: see `Environment.judge`."""
    while (inner := getattr(environment, "inner", None)) is not None:
        environment = inner
    return type(environment).judge is not Environment.judge


class EnvironmentState(eqx.Module):
    """N copies of an environment: their states, and how many steps each has taken in its episode."""

    inner: PyTree  # [N, …]
    elapsed: jax.Array  # [N] int32; of its slot where episodes have one
    over: jax.Array | None = None  # [N] bool: the episode has ended, and its slot has not; None without slots


def sample_noise(environment: Environment, key: jax.Array, num_envs: int) -> PyTree:
    """The randomness of one step of N copies; leaves `[N, …]`."""
    return jax.vmap(environment.sample_noise)(jax.random.split(key, num_envs))


def alike(noise: PyTree, group: int) -> PyTree:
    """Noise `[N, …]` of resets, in which each `group` of consecutive environments shares that of its first."""
    if group == 1:
        return noise
    return jax.tree.map(lambda x: x[jnp.arange(len(x)) // group * group], noise)


def in_32_bits(values: PyTree) -> PyTree:
    """What an environment's own code made, which is of 64 bits where JAX_ENABLE_X64 is on and nobody said which."""
    narrower = {"float64": jnp.float32, "int64": jnp.int32, "uint64": jnp.uint32}

    def narrow(x: ArrayLike) -> jax.Array:
        x = jnp.asarray(x)
        return x.astype(narrower[x.dtype.name]) if x.dtype.name in narrower else x

    return jax.tree.map(narrow, values)


def reset(environment: Environment, noise: PyTree) -> tuple[EnvironmentState, PyTree, PyTree]:
    """`(states, observations, action masks)` of N fresh episodes from noise `[N, …]`."""
    inner = in_32_bits(jax.vmap(environment.reset)(noise))
    elapsed = jnp.zeros(jax.tree.leaves(noise)[0].shape[0], jnp.int32)
    over = None if environment.slot is None else elapsed > 0
    return (
        EnvironmentState(inner, elapsed, over),
        in_32_bits(jax.vmap(environment.observation)(inner)),
        jax.vmap(environment.action_mask)(inner),
    )


def step(
    environment: Environment, states: EnvironmentState, action: PyTree, noise: PyTree
) -> tuple[EnvironmentState, TimeStep]:
    """One step of N copies; those whose episode ends are reset at once, or where it has a slot at the slot's end."""

    def chosen(condition: jax.Array, new: PyTree, old: PyTree) -> PyTree:
        return jax.tree.map(lambda x, y: jnp.where(condition, x, y), new, old)

    def one(
        state: PyTree, elapsed: jax.Array, over: jax.Array | None, action: PyTree, noise: PyTree
    ) -> tuple[EnvironmentState, TimeStep]:
        successor, reward, terminated = in_32_bits(environment.step(state, action, noise))
        elapsed = elapsed + 1
        limit, slot = environment.max_episode_steps, environment.slot
        truncated = jnp.zeros_like(terminated) if limit is None else ~terminated & (elapsed >= limit)
        valid, renewed = None, terminated | truncated
        if slot is not None and over is not None:
            valid, renewed = ~over, elapsed >= slot
            successor = chosen(over, state, successor)
            reward, terminated, truncated = jnp.where(over, 0, reward), terminated & valid, truncated & valid
            over = (over | terminated | truncated) & ~renewed
        next_state = chosen(renewed, in_32_bits(environment.reset(noise)), successor)
        timestep = TimeStep(
            observation=environment.observation(next_state),
            next_observation=environment.observation(successor),
            reward=reward,
            terminated=terminated,
            truncated=truncated,
            action_mask=environment.action_mask(next_state),
            next_action_mask=environment.action_mask(successor),
            raw_reward=environment.raw_reward(successor),
            discount=environment.discount(successor),
            valid=valid,
        )
        return EnvironmentState(next_state, jnp.where(renewed, 0, elapsed), over), in_32_bits(timestep)

    return jax.vmap(one)(states.inner, states.elapsed, states.over, action, noise)
