"""ffmpeg opens a file, and nothing else: no network, no playlist, no other file, and only the decoders listed here."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import IO, TYPE_CHECKING, Any

from analysis.decoding.id3 import end_of_tags
from analysis.decoding.signatures import begins_like_a_sound
from analysis.decoding.spans import Spans
from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    from collections.abc import Callable

    import av.container

# The demuxers that ffmpeg may use: for what people record, without playlists and images.
FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,loas,matroska,mov,mpc,mpc8,mpeg,mpegts,ogg,spdif,tta,w64,"
    "wav,wv"
)
# Those of them whose formats have no signature: the files are just frames.
FRAMED = frozenset({"aac", "ac3", "dts", "eac3", "loas", "mpeg", "mpegts", "spdif"})
# The decoders that ffmpeg may use, of the hundreds that a file could ask for.
CODECS = (
    "aac,aac_latm,ac3,alac,amrnb,amrwb,ape,dca,eac3,flac,g722,g723_1,g726,g726le,libopus,libvorbis,mp1,mp1float,mp2,"
    "mp2float,mp3,mp3float,mpc7,mpc8,nellymoser,opus,speex,tta,vorbis,wavpack,wmalossless,wmapro,wmav1,wmav2,wmavoice,"
    "adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,adpcm_yamaha,pcm_alaw,pcm_bluray,pcm_dvd,pcm_mulaw,pcm_u8,pcm_s8,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_s64le,pcm_s64be,pcm_f32le,pcm_f32be,pcm_f64le,"
    "pcm_f64be"
)
# Samples times channels of one of ffmpeg's frames. Real files have at most 2**20; a file that is made for it could fill
# the memory with one frame.
MAX_FRAME_VALUES = 2**21
INPUT = {"format_whitelist": FORMATS, "protocol_whitelist": ""}
# The last packet of ALAC in CAF is shorter than the others; ffmpeg would cut its samples a second time.
ALAC_IN_CAF = "caf", "alac"
# An MP4 of 2 kB can ask for an index of 2 GB. The index of 12 hours of AAC at 96 kHz takes 97 MB.
MAX_ALLOCATION_BYTES = 2**27
OPTIONS = {"codec_whitelist": CODECS, "max_samples": str(MAX_FRAME_VALUES)}
CODEC_OPTIONS = {
    "flac": {"err_detect": "crccheck+explode"},  # without it, a damaged frame is decoded to noise
    "libopus": {"request_sample_fmt": "flt"},  # as integers, libopus clips them softly
}
ACCEPTED = (
    "WAV, AIFF, AU, CAF, W64, RF64, BW64, FLAC, OGG, Opus, MP3, AAC, ALAC, WebM, MKV, MP4, WMA, AMR, Speex, WavPack, "
    "Musepack, TTA, AC-3, DTS, AVI, FLV, MPEG-TS, MPEG-PS or APE"
)


def open_container(file: IO[bytes], view: Callable[[], Spans] | None = None) -> av.container.InputContainer:
    """Open a file by its content; ``view``, if given, returns the file that is read instead.

    Raises NotAudioError or CorruptError where it cannot be opened.
    """
    import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

    try:
        return open_readable(view() if view else Spans(file))
    except av.FFmpegError as error:
        raise unreadable(file, error.strerror) from error


def open_readable(readable: Any) -> av.container.InputContainer:
    """Open what has ``read``, ``seek`` and ``tell``; raise ffmpeg's own error where it cannot be opened."""
    import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

    _bound_allocations()
    container: av.container.InputContainer
    container = av.open(readable, "r", options=OPTIONS, container_options=INPUT, io_open=_refuse)
    return container


def make_decoder(stream: av.AudioStream, format_name: str) -> av.AudioCodecContext:
    """Return the decoder of a stream: ffmpeg's choice, but for Opus libopus, by which libsndfile decodes."""
    import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

    decoder = stream.codec_context
    decoder.options = OPTIONS | CODEC_OPTIONS.get(decoder.name, {})
    if (format_name, decoder.name) == ALAC_IN_CAF:
        decoder.options |= {"flags2": "+skip_manual"}
    if decoder.name != "opus":
        return decoder
    libopus = av.CodecContext.create("libopus", "r")
    libopus.options = OPTIONS | CODEC_OPTIONS["libopus"]
    libopus.extradata, libopus.layout, libopus.sample_rate = decoder.extradata, decoder.layout, decoder.sample_rate
    libopus.pkt_timebase = stream.time_base
    return libopus


def unreadable(file: IO[bytes], why: str | None) -> CorruptError | NotAudioError:
    """Return the error for a file that cannot be read: CorruptError where it begins like a sound."""
    if begins_like_a_sound(file, end_of_tags(file)):
        return CorruptError(f"damaged, says ffmpeg: {why}")
    return NotAudioError(f"no sound that can be read: accepted are {ACCEPTED}")


@cache
def _bound_allocations() -> None:
    """Set the largest allocation of ffmpeg; PyAV does not offer it, but its library can be called directly."""
    from av import _core  # noqa: PLC0415

    ctypes.CDLL(_core.__file__).av_max_alloc(ctypes.c_size_t(MAX_ALLOCATION_BYTES))


def _refuse(url: str, _flags: int, _options: dict[str, str]) -> None:
    """Refuse to open another file, or an address, that a file names."""
    raise PermissionError(url)
