"""Language models of agents: what one has learnt, to generate or to judge text, and what a run begins with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from operant import formats, zoo
from operant.agent import configuration, inputs, rewards, saving
from operant.agent.configuration import Supplied
from operant.agent.core import Core
from operant.fields import FileError

if TYPE_CHECKING:
    from operant.language.lora import LoRA
    from operant.language.pretrained import Pretrained
    from operant.language.tokenizers.base import Tokenizer
    from operant.language.trained_reward import TrainedReward

NEW = "transformer:"  # how the text of a new model begins


def language_model(core: Core) -> Pretrained:
    """What has been learnt, with adapters added to their matrices, and its tokeniser.

    Raises ValueError where it is no language model, and where there are several learners.
    """
    from operant.language.pretrained import Pretrained

    inputs.require_one_learner(core.seeds)
    network = core.algorithm.network_of(core.state)
    model = getattr(network, "model", network)
    if not _is_language_model(model):
        raise ValueError(
            f"{core.name} on {core.source.id} has learnt no language model, and generates no text."
        )
    return Pretrained(model, tokenizer_of(core))


def tokenizer_of(core: Core) -> Tokenizer | None:
    """That of the model that learning began with, or else of the environment; None where neither has one."""
    own = configuration.tokenizer_of(core.algorithm)
    if own is not None or core.recorded is not None:
        return own
    environment = core.source.native
    while environment is not None and not hasattr(environment, "tokenizer"):
        environment = getattr(environment, "inner", None)
    return getattr(environment, "tokenizer", None)


def reward_of(core: Core) -> TrainedReward:
    """What a reward model has learnt, as a reward.

    Raises ValueError where none has been learnt, or there are several learners.
    """
    from operant.language.trained_reward import TrainedReward

    inputs.require_one_learner(core.seeds)
    return TrainedReward(rewards.learnt(core.algorithm, core.state))


def reward_model(path: str | Path) -> TrainedReward:
    """What a run or a model file of a reward model has learnt, as the `reward` of an environment of text; called with
    prompts and responses it gives a score for each. Nobody learns it any more.

    Raises FileNotFoundError where there is nothing, ValueError where it is no reward model.
    """
    from operant.language.trained_reward import TrainedReward

    return TrainedReward(saving.reward_model(Path(path)), str(path))


def network(text: str | Path) -> Any:
    """The network that a text names: a path (see `pretrained`), or a new model, as transformer:width=64,layers=2."""
    if str(text).startswith(NEW):
        from operant.language.config import Transformer

        return Transformer.parse(str(text).removeprefix(NEW))
    return pretrained(text)


def pretrained(path: str | Path, lora: LoRA | int | str | None = None) -> Pretrained:
    """A language model with its tokeniser, to begin with as the `network` of an algorithm, or to generate text.

    Args:
        path: A run or a model file of operant's, a folder in Hugging Face's layout, or a .gguf file. Nothing in it is
            executed.
        lora: What is to be learnt, where that is not all of it: a `LoRA(…)`, its rank, or text as `--lora` takes it.

    Raises FileNotFoundError where there is nothing, ValueError where it is no language model.
    """
    from operant.language.lora import LoRA
    from operant.language.pretrained import Pretrained, load

    if isinstance(lora, int | str):
        lora = LoRA.parse(str(lora))
    path = Path(zoo.located(path))
    if not path.exists():
        raise FileNotFoundError(f"There is no file or folder {path}.")
    if path.suffix == ".gguf" or (path.is_dir() and not _is_run(path)):
        return load(path).adapted(lora)
    found = language_model(saving.load(path, Supplied()))
    return Pretrained(found.weights, found.tokenizer, lora, str(path))


def _is_run(path: Path) -> bool:
    try:
        formats.require_run(path)
    except (FileError, OSError):
        return False
    return True


def _is_language_model(value: Any) -> bool:
    from operant.language.model import LanguageModel

    return isinstance(value, LanguageModel)
