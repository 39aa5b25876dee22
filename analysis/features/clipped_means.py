"""Levels become their means over frames, each raised to 80 dB below the highest level of the whole sound.

*Conventions.* ``L`` are levels in dB of one or more bands, float32 [shape=(t, n)]; of full scale they are at most 45.

*Source.* ``librosa.power_to_db`` raises levels to T = M - 80 dB, M being the maximum over all bands and frames
(``top_db=80``), which is known when the last frame is. The means are the same, in memory that does not grow:

- A band needs only its sum over frames of ``max(L, T)``.
- Where |y| <= 1, mel powers are at most 44.81 dB: by Parseval the powers of a frame's bins 1 to 1023 add up to at most
  1024 times the window's energy, and bins 0 and 1024 have no weight. So T <= CERTAIN_DB. A level above that is never
  clipped and only added up; one below goes into a histogram of its band, which keeps count and sum of each bin. Once T
  is known, the sum of the bins above T is exact, and so is T times the count of those below.
- In the one bin that holds T, count c and sum s bound the sum: as ``max(v, T)`` is convex, it is at least
  ``max(s, c T)`` (Jensen) and at most its chord's. The middle of the two is taken. What it could be wrong by is added
  up over the bands; where that is more than tolerated, or M so high (floats above full scale) that T > CERTAIN_DB, the
  sound is decoded once more, with T known from the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.definition import TOP_DB
from analysis.errors import NotFiniteError
from analysis.features.spectra import BATCH, FLOOR_DB

if TYPE_CHECKING:
    from numpy.typing import NDArray

CERTAIN_DB = 45.0 - TOP_DB  # T's upper bound at full scale, 44.81 - 80, and a little more
BIN_DB = 0.02  # of the histogram, which takes 7 MB with 128 bands
N_BINS = round((CERTAIN_DB - FLOOR_DB) / BIN_DB) + 1
ONES = np.ones(BATCH, np.float32)  # a product with them adds up frames in a fifth of the time that sum takes


class ClippedMeans:
    """The means over frames of levels, clipped at a threshold that is known only when all frames are."""

    def __init__(self, n_bands: int, tolerance: float) -> None:
        """Count ``n_bands`` bands, whose means may together be wrong by ``tolerance`` dB."""
        self._n_bands, self._tolerance = n_bands, tolerance
        self._maximum = -np.inf  # highest level so far, dB
        self._n_frames = 0
        self._is_second_pass = False
        self._sums = np.zeros(n_bands)  # of max(L, CERTAIN_DB), in the second pass of max(L, T)
        self._low_counts = np.zeros(n_bands)  # of L < CERTAIN_DB
        self._bin_counts = np.zeros((n_bands, N_BINS))  # of those that were above T as it was then
        self._bin_sums = np.zeros((n_bands, N_BINS))

    def add(self, levels: NDArray[np.float32]) -> None:
        """Add the levels of some frames, at most BATCH."""
        if self._is_second_pass:
            self._sums += np.maximum(levels, np.float32(self._threshold)).sum(axis=0)
            return
        self._n_frames += len(levels)
        self._maximum = float(np.maximum(self._maximum, levels.max()))
        self._sums += ONES[: len(levels)] @ np.maximum(levels, np.float32(CERTAIN_DB))
        is_low = levels < CERTAIN_DB
        self._low_counts += is_low.sum(axis=0, dtype=np.uint8)
        is_low &= levels > self._threshold
        places = np.flatnonzero(is_low)
        low_levels = levels.take(places)
        cells = ((low_levels - np.float32(FLOOR_DB)) * np.float32(1 / BIN_DB)).astype(np.intp)
        cells += self._band_of(places) * N_BINS
        np.add.at(self._bin_counts.reshape(-1), cells, 1.0)
        np.add.at(self._bin_sums.reshape(-1), cells, low_levels.astype(np.float64))

    def means(self) -> NDArray[np.float64] | None:
        """Return the mean of each band; None where they are not certain: add all levels once more, then ask again.

        Raises
        ------
        NotFiniteError
            if a level was not a number
        """
        if not np.isfinite(self._maximum):
            raise NotFiniteError("samples are so large that their power is infinite: full scale is 1")
        sums = self._sums if self._is_second_pass else self._clipped_sums()
        if sums is None:
            self._is_second_pass, self._sums = True, np.zeros(self._n_bands)
            return None
        return sums / self._n_frames

    @property
    def _threshold(self) -> float:
        """T, dB, of the frames so far."""
        return self._maximum - TOP_DB

    def _band_of(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        n = self._n_bands
        return places & (n - 1) if n & (n - 1) == 0 else places % n  # of a power of two the first is faster

    def _clipped_sums(self) -> NDArray[np.float64] | None:
        """Return the sums over frames of max(L, T), [shape=(n,)]; None where they are not certain."""
        if self._threshold > CERTAIN_DB:
            return None
        k = int((self._threshold - FLOOR_DB) / BIN_DB) if self._threshold > FLOOR_DB else -1
        above = self._sums - self._low_counts * CERTAIN_DB + self._bin_sums[:, k + 1 :].sum(axis=1)
        if k < 0:
            return above
        count, total = self._bin_counts[:, k], self._bin_sums[:, k]
        below = self._low_counts - self._bin_counts[:, k:].sum(axis=1)
        start = FLOOR_DB + k * BIN_DB
        at_least = np.maximum(total, count * self._threshold)
        at_most = count * self._threshold + (total - count * start) / BIN_DB * (start + BIN_DB - self._threshold)
        wrong = np.abs(at_most - at_least).sum() / 2 / self._n_frames
        return above + below * self._threshold + (at_least + at_most) / 2 if wrong <= self._tolerance else None
