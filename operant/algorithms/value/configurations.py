"""Combinations of DQN's values that the literature has names for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Configuration:
    """Defaults other than DQN's own. Those that are flags make it what it is; numbers may differ from task to task."""

    title: str
    about: str
    defaults: Mapping[str, Any]

    def describes(self, algorithm: Any) -> bool:
        """Whether an algorithm has all of its flags."""
        flags = {name: value for name, value in self.defaults.items() if isinstance(value, bool | str)}
        return all(getattr(algorithm, name) == value for name, value in flags.items())


CONFIGURATIONS = {
    "rainbow": Configuration(
        "Rainbow",
        "Rainbow (Hessel et al. 2018, arXiv:1710.02298): double, dueling, n-step, prioritised, noisy, categorical DQN.",
        {
            "double": True,
            "dueling": "mean",
            "priority": True,
            "noisy": True,
            "distributional": "categorical",
            "n_step": 3,
            "priority_exponent": 0.5,
            "exploration_initial_eps": 0.0,
            "exploration_final_eps": 0.0,
            "learning_rate": 6.25e-5,
            "optimizer_eps": 1.5e-4,
        },
    ),
    "qr-dqn": Configuration(
        "QR-DQN",
        "DQN that learns quantiles of the return (Dabney, Rowland et al. 2018, arXiv:1710.10044).",
        {
            "distributional": "quantile",
            "learning_rate": 5e-5,
            "optimizer_eps": 0.01 / 32,
            "exploration_fraction": 0.005,
            "exploration_final_eps": 0.01,
            "max_grad_norm": None,
        },
    ),
    "iqn": Configuration(
        "IQN",
        "DQN that learns the return's quantile function (Dabney, Ostrovski et al. 2018, arXiv:1806.06923).",
        {
            "distributional": "implicit",
            "n_quantiles": 64,
            "learning_rate": 5e-5,
            "optimizer_eps": 0.01 / 32,
            "exploration_fraction": 0.005,
            "exploration_final_eps": 0.01,
            "max_grad_norm": None,
        },
    ),
}
