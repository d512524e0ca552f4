"""The closed list of wrappers, and the way from names and plain values to one of them and back.

A model file can only name what stands here: the name of a module is never read from it. A wrapper is imported when it
is first asked for.
"""

# pyright: reportArgumentType=false
# Every wrapper is a dataclass, but for the abstract ones.

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any

from operant.envs.wrappers.base import Wrapper
from operant.lazy import Table

WRAPPERS: Table[type[Wrapper]] = Table(
    {
        "time-limit": "operant.envs.wrappers.timing:TimeLimit",
        "time-aware": "operant.envs.wrappers.observations:TimeAware",
        "noop-start": "operant.envs.wrappers.starts:NoopStart",
        "fire-start": "operant.envs.wrappers.starts:FireStart",
        "repeat": "operant.envs.wrappers.timing:Repeat",
        "sticky-actions": "operant.envs.wrappers.timing:StickyActions",
        "discretize": "operant.envs.wrappers.actions:Discretize",
        "clip-action": "operant.envs.wrappers.actions:ClipAction",
        "rescale-action": "operant.envs.wrappers.actions:RescaleAction",
        "ignore-masks": "operant.envs.wrappers.masks:IgnoreMasks",
        "life-loss": "operant.envs.wrappers.lives:LifeLoss",
        "grayscale": "operant.envs.wrappers.images:Grayscale",
        "resize": "operant.envs.wrappers.images:Resize",
        "frame-stack": "operant.envs.wrappers.observations:FrameStack",
        "select": "operant.envs.wrappers.observations:Select",
        "discretize-observation": "operant.envs.wrappers.observations:DiscretizeObservation",
        "clip-reward": "operant.envs.wrappers.rewards:ClipReward",
        "scale-reward": "operant.envs.wrappers.rewards:ScaleReward",
        "potential-shaping": "operant.envs.wrappers.rewards:PotentialShaping",
    }
)
WORDS = {"none": None, "true": True, "false": False}
Written = Wrapper | str | Mapping[str, Any]


def as_wrappers(given: Written | Sequence[Written]) -> tuple[Wrapper, ...]:
    """Wrappers from what users write: values, text such as discretize:5, or what `to_json` made; innermost first.

    Raises ValueError naming the wrapper, its value and what is allowed.
    """
    several = [given] if isinstance(given, Wrapper | str | Mapping) else given
    wrappers = tuple(map(_wrapper, several))
    _check_order(wrappers)
    return wrappers


def to_json(wrapper: Wrapper) -> dict[str, Any]:
    """A value that `json.dumps` takes and `as_wrappers` reads back.

    Of a wrapper of the user's only the name is written, and a function of theirs as None: these are passed again.
    """
    name = name_of(type(wrapper))
    if name not in WRAPPERS:
        return {"name": name}
    values = {field.name: getattr(wrapper, field.name) for field in fields(wrapper)}
    return {"name": name} | {name: None if callable(value) else value for name, value in values.items()}


def to_text(wrapper: Wrapper) -> str:
    """What the command line would take for it, such as discretize:5, without values at their defaults."""
    values = [(field, getattr(wrapper, field.name)) for field in fields(wrapper)]
    while values and values[-1][1] == values[-1][0].default:
        values.pop()
    return ":".join([name_of(type(wrapper)), *(_text(value) for _, value in values)])


def name_of(cls: type[Wrapper]) -> str:
    """The name under which a wrapper is registered; its class's own for one of the user's."""
    return (*WRAPPERS.names(cls), cls.__name__)[0]


def _wrapper(given: Written) -> Wrapper:
    if isinstance(given, Wrapper):
        return given
    if isinstance(given, str):
        return _parse(given)
    if not isinstance(given, Mapping):
        raise ValueError(
            f"wrappers hold {given!r}: each must be a wrapper, such as Discretize(5), or text, such as 'discretize:5'."
        )
    values = dict(given)
    name = str(values.pop("name", ""))
    cls = _known(name)
    if name == "potential-shaping" and values.get("potential") is None:
        raise ValueError(
            "The potential of potential-shaping was a function of yours: pass it again as wrappers=[…]."
        )
    return _build(cls, values, given)


def _parse(text: str) -> Wrapper:
    """A wrapper from its name and its values, as in rescale-action:-1:1."""
    name, *values = text.split(":")
    cls = _known(name)
    if name == "potential-shaping":
        raise ValueError(f"{text}: its potential is a function; pass PotentialShaping(…) in Python.")
    names = [field.name for field in fields(cls)]
    if len(values) > len(names):
        takes = f"at most {', '.join(names)}" if names else "no values"
        raise ValueError(f"{text}: {name} takes {takes}.")
    return _build(cls, dict(zip(names, map(_value, values), strict=False)), text)


def _build(cls: type[Wrapper], values: dict[str, Any], given: Any) -> Wrapper:
    known = fields(cls)
    missing = [field.name for field in known if field.default is MISSING and field.name not in values]
    if missing:
        raise ValueError(f"{given}: {name_of(cls)} needs {', '.join(missing)}, as in {name_of(cls)}:2.")
    unknown = sorted(set(values) - {field.name for field in known})
    if unknown:
        raise ValueError(f"{given}: {name_of(cls)} has no {', '.join(unknown)}.")
    return cls(**values)


def _known(name: str) -> type[Wrapper]:
    if name in WRAPPERS:
        return WRAPPERS[name]
    close = difflib.get_close_matches(name, WRAPPERS, n=1)
    hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(WRAPPERS)}."
    raise ValueError(f"Unknown wrapper {name!r}. {hint} One of your own is passed as wrappers=[…].")


def _value(text: str) -> Any:
    """A word, a number or numbers; anything else stays text, which the wrapper refuses by name."""
    if text.lower() in WORDS:
        return WORDS[text.lower()]
    for kind in (int, float, _several(int), _several(float)):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _several(kind: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    return lambda text: tuple(map(kind, text.split(",")))


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return str(value).lower()


def _check_order(wrappers: Sequence[Wrapper]) -> None:
    """What would mean something else than it says, in this order."""
    if len(wrappers) < 2:
        return
    from operant.envs.wrappers.observations import TimeAware
    from operant.envs.wrappers.rewards import PotentialShaping
    from operant.envs.wrappers.timing import Repeat, TimeLimit

    for i, wrapper in enumerate(wrappers):
        before = wrappers[:i]
        if isinstance(wrapper, TimeLimit) and before:
            raise ValueError(f"{to_text(wrapper)} counts the environment's own steps: put it first.")
        if isinstance(wrapper, TimeAware) and any(isinstance(w, Repeat) for w in before):
            raise ValueError("time-aware counts the environment's own steps: put it before repeat.")
        if isinstance(wrapper, Repeat) and any(isinstance(w, PotentialShaping) for w in before):
            raise ValueError(
                "potential-shaping must come after repeat: inside it, the added terms would not cancel."
            )
