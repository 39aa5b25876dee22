"""A file is mapped into memory to be searched, and what has been searched is given back.

A mapped page counts as memory of the process from its first use to the end of the mapping: without giving back, the
memory would grow with the file.
"""

from __future__ import annotations

import mmap
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

STEP_BYTES = 2**22  # after so many bytes what has been searched is given back


@contextmanager
def map_file(file: IO[bytes]) -> Iterator[mmap.mmap]:
    """Map a file that is not empty, for reading."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        yield content


def give_back(content: mmap.mmap, end: int) -> int:
    """Give back the memory up to a place, and return the place at which to call this again.

    What was given back can still be read: it is mapped anew.
    """
    n_bytes = end // mmap.PAGESIZE * mmap.PAGESIZE
    if n_bytes:
        content.madvise(mmap.MADV_DONTNEED, 0, n_bytes)
    return end + STEP_BYTES
