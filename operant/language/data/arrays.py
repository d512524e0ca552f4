"""Examples as arrays: rows of tokens of one length, padded on the left, and which of them are learnt.

| | | |
|---|---|---|
| tokens | `[…, L]` int32 | a prompt and a response, which ends in the last column |
| start | `[…]` int32 | where the text begins; or `[…, L]`: where that of each token does, of texts packed into a row |
| learnt | `[…, L]` bool | the tokens whose probability is learnt from: of the response |

L is that of the longest row, rounded up, so that data of about one length share a compiled program.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence

import numpy as np

from operant.language.data.examples import Example
from operant.language.tokenizers.base import padded

Arrays = dict[str, np.ndarray]
SHORTEST = 8


def rounded(length: int, most: int) -> int:
    """A length with room for `length`, and of few different ones: an eighth longer at the most; at most `most`."""
    step = max((1 << (length - 1).bit_length()) // 16, 1)
    return min(max(-(-length // step) * step, SHORTEST), most)


def texts(examples: Sequence[Example], pad: int, most: int, *, whole: bool = False) -> Arrays:
    """One response a row, `[B, L]`. With `whole` the prompts are learnt, too."""
    rows = [[*each.prompt, *each.responses[0]] for each in examples]
    responses = [len(each.responses[0]) for each in examples]
    return _arrays(rows, responses, pad, rounded(max(map(len, rows)), most), whole=whole)


def packed(examples: Sequence[Example], pad: int, length: int, *, whole: bool = False) -> Arrays:
    """The same, with as many texts in each row of `length` tokens as there is room for; none sees another."""
    single = texts(examples, pad, length, whole=whole)
    sizes = single["tokens"].shape[1] - single["start"]
    bins = fitted(sizes.tolist(), length)
    made = {
        "tokens": np.full((len(bins), length), pad, np.int32),
        "start": np.full((len(bins), length), length, np.int32),  # padding sees nothing
        "learnt": np.zeros((len(bins), length), bool),
    }
    for row, members in enumerate(bins):
        place = length
        for i in members:
            end, place = place, place - sizes[i]
            made["tokens"][row, place:end] = single["tokens"][i, -sizes[i] :]
            made["learnt"][row, place:end] = single["learnt"][i, -sizes[i] :]
            made["start"][row, place:end] = place
    return made


def fitted(sizes: Sequence[int], room: int) -> list[list[int]]:
    """Which things of these sizes share a bin of this room: the largest first, each where the least room is left."""
    bins: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (room left, bin), in order
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        place = bisect_left(free, (sizes[i], -1))
        left, chosen = free.pop(place) if place < len(free) else (room, len(bins))
        if chosen == len(bins):
            bins.append([])
        bins[chosen].append(i)
        insort(free, (left - sizes[i], chosen))
    return bins


def pairs(examples: Sequence[Example], pad: int, most: int) -> Arrays:
    """Two responses a row, `[B, 2, L]`, the chosen one first, and the "margin" `[B]` float32."""
    made = _of_two([(*each.responses,) for each in examples], examples, pad, most)
    return made | {"margin": np.array([each.number for each in examples], np.float32)}


def labelled(examples: Sequence[Example], pad: int, most: int) -> Arrays:
    """A response and one that belongs to another prompt, `[B, 2, L]`, and the "label" `[B]` float32: 1 is desirable.

    The order in which rows lend each other their responses is the same for all. Raises ValueError for a single row.
    """
    if len(examples) < 2:
        raise ValueError("There is one row, and at least two are needed: each borrows a response of another.")
    order = np.random.default_rng(0).permutation(len(examples))
    other = dict(zip(order.tolist(), np.roll(order, -1).tolist(), strict=True))
    own = [each.responses[0] for each in examples]
    made = _of_two([(own[i], own[other[i]]) for i in range(len(own))], examples, pad, most)
    return made | {"label": np.array([each.number for each in examples], np.float32)}


def _of_two(
    responses: Sequence[tuple[list[int], ...]], examples: Sequence[Example], pad: int, most: int
) -> Arrays:
    rows, sizes = [], []
    for example, two in zip(examples, responses, strict=True):
        for response in two:
            # A borrowed response may be too long for this prompt.
            cut = response[: most - min(len(example.prompt), 1)]
            kept = most - len(cut)
            rows.append([*example.prompt[max(len(example.prompt) - kept, 0) :], *cut])
            sizes.append(len(cut))
    flat = _arrays(rows, sizes, pad, rounded(max(map(len, rows)), most), whole=False)
    return {name: array.reshape(len(examples), 2, *array.shape[1:]) for name, array in flat.items()}


def _arrays(
    rows: Sequence[Sequence[int]], responses: Sequence[int], pad: int, length: int, *, whole: bool
) -> Arrays:
    tokens, start = padded(rows, pad, length)
    place = np.arange(length)[None]
    first = start if whole else length - np.array(responses)
    learnt = (place >= first[:, None]) & (place > start[:, None])  # nothing comes before a text's first token
    return {"tokens": tokens, "start": start, "learnt": learnt}
