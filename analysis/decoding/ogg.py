"""An Ogg file is cut into its links: consecutive streams, each complete in itself, as in recordings of radio streams.

*Source.* RFC 3533.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass, field
from struct import unpack_from
from typing import IO, TYPE_CHECKING

from analysis.decoding.mapping import STEP_BYTES, give_back, map_file

if TYPE_CHECKING:
    import mmap

# A page has a header, whose last byte is the number of segments, then the sizes of the segments, then the segments.
CAPTURE = b"OggS\0"
HEADER_BYTES, CRC_AT = 27, 22
FIRST_PAGE, LAST_PAGE = 2, 4  # flags
FULL = 255  # size of a segment behind which its packet goes on
MAX_PAGES = 2**18  # which take a second; most pages have a second of sound, the shortest that encoders make 20 ms
MAX_LINKS = 2**12
# The beginnings of the first packets of streams: of sounds, of films, and of what describes both.
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
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))  # each byte with its bits in reverse order


@dataclass(slots=True)
class Link:
    """Consecutive pages that would be a file of their own.

    Attributes:
        spans: places in the file where runs of pages begin and end.
        n_streams: number of parallel streams.
        is_whole: whether all pages are there, in order, to the last one's end, and nothing else.
        is_ended: whether a page says that it is the last.
        gap: position, in samples, of the page before the first that is missing or damaged; None where none is.
        cut: position, in samples, of the page before the one within which the file ends; None where it does not.
        longest: bytes of the most consecutive pages of a stream within which one packet goes on.
    """

    spans: list[tuple[int, int]] = field(default_factory=list)
    n_streams: int = 0
    is_whole: bool = True
    is_ended: bool = False
    gap: int | None = None
    cut: int | None = None
    longest: int = 0

    def describe(self, sample_rate: int) -> str | None:
        """Return what is wrong with the link and where; None where nothing is."""
        if self.gap is not None:
            return f"a page is damaged or missing after {self.gap / sample_rate:.2f} s"
        return None if self.cut is None else f"ends within a page after {self.cut / sample_rate:.2f} s"


@dataclass(slots=True)
class _Pages:
    """The pages that have been read.

    Attributes:
        links: the links that they belong to.
        in_head: whether the last page begins a stream.
        numbers: expected number of the next page, by stream.
        going_on: bytes of the last pages on which no packet ended, by stream.
        position: position of the last page, in samples.
    """

    links: list[Link] = field(default_factory=list)
    in_head: bool = False
    numbers: dict[int, int] = field(default_factory=dict)
    going_on: dict[int, int] = field(default_factory=dict)
    position: int = 0

    def add(self, content: mmap.mmap, start: int, end: int) -> None:
        """Add the next page."""
        flags, granule, serial, number = unpack_from("<BqII", content, start + len(CAPTURE))
        is_first = bool(flags & FIRST_PAGE)
        if is_first and not self.in_head and len(self.links) < MAX_LINKS:
            packet = start + HEADER_BYTES + content[start + HEADER_BYTES - 1]
            if content[packet : packet + 8].startswith(BEGINNINGS):
                self.links.append(Link())
                self.numbers, self.going_on, self.position = {}, {}, 0
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
        sizes = content[start + HEADER_BYTES : start + HEADER_BYTES + content[start + HEADER_BYTES - 1]]
        is_going_on = sizes.count(FULL) == len(sizes)
        self.going_on[serial] = self.going_on.get(serial, 0) + end - start if is_going_on else 0
        link.longest = max(link.longest, self.going_on[serial])
        self.position = max(granule, self.position)


def read_links(file: IO[bytes]) -> list[Link]:
    """Return the links of an Ogg file; none for any other file."""
    if os.pread(file.fileno(), len(CAPTURE), 0) != CAPTURE:
        return []
    pages = _Pages()
    links = pages.links
    with map_file(file) as content:
        place, give_back_at = 0, STEP_BYTES
        for _ in range(MAX_PAGES):
            if place >= give_back_at:
                give_back_at = give_back(content, place)
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
            if links:  # the pages that were not looked at are taken for pages of the last link
                links[-1].spans.append((place, len(content)))
                links[-1].is_whole = False
        size = len(content)
    for link in links:
        end = link.spans[-1][1]
        link.is_whole = link.is_whole and link.is_ended and (link is not links[-1] or end == size)
    return links


def _end_of_page(content: mmap.mmap, place: int) -> int | None:
    """Return where the page ends that begins at a place; None where there is no page, or a damaged one."""
    if content[place : place + len(CAPTURE)] != CAPTURE or place + HEADER_BYTES > len(content):
        return None
    start = place + HEADER_BYTES + content[place + HEADER_BYTES - 1]
    page = content[place : start + sum(content[place + HEADER_BYTES : start])]
    if _crc(page[:CRC_AT] + bytes(4) + page[CRC_AT + 4 :]) != int.from_bytes(page[CRC_AT : CRC_AT + 4], "little"):
        return None
    return place + len(page)


def _crc(content: bytes) -> int:
    """Return Ogg's checksum: that of zlib, with all bits in reverse order, and with 0 as its start."""
    crc = ~zlib.crc32(content.translate(REVERSED), 0xFFFFFFFF) & 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(REVERSED))
