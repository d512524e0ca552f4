"""Your own environment: an ordinary Gymnasium class, here with a Dict of observations and two choices at each step.

python examples/own_gymnasium_environment.py
"""

from __future__ import annotations

import gymnasium as gym
import numpy as np

import operant

SIZE = 5


class Errand(gym.Env):
    """Walk to a shop on a 5 × 5 grid and, once there, buy what is on the list.

    An action is (where to go, what to buy); what is bought elsewhere than in the shop, or wrongly, costs.
    """

    observation_space = gym.spaces.Dict(
        {
            "position": gym.spaces.MultiDiscrete([SIZE, SIZE]),
            "shop": gym.spaces.MultiDiscrete([SIZE, SIZE]),
            "list": gym.spaces.Discrete(3),
        }
    )
    action_space = gym.spaces.MultiDiscrete([5, 4])  # stay or one of four ways; nothing or one of three goods
    MOVES = np.array([(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.position, self.shop = self.np_random.integers(SIZE, size=(2, 2))
        self.wanted = int(self.np_random.integers(3))
        self.steps = 0
        return self._observation(), {}

    def step(self, action):
        move, purchase = action
        self.position = np.clip(self.position + self.MOVES[move], 0, SIZE - 1)
        self.steps += 1
        there = bool((self.position == self.shop).all())
        bought = there and purchase == self.wanted + 1
        reward = 1.0 if bought else -0.02 - 0.1 * bool(purchase)
        return self._observation(), reward, bought, self.steps >= 30, {}

    def _observation(self):
        return {"position": self.position.copy(), "shop": self.shop.copy(), "list": self.wanted}


def main(total_timesteps: int = 60_000, progress_bar: bool = True) -> operant.Agent:
    """Train PPO on it through the bridge, one encoder to each part of the observation."""
    agent = operant.PPO(
        Errand,
        num_envs=8,
        n_steps=128,
        batch_size=256,
        learning_rate="linear:0.002:0",
        ent_coef=0.01,
        network={"encoders": {"position": (32,), "shop": (32,)}},
    )
    agent.learn(total_timesteps, progress_bar=progress_bar)
    print("trained:", agent.evaluate(50))
    print("random: ", agent.random().evaluate(50, deterministic=False))
    return agent


if __name__ == "__main__":
    main()
