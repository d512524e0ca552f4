"""`check_algorithm(Mine)`: what is wrong with somebody's algorithm, in plain words."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from operant.algorithms.base import Algorithm
from operant.algorithms.documentation import field_help
from operant.authoring.acting import look_at_acting
from operant.authoring.watched import Seen, watched
from operant.authoring.weights import look_at_weights
from operant.authoring.words import (
    FaultError,
    close,
    is_array,
    kept,
    listed,
    of_error,
    require_arrays,
    unequal,
)
from operant.engine.device import DeviceLoop
from operant.engine.files import load_tree, not_finite, save_tree
from operant.engine.host import HostLoop
from operant.engine.train import train
from operant.envs.base import Environment
from operant.envs.host import NativeOnHost
from operant.envs.registry import native
from operant.plans import Experience
from operant.types import EnvSpec, PyTree

TRIED = ("CartPole-v1", "Pendulum-v1", "FrozenLake-v1", "MountainCar-v0")  # in turn, until it takes one
ITERATIONS = 3


@dataclass(frozen=True)
class Report:
    """What `check_algorithm` found."""

    algorithm: str
    environment: str
    errors: tuple[str, ...]  # it would not train, or would not learn what it says
    advice: tuple[str, ...]  # it trains, and may be better
    passed: tuple[str, ...]  # what was found to be right
    steps: int  # environment steps that each loop took

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; there may be advice."""
        return not self.errors

    def __str__(self) -> str:
        wrong = (
            f"{len(self.errors)} error{'s' * (len(self.errors) > 1)}" if self.errors else "nothing is wrong"
        )
        lines = [f"{self.algorithm} on {self.environment}: {wrong} ({self.steps:,} steps on each loop)"]
        lines += [f"  right: {text}" for text in self.passed]
        lines += [f"  error: {text}" for text in self.errors]
        return "\n".join([*lines, *(f"  advice: {text}" for text in self.advice)])

    __repr__ = __str__


def check_algorithm(
    algorithm: Algorithm | type[Algorithm],
    env: str | Environment | None = None,
    *,
    num_envs: int | None = None,
    seed: int = 0,
) -> Report:
    """Try out an algorithm, and say what is wrong with it. Nothing that the algorithm does raises here.

    Looked at are its hyperparameters; the state, the actions, the memory and the metrics that it makes; whether the
    loop on the device and the loop on the host learn the same from the same experience, bit for bit; whether several
    seeds train together as each does alone; whether steps that never happened are left out; and whether training that
    was saved and loaded goes on as if nothing had happened. Some hundred steps are enough: give small sizes.

    Args:
        algorithm: An instance, or a class whose hyperparameters all have defaults.
        env: A native environment or the id of one; by default the first of CartPole-v1, Pendulum-v1, FrozenLake-v1
            and MountainCar-v0 that the algorithm takes.
        num_envs: Environments stepped together; by default what the algorithm says, but two rather than one.
        seed: All randomness derives from it.
    """
    found = _Check(seed)
    if isinstance(algorithm, type):
        found.name = algorithm.__name__
        with found.part(f"{algorithm.__name__}() can be made without arguments"):
            algorithm = algorithm()
    if isinstance(algorithm, Algorithm):
        found.name = algorithm.name
        found.look(algorithm, env, num_envs)
    elif not found.errors:
        raise TypeError(f"check_algorithm takes an Algorithm or a class of one; got {algorithm!r}.")
    return Report(
        found.name,
        found.environment_id,
        tuple(found.errors),
        tuple(found.advice),
        tuple(found.passed),
        found.steps,
    )


