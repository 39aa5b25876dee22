"""MPEG audio (MP3) with something odd before its first frame is recognised, and libsndfile is told.

libsndfile recognises an MP3 by a frame at its beginning, or behind its ID3 tags. One that begins otherwise, with zeros
or the rest of a frame, or with a tag whose length is wrong, it reads only by a name that ends in .mp3: so does librosa,
and here a file has no name. What holds a run of frames, behind its tags if it has any, is MPEG.

*Source.* ISO/IEC 11172-3 and 13818-3, of which layers II and III are in use; id3.org.
"""

from __future__ import annotations

import os
import re
from typing import IO

JUNK_BYTES = 2**16  # before the first frame: libsndfile's decoder, mpg123, looks no further
RUN, RUN_TO_END = 16, 3  # frames; fewer are enough where nothing comes after them
AFTER = (b"TAG", b"APET", b"LYRI", b"ID3")  # but tags
# How files begin that are of another kind and may hold frames: films, and archives that do not compress.
OTHERS = (b"RIFF", b"PK\3\4", b"Rar!")
# A frame's header: sync, version, layer; bit rate, sample rate, padding; the rest. Rates of no or all bits are none.
HEADER_BYTES = 4
BIT_AND_SAMPLE_RATES = (
    rb"[\x10-\x1b\x20-\x2b\x30-\x3b\x40-\x4b\x50-\x5b\x60-\x6b\x70-\x7b"
    rb"\x80-\x8b\x90-\x9b\xa0-\xab\xb0-\xbb\xc0-\xcb\xd0-\xdb\xe0-\xeb]"
)
HEADER = rb"(?s:\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd]" + BIT_AND_SAMPLE_RATES + rb".)"  # compiled when it is needed
HEADERS = b"(?=" + HEADER + b")"  # those that begin within another, too
# kbit/s of the bit rates 1 to 14 of MPEG 1, by layer, and of its later, lower versions.
KBPS = {
    2: (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
}
LOW_KBPS = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
RATES = (44100, 48000, 32000)  # Hz, of MPEG 1
HALVINGS = {3: 0, 2: 1, 0: 2}  # of the rates, by version: 1, 2 and 2.5
SAMPLES = {2: (1152, 1152, 1152), 3: (1152, 576, 576)}  # of a frame, by layer and halvings
# ID3 tags: a header that tells their length, and a flag for as many bytes after them.
TAG_HEADER_BYTES, FOOTER = 10, 0x10
MIN_SKIPPED_BYTES = 12  # libsndfile has read as many, and does not see the end of a shorter one
MAX_TAGS = 2**12  # a file that is made of tags takes time
FRAME = b"\xff\xfb\x90\x64"  # a header as they usually are


def find_mpeg(file: IO[bytes]) -> int | None:
    """Return where libsndfile begins to read a file as MPEG, by its name; None if it is no MPEG."""
    start = _last_tag(file)
    end = end_of_tags(file, start)
    content = os.pread(file.fileno(), JUNK_BYTES, end)
    if content.startswith(OTHERS):
        return None
    return start if any(_begins_run(file, end + match.start()) for match in re.finditer(HEADERS, content)) else None


def begins_like_a_frame(file: IO[bytes]) -> bool:
    """Tell whether libsndfile may have taken a file for MPEG by its first bytes: they prove little."""
    return os.pread(file.fileno(), 2, 0) >= b"\xff\xe0"


def is_of_free_format(file: IO[bytes], start: int) -> bool:
    """Tell whether a frame begins at some place that does not say how long it is."""
    header = os.pread(file.fileno(), HEADER_BYTES, start)
    return len(header) == HEADER_BYTES and header[:1] == b"\xff" and header[1] >= 0xE2 and not header[2] >> 4  # noqa: PLR2004


class AsMpeg:
    """A file from some place on, whose first bytes, when they are first read, are those of a frame.

    libsndfile cannot be told otherwise: it looks at the first bytes, and its decoder then reads them again.
    """

    def __init__(self, file: IO[bytes], start: int) -> None:
        self._descriptor, self._start = file.fileno(), start
        self._size = os.fstat(self._descriptor).st_size - start
        self._place = 0
        self._is_told = False

    def readinto(self, buffer: memoryview) -> int:
        """Read what is there, and return how many bytes that is."""
        n_bytes = os.preadv(self._descriptor, [buffer], self._start + self._place)
        self._place += n_bytes
        if not self._is_told:
            buffer[: len(FRAME)] = FRAME
            self._is_told = True
        return n_bytes

    def tell(self) -> int:
        """Return the place."""
        return self._place

    def seek(self, offset: int, whence: int) -> int:
        """Go to a place."""
        self._place = max(0, offset + (0, self._place, self._size)[whence])
        return self._place


def _last_tag(file: IO[bytes]) -> int:
    """Return where the last of the tags begins that libsndfile skips one after the other."""
    start = end = 0
    for _ in range(MAX_TAGS):
        head = os.pread(file.fileno(), TAG_HEADER_BYTES, end)
        if len(head) < TAG_HEADER_BYTES or not head.startswith((b"ID3\2", b"ID3\3", b"ID3\4")):
            break
        start, end = end, end + _tag_bytes(head)
        if end - start < MIN_SKIPPED_BYTES:
            break
    return start


def end_of_tags(file: IO[bytes], place: int = 0) -> int:
    """Return where the tags end that libsndfile's decoder skips from some place on: all versions, and their footers."""
    for _ in range(MAX_TAGS):
        head = os.pread(file.fileno(), TAG_HEADER_BYTES, place)
        if len(head) < TAG_HEADER_BYTES or not head.startswith(b"ID3"):
            break
        place += _tag_bytes(head) if head[6:].isascii() else TAG_HEADER_BYTES  # else it is no length
        place += TAG_HEADER_BYTES if head[5] & FOOTER else 0
    return place


def _tag_bytes(head: bytes) -> int:
    length = 0
    for byte in head[6:]:
        length = length << 7 | byte & 0x7F
    return TAG_HEADER_BYTES + length


def _begins_run(file: IO[bytes], place: int) -> bool:
    """Tell whether frames follow each other from some place on."""
    for n_frames in range(RUN):
        header = os.pread(file.fileno(), HEADER_BYTES, place)
        if not re.fullmatch(HEADER, header):
            return n_frames >= RUN_TO_END and (len(header) < HEADER_BYTES or header.startswith(AFTER))
        frame = os.pread(file.fileno(), _frame_bytes(header), place)
        if header[:3] in frame[3:]:
            return False  # a pattern, as of the pixels of an image
        place += len(frame)
    return True


def _frame_bytes(header: bytes) -> int:
    layer, halvings = 4 - (header[1] >> 1 & 3), HALVINGS[header[1] >> 3 & 3]
    kbps = (LOW_KBPS if halvings else KBPS[layer])[(header[2] >> 4) - 1]
    rate = RATES[header[2] >> 2 & 3] >> halvings
    padding = header[2] >> 1 & 1
    return SAMPLES[layer][halvings] // 8 * 1000 * kbps // rate + padding
