"""A wrapper of your own, which goes around native and Gymnasium environments in the same way: coarse sensors.

python examples/own_wrapper.py
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import equinox as eqx
import gymnasium as gym
import jax.numpy as jnp
import numpy as np

import operant
from operant.authoring import Wrapped, Wrapper, spaces


@dataclass(frozen=True)
class Coarse(Wrapper):
    """Observations are rounded to multiples of `step`, as by a cheap sensor."""

    step: float = 0.1
    """The distance between two readings."""
    changes_observations: ClassVar[bool] = True

    def check(self, spec):
        self.require(self.step > 0, "step", "above 0")
        if not isinstance(spec.observation_space, spaces.Box):
            raise self.refuse(spec, "observations of a Box", spec.observation_space)

    def native(self, environment):
        return CoarseEnvironment.around(environment, self)

    def gymnasium(self, env):
        def rounded(seen):
            return np.float32(np.round(seen / self.step) * self.step)

        return gym.wrappers.TransformObservation(env, rounded, env.observation_space)


class CoarseEnvironment(Wrapped):
    """A native environment, seen coarsely. All that it does not say is the inner environment's answer."""

    wrapper: Coarse = eqx.field(static=True)

    def observation(self, state):
        return jnp.round(self.inner.observation(state.inner) / self.wrapper.step) * self.wrapper.step


def main(total_timesteps: int = 50_000, progress_bar: bool = True) -> operant.Agent:
    """Train PPO on a CartPole that is read to the nearest 0.2."""
    agent = operant.PPO("CartPole-v1", wrappers=[Coarse(0.2)])
    agent.learn(total_timesteps, progress_bar=progress_bar)
    print(agent.evaluate(20))  # on Gymnasium's own CartPole, as coarsely seen
    return agent


if __name__ == "__main__":
    main()
