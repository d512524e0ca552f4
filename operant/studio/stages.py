"""What a policy sees of an image, from the environment's own picture to what comes into its network, stage by stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from operant.envs.atari.words import preprocessing
from operant.envs.gymnasium import make_single
from operant.envs.gymnasium_layers import PassThrough
from operant.envs.source import Source
from operant.envs.wrappers import FrameStack, Grayscale, Repeat, Resize, Wrapper, as_wrappers
from operant.envs.wrappers.registry import Written, to_text
from operant.spaces import channels_first
from operant.studio import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEIGHT, GAP, LEFT, BELOW, ABOVE = 2.6, 0.62, 0.35, 0.55, 1.0  # inches: of a picture, and around them
SHIFT = (0.55, 0.17)  # inches from one picture of a stack to the next
CALM = 0.2  # the share of pixels that move: with more, the scene has changed


class Stage(NamedTuple):
    """What is there after one of the wrappers."""

    label: str
    images: list[np.ndarray]  # `[H, W]` or `[H, W, 3]`; of a stack several, the oldest first
    shape: str


class Tap(PassThrough):
    """Keeps what is seen here."""

    seen: Any = None

    def reset(self, **options: Any) -> Any:
        self.seen, info = self.env.reset(**options)
        return self.seen, info

    def step(self, action: Any) -> Any:
        self.seen, *rest = self.env.step(action)
        return (self.seen, *rest)


def plot_preprocessing(
    env: Any,
    path: str | Path | None = None,
    *,
    wrappers: Written | Sequence[Written] = (),
    env_kwargs: Mapping[str, Any] | None = None,
    steps: int = 200,
    seed: int = 0,
) -> Figure:
    """Draw what becomes of a picture on the way to a policy: of an Atari game the screen, grey, smaller, stacked.

    Args:
        env: As for an agent: the id of a game, an `operant.Atari`, or any environment of images.
        path: The PNG file to write.
        wrappers: As for an agent.
        env_kwargs: As for an agent.
        steps: Random steps, of which the one with the most movement is drawn.
        seed: Of the game and the actions.

    Raises ValueError where there are no images.
    """
    source = Source.of(env, wrappers=as_wrappers(wrappers), env_kwargs=env_kwargs)
    stages = _played(source, steps, seed)
    with style.look():
        said = "" if source.atari is None else preprocessing(source.atari)
        return style.finish(_drawn(stages, f"What a policy sees of {source.id}", said), path)


def _played(source: Source, steps: int, seed: int) -> list[Stage]:
    """The stages at the step with the most movement."""
    how = source.made_of
    env = tap = Tap(make_single(how.pop("env"), "rgb_array", **{"env_kwargs": how.pop("env_kwargs", {})}))
    taps = [("as the environment gives it" if source.atari is None else "grey", tap)]
    for wrapper in how["wrappers"]:
        env = wrapper.gymnasium(env)
        if wrapper.changes_observations:
            env = tap = Tap(env)
            taps.append((_label(wrapper), tap))
    best, most = [], -1.0
    try:
        env.action_space.seed(seed)
        env.reset(seed=seed)
        for _ in range(steps):
            *_, terminated, truncated, _ = env.step(env.action_space.sample())
            stages = [_stage(label, tap.seen, source.id) for label, tap in taps]
            movement = _movement(stages[-1])
            if movement > most:
                screen = env.render() if source.atari is not None else None
                first = [] if screen is None else [_stage("the screen", screen, source.id)]
                best, most = [*first, *stages[1 if _same(first, stages) else 0 :]], movement
            if terminated or truncated:
                env.reset()
    finally:
        env.close()
    return best


def _same(first: Sequence[Stage], stages: Sequence[Stage]) -> bool:
    """Whether what the environment gives is the screen itself."""
    return bool(first) and np.array_equal(first[0].images[0], stages[0].images[0])


def _label(wrapper: Wrapper) -> str:
    if isinstance(wrapper, Repeat):
        return f"maximum of {wrapper.pool} frames"
    if isinstance(wrapper, Resize):
        return "smaller"
    if isinstance(wrapper, Grayscale):
        return "grey"
    return f"the last {wrapper.size} at once" if isinstance(wrapper, FrameStack) else to_text(wrapper)


def _stage(label: str, seen: Any, name: str) -> Stage:
    """A stage of what is seen. Raises ValueError for what is no image."""
    image = np.asarray(seen)
    if image.ndim not in (2, 3) or min(image.shape[:2]) < 2:
        raise ValueError(
            f"{name} shows no images, but arrays of shape {image.shape}: there is nothing to draw."
        )
    shape = "×".join(map(str, image.shape))
    image = image.transpose(1, 2, 0) if channels_first(image.shape) else image
    if image.ndim == 2:
        return Stage(label, [image], shape)
    each = 3 if image.shape[-1] % 3 == 0 else 1
    parts = np.split(image, image.shape[-1] // each, -1)
    return Stage(label, [part[..., 0] if each == 1 else part for part in parts], shape)


def _movement(stage: Stage) -> float:
    """The share of pixels that change from each frame of a stack to the next; 0 where the whole scene does."""
    frames = np.stack(stage.images).astype(float)
    steps = [float((np.abs(frame) > 10).mean()) for frame in np.diff(frames, axis=0)] or [0.0]
    return min(steps) + 1e-3 * max(steps) if max(steps) < CALM else 0.0


def _drawn(stages: Sequence[Stage], title: str, subtitle: str) -> Figure:
    """All stages in a row, each as high as the others, with arrows between them."""
    widths = [HEIGHT * stage.images[0].shape[1] / stage.images[0].shape[0] for stage in stages]
    deck = [(len(stage.images) - 1) * SHIFT[0] for stage in stages]
    width = sum(widths) + sum(deck) + GAP * (len(stages) - 1) + 2 * LEFT
    height = HEIGHT + BELOW + ABOVE + max((len(stage.images) - 1) * SHIFT[1] for stage in stages)
    figure = style.figure(width, height)
    figure.set_layout_engine("none")
    left = LEFT
    for number, (stage, wide, more) in enumerate(zip(stages, widths, deck, strict=True)):
        if number:
            x, y = (left - GAP / 2) / width, (BELOW + HEIGHT / 2) / height
            figure.text(x, y, "→", fontsize=19, color=style.PALE, ha="center", va="center")
        for depth, image in enumerate(stage.images):  # the oldest farthest up and to the right
            back = len(stage.images) - 1 - depth
            place = (left + back * SHIFT[0], BELOW + back * SHIFT[1])
            axes = figure.add_axes(
                (place[0] / width, place[1] / height, wide / width, HEIGHT / height), zorder=depth
            )
            axes.imshow(image, cmap="gray", vmin=0, vmax=255, aspect="auto")
            axes.set(xticks=[], yticks=[])
            for spine in axes.spines.values():
                spine.set(
                    visible=True, color="white" if len(stage.images) > 1 else style.FAINT, linewidth=1.6
                )
            if len(stage.images) > 1:
                when = "t" if not back else f"t − {back}"
                below = (place[1] - 0.16) / height
                figure.text(
                    (place[0] + wide) / width, below, when, fontsize=8.5, color=style.GREY, ha="right"
                )
        figure.text(left / width, (BELOW - 0.2) / height, stage.label, fontsize=10.5, fontweight="bold")
        figure.text(left / width, (BELOW - 0.4) / height, stage.shape, fontsize=9, color=style.GREY)
        left += wide + more + GAP
    figure.text(LEFT / width, 1 - 0.38 / height, title, fontsize=13, fontweight="bold")
    figure.text(LEFT / width, 1 - 0.62 / height, subtitle, fontsize=9.5, color=style.GREY)
    return figure
