"""What algorithms share that learn a language model from recorded texts: the model, its tokeniser, reading the data."""

# pyright: reportArgumentType=false
# optax's types do not know that an Equinox module is a pytree.

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Self

import equinox as eqx
import jax
import numpy as np
import optax

from operant.algorithms import ranges
from operant.algorithms.advice import TrainingWarning
from operant.algorithms.base import require, static
from operant.algorithms.gradient import GradientLearner
from operant.algorithms.language.lengths import NEIGHBOURS, SHORTEST, at_own_length, in_order
from operant.algorithms.policy_network import ActsByNetwork
from operant.distributions import sample_noise
from operant.language.chat import TEMPLATES
from operant.language.config import Transformer
from operant.language.data.arrays import Arrays
from operant.language.data.examples import NO_CHAT, TOO_LONG, Example, Reader, TooLong
from operant.language.data.rows import Row, read
from operant.language.model import LanguageModel
from operant.language.policy import LanguagePolicy, sizes, spec_of
from operant.language.pretrained import Pretrained
from operant.language.tokenizers import files
from operant.language.tokenizers.base import Tokenizer
from operant.language.tokenizers.simple import Bytes, Characters
from operant.ops.metrics import Metrics
from operant.ops.normalization import Normalizer
from operant.ops.optimizers import descend
from operant.ops.schedules import Schedule, at
from operant.plans import Dataset
from operant.types import Batch, Clock, EnvSpec, PyTree, Recording, Transition


class LanguageState(eqx.Module):
    """Everything that is learnt."""

    network: Any  # all of it, or adapters alone: see `OwnPolicy.whole`
    optimizer: optax.OptState

    @property
    def normalizer(self) -> Normalizer:
        """Tokens have no scale."""
        return Normalizer(None, None, None)


