"""Recorded steps, which are learnt from without an environment: what users hand in, checked and in operant's terms."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import gymnasium as gym
import jax
import numpy as np

from operant import spaces
from operant.engine.dataset_spaces import DatasetError, Spaces, described, inferred_spaces
from operant.engine.trajectories import Trajectory, to_transitions
from operant.envs.border import Border
from operant.envs.gymnasium_spaces import observation_to_jax, space_from_gymnasium, space_to_gymnasium
from operant.envs.gymnasium_values import fault
from operant.types import EnvSpec, Transition

NAMES = ("observations", "actions", "terminations", "truncations", "rewards", "action_masks")
FORMS = (
    "a Minari dataset (its folder, its id or itself), a .npz file, a dict of arrays (observations, actions), "
    "trajectories of operant.collect, or an iterable of batches"
)
UNNAMED = "dataset"  # the id of the environment of a dataset that does not say where it was recorded


@dataclass(frozen=True, eq=False)
class Demonstrations:
    """Steps in memory, one episode after another: NumPy leaves `[B, …]`, in operant's own terms."""

    name: str
    spec: EnvSpec  # of where they were recorded, as far as they say
    steps: Transition  # without next_observation; the last one ends an episode
    ends_known: bool = True  # whether anybody said where episodes end

    def __len__(self) -> int:
        return len(self.steps.reward)

    @cached_property
    def digest(self) -> str:
        """What tells this dataset from another: SHA-256 of its arrays."""
        found = hashlib.sha256()
        for leaf in jax.tree.leaves(self.steps):
            found.update(f"{leaf.dtype}{leaf.shape}".encode())
            found.update(np.ascontiguousarray(leaf).view(np.uint8).reshape(-1).data)
        return found.hexdigest()

    def split(self, fraction: float) -> tuple[Transition, Transition | None]:
        """`(steps to learn from, steps held out)`: see `held_out`."""
        if fraction == 0:
            return self.steps, None
        rows = self.held_out(fraction)
        return tuple(jax.tree.map(lambda x, chosen=chosen: x[chosen], self.steps) for chosen in (~rows, rows))  # pyright: ignore[reportReturnType]

    def held_out(self, fraction: float) -> np.ndarray:
        """Which steps `[B]` are not learnt from: those of that part of the episodes, or of the steps of a single one.

        At least one of each; the same ones for every seed, chosen at random. Raises DatasetError where none is left.
        """
        if fraction == 0:
            return np.zeros(len(self), bool)
        ends = np.flatnonzero(self.steps.done) + 1
        alone = np.arange(1, len(self) + 1)
        ends = ends if self.ends_known and len(ends) > 1 else alone
        count = max(1, round(fraction * len(ends)))
        if count >= len(ends):
            raise DatasetError(
                f"validation_fraction={fraction}: {self.name} has {len(ends)} episode(s) or step(s), of which none "
                "would be left to learn from. Lower it."
            )
        held_out = np.zeros(len(ends), bool)
        held_out[np.random.default_rng(0).permutation(len(ends))[:count]] = True
        return np.repeat(held_out, np.diff(ends, prepend=0))


@dataclass(frozen=True, eq=False)
class Stream:
    """Batches that come one by one from an iterable; where it can be iterated again, it begins anew at its end."""

    name: str
    spec: EnvSpec
    batches: Iterable[Any]
    spaces: Spaces
    sequence: bool = False  # whether batches are `[L, B, …]`

    def __iter__(self) -> Iterator[Transition]:
        """In operant's own terms. Raises DatasetError for a batch that is not of its spaces, and at the end."""
        count = 0
        while True:
            before = count
            for batch in self.batches:
                yield to_steps(
                    f"{self.name}, batch {count}", self.spaces, **arrays_of(batch, self.name), leading=1
                )
                count += 1
            if count == before:
                raise DatasetError(
                    f"{self.name} ended after {count} batches, and cannot be iterated again: give an iterable of more "
                    "batches, or one that begins anew (a list, an object with __iter__), or train for fewer updates."
                )


def read(given: Any, spec: EnvSpec | None = None) -> Demonstrations | Stream:
    """What a user hands in as a dataset, for an environment of this description, or for the one it describes itself.

    Raises DatasetError naming what is wrong and what to do.
    """
    if isinstance(given, Demonstrations | Stream):
        return given
    if isinstance(given, str | Path):
        from operant.engine.dataset_files import read_file

        return read_file(given, spec)
    if callable(getattr(given, "iterate_episodes", None)):
        from operant.engine.dataset_files import from_minari

        return from_minari(given, spec)
    if isinstance(given, Transition):
        return from_steps("dataset", given, spec)
    trajectories = getattr(given, "trajectories", given)
    if isinstance(trajectories, Sequence) and trajectories and isinstance(trajectories[0], Trajectory):
        return from_trajectories("dataset", trajectories, spec)
    if isinstance(given, Mapping):
        return from_arrays("dataset", given, spec)
    if isinstance(given, Iterable):
        return _stream(given, spec)
    raise DatasetError(f"dataset={given!r}: must be {FORMS}.")


