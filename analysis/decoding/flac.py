"""A FLAC file is cut into parts that libsndfile reads whole.

libsndfile reads no more samples than the beginning of the file declares. In the header of a frame it looks only at the
number of channels, so it misreads samples of another rate or another number of bits. Therefore all headers are searched
for such changes, which takes a twentieth of the time of decoding.
"""

from __future__ import annotations

import os
import re
from itertools import islice, pairwise
from typing import IO, TYPE_CHECKING, NamedTuple

from analysis.decoding.flac_damaged import DamagedFlac
from analysis.decoding.flac_frames import Kind, count_bytes, find_headers, read_header
from analysis.decoding.id3 import end_of_tags
from analysis.decoding.mapping import STEP_BYTES, give_back, map_file

if TYPE_CHECKING:
    from analysis.decoding import Source
    from analysis.decoding.spans import Span

BEGINNING_BYTES = 10  # that a match looks at
BEGINNING = rb"fLaC[\0\x80]\0\0\x22(?!\0\0)"  # the smallest block, which follows, has at least one sample
# Places, from the beginning: of the smallest block, and of the number of all samples, behind 4 other bits.
BLOCK_SAMPLES_AT, N_SAMPLES_AT = 8, 21
LAST_BLOCK, INFO_AT, INFO_BYTES = 0x80, 8, 34
PIECE_BYTES = 2**20
MAX_FRAME_BYTES = 2**18
MAX_PARTS = 2**12
MAX_LOOKS = 2**10  # places that are tried for the last frame
MAX_MISSING = 2**16  # samples or frames by which a number may be higher than expected
BITS_OF = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}  # by libsndfile's names of the codecs


class End(NamedTuple):
    """How a file ends.

    Attributes:
        place: place where the last frame ends.
        n_samples: number of all samples, by the number in the header of that frame.
    """

    place: int
    n_samples: int


def find_files(file: IO[bytes]) -> list[tuple[int, int]]:
    """Return where the files begin and end that a FLAC file is joined from."""
    size = os.fstat(file.fileno()).st_size
    starts: list[int] = []
    with map_file(file) as content:
        for place in range(0, size, STEP_BYTES):
            end = place + STEP_BYTES
            found = re.compile(BEGINNING, re.DOTALL).finditer(content, place, end + BEGINNING_BYTES)
            starts += [match.start() for match in found if match.start() < end]
            give_back(content, min(end, size))
            if len(starts) >= MAX_PARTS:
                break
    return list(pairwise([0, *starts[1:MAX_PARTS], size]))


def cut_at_changes(file: IO[bytes], source: Source) -> list[list[Span]]:
    """Cut a file where rate, bits or channels of its frames change; return each part as a file of its own."""
    told = kind = _kind_of(source)
    size = os.fstat(file.fileno()).st_size
    starts, kinds = [0], [kind]
    while len(starts) < MAX_PARTS and (change := _find_change(file, starts[-1], told, kind)):
        start, kind = change
        starts.append(start)
        kinds.append(kind)
    parts: list[list[Span]] = [without_count(file, starts[1] if len(starts) > 1 else size)]
    for kind, (start, end) in zip(kinds[1:], pairwise([*starts[1:], size]), strict=True):
        parts.append([_beginning_of(kind), (start, end)])
    return parts


def read_end(file: IO[bytes], source: Source) -> End | None:
    """Return the end of the last frame that is found in the last bytes of a file; None if there is none."""
    start = os.fstat(file.fileno()).st_size
    content = b""
    while start > 0 and not any(content):  # behind the last frame there may be zeros
        start = max(0, start - PIECE_BYTES)
        content = os.pread(file.fileno(), PIECE_BYTES + MAX_FRAME_BYTES, start)
    kind = _kind_of(source)
    for match in islice(reversed(list(re.finditer(rb"(?=\xff[\xf8\xf9])", content))), MAX_LOOKS):
        header = read_header(content[match.start() :][:16], match.start(), kind)
        if header and header.kind == kind and (n_bytes := count_bytes(content[match.start() :])):
            before = header.number * (_block_samples(file) if header.is_numbered else 1)
            return End(start + match.start() + n_bytes, before + header.n_samples)
    return None


def sum_samples(file: IO[bytes], source: Source) -> int:
    """Return the number of samples of all frames whose numbers rise."""
    kind = _kind_of(source)
    n_samples, expected = 0, 0
    for header in find_headers(file, 0, kind, kind, is_other=False):
        if 0 <= header.number - expected <= MAX_MISSING:
            n_samples += header.n_samples
            expected = header.following
    return n_samples


def without_count(file: IO[bytes], end: int) -> list[Span]:
    """Return a file up to a place, without the number of samples that it declares."""
    at = end_of_tags(file) + N_SAMPLES_AT
    (bits,) = os.pread(file.fileno(), 1, at)
    return [(0, at), bytes([bits & 0xF0, 0, 0, 0, 0]), (at + 5, end)]


def open_damaged(file: IO[bytes], source: Source) -> DamagedFlac:
    """Return a decoder that decodes each frame by itself."""
    info = os.pread(file.fileno(), INFO_BYTES, end_of_tags(file) + INFO_AT)
    return DamagedFlac(file, source, _kind_of(source), info)


def _kind_of(source: Source) -> Kind:
    return Kind(source.sample_rate, BITS_OF[source.codec], source.channels)


def _find_change(file: IO[bytes], place: int, told: Kind, kind: Kind) -> tuple[int, Kind] | None:
    """Return the place and kind of the first of two consecutive frames, behind a place, that are of another kind."""
    last = None
    for header in find_headers(file, place + 1, told, kind, is_other=True):
        if last and (header.kind, header.number) == (last.kind, last.following):
            return last.place, last.kind
        last = header
    return None


def _beginning_of(kind: Kind) -> bytes:
    """Return the beginning of a FLAC file that declares its kind and nothing else."""
    facts = kind.rate << 44 | (kind.channels - 1) << 41 | (kind.bits - 1) << 36
    info = (16).to_bytes(2) + (65535).to_bytes(2) + bytes(6) + facts.to_bytes(8) + bytes(16)
    return b"fLaC" + bytes([LAST_BLOCK, 0, 0, INFO_BYTES]) + info


def _block_samples(file: IO[bytes]) -> int:
    """Return the number of samples of a frame, where frames are numbered; the last frame may have fewer."""
    return int.from_bytes(os.pread(file.fileno(), 2, end_of_tags(file) + BLOCK_SAMPLES_AT))
