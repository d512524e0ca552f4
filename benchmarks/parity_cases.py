"""What `benchmarks.parity` trains on both sides, told to each by one table. Only the standard library.

Values are Stable-Baselines3's defaults, or near those of its zoo of trained agents where the defaults learn nothing in
so few steps. Steps are chosen so that most learners are still on their way: of two that have solved an environment one
cannot tell which is better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

CARTPOLE, ACROBOT, PENDULUM = "CartPole-v1", "Acrobot-v1", "Pendulum-v1"
BINS = 5  # choices of torque where an algorithm takes no Box

# Which actions are possible, given an observation, in numbers or arrays of any library. A mask must matter and must not
# stand in the way: the cart may not be pushed further outwards, the arm not be left alone, nor be swung hard when up.
MASKS: dict[str, Callable[[Any], list[Any]]] = {
    CARTPOLE: lambda seen: [seen[0] > -1.2, seen[0] < 1.2],
    ACROBOT: lambda seen: [seen[0] == seen[0], seen[0] != seen[0], seen[0] == seen[0]],
    PENDULUM: lambda seen: [
        seen[0] < 0.9,
        seen[0] == seen[0],
        seen[0] == seen[0],
        seen[0] == seen[0],
        seen[0] < 0.9,
    ],
}


@dataclass(frozen=True)
class Pair:
    """An algorithm on an environment, of operant and of its peer."""

    title: str
    algorithm: str  # operant's name of it
    peer: str  # the peer's: package and class
    environment: str
    steps: int
    num_envs: int
    hyperparameters: dict[str, Any]
    ours: dict[str, Any] = field(default_factory=dict)  # what only operant has to be told
    theirs: dict[str, Any] = field(default_factory=dict)  # what only the peer has to be told
    bins: int | None = None  # choices that a Box of actions is cut into
    masked: bool = False  # whether `MASKS` says which actions are possible

    @property
    def name(self) -> str:
        return f"{self.title} {self.environment.partition('-')[0]}"

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides what is learnt, as JSON gives it back."""
        return asdict(self)


_PPO = {
    "learning_rate": 3e-4,
    "n_steps": 256,
    "batch_size": 256,
    "n_epochs": 10,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "clip_range": 0.2,
    "ent_coef": 0.0,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
}
_PPO_CARTPOLE = _PPO | {"learning_rate": 1e-3}
_PPO_ACROBOT = _PPO | {"learning_rate": 1e-3, "n_epochs": 4, "gae_lambda": 0.94}
_PPO_PENDULUM = _PPO | {"learning_rate": 1e-3, "n_steps": 512, "batch_size": 64, "gamma": 0.9}
_SDE = {"use_sde": True, "sde_sample_freq": 4}
# operant acts in units of the Box unless told otherwise; the peers act in the environment's, and clip.
_BOX = {"scale_actions": False}
_A2C = {
    "learning_rate": 7e-4,
    "n_steps": 5,
    "gamma": 0.99,
    "gae_lambda": 1.0,
    "ent_coef": 0.0,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
    "use_rms_prop": True,
    "rms_prop_eps": 1e-5,
    "normalize_advantage": False,
}
_TRPO = {
    "learning_rate": 1e-3,
    "n_steps": 512,
    "batch_size": 128,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "cg_max_steps": 15,
    "cg_damping": 0.1,
    "line_search_shrinking_factor": 0.8,
    "line_search_max_iter": 10,
    "n_critic_updates": 10,
    "target_kl": 0.01,
    "sub_sampling_factor": 1,
    "normalize_advantage": True,
}
_DQN = {
    "learning_rate": 1e-3,
    "buffer_size": 50_000,
    "learning_starts": 1_000,
    "batch_size": 64,
    "train_freq": 4,
    "gradient_steps": 1,
    "target_update_interval": 250,
    "gamma": 0.99,
    "tau": 1.0,
    "exploration_fraction": 0.2,
    "exploration_initial_eps": 1.0,
    "exploration_final_eps": 0.05,
    "max_grad_norm": 10.0,
}
_DQN_PENDULUM = _DQN | {"gamma": 0.95, "gradient_steps": 2}
_QUANTILES = 20
_QR = {"max_grad_norm": None}
_LSTM = 32
_ARS = {
    "n_delta": 8,
    "n_top": 4,
    "learning_rate": 0.05,
    "delta_std": 0.1,
    "zero_policy": True,
    "alive_bonus_offset": 0.0,
    "n_eval_episodes": 1,
}


