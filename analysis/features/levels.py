"""Blocks of samples become the waveform at a glance and the sound's levels, in memory that does not grow.

*Conventions.* ``y`` is mono float32 at 22 050 Hz, full scale is 1; n is the number of its samples. Levels are dBFS: a
constant 1 has peak and RMS 0.

*Definition.* With numpy over the whole ``y``:

- a stretch is ``s`` samples, s the smallest power of two for which ``ceil(n / s) <= 800``; the last may be shorter. The
  peaks are ``np.rint(127 * np.clip([[v.min(), v.max()] for v in stretches], -1, 1)).astype(np.int8).tobytes()``
- ``peak_db = 20 log10(max |y|)`` and ``rms_db = 10 log10(mean y ** 2)``, None for digital silence
- ``silence`` is the share of samples with ``|y| < 0.001``, which is -60 dBFS
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.features.spectra import Spectra

MAX_STRETCHES = 800  # from 801 samples on there are at least 401
SILENT = np.float32(1e-3)
SMALLEST = 1e-30  # energy whose float32 sum is as exact as any: its terms may be denormal below


class Levels:
    """Length, peaks and levels, added up block by block."""

    def __init__(self) -> None:
        self._length = 0
        self._stretch = 1  # samples
        self._lowest = np.full(MAX_STRETCHES, np.inf, np.float32)
        self._highest = np.full(MAX_STRETCHES, -np.inf, np.float32)
        self._energy = 0.0
        self._n_silent = 0

    def add(self, spectra: Spectra) -> None:
        """Add the samples that arrived with some frames, as they arrived."""
        for y in spectra.blocks:
            self._add(y)

    def fields(self) -> dict[str, Any]:
        """Return ``length``, ``peaks``, ``peak_db``, ``rms_db`` and ``silence``."""
        n = -(-self._length // self._stretch)
        pairs = np.stack([self._lowest[:n], self._highest[:n]], axis=1)
        peak = max(-float(self._lowest.min()), float(self._highest.max()))
        return {
            "length": self._length,
            "peaks": np.rint(127 * np.clip(pairs, -1, 1)).astype(np.int8).tobytes(),
            "peak_db": 20 * float(np.log10(peak)) if peak else None,
            "rms_db": 10 * float(np.log10(self._energy / self._length)) if self._energy else None,
            "silence": self._n_silent / self._length,
        }

    def _add(self, y: NDArray[np.float32]) -> None:
        end = self._length + len(y)
        while end > MAX_STRETCHES * self._stretch:
            self._double_stretch()
        first = self._length // self._stretch
        starts = np.maximum(np.arange(first * self._stretch, end, self._stretch) - self._length, 0)
        reached = slice(first, first + len(starts))
        np.minimum(self._lowest[reached], np.minimum.reduceat(y, starts), out=self._lowest[reached])
        np.maximum(self._highest[reached], np.maximum.reduceat(y, starts), out=self._highest[reached])
        self._energy += _energy(y)
        self._n_silent += int(np.count_nonzero(y < SILENT)) - int(np.count_nonzero(y <= -SILENT))
        self._length = end

    def _double_stretch(self) -> None:
        half = MAX_STRETCHES // 2
        self._stretch *= 2
        self._lowest[:half], self._lowest[half:] = np.minimum(self._lowest[::2], self._lowest[1::2]), np.inf
        self._highest[:half], self._highest[half:] = np.maximum(self._highest[::2], self._highest[1::2]), -np.inf


def _energy(y: NDArray[np.float32]) -> float:
    """Return the sum of squares: of float32, as that takes a third of the time, unless they leave its range."""
    energy = float(y @ y)
    if SMALLEST < energy < np.inf:
        return energy
    exact = y.astype(np.float64)
    return float(exact @ exact)
