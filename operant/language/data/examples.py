"""Rows as tokens: a prompt, and the responses to it that are learnt from.

| row | what it is | learnt from by |
|---|---|---|
| `{"text"}` | a text | SFT |
| `{"prompt", "response"}`, or "completion" for "response" | what is to be answered | SFT |
| `{"messages"}` | a conversation, of which the last answer is the response | SFT |
| `{"prompt", "chosen", "rejected"}`, and perhaps "margin" | which of two responses is better | reward model, DPO |
| `{"prompt", "completion", "label"}` | whether a response is desirable | KTO |

Instead of a text there may be a list of messages, `{"role", "content"}`, which a chat template makes a text of. Where a
response is such a list, what comes before its last message is the prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from operant.language.chat import ChatTemplate, template
from operant.language.data.rows import DataError, Row
from operant.language.tokenizers.base import Tokenizer

TooLong = Literal["cut", "refuse"]
TOO_LONG = get_args(TooLong)
NO_CHAT = "none"
Messages = list[Mapping[str, str]]


@dataclass(frozen=True)
class Example:
    """A prompt with its responses, as tokens."""

    place: str  # the line that it comes from
    prompt: list[int]
    responses: tuple[list[int], ...]  # one; or the chosen and the rejected one
    number: float = 0.0  # of a pair its margin; otherwise 1 for a desirable response and 0 for another


@dataclass(frozen=True)
class Reader:
    """How rows become tokens. Raises ValueError for a chat template that there is not."""

    tokenizer: Tokenizer
    max_length: int  # tokens of a prompt and a response together
    too_long: TooLong = "cut"  # longer ones: a prompt loses its beginning, then a response its end
    chat: str | ChatTemplate = NO_CHAT  # prompts are messages of a user in this form

    def texts(self, rows: Sequence[Row]) -> tuple[list[Example], str]:
        """`(texts, prompts with a response and conversations; what was cut, in words, or "")`. Raises DataError."""
        return self._read(rows, self._text)

    def pairs(self, rows: Sequence[Row], *, prompts_needed: bool = True) -> tuple[list[Example], str]:
        """The same of two responses each, the chosen one first."""
        return self._read(rows, lambda row: [self._pair(row)], prompts_needed)

    def labelled(self, rows: Sequence[Row]) -> tuple[list[Example], str]:
        """The same of responses that are desirable or not; of a pair the chosen one is, and the other is not."""
        return self._read(rows, self._labelled, True)

    def _read(
        self, rows: Sequence[Row], of: Callable[[Row], list[Example]], prompts_needed: bool = False
    ) -> tuple[list[Example], str]:
        examples = [example for row in rows for example in of(row)]
        if prompts_needed and (lacking := next((each for each in examples if not each.prompt), None)):
            raise DataError(
                f"{lacking.place}: its prompt is empty, and no token of the tokeniser begins a text. Give a prompt."
            )
        fitting = [self._fitted(example) for example in examples]
        pairs = list(zip(examples, fitting, strict=True))
        prompts = sum(len(before.prompt) != len(after.prompt) for before, after in pairs)
        responses = sum(before.responses != after.responses for before, after in pairs)
        if not prompts and not responses:
            return fitting, ""
        longer = sum(before is not after for before, after in pairs)
        return fitting, (
            f"{longer:,} of {len(examples):,} rows have more than max_length={self.max_length} tokens: {prompts:,} "
            f"prompts lost their beginning, and {responses:,} responses their end."
        )

    # kinds of rows

    def _text(self, row: Row) -> list[Example]:
        if "text" in row.values:
            text = self._string(row, "text")
            if not text:
                raise DataError(f'{row.place}: its "text" is empty.')
            return [Example(row.place, self._begun([]), (self._ended(row, text),))]
        for name in ("messages", "response", "completion"):
            if name in row.values:
                before, answer = self._answer(row, name)
                return [Example(row.place, self._prompt(row, before), (self._ended(row, answer),))]
        raise _lacking(row, '"text", "messages", or "prompt" and "response"')

    def _pair(self, row: Row) -> Example:
        if "chosen" not in row.values or "rejected" not in row.values:
            raise _lacking(row, '"prompt", "chosen" and "rejected"')
        (before, chosen), (others, rejected) = (self._answer(row, name) for name in ("chosen", "rejected"))
        if before != others:
            raise DataError(
                f'{row.place}: the messages before the answers of "chosen" and "rejected" differ.'
            )
        responses = self._ended(row, chosen), self._ended(row, rejected)
        return Example(row.place, self._prompt(row, before), responses, _margin(row))

    def _labelled(self, row: Row) -> list[Example]:
        if "chosen" in row.values and "rejected" in row.values:
            pair = self._pair(row)
            return [
                replace(pair, responses=(response,), number=number)
                for response, number in zip(pair.responses, (1.0, 0.0), strict=True)
            ]
        name = next((each for each in ("completion", "response") if each in row.values), None)
        if name is None or "label" not in row.values:
            raise _lacking(row, '"prompt", "completion" and "label"')
        before, answer = self._answer(row, name)
        return [Example(row.place, self._prompt(row, before), (self._ended(row, answer),), _label(row))]

    # parts of rows

    def _answer(self, row: Row, name: str) -> tuple[Messages, str]:
        """`(the messages before it, an answer)`."""
        value = row.values[name]
        if not isinstance(value, list):
            return [], self._string(row, name)
        messages = _messages(row, name, value)
        if messages[-1]["role"] != self._template(row, name).answer:
            raise DataError(
                f'{row.place}: "{name}" ends with a message of role {messages[-1]["role"]!r}, where an answer of '
                f"{self._template(row, name).answer!r} is learnt from."
            )
        return messages[:-1], messages[-1]["content"]

    def _prompt(self, row: Row, before: Messages) -> list[int]:
        """The tokens of a prompt: that of the row, or the messages before an answer."""
        value = row.values.get("prompt")
        if before:
            if value not in (None, before, before[-1]["content"]):
                raise DataError(
                    f'{row.place}: its "prompt" is not what comes before the answer in its messages. Leave one out.'
                )
            value = before
        if value is None:
            return self._begun([])
        if isinstance(value, list):
            text = self._rendered(row, _messages(row, "prompt", value))
        else:
            text = self._string(row, "prompt")
            if self.chat != NO_CHAT and text:
                text = self._rendered(row, [{"role": "user", "content": text}])
        return self._begun(self._encoded(row, text))

    def _rendered(self, row: Row, messages: Messages) -> str:
        try:
            return self._template(row, "prompt").render(messages)
        except DataError:
            raise
        except ValueError as error:
            raise DataError(f"{row.place}: {error}") from None

    def _ended(self, row: Row, text: str) -> list[int]:
        return [*self._encoded(row, text), self.tokenizer.special.eos]

    def _begun(self, tokens: list[int]) -> list[int]:
        """As generating begins: where there is nothing to go on from, by the token that begins texts."""
        bos = self.tokenizer.special.bos
        return [bos] if not tokens and bos is not None else tokens

    def _encoded(self, row: Row, text: str) -> list[int]:
        try:
            return self.tokenizer.encode(text)
        except ValueError as error:
            raise DataError(f"{row.place}: {error}") from None

    def _template(self, row: Row, name: str) -> ChatTemplate:
        if self.chat == NO_CHAT:
            raise DataError(
                f'{row.place}: "{name}" is a list of messages: say in which form they become a text, as chat="chatml".'
            )
        return template(self.chat)

    @staticmethod
    def _string(row: Row, name: str) -> str:
        value = row.values[name]
        if not isinstance(value, str):
            raise DataError(f'{row.place}: its "{name}" is {value!r:.40}, which is no text.')
        return value

    def _fitted(self, example: Example) -> Example:
        """The example within max_length tokens; itself where it is. All its responses follow one prompt."""
        prompt, responses = example.prompt, example.responses
        longest = len(prompt) + max(map(len, responses))
        if longest <= self.max_length:
            return example
        if self.too_long == "refuse":
            raise DataError(
                f"{example.place}: it has {longest} tokens, and max_length={self.max_length}. Raise that, or say "
                'too_long="cut".'
            )
        room = self.max_length - min(len(prompt), 1)  # a response follows something
        responses = tuple(response[:room] for response in responses)
        kept = self.max_length - max(map(len, responses))
        return replace(example, prompt=prompt[max(len(prompt) - kept, 0) :], responses=responses)


def _messages(row: Row, name: str, value: list[Any]) -> Messages:
    if not value:
        raise DataError(f'{row.place}: its "{name}" has no messages.')
    for each in value:
        if not isinstance(each, Mapping) or not all(
            isinstance(each.get(k), str) for k in ("role", "content")
        ):
            raise DataError(
                f'{row.place}: "{name}" has {each!r:.60}, which is no message with "role" and "content".'
            )
    return value


def _margin(row: Row) -> float:
    value = row.values.get("margin", 0.0)
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not abs(number) < float("inf"):
        raise DataError(f'{row.place}: its "margin" is {value!r:.40}, which is no number.')
    return number


LABELS = {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}


def _label(row: Row) -> float:
    value = row.values["label"]
    known = LABELS.get(str(value).lower()) if isinstance(value, bool | int | str) else None
    if known is None:
        raise DataError(f'{row.place}: its "label" is {value!r:.40}; it must be true or false.')
    return known


def _lacking(row: Row, wanted: str) -> DataError:
    return DataError(f"{row.place}: it has {', '.join(row.values) or 'nothing'}, and must have {wanted}.")
