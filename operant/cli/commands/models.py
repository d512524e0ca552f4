"""Models for other tools, and language models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import tyro

from operant.cli.arguments import Best, LearntModel
from operant.cli.errors import from_input
from operant.zoo import is_name


def export(
    model: LearntModel,
    *,
    format: Annotated[
        Literal["onnx", "numpy", "huggingface"],
        tyro.conf.arg(
            help="onnx: a file for onnxruntime; numpy: a folder with Python that needs NumPy only; huggingface: a "
            "language model with its tokeniser as a folder that other tools read."
        ),
    ] = "onnx",
    output: Annotated[
        str | None,
        tyro.conf.arg(
            help="Where to write it; none: policy.onnx, policy/ or language_model/ next to the model, or here for one "
            "that comes with operant."
        ),
    ] = None,
    best: Best = False,
) -> None:
    """Write what a model has learnt for use without operant: its deterministic policy, or its language model."""
    from operant.cli.runs import require_model

    with from_input():
        require_model(model)
        from operant.agent import Agent

        agent = Agent.load(model, best=best)
        agent = agent if agent.seeds is None else agent.best()
        place = Path() if is_name(model) else Path(model) if Path(model).is_dir() else Path(model).parent
        if format == "huggingface":
            folder = Path(output or place / "language_model")
            agent.language_model.save(folder)
            print(folder)
            return
        name = "policy.onnx" if format == "onnx" else "policy"
        print(agent.export(output or place / name, format))


def generate(
    model: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(
            metavar="RUN|MODEL",
            help="A run or a model of operant's, a folder with config.json and model.safetensors, as Hugging Face lays "
            "them out, or a .gguf file.",
        ),
    ],
    prompts: Annotated[
        tyro.conf.Positional[tuple[str, ...]],
        tyro.conf.arg(metavar="PROMPT…", help="Texts to go on from; each gets a response."),
    ],
    *,
    max_new_tokens: Annotated[int, tyro.conf.arg(help="After which a response is cut off.")] = 128,
    temperature: Annotated[
        float, tyro.conf.arg(help="Below 1 likely tokens become likelier; 0 takes the likeliest each time.")
    ] = 1.0,
    top_k: Annotated[int, tyro.conf.arg(help="Only this many of the likeliest tokens; 0: all.")] = 0,
    top_p: Annotated[
        float, tyro.conf.arg(help="Only the likeliest tokens that hold this share of the probability.")
    ] = 1.0,
    seed: Annotated[int, tyro.conf.arg(help="The seed of all randomness.")] = 0,
    chat: Annotated[
        Literal["none", "chatml", "plain"],
        tyro.conf.arg(help="Give each prompt as a user's message in this form of chat."),
    ] = "none",
) -> None:
    """Generate text with a language model."""
    from operant.cli.generate import responses

    values = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    with from_input():
        found = responses(model, prompts, chat, max_new_tokens=max_new_tokens, seed=seed, **values)
    print("\n\n".join(found))


def label(
    data: Annotated[
        tyro.conf.Positional[str],
        tyro.conf.arg(
            metavar="FILE",
            help="JSON lines (or CSV, Parquet) with a prompt and two responses each; with --model prompts alone.",
        ),
    ],
    output: Annotated[
        tyro.conf.Positional[str | None],
        tyro.conf.arg(
            metavar="PAIRS.jsonl",
            help="Where answers are appended; none: next to FILE. What is in it already is not asked again.",
        ),
    ] = None,
    *,
    model: Annotated[
        str | None, tyro.conf.arg(metavar="RUN|MODEL", help="Who writes two responses to each prompt.")
    ] = None,
    max_new_tokens: Annotated[int, tyro.conf.arg(help="After which a response is cut off.")] = 128,
    temperature: Annotated[
        float, tyro.conf.arg(help="Below 1 likely tokens become likelier, and responses more alike.")
    ] = 1.0,
    top_p: Annotated[
        float, tyro.conf.arg(help="Only the likeliest tokens that hold this share of the probability.")
    ] = 1.0,
    chat: Annotated[
        Literal["none", "chatml", "plain"],
        tyro.conf.arg(help="Give each prompt as a user's message in this form of chat."),
    ] = "none",
    seed: Annotated[int, tyro.conf.arg(help="The seed of responses, and of which is on the left.")] = 0,
    live: Annotated[bool, tyro.conf.arg(help="Ask on a page in a browser on this machine.")] = False,
) -> None:
    """Say which of two responses is better, key by key: pairs for a reward model or DPO."""
    from operant.cli.label import label

    values = {"max_new_tokens": max_new_tokens, "temperature": temperature, "top_p": top_p}
    with from_input():
        label(data, output, model, chat, seed, values, live)
