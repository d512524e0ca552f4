"""`samples.html`: what a language model said in the course of training, to the same prompts with the same randomness.

The colour of a token is its distance from the reference, log π − log π_ref. The page needs nothing from anywhere else
and holds no script; all text that a model made is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from operant.language.tokenizers.base import Tokenizer

FULL = 3.0  # nats, from which on a colour is as strong as it gets
LIKELIER, LESS_LIKELY = "230, 120, 0", "0, 114, 178"
STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.6 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h2 { font-size: 1rem; white-space: pre-wrap; font-family: ui-monospace, monospace; margin: 2rem 0 .3rem }
table { border-collapse: collapse; width: 100% }
th { font-weight: 600; text-align: left; opacity: .65 }
td, th { padding: .15rem .8rem .15rem 0; vertical-align: top; border-bottom: 1px solid rgba(128, 128, 128, .3) }
.text { white-space: pre-wrap; font-family: ui-monospace, monospace; overflow-wrap: anywhere }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.cut { opacity: .5 }
"""


def pieces(tokenizer: Tokenizer, tokens: Sequence[int], values: Sequence[float]) -> list[tuple[str, float]]:
    """`(text, value)` of each token. Tokens that are a letter together only are one piece, with their sum."""
    found, pending, total = [], [], 0.0
    for token, value in zip(tokens, values, strict=True):
        pending.append(int(token))
        total += float(value)
        text = tokenizer.decode(pending)
        if not text.endswith("�"):
            found.append((text, total))
            pending, total = [], 0.0
    return found + ([(tokenizer.decode(pending), total)] if pending else [])


def page(title: str, moments: Sequence[Mapping[str, Any]]) -> str:
    """The page of moments `{"step", "samples"}`, of which each sample has what `agent.samples` gives it."""
    prompts = [sample["prompt"] for sample in moments[0]["samples"]] if moments else []
    told = any("kl" in sample for moment in moments for sample in moment["samples"])
    legend = (
        f"<p>The colour of a token is by how much likelier the model finds it than the reference does: "
        f'<span style="background: rgba({LIKELIER}, .8)">&nbsp;{FULL:g} nats likelier&nbsp;</span> '
        f'<span style="background: rgba({LESS_LIKELY}, .8)">&nbsp;{FULL:g} nats less likely&nbsp;</span></p>'
        if told
        else ""
    )
    body = "".join(
        f"<h2>{escape(prompt)}</h2>{_table([(m['step'], m['samples'][i]) for m in moments])}"
        for i, prompt in enumerate(prompts)
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{legend}{body}</body></html>\n"
    )


def _table(rows: Sequence[tuple[int, Mapping[str, Any]]]) -> str:
    """What was said to one prompt, a row a moment."""
    rewards = list(dict.fromkeys(name for _, sample in rows for name in sample.get("rewards", {})))
    with_kl = any("kl" in sample for _, sample in rows)
    heading = ["step", "response", *rewards, *(["KL"] if with_kl else [])]
    lines = [f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in heading)}</tr>"]
    for step, sample in rows:
        numbers = [sample.get("rewards", {}).get(name) for name in rewards]
        numbers += [sum(sample["kl"])] if "kl" in sample else [None] * with_kl
        cells = [_number(f"{step:,}"), f'<td class="text">{_response(sample)}</td>']
        cells += [_number("" if x is None else f"{x:.3g}") for x in numbers]
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"


def _response(sample: Mapping[str, Any]) -> str:
    values: Iterable[float | None] = sample.get("kl", [None] * len(sample["text"]))
    parts = [_token(text, value) for text, value in zip(sample["text"], values, strict=True)]
    cut = "" if sample["ended"] else '<span class="cut" title="cut off after max_new_tokens">…</span>'
    return "".join(parts) + cut


def _token(text: str, kl: float | None) -> str:
    shown = (
        escape(text) or '<span class="cut">∎</span>'
    )  # a token that is no text, such as the one that ends it
    if kl is None:
        return shown
    strength = min(abs(kl) / FULL, 1.0) * 0.8
    colour = LIKELIER if kl > 0 else LESS_LIKELY
    return f'<span style="background: rgba({colour}, {strength:.2f})" title="{kl:+.2f} nats">{shown}</span>'


def _number(text: str) -> str:
    return f'<td class="number">{text}</td>'
