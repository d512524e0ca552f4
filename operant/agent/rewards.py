"""Reward models among the keyword arguments of an environment of text: named by their runs in configurations.

A run does not keep its reward model a second time, as it does not keep its dataset: it notes where that is and the
SHA-256 of its arrays, so that it goes on with the same one or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from operant.algorithms.base import Algorithm
from operant.envs.registry import TEXTS
from operant.types import PyTree

if TYPE_CHECKING:
    from operant.language.data.examples import Reader
    from operant.language.heads import ScoredModel
    from operant.language.trained_reward import TrainedReward

REWARD = "reward"  # the argument of environments of text
Read = Callable[[Path], "tuple[ScoredModel, Reader]"]  # what a run of a reward model has learnt


def named(
    env: Any, env_kwargs: Mapping[str, Any] | None, read: Read, known: Mapping[str, str] | None = None
) -> Mapping[str, Any] | None:
    """The keyword arguments with reward models in place of the runs or model files that they name.

    They are read when they are first asked for: a policy needs none to generate text. `known` are the SHA-256 that a
    run noted, by name. Raises ValueError where two have the same name.
    """
    given = (env_kwargs or {}).get(REWARD)
    if not isinstance(env, str) or env not in TEXTS or not isinstance(given, str | Path | Mapping):
        return env_kwargs
    from operant.language.rewards import RULES
    from operant.language.trained_reward import TrainedReward, name_of

    def model_of(path: Any, name: str) -> TrainedReward | None:
        if not isinstance(path, str | Path) or str(path) in RULES:
            return None
        expected = (known or {}).get(name)
        if expected is None and not _is_place(path):
            return None
        return TrainedReward(lambda: read(Path(path)), str(path), expected)

    if isinstance(given, str | Path):
        model = model_of(given, name_of(given))
        return env_kwargs if model is None else {**(env_kwargs or {}), REWARD: model}
    found: dict[str, Any] = {}
    for key, value in dict(given).items():
        name, weight, what = (
            (name_of(key), value, key) if isinstance(value, int | float) else (key, None, value)
        )
        if isinstance(value, list | tuple) and len(value) == 2:
            weight, what = value
        model = model_of(what, name)
        name, value = (key, value) if model is None else (name, (1.0 if weight is None else weight, model))
        if name in found:
            raise ValueError(f"reward {name!r} is there twice: give each a name, {{'a name': (1.0, 'RUN')}}.")
        found[name] = value
    return {**(env_kwargs or {}), REWARD: found}


def to_json(env_kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """`(the keyword arguments with runs in place of their reward models, the SHA-256 of each by its name)`.

    What has no file stays as it is.
    """
    given = env_kwargs.get(REWARD)
    if not isinstance(given, Mapping):
        path = getattr(given, "path", None)
        if path is None:
            return dict(env_kwargs), {}
        model: Any = given
        return {**env_kwargs, REWARD: path}, {model.__name__: model.sha256}
    written, noted = {}, {}
    for name, value in given.items():
        model = value[1] if isinstance(value, tuple) else None
        if (path := getattr(model, "path", None)) is not None:
            noted[name], value = model.sha256, [value[0], path]
        written[name] = value
    return {**env_kwargs, REWARD: written}, noted


def learnt(algorithm: Algorithm, state: PyTree) -> tuple[ScoredModel, Reader]:
    """What a reward model has learnt, adapters merged, and how it reads texts. Raises ValueError for another one."""
    from operant.algorithms.language.reward_model import RewardModel
    from operant.language.pretrained import merged

    if not isinstance(algorithm, RewardModel):
        raise ValueError(f"{algorithm.name} scores no text: take what RewardModel has learnt.")
    network = algorithm.network_of(state)
    return replace(network, model=merged(network.model)), algorithm.reader


def _is_place(text: str | Path) -> bool:
    """Whether a text names a file or a folder, whether there is one or not, rather than a rule."""
    return isinstance(text, Path) or "/" in text or "\\" in text or Path(text).exists()
