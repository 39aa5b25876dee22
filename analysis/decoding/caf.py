"""A CAF file that libsndfile misreads or refuses is changed into one that libsndfile reads.

libsndfile goes on at a wrong place behind a chunk of more than 64 kB, and takes other bytes for samples. It refuses a
file that does not declare the size of its data, as a recorder leaves it.

*Source.* Apple's Core Audio Format Specification 1.0.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.decoding.spans import Span

HEAD_BYTES, CHUNK_HEAD_BYTES = 8, 12
LARGE_BYTES = 2**14
MAX_CHUNKS = 2**10
READ = (b"desc", b"chan", b"kuki", b"pakt", b"info")  # the chunks that libsndfile needs besides the data


def order(file: IO[bytes]) -> list[Span] | None:
    """Return a CAF file without its large chunks and with the size of its data; None where nothing is to be changed."""
    size = os.fstat(file.fileno()).st_size
    head = os.pread(file.fileno(), HEAD_BYTES, 0)
    if not head.startswith(b"caff"):
        return None
    spans: list[Span] = [head]
    place, is_other = HEAD_BYTES, False
    for _ in range(MAX_CHUNKS):
        start = place + CHUNK_HEAD_BYTES
        if start > size:
            return None
        header = os.pread(file.fileno(), CHUNK_HEAD_BYTES, place)
        name, n_bytes = header[:4], int.from_bytes(header[4:], signed=True)
        if n_bytes < 0 and name != b"data":
            return None
        if name == b"data":
            end = size if n_bytes < 0 else min(size, start + n_bytes)
            is_other = is_other or n_bytes < 0
            return [*spans, name + (end - start).to_bytes(8), (start, end)] if is_other else None
        if name in READ:
            spans.append((place, start + n_bytes))
        is_other = is_other or (name not in READ and n_bytes > LARGE_BYTES)
        place = start + n_bytes
    return None
