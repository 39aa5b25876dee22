"""Vorbis comments are read: of FLAC, and of what Ogg holds.

*Source.* Xiph's specification of Vorbis comments; RFC 9639 for FLAC, RFC 3533 for Ogg, RFC 7845 for Opus.
"""

from __future__ import annotations

import os
from struct import Struct
from typing import IO, TYPE_CHECKING

from analysis.decoding.chunks import COMMENTS, FLAC_START, iterate_blocks
from analysis.decoding.spans import Spans
from analysis.decoding.tag_text import MAX_ITEMS, TEXT_BYTES, Tag, decode, join

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = {
    "TITLE": "title",
    "ARTIST": "artist",
    "ALBUM": "album",
    "DATE": "date",
    "YEAR": "date",
    "COMMENT": "comment",
    "DESCRIPTION": "comment",
}
NAME_BYTES = 12  # of the longest of them, and its "="
PAGE = Struct("<5sBqIIIB")
CAPTURE, FIRST_PAGE = b"OggS\0", 2
MAX_PAGES = 4096  # of Ogg before the end of the comments, which may hold a picture
# How the first packet of a stream begins, and how many bytes of the second one are before its comments.
STREAMS = {b"\x01vorbis": 7, b"OpusHead": 8, b"Speex   ": 0, b"\x7fFLAC": 4}


def read_flac_comments(file: IO[bytes], start: int) -> Iterator[Tag]:
    """Yield the comments of a FLAC file, which begins at ``start``."""
    for name, place, n_bytes in iterate_blocks(file, start + FLAC_START, MAX_ITEMS):
        if name == COMMENTS:
            yield from _read(Spans(file, [(place, place + n_bytes)]), 0)
            return


def read_ogg_comments(file: IO[bytes], start: int) -> Iterator[Tag]:
    """Yield the comments of the first stream in an Ogg file that is of sound: they are its second packet."""
    stream, skipped, spans = None, 0, []
    place = start
    for _ in range(MAX_PAGES):
        head = os.pread(file.fileno(), PAGE.size, place)
        if len(head) < PAGE.size or not head.startswith(CAPTURE):
            break
        _, flags, _, serial, _, _, n_segments = PAGE.unpack(head)
        sizes = os.pread(file.fileno(), n_segments, place + PAGE.size)
        begin = place + PAGE.size + n_segments
        place = begin + sum(sizes)
        if flags & FIRST_PAGE:
            beginning = os.pread(file.fileno(), 8, begin)
            known = [n_bytes for name, n_bytes in STREAMS.items() if beginning.startswith(name)]
            if known and stream is None:
                stream, skipped = serial, known[0]
        elif serial == stream:
            last = next((index for index, size in enumerate(sizes) if size < 255), None)  # noqa: PLR2004
            spans.append((begin, begin + sum(sizes if last is None else sizes[: last + 1])))
            if last is not None:
                break
    yield from _read(Spans(file, spans), skipped)


def _read(stream: Spans, place: int) -> Iterator[Tag]:
    """Yield the comments that begin at a place of a stream, those of one name as one text."""
    texts: dict[str, list[str]] = {}
    stream.seek(place)
    place += 4 + int.from_bytes(stream.read(4), "little")  # what wrote them
    stream.seek(place)
    n_comments = int.from_bytes(stream.read(4), "little")
    place += 4
    for _ in range(min(n_comments, MAX_ITEMS)):
        n_bytes = int.from_bytes(stream.read(4), "little")
        content = stream.read(min(n_bytes, NAME_BYTES + TEXT_BYTES))
        left, _, right = content.partition(b"=")
        key = left.decode("ascii", "replace").upper()
        if key in NAMES:
            texts.setdefault(key, []).append(decode(right[:TEXT_BYTES]))
        place += 4 + n_bytes
        stream.seek(place)
    for key, name in NAMES.items():
        yield name, join(texts.get(key, ()))
