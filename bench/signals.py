"""What the sounds of the benchmark are made of: seeded notes over coloured noise, in passages.

Passages of 2 to 12 seconds follow each other: loud, soft, very quiet and silent ones. Each is cut from the same 20
seconds of material, at a place of its own. The material's spectrum falls as music's does.
"""

from collections.abc import Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

SEED = 1
MATERIAL_S, NOTE_S = 20, 1.0
GAINS = (0.9, 0.5, 0.3, 0.1, 0.01, 0.001, 0.0)
CHANCES = (0.3, 0.2, 0.2, 0.12, 0.08, 0.05, 0.05)
BLOCK = 2**16  # samples


def make_blocks(n_samples: int, sr: int, channels: int, seed: int = SEED) -> Iterator[NDArray[np.float32]]:
    """Yield a sound in blocks, float32 [shape=(n, channels)], |y| < 1."""
    rng = np.random.default_rng(seed)
    material = _make_material(sr, channels)
    while n_samples:
        left = min(n_samples, int(rng.uniform(2, 12) * sr))
        gain = np.float32(rng.choice(GAINS, p=CHANCES))
        start = int(rng.integers(len(material) - left))
        n_samples -= left
        for block in range(start, start + left, BLOCK):
            yield material[block : min(block + BLOCK, start + left)] * gain


@cache
def _make_material(sr: int, channels: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(SEED)
    n_samples = MATERIAL_S * sr
    material = np.stack([_make_noise(rng, n_samples) for _ in range(channels)], axis=1) * np.float32(0.05)
    for onset in np.arange(0, MATERIAL_S - NOTE_S, 0.2):
        note = _make_note(rng, sr)
        first = int(onset * sr)
        material[first : first + len(note)] += note[:, np.newaxis] * rng.uniform(0.3, 1, channels).astype(np.float32)
    material /= np.abs(material).max()
    return material


def _make_note(rng: np.random.Generator, sr: int) -> NDArray[np.float32]:
    """Make a plucked tone: harmonics k of amplitude 1/k that die away the faster the higher they are."""
    t = np.arange(int(NOTE_S * sr)) / sr
    pitch = 55 * 2 ** (rng.integers(0, 48) / 12)
    turning = np.exp((2j * np.pi * pitch - 1) * t).astype(np.complex64)
    harmonic = note = turning
    for k in range(2, min(25, int(sr / 2 / pitch))):
        harmonic = harmonic * turning
        note = note + harmonic / np.float32(k)
    return np.ascontiguousarray(note.imag)


def _make_noise(rng: np.random.Generator, n_samples: int) -> NDArray[np.float32]:
    """Make pink noise, peak 1."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples, dtype=np.float32))
    y = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), n_samples).astype(np.float32)
    y /= np.abs(y).max()
    return y
