"""H.264's entropy code for blocks of coefficients (CAVLC), for many blocks at once.

Tables and rules are those of ITU-T H.264, section 9.2. A symbol is a pair of arrays: its bits as a number, and how
many bits that are, 0 where it is not there.
"""

from __future__ import annotations

import numpy as np

Symbol = tuple[np.ndarray, np.ndarray]


def _table(lengths: list[list[int]], codes: list[list[int]]) -> np.ndarray:
    """`[row, column, (code, length)]` of rows that may end early."""
    table = np.zeros((len(lengths), max(map(len, lengths)), 2), np.int64)
    for row, (length, code) in enumerate(zip(lengths, codes, strict=True)):
        table[row, : len(code)] = np.stack([code, length], -1)
    return table


# Table 9-5 by total_coeff (a line of four: trailing ones 0 to 3), for 0 ≤ nC < 2, 2 ≤ nC < 4, 4 ≤ nC < 8.
# fmt: off
_TOKEN_LENGTHS = [
    [1,0,0,0, 6,2,0,0, 8,6,3,0, 9,8,7,5, 10,9,8,6, 11,10,9,7, 13,11,10,8, 13,13,11,9, 13,13,13,10,
     14,14,13,11, 14,14,14,13, 15,15,14,14, 15,15,15,14, 16,15,15,15, 16,16,16,15, 16,16,16,16, 16,16,16,16],
    [2,0,0,0, 6,2,0,0, 6,5,3,0, 7,6,6,4, 8,6,6,4, 8,7,7,5, 9,8,8,6, 11,9,9,6, 11,11,11,7,
     12,11,11,9, 12,12,12,11, 12,12,12,11, 13,13,13,12, 13,13,13,13, 13,14,13,13, 14,14,14,13, 14,14,14,14],
    [4,0,0,0, 6,4,0,0, 6,5,4,0, 6,5,5,4, 7,5,5,4, 7,5,5,4, 7,6,6,4, 7,6,6,4, 8,7,7,5,
     8,8,7,6, 9,8,8,7, 9,9,8,8, 9,9,9,8, 10,9,9,9, 10,10,10,10, 10,10,10,10, 10,10,10,10],
]
_TOKEN_CODES = [
    [1,0,0,0, 5,1,0,0, 7,4,1,0, 7,6,5,3, 7,6,5,3, 7,6,5,4, 15,6,5,4, 11,14,5,4, 8,10,13,4,
     15,14,9,4, 11,10,13,12, 15,14,9,12, 11,10,13,8, 15,1,9,12, 11,14,13,8, 7,10,9,12, 4,6,5,8],
    [3,0,0,0, 11,2,0,0, 7,7,3,0, 7,10,9,5, 7,6,5,4, 4,6,5,6, 7,6,5,8, 15,6,5,4, 11,14,13,4,
     15,10,9,4, 11,14,13,12, 8,10,9,8, 15,14,13,12, 11,10,9,12, 7,11,6,8, 9,8,10,1, 7,6,5,4],
    [15,0,0,0, 15,14,0,0, 11,15,13,0, 8,12,14,12, 15,10,11,11, 11,8,9,10, 9,14,13,9, 8,10,9,8, 15,14,13,13,
     11,14,10,12, 15,10,13,12, 11,14,9,12, 8,10,13,8, 13,7,9,12, 9,12,11,10, 5,8,7,6, 1,4,3,2],
]
# Six bits each for nC ≥ 8; then the chroma blocks of four, nC = −1.
_TOKEN_LENGTHS += [[6] * 68, [2,0,0,0, 6,1,0,0, 6,6,3,0, 6,7,7,6, 6,8,8,7]]
_TOKEN_CODES += [[3,0,0,0, *(4 * total + ones for total in range(16) for ones in range(4))],
                 [1,0,0,0, 7,1,0,0, 4,6,1,0, 3,3,2,5, 2,3,2,0]]
# Tables 9-7 and 9-8: total_zeros, by total_coeff; then 9-9 for chroma blocks of four.
_ZEROS = _table(
    [[], [1,3,3,4,4,5,5,6,6,7,7,8,8,9,9,9], [3,3,3,3,3,4,4,4,4,5,5,6,6,6,6], [4,3,3,3,4,4,3,3,4,5,5,6,5,6],
     [5,3,4,4,3,3,3,4,3,4,5,5,5], [4,4,4,3,3,3,3,3,4,5,4,5], [6,5,3,3,3,3,3,3,4,3,6], [6,5,3,3,3,2,3,4,3,6],
     [6,4,5,3,2,2,3,3,6], [6,6,4,2,2,3,2,5], [5,5,3,2,2,2,4], [4,4,3,3,1,3], [4,4,2,1,3], [3,3,1,2], [2,2,1],
     [1,1], []],
    [[], [1,3,2,3,2,3,2,3,2,3,2,3,2,3,2,1], [7,6,5,4,3,5,4,3,2,3,2,3,2,1,0], [5,7,6,5,4,3,4,3,2,3,2,1,1,0],
     [3,7,5,4,6,5,4,3,3,2,2,1,0], [5,4,3,7,6,5,4,3,2,1,1,0], [1,1,7,6,5,4,3,2,1,1,0], [1,1,5,4,3,3,2,1,1,0],
     [1,1,1,3,3,2,2,1,0], [1,0,1,3,2,1,1,1], [1,0,1,3,2,1,1], [0,1,1,2,1,3], [0,1,1,1,1], [0,1,1,1], [0,1,1],
     [0,1], []],
)
_ZEROS_OF_FOUR = _table([[], [1,2,3,3], [1,2,2], [1,1], []], [[], [1,1,1,0], [1,1,0], [1,0], []])
# Table 9-10: run_before, by the zeros that are left.
_RUNS = _table(
    [[], [1,1], [1,2,2], [2,2,2,2], [2,2,2,3,3], [2,2,3,3,3,3], [2,3,3,3,3,3,3],
     [3,3,3,3,3,3,3,4,5,6,7,8,9,10,11]],
    [[], [1,0], [1,1,0], [3,2,1,0], [3,2,1,1,0], [3,2,3,2,1,0], [3,0,1,3,2,5,4], [7,6,5,4,3,2,1,1,1,1,1,1,1,1,1]],
)
# fmt: on
_TOKENS = _table(_TOKEN_LENGTHS, _TOKEN_CODES).reshape(5, 17, 4, 2)
OF_FOUR = 4  # the table of the chroma blocks of four


