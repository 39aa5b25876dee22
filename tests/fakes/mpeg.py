"""MP3 whose header counts otherwise than there are frames, or that has none, as encoders and joining tools leave it."""

import io

import numpy as np
import soundfile

from tests.fakes.synthetic import encode


def swelling(seconds: float, sr: int, channels: int = 1, frequency: float = 440) -> np.ndarray:
    """A sound that is quiet at first, [shape=(n, channels)]: with a variable bit rate its first frames are small."""
    t = np.arange(round(seconds * sr)) / sr
    noise = np.random.default_rng(0).standard_normal((len(t), channels)) * 0.05
    y = (0.3 * np.sin(2 * np.pi * frequency * t)[:, np.newaxis] + noise) * np.linspace(0.001, 1, len(t))[:, np.newaxis]
    return np.asarray(y)


def with_header(y: np.ndarray, sr: int) -> bytes:
    """MP3 as LAME writes it to a file: its first frame counts the others."""
    return encode(y, sr, "MP3", "MPEG_LAYER_III")


def header_at(content: bytes) -> int:
    """Where Xing's header stands."""
    return next(at for name in (b"Xing", b"Info") if (at := content.find(name)) >= 0)


def without_header(content: bytes) -> bytes:
    """The frames that a header counts."""
    return content[content.index(content[:2], header_at(content)) :]


def piped(y: np.ndarray, sr: int) -> bytes:
    """MP3 of variable bit rate as an encoder writes it to a pipe: it cannot go back to its beginning to count."""
    file = io.BytesIO()
    soundfile.write(file, y, sr, format="MP3", subtype="MPEG_LAYER_III", bitrate_mode="VARIABLE")
    return without_header(file.getvalue())


def with_count(content: bytes, n_frames: int) -> bytes:
    """MP3 whose header counts so many frames."""
    at = header_at(content) + 8
    return content[:at] + n_frames.to_bytes(4) + content[at + 4 :]


def with_fraunhofers_header(content: bytes, n_frames: int) -> bytes:
    """MP3 whose first frame counts the others as Fraunhofer's encoder does."""
    plain = without_header(content)
    header = plain[:2] + b"\x90" + plain[3:4]  # 128 kbit/s, or 80 in MPEG 2, at 44 100 or 22 050 Hz
    size = 417 if plain[1] & 8 else 261
    head = b"VBRI" + (1).to_bytes(2) + bytes(4) + len(plain).to_bytes(4) + n_frames.to_bytes(4) + bytes(8)
    return (header + bytes(32) + head).ljust(size, b"\0") + plain
