"""What `python -m benchmarks.diagnosis` diagnoses: runs in which one thing is wrong, and runs in which nothing is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jax.numpy as jnp

import operant
from benchmarks import planted
from operant.agent import Agent

PPO = {"preset": None, "num_envs": 8, "n_steps": 128, "batch_size": 256, "learning_rate": 1e-3, "gamma": 0.98}
DQN = {
    "preset": None,
    "buffer_size": 20_000,
    "learning_rate": 1e-3,
    "batch_size": 64,
    "train_freq": 2,
    "learning_starts": 500,
    "target_update_interval": 200,
    "exploration_fraction": 0.3,
}
SAC = {"preset": None, "buffer_size": 20_000, "learning_starts": 200, "network": {"hidden_sizes": [64, 64]}}


@dataclass(frozen=True)
class Trouble:
    """A run in which one thing is wrong, and the checks that name it."""

    name: str
    checks: tuple[str, ...]
    algorithm: str
    environment: Any  # an id, or a function that makes one
    steps: int
    values: Mapping[str, Any] = field(default_factory=dict)
    learn: Mapping[str, Any] = field(default_factory=dict)  # further arguments of `learn`
    prepare: Callable[[Agent], None] | None = None  # what is done to the agent before

    @property
    def given(self) -> Any:
        """The environment as an agent takes it: an id, a native one, or a function that makes one of Gymnasium's."""
        own = isinstance(self.environment, str) or self.environment in planted.GYMNASIUM
        return self.environment if own else self.environment()

    def agent(self, seed: int) -> Agent:
        """An agent that has not learnt yet."""
        agent: Agent = operant.make(self.algorithm, self.given, seed=seed, **self.values)
        if self.prepare is not None:
            self.prepare(agent)
        return agent


def dead(agent: Agent) -> None:
    """Biases at which no unit ever says anything."""
    parameters = agent.get_parameters()
    agent.set_parameters(
        {
            name: jnp.full_like(value, -50.0)
            for name, value in parameters.items()
            if name.startswith(("network.", "target.")) and "hidden" in name and name.endswith("bias")
        },
        exact_match=False,
    )


_NO_EPSILON = {"exploration_initial_eps": 0.0, "exploration_final_eps": 0.0}
_SMALL_SUPPORT = {"distributional": "categorical", "v_min": 0.0, "v_max": 2.0}
_EIGHT_SEEDS = {"seeds": 8, "num_envs": 2, "n_steps": 32, "batch_size": 32}
_ELSEWHERE = {"evaluate_every": 20_000, "evaluate_env": planted.short_pole}


def _ppo(
    name: str, check: str, environment: Any = "CartPole-v1", steps: int = 20_000, **values: Any
) -> Trouble:
    return Trouble(name, (check,), "ppo", environment, steps, PPO | values)


def _dqn(name: str, *checks: str, environment: str = "CartPole-v1", **values: Any) -> Trouble:
    return Trouble(name, checks, "dqn", environment, 8_000, DQN | values)


TROUBLES = (
    _ppo("learning rate × 100, PPO", "updates-too-large", learning_rate=0.1),
    _dqn("learning rate × 100, DQN", "updates-too-large", learning_rate=0.1),
    _ppo("reward × 1000", "reward-scale", wrappers=["scale-reward:1000"]),
    _ppo("observation unscaled", "observation-scale", planted.unscaled),
    _ppo("one constant input", "constant-observation", planted.with_constant),
    _ppo("γ too low for the delay", "horizon-too-short", planted.paid_at_the_end, gamma=0.5),
    _ppo("entropy coefficient too high, PPO", "entropy-stays-high", ent_coef=10.0),
    Trouble(
        "entropy coefficient too high, SAC",
        ("temperature-outweighs",),
        "sac",
        "Pendulum-v1",
        2_000,
        SAC | {"ent_coef": 20.0},
    ),
    _dqn("no exploration, DQN", "no-exploration", **_NO_EPSILON),
    Trouble(
        "no exploration, Q-learning",
        ("no-exploration",),
        "q-learning",
        "FrozenLake-v1",
        20_000,
        {"preset": None, "epsilon": 0.0},
    ),
    replace(_dqn("dead units by initialisation", "dead-units"), prepare=dead),
    _dqn("target network never updated", "target-frozen", target_update_interval=1_000_000),
    _dqn("replay too small", "replay-too-small", buffer_size=100),
    Trouble(
        "action bounds unreachable: clipped inside",
        ("actions-unreachable",),
        "sac",
        planted.wide_torque,
        1_500,
        SAC,
    ),
    _ppo(
        "action bounds unreachable: never explored",
        "actions-unreachable",
        planted.newtons,
        scale_actions=False,
    ),
    _ppo("sparse reward never seen", "no-reward-seen", "SparseMaze"),
    _dqn("goal never reached", "no-reward-seen", environment="MountainCar-v0"),
    _dqn("batch of one", "tiny-batch", batch_size=1),
    _ppo("truncation hidden by the environment", "time-limit-terminates", planted.hidden_limit),
    _ppo(
        "truncation hidden, reached by the trained policy only",
        "time-limit-terminates",
        planted.hidden_limit_cartpole,
        60_000,
    ),
    _ppo("non-stationary reward", "reward-drifts", planted.drifting, 6_000),
    _ppo("leaking seed: a common generator", "seed-leaks", planted.common_generator, 4_096),
    _ppo("leaking seed: the same episode again", "seed-leaks", planted.same_again, 4_096),
    replace(
        _ppo("evaluation on another environment", "evaluation-elsewhere", steps=60_000), learn=_ELSEWHERE
    ),
    Trouble(
        "NaN late",
        ("diverged", "not-finite"),
        "ppo",
        planted.nan_late,
        60_000,
        PPO,
        {"checkpoint_every": 4_096},
    ),
    _ppo("forgetting", "forgetting", steps=80_000, learning_rate="step:1e-3:0.2:0.6"),
    _ppo("two modes over seeds", "seeds-split", planted.two_ways, 10_000, **_EIGHT_SEEDS),
    _dqn("learning never begins", "learning-never-began", learning_starts=100_000),
    _dqn("range of a categorical distribution too small", "support-too-small", **_SMALL_SUPPORT),
)


@dataclass(frozen=True)
class Healthy:
    """A preset, and the mean return from which on it is said to have learnt."""

    algorithm: str
    environment: str
    threshold: float
    success: bool = False  # whether what reaches the threshold is the share of episodes that succeed

    @property
    def name(self) -> str:
        return f"{self.algorithm} on {self.environment}"


HEALTHY = (
    *(
        Healthy(algorithm, "CartPole-v1", 475)
        for algorithm in (
            *("ppo", "a2c", "trpo", "impala", "reinforce", "dqn", "iqn", "qr-dqn", "pqn"),
            *("cem", "ars", "genetic", "q-learning"),
        )
    ),
    *(Healthy(algorithm, "Acrobot-v1", -100) for algorithm in ("ppo", "trpo", "pqn")),
    *(Healthy(algorithm, "Pendulum-v1", -200) for algorithm in ("ppo", "trpo", "a2c", "dqn")),
    *(Healthy(algorithm, "Pendulum-v1", -160) for algorithm in ("sac", "td3", "ddpg")),
    Healthy("dqn", "BitFlipping", 0.95, success=True),
    Healthy("q-learning", "FrozenLake-v1", 0.7),
    Healthy("q-learning", "GridWorld", 90),
    Healthy("q-learning", "CliffWalking-v1", -13),
    Healthy("q-learning", "Taxi-v4", 7),
    Healthy("ppo", "Taxi-v4", 7),
)
