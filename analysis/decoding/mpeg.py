"""MPEG audio (MP3) that begins with something else than a frame is recognised, and libsndfile is made to read it.

libsndfile recognises an MP3 by a frame at its beginning or behind its ID3 tags. Where an MP3 begins with zeros, with
the rest of a frame, or with a tag of a wrong length, libsndfile reads it only by a file name that ends in .mp3. Here a
file has no name, so it is recognised by a run of frames.

*Source.* ISO/IEC 11172-3 and 13818-3, layers II and III; id3.org.
"""

from __future__ import annotations

import os
import re
from typing import IO

from analysis.decoding.id3 import HEAD_BYTES, MAX_TAGS, end_of_tags, tag_bytes
from analysis.decoding.mpeg_frames import HEADER_BYTES, read_header

JUNK_BYTES = 2**16  # mpg123, libsndfile's decoder, looks no further for the first frame
RUN, RUN_TO_END = 16, 3  # frames in a row; the smaller number is enough where only tags follow
AFTER = (b"TAG", b"APET", b"LYRI", b"ID3")  # the beginnings of those tags
# Films, and archives that do not compress, begin so; they may hold frames of MPEG audio.
OTHERS = (b"RIFF", b"PK\3\4", b"Rar!")
# The header of a frame holds sync, version and layer, then bit rate, sample rate and padding, then the rest. A bit rate
# or a sample rate whose bits are all 0 or all 1 is not valid.
BIT_AND_SAMPLE_RATES = (
    rb"[\x10-\x1b\x20-\x2b\x30-\x3b\x40-\x4b\x50-\x5b\x60-\x6b\x70-\x7b"
    rb"\x80-\x8b\x90-\x9b\xa0-\xab\xb0-\xbb\xc0-\xcb\xd0-\xdb\xe0-\xeb]"
)
HEADER = rb"(?s:\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd]" + BIT_AND_SAMPLE_RATES + rb".)"  # compiled at its first use
HEADERS = b"(?=" + HEADER + b")"  # also matches a header that begins within another
MIN_SKIPPED_BYTES = 12  # libsndfile has read as many bytes already, so it does not skip a shorter tag
FRAME = b"\xff\xfb\x90\x64"  # the most usual header


def find_mpeg(file: IO[bytes]) -> int | None:
    """Return where libsndfile would begin to read a file that is named .mp3; None if it is not MPEG audio."""
    start = _last_tag(file)
    end = end_of_tags(file, start)
    content = os.pread(file.fileno(), JUNK_BYTES, end)
    if content.startswith(OTHERS):
        return None
    return start if any(_begins_run(file, end + match.start()) for match in re.finditer(HEADERS, content)) else None


def begins_like_a_frame(file: IO[bytes]) -> bool:
    """Tell whether libsndfile may have taken a file for MPEG audio just by its first two bytes."""
    return os.pread(file.fileno(), 2, 0) >= b"\xff\xe0"


def is_of_free_format(file: IO[bytes], start: int) -> bool:
    """Tell whether a frame of free format, which does not declare its length, begins at a place of a file."""
    header = os.pread(file.fileno(), HEADER_BYTES, start)
    return len(header) == HEADER_BYTES and header[:1] == b"\xff" and header[1] >= 0xE2 and not header[2] >> 4  # noqa: PLR2004


class AsMpeg:
    """A file from a place on, whose first read begins with the header of a frame.

    libsndfile recognises the format by the first bytes that it reads. Its decoder reads them again, as they are.
    """

    def __init__(self, file: IO[bytes], start: int) -> None:
        self._descriptor, self._start = file.fileno(), start
        self._size = os.fstat(self._descriptor).st_size - start
        self._place = 0
        self._is_told = False

    def readinto(self, buffer: memoryview) -> int:
        """Read into a buffer, and return how many bytes were read."""
        n_bytes = os.preadv(self._descriptor, [buffer], self._start + self._place)
        self._place += n_bytes
        if not self._is_told:
            buffer[: len(FRAME)] = FRAME
            self._is_told = True
        return n_bytes

    def tell(self) -> int:
        """Return the position."""
        return self._place

    def seek(self, offset: int, whence: int) -> int:
        """Set the position, and return it."""
        self._place = max(0, offset + (0, self._place, self._size)[whence])
        return self._place


def _last_tag(file: IO[bytes]) -> int:
    """Return the place of the last of the consecutive tags that libsndfile skips."""
    start = end = 0
    for _ in range(MAX_TAGS):
        head = os.pread(file.fileno(), HEAD_BYTES, end)
        if len(head) < HEAD_BYTES or not head.startswith((b"ID3\2", b"ID3\3", b"ID3\4")):
            break
        start, end = end, end + tag_bytes(head)
        if end - start < MIN_SKIPPED_BYTES:
            break
    return start


def _begins_run(file: IO[bytes], place: int) -> bool:
    """Tell whether consecutive frames begin at a place."""
    for n_frames in range(RUN):
        header = os.pread(file.fileno(), HEADER_BYTES, place)
        facts = read_header(header)
        if facts is None or facts.kind.layer == 1:
            return n_frames >= RUN_TO_END and (len(header) < HEADER_BYTES or header.startswith(AFTER))
        frame = os.pread(file.fileno(), facts.n_bytes, place)
        if header[:3] in frame[3:]:
            return False  # the bytes repeat, as the pixels of an image do
        place += len(frame)
    return True
