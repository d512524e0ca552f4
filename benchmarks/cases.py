"""What is measured: the same hyperparameters for both sides, and the ratios to be reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Family:
    """An algorithm on an environment, as both sides are told of it."""

    algorithm: str  # operant's name of it
    peer: str  # the peer's: package and class
    num_envs: int
    hyperparameters: dict[str, Any]
    environment: str = "CartPole-v1"
    ours: dict[str, Any] = field(default_factory=dict)  # what only operant has to be told
    theirs: dict[str, Any] = field(default_factory=dict)  # what only the peer has to be told
    atari: bool = False  # whether the peer needs its wrappers of Atari games, and four frames stacked


# ε does not fall: SB3 skips the network for random actions, so a falling ε would make its speed depend on how long
# it is measured.
_DQN = {
    "learning_rate": 1e-3,
    "buffer_size": 100_000,
    "learning_starts": 1_000,
    "batch_size": 32,
    "train_freq": 4,
    "gradient_steps": 1,
    "target_update_interval": 500,
    "gamma": 0.99,
    "exploration_initial_eps": 0.05,
    "exploration_final_eps": 0.05,
    "max_grad_norm": 10.0,
}
# PPO's, as Stable-Baselines3 and sb3-contrib have them; how many steps make a rollout and a minibatch is each family's.
_PPO = {
    "learning_rate": 3e-4,
    "n_epochs": 10,
    "gamma": 0.99,
    "gae_lambda": 0.95,
    "clip_range": 0.2,
    "ent_coef": 0.0,
    "vf_coef": 0.5,
    "max_grad_norm": 0.5,
}
_LSTM = 256  # sb3-contrib's default
# One update for each step of one environment, as both sides have it by default.
_ACTOR_CRITIC = {
    "buffer_size": 100_000,
    "learning_starts": 100,
    "batch_size": 256,
    "tau": 0.005,
    "gamma": 0.99,
    "train_freq": 1,
    "gradient_steps": 1,
}
_SAC = _ACTOR_CRITIC | {"learning_rate": 3e-4, "ent_coef": "auto"}
_TD3 = _ACTOR_CRITIC | {"learning_rate": 1e-3, "policy_delay": 2}
_CROSSQ = {name: value for name, value in _ACTOR_CRITIC.items() if name != "tau"} | {
    "learning_starts": 4,  # its updates are so long that few are measured
    "learning_rate": 1e-3,
    "policy_delay": 3,
    "ent_coef": "auto",
}
_WIDE = 2048  # of CrossQ's critics, in its paper
_ACTOR_CRITICS = {  # by name: operant's name, the peer, and what both are told
    "SAC": ("sac", "stable_baselines3.SAC", _SAC),
    "TD3": ("td3", "stable_baselines3.TD3", _TD3),
    "TQC": ("tqc", "sb3_contrib.TQC", _SAC | {"top_quantiles_to_drop_per_net": 2}),
}
_PONG = "PongNoFrameskip-v4"
_NATURE = {"convolutions": "nature", "hidden_sizes": [], "activation": "relu"}
_CONTINUOUS = {"pendulum": "Pendulum-v1", "halfcheetah": "HalfCheetah-v5"}


def _actor_critic(name: str, environment: str) -> Family:
    """256×256 ReLU for the actor and for each of two critics."""
    algorithm, peer, values = _ACTOR_CRITICS[name]
    ours = {"network": {"hidden_sizes": (256, 256)}}
    theirs = {"policy_kwargs": {"net_arch": [256, 256]}}
    return Family(algorithm, peer, 1, values, environment, ours, theirs)


FAMILIES = {
    # Both sides' default networks: 64×64 tanh, the value function with a network of its own.
    "ppo": Family("ppo", "stable_baselines3.PPO", 8, _PPO | {"n_steps": 256, "batch_size": 256}),
    # 64×64 ReLU.
    "dqn": Family("dqn", "stable_baselines3.DQN", 1, _DQN, theirs={"policy_kwargs": {"net_arch": [64, 64]}}),
    # All are defaults; 64×64 tanh.
    "a2c": Family(
        "a2c",
        "stable_baselines3.A2C",
        8,
        {
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
        },
    ),
    # Learning rate, gradients and 200 quantiles are defaults, the rest is DQN's; 64×64 ReLU.
    "qr-dqn": Family(
        "qr-dqn",
        "sb3_contrib.QRDQN",
        1,
        _DQN | {"learning_rate": 5e-5, "max_grad_norm": None},
        ours={"n_quantiles": 200},
        theirs={"policy_kwargs": {"net_arch": [64, 64], "n_quantiles": 200}},
    ),
    # All are defaults; 64×64 tanh.
    "trpo": Family(
        "trpo",
        "sb3_contrib.TRPO",
        2,
        {
            "learning_rate": 1e-3,
            "n_steps": 2048,
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
        },
    ),
    # All are defaults, but that the peer has one LSTM for policy and value function, as operant always has. Behind it,
    # 64×64 tanh for each. The value function's gradient reaches the LSTM in operant only, which is more work.
    "recurrent-ppo": Family(
        "ppo",
        "sb3_contrib.RecurrentPPO",
        8,
        _PPO | {"n_steps": 128, "batch_size": 128},
        ours={"network": {"memory": "lstm", "memory_size": _LSTM}},
        theirs={
            "policy": "MlpLstmPolicy",
            "policy_kwargs": {
                "lstm_hidden_size": _LSTM,
                "shared_lstm": True,
                "enable_critic_lstm": False,
            },
        },
    ),
    # All are defaults; linear with a bias. operant plays the 16 candidates of a generation side by side.
    "ars": Family(
        "ars",
        "sb3_contrib.ARS",
        1,
        {
            "n_delta": 8,
            "n_top": None,
            "learning_rate": 0.02,
            "delta_std": 0.05,
            "zero_policy": True,
            "alive_bonus_offset": 0.0,
            "n_eval_episodes": 1,
        },
        ours={"num_envs": 16},
        theirs={"policy": "LinearPolicy", "policy_kwargs": {"with_bias": True}},
    ),
    # All are defaults; 500 squares one-hot, 64×64 tanh.
    "maskable-ppo": Family(
        "ppo",
        "sb3_contrib.MaskablePPO",
        4,
        _PPO | {"n_steps": 2048, "batch_size": 64},
        environment="Taxi-v4",
    ),
    **{
        f"{name.lower()}-{short}": _actor_critic(name, environment)
        for name in _ACTOR_CRITICS
        for short, environment in _CONTINUOUS.items()
    },
    "crossq-halfcheetah": Family(
        "crossq",
        "sbx.CrossQ",
        1,
        _CROSSQ,
        "HalfCheetah-v5",
        ours={"network": {"hidden_sizes": (256, 256), "value_hidden_sizes": (_WIDE, _WIDE)}},
        theirs={"policy_kwargs": {"net_arch": {"pi": [256, 256], "qf": [_WIDE, _WIDE]}}},
    ),
    # The published settings of both for Atari, but that the replay is small (the peer keeps each stack twice) and ε
    # does not fall. The network of Mnih et al. 2015, which policy and value function share.
    "ppo-pong": Family(
        "ppo",
        "stable_baselines3.PPO",
        8,
        _PPO
        | {
            "learning_rate": 2.5e-4,
            "n_steps": 128,
            "batch_size": 256,
            "n_epochs": 4,
            "gae_lambda": 0.9,
            "clip_range": 0.1,
            "ent_coef": 0.01,
        },
        _PONG,
        ours={"network": _NATURE},
        theirs={"policy": "CnnPolicy"},
        atari=True,
    ),
    "dqn-pong": Family(
        "dqn",
        "stable_baselines3.DQN",
        1,
        _DQN
        | {
            "learning_rate": 1e-4,
            "buffer_size": 10_000,
            "learning_starts": 100,
            "target_update_interval": 1000,
        },
        _PONG,
        ours={"network": _NATURE},
        theirs={"policy": "CnnPolicy"},
        atari=True,
    ),
    # operant against itself: replay by priority, and uniform. Only a large buffer has a large tree.
    "priority": Family("dqn", "", 1, _DQN | {"buffer_size": 1_000_000}),
}


@dataclass(frozen=True)
class Case:
    """One way of training with operant. `steps` are of each seed: enough for three to five seconds on two cores."""

    name: str
    family: str
    steps: int
    agent: dict[str, Any] = field(default_factory=dict)

    @property
    def arguments(self) -> dict[str, Any]:
        """What `operant.make` is told."""
        family = FAMILIES[self.family]
        return {"num_envs": family.num_envs} | family.hyperparameters | family.ours | self.agent


@dataclass(frozen=True)
class Peer:
    """The same with Stable-Baselines3 or sb3-contrib, in `threads` PyTorch threads, or with SBX, which is JAX.

    With `processes`, ARS's candidates are played in as many.
    """

    name: str
    family: str
    steps: int
    threads: int
    processes: int = 0
    peer: str = ""  # package and class, where it is not the family's

    @property
    def package(self) -> str:
        return (self.peer or FAMILIES[self.family].peer).partition(".")[0]


_NATIVE = {"backend": "native"}
_GYM = {"backend": "gymnasium"}
_SEEDS = {"backend": "native", "seeds": 8}
# What comes before learning is no part of what is timed, which is so few steps of each seed that it would be.
_LEARNS_AT_ONCE = {"learning_starts": 4}
_ENTRY_POINT = {"vectorization": "vector_entry_point"}
CASES = (
    Case("PPO, native", "ppo", 409_600, _NATIVE),
    Case("PPO, through Gymnasium (sync)", "ppo", 163_840, _GYM),
    Case("PPO, through Gymnasium (vector_entry_point)", "ppo", 204_800, _GYM | _ENTRY_POINT),
    Case("PPO, native, eight seeds together", "ppo", 102_400, _SEEDS),
    Case("DQN, native", "dqn", 400_000, _NATIVE),
    Case("DQN, through Gymnasium", "dqn", 50_000, _GYM),
    Case("A2C, native", "a2c", 1_000_000, _NATIVE),
    Case("A2C, through Gymnasium (sync)", "a2c", 60_000, _GYM),
    Case("A2C, through Gymnasium (vector_entry_point)", "a2c", 80_000, _GYM | _ENTRY_POINT),
    Case("QR-DQN, native", "qr-dqn", 12_000, _NATIVE),
    Case("QR-DQN, through Gymnasium", "qr-dqn", 5_000, _GYM),
    Case("TRPO, native", "trpo", 163_840, _NATIVE),
    Case("PPO with an LSTM, native", "recurrent-ppo", 4_096, _NATIVE),
    Case("ARS, native", "ars", 6_000_000, _NATIVE),
    Case("PPO with masks, native", "maskable-ppo", 40_960, _NATIVE),
    *(
        case
        for name in _ACTOR_CRITICS
        for case in (
            Case(f"{name} on Pendulum, native", f"{name.lower()}-pendulum", 1_600, _NATIVE),
            Case(
                f"{name} on Pendulum, native, eight seeds together",
                f"{name.lower()}-pendulum",
                200,
                _SEEDS | _LEARNS_AT_ONCE,
            ),
            Case(f"{name} on Pendulum, through Gymnasium", f"{name.lower()}-pendulum", 1_200, _GYM),
            Case(f"{name} on HalfCheetah, through Gymnasium", f"{name.lower()}-halfcheetah", 1_200, _GYM),
        )
    ),
    Case("CrossQ with critics of 2048, through Gymnasium", "crossq-halfcheetah", 64, _GYM),
    Case("PPO on Pong", "ppo-pong", 8_192),
    Case("DQN on Pong", "dqn-pong", 2_400),
    Case("DQN, replay by priority", "priority", 200_000, _NATIVE | {"priority": True}),
)
# What operant is measured against.
RIVALS: tuple[Case | Peer, ...] = (
    *(
        Peer(f"{title}, threads={threads}", family, steps, threads)
        for title, family, steps in (
            ("SB3 PPO", "ppo", 40_960),
            ("SB3 DQN", "dqn", 12_000),
            ("SB3 A2C", "a2c", 16_000),
            ("sb3-contrib QR-DQN", "qr-dqn", 1_200),
            ("sb3-contrib TRPO", "trpo", 8_192),
            ("sb3-contrib RecurrentPPO", "recurrent-ppo", 2_048),
            ("sb3-contrib ARS", "ars", 24_000),
            ("sb3-contrib MaskablePPO", "maskable-ppo", 8_192),
            ("SB3 PPO on Pong", "ppo-pong", 4_096),
            ("SB3 DQN on Pong", "dqn-pong", 1_200),
        )
        for threads in (1, 2)
    ),
    *(
        Peer(f"{peer} {name} on {short}, threads={threads}", f"{name.lower()}-{short.lower()}", 600, threads)
        for name, peer in (("SAC", "SB3"), ("TD3", "SB3"), ("TQC", "sb3-contrib"))
        for short in ("Pendulum", "HalfCheetah")
        for threads in (1, 2)
    ),
    *(
        Peer(f"SBX {name} on {short}", f"{name.lower()}-{short.lower()}", 800, 1, peer=f"sbx.{name}")
        for name in _ACTOR_CRITICS
        for short in ("Pendulum", "HalfCheetah")
    ),
    Peer("SBX CrossQ with critics of 2048", "crossq-halfcheetah", 64, 1),
    Peer("sb3-contrib ARS, two processes", "ars", 24_000, 1, processes=2),
    Case("DQN, uniform replay", "priority", 200_000, _NATIVE),
)

COLD = "operant train ppo CartPole-v1, empty compile cache"
WARM = "operant train ppo CartPole-v1, warm compile cache"


@dataclass(frozen=True)
class Target:
    """What must be reached by any one of `cases`: so many times as fast, or at most so many times the time."""

    what: str
    ratio: float
    cases: tuple[str, ...]
    of_time: bool = False
    of_sbx: bool = False  # measured against SBX, and not against the fastest other rival


def _fast(ratio: float, *names: str) -> Target:
    return Target(names[0].partition(" (")[0], ratio, names)


def _faster_than_sbx(ratio: float, name: str) -> Target:
    return Target(f"{name}: over SBX", ratio, (name,), of_sbx=True)


TARGETS = (
    _fast(10, "PPO, native"),
    _fast(4, "PPO, through Gymnasium (sync)", "PPO, through Gymnasium (vector_entry_point)"),
    Target("PPO, eight seeds together", 15, ("PPO, native, eight seeds together",)),
    _fast(20, "DQN, native"),
    _fast(4, "DQN, through Gymnasium"),
    _fast(15, "A2C, native"),
    _fast(4, "A2C, through Gymnasium (sync)", "A2C, through Gymnasium (vector_entry_point)"),
    _fast(20, "QR-DQN, native"),
    _fast(3, "QR-DQN, through Gymnasium"),
    _fast(5, "TRPO, native"),
    _fast(5, "PPO with an LSTM, native"),
    _fast(5, "ARS, native"),
    _fast(5, "PPO with masks, native"),
    *(_fast(2, f"{name} on Pendulum, native") for name in _ACTOR_CRITICS),
    *(
        _fast(1.7, f"{name} on {short}, through Gymnasium")
        for name in _ACTOR_CRITICS
        for short in ("Pendulum", "HalfCheetah")
    ),
    *(_faster_than_sbx(1.15, f"{name} on Pendulum, native") for name in _ACTOR_CRITICS),
    *(
        _faster_than_sbx(1.05, f"{name} on {short}, through Gymnasium")
        for name in _ACTOR_CRITICS
        for short in ("Pendulum", "HalfCheetah")
    ),
    _faster_than_sbx(1.1, "CrossQ with critics of 2048, through Gymnasium"),
    _fast(2, "PPO on Pong"),
    _fast(2, "DQN on Pong"),
    Target(
        "DQN, replay by priority: time over that with uniform replay", 1.3, ("DQN, replay by priority",), True
    ),
    Target("the whole command, empty compile cache", 2.5, (COLD,)),
    Target("the whole command, warm compile cache", 5, (WARM,)),
)
