"""The side of `benchmarks.parity` that is operant's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import gymnasium as gym
import jax
import jax.numpy as jnp

import operant
from benchmarks.parity_cases import MASKS, Pair
from benchmarks.peers.masks import Masked
from operant.envs.base import Environment
from operant.envs.wrappers import Discretize, Wrapper
from operant.envs.wrappers.base import State, Wrapped
from operant.types import EnvSpec


def train(
    pair: Pair, seeds: Sequence[int], side: str, episodes: int, evaluation_seed: int
) -> Iterator[dict[str, Any]]:
    """The scores of each seed, all trained in one program: of the policy at the end, and of the last 100 episodes."""
    backend = "native" if side == "operant" else "gymnasium"
    values = {"num_envs": pair.num_envs} | pair.hyperparameters | pair.ours
    agent = operant.make(
        pair.algorithm,
        pair.environment,
        preset=None,
        seeds=list(seeds),
        backend=backend,
        wrappers=wrappers(pair),
        **values,
    )
    agent.learn(pair.steps, progress_bar=False)
    scores = agent.evaluate(episodes, evaluation_seed)
    training = agent.history[-1]["rollout/ep_rew_mean"]
    for seed, score, mean in zip(seeds, scores, training, strict=True):
        yield {
            "seed": seed,
            "final": float(score.mean),
            "training": float(mean),
            "steps": int(agent.step),
        }


def wrappers(pair: Pair) -> list[Wrapper]:
    """What stands around the environment, on both backends."""
    found: list[Wrapper] = [] if pair.bins is None else [Discretize(pair.bins)]
    return [*found, MaskRule(pair.environment)] if pair.masked else found


@dataclass(frozen=True)
class MaskRule(Wrapper):
    """Says which actions are possible, by the rule of `MASKS` for an environment's id."""

    environment: str

    def check(self, spec: EnvSpec) -> None:
        """Made for the environments of `MASKS`."""

    def native(self, environment: Environment) -> Environment:
        return WithMask.around(environment, self.environment)

    def gymnasium(self, env: gym.Env) -> gym.Env:
        return Masked(env, self.environment)


class WithMask(Wrapped):
    """A native environment with a mask."""

    environment: str = eqx.field(static=True)

    def action_mask(self, state: State) -> jax.Array:
        return jnp.stack(MASKS[self.environment](self.inner.observation(state.inner)))
