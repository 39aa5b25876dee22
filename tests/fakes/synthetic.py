"""Sounds to upload: small, synthesised, the same every time, in every format that can be written here."""

import io
import struct
from collections.abc import Callable
from functools import cache, partial

import av
import numpy as np
import soundfile

from tests.fakes.flac_frames import Kind, make_flac
from tests.fakes.ogg_pages import make_page

SNDFILE_FORMATS = [
    *(
        ("WAV", subtype)
        for subtype in ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ULAW", "IMA_ADPCM", "MS_ADPCM", "GSM610"]
    ),
    *(("WAVEX", "PCM_16"), ("RF64", "PCM_16"), ("W64", "PCM_16"), ("W64", "IMA_ADPCM"), ("AIFF", "PCM_16")),
    *(("AIFF", "IMA_ADPCM"), ("AU", "PCM_16"), ("CAF", "PCM_16"), ("CAF", "ALAC_16"), ("FLAC", "PCM_16")),
    *(("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III")),
]
FFMPEG_FORMATS = [
    *(
        ("ipod", "aac"),
        ("ipod", "alac"),
        ("mp4", "libmp3lame"),
        ("mov", "pcm_s16be"),
        ("webm", "libopus"),
        ("webm", "vorbis"),
    ),
    *(("matroska", "flac"), ("matroska", "pcm_s16le"), ("matroska", "wavpack"), ("adts", "aac"), ("asf", "wmav2")),
    *(("ogg", "flac"), ("wv", "wavpack")),
]


def tone(seconds: float = 1.0, sr: int = 44100, channels: int = 2) -> np.ndarray:
    """Two tones and a little noise, [shape=(n, channels)]."""
    t = np.arange(round(seconds * sr)) / sr
    noise = np.random.default_rng(0).standard_normal((len(t), channels)) * 0.01
    tones = 0.3 * np.stack([np.sin(2 * np.pi * 440 * t), np.sin(2 * np.pi * 660 * t)], axis=1)
    return tones[:, np.arange(channels) % 2] + noise


def encode(y: np.ndarray, sr: int = 44100, container: str = "WAV", codec: str = "PCM_16") -> bytes:
    """Return samples as a file of a format that libsndfile writes."""
    file = io.BytesIO()
    soundfile.write(file, y, sr, subtype=codec, format=container)
    return file.getvalue()


def encode_with_ffmpeg(
    y: np.ndarray,
    sr: int,
    container: str,
    codec: str,
    bit_rate: int | None = 96_000,
    *,
    metadata: dict[str, str] | None = None,
    **muxing: str,
) -> bytes:
    """Return samples as a file of a format that ffmpeg writes."""
    file = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[y.shape[1]]
    with av.open(file, "w", format=container, options=muxing) as output:
        output.metadata.update(metadata or {})
        stream = output.add_stream(codec, rate=sr, layout=layout, options={"strict": "experimental"})
        if bit_rate:
            stream.bit_rate = bit_rate
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T, np.float32), "fltp", layout)
        frame.sample_rate, frame.pts = sr, 0
        resampler = av.AudioResampler(stream.format, layout, sr, frame_size=stream.frame_size or 1024)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            output.mux(stream.encode(part))
    return file.getvalue()


def speex(packets: list[bytes], n_samples: int) -> bytes:
    """Return packets of narrow-band Speex, 160 samples each, as a file that counts so many samples; 0x07 is silence."""
    header = b"Speex   1.2.0".ljust(28, b"\0") + struct.pack("<13i", 1, 80, 8000, 0, 4, 1, -1, 160, 0, 1, 0, 0, 0)
    pages = [make_page(0, 2, 0, [header]), make_page(1, 0, 0, [bytes(8)]), make_page(2, 4, n_samples, packets)]
    return b"".join(pages)


def ape(n_frames: int = 2, frame_samples: int = 73728, last_samples: int = 1000) -> bytes:
    """Return stereo silence at 44.1 kHz as Monkey's Audio 3.99; its frames say that they are silent."""
    frame = struct.pack("<IIQ", 0x80000000, 3, 0)
    header = struct.pack("<HHIIIHHI", 2000, 0x20, frame_samples, last_samples, n_frames, 16, 2, 44100)
    table = [52 + len(header) + 4 * n_frames + k * len(frame) for k in range(n_frames)]
    sizes = (52, len(header), 4 * n_frames, 0, n_frames * len(frame), 0, 0)
    descriptor = b"MAC " + struct.pack("<HH7I", 3990, 0, *sizes) + bytes(16)
    return descriptor + header + struct.pack(f"<{n_frames}I", *table) + frame * n_frames


def amr(n_frames: int = 25) -> bytes:
    """Return noise as narrow-band AMR of 4.75 kbit/s, 160 samples at 8 kHz per frame: any bits are sound."""
    rng = np.random.default_rng(0)
    return b"#!AMR\n" + b"".join(b"\x04" + rng.bytes(12) for _ in range(n_frames))


def sndfile_sound(container: str, codec: str) -> bytes:
    """Return half a second in a format that libsndfile writes."""
    return encode(tone(0.5, 8000, 1 if codec == "GSM610" else 2), 8000, container, codec)


def ffmpeg_sound(container: str, codec: str) -> bytes:
    """Return half a second in a format that ffmpeg writes."""
    return encode_with_ffmpeg(tone(0.5, 48000), 48000, container, codec)


# How one small sound of every format is made, by its name.
EVERY_FORMAT: dict[str, Callable[[], bytes]] = {
    **{f"{container} {codec}": partial(sndfile_sound, container, codec) for container, codec in SNDFILE_FORMATS},
    **{f"{container} {codec}": partial(ffmpeg_sound, container, codec) for container, codec in FFMPEG_FORMATS},
    "ogg speex": lambda: speex([b"\x07"] * 25, 4000),
    "ape": ape,
    "amr": amr,
    "OGG OPUS of 48 kHz": lambda: encode(tone(0.5, 48000), 48000, "OGG", "OPUS"),
    "FLAC of 12 bits": lambda: make_flac((np.round(tone(0.2, 8000) * 2**10).astype(np.int64), Kind(8000, 12))),
}


@cache
def sound_of(name: str) -> bytes:
    """Return the small sound of a format."""
    return EVERY_FORMAT[name]()
