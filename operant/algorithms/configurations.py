"""Combinations of an algorithm's values that the literature has names for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Configuration:
    """Defaults other than an algorithm's own. Some make it what it is; others may differ from task to task."""

    of: str  # the algorithm, by its name in `names.PLACES`
    title: str
    about: str
    defaults: Mapping[str, Any]  # of the network those values in which it differs
    marks: tuple[str, ...] = ()  # which defaults make it what it is; none: those that are flags or choices

    def describes(self, algorithm: Any) -> bool:
        """Whether an algorithm of its class has all that makes it what it is."""
        marks = self.marks or tuple(
            name for name, value in self.defaults.items() if isinstance(value, bool | str)
        )
        return all(_value(algorithm, mark) == _value(self.defaults, mark) for mark in marks)


def _value(values: Any, mark: str) -> Any:
    """The value of a mark, as in "policy_q" or "network.weight_norm", of an algorithm or in a mapping."""
    for name in mark.split("."):
        values = values.get(name) if isinstance(values, Mapping) else getattr(values, name, None)
    return values


def title(of: str, algorithm: Any, otherwise: str) -> str:
    """What people call an algorithm with these values; the class's own name where there is none for them."""
    return next(
        (known.title for known in CONFIGURATIONS.values() if known.of == of and known.describes(algorithm)),
        otherwise,
    )


CONFIGURATIONS = {
    "a3c": Configuration(
        "a2c",
        "A3C",
        "Asynchronous advantage actor–critic (Mnih et al. 2016, arXiv:1602.01783): A2C whose workers compute gradients "
        "of what they play and push them to one set of parameters, without waiting for each other.",
        {"async_gradients": True, "ent_coef": 0.01},
    ),
    "appo": Configuration(
        "ppo",
        "APPO",
        "Asynchronous PPO: PPO that learns from what workers played by older policies, with V-trace's values and "
        "advantages (Espeholt et al. 2018, arXiv:1802.01561) in its clipped objective.",
        # Standardised, what the policy would hardly do any more, whose advantage is near 0, were pushed by the mean.
        {"vtrace": True, "normalize_advantage": False, "n_steps": 128, "batch_size": 128, "n_epochs": 3},
        ("vtrace",),
    ),
    "rloo": Configuration(  # before Dr. GRPO, which it is as well
        "grpo",
        "RLOO",
        "REINFORCE leave-one-out (Kool et al. 2019; Ahmadian et al. 2024, arXiv:2402.14740): policy gradients whose "
        "baseline is the mean return of the group's other episodes.",
        {"baseline": "leave_one_out", "scale": "none", "aggregation": "constant"},
    ),
    "dr-grpo": Configuration(
        "grpo",
        "Dr. GRPO",
        "GRPO done right (Liu et al. 2025, arXiv:2503.20783): GRPO without what prefers long responses, and easy or "
        "hard prompts.",
        {"scale": "none", "aggregation": "constant"},
    ),
    "dapo": Configuration(
        "grpo",
        "DAPO",
        "Decoupled clip and dynamic sampling policy optimisation (Yu et al. 2025, arXiv:2503.14476): GRPO that clips "
        "higher, with a mean over tokens, and without groups that say nothing.",
        {"clip_range_high": 0.28, "aggregation": "token", "skip_equal_groups": True},
    ),
    "rainbow": Configuration(
        "dqn",
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
    "btr": Configuration(  # before IQN, which it is as well
        "dqn",
        "BTR",
        "Beyond the Rainbow (Clark et al. 2025, arXiv:2411.03820): IQN with Munchausen targets, dueling, n-step, "
        "prioritised and noisy, of many environments.",
        # What depends on the length of training, and on images, is in its presets.
        {
            "distributional": "implicit",
            "munchausen": True,
            "dueling": "mean",
            "priority": True,
            "noisy": True,
            "n_step": 3,
            "gamma": 0.997,
            "batch_size": 256,
            "train_freq": 1,
            "learning_rate": 1e-4,
            "optimizer_eps": 0.005 / 256,
            "priority_exponent": 0.2,
            "priority_beta": 0.45,
            "n_quantiles": 8,
            "n_target_quantiles": 8,
            "n_policy_quantiles": 8,
            "exploration_final_eps": 0.01,
        },
    ),
    "qr-dqn": Configuration(
        "dqn",
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
        "dqn",
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
    "ddpg": Configuration(
        "td3",
        "DDPG",
        "Deep deterministic policy gradient (Lillicrap et al. 2016, arXiv:1509.02971): TD3 with one critic, without "
        "delay or noise in targets.",
        {"n_critics": 1, "policy_delay": 1, "target_policy_noise": 0.0, "target_noise_clip": 0.0},
        ("n_critics", "policy_delay"),
    ),
    "tqc": Configuration(
        "sac",
        "TQC",
        "Truncated quantile critics (Kuznetsov et al. 2020, arXiv:2005.04269): SAC that learns quantiles of the "
        "return, and drops the largest of all critics' together.",
        {"distributional": "quantile", "policy_q": "mean"},
    ),
    "redq": Configuration(
        "sac",
        "REDQ",
        "Randomized ensembled double Q-learning (Chen et al. 2021, arXiv:2101.05982): SAC with ten critics, the least "
        "of two at random in targets, and 20 updates of them for each step and each update of the policy.",
        {"n_critics": 10, "critic_subset": 2, "gradient_steps": 20, "policy_delay": 20, "policy_q": "mean"},
        ("critic_subset", "policy_q"),
    ),
    "droq": Configuration(
        "sac",
        "DroQ",
        "Dropout Q-functions (Hiraoka et al. 2022, arXiv:2110.02034): SAC whose two critics have dropout and layer "
        "normalisation, in targets as well, and 20 updates of them for each step and each update of the policy.",
        {
            "gradient_steps": 20,
            "policy_delay": 20,
            "policy_q": "mean",
            "network": {"value_dropout": 0.01, "value_layer_norm": True},
        },
        ("policy_delay", "policy_q", "network.value_layer_norm"),
    ),
    "xqc": Configuration(
        "crossq",
        "XQC",
        "CrossQ whose hidden weights have length 1, and whose critics learn probabilities of returns (Palenicek et al. "
        "2025, arXiv:2509.25174), on normalised rewards.",
        # Weights of length 1 and categorical critics are the paper's; atoms, widths and scaled rewards are those of
        # SimbaV2 (arXiv:2502.15280) or near them, and are not compared with the authors' code.
        {
            "distributional": "categorical",
            "n_atoms": 101,
            "v_min": -5.0,
            "v_max": 5.0,
            "normalize_rewards": True,
            "network": {"weight_norm": True, "value_hidden_sizes": (512, 512, 512, 512)},
        },
        ("distributional", "network.weight_norm"),
    ),
}
