"""The frames of MPEG audio (MP3) are counted by their headers, without decoding.

libsndfile takes the number of frames from the first one: from an Xing header, which counts what an encoder wrote and
not what was joined to it later, or from a guess, that all frames are as large as the first.

*Source.* ISO/IEC 11172-3 and 13818-3; gabriel.mp3-tech.org/mp3infotag.html for the Xing header and LAME's part of it.
"""

from __future__ import annotations

import mmap
import os
import re
from dataclasses import dataclass, field
from functools import cache
from struct import unpack_from
from typing import IO, NamedTuple

HEADER_BYTES = 4
SYNC = 0xFFE00000
# Of a header: what tells its frame's length and kind; not the private bit, and not what follows the channels.
TELLING = 0xFFFFFEC0
MONO = 3
# kbit/s of the bit rates 1 to 14 by layer: of version 1, and of the lower versions 2 and 2.5.
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
HALVINGS = {3: 0, 2: 1, 0: 2}  # of the rates, by version: 1, 2 and 2.5
SAMPLES = {1: (384, 384, 384), 2: (1152, 1152, 1152), 3: (1152, 576, 576)}  # of a frame, by layer and halvings
HEADERS = rb"(?=\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff])"  # where one may begin; compiled when it is needed
PATTERN_BYTES = 3  # of a header, which no frame has once more
RUN = 3  # frames in a row, after what is none
FEW = range(1, RUN)  # frames before the first of Xing, as the rest of another file: libsndfile takes that for sound
MAX_JUNK_BYTES = 2**22  # of all between frames that is none: half a second of looking, if it looks like headers
MAX_PARTS = 2**12
# Xing's header stands behind a header and side information, whose bytes depend on version and channels.
XING_AT = {(False, False): 36, (False, True): 21, (True, False): 21, (True, True): 13}
ZERO_AT = 8  # within that side information
XINGS = (b"Xing", b"Info")
HAS_FRAMES, HAS_BYTES, HAS_TABLE, HAS_QUALITY = 1, 2, 4, 8  # its flags
TABLE_BYTES = 100
PADDING_AT = 22  # from the beginning of LAME's part, which follows
# Tags between and behind frames.
ID3_HEADER_BYTES, ID3_FOOTER = 10, 0x10
ID3V1_BYTES = 128
APE_HEADER_BYTES = 32
LYRICS, LYRICS_END = b"LYRICSBEGIN", b"LYRICS200"


class Kind(NamedTuple):
    """What is the same in all frames of one stream.

    Attributes:
        layer: 1 to 3.
        halvings: of the sample rates of version 1.
        rate: Hz.
        is_mono: whether there is one channel, else two.
    """

    layer: int
    halvings: int
    rate: int
    is_mono: bool


class Facts(NamedTuple):
    """What a header says.

    Attributes:
        n_bytes: of its frame.
        kind: of its frame.
    """

    n_bytes: int
    kind: Kind


@dataclass(frozen=True, slots=True)
class Xing:
    """A frame that tells how many follow, and is no audio.

    Attributes:
        start: where it begins in the file.
        content: its bytes.
        n_frames: how many it says to follow, None where it does not say.
        frames_at: where in its bytes it says that.
        bytes_at: where it says how many bytes they have, with its own.
        padding_at: where it says how many of the last samples are no sound: 12 bits, the lower.
    """

    start: int
    content: bytes
    n_frames: int | None
    frames_at: int | None
    bytes_at: int | None
    padding_at: int | None

    def telling(self, n_frames: int, n_bytes: int) -> bytes:
        """Return it as it would be for so many frames and bytes, all samples of which are sound."""
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
    """Frames of one kind that follow each other.

    Attributes:
        kind: of its frames.
        spans: where they stand in the file.
        n_frames: how many there are.
    """

    kind: Kind
    spans: list[tuple[int, int]] = field(default_factory=list)
    n_frames: int = 0

    @property
    def frame_samples(self) -> int:
        """Samples of each of its frames."""
        return SAMPLES[self.kind.layer][self.kind.halvings]

    @property
    def frame_s(self) -> float:
        """Seconds of each of its frames."""
        return self.frame_samples / self.kind.rate

    @property
    def n_samples(self) -> int:
        """Samples of all of its frames."""
        return self.n_frames * self.frame_samples


