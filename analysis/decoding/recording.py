"""A sound file of any format becomes an iterator of mono float32 blocks at 22 050 Hz, within limits.

*Conventions.* A block is float32 [shape=(n,)], n >= 1; full scale is 1. A *sample* is one instant of all channels.
A recording can be iterated again and decodes again; its file is read from the beginning each time. Content decides
what a file is, never its name. libsndfile is asked first, ffmpeg about what libsndfile does not know, and for Opus.

*Source.* Together the blocks are ``librosa.load(path)[0]``: mean of the channels, then soxr at quality ``soxr_hq``,
then one zero where soxr gives a sample less than ``ceil(n * ratio)``. soxr's stream equals its one call, bit for bit.
"""

from __future__ import annotations

from contextlib import suppress
from typing import IO, TYPE_CHECKING

import numpy as np
import soxr

from analysis.decoding.ffmpeg import Ffmpeg
from analysis.decoding.flac import check_frames
from analysis.decoding.mpeg import find_mpeg
from analysis.decoding.opus import Opus, is_whole_opus
from analysis.decoding.sndfile import Sndfile
from analysis.definition import SR
from analysis.errors import (
    BadSampleRateError,
    CorruptError,
    EmptyError,
    NotAudioError,
    NotFiniteError,
    TooLongError,
    TooManyChannelsError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.decoding import Source
    from analysis.settings import Settings


# Of all channels together, for MAX_DURATION_S; of more, proportionally less: twelve hours take some minutes.
MAX_VALUES_PER_S = 768_000


class Recording:
    """A file that can be decoded; iterating gives its blocks.

    Attributes:
        source: what the file says of itself.
    """

    def __init__(self, decoder: Sndfile | Opus | Ffmpeg, settings: Settings) -> None:
        self._decoder = decoder
        self._settings = settings
        self.source = decoder.source
        _check_limits(self.source, decoder.declared_samples, settings)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        """Decode from the beginning.

        Yields:
            y : np.ndarray [shape=(n,)], float32, finite, at 22 050 Hz

        Raises:
            CorruptError: the decoder gives up.
            EmptyError: there is no sample.
            NotFiniteError: a sample is NaN or infinite.
            TooLongError: there is more than the limit.
        """
        return _resample(self._mono(), self.source.sample_rate)

    def _mono(self) -> Iterator[NDArray[np.float32]]:
        """Yield the mean of the channels, at the source's rate, until it is too much: headers lie."""
        left = round(_longest_s(self.source, self._settings) * self.source.sample_rate)
        for samples in self._decoder.decode():
            left -= len(samples)
            if left < 0:
                raise TooLongError(f"more audio than {_describe_longest(self.source, self._settings)}")
            yield _mix(samples)


def open_recording(file: IO[bytes], settings: Settings) -> Recording:
    """Open a sound file by its content; ``file`` needs a descriptor, by which it is read, and stays open.

    Raises NotAudioError, CorruptError, or the limit's error for what the header declares.
    """
    return Recording(_open_decoder(file), settings)


def _open_decoder(file: IO[bytes]) -> Sndfile | Opus | Ffmpeg:
    try:
        sndfile = Sndfile(file)
    except NotAudioError:
        return _open_unknown(file)
    except CorruptError:
        with suppress(NotAudioError):  # then what libsndfile says
            return Ffmpeg(file)
        raise
    if sndfile.source.container == "FLAC":
        check_frames(file, sndfile.source)
    return Opus(file, sndfile) if is_whole_opus(file, sndfile) else sndfile


def _open_unknown(file: IO[bytes]) -> Sndfile | Ffmpeg:
    """Open what libsndfile does not recognise by itself."""
    try:
        return Ffmpeg(file)
    except NotAudioError:
        mpeg_at = find_mpeg(file)
        if mpeg_at is None:
            raise
    return Sndfile(file, mpeg_at)


def _check_limits(source: Source, declared_samples: int | None, settings: Settings) -> None:
    if not settings.min_sample_rate <= source.sample_rate <= settings.max_sample_rate:
        raise BadSampleRateError(
            f"sample rate {source.sample_rate} Hz: accepted are MIN_SAMPLE_RATE={settings.min_sample_rate} "
            f"to MAX_SAMPLE_RATE={settings.max_sample_rate}"
        )
    if source.channels > settings.max_channels:
        raise TooManyChannelsError(f"{source.channels} channels: at most MAX_CHANNELS={settings.max_channels}")
    if declared_samples is not None and declared_samples > _longest_s(source, settings) * source.sample_rate:
        raise TooLongError(
            f"{declared_samples / source.sample_rate:.0f} seconds of audio declared: "
            f"at most {_describe_longest(source, settings)}"
        )


def _longest_s(source: Source, settings: Settings) -> float:
    """Return how long a sound may be, seconds: less where it has so many values a second that the time would not do."""
    return settings.max_duration_s * min(1, MAX_VALUES_PER_S / (source.sample_rate * source.channels))


def _describe_longest(source: Source, settings: Settings) -> str:
    longest_s = _longest_s(source, settings)
    limit = f"MAX_DURATION_S={settings.max_duration_s:g}"
    if longest_s == settings.max_duration_s:
        return limit
    return f"{longest_s:g} seconds of {source.channels} channels at {source.sample_rate} Hz ({limit})"


def _resample(blocks: Iterator[NDArray[np.float32]], source_rate: int) -> Iterator[NDArray[np.float32]]:
    """Resample to SR in pieces; the length of all is librosa's."""
    stream = soxr.ResampleStream(source_rate, SR, num_channels=1, dtype="float32", quality="soxr_hq")
    n_source = n_given = 0
    for y in blocks:
        n_source += len(y)
        resampled = y if source_rate == SR else stream.resample_chunk(y)
        n_given += len(resampled)
        if len(resampled):
            yield resampled
    if not n_source:
        raise EmptyError("the sound has no samples")
    if source_rate == SR:
        return
    n_total = int(np.ceil(n_source * (float(SR) / source_rate)))  # the very expression of librosa.resample
    rest = stream.resample_chunk(np.empty(0, np.float32), last=True)[: n_total - n_given]
    if n_total > n_given:
        yield np.pad(rest, (0, n_total - n_given - len(rest)))


def _mix(samples: NDArray[np.float32] | NDArray[np.int16]) -> NDArray[np.float32]:
    """Average [shape=(n, channels)] to [shape=(n,)]; column by column, as a mean over so short an axis is slow."""
    is_int16 = samples.dtype == np.int16
    values = samples.astype(np.float32, copy=False)  # the sums of 16-bit integers are exact in it
    n_channels = values.shape[1]
    y: NDArray[np.float32] = values[:, 0] + values[:, 1] if n_channels > 1 else values[:, 0].copy()
    for channel in range(2, n_channels):
        y += values[:, channel]
    y *= (2.0**-15 if is_int16 else 1) / n_channels
    if not is_int16 and not np.isfinite(y).all():
        raise NotFiniteError("a sample is NaN or infinite: only finite samples have a spectrum")
    return y
