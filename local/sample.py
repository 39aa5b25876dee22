"""Makes sample.wav: three seconds of plucked strings, the same bytes every time.

*Source.* K. Karplus, A. Strong, "Digital Synthesis of Plucked-String and Drum Timbres", Computer Music J. 7 (1983):
a period of noise, repeated, and smoothed by averaging neighbours. That takes additions and halvings, which every
machine rounds alike.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile as sf
from numpy.typing import NDArray

SAMPLE_RATE = 44100  # Hz
SEED = 1983
NOTES = ((0.0, 200), (0.5, 150), (1.0, 134), (1.5, 100))  # seconds from the start, samples per period: A3 D4 E4 A4
LENGTH_S = 3
PEAK = 0.8  # of full scale


def pluck(n_samples: int, period: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a plucked string [shape=(n_samples,), -1..1] of ``SAMPLE_RATE / period`` Hz."""
    y = np.empty(n_samples + period)
    wave = rng.uniform(-1, 1, period)
    for start in range(0, n_samples, period):
        y[start : start + period] = wave
        wave = (wave + np.roll(wave, 1)) / 2
    return y[:n_samples]


def make_sample() -> NDArray[np.float64]:
    """Return the sample [shape=(n,), -PEAK..PEAK]."""
    rng = np.random.default_rng(SEED)
    y = np.zeros(LENGTH_S * SAMPLE_RATE)
    for start_s, period in NOTES:
        start = int(start_s * SAMPLE_RATE)
        y[start:] += pluck(y.size - start, period, rng)
    y *= PEAK / np.abs(y).max()
    return y


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("sample.wav")
    sf.write(path, make_sample(), SAMPLE_RATE, subtype="PCM_16")
