"""The bytes of one sound from the bucket: its own generation, the range that was asked for, a piece at a time."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from google.cloud import storage  # type: ignore[attr-defined]  # it ships no types
from google.cloud.storage.retry import DEFAULT_RETRY

from page.remembering import Memory
from page.sniffing import GZIP, NEEDED, sniff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from page.scope import Scope

PIECE_BYTES = 2**20
FIRST_PIECE_BYTES = 2**17  # so that playing begins at once
CONNECT_S, READ_S, RETRY_S = 5, 20, 20
RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")

_starts: Memory[_Start] = Memory(3600, 1000)


class ElsewhereError(Exception):
    """The sound is in another bucket than the page may read."""


class OutsideError(Exception):
    """The range lies outside the file; the message is the file's size."""


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a sound, of the whole or of a range.

    Attributes:
        media_type: as its first bytes tell.
        size: bytes of the whole, as stored; None where it is stored compressed and given decompressed.
        part: the bytes that were asked for; None for the whole.
        pieces: the bytes.
        generation: which upload they are of.
    """

    media_type: str
    size: int | None
    part: range | None
    pieces: Iterator[bytes]
    generation: int


@dataclass(frozen=True, slots=True)
class _Start:
    size: int
    first_bytes: bytes


def open_content(scope: Scope, sound: dict[str, Any], asked: str | None) -> Content:
    """Return the bytes of a sound, of the range that a header asks for, or of the whole.

    Raises ElsewhereError, OutsideError; and as the client raises them the storage's own, NotFound among them.
    """
    blob = _find_blob(scope, sound)
    start = _starts.get((scope.bucket_name, sound["uid"]), lambda: _read_start(blob))
    if start.first_bytes.startswith(GZIP):
        pieces = _decompress(_read_pieces(blob, range(start.size)))
        begin = next(pieces, b"")
        return Content(sniff(begin[:NEEDED]), None, None, _chain(begin, pieces), sound["generation"])
    part = _read_range(asked, start.size)
    pieces = _read_pieces(blob, part or range(start.size))
    return Content(sniff(start.first_bytes), start.size, part, pieces, sound["generation"])


def _find_blob(scope: Scope, sound: dict[str, Any]) -> storage.Blob:
    if sound.get("bucket") != scope.bucket_name:
        raise ElsewhereError(f"{sound.get('bucket')}")
    return connect(scope.project).bucket(scope.bucket_name).blob(sound["blob_name"], generation=sound["generation"])


def _read_start(blob: storage.Blob) -> _Start:
    blob.reload(**_patience())
    first_bytes = blob.download_as_bytes(start=0, end=NEEDED - 1, raw_download=True, checksum=None, **_patience())
    return _Start(blob.size, first_bytes)


def _read_range(asked: str | None, size: int) -> range | None:
    """Return the bytes asked for; None for several ranges or what is none, answered with the whole."""
    match = RANGE.fullmatch(asked.strip()) if asked else None
    if not match or not any(match.groups()):
        return None
    first, last = match.groups()
    if first == "" and int(last):
        return range(max(size - int(last), 0), size)
    if first == "" or int(first) >= size:
        raise OutsideError(str(size))
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def _read_pieces(blob: storage.Blob, part: range) -> Iterator[bytes]:
    n_piece = FIRST_PIECE_BYTES
    while part:
        piece, part = part[:n_piece], part[n_piece:]
        n_piece = PIECE_BYTES
        yield blob.download_as_bytes(start=piece[0], end=piece[-1], raw_download=True, checksum=None, **_patience())


def _decompress(pieces: Iterator[bytes]) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for piece in pieces:
        rest = piece
        while rest and not decompressor.eof:
            yield decompressor.decompress(rest, PIECE_BYTES)
            rest = decompressor.unconsumed_tail


def _chain(begin: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield begin
    yield from pieces


def _patience() -> dict[str, Any]:
    return {"timeout": (CONNECT_S, READ_S), "retry": DEFAULT_RETRY.with_timeout(RETRY_S)}


@cache
def connect(project: str) -> storage.Client:
    """Return the client of the storage."""
    return storage.Client(project)
