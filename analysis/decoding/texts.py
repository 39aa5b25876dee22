"""The texts in a file are measured before a decoder opens it, because libsndfile holds them in memory, some four times.

*Source.* Apple's AIFF 1.3 and Core Audio Format Specification 1.0; RFC 9639 for FLAC.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

from analysis.decoding.mpeg import end_of_tags
from analysis.errors import TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_TEXT_BYTES = 2**25  # a picture in a comment of Ogg is text too
MAX_CHUNKS = 2**16  # the bytes behind so many are counted as text
HEADER_BYTES = 12  # of the longest header of a chunk
AIFF_TEXTS, CAF_TEXTS, FLAC_COMMENTS, FLAC_LAST = (b"NAME", b"AUTH", b"(c) ", b"ANNO"), b"info", 4, 0x80


def check_texts(file: IO[bytes]) -> None:
    """Raise TooLargeError for an AIFF, CAF or FLAC file with more than MAX_TEXT_BYTES of texts."""
    check_text_bytes(sum(_text_sizes(file)))


def check_text_bytes(n_bytes: int) -> None:
    """Raise TooLargeError for more than MAX_TEXT_BYTES."""
    if n_bytes > MAX_TEXT_BYTES:
        raise TooLargeError(
            f"{n_bytes} bytes of titles and other texts in the file, which decoders hold in memory: "
            f"accepted are {MAX_TEXT_BYTES}"
        )


def _text_sizes(file: IO[bytes]) -> Iterator[int]:
    """Yield the sizes of texts, and of what is behind the last chunk that is looked at."""
    size = os.fstat(file.fileno()).st_size
    start = end_of_tags(file)
    head = os.pread(file.fileno(), HEADER_BYTES, start)
    is_aiff, is_flac = head.startswith(b"FORM"), head.startswith(b"fLaC")
    if not (is_aiff or is_flac or head.startswith(b"caff")):
        return
    place = start + (12 if is_aiff else 4 if is_flac else 8)
    for _ in range(MAX_CHUNKS):
        if place + HEADER_BYTES > size:
            return
        header = os.pread(file.fileno(), HEADER_BYTES, place)
        name = header[:4]
        if is_flac:
            n_bytes, is_text = int.from_bytes(header[1:4]), header[0] & ~FLAC_LAST == FLAC_COMMENTS
            place += 4 + n_bytes
        elif is_aiff:
            n_bytes, is_text = int.from_bytes(header[4:8]), name in AIFF_TEXTS
            place += 8 + n_bytes + n_bytes % 2
        else:
            n_bytes, is_text = int.from_bytes(header[4:12], signed=True), name == CAF_TEXTS
            place += 12 + n_bytes
        if n_bytes < 0:  # data to the end of the file
            return
        if is_text:
            yield min(n_bytes, size)
        if is_flac and header[0] & FLAC_LAST:
            return
    yield max(0, size - place)
