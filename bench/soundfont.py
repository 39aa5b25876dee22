"""Notes of the instruments of a soundfont, rendered from a MIDI file that plays them one after the other."""

import io
import struct
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

PROGRAMS = (*range(80), *range(104, 112))  # General MIDI's instruments, without its synthesisers' pads and its effects
KEYS = (48, 60, 72)
PERCUSSION = range(35, 82)  # keys of General MIDI's drums, each of which is another instrument
MELODY, DRUMS = 0, 9  # channels
NOTE_S, SPACE_S = 2, 3  # a note, of which the key is held for half, and from one to the next
PEAK = 0.9


def render(
    path: Path, programs: Sequence[int] = PROGRAMS, keys: Sequence[int] = KEYS
) -> Iterator[tuple[int, int, NDArray[np.float32], int]]:
    """Yield program, key, samples [shape=(n, 2)] and rate of every note that sounds."""
    yield from _render(path, programs, keys, MELODY)


def render_percussion(path: Path) -> Iterator[tuple[int, int, NDArray[np.float32], int]]:
    """Yield 0, key, samples [shape=(n, 2)] and rate of every drum of the standard kit that sounds."""
    yield from _render(path, [0], PERCUSSION, DRUMS)


def find(package: Path) -> Path:
    """Return the first soundfont of an unpacked package."""
    return next(path for path in sorted(package.rglob("*.sf2")) if not path.is_symlink())


def _render(
    path: Path, programs: Sequence[int], keys: Sequence[int], channel: int
) -> Iterator[tuple[int, int, NDArray[np.float32], int]]:
    import midirenderer  # of bench/requirements.txt

    wave = midirenderer.render_wave_from(path.read_bytes(), _midi(programs, keys, channel))
    y, sr = soundfile.read(io.BytesIO(wave), dtype="float32", always_2d=True)
    y *= PEAK / np.abs(y).max()
    for place, (program, key) in enumerate(product(programs, keys)):
        note = y[place * SPACE_S * sr :][: NOTE_S * sr]
        if len(note) and np.abs(note).max() > 1e-3:
            yield program, key, note, sr


def _midi(programs: Sequence[int], keys: Sequence[int], channel: int = MELODY) -> bytes:
    """Return a file of one track, 100 ticks a beat, one beat a second."""
    track = b"\0\xff\x51\x03" + (1_000_000).to_bytes(3)
    rest = 0
    for program in programs:
        for key in keys:
            track += _ticks(rest) + bytes([0xC0 | channel, program, 0, 0x90 | channel, key, 100])
            track += _ticks(100) + bytes([0x80 | channel, key, 0])
            rest = 100 * (SPACE_S - 1)
    track += _ticks(rest) + b"\xff\x2f\0"
    return b"MThd" + struct.pack(">IHHH", 6, 0, 1, 100) + b"MTrk" + struct.pack(">I", len(track)) + track


def _ticks(n: int) -> bytes:
    """Return a time of less than 2**14 as MIDI's variable-length quantity."""
    return bytes([n >> 7 | 0x80, n & 0x7F]) if n >> 7 else bytes([n])
