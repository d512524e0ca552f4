"""What algorithms share that look at observations and rewards on a common scale."""

from __future__ import annotations

from typing import Any

import equinox as eqx

from operant.algorithms import ranges
from operant.algorithms.base import require, static
from operant.ops.normalization import Normalizer, selected
from operant.types import EnvSpec


class NormalizesObservations(eqx.Module):
    """Hyperparameters of the running statistics of observations."""

    normalize_observations: bool = static(False)
    """Shift and scale observations by their running statistics; bytes (images) and choices are left as they are."""
    norm_obs_keys: tuple[str, ...] | None = static(None)
    """With normalize_observations: the parts of a Dict observation that are normalised (nested: a/b; of a Tuple: its
    position), images too where they are named; none: all numbers but bytes and choices."""
    clip_obs: float = static(10.0)
    """With normalize_observations: what normalised observations are clipped to, on both sides."""
    norm_epsilon: float = static(1e-8)
    """With normalize_observations or normalize_rewards: what is added to variances, so that none is 0."""

    def __check_init__(self) -> None:
        keys = self.norm_obs_keys
        fits = keys is None or (
            isinstance(keys, tuple) and keys and all(isinstance(key, str) for key in keys)
        )
        require(bool(fits), "norm_obs_keys", keys, "None, or the names of parts of the observation")
        require(
            keys is None or self.normalize_observations,
            "norm_obs_keys",
            keys,
            "None without normalize_observations",
        )
        ranges.positive(self, "clip_obs", "norm_epsilon")

    def make_normalizer(self, spec: EnvSpec) -> Normalizer:
        """The statistics before the first step."""
        return Normalizer.build(spec, **self._normalization)

    @property
    def _normalization(self) -> dict[str, Any]:
        return {
            "observations": self.normalize_observations,
            "rewards": False,
            "keys": self.norm_obs_keys,
            "clip_obs": self.clip_obs,
            "epsilon": self.norm_epsilon,
        }

    def normalized_parts(self, spec: EnvSpec) -> tuple[bool, ...]:
        """Which leaves of an observation are normalised. Raises ValueError for a name that is unknown or a choice's."""
        if not self.normalize_observations:
            return ()
        return selected(spec.observation_space, self.norm_obs_keys)

    def advice_on_normalization(self, spec: EnvSpec) -> list[str]:
        """Advice where there is nothing to normalise."""
        if not self.normalize_observations or any(self.normalized_parts(spec)):
            return []
        return [
            "normalize_observations=True has nothing to do: images of bytes and choices have scales of their own. "
            "Parts of a Dict can be named: norm_obs_keys."
        ]


class Normalizes(NormalizesObservations):
    """Those of rewards as well."""

    normalize_rewards: bool = static(False)
    """Scale rewards by the running deviation of their discounted return (by gamma)."""
    clip_reward: float = static(10.0)
    """With normalize_rewards: what scaled rewards are clipped to, on both sides."""

    def __check_init__(self) -> None:
        ranges.positive(self, "clip_reward")

    @property
    def _normalization(self) -> dict[str, Any]:
        return super()._normalization | {"rewards": self.normalize_rewards, "clip_reward": self.clip_reward}
