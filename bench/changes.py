"""What may have been done to a sound before it is uploaded again: each change makes a file of a sound."""

import io
import zlib
from collections.abc import Callable
from dataclasses import replace

import av
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from bench.labelled_sounds import LabelledSound

type Samples = NDArray[np.float32]
RATES = (16000, 22050, 32000, 44100, 48000)  # Hz, one of which is drawn at random
MOST_SILENCE_S, LOWEST_GAIN_DB = 2, -30  # what is drawn from 0 up to
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def as_it_is(sound: LabelledSound) -> bytes:
    """Return the sound itself as a file."""
    return _wav(sound.y, sound.sr, "FLOAT")


def at_random(sound: LabelledSound) -> bytes:
    """Return it at a level, with silence around it and at a rate that are drawn at random, the same ones each time."""
    rng = np.random.default_rng(zlib.crc32(sound.y.tobytes()))
    resampled = _resampled(sound, int(rng.choice(RATES)))
    silence = _silence(rng.uniform(0, MOST_SILENCE_S), rng.uniform(0, MOST_SILENCE_S), rng.uniform(LOWEST_GAIN_DB, 0))
    return silence(resampled)


def _gain(gain_db: float, subtype: str) -> Callable[[LabelledSound], bytes]:
    return lambda sound: _wav(sound.y * np.float32(10 ** (gain_db / 20)), sound.sr, subtype)


def _silence(before_s: float, after_s: float, gain_db: float = 0) -> Callable[[LabelledSound], bytes]:
    def change(sound: LabelledSound) -> bytes:
        around = [(round(before_s * sound.sr), round(after_s * sound.sr)), (0, 0)]
        return _wav(np.pad(sound.y, around) * np.float32(10 ** (gain_db / 20)), sound.sr)

    return change


def _mp3(bit_rate: int) -> Callable[[LabelledSound], bytes]:
    def change(sound: LabelledSound) -> bytes:
        fitting = sound if sound.sr in MP3_RATES else _resampled(sound, 44100)
        return _encode(fitting.y, fitting.sr, "mp3", "libmp3lame", bit_rate)

    return change


def _opus(sound: LabelledSound) -> bytes:
    return _encode(_resampled(sound, 48000).y, 48000, "ogg", "libopus", 64_000)


def _rate(sr: int) -> Callable[[LabelledSound], bytes]:
    return lambda sound: _wav(_resampled(sound, sr).y, sr)


def _eight_bit(sound: LabelledSound) -> bytes:
    return _wav(sound.y, sound.sr, "PCM_U8")


def _loud_eight_bit(sound: LabelledSound) -> bytes:
    """Return it as one would store it who has 8 bits only, using all of them."""
    return _eight_bit(replace(sound, y=sound.y / np.abs(sound.y).max()))


def _mono(sound: LabelledSound) -> bytes:
    return _wav(sound.y.mean(axis=1, keepdims=True), sound.sr)


def _stereo(sound: LabelledSound) -> bytes:
    return _wav(np.repeat(sound.y.mean(axis=1, keepdims=True), 2, axis=1), sound.sr)


def _left(sound: LabelledSound) -> bytes:
    return _wav(sound.y[:, :1], sound.sr)


def _noise(sound: LabelledSound) -> bytes:
    white = np.random.default_rng(len(sound.y)).standard_normal(sound.y.shape, dtype=np.float32)
    return _wav(sound.y + white * np.sqrt(np.square(sound.y).mean()) * np.float32(10 ** (-30 / 20)), sound.sr, "FLOAT")


def _first_half(sound: LabelledSound) -> bytes:
    return _wav(sound.y[: (len(sound.y) + 1) // 2], sound.sr)


CHANGES: dict[str, Callable[[LabelledSound], bytes]] = {
    "gain -24 dB, 16 bit": _gain(-24, "PCM_16"),
    "gain -12 dB, 16 bit": _gain(-12, "PCM_16"),
    "gain +6 dB, float": _gain(6, "FLOAT"),
    "0.37 s of silence before": _silence(0.3711, 0),
    "1 s of silence after": _silence(0, 1),
    "10.2 s of silence before, 10 s after": _silence(10.213, 10),
    "gain -18 dB, silence before and after": _silence(0.127, 0.8, -18),
    "mono": _mono,
    "two equal channels": _stereo,
    "MP3, 128 kbit/s": _mp3(128_000),
    "MP3, 64 kbit/s": _mp3(64_000),
    "Opus, 64 kbit/s": _opus,
    "8 bit, at full scale": _loud_eight_bit,
    "8 bit, however quiet": _eight_bit,
    "16 kHz": _rate(16000),
    "white noise 30 dB below": _noise,
    "left channel only": _left,
    "first half only": _first_half,
}


def _resampled(sound: LabelledSound, sr: int) -> LabelledSound:
    return replace(sound, y=soxr.resample(sound.y, sound.sr, sr), sr=sr)


def _wav(y: Samples, sr: int, subtype: str = "PCM_16") -> bytes:
    file = io.BytesIO()
    soundfile.write(file, y, sr, subtype, format="WAV")
    return file.getvalue()


def _encode(y: Samples, sr: int, container: str, codec: str, bit_rate: int) -> bytes:
    file = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[y.shape[1]]
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, sr, layout=layout, bit_rate=bit_rate)
        assert isinstance(stream, av.AudioStream)
        whole = av.AudioFrame.from_ndarray(np.ascontiguousarray(y.T), "fltp", layout)
        whole.sample_rate, whole.pts = sr, 0
        to_frames = av.AudioResampler(stream.format, layout, sr, frame_size=stream.frame_size)
        for frame in [*to_frames.resample(whole), *to_frames.resample(None), None]:
            output.mux(stream.encode(frame))
    return file.getvalue()
