"""A damaged FLAC file is decoded frame by frame, so that only damaged frames are lost.

ffmpeg's own reader also searches for frames, but it loses the frame next to a damaged one.
"""

from __future__ import annotations

import os
from itertools import chain, pairwise
from typing import IO, TYPE_CHECKING

from analysis.decoding import Block
from analysis.decoding.container import CODEC_OPTIONS, OPTIONS
from analysis.decoding.ffmpeg import samples_of
from analysis.decoding.flac_frames import Kind, count_bytes, find_headers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analysis.decoding import Source

MAX_FRAME_BYTES = 2**19  # enough for 65 535 samples of 8 channels, unless they are hardly compressed
MAX_MISSING = 2**20  # samples or frames by which a number may be higher than expected


class DamagedFlac:
    """Decodes the frames of a FLAC file whose checksums are right.

    Attributes:
        source: what the file says of itself.
        declared_samples: None: the file is damaged.
        problem: what is wrong with the file, as far as it has been decoded.
    """

    def __init__(self, file: IO[bytes], source: Source, kind: Kind, info: bytes) -> None:
        self._file, self._kind, self._info = file, kind, info
        self.source = source
        self.declared_samples: int | None = None
        self.problem: str | None = None

    def decode(self, skip: int = 0) -> Iterator[Block]:
        """Yield the samples after the first ``skip``."""
        import av  # noqa: PLC0415 - only what is damaged pays for it

        decoder = av.CodecContext.create("flac", "r")
        decoder.options = OPTIONS | CODEC_OPTIONS["flac"]
        decoder.extradata = self._info
        n_given = n_bad = 0
        first: float | None = None
        for content in self._frames():
            frames = []
            for candidate in (content, content[: count_bytes(content)]):  # the second is cut at its checksum
                try:
                    frames = decoder.decode(av.Packet(candidate)) if candidate else []
                    break
                except av.FFmpegError:
                    continue
            if not frames:
                n_bad += 1
                first = n_given / self._kind.rate if first is None else first
            for frame in frames:
                if skip < n_given + frame.samples:
                    yield Block(self._kind.rate, samples_of(frame)[max(0, skip - n_given) :])
                n_given += frame.samples
        if first is not None:
            self.problem = f"a frame cannot be decoded at {first:.2f} s" + (
                f", the first of {n_bad}" if n_bad > 1 else ""
            )

    def _frames(self) -> Iterator[bytes]:
        """Yield the bytes from one header to the next."""
        size = os.fstat(self._file.fileno()).st_size
        for start, end in pairwise(chain(self._places(), [size])):
            yield os.pread(self._file.fileno(), min(end - start, MAX_FRAME_BYTES), start)

    def _places(self) -> Iterator[int]:
        """Yield the places of frames whose numbers rise."""
        expected = 0
        for header in find_headers(self._file, 0, self._kind, self._kind, is_other=False):
            if 0 <= header.number - expected <= MAX_MISSING:
                yield header.place
                expected = header.following
