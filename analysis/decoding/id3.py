"""ID3 tags are read: of MP3, and of WAV, AIFF and others that hold one.

*Source.* id3.org: versions 1.1, 2.2, 2.3 and 2.4.
"""

from __future__ import annotations

import os
import re
from typing import IO, TYPE_CHECKING

from analysis.decoding.spans import Spans
from analysis.decoding.tag_text import MAX_ITEMS, TEXT_BYTES, Tag, decode, join

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD_BYTES, V1_BYTES = 10, 128
MAX_TAGS = 2**12  # a file that is nothing but tags would take long
V2, V4 = 2, 4  # versions that differ from version 3
UNSYNCHRONISED, EXTENDED, FOOTER = 0x80, 0x40, 0x10  # flags of a tag; a footer is as long as the header
# Flags of a frame by version: that it is compressed or encrypted, and that it belongs to a group, by a byte.
UNREADABLE = {2: 0, 3: 0xC0, 4: 0x0C}
GROUPED = {2: 0, 3: 0x20, 4: 0x40}
FRAME_UNSYNCHRONISED, FRAME_LENGTH = 0x02, 0x01  # of version 4
# A tag of which no byte may look like the beginning of a frame of MPEG audio has to be changed before it can be read.
MAX_UNSYNCHRONISED_BYTES = 2**20
TEXTS = {
    b"TIT2": "title",
    b"TT2": "title",
    b"TPE1": "artist",
    b"TP1": "artist",
    b"TALB": "album",
    b"TAL": "album",
    b"TDRC": "date",
    b"TYER": "date",
    b"TYE": "date",
}
COMMENTS, OTHER_TEXTS = (b"COMM", b"COM"), (b"TXXX", b"TXX")
READ = {*TEXTS, *COMMENTS, *OTHER_TEXTS}
LANGUAGE_BYTES = 3
ENCODINGS = {1: "utf-16", 2: "utf-16-be", 3: "utf-8"}  # 0 says Latin-1, and may be anything
NOT_FOR_PEOPLE = ("itun", "id3v1", "songs-db")  # comments that programs write for themselves are described so


def end_of_tags(file: IO[bytes], place: int = 0) -> int:
    """Return where the consecutive tags end that begin at a place; their version does not matter, and footers count."""
    for _ in range(MAX_TAGS):
        head = os.pread(file.fileno(), HEAD_BYTES, place)
        if len(head) < HEAD_BYTES or not head.startswith(b"ID3"):
            break
        place += tag_bytes(head) if head[6:].isascii() else HEAD_BYTES  # else the bytes are not a length
        place += HEAD_BYTES if head[5] & FOOTER else 0
    return place


def tag_bytes(head: bytes) -> int:
    """Return the length of a tag by its header, without its footer."""
    return HEAD_BYTES + synchsafe(head[6:])


def synchsafe(size: bytes) -> int:
    """Return a number of which each byte holds 7 bits."""
    number = 0
    for byte in size:
        number = number << 7 | byte & 0x7F
    return number


def read_id3(file: IO[bytes], place: int) -> Iterator[Tag]:
    """Yield the texts of the ID3v2 tag at a place of a file; a comment without a description comes first."""
    head = os.pread(file.fileno(), HEAD_BYTES, place)
    if len(head) < HEAD_BYTES or head[:3] != b"ID3" or head[3] not in (2, 3, 4):
        return
    described: list[Tag] = []
    for name, content in _frames(_frames_of(file, place, head), head[3]):
        if name in TEXTS:
            yield TEXTS[name], join(_texts(content))
        elif name in COMMENTS:
            description, text = _pair(content[:1] + content[1 + LANGUAGE_BYTES :])
            if not description:
                yield "comment", text
            elif not description.casefold().startswith(NOT_FOR_PEOPLE):
                described.append(("comment", text))
        else:
            description, text = _pair(content)
            if description.casefold() in ("comment", "description"):  # as ffmpeg writes it
                described.append(("comment", text))
    yield from described


def read_id3v1(file: IO[bytes]) -> Iterator[Tag]:
    """Yield the texts of the ID3v1 tag at the end of a file."""
    size = os.fstat(file.fileno()).st_size
    tag = os.pread(file.fileno(), V1_BYTES, max(0, size - V1_BYTES))
    if tag.startswith(b"TAG"):
        for name, start, end in (("title", 3, 33), ("artist", 33, 63), ("album", 63, 93), ("date", 93, 97)):
            yield name, decode(tag[start:end].rstrip(b" \0"))
        yield "comment", decode(tag[97:127].partition(b"\0")[0])


def _frames_of(file: IO[bytes], place: int, head: bytes) -> Spans:
    """Return the part of a tag that holds its frames, at its beginning."""
    version, flags, n_bytes = head[3], head[5], synchsafe(head[6:])
    if version == V2 and flags & EXTENDED:  # in this version the flag says that the tag is compressed
        return Spans(file, [])
    start = place + HEAD_BYTES
    if flags & UNSYNCHRONISED and version < V4:  # of version 4 each frame says it
        content = os.pread(file.fileno(), min(n_bytes, MAX_UNSYNCHRONISED_BYTES), start)
        tag = Spans(file, [_synchronise(content)])
    else:
        tag = Spans(file, [(start, start + n_bytes)])
    if flags & EXTENDED:
        size = tag.read(4)
        tag.seek(synchsafe(size) if version == V4 else len(size) + int.from_bytes(size))
    return tag


def _frames(tag: Spans, version: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of the frames that are read."""
    n_name, n_head = (3, 6) if version == V2 else (4, 10)
    place = tag.tell()
    for _ in range(MAX_ITEMS):
        tag.seek(place)
        head = tag.read(n_head)
        name, size = head[:n_name], head[n_name : 2 * n_name]
        if len(head) < n_head or not re.fullmatch(rb"[A-Z0-9]+", name):  # what follows is padding
            return
        # Some programs write the sizes of version 4 as those of version 3, which a byte above 127 tells.
        n_bytes = synchsafe(size) if version == V4 and size.isascii() else int.from_bytes(size)
        place += n_head + n_bytes
        flags = 0 if version == V2 else head[-1]
        if name in READ and not flags & UNREADABLE[version]:
            yield name, _content_of_frame(tag.read(min(n_bytes, TEXT_BYTES)), flags, version)


def _content_of_frame(content: bytes, flags: int, version: int) -> bytes:
    """Return the content of a frame without what its flags put before it."""
    content = content[1:] if flags & GROUPED[version] else content
    if version < V4:
        return content
    content = content[4:] if flags & FRAME_LENGTH else content
    return _synchronise(content) if flags & FRAME_UNSYNCHRONISED else content


def _texts(content: bytes) -> list[str]:
    """Return the texts of a frame, which has a NUL between each two."""
    kind, text = content[:1], content[1:]
    encoding = ENCODINGS.get(kind[0]) if kind else None
    if encoding is None:
        return decode(text).split("\0")
    if encoding == "utf-16" and not text.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16-le"  # the mark of byte order is missing
    return text.decode(encoding, "replace").split("\0")


def _pair(content: bytes) -> Tag:
    """Return the description and the text of a frame."""
    description, *texts = _texts(content)
    return description, join(texts)


def _synchronise(content: bytes) -> bytes:
    return content.replace(b"\xff\0", b"\xff")
