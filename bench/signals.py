"""The sound files of the benchmark, each made once and kept in the cache directory."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from bench.material import BLOCK, make_blocks
from bench.runs import progress

# By the ending of the file's name: libsndfile's container and codec,
LIBSNDFILE = {"flac": ("FLAC", "PCM_16"), "ogg": ("OGG", "VORBIS")}
# and ffmpeg's with options: its MP3 takes an eighth of the time of libsndfile's, its AAC so half of the default's.
FFMPEG = {"mp3": ("mp3", "libmp3lame", {"compression_level": "7"}), "m4a": ("mp4", "aac", {"aac_coder": "fast"})}
BIT_RATE = 128_000  # of both channels
WAV_HEADER = 44  # bytes


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
    """Make of a WAV file the same in another format (flac, ogg, mp3, m4a) and return its path."""

    def write(path: Path) -> None:
        with soundfile.SoundFile(wav) as source:
            if ending in FFMPEG:
                _write_by_ffmpeg(path, source, *FFMPEG[ending])
                return
            container, codec = LIBSNDFILE[ending]
            with soundfile.SoundFile(path, "w", source.samplerate, source.channels, codec, format=container) as sound:
                for block in _read_blocks(source):
                    sound.write(block)

    return _once(wav.with_suffix(f".{ending}"), write)


def declare(wav: Path, seconds: float) -> None:
    """Let the header of a 16-bit WAV file tell of its first seconds only (or, given its own length, of all)."""
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
    """Write a file unless it is there; half a file never is."""
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


def _write_by_ffmpeg(
    path: Path, source: soundfile.SoundFile, container: str, codec: str, options: dict[str, str]
) -> None:
    with av.open(path, "w", format=container) as output:
        layout = {1: "mono", 2: "stereo"}[source.channels]
        stream = output.add_stream(codec, rate=source.samplerate, layout=layout, bit_rate=BIT_RATE, options=options)
        n_written = 0
        for block in _read_blocks(source):
            frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout=layout)
            frame.sample_rate, frame.pts = source.samplerate, n_written
            frame.time_base = Fraction(1, source.samplerate)
            n_written += len(block)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
