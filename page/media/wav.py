"""A sound as WAV, for browsers that do not play its format: converted while it is sent, in constant memory.

*Conventions.* 16-bit integers at the file's own rate; one or two channels as they are, more mixed to one, as in the
analysis. The length is that of the analysis, so the size is known before anything is decoded, and each range of bytes
is a range of samples: what a decoder gives beyond the length is left out, what it lacks is silence.

Of what cannot be sought in, or has a rate that browsers do not play, the signal of the analysis is sent, decoded from
the beginning.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.decoding.recording import open_recording
from analysis.definition import SR
from analysis.download import AT_HOME, download
from analysis.errors import CorruptError
from analysis.upload import Upload
from page.media.audio import CompressedError, Content, open_file, parse_range
from page.media.samples import NotSeekableError, open_samples, seconds_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from page.config import Config
    from page.media.samples import Block, Samples

HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
SAMPLE_BYTES = 2
MAX_DATA_BYTES = 2**32 - 1 - HEADER.size  # a WAV's sizes have 32 bits
RATES_HZ = range(4000, 384_001)  # that every browser plays
FULL_SCALE = 32767


def open_wav(config: Config, sound: dict[str, Any], range_header: str | None) -> Content:
    """Return a sound as WAV, or the range of it that a Range header asks for.

    Raises OtherBucketError, RangeNotSatisfiableError, CorruptError, and what the storage client raises.
    """
    samples = _open(config, sound)
    sample_rate, channels = samples.sample_rate, samples.channels if samples.channels <= 2 else 1  # noqa: PLR2004
    n_samples = round(seconds_of(sound) * sample_rate)
    size = HEADER.size + min(n_samples * channels * SAMPLE_BYTES, MAX_DATA_BYTES)
    header = make_header(sample_rate, channels, size)
    part = parse_range(range_header, size)
    pieces = _read(samples, header, channels, part or range(size))
    return Content("audio/wav", size, part, pieces, sound["generation"])


def make_header(sample_rate: int, channels: int, size: int) -> bytes:
    """Return the header of a WAV of so many bytes, the header included."""
    frame_bytes = channels * SAMPLE_BYTES
    form = (b"fmt ", 16, 1, channels, sample_rate, sample_rate * frame_bytes, frame_bytes, 8 * SAMPLE_BYTES)
    return HEADER.pack(b"RIFF", size - 8, b"WAVE", *form, b"data", size - HEADER.size)


def to_int16(block: Block, channels: int) -> NDArray[np.int16]:
    """Return a block as 16-bit integers of so many channels: its own, or one, their mean."""
    mixed = block if block.shape[1] == channels else block.mean(axis=1, keepdims=True, dtype=np.float32)
    if block.dtype == np.int16:
        return mixed.astype("<i2")
    return (np.clip(np.nan_to_num(mixed), -1, 1) * FULL_SCALE).round().astype("<i2")


def _open(config: Config, sound: dict[str, Any]) -> Samples:
    if not seconds_of(sound):
        raise CorruptError("its document does not say how long it is")
    try:
        samples = open_samples(open_file(config, sound), sound)
    except (CompressedError, NotSeekableError):
        return _Analysed(config, sound)
    too_long = seconds_of(sound) * samples.sample_rate * samples.channels * SAMPLE_BYTES > MAX_DATA_BYTES
    return _Analysed(config, sound) if too_long or samples.sample_rate not in RATES_HZ else samples


def _read(samples: Samples, header: bytes, channels: int, part: range) -> Iterator[bytes]:
    """Yield the bytes of a range."""
    if part.start < len(header):
        yield header[part.start : part.stop]
        part = range(len(header), part.stop)
    left = len(part)
    first, skipped = divmod(part.start - len(header), channels * SAMPLE_BYTES)
    for block in samples.read(first) if left > 0 else ():
        piece = to_int16(block, channels).tobytes()[skipped : skipped + left]
        skipped = 0
        left -= len(piece)
        yield piece
        if left <= 0:
            return
    while left > 0:
        piece = bytes(min(left, 2**16))
        left -= len(piece)
        yield piece


class _Analysed:
    """The samples of a sound as the analysis has them."""

    def __init__(self, config: Config, sound: dict[str, Any]) -> None:
        self._config, self._sound = config, sound
        self.sample_rate, self.channels = SR, 1
        self.n_samples: float = sound["length"]

    def read(self, start: int) -> Iterator[Block]:
        """Yield the samples from one on, until the end."""
        sound = self._sound
        upload = Upload(sound["bucket"], sound["blob_name"], sound["generation"], sound.get("size"))
        with download(upload, self._config.settings.max_bytes, AT_HOME) as file:
            place = 0
            for y in open_recording(file, self._config.settings):
                rest = y[max(0, start - place) :]
                place += len(y)
                yield rest.reshape(-1, 1)  # also where it is empty, so that who has left is not decoded for
