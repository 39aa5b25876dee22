"""Samples become the waveform at a glance, the levels and the length of a sound, in memory that does not grow.

*Conventions.* ``y`` is mono float32 at 22 050 Hz, full scale is 1; n is the number of its samples. Levels are in dBFS:
a constant 1 has a peak and an RMS of 0.

*Definition.* With numpy over the whole ``y``:

- A stretch is s samples, where s is the smallest power of two for which ``ceil(n / s) <= 800``. The last stretch may
  be shorter. The peaks are the lowest and the highest sample of each stretch:
  ``np.rint(127 * np.clip([[v.min(), v.max()] for v in stretches], -1, 1)).astype(np.int8).tobytes()``.
- ``peak_db = 20 log10(max |y|)`` and ``rms_db = 10 log10(mean(y ** 2))``; both are None for digital silence.
- ``silence`` is the share of samples for which ``|y| < 0.001``, which is -60 dBFS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.definition import SILENT_DB

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.features.spectra import Spectra

MAX_STRETCHES = 800  # so a sound of 801 samples or more has at least 401
SILENT = np.float32(10 ** (SILENT_DB / 20))
SMALLEST = 1e-30  # energy: below, the squares that are added up may be denormal, which are not exact


class Levels:
    """Length, peaks and levels, added up block by block.

    Examples
    --------
    >>> import numpy as np
    >>> from analysis.features.spectra import compute_spectra
    >>> levels = Levels()
    >>> for spectra in compute_spectra([np.array([0, 1, -0.5], np.float32), np.array([0], np.float32)]):
    ...     levels.add(spectra)
    >>> fields = levels.fields()
    >>> fields["length"], fields["peak_db"], round(fields["rms_db"], 2), fields["silence"]
    (4, 0.0, -5.05, 0.5)
    >>> np.frombuffer(fields["peaks"], np.int8).reshape(-1, 2).tolist()
    [[0, 0], [127, 127], [-64, -64], [0, 0]]
    """

    def __init__(self) -> None:
        self._length = 0
        self._stretch = 1  # samples
        self._lowest = np.full(MAX_STRETCHES, np.inf, np.float32)
        self._highest = np.full(MAX_STRETCHES, -np.inf, np.float32)
        self._energy = 0.0
        self._n_silent = 0

    def add(self, spectra: Spectra) -> None:
        """Add the blocks that arrived with some frames; the sum of squares depends on how y is cut in its last bits."""
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
    """Return the sum of squares; in float32, which takes a third of the time, unless a square leaves its range."""
    energy = float(y @ y)
    if SMALLEST < energy < np.inf:
        return energy
    exact = y.astype(np.float64)
    return float(exact @ exact)
