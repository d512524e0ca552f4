"""A small encoder of H.264, for drawings on a still ground: a film that every browser plays, from NumPy alone.

Key frames are stored without loss; every other frame is coded as its difference from the one before at the same
places, which a moving camera makes large. ITU-T H.264, constrained Baseline profile, without deblocking: what a
decoder will show is computed here as well, to the last bit. docs/decisions/0009-packages.md says why it is here.
"""

from __future__ import annotations

import re

import numpy as np

from operant.studio import cavlc
from operant.studio.cavlc import Symbol

QP = 20  # how coarse differences are: 6 more is twice as coarse
KEY_SECONDS = 10.0  # between key frames, so that a player can seek

_FORWARD = np.array([[1, 1, 1, 1], [2, 1, -1, -2], [1, -1, -1, 1], [1, -2, 2, -1]])
_SCAN = np.array([0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15])  # zigzag
# Factors of a coefficient at an even place, at an odd one, at one that is both; for QP 0 to 5.
_SMALLER = (
    *((13107, 5243, 8066), (11916, 4660, 7490), (10082, 4194, 6554)),
    *((9362, 3647, 5825), (8192, 3355, 5243), (7282, 2893, 4559)),
)
_LARGER = ((10, 16, 13), (11, 18, 14), (13, 20, 16), (14, 23, 18), (16, 25, 20), (18, 29, 23))
_KIND = np.array([[0, 2, 0, 2], [2, 1, 2, 1], [0, 2, 0, 2], [2, 1, 2, 1]])
_FOUR = np.array([[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1], [1, -1, -1, 1]])  # Hadamard's, of 2×2
# The number for each coded_block_pattern of an inter macroblock, table 9-4.
# Without chroma, with its means only, and with all of it.
_PATTERN = np.array(
    [
        *(0, 2, 3, 7, 4, 8, 17, 13, 5, 18, 9, 14, 10, 15, 16, 11),
        *(1, 32, 33, 36, 34, 37, 44, 40, 35, 45, 38, 41, 39, 42, 43, 19),
        *(6, 24, 25, 20, 26, 21, 46, 28, 27, 47, 22, 29, 23, 30, 31, 12),
    ]
)


