"""ffmpeg's libraries decode a sound file: what people record that libsndfile does not read.

*Conventions.* As in audio.py; samples are float32 [shape=(n, channels)], full scale 1. ffmpeg gets what the file's
descriptor gives and nothing else: no network, no playlist, no other file.

*Damage.* A file that ffmpeg cannot decode is corrupt, and so is one that declares samples and has none. But what comes
after the last sample that its stream counts is no part of its sound and no damage to it: a tag, a broken last packet.
A length that is guessed from the bit rate counts nothing, nor does that of a film as a whole.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from analysis.errors import CorruptError, NotAudioError
from analysis.source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    import av.container
    from numpy.typing import NDArray

# What ffmpeg may open: what people record that libsndfile does not read. No playlists, no images, no network.
FFMPEG_FORMATS = "aac,amr,ape,asf,flac,matroska,mov,ogg,wv"
# What it may decode: what people record, of the hundreds of decoders that such a file could call for.
FFMPEG_CODECS = (
    "aac,aac_latm,ac3,alac,amrnb,amrwb,ape,eac3,flac,libopus,libvorbis,mp2,mp2float,mp3,mp3float,opus,speex,vorbis,"
    "wavpack,wmalossless,wmapro,wmav1,wmav2,wmavoice,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"
)
# Of all channels together in one of ffmpeg's frames: those of real files have at most 2**20, a bomb's fill the memory.
MAX_FRAME_VALUES = 2**21
BLOCK_VALUES = 2**17  # of all channels together, in the blocks given on
FFMPEG_INPUT = {"format_whitelist": FFMPEG_FORMATS, "protocol_whitelist": ""}
FFMPEG_OPTIONS = {"codec_whitelist": FFMPEG_CODECS, "max_samples": str(MAX_FRAME_VALUES)}
CODEC_OPTIONS = {
    "flac": {"err_detect": "crccheck+explode"},  # without, a damaged frame is noise
    "libopus": {"request_sample_fmt": "flt"},  # its integers are softly clipped
}
# How those begin, and at the fourth byte the family of mov: what begins so and cannot be read is damaged.
SIGNATURES = (b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"OggS", b"#!AMR", b"wvpk", b"MAC ")
MOV_SIGNATURES = (b"ftyp", b"moov", b"mdat")
ACCEPTED = (
    "WAV, AIFF, AU, CAF, W64, RF64, FLAC, OGG, Opus, MP3, AAC, ALAC, WebM, MKV, MP4, WMA, AMR, Speex, WavPack or APE"
)


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
        with self._open() as container:
            if not container.streams.audio:
                raise NotAudioError(f"a {container.format.long_name} file without audio: accepted are {ACCEPTED}")
            stream = container.streams.audio[0]
            context = stream.codec_context
            if context is None or context.name not in FFMPEG_CODECS.split(","):
                codec = context.name if context else "an unknown codec"
                raise NotAudioError(f"audio as {codec}: accepted are {ACCEPTED}")
            if not context.sample_rate or not context.channels:
                raise _unreadable(self._file, f"{context.name} without a sample rate or channels")
            self.source = Source(container.format.name, context.name, context.sample_rate, context.channels)
            self.start_s = float((stream.start_time or 0) * (stream.time_base or 0))
            self.declared_samples, self._n_counted = None, 0
            if stream.duration is not None and stream.time_base is not None:
                self.declared_samples = round(stream.duration * stream.time_base * context.sample_rate)
                if stream.start_time is not None:  # else the duration is a guess; what is before 0 is not counted
                    end = stream.duration + min(0, stream.start_time)
                    self._n_counted = round(end * stream.time_base * context.sample_rate)
            elif container.duration is not None:
                self.declared_samples = round(container.duration / 1e6 * context.sample_rate)

    def decode(self) -> Iterator[NDArray[np.float32] | NDArray[np.int16]]:
        """Yield the samples from the beginning, [shape=(n, channels)]."""
        import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

        with self._open() as container:
            decoder = _decoder_of(container.streams.audio[0])
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
            if self.declared_samples and not n_given + joined.samples:
                raise CorruptError(f"none of the {self.declared_samples} samples that it declares")
            for block in joined.read_many(n_joined, partial=True):
                yield _samples_of(block)

    def _check(self, frame: av.AudioFrame, sample_format: str) -> None:
        """Raise CorruptError where a frame is of another kind; the queue would read channels that it does not have."""
        declared = (self.source.sample_rate, self.source.channels, sample_format)
        if (frame.sample_rate, frame.layout.nb_channels, frame.format.name) != declared:
            found = f"{frame.sample_rate} Hz, {frame.layout.name}, {frame.format.name}"
            raise CorruptError(f"changes to {found} within the stream")

    def _open(self) -> av.container.InputContainer:
        import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

        try:
            return av.open(
                _Readable(self._file), "r", options=FFMPEG_OPTIONS, container_options=FFMPEG_INPUT, io_open=_refuse
            )
        except av.FFmpegError as error:
            raise _unreadable(self._file, error.strerror) from error


def _decoder_of(stream: av.AudioStream) -> av.AudioCodecContext:
    """Return the decoder of a stream: ffmpeg's choice, but libopus for Opus, so that its numbers are libsndfile's."""
    import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

    decoder = stream.codec_context
    decoder.options = FFMPEG_OPTIONS | CODEC_OPTIONS.get(decoder.name, {})
    if decoder.name != "opus":
        return decoder
    libopus = av.CodecContext.create("libopus", "r")
    libopus.options = FFMPEG_OPTIONS | CODEC_OPTIONS["libopus"]
    libopus.extradata, libopus.layout, libopus.sample_rate = decoder.extradata, decoder.layout, decoder.sample_rate
    libopus.pkt_timebase = stream.time_base
    return libopus


class _Readable:
    """What ffmpeg needs of a file, read at a place of its own: libsndfile moves the descriptor's."""

    def __init__(self, file: IO[bytes]) -> None:
        self._descriptor = file.fileno()
        self._size = os.fstat(self._descriptor).st_size
        self._place = 0

    def read(self, n_bytes: int) -> bytes:
        content = os.pread(self._descriptor, n_bytes, self._place)
        self._place += len(content)
        return content

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int) -> int:
        place = offset + (0, self._place, self._size)[whence]
        if place < 0:
            return -1  # in a damaged file ffmpeg may try that, which is no error of ours
        self._place = min(place, self._size)
        return self._place


def _refuse(url: str, _flags: int, _options: dict[str, str]) -> None:
    """Open nothing: a file that names another, or an address, is not followed."""
    raise PermissionError(url)


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


def _unreadable(file: IO[bytes], why: str | None) -> CorruptError | NotAudioError:
    """Return what is wrong with a file that cannot be read: what begins like a sound is damaged."""
    head = os.pread(file.fileno(), 12, 0)
    if head.startswith(SIGNATURES) or head[4:].startswith(MOV_SIGNATURES):
        return CorruptError(f"damaged, says ffmpeg: {why}")
    return NotAudioError(f"no sound that can be read: accepted are {ACCEPTED}")
