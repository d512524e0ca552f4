"""`operant label`: a person says which of two responses is better."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console, Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from operant.cli.training import require_live
from operant.language.data.labelling import Answer, Asking, Labels, Question, questions_of
from operant.language.data.rows import Row, read

ANSWERS: dict[str, Answer] = {
    "1": "left",
    "2": "right",
    "t": "tie",
    "s": "skip",
    "\x1b[D": "left",
    "\x1b[C": "right",
}
UNDO, QUIT = "u", ("q", "")
KEYS = "1 ← left is better · 2 → right is better · t tie · s skip · u undo · q quit"
SECONDS_TO_SHOW_THE_END = 1.0  # on the page, before its server ends
AT_ONCE = 8  # prompts that a model answers together


def label(
    given: str,
    output: str | None,
    model: str | None,
    chat: str,
    seed: int,
    values: dict[str, Any],
    live: bool = False,
) -> None:
    """Ask for every pair of the file that is not answered in `output` yet, in the terminal or on a page.

    Raises ValueError and OSError where the files or the model cannot be used.
    """
    if live:
        require_live("--live")
    rows = read(given)
    labels = Labels(output or Path(given).with_suffix(".labels.jsonl"))
    if model is None:
        questions = iter(labels.remaining(questions_of(rows, seed)))
    else:
        questions = _generated(labels, [_prompt(row) for row in rows], model, chat, seed, values)
    console = Console()
    if len(labels):
        console.print(f"{len(labels):,} answers are in {labels.path} already.")
    if live:
        finished = ask_on_a_page(labels, questions, len(rows))
    else:
        with _keys() as key:
            finished = ask(labels, questions, len(rows), key, console)
    console.print(f"{'All' if finished else f'{len(labels):,} of {len(rows):,}'} are answered: {labels.path}")


def ask(
    labels: Labels, questions: Iterator[Question], count: int, key: Callable[[], str], console: Console
) -> bool:
    """Ask one after another until all are answered or somebody quits; whether all are."""
    asking = Asking(labels, questions)
    while asking.question is not None:
        console.clear()
        console.print(shown(asking.question, f"{len(labels) + 1:,} of {count:,}"))
        while True:
            pressed = key()
            if pressed in QUIT:
                return False
            if pressed == UNDO:
                if asking.undo():
                    break
                console.print("There is nothing to take back since this command began.")
            elif pressed in ANSWERS:
                asking.answer(ANSWERS[pressed])
                break
    return True


def ask_on_a_page(labels: Labels, questions: Iterator[Question], count: int) -> bool:
    """The same on a page of its own, until all are answered or Ctrl-C."""
    from operant.live.labelling import Labelling
    from operant.live.page import Page

    labelling = Labelling(Asking(labels, questions), count)
    with Page(labelling=labelling) as page:
        print(f"live page: {page.address}\nCtrl-C ends it; every answer is on the disk at once", flush=True)
        try:
            labelling.over.wait()
            time.sleep(SECONDS_TO_SHOW_THE_END)
        except KeyboardInterrupt:
            print()
    return labelling.over.is_set()


def shown(question: Question, place: str) -> Group:
    """The prompt, both responses side by side, and the keys."""
    sides = Table.grid(expand=True, padding=(0, 1))
    for _ in range(2):
        sides.add_column(ratio=1)
    sides.add_row(
        *(Panel(Text(text), title=name) for name, text in (("1", question.left), ("2", question.right)))
    )
    prompt = question.prompt
    if not isinstance(prompt, str):
        prompt = "\n".join(f"{each.get('role')}: {each.get('content')}" for each in prompt)
    return Group(
        Text(place, style="dim"), Panel(Text(prompt), title="prompt"), sides, Text(KEYS, style="dim")
    )


def _prompt(row: Row) -> str:
    prompt = row.values.get("prompt", row.values.get("text"))
    if not isinstance(prompt, str):
        raise ValueError(f'{row.place}: it has no text as "prompt".')
    return prompt


def _generated(
    labels: Labels, prompts: Sequence[str], model: str, chat: str, seed: int, values: dict[str, Any]
) -> Iterator[Question]:
    """Two responses of a model to each prompt of which none are judged; equal ones are a tie, and nobody is asked."""
    from operant.cli.generate import responses

    left = labels.remaining_prompts(prompts)
    for first in range(0, len(left), AT_ONCE):
        asked = left[first : first + AT_ONCE]
        texts = responses(model, [p for p in asked for _ in range(2)], chat, seed=seed + first, **values)
        for prompt, one, other in zip(asked, texts[::2], texts[1::2], strict=True):
            question = Question(prompt, one, other)
            if one == other:
                labels.add(question, "tie")
            else:
                yield question


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[], str]]:
    """A function that waits for a key; where no person sits at a terminal, a line is one. "" at the end."""
    if not sys.stdin.isatty():
        yield _line
        return
    try:
        import termios
        import tty
    except ImportError:  # Windows
        import msvcrt

        arrows = {"K": "\x1b[D", "M": "\x1b[C"}

        def pressed() -> str:
            key = msvcrt.getwch()  # pyright: ignore[reportAttributeAccessIssue]
            return arrows.get(msvcrt.getwch(), "?") if key in "\x00\xe0" else key  # pyright: ignore[reportAttributeAccessIssue]

        yield pressed
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        yield lambda: _sequence(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _line() -> str:
    line = sys.stdin.readline()
    return line.strip() or "?" if line else ""


def _sequence(descriptor: int) -> str:
    """A key as the terminal sends it: several bytes for an arrow."""
    return os.read(descriptor, 8).decode(errors="replace")
