"""Sounds to upload: small, synthesised, the same every time, in every format that can be written here."""

import io

import av
import numpy as np
import soundfile

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


def encode_with_ffmpeg(y: np.ndarray, sr: int, container: str, codec: str) -> bytes:
    """Return samples as a file of a format that ffmpeg writes."""
    file = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[y.shape[1]]
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=sr, layout=layout, options={"strict": "experimental"})
        stream.bit_rate = 96_000
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T, np.float32), "fltp", layout)
        frame.sample_rate, frame.pts = sr, 0
        resampler = av.AudioResampler(stream.format, layout, sr, frame_size=stream.frame_size or 1024)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            output.mux(stream.encode(part))
    return file.getvalue()


def one_of_each() -> dict[str, bytes]:
    """Return one small sound of every format, by its name."""
    files = {}
    for container, codec in SNDFILE_FORMATS:
        channels = 1 if codec == "GSM610" else 2
        files[f"{container} {codec}"] = encode(tone(0.5, 8000, channels), 8000, container, codec)
    for container, codec in FFMPEG_FORMATS:
        files[f"{container} {codec}"] = encode_with_ffmpeg(tone(0.5, 48000), 48000, container, codec)
    return files
