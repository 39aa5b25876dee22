"""ffmpeg's libraries decode a sound file: what people record that libsndfile does not read, or reads slowly.

*Conventions.* As in audio.py; samples are [shape=(n, channels)], float32 with full scale 1, or int16.

*Damage.* A file that ffmpeg cannot decode is corrupt, and so is one that declares samples and has none. But what comes
after the last sample that its stream counts is no part of its sound and no damage to it: a tag, a broken last packet.
A length that is guessed from the bit rate declares and counts nothing; that of a film as a whole counts nothing.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import numpy as np

from analysis.decoding import Source
from analysis.decoding.container import ACCEPTED, CODECS, make_decoder, open_container, unreadable
from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import av
    from numpy.typing import NDArray

BLOCK_VALUES = 2**17  # of all channels together, in the blocks given on


class Ffmpeg:
    """ffmpeg's view of a file: its first audio stream.

    Raises NotAudioError where there is none that it may decode, CorruptError where a file that begins like one of its
    formats cannot be read.

    Attributes:
        source: what the file says of itself.
        declared_samples: how many samples it says to have, None where it does not say.
        start_s: when it says to begin, seconds.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        with open_container(self._file) as container:
            if not container.streams.audio:
                raise NotAudioError(f"a {container.format.long_name} file without audio: accepted are {ACCEPTED}")
            stream = container.streams.audio[0]
            context = stream.codec_context
            if context is None or context.name not in CODECS.split(","):
                codec = context.name if context else "an unknown codec"
                raise NotAudioError(f"audio as {codec}: accepted are {ACCEPTED}")
            if not context.sample_rate or not context.channels:
                raise unreadable(self._file, f"{context.name} without a sample rate or channels")
            self.source = Source(container.format.name, context.name, context.sample_rate, context.channels)
            self.start_s = float((stream.start_time or 0) * (stream.time_base or 0))
            self.declared_samples, self._n_expected, self._n_counted = None, 0, 0
            if stream.duration is not None and stream.time_base is not None:
                self._n_expected = round(stream.duration * stream.time_base * context.sample_rate)
                if stream.start_time is not None:  # else the duration is a guess
                    self.declared_samples = self._n_expected
                    end = stream.duration + min(0, stream.start_time)  # what is before 0 is not counted
                    self._n_counted = round(end * stream.time_base * context.sample_rate)
            elif container.duration is not None:
                self.declared_samples = self._n_expected = round(container.duration / 1e6 * context.sample_rate)

    def decode(self) -> Iterator[NDArray[np.float32] | NDArray[np.int16]]:
        """Yield the samples from the beginning, [shape=(n, channels)]."""
        import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

        with open_container(self._file) as container:
            decoder = make_decoder(container.streams.audio[0])
            frames = (frame for packet in container.demux(audio=0) for frame in decoder.decode(packet))
            joined = av.AudioFifo()  # a frame is a thousand samples: too few to be handled alone
            n_joined = max(1, BLOCK_VALUES // self.source.channels)
            sample_format, n_given = "", 0
            try:
                for frame in frames:
                    sample_format = sample_format or frame.format.name
                    self._check(frame, sample_format)
                    frame.pts = None  # or the queue refuses a stream that does not begin at 0
                    joined.write(frame)
                    for block in joined.read_many(n_joined):
                        yield _samples_of(block)
                        n_given += n_joined
            except av.FFmpegError as error:
                if not 0 < self._n_counted <= n_given + joined.samples:
                    raise CorruptError(f"ffmpeg: {error.strerror}") from error
            if self._n_expected and not n_given + joined.samples:
                raise CorruptError(f"none of the {self._n_expected} samples that it seems to have")
            for block in joined.read_many(n_joined, partial=True):
                yield _samples_of(block)

    def _check(self, frame: av.AudioFrame, sample_format: str) -> None:
        """Raise CorruptError where a frame is of another kind; the queue would read channels that it does not have."""
        declared = (self.source.sample_rate, self.source.channels, sample_format)
        if (frame.sample_rate, frame.layout.nb_channels, frame.format.name) != declared:
            found = f"{frame.sample_rate} Hz, {frame.layout.name}, {frame.format.name}"
            raise CorruptError(f"changes to {found} within the stream")


def _samples_of(frame: av.AudioFrame) -> NDArray[np.float32] | NDArray[np.int16]:
    """Return a frame's samples, [shape=(n, channels)]: 16-bit integers as they are, all else as float32."""
    values: NDArray[Any] = frame.to_ndarray()
    samples = values.T if frame.format.is_planar else values.reshape(-1, frame.layout.nb_channels)
    if samples.dtype == np.int16:
        return samples
    kind, bits = samples.dtype.kind, 8 * samples.dtype.itemsize
    y: NDArray[np.float32] = samples.astype(np.float32, copy=False)
    if kind != "f":
        y /= 2.0 ** (bits - 1)
    if kind == "u":
        y -= 1
    return y
