"""What an agent is between two calls of `learn`: it acts, is tuned, scored, shown and saved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Self

import numpy as np

from operant.agent import pictures, saving, showing, texts
from operant.agent.acting import Acting
from operant.agent.configuration import config
from operant.agent.core import Core
from operant.agent.tuning import Tunable
from operant.algorithms.random import Random
from operant.engine.evaluate import Evaluation
from operant.spaces import Discrete

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from operant.export import Format
    from operant.language import Pretrained, Response
    from operant.language.trained_reward import TrainedReward


class Model(Acting, Tunable):
    """An algorithm in an environment, and what it has learnt there. This is what callbacks are told of."""

    @classmethod
    def _of(cls, core: Core) -> Self:
        """One that holds this core."""
        model = cls.__new__(cls)
        model._hold(core)
        return model

    def random(self) -> Self:
        """The random policy in the same environment, to compare with; evaluate it with `deterministic=False`."""
        return self._of(Core(Random(), self.source.one_process))

    # looking

    def action_names(self) -> list[str]:
        """What Discrete actions are called; [] for others."""
        return pictures.action_names(self._core) if isinstance(self.spec.action_space, Discrete) else []

    def plot(self, path: str | Path | None = None, reference: Mapping[str, float] | None = None) -> Figure:
        """The learning curve, over all seeds, with lines at `reference`; written as PNG to `path`, if given."""
        return showing.plot(self._core, path, reference)

    def plot_policy(
        self,
        path: str | Path | None = None,
        states: np.ndarray | None = None,
        axes: Sequence[int | str] | None = None,
    ) -> Figure:
        """What the policy does over two quantities of a vector observation; written as PNG to `path`, if given.

        Of Discrete actions how likely they are, of a Box a map for each of up to six elements. Of a search for the two
        numbers of a constant action, how it went over a map of the return instead. Of a table over a grid, such as a
        gridworld's, the value of each action in each cell.

        Args:
            states: Visited ones `[K, D]`, drawn as dots: `agent.record("film.mp4").observations`. Without them an
                episode is played where the axes need it.
            axes: Two elements of the observation, by index or name, such as `(0, 1)` or `("position", "velocity")`; by
                default those known to tell most, or the first two. The others are held at their medians.

        Raises ValueError, saying why, where no such picture can be drawn.
        """
        return pictures.plot_policy(self._core, path, states, axes)

    def plot_critic(self, path: str | Path | None = None, observation: Any = None, steps: int = 0) -> Figure:
        """What critics expect of each action in one state, and what the policy does there; as PNG to `path`, if given.

        Of a Box of one element a curve of Q for each critic, with the policy's density; of two a map of Q; of Discrete
        actions bars. Where the return's distribution is learnt (TQC, QR-DQN, C51), with bands of its quantiles.

        Args:
            observation: By default one of an episode that is played by the best known actions.
            steps: That after this many steps of it; by default its first.

        Raises ValueError, saying why, where no such picture can be drawn.
        """
        return pictures.plot_critic(self._core, path, observation, steps)

    def plot_actions(self, path: str | Path | None = None, observation: Any = None, steps: int = 0) -> Figure:
        """A bar for each Discrete action, as long as it is likely in one state; written as PNG to `path`, if given.

        The arguments are those of `plot_critic`, which draws bars of Q-values. Raises ValueError as it does.
        """
        return pictures.plot_actions(self._core, path, observation, steps)

    def plot_saliency(
        self,
        path: str | Path | None = None,
        observation: Any = None,
        steps: int = 0,
        of: Literal["policy", "value"] = "policy",
    ) -> Figure:
        """Which pixels of an image the policy looks at, by gradients and by occlusion; as PNG to `path`, if given.

        Args:
            observation: As of `plot_critic`.
            steps: As of `plot_critic`.
            of: policy: of the probabilities of actions or Q-values; value: of what it expects to be paid.

        Raises ValueError, saying why, where no such picture can be drawn.
        """
        return pictures.plot_saliency(self._core, path, observation, steps, of)

    # text

    @property
    def language_model(self) -> Pretrained:
        """The language model that has been learnt, adapters merged, with its tokeniser: `.save(folder)` writes it for
        other tools, and as the `network` of an algorithm it is what that begins with.

        Raises ValueError where nothing of the kind has been learnt, and for several learners.
        """
        return texts.language_model(self._core)

    def generate(self, prompts: Sequence[str], **values: Any) -> list[Response]:
        """A response to each text, by what has been learnt; `values` are those of `operant.language.generate`, such as
        max_new_tokens and temperature. Raises ValueError as `language_model` does.
        """
        return self.language_model.generate(prompts, **values)

    @property
    def reward_model(self) -> TrainedReward:
        """The reward model that has been learnt, as the `reward` of an environment of text, where it learns no more.

        Raises ValueError where none has been learnt, and for several learners.
        """
        return texts.reward_of(self._core)

    def score(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """What the `reward_model` says of a response to each prompt, float32 `[N]`. Raises ValueError as it does."""
        return self.reward_model(prompts, responses)

    # environments

    def env_method(self, name: str, *arguments: Any, **keywords: Any) -> list[Any]:
        """Call a method of each training environment, as a curriculum does; what they return, in order.

        Raises ValueError where they have none of this name, and where training is native.
        """
        return self.learner.environments.call(name, *arguments, **keywords)

    def get_attr(self, name: str) -> list[Any]:
        """An attribute of each training environment. Raises ValueError as `env_method` does."""
        return self.learner.environments.call(name)

    def set_attr(self, name: str, value: Any) -> None:
        """Set an attribute of every training environment. Raises ValueError as `env_method` does."""
        self.learner.environments.set_attr(name, value)

    def close(self) -> None:
        """End the environments and processes of training; what has been learnt stays, and `learn` makes new ones.

        An instance or a vector environment that you made yourself stays open.
        """
        self.learner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # several learners

    def _learners(self) -> Iterable[Self]:
        """Each learner as a player of its own."""
        return (self,) if self.seeds is None else (self[i] for i in range(len(self.seeds)))

    def __getitem__(self, index: int) -> Self:
        """The learner of the index-th seed, as an agent of its own."""
        return self._of(self._core.of_seed(index))

    def best(self, evaluations: Sequence[Evaluation] | None = None) -> Self:
        """The learner with the highest mean return of these evaluations, or of 20 episodes each; alone, itself."""
        if self.seeds is None:
            return self
        scores: Any = self.evaluate(20) if evaluations is None else evaluations
        return self[int(np.argmax([score.mean for score in scores]))]

    @property
    def best_model(self) -> Self:
        """The best of what `learn(evaluate_every=…)` evaluated, as an agent of its own; of several seeds, each one's.

        `best_so_far` has its score and step.
        """
        return self._of(self._core.of_best())

    # files

    def config(self) -> dict[str, Any]:
        """Everything needed to make this agent again, as JSON values."""
        return config(self._core)

    def save(self, path: str | Path | IO[bytes]) -> None:
        """Write the model to one safetensors file, or into an open one; its metadata has `config()` and the progress.

        The same model gives the same bytes.
        """
        saving.save(self._core, path)

    def export(self, path: str | Path, format: Format = "onnx") -> Path:
        """Write the deterministic policy for use without operant, and return the path.

        Args:
            path: Of a file for "onnx", of a folder for "numpy".
            format: "onnx" is a model of opset 17 for onnxruntime, for batches of any size: what `predict` takes goes in
                and what it returns comes out, and a memory's arrays go in and out with them. "numpy" is a `policy.py`
                with `act(observation)` that a person can read and that needs NumPy only, and its weights.

        Raises ValueError naming what in a network of yours cannot be exported, and ImportError where "onnx" is missing.
        """
        from operant.export import export

        return export(self.policy(), self.border, path, format, f"{self.name} on {self.source.id}")

    # what it is

    @property
    def threshold(self) -> float | None:
        """The mean return from which Gymnasium calls the environment solved, where it says so."""
        return showing.threshold(self._core)

    @property
    def title(self) -> str:
        """What is being trained on what, in a few words."""
        return showing.title(self._core)

    def _repr_html_(self) -> str:
        return showing.face(self._core)

    def __repr__(self) -> str:
        return f"<{self.title}, at step {self.step:,}>"
