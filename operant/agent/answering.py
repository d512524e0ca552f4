"""What a person says of clips, taken up between two chunks by a run that learns from it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

import jax
import numpy as np

from operant.agent import around
from operant.agent.core import Core
from operant.algorithms.advice import TrainingWarning
from operant.engine import processes
from operant.types import PyTree

if TYPE_CHECKING:
    from operant.curiosity.answers import Folder, Judged
    from operant.curiosity.preferences import Comparisons, Preferences, PreferencesState

Pair = frozenset[bytes]  # of two clips, whichever comes first: of each there is one answer


def learns_from_answers(core: Core) -> Preferences | None:
    """The reward that is learnt from a person's answers; None where there is none."""
    curious = around.parts(core.algorithm)[1]
    if getattr(curious, "answers", None) is None:  # before anything is imported for it
        return None
    from operant.curiosity.preferences import Preferences

    return curious if isinstance(curious, Preferences) else None


class Answering:
    """The answers of a folder, and those of them that a core has been told of.

    `begin` comes first. Of several learners each is told the same.
    """

    def __init__(self, core: Core, preferences: Preferences) -> None:
        from operant.curiosity.answers import Folder

        assert preferences.answers is not None
        self.core, self.preferences = core, preferences
        self.folder: Folder = Folder(preferences.answers)
        self._axes = 0 if core.seeds is None else 1
        self.begun = False
        self._known: set[Pair] = set()
        self._looked: list[Judged] | None = None  # at these answers, when they were looked at last
        self._problem = ""

    @classmethod
    def of(cls, core: Core) -> Answering | None:
        """That of a core; None where it learns from no person's answers."""
        preferences = learns_from_answers(core)
        return None if preferences is None else cls(core, preferences)

    def begin(self) -> None:
        """Look at what the core has been told so far."""
        self._known, self.begun = set(self._told()), True

    def new(self) -> list[Judged]:
        """What was said of clips since, as far as there is room; what cannot be read is a warning, once."""
        try:
            judged = self.folder.judged()
            if judged is self._looked:
                return []
            pairs = {self._pair(one): one for one in reversed(judged)}  # the first answer of several counts
        except (ValueError, OSError) as error:
            self._warn(str(error))
            return []
        self._looked = judged
        fresh = [one for pair, one in reversed(pairs.items()) if pair not in self._known]
        room = self.preferences.comparisons - len(self._known)
        if len(fresh) > room:
            self._warn(
                f"answers={self.preferences.answers!r}: {len(fresh) - room} answers are left out, since there is room "
                f"for comparisons={self.preferences.comparisons}. Raise it in a new run."
            )
        return fresh[:room]

    def unknown(self, judged: Sequence[Judged]) -> list[Judged]:
        """Those of some answers that the core has not been told of. Raises ValueError for clips that there are not."""
        return [one for one in judged if self._pair(one) not in self._known]

    def tell(self, judged: Sequence[Judged]) -> None:
        """The core learns from these from its next update on."""
        if not judged:
            return
        clips = [[self.folder.clip(name) for name in (one.first, one.second)] for one in judged]
        observation, action = (
            np.stack([np.stack([getattr(clip, what) for clip in pair]) for pair in clips])
            for what in ("observations", "actions")
        )
        preferred = np.array([one.preferred for one in judged], np.float32)
        learner = self.core.learner

        def told(state: PreferencesState) -> PreferencesState:
            known = state.comparisons
            joined = self.preferences.joined(known, observation, action, preferred, self._axes)
            return replace(state, comparisons=joined)

        if learner.run is None:
            learner.state = _renewed(learner.state, told)
        else:
            learner.run = replace(learner.run, state=_renewed(learner.run.state, told))
        self._known.update(map(self._pair, judged))

    def _pair(self, one: Judged) -> Pair:
        observations, actions = zip(*map(self.folder.clip, (one.first, one.second)), strict=True)
        return self._digests(observations, actions)

    def _told(self) -> Iterator[Pair]:
        known = self._comparisons()
        count = int(np.asarray(processes.whole(known.judged)).max())
        if count:
            held = processes.whole((known.observation, known.action))
            observations, actions = (np.asarray(x[0] if self._axes else x)[:count] for x in held)
            yield from map(self._digests, observations, actions)

    def _digests(self, observations: Sequence[np.ndarray], actions: Sequence[np.ndarray]) -> Pair:
        known = self._comparisons()
        kinds = known.observation.dtype, known.action.dtype
        return frozenset(
            sha256(
                b"".join(np.asarray(x, kind).tobytes() for x, kind in zip(clip, kinds, strict=True))
            ).digest()
            for clip in zip(observations, actions, strict=True)
        )

    def _comparisons(self) -> Comparisons:
        return _of(self.core.learner.state if self.core.learner.run is None else self.core.learner.run.state)

    def _warn(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            warnings.warn(problem, TrainingWarning, stacklevel=2)


def _is_preferences(x: object) -> bool:
    from operant.curiosity.preferences import PreferencesState

    return isinstance(x, PreferencesState)


def _of(state: PyTree) -> Comparisons:
    return next(x for x in jax.tree.leaves(state, is_leaf=_is_preferences) if _is_preferences(x)).comparisons


def _renewed(state: PyTree, told) -> PyTree:
    return jax.tree.map(lambda x: told(x) if _is_preferences(x) else x, state, is_leaf=_is_preferences)
