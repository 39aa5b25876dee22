"""The sound files of the benchmark, each made once and kept in the cache directory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from bench.runs import progress
from bench.signals import BLOCK, make_blocks

LIBSNDFILE = {"flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS")}  # container and codec, by the name's ending
BIT_RATE = 128_000  # of both channels
WAV_HEADER = 44  # bytes


@dataclass(frozen=True, slots=True)
class Encoder:
    """One of ffmpeg's encoders.

    Attributes:
        container: name of the format of the file.
        codec: name of the encoder.
        options: what it is set to.
        sr: its sampling rate in Hz; None for that of the sound.
    """

    container: str
    codec: str
    options: dict[str, str]
    sr: int | None = None


FFMPEG = {  # by the name's ending
    "mp3": Encoder("mp3", "libmp3lame", {"compression_level": "7"}),  # an eighth of the time of libsndfile's MP3
    "m4a": Encoder("mp4", "aac", {"aac_coder": "fast"}),  # half of the time of the default coder
    "opus": Encoder("ogg", "libopus", {}, 48000),  # Opus has no 44 100 Hz
}


def make_wav(
    cache: Path, name: str, seconds: float, *, sr: int = 44100, channels: int = 2, bits: int = 16, seed: int = 1
) -> Path:
    """Make a WAV file of the material and return its path."""

    def write(path: Path) -> None:
        blocks = make_blocks(round(seconds * sr), sr, channels, seed)
        with soundfile.SoundFile(path, "w", sr, channels, f"PCM_{bits}", format="WAV") as sound:
            for block in blocks:
                sound.write((block * 32767).astype(np.int16) if bits == 16 else block)

    return _once(cache / f"{name}-{seconds:g}s.wav", write)


def encode(wav: Path, ending: str) -> Path:
    """Write the sound of a WAV file in the format of another ending (flac, ogg, opus, mp3, m4a) and return its path."""

    def write(path: Path) -> None:
        with soundfile.SoundFile(wav) as source:
            if ending in FFMPEG:
                _write_by_ffmpeg(path, source, FFMPEG[ending])
                return
            container, codec = LIBSNDFILE[ending]
            with soundfile.SoundFile(path, "w", source.samplerate, source.channels, codec, format=container) as sound:
                for block in _read_blocks(source):
                    sound.write(block)

    return _once(wav.with_suffix(f".{ending}"), write)


def declare(wav: Path, seconds: float) -> None:
    """Set the length in the header of a 16-bit WAV file: to its first seconds, or back to its own length."""
    with wav.open("r+b") as file:
        header = file.read(WAV_HEADER)
        if header[36:40] != b"data":
            raise ValueError(f"{wav}: its header is not the shortest there is")
        byte_rate = int.from_bytes(header[28:32], "little")
        n_bytes = min(round(seconds * byte_rate) // 4 * 4, wav.stat().st_size - WAV_HEADER)
        file.seek(4)
        file.write((n_bytes + WAV_HEADER - 8).to_bytes(4, "little"))
        file.seek(40)
        file.write(n_bytes.to_bytes(4, "little"))


def _once(path: Path, write: Callable[[Path], None]) -> Path:
    """Write a file unless it is there; under its name there is never half a file."""
    if not path.exists():
        progress(f"making {path.name} (kept in {path.parent})")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"part-{path.name}")
        write(part)
        part.rename(path)
    return path


def _read_blocks(source: soundfile.SoundFile) -> Iterator[NDArray[np.int16]]:
    while len(block := source.read(BLOCK, dtype="int16", always_2d=True)):
        yield block


def _write_by_ffmpeg(path: Path, source: soundfile.SoundFile, encoder: Encoder) -> None:
    with av.open(path, "w", format=encoder.container) as output:
        layout = {1: "mono", 2: "stereo"}[source.channels]
        sr = encoder.sr or source.samplerate
        stream = output.add_stream(encoder.codec, sr, encoder.options, layout=layout, bit_rate=BIT_RATE)
        assert isinstance(stream, av.AudioStream)
        n_written = 0
        for block in _read_blocks(source):
            frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate, frame.pts = source.samplerate, n_written
            frame.time_base = Fraction(1, source.samplerate)
            n_written += len(block)
            output.mux(stream.encode(frame))  # resampled where the encoder has a rate of its own
        output.mux(stream.encode(None))
