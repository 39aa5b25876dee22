"""Parts of a file, one after the other, are read as a file of their own."""

from __future__ import annotations

import os
from bisect import bisect_right
from itertools import accumulate
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

type Span = bytes | tuple[int, int]  # content, or the places in the file where it begins and ends


class Spans:
    """A file made of spans of another file, for reading; it has its own position, as libsndfile moves the descriptor's.

    Attributes:
        n_bytes: bytes of all spans together.
    """

    def __init__(self, file: IO[bytes], spans: Sequence[Span] | None = None, *, n_claimed: int = 0) -> None:
        """Take the whole file, or its ``spans``; a seek to the end goes ``n_claimed`` bytes beyond them."""
        self._descriptor = file.fileno()
        self._spans: Sequence[Span] = [(0, os.fstat(self._descriptor).st_size)] if spans is None else spans
        sizes = [len(span) if isinstance(span, bytes) else span[1] - span[0] for span in self._spans]
        self._starts = list(accumulate(sizes, initial=0))
        self.n_bytes = self._starts[-1]
        self._n_claimed = n_claimed
        self._place = 0

    def read(self, n_bytes: int) -> bytes:
        """Read the spans up to their end; claimed bytes are zeros after a seek behind the spans' end."""
        if self._place > self.n_bytes:
            return bytes(max(0, min(n_bytes, self.n_bytes + self._n_claimed - self._place)))
        pieces = []
        while n_bytes > 0 and self._place < self.n_bytes:
            index = bisect_right(self._starts, self._place) - 1
            wanted = min(n_bytes, self._starts[index + 1] - self._place)
            piece = self._read_span(self._spans[index], self._place - self._starts[index], wanted)
            if not piece:
                break
            pieces.append(piece)
            self._place += len(piece)
            n_bytes -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def readinto(self, buffer: memoryview) -> int:
        """Read into a buffer, and return how many bytes were read."""
        content = self.read(len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def tell(self) -> int:
        """Return the position."""
        return self._place

    def seek(self, offset: int, whence: int = 0) -> int:
        """Set the position and return it, or -1 before the beginning, where a damaged file may lead a decoder."""
        end = self.n_bytes + self._n_claimed
        place = offset + (0, self._place, end)[whence]
        if place < 0:
            return -1
        self._place = min(place, end)
        return self._place

    def _read_span(self, span: Span, start: int, n_bytes: int) -> bytes:
        if isinstance(span, bytes):
            return span[start : start + n_bytes]
        return os.pread(self._descriptor, n_bytes, span[0] + start)
