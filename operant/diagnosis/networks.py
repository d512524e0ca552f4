"""A look at what is learnt: units, target networks, the newest step of the optimiser, and what is explored at first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from operant import spaces
from operant.agent.core import Core
from operant.algorithms.base import Algorithm
from operant.diagnosis.evidence import Layer, Networks, Target
from operant.diagnosis.probe import SEED, Seen
from operant.diagnosis.units import dormant_share, effective_rank, hidden_units
from operant.engine.policy import Policy
from operant.types import Clock, PyTree

SAMPLE = 256  # observations that networks are looked at with
PAIRS = (("network", "target"), ("critics", "target"), ("critics", "target_critics"))  # online, target
OPTIMIZED = (("optimizer", "network"), ("critic_optimizer", "critics"), ("actor_optimizer", "actor"))


def networks(core: Core, state: PyTree, first: PyTree, seen: Seen, rate: float | None) -> Networks:
    """What is found in a learner's `state`, which began as `first`, over what was seen; `rate` is its learning rate."""
    observation, flat = sample(seen)
    action = shaped(core.spec.action_space, flat)
    now = dict(_hidden(core.algorithm, state, observation, action))
    before = dict(_hidden(core.algorithm, first, observation, action))
    layers = tuple(
        Layer(
            function,
            number + 1,
            units.shape[1],
            dormant_share(units),
            dormant_share(before[function][number]),
            effective_rank(units) if number == len(found) - 1 else None,
            effective_rank(before[function][number]) if number == len(found) - 1 else None,
        )
        for function, found in now.items()
        for number, units in enumerate(found)
    )
    inner, inner_first = _inner(state), _inner(first)
    return Networks(
        layers,
        _target(inner, inner_first),
        None if rate is None else _relative_step(inner, rate),
        _growth(inner, inner_first),
        _coverage(core, first, observation),
    )


def sample(seen: Seen) -> tuple[PyTree, np.ndarray]:
    """`(observations, actions)` of `SAMPLE` steps, spread over all that were played."""
    actions = seen.played.action.reshape(-1, seen.played.action.shape[-1])
    chosen = np.linspace(0, len(actions) - 1, SAMPLE).astype(int)
    return jax.tree.map(lambda x: x[chosen], seen.observations), actions[chosen]


def shaped(space: spaces.Space, actions: np.ndarray) -> np.ndarray:
    """Actions `[M, A]` as the algorithm takes them, `[M, *shape]`."""
    return actions.reshape(len(actions), *space.shape).astype(space.dtype)  # pyright: ignore[reportAttributeAccessIssue]


def _inner(state: PyTree) -> PyTree:
    """The algorithm's own state, with or without curiosity."""
    return getattr(state, "learner", state)


