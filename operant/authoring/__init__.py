"""All that one needs to write an algorithm of one's own, in one place; and environments, wrappers, curiosities.

    from operant.authoring import ActorCritic, Algorithm, Episodes, check_algorithm, returns, static

An algorithm is a frozen object of hyperparameters with a few pure functions (`Algorithm`). It says as a value what
experience it learns from (`Rollout`, `Episodes`, `Replay` or `Dataset`), and the engine does the rest: collecting on
the device or through Gymnasium, many seeds, logs, checkpoints, resuming, scoring. `Agent(Mine(), "CartPole-v1")` trains
one, and `check_algorithm(Mine)` says what is wrong with it. `examples/own_algorithm.py` is a whole one.

What is here:

- the protocol: `Algorithm`, `Estimates`, and `Masked` for a metric that may be absent; `static`, `network_field`,
  `require` and `ranges` for hyperparameters;
- plans of experience: `Rollout`, `Episodes`, `Replay`, `Dataset`; and what they give: `Batch`, `Transition`, `Clock`,
  `EnvSpec`;
- `Frozen`, arrays that an algorithm uses and nobody learns, such as a reference model;
- networks: `Network` (its sizes as a value), `ActorCritic`, `QNetwork`, and the parts that they are made of;
- modules of pure functions: `distributions`, `returns`, `td`, `distributional`, `exploration`, `exploration_noise`,
  `normalization`, `optimizers`, `schedules`, `step_noise`, `traces`; `spaces`;
- bases for what else can be one's own: `Environment` (native), `Wrapper` and `Wrapped`, `Curiosity`; a network is any
  Equinox module;
- trying it: `Agent`, `check_algorithm`, and `probes`, environments that each isolate one thing that a learner must get
  right and say which values it must learn.
"""

from operant import distributions, spaces
from operant.agent import Agent
from operant.algorithms import ranges
from operant.algorithms.base import Algorithm, Estimates, require, static
from operant.authoring.check import Report, check_algorithm
from operant.curiosity import Curiosity
from operant.distributions import Distribution
from operant.envs import probes
from operant.envs.base import Environment
from operant.envs.wrappers.base import Wrapped, Wrapper
from operant.frozen import Frozen
from operant.networks import (
    GRU,
    LSTM,
    MLP,
    ActorCritic,
    Encoder,
    Linear,
    Network,
    QNetwork,
    UserModule,
    as_network,
    network_field,
)
from operant.ops import (
    distributional,
    exploration,
    exploration_noise,
    normalization,
    optimizers,
    returns,
    schedules,
    step_noise,
    td,
    traces,
)
from operant.ops.metrics import Masked
from operant.ops.schedules import Schedule
from operant.plans import Dataset, Episodes, Experience, Replay, Rollout
from operant.types import Batch, Clock, EnvSpec, PyTree, Transition

__all__ = [
    "GRU",
    "LSTM",
    "MLP",
    "ActorCritic",
    "Agent",
    "Algorithm",
    "Batch",
    "Clock",
    "Curiosity",
    "Dataset",
    "Distribution",
    "Encoder",
    "EnvSpec",
    "Environment",
    "Episodes",
    "Estimates",
    "Experience",
    "Frozen",
    "Linear",
    "Masked",
    "Network",
    "PyTree",
    "QNetwork",
    "Replay",
    "Report",
    "Rollout",
    "Schedule",
    "Transition",
    "UserModule",
    "Wrapped",
    "Wrapper",
    "as_network",
    "check_algorithm",
    "distributional",
    "distributions",
    "exploration",
    "exploration_noise",
    "network_field",
    "normalization",
    "optimizers",
    "probes",
    "ranges",
    "require",
    "returns",
    "schedules",
    "spaces",
    "static",
    "step_noise",
    "td",
    "traces",
]
