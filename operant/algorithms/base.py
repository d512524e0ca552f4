"""The protocol of learning algorithms: hyperparameters, and three pure functions of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp

from operant.distributions import Distribution
from operant.ops.exploration_noise import ExplorationNoise, Independent
from operant.ops.metrics import Metrics
from operant.plans import Experience
from operant.spaces import Discrete, describe
from operant.types import Batch, Clock, EnvSpec, PyTree, Recording, Transition


def require(condition: bool, name: str, value: Any, allowed: str) -> None:
    """Raise ValueError saying which hyperparameter has which value, and what is allowed."""
    if not condition:
        raise ValueError(f"{name}={value!r}: must be {allowed}.")


def require_discrete_actions(name: str, spec: EnvSpec) -> None:
    """Raise ValueError, naming the algorithm and the space, unless actions are Discrete."""
    if not isinstance(spec.action_space, Discrete):
        raise ValueError(
            f"{name} needs a Discrete action space: {spec.id} has {describe(spec.action_space)}. "
            "PPO takes it; or discretise actions of a Box: wrappers=[Discretize(5)], --wrappers discretize:5."
        )


def static(default: Any) -> Any:
    """A hyperparameter that is a size, a name or a flag: changing it compiles anew. All others are traced numbers."""
    return eqx.field(default=default, static=True)


def require_schedules(module: eqx.Module) -> None:
    """Raise ValueError where a hyperparameter that may be a schedule is text, or a plain function."""
    for field in module.__dataclass_fields__.values():
        value = getattr(module, field.name)
        if "Schedule" in str(field.type) and isinstance(value, str | FunctionType):
            raise ValueError(
                f"{field.name}={value!r}: the class takes a number or a schedule, such as "
                "operant.authoring.schedules.Linear(1e-3, 0.0). Constructors (operant.PPO) and the command line also "
                "read text like 'linear:1e-3:0'."
            )


class Estimates(NamedTuple):
    """What an algorithm knows of observations `[N, …]`; None for what it does not learn."""

    distribution: Distribution | None = None  # π(·|s), over actions as the environment takes them
    value: jax.Array | None = None  # V(s) `[N]`, in the units in which it is learnt (see normalize_rewards)
    q_values: jax.Array | None = None  # Q(s, a) `[N, A]` of a Discrete action space, masked actions included


class ReturnDistribution(NamedTuple):
    """What n critics say of the return of N actions: M values, and how likely each is, `[n, N, M]`.

    Of a critic that learns the mean alone, M is 1: that mean, surely.
    """

    values: jax.Array
    probabilities: jax.Array


class WorkerGradients(NamedTuple):
    """An update in two halves, of which workers do the first."""

    compute: Callable[[PyTree, Batch, jax.Array, Clock], tuple[PyTree, Metrics]]  # at the state that acted
    follow: Callable[
        [PyTree, PyTree, Clock], tuple[PyTree, Metrics]
    ]  # (state, gradients, clock) → (state, metrics)


class Algorithm(eqx.Module):
    """A learning algorithm, as a frozen value of its hyperparameters.

    `State` below stands for whatever pytree of arrays the algorithm learns: networks, optimiser, running statistics.
    Concrete algorithms are final; what they share lives in `ops/` and `networks/`.
    """

    def __check_init__(self) -> None:
        require_schedules(self)

    @property
    def name(self) -> str:
        """What people call it."""
        return type(self).__name__

    @property
    def innermost(self) -> Algorithm:
        """Itself; of one that is wrapped around another, that."""
        return self

    @property
    @abstractmethod
    def experience(self) -> Experience:
        """What it learns from: a `Rollout`, `Episodes`, `Replay` or `Dataset` plan."""

    @property
    def learns_from_older(self) -> bool:
        """Whether it may learn from what an earlier policy of its own did, as with `async_collect` and `workers`:
        `Batch.behavior` is the state that acted then. By default where experience is replayed."""
        return self.experience.replay is not None

    @property
    def default_workers(self) -> int | None:
        """How many workers play and learn apart where nobody says so; None: none."""
        return None

    @property
    def worker_gradients(self) -> WorkerGradients | None:
        """How workers compute gradients of what they played, and the learner follows them; None where it is given what
        they played. `update` then follows the gradients at the state that acted."""
        return None

    def for_workers(self) -> Self:
        """Itself as it learns from what workers play, whose policies are as old as they are. Raises ValueError for
        hyperparameters that do not go together with that."""
        return self

    @property
    def default_num_envs(self) -> int:
        """How many environments are stepped together where nobody says so."""
        return 1

    @abstractmethod
    def check(self, spec: EnvSpec) -> None:
        """Raise ValueError, naming the thing, the value and the remedy, if it cannot learn on such an environment."""

    def advice(self, spec: EnvSpec) -> list[str]:
        """What is allowed in training on such an environment and yet probably not meant, a sentence each."""
        return []

    @abstractmethod
    def init(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        """The state before the first step."""

    def fitted_to(self, dataset: Any) -> Self:
        """Itself with those hyperparameters that follow from a dataset, such as the letters that there are in it."""
        return self

    def read_dataset(self, dataset: Any) -> Recording | None:
        """What a user hands in as a dataset, where the algorithm has a way of its own to read it, as from texts.

        None where recorded steps are learnt from. Raises ValueError naming what is wrong with it, and where.
        """
        return None

    def initial_carry(self, state: PyTree, num_envs: int) -> PyTree:
        """The policy's memory at the start of an episode, `[N, …]`; `()` for a policy without one."""
        return ()

    @abstractmethod
    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        """The randomness of one `act` over `spec.num_envs` environments, as data."""

    @property
    def exploration(self) -> ExplorationNoise:
        """What is made of that randomness from step to step before `act` is given it: by default nothing."""
        return Independent()

    @abstractmethod
    def act(
        self,
        state: PyTree,
        observation: PyTree,
        action_mask: PyTree,
        carry: PyTree,
        noise: PyTree,
        clock: Clock,
        *,
        explore: bool,
    ) -> tuple[PyTree, PyTree, PyTree]:
        """`(action, carry, extras)` for observations `[N, …]`: deterministic given its arguments.

        `extras` are what acting computed that learning wants, `[N, …]`, and become `Transition.extras`: the
        log-probability of the action, a value; `()` for nothing. With `explore=False` the best known action; `noise` is
        not looked at then (it may be None), nor does anybody look at the extras.
        """

    def network_of(self, state: PyTree) -> Any:
        """The network that acts, with all of its weights; None of what has none that could be given away."""
        return None

    def probabilities(
        self, spec: EnvSpec, state: PyTree, observation: PyTree, action_mask: PyTree, carry: PyTree
    ) -> jax.Array:
        """How likely each choice of a Discrete action space is, `[N, n]`: by default the best known one, surely."""
        assert isinstance(spec.action_space, Discrete)
        finished = Clock.finished()
        best, _, _ = self.act(state, observation, action_mask, carry, None, finished, explore=False)
        return jax.nn.one_hot(best, spec.action_space.n)

    def estimates(
        self, state: PyTree, observation: PyTree, action_mask: PyTree, carry: PyTree
    ) -> tuple[Estimates, PyTree]:
        """`(what it knows, carry)` of observations `[N, …]`: the policy's distribution, values, action values."""
        return Estimates(), carry

    def action_returns(
        self, state: PyTree, observation: PyTree, action: PyTree, carry: PyTree
    ) -> ReturnDistribution | None:
        """What critics say of actions `[N, *shape]` in observations `[N, …]`; None where none are learnt: by default
        the Q-values of Discrete ones."""
        q_values = self.estimates(state, observation, None, carry)[0].q_values
        if q_values is None:
            return None
        taken = jnp.take_along_axis(q_values, action[:, None], -1)[None]
        return ReturnDistribution(taken, jnp.ones_like(taken))

    def update_statistics(self, state: PyTree, transition: Transition) -> PyTree:
        """The state after seeing fresh experience `[T, N, …]`, once, in order: running statistics, counts.

        Called after `update`, so that a rollout is learnt from with the statistics it was acted with.
        """
        return state

    @abstractmethod
    def update(
        self, state: PyTree, batch: Batch, key: jax.Array, clock: Clock
    ) -> tuple[PyTree, Metrics] | tuple[PyTree, Metrics, jax.Array]:
        """`(state, metrics)` after learning from a batch; metrics are scalars under Stable-Baselines3's names.

        One that may not have been computed is `Masked(value, mask)`: absent, and in no average, where `mask` is False.

        Where the plan is a `Replay` by `priority`, `(state, metrics, priority)`: for each of the B things that the
        batch holds its priority from now on, already raised to the exponent ζ that replay is to use, so a number > 0
        such as (|δ| + 1e-6)^ζ. It must not be weighed by `batch.weight`, which contains the importance weights.
        """

    def validation(self, state: PyTree, batch: Batch) -> dict[str, jax.Array]:
        """Metrics of held-out steps, means over `batch` by its weight; nothing is learnt. Where the plan is a `Dataset`
        that holds some back: once a row of metrics."""
        return {}

    def importance(self, clock: Clock) -> jax.Array | float:
        """The exponent β of the importance weights w ∝ P^−β, for replay by `priority`: 0 for none, 1 corrects fully."""
        return 1.0

    def report(self, state: PyTree) -> Metrics:
        """Metrics of the state alone, computed once a row of metrics rather than at every update. Scalars."""
        return {}