@dataclass
class _Check:
    seed: int
    name: str = ""
    environment_id: str = "no environment"
    steps: int = 0
    errors: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def part(self, what: str) -> Iterator[list[str]]:
        """One thing to look at: what is raised becomes an error, and otherwise it is right."""
        more: list[str] = []
        try:
            yield more
        except Exception as error:
            self.errors.append(of_error(error))
        else:
            self.passed.append(what + "".join(more))

    def look(self, algorithm: Algorithm, env: str | Environment | None, num_envs: int | None) -> None:
        """Everything, from the outside inwards, until something is wrong that the rest depends on."""
        with self.part("hyperparameters are traced numbers, or static and hashable"):
            self.hyperparameters(algorithm)
        with self.part("it says what experience it learns from"):
            plan = algorithm.experience
            if not isinstance(plan, Experience):
                raise FaultError(
                    f"experience must be a plan such as Rollout, Episodes or Replay; it is {plan!r}."
                )
        if self.errors:
            return
        with self.part("it takes the environment"):
            environment, num_envs = self.place(algorithm, env, num_envs)
            spec = replace(environment.spec, num_envs=num_envs)
        if self.errors:
            return
        key = jax.random.key(self.seed)
        with self.part("init makes a state of arrays, the same for the same key"):
            state = self.state(algorithm, spec, key)
        if self.errors:
            return
        with self.part(
            "act gives an action, a memory and extras of the right shapes, the same for the same noise"
        ):
            look_at_acting(algorithm, environment, spec, state, key)
        if self.errors:
            return
        if algorithm.experience.offline:
            self.advice.append(
                "it learns from recorded steps, so that no loop was tried: train it on a small dataset."
            )
            return
        seen = Seen()
        with self.part("both loops train, and what is learnt is finite"):
            device, host = self.trained(watched(algorithm, seen), environment, num_envs, key)
        if self.errors:
            return
        with self.part("the loops on the device and on the host learn the same") as right:
            right.append(self.compare(device, host))
        if self.errors:
            return
        if not any(name.startswith("train/") for name in seen.metrics) and seen.metrics:
            self.advice.append(
                f"metrics are called {listed(list(seen.metrics))}: those that begin with train/ are averaged over a "
                "row of the log, as in Stable-Baselines3."
            )
        self.learning(device)
        if algorithm.experience.whole_episodes:
            with self.part("steps after an episode's end change nothing"):
                look_at_weights(algorithm, environment, spec, seen.batch, state, key)
        with self.part("several seeds train together as each does alone"):
            self.seeds(algorithm, environment, num_envs, key)
        with self.part("training that was saved and loaded goes on to the same bits"):
            self.resume(algorithm, environment, num_envs, key)

    def hyperparameters(self, algorithm: Algorithm) -> None:
        """What is traced must be numbers, and what is static must have a hash."""
        helps, wrong = field_help(type(algorithm)), []
        for each in fields(algorithm):
            value = getattr(algorithm, each.name)
            if each.metadata.get("static", False):
                try:
                    hash(value)
                except TypeError:
                    wrong.append(
                        f"{each.name}={value!r} is static and has no hash: make it a tuple or a number"
                    )
            elif isinstance(value, bool):
                wrong.append(f"{each.name}={value!r} is a flag: declare it static({value!r})")
            else:
                wrong += [
                    f"{each.name}={value!r} is no number: declare it static(…)"
                    for leaf in jax.tree.leaves(value)
                    if not is_array(leaf) and not isinstance(leaf, int | float)
                ][:1]
        if wrong:
            raise FaultError("; ".join(wrong) + ".")
        if missing := [each.name for each in fields(algorithm) if not helps.get(each.name)]:
            self.advice.append(
                f"{listed(missing)}: a docstring below a hyperparameter becomes its help in Python and on the command "
                "line."
            )

    def place(
        self, algorithm: Algorithm, env: str | Environment | None, num_envs: int | None
    ) -> tuple[Environment, int]:
        """An environment that it takes, and how many of them."""
        if num_envs is None:
            num_envs = max(2, algorithm.default_num_envs)
            with contextlib.suppress(ValueError):  # no divisor of the number of episodes
                algorithm.experience.require_shared(num_envs)
                return self.suited(algorithm, env, num_envs), num_envs
            num_envs = 1
        algorithm.experience.require_shared(num_envs)
        return self.suited(algorithm, env, num_envs), num_envs

    def suited(self, algorithm: Algorithm, env: str | Environment | None, num_envs: int) -> Environment:
        refused = []
        for candidate in TRIED if env is None else (env,):
            environment = native(candidate) if isinstance(candidate, str) else candidate
            try:
                algorithm.check(replace(environment.spec, num_envs=num_envs))
            except ValueError as error:
                refused.append(f"{environment.id}: {error}")
            else:
                self.environment_id = environment.id
                return environment
        raise FaultError(
            f"check(spec) refuses the environment: {' / '.join(refused)} Name another one: env=…"
        )

    def state(self, algorithm: Algorithm, spec: EnvSpec, key: jax.Array) -> PyTree:
        """What `init` makes, of which every leaf is an array."""
        state = algorithm.init(spec, key)
        require_arrays("the state that init makes", state)
        again = algorithm.init(spec, key)
        if wrong := unequal(state, again):
            raise FaultError(
                f"init gives another {listed(wrong)} for the same key: all randomness must come from the key."
            )
        return jax.jit(lambda algorithm, key: algorithm.init(spec, key))(algorithm, key)

    def trained(
        self, algorithm: Algorithm, environment: Environment, num_envs: int, key: jax.Array
    ) -> tuple[list[PyTree], list[PyTree]]:
        """The states before training and after each iteration, of the loop on the device and of that on the host."""
        courses = []
        for loop in (
            DeviceLoop(algorithm, environment, num_envs, None),
            HostLoop(algorithm, NativeOnHost(environment, num_envs), None),
        ):
            course: list[PyTree] = []

            def on_chunk(run: Any, metrics: dict[str, np.ndarray], course: list[PyTree] = course) -> bool:
                course.append(kept(run.state))
                if lost := [*not_finite(run.state), *(k for k, v in metrics.items() if _is_nan(k, v))]:
                    raise FaultError(
                        f"after {int(run.clock.step):,} steps {listed(lost)} is not finite. Look for a logarithm or a "
                        "division by 0, a square root at 0, or a step size that is too large."
                    )
                self.steps = int(run.clock.step)
                return True

            run = loop.init(key)
            course.append(kept(run.state))
            train(loop, run, self.total(algorithm, num_envs), 1, on_chunk)
            loop.close()
            courses.append(course)
        return courses[0], courses[1]

    def total(self, algorithm: Algorithm, num_envs: int) -> int:
        """The environment steps of the random ones before learning, and `ITERATIONS` with it."""
        plan = algorithm.experience
        iterations = plan.warm_up_iterations(num_envs) + ITERATIONS
        return iterations * plan.steps_per_iteration(num_envs)

    def compare(self, device: list[PyTree], host: list[PyTree]) -> str:
        """How nearly they are equal after every iteration: in words, which end a sentence."""
        for iteration, (one, other) in enumerate(zip(device, host, strict=True)):
            wrong = unequal(one, other)
            if not wrong:
                continue
            if close(one, other):
                return (
                    f", but for the last bits from iteration {iteration} on (the compiler rounds a product and a sum "
                    "once or twice: docs/decisions/0003-bit-parity.md)"
                )
            raise FaultError(
                f"the loops learn different things from iteration {iteration} on: {listed(wrong)}. What act and update "
                "compute may depend on their arguments alone: not on NumPy's or Python's random numbers, on the time, "
                "or on anything that an earlier call left behind."
            )
        return ", bit for bit"

    def learning(self, course: list[PyTree]) -> None:
        """Whether anything has changed."""
        if not unequal(course[0], course[-1]):
            self.advice.append(
                f"nothing of the state has changed after {self.steps:,} steps: does update learn?"
            )
        else:
            self.passed.append("learning changes the state")

    def seeds(self, algorithm: Algorithm, environment: Environment, num_envs: int, key: jax.Array) -> None:
        """Two learners in one program, against the first of them alone, after one iteration of learning."""
        keys = jnp.stack([key, jax.random.key(self.seed + 1)])
        together = self.one(DeviceLoop(algorithm, environment, num_envs, 2), keys).state
        alone = self.one(DeviceLoop(algorithm, environment, num_envs, None), key).state
        first = jax.tree.map(lambda x: x[0], together)
        if not close(first, alone, 1e-3):
            raise FaultError(
                f"a seed learns something else with another one than alone: {listed(unequal(first, alone))}. Under "
                "jax.vmap the functions see one seed's arrays; look for sums over all axes and for fixed shapes."
            )

    def one(self, loop: DeviceLoop, key: jax.Array, more: int = 0) -> Any:
        """The run after one iteration of learning."""
        plan, num_envs = loop.algorithm.experience, loop.spec.num_envs
        total = (plan.warm_up_iterations(num_envs) + 1) * plan.steps_per_iteration(num_envs)
        return train(loop, loop.init(key), total, 1, lambda run, metrics: True)

    def resume(self, algorithm: Algorithm, environment: Environment, num_envs: int, key: jax.Array) -> None:
        """Another iteration, of the run as it was and as a file has it."""
        loop = DeviceLoop(algorithm, environment, num_envs, None)
        run = self.one(loop, key)
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "run.safetensors"
            save_tree(path, run, {})
            loaded = load_tree(path, jax.eval_shape(lambda: run))
        ends = [loop.step(each, 1, 1)[0] for each in (run, loaded)]
        if wrong := unequal(*ends):
            raise FaultError(f"after loading, training goes on differently: {listed(wrong)}.")


def _is_nan(name: str, value: Any) -> bool:
    return name.startswith("train/") and bool(np.isnan(value).any())
