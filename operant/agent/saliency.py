"""Which pixels of an image a policy looks at: by gradients, and by covering places one after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from operant import spaces
from operant.algorithms.base import Algorithm
from operant.engine.policy import Policy
from operant.types import EnvSpec, PyTree

Of = Literal["policy", "value"]
Method = Literal["gradient", "occlusion"]
SIDE = 80  # pixels of the images that the next three are for, in Greydanus et al. 2018
COVER, BLUR, APART = (
    5.0,
    3.0,
    5.0,
)  # deviations of what is covered and of the blur, and from one place to the next
BATCH = 64  # covered images at once


class Axes(NamedTuple):
    """Where an image `[…]` has its rows and columns."""

    rows: int
    columns: int

    @classmethod
    def of(cls, space: spaces.Space) -> Axes:
        """Raises ValueError for a space that is not of images."""
        if not isinstance(space, spaces.Box) or len(space.shape) not in (2, 3, 4):
            raise ValueError(
                f"Saliency is of the pixels of an image, and observations are {spaces.describe(space)}."
            )
        if len(space.shape) == 2:
            return cls(-2, -1)
        return cls(-2, -1) if spaces.channels_first(space.shape[-3:]) else cls(-3, -2)

    def flat(self, image: np.ndarray) -> np.ndarray:
        """`[rows, columns, all else]`."""
        moved = np.moveaxis(image, (self.rows, self.columns), (0, 1))
        return moved.reshape(*moved.shape[:2], -1)

    def newest(self, image: np.ndarray) -> np.ndarray:
        """The newest of a stack of images, `[rows, columns]` or, in colour, `[rows, columns, 3]`.

        Of layers that mark with 1 where things are, such as MinBreakout's, all together.
        """
        channels = self.flat(image)
        if channels.shape[-1] > 1 and np.isin(channels, (0, 1)).all():
            return channels.max(-1)
        if channels.shape[-1] % 3 == 0:
            return channels[..., -3:]
        return channels[..., -1]

    def spread(self, map: np.ndarray, image: np.ndarray) -> np.ndarray:
        """A map `[rows, columns]` with the axes of an image, to be multiplied with it."""
        shape = [1] * image.ndim
        shape[self.rows], shape[self.columns] = map.shape
        return map.reshape(shape)


def saliency(policy: Policy, observation: np.ndarray, method: Method, of: Of) -> np.ndarray:
    """How much each pixel of one observation matters, `[rows, columns]`, at least 0.

    gradient: |∂f/∂x|, of a pixel's channels the largest (Simonyan, Vedaldi & Zisserman 2014, arXiv:1312.6034, section
    3.1), of f = the best action's log-probability or Q-value, or the value. occlusion: ½ ‖f(x) − f(x′)‖², where x′ is
    blurred around a place, of f = all of these (Greydanus et al. 2018, arXiv:1711.00138, equations 1 and 2); between
    the places it is interpolated.

    Raises ValueError for what is no image, and for an algorithm that learns no such f.
    """
    for name, value, known in (("method", method, get_args(Method)), ("of", of, get_args(Of))):
        if value not in known:
            raise ValueError(f"{name}={value!r}: must be {' or '.join(map(repr, known))}.")
    axes = Axes.of(policy.spec.observation_space)
    image = np.asarray(observation, np.float32)
    if method == "gradient":
        slope = np.asarray(policy.ask(_GRADIENTS[of], image[None]))[0]
        return np.abs(axes.flat(slope)).max(-1)
    return _by_occlusion(policy, image, axes, of)


def _by_occlusion(policy: Policy, image: np.ndarray, axes: Axes, of: Of) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    height, width = image.shape[axes.rows], image.shape[axes.columns]
    scale = min(height, width) / SIDE
    deviations = [0.0] * image.ndim
    deviations[axes.rows] = deviations[axes.columns] = BLUR * scale
    blurred = gaussian_filter(image, deviations)
    count = [max(1, round(size / max(1.0, APART * scale))) for size in (height, width)]
    middles = [(np.arange(n) + 0.5) * size / n - 0.5 for n, size in zip(count, (height, width), strict=True)]
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    cover = max(1.0, COVER * scale)

    def covered(row: float, column: float) -> np.ndarray:
        distance = (rows - row) ** 2 + (columns - column) ** 2
        mask = axes.spread(np.exp(-distance / (2 * cover**2)).astype(np.float32), image)
        return image * (1 - mask) + blurred * mask

    places = [covered(row, column) for row in middles[0] for column in middles[1]]
    question = _SCORES[of]
    before = np.asarray(policy.ask(question, image[None]))
    differences: list[float] = []
    for first in range(0, len(places), BATCH):
        batch = places[first : first + BATCH]
        missing = BATCH - len(batch)  # of one size, for which the program is compiled
        after = np.asarray(policy.ask(question, np.stack([*batch, *[image] * missing])))[: len(batch)]
        differences += (0.5 * np.square(after - before).sum(-1)).tolist()
    grid = np.asarray(differences, np.float32).reshape(count)
    return np.asarray(jax.image.resize(grid, (height, width), "linear")).clip(0)


Question = Callable[[Algorithm, EnvSpec, PyTree, PyTree, PyTree], jax.Array]
"""`(algorithm, spec, state, observation [M, …], carry) → scores [M, K]`, as `Policy.ask` takes it."""


def _of_policy(
    algorithm: Algorithm, spec: EnvSpec, state: PyTree, observation: PyTree, carry: PyTree
) -> jax.Array:
    """Q-values, or log-probabilities of Discrete actions."""
    known = algorithm.estimates(state, observation, None, carry)[0]
    if known.q_values is not None:
        return known.q_values
    if known.distribution is None or not isinstance(spec.action_space, spaces.Discrete):
        raise ValueError(
            f"{algorithm.name} has neither Q-values nor probabilities of Discrete actions here; of='value' asks what "
            "it expects to be paid, where it learns that."
        )
    policy, count = known.distribution.marginal, len(observation)
    return jax.vmap(lambda action: policy.log_prob(jnp.full(count, action)), out_axes=-1)(
        jnp.arange(spec.action_space.n)
    )


def _of_value(
    algorithm: Algorithm, spec: EnvSpec, state: PyTree, observation: PyTree, carry: PyTree
) -> jax.Array:
    """V(s), or the largest Q-value."""
    known = algorithm.estimates(state, observation, None, carry)[0]
    if known.q_values is not None:
        return jnp.max(known.q_values, -1, keepdims=True)
    if known.value is None:
        raise ValueError(f"{algorithm.name} learns no value function: ask for of='policy'.")
    return known.value[:, None]


def _gradient_of(scores: Question) -> Question:
    """The gradient of the largest score of each observation by it."""

    def gradient(
        algorithm: Algorithm, spec: EnvSpec, state: PyTree, observation: PyTree, carry: PyTree
    ) -> jax.Array:
        return jax.grad(lambda x: jnp.sum(jnp.max(scores(algorithm, spec, state, x, carry), -1)))(observation)

    return gradient


_SCORES: dict[Of, Question] = {"policy": _of_policy, "value": _of_value}
_GRADIENTS: dict[Of, Question] = {name: _gradient_of(question) for name, question in _SCORES.items()}
