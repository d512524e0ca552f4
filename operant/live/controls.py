"""How a person acts in an environment: a key for each choice, or a slider for each number of an action."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from operant import spaces
from operant.agent import Agent
from operant.studio.names import names
from operant.studio.tables import layout

SLIDERS = 6  # numbers of an action at most
KEYS = {
    "ArrowLeft": ("left", "west", "−1", "-1"),
    "ArrowRight": ("right", "east", "+1"),
    "ArrowUp": ("up", "north", "main"),
    "ArrowDown": ("down", "south"),
    "Space": ("fire",),
}
IDLE = ("noop", "no", "coast", "stay", "idle", "none")  # words of what is done when no key is pressed
DIGITS = "1234567890"


@dataclass(frozen=True)
class Controls:
    """What a person can do, and what is done while nothing is pressed.

    `choices` are Discrete actions, each with its name and the keys that ask for it together; `sliders` are the numbers
    of a Box, each with its name, low and high. `idle` is a choice; None where the last one goes on being done.
    """

    choices: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sliders: tuple[tuple[str, float, float], ...] = ()
    shape: tuple[int, ...] = ()  # of an action of sliders
    idle: int | None = None

    @classmethod
    def of(cls, agent: Agent) -> Controls:
        """Those of the environment that an agent plays. Raises ValueError where a person cannot act there."""
        space = agent.spec.action_space
        if isinstance(space, spaces.Discrete):
            words = action_words(agent)
            chosen, taken = [], set()
            for index, word in enumerate(words):
                keys = keys_of(word)
                if not keys or keys in taken:  # two choices of the same keys: the second has its digit alone
                    keys = (DIGITS[index],) if index < len(DIGITS) else ()
                taken.add(keys)
                chosen.append((word, keys))
            idle = next((i for i, word in enumerate(words) if _parts(word) & set(IDLE)), None)
            return cls(choices=tuple(chosen), idle=idle)
        if isinstance(space, spaces.Box) and space.bounded and math.prod(space.shape) <= SLIDERS:
            low, high = (np.asarray(bound, np.float64).ravel() for bound in space.bounds)
            known = names(agent.source.id if agent.source.own_actions else None)
            sliders = zip(map(known.action, range(len(low))), low.tolist(), high.tolist(), strict=True)
            return cls(sliders=tuple(sliders), shape=space.shape)
        raise ValueError(
            f"A person can choose among Discrete actions, or up to {SLIDERS} numbers with bounds; {agent.spec.id} "
            f"takes {spaces.describe(space)}."
        )

    @property
    def at_rest(self) -> Any:
        """What is done before anything is asked for."""
        if self.choices:
            return self.action(self.idle or 0)
        return self.action([0.0] * len(self.sliders))

    def action(self, given: Any) -> np.ndarray:
        """What was asked for, as the environment takes it; a number beyond a slider's end is that end.

        Raises ValueError for anything else than a choice's number, or a number for each slider.
        """
        if self.choices:
            if type(given) is not int or not 0 <= given < len(self.choices):
                raise ValueError(f"{str(given)[:40]!r}: must be a whole number below {len(self.choices)}.")
            return np.asarray(given, np.int32)
        numbers = given if isinstance(given, list) and len(given) == len(self.sliders) else [None]
        if not all(isinstance(x, int | float) and type(x) is not bool and math.isfinite(x) for x in numbers):
            raise ValueError(f"{str(given)[:40]!r}: must be {len(self.sliders)} finite numbers.")
        low, high = zip(*(bounds for _, *bounds in self.sliders), strict=True)
        return np.clip(np.asarray(numbers, np.float64), low, high).astype(np.float32).reshape(self.shape)

    def to_json(self) -> dict[str, Any]:
        """As the page takes them."""
        return {
            "choices": [{"name": name, "keys": list(keys)} for name, keys in self.choices],
            "sliders": [{"name": name, "low": low, "high": high} for name, low, high in self.sliders],
            "idle": self.idle,
        }


def action_words(agent: Agent) -> list[str]:
    """What the Discrete actions of an agent's environment are called: as its grid, its game or its page calls them."""
    source = agent.source
    grid = layout(source.twin or source.given) if source.own_actions else None
    return agent.action_names() if grid is None else list(grid.actions)


def keys_of(word: str) -> tuple[str, ...]:
    """The keys that ask for an action of this name, all together: arrows, and the space bar; () where it names none.

    Atari's names are of several words that are written as one, such as UPRIGHTFIRE.
    """
    parts = _parts(word)
    return tuple(key for key, meanings in KEYS.items() if parts & set(meanings))


def _parts(word: str) -> set[str]:
    text = word.lower()
    if re.fullmatch("(up|down)?(left|right)?(fire)?", text):
        return set(re.findall("up|down|left|right|fire", text))
    return set(re.findall(r"[+−-]?\w+", text))
