"""The file in the body of a form is written to a file while it arrives, without keeping more of the body than a piece.

*Source.* RFC 7578; RFC 2046, section 5.1.1; the HTML standard's multipart form data for the name of a file.
"""

from __future__ import annotations

from email.message import Message
from email.parser import Parser
from email.policy import HTTP
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAX_BOUNDARY = 70  # characters, says RFC 2046
MAX_HEADERS = 2**14  # bytes of the headers of a part


class MultipartError(ValueError):
    """The body is no form with a file; the message says what is wrong."""


class TooManyBytesError(Exception):
    """The file is larger than is accepted."""


async def read_file(content_type: str, body: AsyncIterator[bytes], field: str, file: IO[bytes], max_bytes: int) -> str:
    """Write the file of a field to another, and return its name, which is empty where the form tells none.

    Of several files the first counts. Raises MultipartError and TooManyBytesError.
    """
    parts = _Parts(_boundary_of(content_type), field, file, max_bytes)
    async for piece in body:
        parts.add(piece)
    return parts.end()


class _Parts:
    """What has come of a body, and not been written yet."""

    def __init__(self, boundary: bytes, field: str, file: IO[bytes], max_bytes: int) -> None:
        self._delimiter = b"\r\n--" + boundary
        self._field, self._file, self._left = field, file, max_bytes
        self._rest = bytearray(b"\r\n")  # as a delimiter at the very beginning has no line before it
        self._name: str | None = None
        self._is_in_headers = self._is_in_file = self._is_whole = False

    def add(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        if self._is_whole:
            return
        self._rest += piece
        while self._step():
            pass

    def end(self) -> str:
        """Return the name of the file, all of which has come."""
        if not self._is_whole or self._name is None:
            raise MultipartError("the form ends before its file" if self._is_in_file else "the form has no file")
        return self._name

    def _step(self) -> bool:
        """Take one part's headers or content from what has come; return whether there may be more."""
        return self._take_headers() if self._is_in_headers else self._take_content()

    def _take_content(self) -> bool:
        end = self._rest.find(self._delimiter)
        n_sure = end if end >= 0 else max(len(self._rest) - len(self._delimiter) + 1, 0)
        if self._is_in_file:
            self._left -= n_sure
            if self._left < 0:
                raise TooManyBytesError
            self._file.write(self._rest[:n_sure])
        del self._rest[:n_sure]
        if end < 0:
            return False
        self._is_whole = self._is_in_file
        self._is_in_file, self._is_in_headers = False, True
        return not self._is_whole

    def _take_headers(self) -> bool:
        start = len(self._delimiter)
        if self._rest[start : start + 2] == b"--":  # the last
            self._is_whole = True
            return False
        end = self._rest.find(b"\r\n\r\n", start)
        if end < 0:
            if len(self._rest) > MAX_HEADERS:
                raise MultipartError(f"a part of the form has more than {MAX_HEADERS} bytes of headers")
            return False
        line = self._rest.find(b"\r\n", start)
        self._begin_part(bytes(self._rest[line + 2 : end + 4]))
        del self._rest[: end + 4]
        self._is_in_headers = False
        return True

    def _begin_part(self, headers: bytes) -> None:
        told = Parser(policy=HTTP).parsestr(headers.decode(errors="replace"), headersonly=True)
        disposition = told["content-disposition"]
        values = disposition.params if disposition is not None else {}
        if self._name is None and values.get("name") == self._field:
            name = values.get("filename", "")
            for character in '"\r\n':  # browsers write these, and no others, as the HTML standard says
                name = name.replace(f"%{ord(character):02X}", character)
            self._name, self._is_in_file = name, True


def _boundary_of(content_type: str) -> bytes:
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_boundary("")
    if header.get_content_type() != "multipart/form-data" or not 0 < len(boundary) <= MAX_BOUNDARY:
        raise MultipartError("the body is no form: its type is not multipart/form-data with a boundary")
    return boundary.encode("latin-1", "replace")
