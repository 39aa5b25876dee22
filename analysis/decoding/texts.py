"""Texts are measured before a decoder opens a file: libsndfile keeps about four copies of them in memory.

*Source.* Apple's AIFF 1.3 and Core Audio Format Specification 1.0; RFC 9639 for FLAC.
"""

from __future__ import annotations

import os
from typing import IO

from analysis.decoding.chunks import (
    CAF_CHUNK,
    CAF_START,
    COMMENTS,
    FLAC_START,
    FORM_BYTES,
    IFF_CHUNK,
    iterate_blocks,
    iterate_chunks,
)
from analysis.decoding.id3 import end_of_tags
from analysis.errors import TooLargeError

MAX_TEXT_BYTES = 2**25  # a picture in a comment of Ogg counts as text
MAX_CHUNKS = 2**16  # all bytes behind so many count as text
TEXTS = (b"NAME", b"AUTH", b"(c) ", b"ANNO", b"info", COMMENTS)  # chunks of AIFF and of CAF, and a block of FLAC


def check_texts(file: IO[bytes]) -> None:
    """Raise TooLargeError for an AIFF, CAF or FLAC file with more than MAX_TEXT_BYTES of texts."""
    start = end_of_tags(file)
    match os.pread(file.fileno(), 4, start):
        case b"FORM":
            chunks = iterate_chunks(file, start + FORM_BYTES, IFF_CHUNK, MAX_CHUNKS)
        case b"caff":
            chunks = iterate_chunks(file, start + CAF_START, CAF_CHUNK, MAX_CHUNKS, is_padded=False)
        case b"fLaC":
            chunks = iterate_blocks(file, start + FLAC_START, MAX_CHUNKS)
        case _:
            return
    n_bytes = n_chunks = end = 0
    for n_chunks, (name, place, size) in enumerate(chunks, 1):  # noqa: B007  it is their number
        n_bytes += size if name in TEXTS else 0
        end = place + size
    if n_chunks == MAX_CHUNKS:
        n_bytes += max(0, os.fstat(file.fileno()).st_size - end)
    check_text_bytes(n_bytes)


def check_text_bytes(n_bytes: int) -> None:
    """Raise TooLargeError for more than MAX_TEXT_BYTES."""
    if n_bytes > MAX_TEXT_BYTES:
        raise TooLargeError(
            f"{n_bytes} bytes of titles and other texts in the file, which decoders hold in memory: "
            f"accepted are {MAX_TEXT_BYTES}"
        )
