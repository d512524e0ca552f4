"""What a policy thinks of the state on screen, and what it sees of it, as the page is told."""

from __future__ import annotations

import base64
import io
from typing import Any

import jax
import numpy as np

from operant import spaces
from operant.agent import Agent, thoughts
from operant.agent.saliency import Axes, saliency
from operant.envs.view import EnvironmentView
from operant.live.controls import action_words
from operant.studio.saliency_maps import coloured, shown

LARGEST = 400  # pixels, in width
EXACT = 128  # pixels, in width and height, up to which every one of them is shown as it is


def thinks(agent: Agent, view: EnvironmentView) -> dict[str, Any]:
    """What a policy without memory thinks of the state on screen: the probability and the value of each action, and the
    state's value, as far as it knows them."""
    if agent.remembers:
        return {}
    policy = agent.policy()
    seen, mask = jax.tree.map(lambda x: np.asarray(x)[None], (view.observation, view.action_mask))
    found: dict[str, Any] = {}
    if isinstance(agent.spec.action_space, spaces.Discrete):
        found["actions"] = action_words(agent)
        found["probabilities"] = _numbers(policy.probabilities(seen, mask)[0])
    for name, question in (("q_values", thoughts.q_values), ("value", thoughts.value)):
        try:
            answer = question(policy, seen, mask)[0]
        except ValueError:  # it learns none
            continue
        found[name] = _numbers(answer) if np.ndim(answer) else float(answer)
    return found


def looks(agent: Agent, observation: Any) -> dict[str, str]:
    """Of an image: `sees`, what the network is shown, and `looks`, where it looks by the gradient of what it would do;
    nothing of other observations, and of a policy that remembers."""
    space = agent.spec.observation_space
    if not (isinstance(space, spaces.Box) and len(space.shape) in (2, 3, 4)) or agent.remembers:
        return {}
    image = shown(Axes.of(space).newest(observation))
    found = {"sees": picture(_bytes(image))}
    try:
        map = saliency(agent.policy(), observation, "gradient", "policy")
    except ValueError:  # it learns nothing of the kind
        return found
    return found | {"looks": picture(_bytes(coloured(image, map)))}


def _bytes(image: np.ndarray) -> np.ndarray:
    """From 0 to 1 as `[H, W, 3]` bytes."""
    channels = image if image.ndim == 3 else np.repeat(image[..., None], 3, -1)
    return np.round(255 * channels).astype(np.uint8)


def _numbers(values: Any) -> list[float | None]:
    return [float(x) if np.isfinite(x) else None for x in np.asarray(values, np.float64)]


def picture(frame: np.ndarray) -> str:
    """A rendered frame `[H, W, 3]` as the address of a JPEG, smaller where it is large; a small one as PNG."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(frame).astype(np.uint8))
    image.thumbnail((LARGEST, LARGEST))
    kind = "png" if max(image.size) <= EXACT else "jpeg"
    with io.BytesIO() as file:
        image.save(file, kind, quality=80)
        return f"data:image/{kind};base64," + base64.b64encode(file.getvalue()).decode()


def said(error: Exception) -> str:
    """What went wrong, for the page."""
    text = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
    return text[:300]
