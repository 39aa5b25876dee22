"""The headers of the frames of FLAC are found without decoding.

*Source.* RFC 9639, section 9.1. Bytes are taken for a header where they begin like one and their checksum is right.
"""

from __future__ import annotations

import os
from functools import cache
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE_BYTES = 2**20
MAX_HEADER_BYTES, MAX_NUMBER_BYTES = 16, 7
MAX_LOOKS = 2**18  # which take two seconds: only a file that is made to take long has more
SYNC = 0xFF, 0xF8  # the last bit, which SYNC leaves out, says whether frames or samples are numbered
# The values of the codes in the third and fourth byte. 0 means that the value is in the beginning of the file or behind
# the number, -1 that the code is not valid.
SIZES = np.array([-1, 192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768])
RATES = np.array([0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000, 0, 0, 0, -1])
CHANNELS = np.array([1, 2, 3, 4, 5, 6, 7, 8, 2, 2, 2, -1, -1, -1, -1, -1])
BITS = np.array([0, 8, 12, -1, 16, 20, 24, 32])
SIZE_BYTES = {6: 1, 7: 2}  # bytes of a size, less 1, that is behind the number, by its code
RATE_BYTES = {12: (1, 1000), 13: (2, 1), 14: (2, 10)}  # bytes of a rate that is there, and its unit in Hz, by its code


class Kind(NamedTuple):
    """What is the same in all frames of a stream.

    Attributes:
        rate: sample rate, Hz.
        bits: bits of a sample.
        channels: number of channels.
    """

    rate: int
    bits: int
    channels: int


class Header(NamedTuple):
    """What the header of a frame says.

    Attributes:
        place: place in the file where the frame begins.
        kind: kind of the frame.
        number: number of the frame, or of its first sample.
        following: number that the next frame has.
        n_samples: number of samples of the frame.
    """

    place: int
    kind: Kind
    number: int
    following: int
    n_samples: int

    @property
    def is_numbered(self) -> bool:
        """Whether frames are numbered, instead of samples; for frames of one sample both are the same."""
        return self.following == self.number + 1


def find_headers(file: IO[bytes], place: int, told: Kind, kind: Kind, *, is_other: bool) -> Iterator[Header]:
    """Yield the headers of frames of a kind, or with ``is_other`` those of all other kinds, from a place on.

    Values that a header leaves out are those of ``told``, which the beginning of the file declares.
    """
    n_looks = 0
    while n_looks < MAX_LOOKS and (piece := os.pread(file.fileno(), PIECE_BYTES + MAX_HEADER_BYTES, place)):
        content = np.frombuffer(piece + bytes(MAX_HEADER_BYTES), np.uint8)
        starts = np.flatnonzero(content[: min(len(piece), PIECE_BYTES)] == SYNC[0])
        starts = starts[content[starts + 1] & 0xFE == SYNC[1]]
        rates = RATES[content[starts + 2] & 15]
        rates[content[starts + 2] & 15 == 0] = told.rate
        bits = BITS[content[starts + 3] >> 1 & 7]
        bits[bits == 0] = told.bits
        is_same = (bits == kind.bits) & (CHANNELS[content[starts + 3] >> 4] == kind.channels)
        is_wanted = ~(is_same & (rates == kind.rate)) if is_other else is_same & ((rates == kind.rate) | (rates == 0))
        starts = starts[is_wanted][: MAX_LOOKS - n_looks]
        n_looks += len(starts)
        for start in starts.tolist():
            header = read_header(piece[start : start + MAX_HEADER_BYTES], place + start, told)
            if header and (header.kind != kind) is is_other:
                yield header
        place += PIECE_BYTES


def read_header(content: bytes, place: int, told: Kind) -> Header | None:
    """Return what bytes say as a header; None where they are not one."""
    content = content.ljust(MAX_HEADER_BYTES, b"\0")
    size_code, rate_code = content[2] >> 4, content[2] & 15
    size, rate, bits = int(SIZES[size_code]), int(RATES[rate_code]), int(BITS[content[3] >> 1 & 7])
    channels = int(CHANNELS[content[3] >> 4])
    n_ones = 8 - (~content[4] & 0xFF).bit_length()  # the number is encoded like a character in UTF-8
    end = 4 + max(1, n_ones)
    if min(size, rate, bits, channels) < 0 or end > 4 + MAX_NUMBER_BYTES:
        return None
    number = content[4] & 0x7F >> n_ones
    for byte in content[5:end]:
        number = number << 6 | byte & 0x3F
    if size_code in SIZE_BYTES:
        n_bytes = SIZE_BYTES[size_code]
        size = int.from_bytes(content[end : end + n_bytes]) + 1
        end += n_bytes
    if rate_code in RATE_BYTES:
        n_bytes, unit = RATE_BYTES[rate_code]
        rate = int.from_bytes(content[end : end + n_bytes]) * unit
        end += n_bytes
    if _crc8(content[: end + 1]):
        return None
    kind = Kind(rate or told.rate, bits or told.bits, channels)
    return Header(place, kind, number, number + (1 if content[1] == SYNC[1] else size), size)


def count_bytes(content: bytes) -> int:
    """Return the length of the frame with which the content begins, by its checksum; 0 if no checksum is right.

    Behind the frame, zeros keep the checksum right; they do not count.
    """
    table, crc, n_bytes = _crc16_table(), 0, 0
    for index, byte in enumerate(content, 1):
        before, crc = crc, (crc << 8 & 0xFFFF) ^ table[crc >> 8 ^ byte]
        if before and not crc:
            n_bytes = index
    return n_bytes


@cache
def _crc16_table() -> list[int]:
    values = []
    for byte in range(256):
        crc = byte << 8
        for _ in range(8):
            crc = crc << 1 ^ 0x18005 if crc & 0x8000 else crc << 1
        values.append(crc)
    return values


def _crc8(content: bytes) -> int:
    """Return FLAC's CRC-8 of bytes; it is 0 where the bytes end with their own."""
    table, crc = _crc8_table(), 0
    for byte in content:
        crc = table[crc ^ byte]
    return crc


@cache
def _crc8_table() -> list[int]:
    values = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
        values.append(crc)
    return values