class LanguageLearner(GradientLearner):
    """An algorithm that fits a language model to recorded texts."""

    learning_rate: float | Schedule = 1e-5
    """Step size of the optimiser: a number or a schedule such as linear:1e-5:0."""
    batch_size: int = static(8)
    """Rows of the data in an update."""
    max_grad_norm: float = 1.0
    """Gradients longer than this are shortened to it."""
    max_length: int | None = static(None)
    """Tokens of a prompt and a response together; none: as many as the model looks back on."""
    too_long: TooLong = static("cut")
    """What is done with longer ones: cut (a prompt loses its beginning, and then a response its end) or refuse."""
    chat: str = static(NO_CHAT)
    """The form of chat in which prompts become a user's messages: none, chatml or plain."""
    group_by_length: bool = static(True)
    """Draw batches from texts of about one length, and compute them at that length: less of them is padding. Texts of
    up to 32 tokens are never grouped."""
    validation_fraction: float = static(0.0)
    """Part of the rows that is not learnt from, and on which validation/loss is computed."""
    tokenizer: str | Tokenizer | None = static(None)
    """That of a model without one of its own: bytes, characters (those that there are in the data) or the folder of
    another model; none: bytes."""
    network: Transformer | Pretrained = Transformer()
    """The model to begin with: operant.pretrained(PATH), or a Transformer, which begins at random."""

    def __check_init__(self) -> None:
        ranges.not_negative(self, "learning_rate")
        ranges.whole(self, "batch_size", "max_length")
        ranges.positive(self, "max_grad_norm")
        ranges.below_one(self, "validation_fraction")
        require(self.too_long in TOO_LONG, "too_long", self.too_long, f"one of {', '.join(TOO_LONG)}")
        kinds = (NO_CHAT, *TEMPLATES)
        require(self.chat in kinds, "chat", self.chat, f"one of {', '.join(kinds)}")
        require(
            isinstance(self.network, Transformer | Pretrained),
            "network",
            self.network,
            "a language model: operant.pretrained(PATH), or a Transformer",
        )

    @property
    def experience(self) -> Dataset:
        longest = min(self.max_length or self.network.config.context, self.network.config.context)
        neighbours = NEIGHBOURS if self.group_by_length and longest > SHORTEST else 1
        return Dataset(self.batch_size, validation_fraction=self.validation_fraction, neighbours=neighbours)

    # the data

    def fitted_to(self, dataset: Any) -> Self:
        own = getattr(self.network, "tokenizer", None)
        if own is not None:
            require(self.tokenizer is None, "tokenizer", self.tokenizer, "None: the model has one of its own")
            return self
        match self.tokenizer:
            case Tokenizer():
                return self
            case None | "bytes":
                return replace(self, tokenizer=Bytes())
            case "characters":
                made = Characters.of(_texts(row.values for row in read(dataset)))
                network = self.network
                if isinstance(network, Transformer):
                    network = replace(network, vocab_size=made.vocab_size)
                return replace(self, tokenizer=made, network=network)
            case str(folder):
                found = files.load(Path(folder), {}) if Path(folder).is_dir() else None
                allowed = "bytes, characters, or a folder with a tokeniser"
                require(found is not None, "tokenizer", folder, allowed)
                return replace(self, tokenizer=found)

    def read_dataset(self, dataset: Any) -> Recording:
        rows, reader = read(dataset), self.reader
        examples, cut = self._examples(rows, reader)
        if cut:
            warnings.warn(cut, TrainingWarning, stacklevel=2)
        name = Path(dataset).stem if isinstance(dataset, str | Path) else "texts"
        seen = self._arrays(examples, reader)
        if self.experience.neighbours > 1:
            seen = in_order(seen)
        shape = (len(seen["tokens"]),)
        nothing = np.zeros(shape, bool)
        steps = Transition(seen, (), np.zeros(shape, np.float32), ~nothing, nothing, None)
        return Recording(name, self._spec(name, seen), steps)

    @property
    def reader(self) -> Reader:
        """How rows become tokens. Raises ValueError where the model has too few of them."""
        tokenizer = getattr(self.network, "tokenizer", None) or self.tokenizer
        assert isinstance(tokenizer, Tokenizer)
        config = self.network.config
        if tokenizer.vocab_size > config.vocab_size:
            raise ValueError(
                f"transformer.vocab_size={config.vocab_size}: the tokeniser has {tokenizer.vocab_size} tokens. Set it "
                "to that."
            )
        most = min(self.max_length or config.context, config.context)
        return Reader(tokenizer, most, self.too_long, self.chat)

    @abstractmethod
    def _examples(self, rows: Sequence[Row], reader: Reader) -> tuple[list[Example], str]:
        """`(the rows as tokens, what was cut, in words)`."""

    @abstractmethod
    def _arrays(self, examples: Sequence[Example], reader: Reader) -> Arrays:
        """Examples as the `observation` of a batch."""

    @abstractmethod
    def _spec(self, name: str, seen: Arrays) -> EnvSpec:
        """What such data say of where they come from."""

    # learning

    @abstractmethod
    def loss(
        self, network: Any, batch: Batch, *, key: jax.Array | None = None
    ) -> tuple[jax.Array, dict[str, jax.Array]]:
        """`(loss, metrics without a place)` of the whole network on a batch of rows."""

    def update(self, state: LanguageState, batch: Batch, key: jax.Array, clock: Clock):
        optimizer = self._optimizer(at(self.learning_rate, clock))

        def gradient_of(batch: Batch) -> tuple[PyTree, dict[str, jax.Array]]:
            def loss(learnt: PyTree) -> tuple[jax.Array, dict[str, jax.Array]]:
                return self.loss(self.network.whole(learnt), batch, key=key)

            return jax.grad(loss, has_aux=True)(state.network)

        gradient, metrics = at_own_length(gradient_of, batch)
        network, optimizer_state = descend(optimizer, gradient, state.optimizer, state.network)
        told: Metrics = {f"train/{name}": value for name, value in metrics.items()}
        told["train/learning_rate"] = at(self.learning_rate, clock)
        return LanguageState(network, optimizer_state), told

    def validation(self, state: LanguageState, batch: Batch) -> dict[str, jax.Array]:
        _, metrics = at_own_length(partial(self.loss, self.network.whole(state.network)), batch)
        return {f"validation/{name}": value for name, value in metrics.items()}

    def _optimizer(self, learning_rate: jax.Array | float) -> optax.GradientTransformation:
        return self.make_optimizer(learning_rate, self.max_grad_norm)


class LanguagePolicyLearner(ActsByNetwork, LanguageLearner):
    """One whose model is a policy over tokens: it generates text, and acts in environments of text."""

    def check(self, spec: EnvSpec) -> None:
        sizes(spec)

    def init(self, spec: EnvSpec, key: jax.Array) -> LanguageState:
        network = self.network.build(spec, key, critic=False)
        return LanguageState(network, self._optimizer(0.0).init(network))

    def sample_noise(self, spec: EnvSpec, key: jax.Array) -> PyTree:
        return sample_noise(spec.action_space, key, (spec.num_envs,))

    def reference_of(self, network: LanguagePolicy) -> LanguageModel:
        """The model as it was before learning, which no gradient passes."""
        return self.network.reference(network).model

    def require_reference(self) -> None:
        """Raise ValueError where the model begins at random."""
        if not self.network.has_reference:
            raise ValueError(
                f"{self.name} needs a model to begin with, which it stays near to: network=operant.pretrained(PATH) "
                "(--model PATH), as that of a run of SFT."
            )

    def _spec(self, name: str, seen: Arrays) -> EnvSpec:
        return spec_of(name, self.reader.tokenizer.vocab_size, seen["tokens"].shape[-1])


def _texts(value: Any) -> Iterator[str]:
    """All text that is somewhere in rows."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(value.values())
    elif not isinstance(value, int | float | None):
        for each in value:
            yield from _texts(each)