@dataclass(slots=True)
class Frames:
    """The frames of a file.

    Attributes:
        parts: by kind, in their order.
        xing: the first frame, if it is Xing's.
        n_xings: how many others are Xing's.
        longest_gap: the most bytes between two frames, be they tags or anything else.
        n_gaps: how often there is something between two frames that is neither a frame nor a tag.
        gap_s: when that is the first time, in seconds.
        cut_s: when the last frame begins, in seconds, if the file ends within it.
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
        """How many there are."""
        return sum(part.n_frames for part in self.parts)

    @property
    def seconds(self) -> float:
        """How long they are."""
        return sum(part.n_samples / part.kind.rate for part in self.parts)

    @property
    def problem(self) -> str | None:
        """What is wrong, and where; None if nothing is."""
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
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            _read_runs(content, start, end, frames)
    return frames


def read_header(header: bytes) -> Facts | None:
    """Return what a header of four bytes says; None if it is none, or does not tell its frame's length."""
    return _facts(int.from_bytes(header) & TELLING) if len(header) == HEADER_BYTES else None


def read_xing(content: bytes, start: int) -> Xing | None:
    """Return what a frame that begins at ``start`` says of those after it, None where it is one like them."""
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
    """Add the frames from some place on."""
    left = MAX_JUNK_BYTES
    while left > 0 and len(frames.parts) < MAX_PARTS:
        kind = frames.parts[-1].kind if frames.parts else None
        start = _skip_tags(content, place, end) if kind else place  # the first frame may stand where a tag lies to end
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
    """Add frames that follow each other, all of the first one's kind, and return where they end."""
    facts_of: dict[int, Facts | None] = {}  # of what begins so: an hour has a hundred thousand headers, of few kinds
    start, kind, n_frames = place, None, 0
    while place + HEADER_BYTES <= end:
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
        # What stands here is 0 in Xing's frames, and seldom in others.
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
    """Return where the next frames begin, within so many bytes."""
    for match in re.compile(HEADERS).finditer(content, start, min(end, start + n_looked)):
        if _is_run(content, match.start(), end):
            return match.start()
    return None


def _is_run(content: mmap.mmap, place: int, end: int) -> bool:
    """Tell whether some frames of one kind follow each other, or as many as there is place for."""
    kind = None
    for n_frames in range(RUN):
        facts = read_header(content[place : place + HEADER_BYTES])
        if facts is None or (kind and facts.kind != kind):
            return n_frames > 0 and _skip_tags(content, place, end) >= end
        if content.find(content[place : place + PATTERN_BYTES], place + PATTERN_BYTES, place + facts.n_bytes) >= 0:
            return False  # as of the pixels of a picture
        kind = facts.kind
        place += facts.n_bytes
        if place > end:
            return n_frames > 0
    return True


def _skip_tags(content: mmap.mmap, place: int, end: int) -> int:
    """Return where tags end that begin at some place."""
    while place < end:
        head = content[place : place + APE_HEADER_BYTES]
        n_bytes = 0
        if head.startswith(b"ID3") and head[6:ID3_HEADER_BYTES].isascii():
            n_bytes = sum(byte << shift for byte, shift in zip(head[6:ID3_HEADER_BYTES], (21, 14, 7, 0), strict=False))
            n_bytes += ID3_HEADER_BYTES + (ID3_HEADER_BYTES if head[5] & ID3_FOOTER else 0)
        elif head.startswith(b"TAG"):
            n_bytes = ID3V1_BYTES
        elif head.startswith(b"APETAGEX"):
            n_bytes = APE_HEADER_BYTES + int.from_bytes(head[12:16], "little")
        elif head.startswith(LYRICS) and (found := content.find(LYRICS_END, place, end)) >= 0:
            n_bytes = found + len(LYRICS_END) - place
        if not 0 < n_bytes <= end - place:  # no tag, or one of a wrong length
            break
        place += n_bytes
    return place
