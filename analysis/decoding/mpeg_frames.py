"""The frames of MPEG audio (MP3) are counted by their headers, without decoding.

libsndfile takes the number of frames from an Xing header in the first frame. That number is what one encoder wrote, and
does not count what was joined to the file later. Without an Xing header, libsndfile guesses that all frames are as long
as the first.

*Source.* ISO/IEC 11172-3 and 13818-3; gabriel.mp3-tech.org/mp3infotag.html for the Xing header and LAME's part of it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from functools import cache
from struct import unpack_from
from typing import IO, TYPE_CHECKING, NamedTuple

from analysis.decoding.id3 import FOOTER, HEAD_BYTES, V1_BYTES, tag_bytes
from analysis.decoding.mapping import STEP_BYTES, give_back, map_file

if TYPE_CHECKING:
    import mmap

HEADER_BYTES = 4
SYNC = 0xFFE00000
# The bits of a header that determine the length and the kind of its frame.
TELLING = 0xFFFFFEC0
MONO = 3
# kbit/s of the bit rates 1 to 14, by layer: for version 1, and for the versions 2 and 2.5.
KBPS = {
    1: (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
LOW_KBPS = {
    1: (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    3: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES = (44100, 48000, 32000)  # Hz, of version 1
HALVINGS = {3: 0, 2: 1, 0: 2}  # how often RATES are halved, by the bits of the versions 1, 2 and 2.5
SAMPLES = {1: (384, 384, 384), 2: (1152, 1152, 1152), 3: (1152, 576, 576)}  # of a frame, by layer and halvings
HEADERS = rb"(?=\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff])"  # places where a header may begin; compiled at its first use
PATTERN_BYTES = 3  # bytes of its header that a frame does not hold a second time
RUN = 3  # consecutive frames that are needed behind bytes that are not a frame
FEW = range(1, RUN)  # after so many frames, as the rest of another file, libsndfile takes an Xing header for sound
MAX_JUNK_BYTES = 2**22  # bytes between frames, all together: half a second, if they look like headers
MAX_PARTS = 2**12
# The place of an Xing header in its frame, by whether the version is above 1 and whether it is mono.
XING_AT = {(False, False): 36, (False, True): 21, (True, False): 21, (True, True): 13}
ZERO_AT = 8  # a place before it
XINGS = (b"Xing", b"Info")
HAS_FRAMES, HAS_BYTES, HAS_TABLE, HAS_QUALITY = 1, 2, 4, 8  # flags of an Xing header
TABLE_BYTES = 100
PADDING_AT = 22  # from the beginning of LAME's part, which follows the Xing header
# Tags between and behind frames.
APE_HEADER_BYTES = 32
LYRICS, LYRICS_END = b"LYRICSBEGIN", b"LYRICS200"


class Kind(NamedTuple):
    """What is the same in all frames of one stream.

    Attributes:
        layer: 1 to 3.
        halvings: how often the sample rates of version 1 are halved.
        rate: sample rate, Hz.
        is_mono: whether there is one channel instead of two.
    """

    layer: int
    halvings: int
    rate: int
    is_mono: bool


class Facts(NamedTuple):
    """What a header says of its frame.

    Attributes:
        n_bytes: length of the frame.
        kind: kind of the frame.
    """

    n_bytes: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Xing:
    """A frame that holds an Xing header instead of audio.

    Attributes:
        start: place in the file where it begins.
        content: its bytes.
        n_frames: number of frames that it declares to follow; None where it declares none.
        frames_at: place of that number in the content.
        bytes_at: place of the number of bytes of all frames, with its own.
        padding_at: place of the number of samples of padding at the end: the lower 12 bits of 2 bytes.
    """

    start: int
    content: bytes
    n_frames: int | None
    frames_at: int | None
    bytes_at: int | None
    padding_at: int | None

    def telling(self, n_frames: int, n_bytes: int) -> bytes:
        """Return its bytes with other numbers of frames and bytes, and without padding."""
        told = bytearray(self.content)
        for at, number in ((self.frames_at, n_frames), (self.bytes_at, n_bytes)):
            if at is not None:
                told[at : at + 4] = number.to_bytes(4)
        if self.padding_at is not None:
            told[self.padding_at] &= 0xF0
            told[self.padding_at + 1] = 0
        return bytes(told)


@dataclass(slots=True)
class Part:
    """Consecutive frames of one kind.

    Attributes:
        kind: kind of the frames.
        spans: places in the file where runs of frames begin and end.
        n_frames: number of frames.
    """

    kind: Kind
    spans: list[tuple[int, int]] = field(default_factory=list)
    n_frames: int = 0

    @property
    def frame_samples(self) -> int:
        """Samples of a frame."""
        return SAMPLES[self.kind.layer][self.kind.halvings]

    @property
    def frame_s(self) -> float:
        """Seconds of a frame."""
        return self.frame_samples / self.kind.rate

    @property
    def n_samples(self) -> int:
        """Samples of all frames."""
        return self.n_frames * self.frame_samples


@dataclass(slots=True)
class Frames:
    """The frames of a file.

    Attributes:
        parts: the parts, in their order.
        xing: the first frame, if it holds an Xing header.
        n_xings: number of other frames that hold one.
        longest_gap: the most bytes between two frames; tags count.
        n_gaps: number of places between frames that hold something else than tags.
        gap_s: time of the first of these places, seconds.
        cut_s: time at which the last frame begins, if the file ends within it, seconds.
    """

    parts: list[Part] = field(default_factory=list)
    xing: Xing | None = None
    n_xings: int = 0
    longest_gap: int = 0
    n_gaps: int = 0
    gap_s: float | None = None
    cut_s: float | None = None

    @property
    def n_frames(self) -> int:
        """Number of all frames."""
        return sum(part.n_frames for part in self.parts)

    @property
    def seconds(self) -> float:
        """Duration of all frames, seconds."""
        return sum(part.n_samples / part.kind.rate for part in self.parts)

    @property
    def problem(self) -> str | None:
        """What is wrong with the frames and where; None if nothing is."""
        if self.gap_s is not None:
            more = f", and at {self.n_gaps - 1} other places" if self.n_gaps > 1 else ""
            return f"bytes that are no frame at {self.gap_s:.2f} s{more}"
        return None if self.cut_s is None else f"ends within a frame at {self.cut_s:.2f} s"


def read_frames(file: IO[bytes], start: int, end: int | None = None) -> Frames:
    """Read the headers of all frames between two places of a file."""
    size = os.fstat(file.fileno()).st_size
    end = size if end is None else min(end, size)
    frames = Frames()
    if start < end:
        with map_file(file) as content:
            _read_runs(content, start, end, frames)
    return frames


def read_header(header: bytes) -> Facts | None:
    """Return what four bytes say as a header; None if they are none, or do not give the length of the frame."""
    return _facts(int.from_bytes(header) & TELLING) if len(header) == HEADER_BYTES else None


def read_xing(content: bytes, start: int) -> Xing | None:
    """Return the Xing header of a frame that begins at ``start``; None where the frame is audio."""
    facts = read_header(content[:HEADER_BYTES])
    if facts is None or facts.kind.layer != max(KBPS):
        return None
    at = XING_AT[facts.kind.halvings > 0, facts.kind.is_mono]
    if not content.startswith(XINGS, at) or len(content) < at + 16:
        return None
    flags, place = content[at + 7], at + 8
    frames_at = place if flags & HAS_FRAMES else None
    place += 4 if flags & HAS_FRAMES else 0
    bytes_at = place if flags & HAS_BYTES else None
    place += 4 if flags & HAS_BYTES else 0
    place += (TABLE_BYTES if flags & HAS_TABLE else 0) + (4 if flags & HAS_QUALITY else 0)
    n_frames = None if frames_at is None else int.from_bytes(content[frames_at : frames_at + 4])
    has_padding = place + PADDING_AT + 2 <= len(content)
    return Xing(start, content, n_frames, frames_at, bytes_at, place + PADDING_AT if has_padding else None)


@cache
def _facts(header: int) -> Facts | None:
    version, layer = header >> 19 & 3, 4 - (header >> 17 & 3)
    bit_rate, rate = header >> 12 & 15, header >> 10 & 3
    is_known = version in HALVINGS and layer in KBPS and bit_rate not in {0, 15} and rate < len(RATES)
    if header & SYNC != SYNC or not is_known:
        return None
    halvings = HALVINGS[version]
    hz = RATES[rate] >> halvings
    bits_per_s = 1000 * (LOW_KBPS if halvings else KBPS)[layer][bit_rate - 1]
    slot = 4 if layer == 1 else 1
    n_slots = SAMPLES[layer][halvings] // 8 // slot * bits_per_s // hz + (header >> 9 & 1)
    return Facts(slot * n_slots, Kind(layer, halvings, hz, header >> 6 & 3 == MONO))


def _read_runs(content: mmap.mmap, place: int, end: int, frames: Frames) -> None:
    """Add all frames from a place on."""
    left = MAX_JUNK_BYTES
    while left > 0 and len(frames.parts) < MAX_PARTS:
        kind = frames.parts[-1].kind if frames.parts else None
        start = _skip_tags(content, place, end) if kind else place  # the length of a tag at the beginning may be wrong
        facts = read_header(content[start : start + HEADER_BYTES])
        if facts and facts.kind == kind and start + facts.n_bytes > end:
            frames.cut_s = frames.seconds
            return
        found = _find_run(content, start, end, left)
        if found is None:
            return
        if kind:
            frames.longest_gap = max(frames.longest_gap, found - place)
            if found > start:
                frames.n_gaps += 1
                frames.gap_s = frames.seconds if frames.gap_s is None else frames.gap_s
        left -= found - start
        place = _read_run(content, found, end, frames)


def _read_run(content: mmap.mmap, place: int, end: int, frames: Frames) -> int:
    """Add consecutive frames of one kind, and return where they end."""
    facts_of: dict[int, Facts | None] = {}  # an hour has 100 000 headers, but few that differ
    start, kind, n_frames, give_back_at = place, None, 0, place + STEP_BYTES
    while place + HEADER_BYTES <= end:
        if place >= give_back_at:
            give_back_at = give_back(content, place)
        (header,) = unpack_from(">I", content, place)
        header &= TELLING
        if header not in facts_of:
            facts_of[header] = _facts(header)
        facts = facts_of[header]
        if facts is None:
            break
        if kind is None:
            kind = facts.kind
            if not frames.parts or frames.parts[-1].kind != kind:
                frames.parts.append(Part(kind))
        following = place + facts.n_bytes
        if following > end or (facts.kind is not kind and facts.kind != kind):
            break
        # In a frame with an Xing header this byte is 0. It seldom is in others, so most need no closer look.
        if (
            not content[place + ZERO_AT]
            and (xing := read_xing(content[place:following], place))
            and (frames.n_frames + n_frames not in FEW)
        ):
            _add(frames.parts[-1], start, place, n_frames)
            is_first = not frames.n_frames and frames.xing is None
            frames.xing = xing if is_first else frames.xing
            frames.n_xings += not is_first
            start, n_frames = following, -1
        n_frames += 1
        place = following
    _add(frames.parts[-1], start, place, n_frames)
    return place


def _add(part: Part, start: int, end: int, n_frames: int) -> None:
    if n_frames:
        part.spans.append((start, end))
        part.n_frames += n_frames


def _find_run(content: mmap.mmap, start: int, end: int, n_looked: int) -> int | None:
    """Return where the next run of frames begins, within ``n_looked`` bytes; None where there is none."""
    for match in re.compile(HEADERS).finditer(content, start, min(end, start + n_looked)):
        if _is_run(content, match.start(), end):
            return match.start()
    return None


def _is_run(content: mmap.mmap, place: int, end: int) -> bool:
    """Tell whether RUN consecutive frames of one kind begin at a place, or fewer where only tags or the end follow."""
    kind = None
    for n_frames in range(RUN):
        facts = read_header(content[place : place + HEADER_BYTES])
        if facts is None or (kind and facts.kind != kind):
            return n_frames > 0 and _skip_tags(content, place, end) >= end
        if content.find(content[place : place + PATTERN_BYTES], place + PATTERN_BYTES, place + facts.n_bytes) >= 0:
            return False  # the bytes repeat, as the pixels of an image do
        kind = facts.kind
        place += facts.n_bytes
        if place > end:
            return n_frames > 0
    return True


def _skip_tags(content: mmap.mmap, place: int, end: int) -> int:
    """Return where the consecutive tags end that begin at a place."""
    while place < end:
        head = content[place : place + APE_HEADER_BYTES]
        n_bytes = 0
        if head.startswith(b"ID3") and len(head) >= HEAD_BYTES and head[6:HEAD_BYTES].isascii():
            n_bytes = tag_bytes(head[:HEAD_BYTES]) + (HEAD_BYTES if head[5] & FOOTER else 0)
        elif head.startswith(b"TAG"):
            n_bytes = V1_BYTES
        elif head.startswith(b"APETAGEX"):
            n_bytes = APE_HEADER_BYTES + int.from_bytes(head[12:16], "little")
        elif head.startswith(LYRICS) and (found := content.find(LYRICS_END, place, end)) >= 0:
            n_bytes = found + len(LYRICS_END) - place
        if not 0 < n_bytes <= end - place:  # it is not a tag, or its length is wrong
            break
        place += n_bytes
    return place
