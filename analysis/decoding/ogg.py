"""An Ogg file is cut into its links: streams of their own, one after the other, as dumps of radio programmes have.

*Source.* RFC 3533.
"""

from __future__ import annotations

import mmap
import os
import zlib
from dataclasses import dataclass, field
from struct import unpack_from
from typing import IO

# An Ogg page: its header, then as many bytes as it has segments, which are their sizes, then those.
CAPTURE = b"OggS\0"
HEADER_BYTES, CRC_AT = 27, 22
FIRST_PAGE, LAST_PAGE = 2, 4  # flags
MAX_PAGES = 2**18  # a second to go through; most have a second of sound, the shortest that are made 20 ms
MAX_LINKS = 2**12
# How the first packets of streams begin: sounds, pictures, and what tells of both.
BEGINNINGS = (
    b"OpusHead",
    b"\x01vorbis",
    b"\x7fFLAC",
    b"Speex   ",
    b"\x80theora",
    b"fishead\0",
    b"\x01video\0",
    b"BBCD\0",
)
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))  # its bits


@dataclass(slots=True)
class Link:
    """Some pages that are a file of their own.

    Attributes:
        spans: where its pages stand in the file.
        n_streams: how many streams it has, which stand beside each other.
        is_whole: whether its pages follow each other in their order, to the last one's end, and nothing else.
        is_ended: whether a page says that it is the last.
        gap: the position, in samples, of the page before the first that is missing or damaged; None where none is.
        cut: the position, in samples, of the page before the last that is not whole; None where none is.
    """

    spans: list[tuple[int, int]] = field(default_factory=list)
    n_streams: int = 0
    is_whole: bool = True
    is_ended: bool = False
    gap: int | None = None
    cut: int | None = None

    def describe(self, sample_rate: int) -> str | None:
        """Return what is wrong with it and where, None where nothing is."""
        if self.gap is not None:
            return f"a page is damaged or missing after {self.gap / sample_rate:.2f} s"
        return None if self.cut is None else f"ends within a page after {self.cut / sample_rate:.2f} s"


@dataclass(slots=True)
class _Pages:
    """The pages so far.

    Attributes:
        links: that they make.
        in_head: whether the last of them begins a stream.
        numbers: of the next pages, by stream.
        position: of the last, in samples.
    """

    links: list[Link] = field(default_factory=list)
    in_head: bool = False
    numbers: dict[int, int] = field(default_factory=dict)
    position: int = 0

    def add(self, content: mmap.mmap, start: int, end: int) -> None:
        """Add the next page."""
        flags, granule, serial, number = unpack_from("<BqII", content, start + len(CAPTURE))
        is_first = bool(flags & FIRST_PAGE)
        if is_first and not self.in_head and len(self.links) < MAX_LINKS:
            packet = start + HEADER_BYTES + content[start + HEADER_BYTES - 1]
            if content[packet : packet + 8].startswith(BEGINNINGS):
                self.links.append(Link())
                self.numbers, self.position = {}, 0
        self.in_head = is_first
        if not self.links:
            return
        link = self.links[-1]
        link.n_streams += is_first
        if link.spans and link.spans[-1][1] == start:
            link.spans[-1] = (link.spans[-1][0], end)
        else:
            link.is_whole = link.is_whole and not link.spans
            link.spans.append((start, end))
        if self.numbers.get(serial, 0) != number:
            link.gap = self.position if link.gap is None else link.gap
        link.is_whole = link.is_whole and link.gap is None and not (link.is_ended and link.n_streams == 1)
        link.is_ended = link.is_ended or bool(flags & LAST_PAGE)
        self.numbers[serial] = number + 1
        self.position = max(granule, self.position)


def read_links(file: IO[bytes]) -> list[Link]:
    """Return the links of a file that begins with one; empty if it does not."""
    if os.pread(file.fileno(), len(CAPTURE), 0) != CAPTURE:
        return []
    pages = _Pages()
    links = pages.links
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        place = 0
        for _ in range(MAX_PAGES):
            if end := _end_of_page(content, place):
                pages.add(content, place, end)
                place = end
                continue
            if links and content[place : place + len(CAPTURE)] == CAPTURE:
                links[-1].cut = pages.position
            following = content.find(CAPTURE, place + 1)
            if following < 0:
                break
            place = following
        else:
            if links:  # what follows is read as more of the same
                links[-1].spans.append((place, len(content)))
                links[-1].is_whole = False
        size = len(content)
    for link in links:
        end = link.spans[-1][1]
        link.is_whole = link.is_whole and link.is_ended and (link is not links[-1] or end == size)
    return links


def _end_of_page(content: mmap.mmap, place: int) -> int | None:
    """Return where a page ends, None where there is none, or it is damaged."""
    if content[place : place + len(CAPTURE)] != CAPTURE or place + HEADER_BYTES > len(content):
        return None
    start = place + HEADER_BYTES + content[place + HEADER_BYTES - 1]
    page = content[place : start + sum(content[place + HEADER_BYTES : start])]
    if _crc(page[:CRC_AT] + bytes(4) + page[CRC_AT + 4 :]) != int.from_bytes(page[CRC_AT : CRC_AT + 4], "little"):
        return None
    return place + len(page)


def _crc(content: bytes) -> int:
    """Return Ogg's checksum: zlib's, but of bits in the other order, and begun with 0."""
    crc = ~zlib.crc32(content.translate(REVERSED), 0xFFFFFFFF) & 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(REVERSED))
