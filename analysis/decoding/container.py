"""ffmpeg opens a file and reaches nothing else: no network, no playlist, no other file, no decoder but those listed.

What it reads of the file is what the descriptor gives.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import IO, TYPE_CHECKING

from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    import av.container

# What ffmpeg may open: what people record that libsndfile does not read. No playlists, no images, no network.
FORMATS = "aac,amr,ape,asf,flac,matroska,mov,ogg,wv"
# What it may decode: what people record, of the hundreds of decoders that such a file could call for.
CODECS = (
    "aac,aac_latm,ac3,alac,amrnb,amrwb,ape,eac3,flac,libopus,libvorbis,mp2,mp2float,mp3,mp3float,opus,speex,vorbis,"
    "wavpack,wmalossless,wmapro,wmav1,wmav2,wmavoice,adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,pcm_alaw,pcm_mulaw,pcm_u8,pcm_s8,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be"
)
# Of all channels together in one of ffmpeg's frames: those of real files have at most 2**20, a bomb's fill the memory.
MAX_FRAME_VALUES = 2**21
INPUT = {"format_whitelist": FORMATS, "protocol_whitelist": ""}
# Of one allocation: an MP4 of 2 kB can ask for an index of 2 GB. That of 12 hours of AAC at 96 kHz takes 97 MB.
MAX_ALLOCATION_BYTES = 2**27
OPTIONS = {"codec_whitelist": CODECS, "max_samples": str(MAX_FRAME_VALUES)}
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


def open_container(file: IO[bytes]) -> av.container.InputContainer:
    """Open a file, whose content decides what it is; raise NotAudioError or CorruptError where that is not possible."""
    import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

    _bound_allocations()
    try:
        return av.open(_Readable(file), "r", options=OPTIONS, container_options=INPUT, io_open=_refuse)
    except av.FFmpegError as error:
        raise unreadable(file, error.strerror) from error


def make_decoder(stream: av.AudioStream) -> av.AudioCodecContext:
    """Return the decoder of a stream: ffmpeg's choice, but libopus for Opus, so that its numbers are libsndfile's."""
    import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

    decoder = stream.codec_context
    decoder.options = OPTIONS | CODEC_OPTIONS.get(decoder.name, {})
    if decoder.name != "opus":
        return decoder
    libopus = av.CodecContext.create("libopus", "r")
    libopus.options = OPTIONS | CODEC_OPTIONS["libopus"]
    libopus.extradata, libopus.layout, libopus.sample_rate = decoder.extradata, decoder.layout, decoder.sample_rate
    libopus.pkt_timebase = stream.time_base
    return libopus


def unreadable(file: IO[bytes], why: str | None) -> CorruptError | NotAudioError:
    """Return what is wrong with a file that cannot be read: what begins like a sound is damaged."""
    head = os.pread(file.fileno(), 12, 0)
    if head.startswith(SIGNATURES) or head[4:].startswith(MOV_SIGNATURES):
        return CorruptError(f"damaged, says ffmpeg: {why}")
    return NotAudioError(f"no sound that can be read: accepted are {ACCEPTED}")


@cache
def _bound_allocations() -> None:
    """Let ffmpeg allocate no more than that at once: PyAV has no name for it, but is linked with what has."""
    from av import _core  # noqa: PLC0415

    ctypes.CDLL(_core.__file__).av_max_alloc(ctypes.c_size_t(MAX_ALLOCATION_BYTES))


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
