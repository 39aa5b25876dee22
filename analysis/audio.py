"""A sound file of any format becomes an iterator of mono float32 blocks at 22 050 Hz, within limits.

*Conventions.* A block is float32 [shape=(n,)], n >= 1; full scale is 1. A *sample* is one instant of all channels.
A recording can be iterated again and decodes again; its file is read from the beginning each time. Content decides
what a file is, never its name. libsndfile is asked first, ffmpeg only about what libsndfile does not know.

*Source.* Together the blocks are ``librosa.load(path)[0]``: mean of the channels, then soxr at quality ``soxr_hq``,
then one zero where soxr gives a sample less than ``ceil(n * ratio)``. soxr's stream equals its one call, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np
import soundfile
import soxr

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

    import av.container
    from numpy.typing import NDArray

    from analysis.settings import Settings

SR = 22050  # Hz
BLOCK_VALUES = 2**17  # of all channels together: half a megabyte as float32
UNRECOGNISED_FORMAT = 1  # libsndfile's SF_ERR_UNRECOGNISED_FORMAT
# What ffmpeg may open: what people record that libsndfile does not read. No playlists, no images, no network.
FFMPEG_FORMATS = "aac,amr,ape,asf,matroska,mov,ogg,wv"
# What it may decode: what people record, of the hundreds of decoders that such a file could call for.
FFMPEG_CODECS = (
    "aac,aac_latm,ac3,alac,amrnb,amrwb,ape,eac3,flac,libopus,libvorbis,mp2,mp2float,mp3,mp3float,opus,speex,vorbis,"
    "wavpack,wmalossless,wmapro,wmav1,wmav2,wmavoice,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"
)
# Of all channels together in one of ffmpeg's frames: those of real files have at most 2**20, a bomb's fill the memory.
MAX_FRAME_VALUES = 2**21
FFMPEG_INPUT = {"format_whitelist": FFMPEG_FORMATS, "protocol_whitelist": ""}
FFMPEG_OPTIONS = {"codec_whitelist": FFMPEG_CODECS, "max_samples": str(MAX_FRAME_VALUES)}
# How those begin, at the fourth byte for the family of mov: what begins so and cannot be read is damaged.
SIGNATURES = (b"ftyp", b"moov", b"mdat", b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"OggS", b"#!AMR", b"wvpk", b"MAC ")
ACCEPTED = "WAV, AIFF, AU, CAF, W64, FLAC, OGG, Opus, MP3, AAC, ALAC, WebM, MKV, MP4 or WMA"


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says of itself.

    Attributes:
        container: format of the file.
        codec: codec, or subtype of the samples.
        sample_rate: Hz.
        channels: channels.
    """

    container: str
    codec: str
    sample_rate: int
    channels: int