def from_arrays(name: str, arrays: Mapping[str, Any], spec: EnvSpec | None = None) -> Demonstrations:
    """Those of `NAMES`, `[B, …]`, of which the first two are needed; numbers as the environment has them."""
    given = arrays_of(arrays, name)
    kinds = _spaces(name, given, spec)
    steps = to_steps(name, kinds, **given)
    known = "terminations" in given or "truncations" in given
    return Demonstrations(name, spec or described(UNNAMED, kinds), _closed(steps), known)


def from_trajectories(
    name: str, trajectories: Sequence[Trajectory], spec: EnvSpec | None = None
) -> Demonstrations:
    """What `operant.collect` gives, in operant's own terms; an episode that was under way ends with what there is."""
    cut = [each.transition for each in trajectories if len(each)]
    return from_steps(name, to_transitions([Trajectory(_closed(step)) for step in cut]), spec)


def from_steps(name: str, steps: Transition, spec: EnvSpec | None = None) -> Demonstrations:
    """Transitions `[B, …]` in operant's own terms, one episode after another."""
    given = {
        "observations": steps.observation,
        "actions": steps.action,
        "terminations": steps.terminated,
        "truncations": steps.truncated,
        "rewards": steps.reward,
        "action_masks": steps.action_mask,
    }
    if steps.valid is not None:
        given = {
            key: jax.tree.map(lambda x: np.asarray(x)[np.asarray(steps.valid)], v) for key, v in given.items()
        }
    kinds = (
        inferred_spaces(name, steps.observation, steps.action)
        if spec is None
        else (space_to_gymnasium(spec.observation_space), space_to_gymnasium(spec.action_space))
    )
    return Demonstrations(name, spec or described(UNNAMED, kinds), _closed(to_steps(name, kinds, **given)))


def to_steps(
    name: str,
    kinds: Spaces,
    observations: Any,
    actions: Any,
    terminations: Any = None,
    truncations: Any = None,
    rewards: Any = None,
    action_masks: Any = None,
    leading: int | None = None,
) -> Transition:
    """Arrays `[B, …]` of these spaces as steps in operant's own terms. With `leading`, any number of leading axes will
    do, at least that one. Raises DatasetError.
    """
    space = kinds[0]
    first = np.asarray(jax.tree.leaves(observations)[0]) if jax.tree.leaves(observations) else np.zeros(0)
    if first.ndim == 0:
        raise DatasetError(f"{name}: observations must be arrays of a step a row; got {observations!r:.60}.")
    axes = 1 if leading is None else first.ndim - len(_first_leaf(space).shape or ())
    shape = first.shape[: max(axes, 1)]
    if 0 in shape:
        raise DatasetError(f"{name}: there is not one step in it.")
    for what, kind, value in (("observations", space, observations), ("actions", kinds[1], actions)):
        reason = fault(kind, value, shape, what)
        if reason is not None:
            raise DatasetError(f"{name}: {reason}")
    flags = {}
    for what, value in (("terminations", terminations), ("truncations", truncations)):
        flags[what] = _numbers(name, what, np.zeros(shape, bool) if value is None else value, shape, bool)
    reward = _numbers(name, "rewards", np.zeros(shape) if rewards is None else rewards, shape, np.float32)
    steps = Transition(
        observation=observation_to_jax(space, observations),
        action=observation_to_jax(kinds[1], actions),
        reward=reward,  # pyright: ignore[reportArgumentType] (NumPy's, here and below)
        terminated=flags["terminations"],
        truncated=flags["truncations"],
        next_observation=None,
        action_mask=_masks(name, kinds[1], action_masks, shape),
    )
    _require_possible(name, space_from_gymnasium(kinds[1]), steps)
    return steps