def _hidden(
    algorithm: Algorithm, state: PyTree, observation: PyTree, action: np.ndarray
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """The hidden layers of each function that is learnt, by its name; nothing of what remembers or has no layers."""
    known = jax.tree.map(jnp.asarray, (algorithm, state))
    for name, function in _functions(known, observation, action).items():
        units = hidden_units(function, known, observation)
        if units:
            yield name, units


def _functions(
    known: tuple[Algorithm, PyTree], observation: PyTree, action: np.ndarray
) -> dict[str, Callable[[PyTree, PyTree], Any]]:
    """What an algorithm computes of observations: its policy, and its value function or critics."""
    algorithm, state = known
    count = len(action)
    if jax.tree.leaves(jax.eval_shape(lambda s: algorithm.initial_carry(s, count), state)):
        return {}  # what a memory is like after one observation says little

    def policy(known: PyTree, observation: PyTree) -> Any:
        algorithm, state = known
        return algorithm.act(state, observation, None, (), None, Clock.finished(), explore=False)[0]

    def estimates(known: PyTree, observation: PyTree) -> Any:
        algorithm, state = known
        return algorithm.estimates(state, observation, None, ())[0]

    def critics(known: PyTree, observation: PyTree) -> Any:
        algorithm, state = known
        return algorithm.action_returns(state, observation, action, ())

    if jax.eval_shape(estimates, known, observation).q_values is not None:
        return {"Q-network": policy}
    if jax.eval_shape(critics, known, observation) is not None:
        return {"policy": policy, "critics": critics}
    if jax.eval_shape(estimates, known, observation).value is not None:
        return {"policy": policy, "value function": lambda known, seen: estimates(known, seen).value}
    return {"policy": policy}


def _target(state: PyTree, first: PyTree) -> Target | None:
    """Of the first pair of an online and a target network."""
    for names in PAIRS:
        online, target = (getattr(state, name, None) for name in names)
        if online is None or target is None or jax.tree.structure(online) != jax.tree.structure(target):
            continue
        was_online, was_target = (getattr(first, name) for name in names)
        away = _norm(jax.tree.map(jnp.subtract, online, target))
        return Target(
            not _equal(target, was_target), not _equal(online, was_online), float(away / _norm(online))
        )
    return None


def _relative_step(state: PyTree, rate: float) -> float | None:
    """‖newest step of Adam‖ / ‖parameters‖, the largest of several optimisers'; None where there is no Adam.

    Kingma & Ba 2015, algorithm 1: α m̂ / (√v̂ + ε).
    """
    found = []
    for optimizer, network in OPTIMIZED:
        adam = _adam(getattr(state, optimizer, None))
        parameters = getattr(state, network, None)
        if adam is None or parameters is None or int(adam.count) == 0:
            continue
        count = int(adam.count)
        mean = jax.tree.map(lambda m, n=count: m / (1 - 0.9**n), adam.mu)
        square = jax.tree.map(lambda v, n=count: v / (1 - 0.999**n), adam.nu)
        step = jax.tree.map(lambda m, v: m / (jnp.sqrt(v) + 1e-8), mean, square)
        found.append(rate * float(_norm(step)) / max(float(_norm(parameters)), 1e-12))
    return max(found, default=None)


def _growth(state: PyTree, first: PyTree) -> float | None:
    """‖θ‖ / ‖θ₀‖, the largest of what is learnt by gradients; None where nothing is."""
    found = []
    for _, network in OPTIMIZED:
        now, before = (getattr(each, network, None) for each in (state, first))
        if now is not None and before is not None:
            found.append(float(_norm(now)) / max(float(_norm(before)), 1e-12))
    return max(found, default=None)


def _adam(optimizer: PyTree) -> Any:
    """The state of Adam inside an optimiser's."""
    kinds = optax.ScaleByAdamState
    leaves = jax.tree.leaves(optimizer, is_leaf=lambda x: isinstance(x, kinds))
    return next((leaf for leaf in leaves if isinstance(leaf, kinds)), None)


def _coverage(core: Core, first: PyTree, observation: PyTree) -> np.ndarray | None:
    """The share `[A]` of a Box's width, from the first to the last hundredth, that the untrained policy explores.

    None for other spaces, and for what acts at random before it learns.
    """
    space, plan = core.spec.action_space, core.algorithm.experience
    random_first = plan.replay is not None and plan.replay.learning_starts > 0
    if (
        not (isinstance(space, spaces.Box) and space.bounded and space.dtype.startswith("float"))
        or random_first
    ):
        return None
    policy = Policy(core.algorithm, first, core.spec, explore=True, seed=SEED)
    if policy.remembers:
        return None
    actions, _ = policy(observation, None, None, np.ones(SAMPLE, bool), 0)
    low, high = (bound.ravel() for bound in space.bounds)
    ends = np.quantile(actions.reshape(SAMPLE, -1).astype(np.float64), (0.01, 0.99), axis=0)
    return (ends[1] - ends[0]) / (high - low)


def _norm(tree: PyTree) -> jax.Array:
    return jnp.sqrt(sum(jnp.sum(jnp.square(leaf.astype(jnp.float32))) for leaf in jax.tree.leaves(tree)))


def _equal(one: PyTree, other: PyTree) -> bool:
    return all(
        bool(jnp.array_equal(a, b)) for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )
