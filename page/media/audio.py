"""The bytes of a sound from the bucket, of its own generation: all of them or a range, a piece at a time."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from google.cloud import storage  # type: ignore[attr-defined]  # it ships no types
from google.cloud.storage.retry import DEFAULT_RETRY

from analysis.errors import CorruptError
from page.display import is_file_known
from page.media.bucket_file import BucketFile
from page.media.cache import Cache
from page.media.media_type import GZIP, HEAD_BYTES, sniff

if TYPE_CHECKING:
    from collections.abc import Iterator

    from page.config import Config

PIECE_BYTES = 2**20
FIRST_PIECE_BYTES = 2**17  # less than the others, so that the player can begin at once
CONNECT_S, READ_S, RETRY_S = 5, 20, 20
HEAD_TTL_S = 3600
RANGE = re.compile(r"bytes=([0-9]{0,19})-([0-9]{0,19})")

_heads: Cache[_Head] = Cache(HEAD_TTL_S, 1000)


class OtherBucketError(Exception):
    """The sound is in another bucket than the page may read; the message is that bucket's name."""


class CompressedError(Exception):
    """The file is stored compressed, so that no part of it can be read alone."""


class RangeNotSatisfiableError(Exception):
    """The range begins behind the end of the file; the message is the file's size."""


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of a sound: all of them, or a range.

    Attributes:
        media_type: what the first bytes say.
        size: bytes of the whole file; None where it is stored compressed, and given decompressed.
        part: the range that was asked for; None for the whole file.
        pieces: the bytes.
        generation: that of the sound.
    """

    media_type: str
    size: int | None
    part: range | None
    pieces: Iterator[bytes]
    generation: int


@dataclass(frozen=True, slots=True)
class _Head:
    """What is known of a file before it is sent: its size, and its first HEAD_BYTES bytes."""

    size: int
    first_bytes: bytes


def open_content(config: Config, sound: dict[str, Any], range_header: str | None) -> Content:
    """Return the bytes of a sound that a Range header asks for, or all of them.

    Raises OtherBucketError, RangeNotSatisfiableError, CorruptError where the document does not say which file it is of,
    and what the storage client raises, such as NotFound.
    """
    blob = _find_blob(config, sound)
    head = _heads.get((config.bucket_name, sound["uid"]), lambda: _read_head(blob))
    if head.first_bytes.startswith(GZIP):
        pieces = _decompress(_read_pieces(blob, range(head.size)))
        first = next(pieces, b"")
        return Content(sniff(first[:HEAD_BYTES]), None, None, chain((first,), pieces), sound["generation"])
    part = parse_range(range_header, head.size)
    pieces = _read_pieces(blob, part or range(head.size))
    return Content(sniff(head.first_bytes), head.size, part, pieces, sound["generation"])


def open_stored(config: Config, document: dict[str, Any], range_header: str | None) -> Content:
    """Return the bytes of any object as they are stored, and as bytes of no known kind.

    Raises as ``open_content`` does.
    """
    blob = _find_blob(config, document)
    blob.reload(**_call_options())
    part = parse_range(range_header, blob.size)
    pieces = _read_pieces(blob, part or range(blob.size))
    return Content("application/octet-stream", blob.size, part, pieces, document["generation"])


def open_file(config: Config, sound: dict[str, Any], max_fetched: int | None = None) -> BucketFile:
    """Return the file of a sound to be read in parts, of which at most so many bytes are fetched.

    Raises CompressedError, OtherBucketError, and what the storage client raises.
    """
    blob = _find_blob(config, sound)
    head = _heads.get((config.bucket_name, sound["uid"]), lambda: _read_head(blob))
    if head.first_bytes.startswith(GZIP):
        raise CompressedError
    return BucketFile(lambda part: _download(blob, part), head.size, max_fetched)


def parse_range(header: str | None, size: int) -> range | None:
    """Return the bytes that a Range header asks for, of a file of so many.

    None means the whole file: HTTP lets a server ignore several ranges, and what is no range. Raises
    RangeNotSatisfiableError for a range without bytes.
    """
    match = RANGE.fullmatch(header.strip()) if header else None
    if not match or not any(match.groups()):
        return None
    first, last = match.groups()
    if first == "" and int(last):
        return range(max(size - int(last), 0), size)
    if first == "" or int(first) >= size:
        raise RangeNotSatisfiableError(str(size))
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


@cache
def storage_client(project: str) -> storage.Client:
    """Return the client of Cloud Storage."""
    return storage.Client(project)


def _find_blob(config: Config, sound: dict[str, Any]) -> storage.Blob:
    if sound.get("bucket") != config.bucket_name:
        raise OtherBucketError(f"{sound.get('bucket')}")
    if not is_file_known(sound):
        raise CorruptError("its document does not say which file it is of")
    bucket = storage_client(config.project).bucket(config.bucket_name)
    return bucket.blob(sound["blob_name"], generation=sound["generation"])


def _read_head(blob: storage.Blob) -> _Head:
    blob.reload(**_call_options())
    return _Head(blob.size, _download(blob, range(HEAD_BYTES)))


def _read_pieces(blob: storage.Blob, part: range) -> Iterator[bytes]:
    n_bytes = FIRST_PIECE_BYTES
    while part:
        piece, part = part[:n_bytes], part[n_bytes:]
        n_bytes = PIECE_BYTES
        yield _download(blob, piece)


def _download(blob: storage.Blob, part: range) -> bytes:
    content: bytes = blob.download_as_bytes(
        start=part[0], end=part[-1], raw_download=True, checksum=None, **_call_options()
    )
    return content


def _decompress(pieces: Iterator[bytes]) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)  # 16: with gzip's header
    for piece in pieces:
        rest = piece
        while rest and not decompressor.eof:
            yield decompressor.decompress(rest, PIECE_BYTES)
            rest = decompressor.unconsumed_tail


def _call_options() -> dict[str, Any]:
    return {"timeout": (CONNECT_S, READ_S), "retry": DEFAULT_RETRY.with_timeout(RETRY_S)}
