"""What a training will hold in memory, known from shapes alone, and the refusal of what does not fit.

The refusal names the argument that is at fault: the one without which the least would be needed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp

from operant import memory, spaces
from operant.algorithms.base import Algorithm
from operant.curiosity.base import Curiosity
from operant.engine import processes
from operant.engine.statistics import WINDOW
from operant.engine.train import LARGEST
from operant.engine.train_state import initial_state, start, transition_like
from operant.memory import TooLarge
from operant.networks import Network
from operant.types import EnvSpec, PyTree

# What a copy of an environment in Python takes at the least: CartPole's, and that of a process for it.
OBJECT, PROCESS = 2_500, 50 * 10**6


@dataclass(frozen=True)
class Demand:
    """What is to be trained, as far as memory depends on it."""

    algorithm: Algorithm
    spec: EnvSpec
    learners: int = 1
    window: int = WINDOW
    chunk_size: int = 1  # iterations whose randomness is drawn at once
    python: int = 0  # bytes of a copy of the environment in Python; 0 for a native one

    def parts(self) -> dict[str, int]:
        """Bytes, by what they are for. Less than it takes: what a compiled program needs meanwhile is not known."""
        each = jax.eval_shape(self._shapes, jax.random.key(0))
        plan, copies = self.algorithm.experience, self.spec.num_envs
        row, noise = memory.nbytes(each["row"]), memory.nbytes(each["noise"])
        experience = row // copies * plan.steps_per_iteration(copies)
        noise = 0 if plan.whole_episodes else noise * plan.unroll_length * self.chunk_size
        batch, replay = 0, plan.replay
        if replay is not None:
            drawn = self.chunk_size * replay.updates_per_iteration(copies)
            batch = replay.batch_size * (row // copies * replay.sequence + 4 * replay.n_step + 4 * drawn)
        parts = {
            "what it learns": memory.nbytes(each["state"]),
            "replay": memory.nbytes(each["replay"]),
            "experience": experience + memory.nbytes(each["carry"]) + noise,
            "batches": batch,
            "statistics": memory.nbytes(each["statistics"]),
            "environments": self.python * copies,
        }
        return {what: size * self.learners for what, size in parts.items()}

    def nbytes(self) -> int:
        """All of it."""
        return sum(self.parts().values())

    def _shapes(self, key: jax.Array) -> dict[str, PyTree]:
        """The arrays of one learner, to be asked for their shapes."""
        spec, algorithm = self.spec, self.algorithm
        observation = spaces.example(spec.observation_space, (spec.num_envs,))
        mask = jnp.zeros((spec.num_envs, _choices(spec.action_space)), bool) if spec.masked else None
        state = initial_state(algorithm, spec, key)
        run = start(algorithm, spec, key, state, (), observation, mask, self.window)
        row = transition_like(algorithm, spec, state, observation, mask, run.carry)
        return {
            "state": state,
            "replay": run.replay,
            "carry": (run.carry, run.exploration),
            "statistics": run.statistics,
            "row": jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), row),
            "noise": algorithm.sample_noise(spec, key),
        }

    def smaller(self) -> Iterator[tuple[str, Any, int | None, Demand]]:
        """`(argument, its value, the smaller one, what is needed with that)` for all that could be asked for less of.

        The smaller value is None where the argument is more than one number.
        """
        if self.learners > 1:
            yield "seeds", self.learners, 1, replace(self, learners=1)
        if self.spec.num_envs != self.algorithm.default_num_envs:
            yield "num_envs", self.spec.num_envs, 1, replace(self, spec=replace(self.spec, num_envs=1))
        if self.window > WINDOW:
            yield "stats_window_size", self.window, WINDOW, replace(self, window=WINDOW)
        if self.chunk_size > 1:
            each = self.algorithm.experience.steps_per_iteration(self.spec.num_envs)
            yield "log_interval", self.chunk_size * each, each, replace(self, chunk_size=1)
        for argument, value, least, algorithm in _smaller(self.algorithm):
            spec = self.spec
            if spec.num_envs == self.algorithm.default_num_envs:
                spec = replace(spec, num_envs=algorithm.default_num_envs)
            yield argument, value, least, replace(self, algorithm=algorithm, spec=spec)


def require(demand: Demand, devices: Sequence[Any]) -> None:
    """Raise TooLarge, naming the argument at fault and how much less of it would do, for more than the devices have."""
    if processes.count() > 1:  # of all memory each sees its own
        return
    plan, copies = demand.algorithm.experience, demand.spec.num_envs
    there = memory.available(devices)
    parts = demand.parts()
    needed = sum(parts.values())
    if there is not None and needed > there:
        most = max(parts, key=lambda what: parts[what])
        argument, value, remedy = _at_fault(demand, needed, there)
        raise TooLarge(
            f"{argument}={value}: {demand.algorithm.name} on {demand.spec.id} needs {memory.text(needed)} of memory, "
            f"most of it for {most}; {memory.text(there)} are available. {remedy}"
        )
    each = 1 if plan.whole_episodes else plan.steps_per_iteration(copies)
    if each > LARGEST:
        argument, value, _ = _at_fault(demand, needed, 0)
        raise TooLarge(
            f"{argument}={value}: {each:,} steps of an iteration; at most {LARGEST:,} can be counted."
        )


def require_learners(algorithm: Algorithm, spec: EnvSpec, learners: int) -> None:
    """Raise TooLarge where not even what they learn has room in all devices, before there is a seed for each.

    Whatever cannot be made of such an algorithm raises here, too.
    """
    each = memory.nbytes(jax.eval_shape(lambda key: initial_state(algorithm, spec, key), jax.random.key(0)))
    there = memory.available(jax.local_devices())
    if there is not None and each * learners > there >= each:
        raise TooLarge(
            f"seeds={learners}: what they learn would take {memory.text(each * learners)} of memory; "
            f"{memory.text(there)} are available. Set seeds to less than {there // each + 1:,}."
        )


def _at_fault(demand: Demand, needed: int, there: int) -> tuple[str, Any, str]:
    """`(argument, its value, what to do)`."""
    found = [
        (needed - smaller.nbytes(), argument, value, least)
        for argument, value, least, smaller in demand.smaller()
    ]
    if not found:
        return "env", demand.spec.id, "Show it less, such as smaller pictures (--wrappers resize)."
    saved, argument, value, least = max(found, key=lambda each: each[0])
    if least is None or not saved:
        return argument, value, "Lower it."
    # What is needed grows with the argument in a straight line, or nearly so.
    most = least + (there - (needed - saved)) * (value - least) // saved
    remedy = f"Set {argument} to less than {most + 1:,}." if most > least else f"Lower {argument}."
    return argument, value, remedy


def _smaller(values: Any) -> Iterator[tuple[str, Any, int | None, Any]]:
    """The values of an algorithm, a network or a curiosity that could be smaller, each with what has it so."""
    for field in dataclasses.fields(values):
        value, default = getattr(values, field.name), field.default
        if isinstance(value, Algorithm | Network | Curiosity):
            group = "" if isinstance(value, Algorithm) else f"{field.name}."
            for argument, chosen, least, less in _smaller(value):
                straight = least if group == "" else None  # of layers the product of two is needed
                yield group + argument, chosen, straight, replace(values, **{field.name: less})
        elif isinstance(value, tuple) and value != default and default is not dataclasses.MISSING:
            yield field.name, value, None, replace(values, **{field.name: default})
        elif isinstance(value, int) and not isinstance(value, bool) and value > 1:
            least = default if isinstance(default, int) and 0 < default < value else value // 2
            try:
                less = replace(values, **{field.name: least})
            except ValueError:  # it does not go with the others
                continue
            yield field.name, value, least, less


def _choices(space: spaces.Space) -> int:
    """How long a mask of these actions is."""
    if isinstance(space, spaces.MultiBinary):
        return 2 * space.n  # whether each may be off and on
    return space.n if isinstance(space, spaces.Discrete) else sum(getattr(space, "nvec", ()))
