"""A file in the bucket that is read only where a decoder asks for it, a block at a time."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK_BYTES = 2**18
MAX_BLOCKS = 8  # that are kept: decoders go back and forth between an index and what it leads to


class TooManyBytesError(Exception):
    """More of the file was asked for than may be fetched."""


class BucketFile:
    """A file for reading that fetches the blocks that are read; its own position makes it fit for libraries in C.

    Libraries in C do not pass exceptions on, so a read that fails is the end of the file, and ``check`` raises.

    Attributes:
        n_bytes: bytes of the file.
        n_fetched: bytes that have been fetched.
    """

    def __init__(self, fetch: Callable[[range], bytes], n_bytes: int, max_fetched: int | None = None) -> None:
        """Take what fetches a range of the file, and how many bytes may be fetched; None is any number."""
        self._fetch, self.n_bytes, self._max_fetched = fetch, n_bytes, max_fetched
        self.n_fetched = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._place = 0
        self._error: Exception | None = None

    def read(self, n_bytes: int = -1) -> bytes:
        """Read up to so many bytes, fewer only at the end of the file or after an error."""
        end = self.n_bytes if n_bytes < 0 else min(self._place + n_bytes, self.n_bytes)
        pieces = []
        while self._place < end and self._error is None:
            number, skipped = divmod(self._place, BLOCK_BYTES)
            piece = self._block(number)[skipped : skipped + end - self._place]
            if not piece:
                break
            pieces.append(piece)
            self._place += len(piece)
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
        place = offset + (0, self._place, self.n_bytes)[whence]
        if place < 0:
            return -1
        self._place = min(place, self.n_bytes)
        return self._place

    def check(self) -> None:
        """Raise what kept the file from being read, if anything did."""
        if self._error is not None:
            raise self._error

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            part = range(number * BLOCK_BYTES, min((number + 1) * BLOCK_BYTES, self.n_bytes))
            if self._max_fetched is not None and self.n_fetched + len(part) > self._max_fetched:
                self._error = TooManyBytesError(str(self._max_fetched))
                return b""
            try:
                self._blocks[number] = self._fetch(part)
            except Exception as error:  # noqa: BLE001  any: it is raised by check
                self._error = error
                return b""
            self.n_fetched += len(part)
            while len(self._blocks) > MAX_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]
