"""The chunks of a file follow each other: those of WAV, AIFF and CAF, and the blocks of FLAC, which are like them."""

from __future__ import annotations

import os
from struct import Struct
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

type Chunk = tuple[bytes, int, int]  # name, place of its content, size of its content

RIFF_CHUNK, IFF_CHUNK, CAF_CHUNK = Struct("<4sI"), Struct(">4sI"), Struct(">4sq")  # name and size
FORM_BYTES, CAF_START, FLAC_START = 12, 8, 4  # of an AIFF, a CAF and a FLAC: where the first chunk begins
COMMENTS, LAST = b"\4", 0x80  # of FLAC: the name of the block of comments, and the flag of the last block


def iterate_chunks(
    file: IO[bytes], place: int, header: Struct, n_most: int, end: int | None = None, *, is_padded: bool = True
) -> Iterator[Chunk]:
    """Yield the chunks from a place on, at most ``n_most``; one that is longer than the file ends with it."""
    end = os.fstat(file.fileno()).st_size if end is None else end
    for _ in range(n_most):
        if place + header.size > end:
            return
        content = os.pread(file.fileno(), header.size, place)
        if len(content) < header.size:
            return
        name, n_bytes = header.unpack(content)
        place += header.size
        if n_bytes < 0:  # it goes on to the end of the file
            return
        yield name, place, min(n_bytes, end - place)
        place += n_bytes + (n_bytes % 2 if is_padded else 0)


def iterate_blocks(file: IO[bytes], place: int, n_most: int) -> Iterator[Chunk]:
    """Yield the blocks before the frames of a FLAC file, at most ``n_most``; the name of a block is its type."""
    for _ in range(n_most):
        head = os.pread(file.fileno(), 4, place)
        if len(head) < 4:  # noqa: PLR2004
            return
        place += len(head)
        n_bytes = int.from_bytes(head[1:])
        yield bytes([head[0] & ~LAST]), place, n_bytes
        if head[0] & LAST:
            return
        place += n_bytes
