"""A FLAC stream keeps to the rate and the bits that it begins with, or it is corrupt.

libsndfile looks at how many channels a frame has and at nothing else that it says: samples of another rate or size it
takes for more of the same. So the headers of frames are looked for, which takes a twentieth of the time of decoding.

*Source.* RFC 9639, section 9.1. What looks like a header is one if its checksum is right and the next frame has such a
header too, which says the same and has the next number.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np

from analysis.errors import CorruptError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.decoding import Source

PIECE_BYTES = 2**20
MAX_HEADER_BYTES, MAX_NUMBER_BYTES = 16, 7
MAX_LOOKS = 2**18  # two seconds: more than a file has, but for one that is made to take time
SYNC = 0xFF, 0xF8  # and a bit that says whether frames or samples are numbered
# The values of the codes in the third and fourth byte: 0 stands in STREAMINFO or after the number, -1 is none.
SIZES = np.array([-1, 192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768])
RATES = np.array([0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000, 0, 0, 0, -1])
BITS = np.array([0, 8, 12, -1, 16, 20, 24, 32])
SIZE_BYTES = {6: 1, 7: 2}  # of the sizes, less 1, that stand after the number
RATE_BYTES = {12: (1, 1000), 13: (2, 1), 14: (2, 10)}  # of the rates that stand there, and their unit in Hz
BITS_OF = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}  # by libsndfile's names


class Header(NamedTuple):
    """What a frame says of itself.

    Attributes:
        kind: rate in Hz, and bits.
        number: of the frame, or of its first sample.
        following: number of the frame after it.
    """

    kind: tuple[int, int]
    number: int
    following: int


def check_frames(file: IO[bytes], source: Source) -> None:
    """Raise CorruptError where two frames in a row are not what libsndfile says of the file."""
    last = None
    for header in _other_headers(file, (source.sample_rate, BITS_OF[source.codec])):
        if last and (header.kind, header.number) == (last.kind, last.following):
            raise CorruptError("changes to {} Hz, {} bits within the stream".format(*header.kind))
        last = header


def _other_headers(file: IO[bytes], kind: tuple[int, int]) -> Iterator[Header]:
    """Yield what looks like the header of a frame of another kind."""
    rate, bits = kind
    place = n_looks = 0
    while n_looks < MAX_LOOKS and (piece := os.pread(file.fileno(), PIECE_BYTES + MAX_HEADER_BYTES, place)):
        content = np.frombuffer(piece, np.uint8)
        starts = np.flatnonzero(content[:-MAX_HEADER_BYTES] == SYNC[0])
        starts = starts[content[starts + 1] & 0xFE == SYNC[1]]
        rate_codes, bits_there = content[starts + 2] & 15, BITS[content[starts + 3] >> 1 & 7]
        is_same = (rate_codes == 0) | (RATES[rate_codes] == rate)
        is_same &= (bits_there == 0) | (bits_there == bits)
        starts = starts[~is_same][: MAX_LOOKS - n_looks]
        n_looks += len(starts)
        for start in starts.tolist():
            header = _parse(piece[start : start + MAX_HEADER_BYTES], kind)
            if header and header.kind != kind:
                yield header
        place += PIECE_BYTES


def _parse(content: bytes, kind: tuple[int, int]) -> Header | None:
    """Return what a header says in a stream of some kind, None where it is none."""
    size_code, rate_code = content[2] >> 4, content[2] & 15
    size, rate, bits = int(SIZES[size_code]), int(RATES[rate_code]), int(BITS[content[3] >> 1 & 7])
    n_ones = 8 - (~content[4] & 0xFF).bit_length()  # the number is written as UTF-8 writes a character
    end = 4 + max(1, n_ones)
    if min(size, rate, bits) < 0 or end > 4 + MAX_NUMBER_BYTES:
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
    if _crc(content[: end + 1]):
        return None
    is_numbered = content[1] == SYNC[1]
    return Header((rate or kind[0], bits or kind[1]), number, number + (1 if is_numbered else size))


def _crc(content: bytes) -> int:
    """Return FLAC's CRC-8: 0 of what ends with its own."""
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1) ^ (0x107 if crc & 0x80 else 0)
    return crc