def token_table(context: np.ndarray) -> np.ndarray:
    """Which table an nC of 0 or more chooses."""
    return np.searchsorted([2, 4, 8], context, side="right")


def blocks(coefficients: np.ndarray, table: np.ndarray) -> Symbol:
    """Blocks `[N, K]` (K = 4, 15 or 16 numbers in scan order), as symbols `[N, 3 + 2K]` in the order of the stream.

    `table` `[N]` is each block's of `token_table`, or `OF_FOUR`.
    """
    count, size = coefficients.shape
    codes, lengths = np.zeros((2, count, 3 + 2 * size), np.int64)
    full = coefficients.any(1)  # of drawings most are empty
    codes[:, 0], lengths[:, 0] = _TOKENS[table, 0, 0].T
    codes[full], lengths[full] = _full_blocks(coefficients[full], table[full])
    return codes, lengths


def _full_blocks(coefficients: np.ndarray, table: np.ndarray) -> Symbol:
    count, size = coefficients.shape
    backwards = coefficients[:, ::-1]
    order = np.argsort(backwards == 0, axis=1, kind="stable")  # those that are not 0 first
    levels = np.take_along_axis(backwards, order, 1)
    places = size - 1 - order
    there = levels != 0
    total = there.sum(1)
    small = np.cumprod(np.abs(levels[:, :3]) == 1, axis=1)
    ones = small.sum(1)
    codes, lengths = np.zeros((2, count, 3 + 2 * size), np.int64)

    codes[:, 0], lengths[:, 0] = _TOKENS[table, total, ones].T
    # Signs of the trailing ones, as one symbol.
    for i in range(3):
        codes[:, 1] = np.where(i < ones, 2 * codes[:, 1] + (levels[:, min(i, size - 1)] < 0), codes[:, 1])
    lengths[:, 1] = ones
    _levels(levels, total, ones, codes[:, 2:], lengths[:, 2:])

    zeros = places[:, 0] + 1 - total
    coded = total < size
    chosen = (_ZEROS_OF_FOUR if size == 4 else _ZEROS)[total, np.where(coded, zeros, 0)]
    codes[:, 2 + size] = chosen[:, 0]
    lengths[:, 2 + size] = np.where(coded, chosen[:, 1], 0)
    for k in range(min(size - 1, int(total.max(initial=0)) - 1)):
        left = places[:, k] - (total - 1 - k)  # zeros before this one
        coded = (k < total - 1) & (left > 0)
        run = places[:, k] - places[:, k + 1] - 1
        chosen = _RUNS[np.clip(left, 0, 7), np.where(coded, run, 0)]
        codes[:, 3 + size + k] = chosen[:, 0]
        lengths[:, 3 + size + k] = np.where(coded, chosen[:, 1], 0)
    return codes, lengths


def _levels(
    levels: np.ndarray, total: np.ndarray, ones: np.ndarray, codes: np.ndarray, lengths: np.ndarray
) -> None:
    """Write the symbols of the levels that are no trailing ones, section 9.2.2.1, into `codes` and `lengths`."""
    suffix = ((total > 10) & (ones < 3)).astype(np.int64)
    for k in range(int(total.max(initial=0))):
        coded = (k >= ones) & (k < total)
        size = np.abs(levels[:, k])
        code = 2 * size - 2 + (levels[:, k] < 0) - 2 * ((k == ones) & (ones < 3))
        # A prefix of zeros and a 1, then a suffix; 15 zeros announce a suffix of 12 bits.
        plain = np.where(suffix == 0, code < 14, code < (15 << suffix))
        middle = (suffix == 0) & (code >= 14) & (code < 30)
        prefix = np.where(plain, code >> suffix, np.where(middle, 14, 15))
        bits = np.where(plain, suffix, np.where(middle, 4, 12))
        base = np.where(
            plain, prefix << suffix, np.where(suffix == 0, np.where(middle, 14, 30), 15 << suffix)
        )
        codes[:, k] = (1 << bits) + code - base
        lengths[:, k] = np.where(coded, prefix + 1 + bits, 0)
        longer = np.maximum(suffix, 1)
        longer += (size > (3 << (longer - 1))) & (longer < 6)
        suffix = np.where(coded, longer, suffix)


def unsigned(values: np.ndarray) -> Symbol:
    """Numbers of 0 or more as Exp-Golomb codes, section 9.1."""
    values = np.asarray(values, np.int64) + 1
    return values, 2 * np.frexp(values.astype(float))[1].astype(np.int64) - 1


def packed(codes: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The bits (0 and 1, uint8) of symbols in their order."""
    there = lengths.ravel() > 0
    codes, lengths = codes.ravel()[there], lengths.ravel()[there]
    ends = np.cumsum(lengths)
    after = (
        np.repeat(ends, lengths) - np.arange(ends[-1] if len(ends) else 0) - 1
    )  # bits after each in its symbol
    return ((np.repeat(codes, lengths) >> after) & 1).astype(np.uint8)
