"""Observers see every transition of training, between chunks; one of them writes a Minari dataset."""

from __future__ import annotations

import warnings
from typing import Any, Protocol

import numpy as np

from operant.engine.learn import to_environment
from operant.engine.trajectories import EpisodeSplitter, Trajectory
from operant.envs.gymnasium_spaces import space_to_gymnasium
from operant.types import EnvSpec, Transition

STEPS_IN_MEMORY = 10_000  # of finished episodes, before they are written


class Observer(Protocol):
    """Anything that wants to see what the agent experiences."""

    def __call__(self, transition: Transition) -> None:
        """Take the next transitions: NumPy leaves `[T, N, …]`, in order, also from one call to the next.

        They are the observer's to keep, and not to change.
        """
        ...

    def close(self) -> None:
        """Training is over, finished or not. An observer may do without: a plain function is one."""
        ...


class MinariObserver:
    """Writes what is experienced as a Minari dataset, one episode after another.

    Observations and actions are operant's: float32, choices counted from 0, and actions inside the bounds of
    a Box, as the environment got them. An episode of k steps has k + 1 observations, the last being the true
    final one; an episode under way at `close` ends there as truncated. Steps that never happened are absent.

    `environment`, a Gymnasium environment, id or spec, is what `dataset.recover_environment()` then makes.
    `details` go to `minari.create_dataset_from_buffers` (`algorithm_name`, `author`, …). Raises ImportError
    without the extra, ValueError for a malformed dataset id or one that is taken.
    """

    def __init__(self, dataset_id: str, spec: EnvSpec, *, environment: Any = None, **details: Any) -> None:
        try:
            import h5py  # noqa: F401 (Minari misses it only when it writes)
            import minari
            from minari.data_collector import EpisodeBuffer
        except ImportError as error:
            raise ImportError("A Minari dataset needs an extra: pip install 'operant-rl[minari]'.") from error
        self.spec = spec
        self._episode_buffer = EpisodeBuffer
        self._episodes = EpisodeSplitter()
        self._finished: list[Any] = []
        with warnings.catch_warnings():  # one for every detail that is not given
            warnings.filterwarnings("ignore", category=UserWarning, module="minari")
            self.dataset = minari.create_dataset_from_buffers(
                dataset_id,
                buffer=[],
                env=environment,
                observation_space=space_to_gymnasium(spec.observation_space),
                action_space=space_to_gymnasium(spec.action_space),
                jpeg_encoding=False,  # pixels exactly as they were seen
                **details,
            )

    def __call__(self, transition: Transition) -> None:
        for trajectory in self._episodes(transition):
            self._finish(trajectory, trajectory.transition.truncated)
        if sum(map(len, self._finished)) >= STEPS_IN_MEMORY:
            self._write()

    def close(self) -> None:
        for trajectory in self._episodes.unfinished():
            truncated = np.array(trajectory.transition.truncated)
            truncated[-1] = True
            self._finish(trajectory, truncated)
        self._write()

    def _finish(self, trajectory: Trajectory, truncated: Any) -> None:
        self._finished.append(
            self._episode_buffer(
                observations=trajectory.observations,
                actions=to_environment(self.spec.action_space, trajectory.actions),
                rewards=trajectory.rewards,  # pyright: ignore[reportArgumentType]
                terminations=np.asarray(trajectory.transition.terminated),  # pyright: ignore[reportArgumentType]
                truncations=truncated,
            )
        )

    def _write(self) -> None:
        self.dataset.update_dataset_from_buffer(self._finished)
        self._finished = []
