"""The samples of a sound from any of them on, of a file that can be sought in.

*Conventions.* Blocks are [shape=(n, channels)], n >= 1, int16 or float32 with full scale 1, at the file's own rate. The
samples are counted from the first that the analysis has, so sample n is at n / sample_rate seconds.

*Source.* libsndfile seeks to the very sample in what it reads. ffmpeg seeks to a packet whose time it says; decoding
begins PREROLL_S before, as codecs need what came before.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Protocol

import av
import numpy as np
import soundfile

from analysis.decoding.container import make_decoder, open_readable
from analysis.decoding.ffmpeg import samples_of
from analysis.definition import SR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from page.media.bucket_file import BucketFile

type Block = NDArray[np.float32] | NDArray[np.int16]

BLOCK_VALUES = 2**16  # samples times channels of a block
PREROLL_S = 0.3
DIFFERENCE_S = 0.5  # by which a file's declared length may differ from that of its analysis: some codecs pad the end
MAX_LENGTH = 2**40  # samples
MAX_BAD_PACKETS = 2**10
SNDFILE_FORMATS = frozenset(soundfile.available_formats())


class NotSeekableError(Exception):
    """The file cannot be sought in, or not so that its times are those of the analysis."""


class Samples(Protocol):
    """The samples of a file.

    Attributes:
        sample_rate: Hz.
        channels: number of channels.
        n_samples: how many the file says it has; infinite where it does not say.
    """

    sample_rate: int
    channels: int
    n_samples: float

    def read(self, start: int) -> Iterator[Block]:
        """Yield the samples from one on, until the end."""
        ...


def open_samples(file: BucketFile, sound: dict[str, Any]) -> Samples:
    """Open the file of a sound by the library that its analysis names.

    Raises NotSeekableError where the samples would not be those of the analysis, and what reading the file raises.
    """
    source = sound.get("source")
    if not isinstance(source, dict) or source.get("complete") is not True:
        raise NotSeekableError("the file is damaged")
    try:
        if source.get("container") in SNDFILE_FORMATS:
            samples: Samples = SndfileSamples(file)
        else:
            samples = FfmpegSamples(file, source.get("track"))
    finally:
        file.check()
    declared_s, analysed_s = samples.n_samples / samples.sample_rate, seconds_of(sound)
    if (samples.sample_rate, samples.channels) != (source.get("sample_rate"), source.get("channels")):
        raise NotSeekableError("the file says another rate or number of channels than its analysis")
    if abs(declared_s - analysed_s) > DIFFERENCE_S:
        raise NotSeekableError(f"the file says {declared_s:.2f} s, its analysis {analysed_s:.2f} s")
    return samples


def seconds_of(sound: dict[str, Any]) -> float:
    """Return how long a sound is, seconds; 0 where its document does not say."""
    length = sound.get("length")
    return length / SR if isinstance(length, int) and 0 < length < MAX_LENGTH else 0.0


class SndfileSamples:
    """The samples of a file as libsndfile reads it."""

    def __init__(self, file: BucketFile) -> None:
        self._file = file
        try:
            self._sound = soundfile.SoundFile(file)
        except soundfile.LibsndfileError as error:
            raise NotSeekableError(f"libsndfile: {error}") from error
        self.sample_rate: int = self._sound.samplerate
        self.channels: int = self._sound.channels
        self.n_samples: float = self._sound.frames if self._sound.frames < 2**62 else inf

    def read(self, start: int) -> Iterator[Block]:
        """Yield the samples from one on, until the end."""
        dtype = "int16" if self._sound.subtype == "PCM_16" and self._sound.format != "SDS" else "float32"
        n_block = max(1, BLOCK_VALUES // self.channels)
        try:
            self._sound.seek(min(start, self._sound.frames))
            while len(block := self._sound.read(n_block, dtype, always_2d=True)):
                yield block
        except soundfile.LibsndfileError as error:
            self._file.check()
            raise NotSeekableError(f"libsndfile: {error}") from error
        self._file.check()


class FfmpegSamples:
    """The samples of an audio track of a file as ffmpeg reads it; tracks are counted from 1."""

    def __init__(self, file: BucketFile, track: Any) -> None:
        self._file = file
        self._index = track - 1 if isinstance(track, int) and track > 0 else 0
        try:
            with open_readable(self._open()) as container:
                stream = self._stream(container)
                frame = next(self._frames(container, stream), None)
                seconds = inf
                if stream.duration and stream.time_base:
                    seconds = float(stream.duration * stream.time_base)
                elif container.duration is not None:
                    seconds = container.duration / av.time_base
        except (av.FFmpegError, ValueError) as error:
            raise NotSeekableError(f"ffmpeg: {error}") from error
        if frame is None or frame.pts is None or frame.time_base is None:
            raise NotSeekableError("ffmpeg finds no samples whose time it knows")
        self._first_s = float(frame.pts * frame.time_base)
        self.sample_rate = frame.sample_rate
        self.channels = frame.layout.nb_channels
        self.n_samples = seconds * self.sample_rate

    def read(self, start: int) -> Iterator[Block]:
        """Yield the samples from one on, until the end."""
        with open_readable(self._open()) as container:
            stream = self._stream(container)
            place = 0
            frames = self._frames(container, stream)
            seconds = start / self.sample_rate - PREROLL_S
            if seconds > 0:
                container.seek(int((self._first_s + seconds) / (stream.time_base or 1)), stream=stream)
                frame = next(frames, None)
                if frame is None:
                    return
                if frame.pts is None or frame.time_base is None:
                    raise NotSeekableError("ffmpeg does not know where it has sought to")
                place = round((float(frame.pts * frame.time_base) - self._first_s) * self.sample_rate)
                yield from self._rest(frame, start - place)
                place += frame.samples
            for frame in frames:
                yield from self._rest(frame, start - place)
                place += frame.samples
        self._file.check()

    def _rest(self, frame: av.AudioFrame, skipped: int) -> Iterator[Block]:
        if (frame.sample_rate, frame.layout.nb_channels) != (self.sample_rate, self.channels):
            raise NotSeekableError("the rate or the number of channels changes")
        samples = samples_of(frame)[max(0, skipped) :]
        if len(samples):
            yield samples

    def _open(self) -> BucketFile:
        self._file.seek(0)
        return self._file

    def _stream(self, container: av.container.InputContainer) -> av.AudioStream:
        if self._index >= len(container.streams.audio):
            raise NotSeekableError("there is no such track")
        return container.streams.audio[self._index]

    def _frames(self, container: av.container.InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
        """Yield the frames that can be decoded, from where the container is."""
        decoder = make_decoder(stream, container.format.name)
        n_bad = 0
        packets = container.demux(stream)
        while n_bad < MAX_BAD_PACKETS:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                yield from decoder.decode(packet)
            except av.FFmpegError:
                self._file.check()
                n_bad += 1
