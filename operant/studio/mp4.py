"""MP4 files of one H.264 track, as ISO/IEC 14496-12 and 14496-15 have them."""

from __future__ import annotations

from collections.abc import Sequence
from struct import pack

_MATRIX = pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_TICKS = 1000  # a frame


def beginning(
    width: int,
    height: int,
    fps: float,
    parameters: tuple[bytes, bytes],
    sizes: Sequence[int],
    keys: Sequence[int],
) -> bytes:
    """All of the file before its samples, which follow one after another.

    `parameters` are the sequence's and the picture's sets, `sizes` those of the samples in bytes, `keys` the numbers
    of the key frames, from 0.
    """
    kind = _box(b"ftyp", b"isom", pack(">I", 0x200), b"isomiso2avc1mp41")
    scale, duration = round(_TICKS * fps), _TICKS * len(sizes)

    def movie(offset: int) -> bytes:
        table = _box(
            b"stbl",
            _full(b"stsd", 0, pack(">I", 1), _description(width, height, *parameters)),
            _full(b"stts", 0, pack(">3I", 1, len(sizes), _TICKS)),
            _full(b"stss", 0, pack(f">I{len(keys)}I", len(keys), *(key + 1 for key in keys))),
            _full(b"stsc", 0, pack(">4I", 1, 1, len(sizes), 1)),
            _full(b"stsz", 0, pack(f">2I{len(sizes)}I", 0, len(sizes), *sizes)),
            _full(b"co64", 0, pack(">IQ", 1, offset)),
        )
        media = _box(
            b"mdia",
            _full(b"mdhd", 0, pack(">4I2H", 0, 0, scale, duration, 0x55C4, 0)),  # of no language
            _full(b"hdlr", 0, pack(">I4s12x", 0, b"vide"), b"operant\0"),
            _box(
                b"minf",
                _full(b"vmhd", 1, bytes(8)),
                _box(b"dinf", _full(b"dref", 0, pack(">I", 1), _full(b"url ", 1))),
                table,
            ),
        )
        track = (
            pack(">5I8x4H", 0, 0, 1, 0, duration, 0, 0, 0, 0)
            + _MATRIX
            + pack(">2I", width << 16, height << 16)
        )
        header = pack(">5IH10x", 0, 0, scale, duration, 0x10000, 0x100)
        return _box(
            b"moov",
            _full(b"mvhd", 0, header, _MATRIX, bytes(24), pack(">I", 2)),
            _box(b"trak", _full(b"tkhd", 3, track), media),
        )

    content = pack(">I4sQ", 1, b"mdat", 16 + sum(sizes))
    offset = len(kind) + len(movie(0)) + len(content)
    return kind + movie(offset) + content


def _description(width: int, height: int, sequence: bytes, picture: bytes) -> bytes:
    """The sample entry: the size, and what a decoder must know before the first frame."""
    sets = pack(">BH", 0xE1, len(sequence)) + sequence + pack(">BH", 1, len(picture)) + picture
    configuration = _box(b"avcC", bytes([1]), sequence[1:4], bytes([0xFF]), sets)
    entry = pack(">6xH16x2H2I4xH32xHh", 1, width, height, 0x480000, 0x480000, 1, 24, -1)
    return _box(b"avc1", entry, configuration)


def _box(name: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return pack(">I4s", 8 + len(content), name) + content


def _full(name: bytes, flags: int, *parts: bytes) -> bytes:
    return _box(name, pack(">I", flags), *parts)