class Encoder:
    """Frames `[H, W, 3]` uint8 of one even size, one by one, as what an MP4 file holds of them."""

    def __init__(self, width: int, height: int, fps: float) -> None:
        self.width, self.height = width, height
        self._rows, self._columns = -(-height // 16), -(-width // 16)
        self._key_every = max(1, round(KEY_SECONDS * fps))
        self._number = 0  # of the next frame
        self._last: np.ndarray | None = None  # the frame before, as it was given
        # What a decoder shows: of each macroblock its 24 blocks of 4×4, 16 of them luma.
        self._shown = np.zeros((self._rows, self._columns, 24, 4, 4), np.int32)

    def encode(self, frame: np.ndarray) -> tuple[bytes, bool]:
        """The next frame's sample, and whether it is a key frame."""
        height, width = 16 * self._rows - self.height, 16 * self._columns - self.width
        frame = np.pad(frame, ((0, height), (0, width), (0, 0)), mode="edge") if height or width else frame
        key = self._number % self._key_every == 0
        bits = self._stored(frame) if key else self._difference(frame)
        self._last = frame.copy()
        self._number += 1
        unit = _unit(0x65 if key else 0x41, bits)
        return len(unit).to_bytes(4, "big") + unit, key

    def parameters(self) -> tuple[bytes, bytes]:
        """The sequence's and the picture's parameter sets."""
        across, down = self._columns * 16 - self.width, self._rows * 16 - self.height
        cropped = int(across > 0 or down > 0)
        crop = [_ue(0), _ue(across // 2), _ue(0), _ue(down // 2)] if cropped else []
        sequence = [
            *(_u(66, 8), _u(0b11000000, 8), _u(self._level(), 8)),  # constrained baseline
            *(_ue(0), _ue(0), _ue(2), _ue(1), _u(0, 1)),  # order of output is that of decoding; one reference
            *(_ue(self._columns - 1), _ue(self._rows - 1), _u(0b11, 2)),
            *(_u(cropped, 1), *crop),
            # How colours are meant: BT.601, from 16 to 235.
            *(
                _u(1, 1),
                _u(0, 1),
                _u(0, 1),
                _u(1, 1),
                _u(5, 3),
                _u(0, 1),
                _u(1, 1),
                _u(6, 8),
                _u(6, 8),
                _u(6, 8),
            ),
            *(_u(0, 1), _u(0, 1), _u(0, 1), _u(0, 1), _u(0, 1), _u(0, 1)),
        ]
        picture = [
            *(_ue(0), _ue(0), _u(0, 1), _u(0, 1), _ue(0), _ue(0), _ue(0), _u(0, 1), _u(0, 2)),
            *(_se(QP - 26), _se(0), _se(0), _u(0b100, 3)),
        ]
        return _unit(0x67, _bits(*sequence)), _unit(0x68, _bits(*picture))

    def _level(self) -> int:
        """The smallest level that allows this many macroblocks in a frame, table A-1, at 60 frames a second."""
        count = self._rows * self._columns
        levels = ((31, 1620), (32, 3600), (42, 8192), (51, 36864))
        return next((level for level, most in levels if count <= most), 62)

    def _header(self, key: bool) -> list[Symbol]:
        return [
            *(_ue(0), _ue(7 if key else 5), _ue(0), _u(self._number % self._key_every % 16, 4)),
            *((_ue(self._number // self._key_every % 2), _u(0, 2)) if key else (_u(0, 3),)),
            *(_se(0), _ue(1)),
        ]

    def _squares(self, frame: np.ndarray) -> np.ndarray:
        return frame.reshape(self._rows, 16, self._columns, 16, 3).swapaxes(1, 2)

    def _stored(self, frame: np.ndarray) -> np.ndarray:
        """A frame whose macroblocks are stored as they are (I_PCM), or go on as the left or upper one ends."""
        planes = _planes(self._squares(frame).reshape(-1, 16, 16, 3))
        self._shown[:] = _blocks(planes).reshape(self._shown.shape)
        grid = [plane.reshape(self._rows, self._columns, *plane.shape[1:]) for plane in planes]
        left, above = np.zeros((2, self._rows, self._columns), bool)
        left[:, 1:] = np.all([(p[:, 1:] == p[:, :-1, :, -1:]).all((2, 3)) for p in grid], axis=0)
        above[1:] = np.all([(p[1:] == p[:-1, :, -1:]).all((2, 3)) for p in grid], axis=0)
        # What stands for a macroblock's number of coefficients where its neighbours' are coded.
        stored = np.pad(np.where(left | above, 0, 16), ((1, 0), (1, 0)))
        # mb_type (I_16x16, horizontal or vertical), intra_chroma_pred_mode, mb_qp_delta, and no coefficient.
        copies = {
            (mode, any_): _bits(_ue(mode), _ue(3 - mode), _ue(0), _u(*((3, 6) if any_ else (1, 1))))
            for mode in (1, 2)
            for any_ in (False, True)
        }
        start = _bits(_ue(25))
        samples = np.concatenate([plane.reshape(len(plane), -1) for plane in planes], axis=1).astype(np.uint8)
        parts = [_bits(*self._header(True))]
        length = len(parts[0])
        for row, column in np.ndindex(left.shape):
            if left[row, column] or above[row, column]:
                near = bool(stored[row + 1, column] or stored[row, column + 1])
                part = copies[2 if left[row, column] else 1, near]
            else:
                content = np.unpackbits(samples[row * self._columns + column])
                part = np.concatenate([start, np.zeros(-(length + len(start)) % 8, np.uint8), content])
            parts.append(part)
            length += len(part)
        return np.concatenate(parts)

    def _difference(self, frame: np.ndarray) -> np.ndarray:
        """A frame that differs from the one before at some places."""
        assert self._last is not None
        changed = (frame != self._last).reshape(self._rows, 16, self._columns, 48).any(1).any(2)
        rows, columns = np.nonzero(changed)
        wanted = _blocks(_planes(self._squares(frame)[rows, columns]))
        before = self._shown[rows, columns]
        luma, dc, ac, residual = _quantised(wanted - before)
        # Which quarters of the luma have coefficients, and what the chroma has: nothing, means, or more.
        quarters = luma.reshape(-1, 4, 64).any(2) @ np.array([1, 2, 4, 8])
        more = ac.any((1, 2))
        chroma = np.where(more, 2, dc.any((1, 2)))
        coded = np.nonzero((quarters > 0) | (chroma > 0))[0]
        rows, columns, quarters, chroma = rows[coded], columns[coded], quarters[coded], chroma[coded]
        self._shown[rows, columns] = np.clip(before[coded] + residual[coded], 0, 255)

        count = self._rows * self._columns
        if not len(coded):
            return _bits(*self._header(False), _ue(count))
        places = rows * self._columns + columns
        skipped = np.diff(places, prepend=-1) - 1
        # mb_skip_run; mb_type P_L0_16x16 that has not moved; coded_block_pattern; mb_qp_delta.
        pattern = cavlc.unsigned(_PATTERN[quarters + 16 * chroma])
        n = len(coded)
        head = _joined(cavlc.unsigned(skipped), _each(0b111, 3, n), pattern, _each(1, 1, n))
        body = self._residual(rows, columns, quarters, chroma, luma[coded], dc[coded], ac[coded])
        symbols = _joined(head, body)
        left = count - 1 - places[-1]
        end = _bits(_ue(left)) if left else np.zeros(0, np.uint8)
        return np.concatenate([_bits(*self._header(False)), cavlc.packed(*symbols), end])

    def _residual(
        self,
        rows: np.ndarray,
        columns: np.ndarray,
        quarters: np.ndarray,
        chroma: np.ndarray,
        luma: np.ndarray,
        dc: np.ndarray,
        ac: np.ndarray,
    ) -> Symbol:
        """The coefficients of macroblocks, as symbols."""
        n = len(rows)
        present = (quarters[:, None] >> (np.arange(16) // 4)) & 1
        y, x = 4 * rows[:, None] + _DOWN, 4 * columns[:, None] + _ACROSS
        tables = self._tables(y, x, (luma != 0).sum(2), 4)
        parts = [_masked(cavlc.blocks(luma.reshape(-1, 16), tables.ravel()), present)]
        means = cavlc.blocks(dc.reshape(-1, 4), np.full(2 * n, cavlc.OF_FOUR))
        parts.append(_masked(means, np.repeat(chroma[:, None] > 0, 2, 1)))
        y, x = 2 * rows[:, None] + np.array([0, 0, 1, 1]), 2 * columns[:, None] + np.array([0, 1, 0, 1])
        for own in np.split(ac, 2, axis=1):
            tables = self._tables(y, x, (own != 0).sum(2), 2)
            coded = cavlc.blocks(own.reshape(-1, 15), tables.ravel())
            parts.append(_masked(coded, np.repeat(chroma[:, None] == 2, 4, 1)))
        return _joined(*parts)

    def _tables(self, y: np.ndarray, x: np.ndarray, totals: np.ndarray, side: int) -> np.ndarray:
        """The table of each block, which the numbers of coefficients of those left and above it choose."""
        counts = np.full((side * self._rows + 1, side * self._columns + 1), 0)
        counts[y + 1, x + 1] = totals
        left, above = counts[y + 1, x], counts[y, x + 1]
        both = (x > 0) & (y > 0)
        return cavlc.token_table(np.where(both, (left + above + 1) >> 1, left + above))


# Where the 16 luma blocks of a macroblock lie: quarter by quarter.
_ACROSS = np.array([0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3])
_DOWN = np.array([0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3])


def _planes(squares: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Luma `[N, 16, 16]` and both chromas `[N, 8, 8]` of squares `[N, 16, 16, 3]`, after BT.601."""
    colours = squares.astype(np.int32)
    luma = ((colours @ np.array([66, 129, 25], np.int32) + 128) >> 8) + 16
    mean = colours.reshape(-1, 8, 2, 8, 2, 3).sum((2, 4))  # of four, times 4
    blue = ((mean @ np.array([-38, -74, 112], np.int32) + 512) >> 10) + 128
    red = ((mean @ np.array([112, -94, -18], np.int32) + 512) >> 10) + 128
    return luma, blue, red


def _blocks(planes: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """The 24 blocks `[N, 24, 4, 4]` of macroblocks, in the order of the stream."""
    luma, *chroma = (
        plane.reshape(len(plane), side, 4, side, 4).swapaxes(2, 3)
        for plane, side in zip(planes, (4, 2, 2), strict=True)
    )
    return np.concatenate([luma[:, _DOWN, _ACROSS], *(c.reshape(len(c), 4, 4, 4) for c in chroma)], axis=1)


def _quantised(difference: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of differences `[N, 24, 4, 4]`: the levels of luma `[N, 16, 16]`, of chroma's means `[N, 2, 4]` and the rest
    `[N, 8, 15]`, in scan order, and the differences that a decoder makes of them."""
    whole, part = divmod(QP, 6)
    smaller, larger = np.array(_SMALLER[part])[_KIND], np.array(_LARGER[part])[_KIND]
    bits = 15 + whole
    weights = _FORWARD @ difference.astype(np.int64) @ _FORWARD.T
    levels = np.sign(weights) * ((np.abs(weights) * smaller + (1 << bits) // 6) >> bits)
    means = weights[:, 16:, 0, 0].reshape(-1, 2, 4) @ _FOUR
    dc = np.sign(means) * ((np.abs(means) * smaller[0, 0] + (2 << bits) // 6) >> (bits + 1))
    restored = levels * larger << whole
    restored[:, 16:, 0, 0] = (((dc @ _FOUR) * larger[0, 0] << whole) >> 1).reshape(-1, 8)
    scanned = levels.reshape(-1, 24, 16)[:, :, _SCAN]
    return scanned[:, :16], dc, scanned[:, 16:, 1:], _inverse(restored)


def _inverse(weights: np.ndarray) -> np.ndarray:
    """Section 8.5.12: from coefficients to differences."""
    for _ in range(2):
        a, b, c, d = np.moveaxis(weights, -1, 0)
        e, f, g, h = a + c, a - c, (b >> 1) - d, b + (d >> 1)
        weights = np.stack([e + h, f + g, f - g, e - h], -1).swapaxes(-1, -2)
    return (weights + 32) >> 6


def _u(value: int, length: int) -> Symbol:
    return np.array([value]), np.array([length])


def _ue(value: int) -> Symbol:
    return cavlc.unsigned(np.array([value]))


def _se(value: int) -> Symbol:
    return _ue(2 * value - 1 if value > 0 else -2 * value)


def _bits(*symbols: Symbol) -> np.ndarray:
    return cavlc.packed(*map(np.concatenate, zip(*symbols, strict=True)))


def _each(code: int, length: int, count: int) -> Symbol:
    return np.full(count, code), np.full(count, length)


def _joined(*symbols: Symbol) -> Symbol:
    """Symbols `[N]` or `[N, …]` of the same macroblocks one after another, `[N, all]`."""
    codes, lengths = zip(*symbols, strict=True)
    count = len(codes[0])
    return (
        np.concatenate([x.reshape(count, -1) for x in codes], 1),
        np.concatenate([x.reshape(count, -1) for x in lengths], 1),
    )


def _masked(symbols: Symbol, present: np.ndarray) -> Symbol:
    """Symbols `[N·B, S]` as `[N, B·S]`, without those of blocks that are not present `[N, B]`."""
    codes, lengths = symbols
    lengths = lengths * present.reshape(-1, 1)
    return codes.reshape(len(present), -1), lengths.reshape(len(present), -1)


def _unit(kind: int, bits: np.ndarray) -> bytes:
    """A unit of the stream, in which no start code can be seen."""
    content = np.packbits(np.append(bits, np.uint8(1))).tobytes()
    return bytes([kind]) + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", content)