def _ppo(environment: str, steps: int, num_envs: int, values: dict[str, Any], **more: Any) -> Pair:
    return Pair("PPO", "ppo", "stable_baselines3.PPO", environment, steps, num_envs, values, **more)


def _a2c(environment: str, steps: int, values: dict[str, Any], **more: Any) -> Pair:
    return Pair("A2C", "a2c", "stable_baselines3.A2C", environment, steps, 8, values, **more)


def _dqn(environment: str, steps: int, values: dict[str, Any], bins: int | None = None) -> Pair:
    network = {"policy_kwargs": {"net_arch": [64, 64]}}  # operant's; SB3's DQN has the same by default
    return Pair(
        "DQN", "dqn", "stable_baselines3.DQN", environment, steps, 1, values, theirs=network, bins=bins
    )


def _trpo(environment: str, steps: int, values: dict[str, Any], **more: Any) -> Pair:
    return Pair("TRPO", "trpo", "sb3_contrib.TRPO", environment, steps, 2, values, **more)


def _qr_dqn(environment: str, steps: int, values: dict[str, Any], bins: int | None = None) -> Pair:
    network = {"policy_kwargs": {"net_arch": [64, 64], "n_quantiles": _QUANTILES}}
    eps = 0.01 / values["batch_size"]  # the peer's of Adam; operant's default is 0.01/32, the paper's
    ours = {"n_quantiles": _QUANTILES, "optimizer_eps": eps}
    return Pair(
        "QR-DQN", "qr-dqn", "sb3_contrib.QRDQN", environment, steps, 1, values | _QR, ours, network, bins
    )


def _recurrent_ppo(environment: str, steps: int, values: dict[str, Any], **ours: Any) -> Pair:
    """The LSTM of the value function is one of its own, as it is by default in sb3-contrib."""
    network = {"memory": "lstm", "memory_size": _LSTM, "critic_memory": "own"}
    theirs = {"policy": "MlpLstmPolicy", "policy_kwargs": {"lstm_hidden_size": _LSTM}}
    values = values | {"n_steps": 128, "batch_size": 256, "n_epochs": 5}
    return Pair(
        "RecurrentPPO",
        "ppo",
        "sb3_contrib.RecurrentPPO",
        environment,
        steps,
        8,
        values,
        {"network": network} | ours,
        theirs,
    )


def _maskable_ppo(environment: str, steps: int, values: dict[str, Any], bins: int | None = None) -> Pair:
    return Pair(
        "MaskablePPO",
        "ppo",
        "sb3_contrib.MaskablePPO",
        environment,
        steps,
        8,
        values,
        bins=bins,
        masked=True,
    )


def _ars(environment: str, steps: int, **more: Any) -> Pair:
    """operant plays the 16 candidates of a generation side by side, the peer one after another."""
    ours = {"num_envs": 2 * _ARS["n_delta"]} | more
    theirs = {"policy": "LinearPolicy", "policy_kwargs": {"with_bias": True}}
    return Pair("ARS", "ars", "sb3_contrib.ARS", environment, steps, 1, _ARS, ours, theirs)


