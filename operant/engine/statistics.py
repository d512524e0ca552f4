"""Statistics of the last episodes, kept inside the run."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.ops.metrics import Masked, Metrics
from operant.types import Transition

WINDOW = 100  # episodes, if nobody says otherwise


class EpisodeStatistics(eqx.Module):
    """Returns (raw, undiscounted) and lengths of episodes while they run, and of the last W that ended."""

    running_return: jax.Array  # [N]
    running_length: jax.Array  # [N] int32
    returns: jax.Array  # [W], a ring
    lengths: jax.Array  # [W]
    episodes: jax.Array  # int32: how many have ended
    successes: jax.Array | None = None  # [W] bool: whether each reached its goal; None where nobody says so

    @classmethod
    def init(cls, num_envs: int, window: int = WINDOW, *, successes: bool = False) -> EpisodeStatistics:
        return cls(
            jnp.zeros(num_envs, jnp.float32),
            jnp.zeros(num_envs, jnp.int32),
            jnp.zeros(window, jnp.float32),
            jnp.zeros(window, jnp.int32),
            jnp.zeros((), jnp.int32),
            jnp.zeros(window, bool) if successes else None,
        )

    @property
    def window(self) -> int:
        """W: how many of the last episodes are looked at."""
        return self.returns.shape[-1]

    def update(self, transition: Transition, success: jax.Array | None = None) -> EpisodeStatistics:
        """With fresh experience `[T, N]` counted, of which each step says whether it reached the goal."""

        def forward(running: tuple[jax.Array, jax.Array], row: tuple[jax.Array, jax.Array, jax.Array]):
            reward, done, happened = row
            total, length = running[0] + reward, running[1] + happened
            return (jnp.where(done, 0.0, total), jnp.where(done, 0, length)), (total, length)

        reward = transition.reward if transition.raw_reward is None else transition.raw_reward
        happened = transition.mask
        reward = jnp.where(happened, reward, 0.0)
        start = (self.running_return, self.running_length)
        running, (total, length) = jax.lax.scan(forward, start, (reward, transition.done, happened))

        ended = (transition.done & happened).reshape(-1)
        order = jnp.cumsum(ended.astype(jnp.int32))
        count = order[-1]
        # Of more endings at once than the window has only the last are kept; its size as an index is dropped.
        kept = ended & (order > count - self.window)
        index = jnp.where(kept, (self.episodes + order - 1) % self.window, self.window)
        return EpisodeStatistics(
            running[0],
            running[1],
            self.returns.at[index].set(total.reshape(-1), mode="drop"),
            self.lengths.at[index].set(length.reshape(-1), mode="drop"),
            self.episodes + count,
            None
            if self.successes is None or success is None
            else self.successes.at[index].set(success.reshape(-1), mode="drop"),
        )

    def report(self) -> Metrics:
        """Means over the window, absent before the first episode has ended."""
        filled = jnp.arange(self.window) < self.episodes
        count = jnp.minimum(self.episodes, self.window)
        known = self.episodes > 0
        mean_return = jnp.sum(jnp.where(filled, self.returns, 0.0)) / count
        mean_length = jnp.sum(jnp.where(filled, self.lengths, 0)) / count
        reported = {
            "rollout/ep_rew_mean": Masked(mean_return, known),
            "rollout/ep_len_mean": Masked(mean_length, known),
            "time/episodes": self.episodes,
        }
        if self.successes is not None:
            rate = jnp.sum(jnp.where(filled, self.successes, False)) / count
            reported["rollout/success_rate"] = Masked(rate, known)
        return reported
