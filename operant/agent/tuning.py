"""What may be changed of an agent that exists: hyperparameters, the environment, parameters, the contents of replay.

Names that it does not have are answered in one line; nothing that is assigned is ignored.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import gymnasium as gym
import jax
import jax.numpy as jnp
import numpy as np

from operant import habits
from operant.agent import hyperparameters
from operant.agent.configuration import kept_vectorization
from operant.agent.learned import Learned
from operant.engine import files
from operant.envs.source import Source
from operant.replay import ring

RING = "operant-replay-1"


class Tunable(Learned):
    """Hyperparameters as attributes, and what else is exchanged."""

    if TYPE_CHECKING:
        # hyperparameters, of which an algorithm has some; these are known to type checkers
        learning_rate: Any
        gamma: Any
        gae_lambda: Any
        n_steps: Any
        batch_size: Any
        n_epochs: Any
        clip_range: Any
        ent_coef: Any
        vf_coef: Any
        max_grad_norm: Any
        buffer_size: Any
        learning_starts: Any
        train_freq: Any
        gradient_steps: Any
        target_update_interval: Any
        tau: Any
        exploration_fraction: Any
        exploration_initial_eps: Any
        exploration_final_eps: Any
        epsilon: Any
        network: Any

    if not TYPE_CHECKING:  # else every misspelt name would be taken for one that is found here

        def __getattr__(self, name: str) -> Any:
            if hasattr(type(self), name):  # a property that failed: say why
                return object.__getattribute__(self, name)
            if name.startswith("_") or "_core" not in self.__dict__:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            inner = self.algorithm.innermost
            if name in inner.__dataclass_fields__:
                return getattr(inner, name)
            known = (*inner.__dataclass_fields__, *(n for n in dir(type(self)) if n[0] != "_"))
            raise AttributeError(habits.answer(habits.AGENT, "An agent has no attribute", name, known))

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or "_core" not in self.__dict__:  # from then on, another one is a mistake
            object.__setattr__(self, name, value)
            return
        inner = self.algorithm.innermost
        if name in inner.__dataclass_fields__:
            hyperparameters.change(self._core, name, value)
        elif name in self.__dict__ or hasattr(type(self), name):
            raise AttributeError(
                f"agent.{name} cannot be set: it is fixed when the agent is made. Make another one, or "
                f"agent.save(path) and operant.load(path, {name}=…); agent.set_env(env) exchanges the environment."
            )
        else:
            answer = habits.answer(
                {**habits.AGENT, **habits.CONSTRUCTOR},
                "An agent has no attribute",
                name,
                inner.__dataclass_fields__,
            )
            raise AttributeError(f"{answer} Hyperparameters can be set, such as agent.learning_rate.")

    @property
    def num_timesteps(self) -> int:
        """`step`, by Stable-Baselines3's name."""
        return self.step

    @property
    def observation_space(self) -> gym.Space:
        """The environment's, as Gymnasium has it."""
        return self.border.observation_space

    @property
    def action_space(self) -> gym.Space:
        """The environment's, as Gymnasium has it."""
        return self.border.action_space

    def set_env(self, env: Any, env_kwargs: Mapping[str, Any] | None = None) -> None:
        """Train, score and film in another environment of the same spaces from now on, in the same wrappers.

        Replay starts empty. Raises ValueError, naming both, for other spaces or another number of environments.
        """
        old = self.source
        how: dict[str, Any] = {"backend": "gymnasium" if old.backend == "gymnasium" else "auto"}
        if isinstance(env, str | list) or callable(env):
            kept = kept_vectorization(old.vectorization, env)
            how |= {"vectorization": kept, "start_method": old.start_method}
            how |= {"ray_address": old.ray_address if kept == "ray" else None}
        source = Source(
            env, **how, wrappers=old.wrappers, env_kwargs=env_kwargs or {}, env_timeout=old.env_timeout
        )
        self._core.move(source)

    def get_parameters(self) -> dict[str, np.ndarray]:
        """Everything that has been learnt, by name: weights, the optimizer's state, running statistics. Copies."""
        named = zip(files.leaf_names(self.state), jax.tree.leaves(self.state), strict=True)
        return {name: np.array(leaf) for name, leaf in named if not files.is_key(leaf)}

    def set_parameters(self, values: Mapping[str, Any], exact_match: bool = True) -> None:
        """Take over arrays as `get_parameters` names them; they act and are trained from at once.

        Without `exact_match` some of them will do. Raises ValueError for what is missing, unknown or of another shape.
        """
        if isinstance(values, str | os.PathLike):
            raise ValueError(
                f"set_parameters takes arrays by name; operant.load({str(values)!r}) reads a file."
            )
        known = self.get_parameters()
        for name, value in values.items():
            if name not in known:
                raise ValueError(habits.answer({}, "There is no parameter", name, known))
            if np.shape(value) != known[name].shape:
                raise ValueError(f"{name} has shape {np.shape(value)} where {known[name].shape} is expected.")
        missing = sorted(known.keys() - values.keys())
        if exact_match and missing:
            raise ValueError(
                f"{len(missing)} parameters are missing, such as {missing[0]!r}: exact_match=False leaves them alone."
            )
        leaves, structure = jax.tree.flatten(self.state)
        new = [
            jnp.array(values[name], leaf.dtype) if name in values else leaf
            for name, leaf in zip(files.leaf_names(self.state), leaves, strict=True)
        ]
        self.learner.state = structure.unflatten(new)

    def save_replay_buffer(self, path: str | Path | IO[bytes]) -> None:
        """Write what replay holds to one safetensors file, or into an open one.

        Raises ValueError where there is nothing.
        """
        run = self.learner.run
        if run is None or run.replay is None:
            raise ValueError(
                f"{self.algorithm.name} has no replay."
                if self.algorithm.experience.replay is None
                else "There is nothing in replay yet: call learn first."
            )
        if not isinstance(path, str | os.PathLike):
            with tempfile.TemporaryDirectory() as directory:
                self.save_replay_buffer(Path(directory) / "replay")
                with (Path(directory) / "replay").open("rb") as written:
                    shutil.copyfileobj(written, path)
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        files.save_tree(path, run.replay, {"format": RING})

    def load_replay_buffer(self, path: str | Path | IO[bytes]) -> None:
        """Train from what `save_replay_buffer` wrote. Raises ValueError for replay of another size or environment."""
        if self.algorithm.experience.replay is None:
            raise ValueError(f"{self.algorithm.name} has no replay.")
        if not isinstance(path, str | os.PathLike):
            with tempfile.TemporaryDirectory() as directory:
                with (Path(directory) / "replay").open("wb") as copy:
                    shutil.copyfileobj(path, copy)
                self.load_replay_buffer(Path(directory) / "replay")
            return
        if files.read_metadata(path).get("format") != RING:
            raise ValueError(f"{path} holds no replay: agent.save_replay_buffer(path) writes it.")
        run = self.learner.started(return_experience=self.learner.return_experience)
        stored = files.load_tree(path, run.replay)
        self.learner.run = replace(run, replay=ring.truncate_open_episodes(stored))