PAIRS = (
    _a2c(CARTPOLE, 60_000, _A2C),
    _ppo(PENDULUM, 30_000, 4, _PPO_PENDULUM | _SDE, ours=_BOX),
    _ppo(CARTPOLE, 16_000, 8, _PPO_CARTPOLE),
    _ppo(ACROBOT, 40_000, 8, _PPO_ACROBOT),
    _dqn(CARTPOLE, 30_000, _DQN),
    _a2c(ACROBOT, 60_000, _A2C),
    _trpo(CARTPOLE, 16_000, _TRPO),
    _ars(CARTPOLE, 25_000),
    _maskable_ppo(CARTPOLE, 16_000, _PPO_CARTPOLE),
    _qr_dqn(CARTPOLE, 20_000, _DQN),
    _recurrent_ppo(CARTPOLE, 16_000, _PPO_CARTPOLE),
    _dqn(ACROBOT, 30_000, _DQN),
    _trpo(ACROBOT, 20_000, _TRPO),
    _maskable_ppo(ACROBOT, 40_000, _PPO_ACROBOT),
    _dqn(PENDULUM, 20_000, _DQN_PENDULUM, BINS),
    _trpo(PENDULUM, 30_000, _TRPO | _SDE | {"n_steps": 1024, "gamma": 0.9}, ours=_BOX),
    _maskable_ppo(PENDULUM, 30_000, _PPO_PENDULUM, BINS),
    _ars(ACROBOT, 50_000),
    _ars(PENDULUM, 50_000, **_BOX),
    _qr_dqn(ACROBOT, 20_000, _DQN),
    _qr_dqn(PENDULUM, 20_000, _DQN_PENDULUM, BINS),
    _recurrent_ppo(ACROBOT, 30_000, _PPO_ACROBOT),
    _recurrent_ppo(PENDULUM, 30_000, _PPO_PENDULUM, **_BOX),
    _a2c(
        PENDULUM,
        100_000,
        _A2C | {"n_steps": 8, "gamma": 0.9, "gae_lambda": 0.9, "vf_coef": 0.4, "use_sde": True},
        ours=_BOX,
    ),
)

_EPS = 1e-5
_OFF_POLICY = {"gamma": 0.99, "batch_size": 256, "buffer_size": 1_000, "train_freq": 1}
_POLYAK = _OFF_POLICY | {"tau": 0.005}
_RENORM_WARMUP = (
    4  # updates after which CrossQ's statistics are corrected: both kinds are among those compared
)


def _actor_critic(title: str, package: str, **values: Any) -> Pair:
    """With the defaults of both sides, which are the same: networks, two critics, 25 quantiles.

    But Adam's ε is larger: a gradient that is 0 but for rounding is then no step of its full size.
    """
    ours = {"optimizer_eps": _EPS}
    theirs = {"policy_kwargs": {"optimizer_kwargs": {"eps": _EPS}}}
    return Pair(title, title.lower(), f"{package}.{title}", PENDULUM, 0, 1, _POLYAK | values, ours, theirs)


def _crossq() -> Pair:
    """Adam's ε as of the others; critics of 64 units.

    Statistics are those of the minibatch alone, as in the first 100,000 updates: after them sb3-contrib's correction
    adds its ε at another place (`networks/batch_renorm.py`).
    """
    values = _OFF_POLICY | {"learning_rate": 1e-3, "ent_coef": "auto", "policy_delay": 3}
    network = {"hidden_sizes": (256, 256), "value_hidden_sizes": (64, 64)}
    theirs = {
        "net_arch": {"pi": [256, 256], "qf": [64, 64]},
        "optimizer_kwargs": {"eps": _EPS, "betas": [0.5, 0.999]},
    }
    return Pair(
        *("CrossQ", "crossq", "sb3_contrib.CrossQ", PENDULUM, 0, 1, values),
        {"optimizer_eps": _EPS, "network": network},
        {"policy_kwargs": theirs},
    )


# Whose single updates are compared, and which are not trained here: the peers would take days.
ACTOR_CRITICS = (
    _actor_critic("SAC", "stable_baselines3", learning_rate=3e-4, ent_coef="auto"),
    _actor_critic("TQC", "sb3_contrib", learning_rate=3e-4, ent_coef="auto", top_quantiles_to_drop_per_net=2),
    _actor_critic("TD3", "stable_baselines3", learning_rate=1e-3, policy_delay=2, target_policy_noise=0.2),
    _actor_critic("DDPG", "stable_baselines3", learning_rate=1e-3),
    _crossq(),
)