class Recording:
    """A file that can be decoded; iterating gives its blocks.

    Attributes:
        source: what the file says of itself.
    """

    def __init__(self, decoder: _Sndfile | _Ffmpeg, settings: Settings) -> None:
        self._decoder = decoder
        self._max_duration_s = settings.max_duration_s
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
        return _resample(self._limit(self._decoder.decode()), self.source.sample_rate)

    def _limit(self, blocks: Iterator[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Pass samples on until they are too many: headers lie."""
        left = round(self._max_duration_s * self.source.sample_rate)
        for y in blocks:
            left -= len(y)
            if left < 0:
                raise TooLongError(f"more audio than MAX_DURATION_S={self._max_duration_s:g} seconds")
            yield y


def open_recording(file: IO[bytes], settings: Settings) -> Recording:
    """Open a sound file by its content; ``file`` needs a descriptor and stays open.

    Raises NotAudioError, CorruptError, EmptyError, or the limit's error for what the header declares.
    """
    try:
        decoder: _Sndfile | _Ffmpeg = _Sndfile(file)
    except soundfile.LibsndfileError as unread:
        try:
            decoder = _Ffmpeg(file)
        except NotAudioError as error:
            if unread.code == UNRECOGNISED_FORMAT:
                raise
            raise CorruptError(f"damaged, says libsndfile: {unread.error_string}") from error
    return Recording(decoder, settings)


def _begins_like_a_sound(file: IO[bytes]) -> bool:
    file.seek(0)
    head = file.read(12)
    return head.startswith(SIGNATURES) or head[4:].startswith(SIGNATURES)


def _check_limits(source: Source, declared_samples: int | None, settings: Settings) -> None:
    if not settings.min_sample_rate <= source.sample_rate <= settings.max_sample_rate:
        raise BadSampleRateError(
            f"sample rate {source.sample_rate} Hz: accepted are MIN_SAMPLE_RATE={settings.min_sample_rate} "
            f"to MAX_SAMPLE_RATE={settings.max_sample_rate}"
        )
    if source.channels > settings.max_channels:
        raise TooManyChannelsError(f"{source.channels} channels: at most MAX_CHANNELS={settings.max_channels}")
    if declared_samples is not None and declared_samples > settings.max_duration_s * source.sample_rate:
        raise TooLongError(
            f"{declared_samples / source.sample_rate:.0f} seconds of audio declared: "
            f"at most MAX_DURATION_S={settings.max_duration_s:g}"
        )


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


def _mean_of_channels(samples: NDArray[np.float32], full_scale: float = 1) -> NDArray[np.float32]:
    """Average [shape=(n, channels)] to [shape=(n,)]; column by column, as a mean over so short an axis is slow."""
    n_channels = samples.shape[1]
    y: NDArray[np.float32] = samples[:, 0] + samples[:, 1] if n_channels > 1 else samples[:, 0].copy()
    for channel in range(2, n_channels):
        y += samples[:, channel]
    y /= full_scale * n_channels
    return y


def _check_finite(y: NDArray[np.float32]) -> NDArray[np.float32]:
    if not np.isfinite(y).all():
        raise NotFiniteError("a sample is NaN or infinite: only finite samples have a spectrum")
    return y


class _Forward(soundfile.SoundFile):  # type: ignore[misc]  # it ships no types
    """A sound file that is only read onwards: of a seekable one, soundfile seeks after every read."""

    def seekable(self) -> bool:
        return False


class _Sndfile:
    """libsndfile's view of a file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        with self._open() as sound:
            self.source = Source(sound.format, sound.subtype, sound.samplerate, sound.channels)
            self._n_samples = sound.frames
        # A stream of unknown length declares the largest number there is.
        self.declared_samples = self._n_samples if self._n_samples < 2**62 else None

    def decode(self) -> Iterator[NDArray[np.float32]]:
        """Yield the mean of the channels, at the source's rate."""
        is_int16 = self.source.codec == "PCM_16"
        left = self._n_samples
        with self._open() as sound:
            n_block = max(1, BLOCK_VALUES // sound.channels)
            block = np.empty((n_block, sound.channels), np.int16 if is_int16 else np.float32)
            while left > 0:
                wanted = block[: min(n_block, left)]
                try:
                    n_read = sound.buffer_read_into(wanted, wanted.dtype.name)
                except soundfile.LibsndfileError as error:
                    raise CorruptError(f"libsndfile after {self._n_samples - left} samples: {error}") from error
                if not n_read:
                    return
                left -= n_read
                if is_int16:  # sums of so few bits are exact in float32, and the integers read in a tenth of the time
                    yield _mean_of_channels(wanted[:n_read].astype(np.float32), full_scale=2.0**15)
                else:
                    yield _check_finite(_mean_of_channels(wanted[:n_read]))

    def _open(self) -> _Forward:
        self._file.seek(0)
        return _Forward(self._file.fileno(), closefd=False)


class _Ffmpeg:
    """ffmpeg's view of a file: its first audio stream."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        with self._open() as container:
            if not container.streams.audio:
                raise NotAudioError(f"a {container.format.long_name} file without audio: accepted are {ACCEPTED}")
            stream = container.streams.audio[0]
            context = stream.codec_context
            if context is None or context.name not in FFMPEG_CODECS.split(","):
                codec = context.name if context else "an unknown codec"
                raise NotAudioError(f"audio as {codec}: accepted are {ACCEPTED}")
            if not context.sample_rate or not context.channels:
                raise CorruptError(f"{context.name}: the stream says neither sample rate nor channels")
            self.source = Source(container.format.name, context.name, context.sample_rate, context.channels)
            self.declared_samples = None
            if stream.duration is not None and stream.time_base is not None:
                self.declared_samples = round(stream.duration * stream.time_base * context.sample_rate)
            elif container.duration is not None:
                self.declared_samples = round(container.duration / 1e6 * context.sample_rate)

    def decode(self) -> Iterator[NDArray[np.float32]]:
        """Yield the mean of the channels, at the source's rate."""
        import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

        with self._open() as container:
            container.streams.audio[0].codec_context.options = FFMPEG_OPTIONS
            try:
                for frame in container.decode(audio=0):
                    if frame.sample_rate != self.source.sample_rate:
                        raise CorruptError(f"sample rate changes to {frame.sample_rate} Hz within the stream")
                    if frame.samples:
                        yield _check_finite(_mean_of_channels(_samples_of(frame)))
            except av.FFmpegError as error:
                raise CorruptError(f"ffmpeg: {error.strerror}") from error

    def _open(self) -> av.container.InputContainer:
        import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

        self._file.seek(0)
        try:
            return av.open(
                _Readable(self._file), "r", options=FFMPEG_OPTIONS, container_options=FFMPEG_INPUT, io_open=_refuse
            )
        except av.FFmpegError as error:
            if _begins_like_a_sound(self._file):
                raise CorruptError(f"damaged, says ffmpeg: {error.strerror}") from error
            raise NotAudioError(f"no sound that can be read: accepted are {ACCEPTED}") from error


class _Readable:
    """What ffmpeg needs of a file; in a damaged one it may seek to before the beginning, which is no error of ours."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.read, self.tell = file.read, file.tell

    def seek(self, offset: int, whence: int) -> int:
        try:
            return self._file.seek(offset, whence)
        except OSError:
            return -1


def _refuse(url: str, _flags: int, _options: dict[str, str]) -> None:
    """Open nothing: a file that names another, or an address, is not followed."""
    raise PermissionError(url)


def _samples_of(frame: av.AudioFrame) -> NDArray[np.float32]:
    """Return a frame as float32 [shape=(n, channels)], full scale 1."""
    values = frame.to_ndarray()
    samples = values.T if frame.format.is_planar else values.reshape(-1, len(frame.layout.channels))
    kind, bits = samples.dtype.kind, 8 * samples.dtype.itemsize
    y = samples.astype(np.float32)
    if kind != "f":
        y /= 2.0 ** (bits - 1)
    if kind == "u":
        y -= 1
    return y
