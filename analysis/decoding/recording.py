"""A sound file of any format becomes an iterator of mono float32 blocks at 22 050 Hz, within limits.

*Conventions.* A block is float32 [shape=(n,)], n >= 1; full scale is 1. A *sample* is one instant of all channels.
Each iteration of a recording decodes the file from its beginning. The content of a file decides its format, never its
name.

*Source.* Together the blocks are ``librosa.load(path)[0]``: the mean of the channels, resampled by soxr at quality
``soxr_hq``, with one zero at the end where soxr gives one sample less than ``ceil(n * SR / rate)``. Resampling block by
block gives the same bits as resampling the whole. A file is cut where its sample rate or its number of channels
changes, and where it is joined from several files, as a chain of Ogg streams is; each part is mixed and resampled by
itself, and follows the part before it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from operator import itemgetter
from typing import IO, TYPE_CHECKING

import numpy as np
import soxr

from analysis.decoding.opening import open_decoder
from analysis.decoding.tags import read_tags
from analysis.definition import SR
from analysis.errors import (
    BadSampleRateError,
    CorruptError,
    EmptyError,
    NotFiniteError,
    TooLongError,
    TooManyChannelsError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from analysis.decoding import Decoder, Source
    from analysis.settings import Settings

MAX_CHANGES = 2**12  # of rate or channels: each takes a millisecond, and real recordings have few
# Values are samples times channels. A file with more values a second may be proportionally shorter than MAX_DURATION_S:
# at this rate, twelve hours take some minutes to decode.
MAX_VALUES_PER_S = 768_000


class Recording:
    """A file that can be decoded; iterating gives its blocks.

    Attributes:
        source: what the file says of itself; its ``problem`` is known after an iteration.
    """

    def __init__(self, decoder: Decoder, settings: Settings) -> None:
        self._decoder = decoder
        self._settings = settings
        self.source = decoder.source
        _check_limits(self.source.sample_rate, self.source.channels, settings)
        _check_declared(self.source, decoder.declared_samples, settings)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        """Decode from the beginning.

        Yields:
            y : np.ndarray [shape=(n,)], float32, finite, at 22 050 Hz

        Raises:
            CorruptError: no sample can be decoded, or the rate changes too often.
            EmptyError: the file has no samples.
            NotFiniteError: a sample is NaN or infinite.
            TooLongError: the sound is longer than the limit.
        """
        n_given = 0
        for (rate, *_), blocks in groupby(self._mono(), key=itemgetter(0)):
            for y in resample((y for _, y in blocks), rate):
                n_given += len(y)
                yield y
        self.source = replace(self.source, problem=self._decoder.problem)
        if not n_given:
            raise EmptyError("the sound has no samples") if self.source.complete else CorruptError(self.source.problem)

    def _mono(self) -> Iterator[tuple[tuple[int, int, int], NDArray[np.float32]]]:
        """Yield rate, channels and part, and the mean of the channels; the length is checked here, as headers lie."""
        kind: tuple[int, int, int] | None = None
        share = 0.0  # of the longest allowed sound, that the parts before this one are
        n_left = n_part = n_changes = 0
        for rate, samples, part in self._decoder.decode():
            channels = samples.shape[1]
            if kind != (rate, channels, part):
                _check_limits(rate, channels, self._settings)
                share += n_part / (_longest_s(kind[0], kind[1], self._settings) * kind[0]) if kind else 0
                kind, n_part, n_changes = (rate, channels, part), 0, n_changes + 1
                n_left = round((1 - share) * _longest_s(rate, channels, self._settings) * rate)
                if n_changes > MAX_CHANGES:
                    raise CorruptError(f"changes its rate or channels more than {MAX_CHANGES} times")
            n_part += len(samples)
            if n_part > n_left:
                raise TooLongError(f"more audio than {_describe_longest(rate, channels, self._settings)}")
            yield kind, mix(samples)


def open_recording(file: IO[bytes], settings: Settings) -> Recording:
    """Open a sound file, which is read by its descriptor and stays open.

    Raises NotAudioError, CorruptError, TooLargeError, or the error of the limit that the header is beyond.
    """
    recording = Recording(open_decoder(file), settings)
    source = recording.source
    tags = read_tags(file, source.tags, is_mpeg=source.container == "MP3")
    recording.source = replace(source, tags=tags)
    return recording


def _check_limits(sample_rate: int, channels: int, settings: Settings) -> None:
    if not settings.min_sample_rate <= sample_rate <= settings.max_sample_rate:
        raise BadSampleRateError(
            f"sample rate {sample_rate} Hz: accepted are MIN_SAMPLE_RATE={settings.min_sample_rate} "
            f"to MAX_SAMPLE_RATE={settings.max_sample_rate}"
        )
    if channels > settings.max_channels:
        raise TooManyChannelsError(f"{channels} channels: at most MAX_CHANNELS={settings.max_channels}")


def _check_declared(source: Source, declared_samples: int | None, settings: Settings) -> None:
    rate, channels = source.sample_rate, source.channels
    if declared_samples is not None and declared_samples > _longest_s(rate, channels, settings) * rate:
        raise TooLongError(
            f"{declared_samples / rate:.0f} seconds of audio declared: "
            f"at most {_describe_longest(rate, channels, settings)}"
        )


def _longest_s(sample_rate: int, channels: int, settings: Settings) -> float:
    """Return the longest allowed duration, seconds; MAX_VALUES_PER_S says when it is less than MAX_DURATION_S."""
    return settings.max_duration_s * min(1, MAX_VALUES_PER_S / (sample_rate * channels))


def _describe_longest(sample_rate: int, channels: int, settings: Settings) -> str:
    longest_s = _longest_s(sample_rate, channels, settings)
    limit = f"MAX_DURATION_S={settings.max_duration_s:g}"
    if longest_s == settings.max_duration_s:
        return limit
    return f"{longest_s:g} seconds of {channels} channels at {sample_rate} Hz ({limit})"


def resample(blocks: Iterator[NDArray[np.float32]], source_rate: int) -> Iterator[NDArray[np.float32]]:
    """Resample to SR block by block, to as many samples as librosa gives."""
    stream = soxr.ResampleStream(source_rate, SR, num_channels=1, dtype="float32", quality="soxr_hq")
    n_source = n_given = 0
    for y in blocks:
        n_source += len(y)
        resampled = y if source_rate == SR else stream.resample_chunk(y)
        n_given += len(resampled)
        if len(resampled):
            yield resampled
    if source_rate == SR:
        return
    n_total = int(np.ceil(n_source * (float(SR) / source_rate)))  # as in librosa.resample: another may round otherwise
    rest = stream.resample_chunk(np.empty(0, np.float32), last=True)[: n_total - n_given]
    if n_total > n_given:
        yield np.pad(rest, (0, n_total - n_given - len(rest)))


def mix(samples: NDArray[np.float32] | NDArray[np.int16]) -> NDArray[np.float32]:
    """Average [shape=(n, channels)] to [shape=(n,)], column by column: numpy's mean over a short axis is slow."""
    is_int16 = samples.dtype == np.int16
    values = samples.astype(np.float32, copy=False)  # sums of 16-bit integers are exact in float32
    n_channels = values.shape[1]
    y: NDArray[np.float32] = values[:, 0] + values[:, 1] if n_channels > 1 else values[:, 0].copy()
    for channel in range(2, n_channels):
        y += values[:, channel]
    y *= (2.0**-15 if is_int16 else 1) / n_channels
    if not is_int16 and not np.isfinite(y).all():
        raise NotFiniteError("a sample is NaN or infinite: only finite samples have a spectrum")
    return y
