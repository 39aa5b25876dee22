"""ffmpeg opens a file and reaches nothing else: no network, no playlist, no other file, no decoder but those listed.

What it reads of the file is what the descriptor gives.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import IO, TYPE_CHECKING

from analysis.decoding.mpeg import end_of_tags
from analysis.decoding.signatures import begins_like_a_sound
from analysis.decoding.spans import Spans
from analysis.errors import CorruptError, NotAudioError

if TYPE_CHECKING:
    from collections.abc import Callable

    import av.container

# What ffmpeg may open: what people record that libsndfile does not read. No playlists, no images, no network.
FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,loas,matroska,mov,mpc,mpc8,mpeg,mpegts,ogg,spdif,tta,w64,"
    "wav,wv"
)
# Those among them that have no signature of their own: frames follow each other.
FRAMED = frozenset({"aac", "ac3", "dts", "eac3", "loas", "mpeg", "mpegts", "spdif"})
# What it may decode: what people record, of the hundreds of decoders that such a file could call for.
CODECS = (
    "aac,aac_latm,ac3,alac,amrnb,amrwb,ape,dca,eac3,flac,g722,g723_1,g726,g726le,libopus,libvorbis,mp1,mp1float,mp2,"
    "mp2float,mp3,mp3float,mpc7,mpc8,nellymoser,opus,speex,tta,vorbis,wavpack,wmalossless,wmapro,wmav1,wmav2,wmavoice,"
    "adpcm_ima_qt,adpcm_ima_wav,adpcm_ms,adpcm_swf,adpcm_yamaha,pcm_alaw,pcm_bluray,pcm_dvd,pcm_mulaw,pcm_u8,pcm_s8,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_s64le,pcm_s64be,pcm_f32le,pcm_f32be,pcm_f64le,"
    "pcm_f64be"
)
# Of all channels together in one of ffmpeg's frames: those of real files have at most 2**20, a bomb's fill the memory.
MAX_FRAME_VALUES = 2**21
INPUT = {"format_whitelist": FORMATS, "protocol_whitelist": ""}
# Of its last packet, which holds less than others, ffmpeg would take off once more what is not there.
ALAC_IN_CAF = "caf", "alac"
# Of one allocation: an MP4 of 2 kB can ask for an index of 2 GB. That of 12 hours of AAC at 96 kHz takes 97 MB.
MAX_ALLOCATION_BYTES = 2**27
OPTIONS = {"codec_whitelist": CODECS, "max_samples": str(MAX_FRAME_VALUES)}
CODEC_OPTIONS = {
    "flac": {"err_detect": "crccheck+explode"},  # without, a damaged frame is noise
    "libopus": {"request_sample_fmt": "flt"},  # its integers are softly clipped
}
ACCEPTED = (
    "WAV, AIFF, AU, CAF, W64, RF64, BW64, FLAC, OGG, Opus, MP3, AAC, ALAC, WebM, MKV, MP4, WMA, AMR, Speex, WavPack, "
    "Musepack, TTA, AC-3, DTS, AVI, FLV, MPEG-TS, MPEG-PS or APE"
)


def open_container(file: IO[bytes], view: Callable[[], Spans] | None = None) -> av.container.InputContainer:
    """Open a file, or what ``view`` gives of it, whose content decides what it is.

    Raises NotAudioError or CorruptError where that is not possible.
    """
    import av  # noqa: PLC0415 - only what libsndfile does not read pays for it

    _bound_allocations()
    try:
        readable = view() if view else Spans(file)
        return av.open(readable, "r", options=OPTIONS, container_options=INPUT, io_open=_refuse)
    except av.FFmpegError as error:
        raise unreadable(file, error.strerror) from error


def make_decoder(stream: av.AudioStream, format_name: str) -> av.AudioCodecContext:
    """Return the decoder of a stream: ffmpeg's choice, but libopus for Opus, so that its numbers are libsndfile's."""
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
    """Return what is wrong with a file that cannot be read: what begins like a sound is damaged."""
    if begins_like_a_sound(file, end_of_tags(file)):
        return CorruptError(f"damaged, says ffmpeg: {why}")
    return NotAudioError(f"no sound that can be read: accepted are {ACCEPTED}")


@cache
def _bound_allocations() -> None:
    """Let ffmpeg allocate no more than that at once: PyAV has no name for it, but is linked with what has."""
    from av import _core  # noqa: PLC0415

    ctypes.CDLL(_core.__file__).av_max_alloc(ctypes.c_size_t(MAX_ALLOCATION_BYTES))


def _refuse(url: str, _flags: int, _options: dict[str, str]) -> None:
    """Open nothing: a file that names another, or an address, is not followed."""
    raise PermissionError(url)