def arrays_of(batch: Any, name: str) -> dict[str, Any]:
    """The arrays of a dict with `NAMES` or names such as observations/key, of transitions, or of a pair."""
    if isinstance(batch, Transition):
        batch = {
            "observations": batch.observation,
            "actions": batch.action,
            "terminations": batch.terminated,
            "truncations": batch.truncated,
            "rewards": batch.reward,
            "action_masks": batch.action_mask,
        }
    if isinstance(batch, tuple) and len(batch) == 2:
        batch = dict(zip(NAMES, batch, strict=False))
    if not isinstance(batch, Mapping):
        raise DatasetError(f"{name}: {type(batch).__name__} is no batch; give dicts of arrays: {NAMES[:2]}.")
    found: dict[str, Any] = {}
    for key, value in batch.items():
        own, *parts = str(key).split("/")
        if own not in NAMES:
            raise DatasetError(
                f"{name}: unknown array {key!r}. There are {', '.join(NAMES)}; parts of a Dict are observations/KEY."
            )
        if not parts:
            found[own] = value
            continue
        place = found.setdefault(own, {})
        for part in parts[:-1]:
            place = place.setdefault(part, {})
        place[parts[-1]] = value
    for needed in NAMES[:2]:
        if needed not in found:
            raise DatasetError(f"{name}: no {needed}; it has {', '.join(map(str, batch)) or 'nothing'}.")
    return found


def require_fitting(name: str, recorded: EnvSpec, spec: EnvSpec) -> None:
    """Raise DatasetError where a dataset's spaces are not those of the environment."""
    for place in ("observation_space", "action_space"):
        have, want = (spaces.describe(getattr(each, place)) for each in (recorded, spec))
        if have != want:
            raise DatasetError(
                f"{name}: its {place.replace('_', ' ')} is {have}, and that of {spec.id} is {want}. Name the "
                "environment that it was recorded in, in the same wrappers."
            )


def _stream(batches: Iterable[Any], spec: EnvSpec | None) -> Stream:
    name = "dataset"
    if spec is not None:
        border = Border.of(spec)
        return Stream(name, spec, batches, (border.observation_space, border.action_space))
    iterator = iter(batches)
    if iterator is batches:
        raise DatasetError(
            "An iterator of batches does not say of which spaces they are: name the environment, too, or give an "
            "iterable that begins anew each time it is iterated."
        )
    given = arrays_of(next(iterator, None), name)
    kinds = inferred_spaces(name, given["observations"], given["actions"])
    return Stream(name, described(UNNAMED, kinds), batches, kinds)


def _spaces(name: str, given: Mapping[str, Any], spec: EnvSpec | None) -> Spaces:
    if spec is None:
        return inferred_spaces(name, given["observations"], given["actions"])
    border = Border.of(spec)
    return border.observation_space, border.action_space


def _first_leaf(space: gym.Space) -> gym.Space:
    while isinstance(space, gym.spaces.Dict | gym.spaces.Tuple):
        space = next(iter(space.spaces.values() if isinstance(space, gym.spaces.Dict) else space.spaces))
    return space


def _numbers(name: str, what: str, value: Any, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    array = np.asarray(value)
    if array.shape != shape or array.dtype.kind not in "biuf":
        raise DatasetError(
            f"{name}: {what} must be numbers of shape {shape}; got {array.dtype} of {array.shape}."
        )
    if not np.isfinite(array).all():
        raise DatasetError(
            f"{name}: {what} are not all finite, first in row {np.argmin(np.isfinite(array))}."
        )
    return array.astype(dtype)


def _masks(name: str, space: gym.Space, masks: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    if masks is None:
        return None
    from operant.envs.gymnasium_spaces import mask_size

    size, array = mask_size(space), np.asarray(masks)
    if size is None or array.shape != (*shape, size) or array.dtype.kind not in "biu":
        wanted = "left out: these actions have none" if size is None else f"flags of shape {(*shape, size)}"
        raise DatasetError(f"{name}: action_masks must be {wanted}; got {array.dtype} of {array.shape}.")
    return array.astype(bool)


def _require_possible(name: str, space: spaces.Space, steps: Transition) -> None:
    """Raise DatasetError where an action was taken that its mask forbids: it would have no likelihood."""
    if steps.action_mask is None:
        return
    action, mask = np.asarray(steps.action), steps.action_mask
    if isinstance(space, spaces.Discrete):
        places = action[..., None]
    elif isinstance(space, spaces.MultiDiscrete):
        places = action + np.concatenate([[0], np.cumsum(space.nvec)[:-1]]).astype(int)
    else:  # for each switch whether it may be off and on
        places = 2 * np.arange(action.shape[-1]) + action
    possible = np.take_along_axis(mask, places, -1).all(-1)
    if not possible.all():
        row = int(np.argmin(possible.reshape(-1)))
        raise DatasetError(
            f"{name}: row {row} takes an action that its action_mask forbids. Correct the mask."
        )


def _closed(steps: Transition) -> Transition:
    """The last step ends an episode: nothing is known of what followed."""
    truncated = np.array(steps.truncated, bool)
    truncated[-1] |= not np.asarray(steps.terminated)[-1]
    return replace(steps, truncated=truncated, next_observation=steps.next_observation)
