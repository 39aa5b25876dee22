"""FLAC made by hand, its samples as they are: what no encoder writes, of any bits, and changing within the stream."""

import struct
from dataclasses import dataclass

import numpy as np

BLOCK = 1024  # samples in each frame but the last
RATE_CODES = {88200: 1, 8000: 4, 16000: 5, 22050: 6, 44100: 9, 48000: 10, 96000: 11}
BITS_CODES = {8: 1, 12: 2, 16: 4, 20: 5, 24: 6, 32: 7}


@dataclass(frozen=True)
class Kind:
    """What a frame says of itself; a code of 0 leaves it to the beginning of the file."""

    sr: int = 22050
    bits: int = 16
    rate_code: int | None = None
    bits_code: int | None = None
    is_variable: bool = False


def crc(content: bytes, polynomial: int, width: int) -> bytes:
    """The checksum of a header (8 bits) or a frame (16)."""
    value = 0
    for byte in content:
        value ^= byte << (width - 8)
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value >> (width - 1) & 1 else 0)
    return value.to_bytes(width // 8)


def number(value: int) -> bytes:
    """A frame's number, as UTF-8 writes a character."""
    return chr(value).encode() if value < 0x800 else chr(value).encode("utf-8", "surrogatepass")


def make_header(kind: Kind, index: int, n_samples: int, channels: int) -> bytes:
    """The header of a frame, whose size stands at its end."""
    rate_code = RATE_CODES.get(kind.sr, 13) if kind.rate_code is None else kind.rate_code
    bits_code = BITS_CODES.get(kind.bits, 0) if kind.bits_code is None else kind.bits_code
    rate = {12: lambda: bytes([kind.sr // 1000]), 13: lambda: struct.pack(">H", kind.sr)}
    rate[14] = lambda: struct.pack(">H", kind.sr // 10)
    head = bytes([0xFF, 0xF9 if kind.is_variable else 0xF8, 0x70 | rate_code, (channels - 1) << 4 | bits_code << 1])
    head += number(index * BLOCK if kind.is_variable else index) + struct.pack(">H", n_samples - 1)
    head += rate.get(rate_code, lambda: b"")()
    return head + crc(head, 0x107, 8)


def make_frame(samples: np.ndarray, kind: Kind, index: int) -> bytes:
    """A frame of integers, [shape=(n, channels)], as they are."""
    places = np.arange(kind.bits - 1, -1, -1)
    subframes = []
    for channel in samples.T:
        bits = (channel[:, np.newaxis] >> places) & 1
        subframes += [np.array([0, 0, 0, 0, 0, 0, 1, 0]), bits.ravel()]
    frame = make_header(kind, index, *samples.shape) + np.packbits(np.concatenate(subframes).astype(np.uint8)).tobytes()
    return frame + crc(frame, 0x18005, 16)


def make_flac(*parts: tuple[np.ndarray, Kind]) -> bytes:
    """A file of the first part's kind, whose frames go on with the others'."""
    first, kind = parts[0]
    frames = [(part[start : start + BLOCK], kind) for part, kind in parts for start in range(0, len(part), BLOCK)]
    n_samples = sum(len(part) for part, _ in parts)
    facts = kind.sr << 44 | (first.shape[1] - 1) << 41 | (kind.bits - 1) << 36 | n_samples
    info = struct.pack(">HH6xQ16x", BLOCK, BLOCK, facts)
    content = b"".join(make_frame(samples, kind, index) for index, (samples, kind) in enumerate(frames))
    return b"fLaC" + struct.pack(">I", 0x80 << 24 | len(info)) + info + content
