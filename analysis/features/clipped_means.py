"""Levels become their means over frames, where each level is raised to 80 dB below the highest level of the sound.

*Conventions.* ``L`` are levels in dB of one or more bands, float32 [shape=(t, n)]. M is the highest level over all
bands and frames, and T = M - 80 dB. A level below T is *clipped*: it counts as T.

*Source.* The means of ``librosa.power_to_db(..., top_db=80)``. M is known only after the last frame, but the levels
need not be kept until then, but for those of the first HELD batches:

- A band needs only the sum over frames of ``max(L, T)``, so levels above T are just added up.
- Where ``|y| <= 1``, mel levels are at most 44.81 dB. By Parseval's theorem the powers of bins 1 to 1023 of a frame add
  up to at most 1024 times the energy of the window; bins 0 and 1024 have no weight in any band. So T is at most
  44.81 - 80, which is below CERTAIN_DB, and a level above CERTAIN_DB is never clipped.
- A level below CERTAIN_DB goes into a histogram of its band, which keeps the count c and the sum s of each bin. When T
  is known, a bin above T contributes s, and a bin below T contributes ``c T``. Both are exact.
- The bin from a to b that holds T contributes something between two bounds, because ``max(v, T)`` is convex in v. It is
  at least ``max(s, c T)``, by Jensen's inequality, and at most ``c T + (s - c a) (b - T) / (b - a)``, by the chord from
  a to b. The middle of the two is taken, so it is wrong by at most half of their difference.
- Where these errors are more than the tolerance, or where floats above full scale make T higher than CERTAIN_DB, all
  levels are needed once more: then T is known from the start.

A sound of at most HELD batches has no histogram: its levels are kept, which takes less memory and less time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.definition import TOP_DB
from analysis.errors import NotFiniteError
from analysis.features.spectra import BATCH, FLOOR_DB

if TYPE_CHECKING:
    from numpy.typing import NDArray

CERTAIN_DB = 45.0 - TOP_DB  # a little more than the highest T at full scale, 44.81 - 80
BIN_DB = 0.02  # width of a bin; with 128 bands the histogram takes 7 MB
N_BINS = round((CERTAIN_DB - FLOOR_DB) / BIN_DB) + 1
HELD = 4  # batches, 12 s
ONES = np.ones(BATCH, np.float32)  # ONES @ L adds up frames in a fifth of the time that L.sum(axis=0) takes


class ClippedMeans:
    """The means over frames of levels, clipped at a threshold that is known only after the last frame.

    Examples
    --------
    >>> import numpy as np
    >>> means = ClippedMeans(n_bands=1, tolerance=1e-3)
    >>> means.add(np.array([[-99], [-3]], np.float32))
    >>> means.add(np.array([[0]], np.float32))
    >>> means.means().round(3).tolist()  # of -80, -3 and 0
    [-27.667]
    """

    def __init__(self, n_bands: int, tolerance: float) -> None:
        """Begin with no frame; the errors of the means of all bands may add up to ``tolerance`` dB."""
        self._n_bands, self._tolerance = n_bands, tolerance
        self._maximum = -np.inf  # highest level so far, dB
        self._n_frames = 0
        self._is_second_pass = False
        self._held: list[NDArray[np.float32]] = []  # the levels of the first batches, as long as there are no others
        self._sums = np.zeros(n_bands)  # of max(L, CERTAIN_DB), in the second pass of max(L, T)
        self._low_counts = np.zeros(n_bands)  # of L < CERTAIN_DB
        self._bin_counts, self._bin_sums = np.empty((2, 0))  # [shape=(n, N_BINS)], of levels above T as it was

    def add(self, levels: NDArray[np.float32]) -> None:
        """Add the levels of some frames, at most BATCH."""
        if self._is_second_pass:
            self._sums += np.maximum(levels, np.float32(self._threshold)).sum(axis=0)
            return
        self._n_frames += len(levels)
        self._maximum = float(np.maximum(self._maximum, levels.max()))
        if not len(self._bin_counts):
            self._held.append(levels.copy())
            if len(self._held) > HELD:
                self._begin_histogram()
        else:
            self._count(levels)

    def means(self) -> NDArray[np.float64] | None:
        """Return the mean of each band, [shape=(n,)]; None where all levels are needed once more.

        Raises
        ------
        NotFiniteError
            if a level is infinite
        """
        if not np.isfinite(self._maximum):
            raise NotFiniteError("samples are so large that their power is infinite: full scale is 1")
        if self._held:
            batches = [_add_up(levels, self._threshold) for levels in self._held]
            return np.sum(batches, axis=0, dtype=np.float64) / self._n_frames
        sums = self._sums if self._is_second_pass else self._clipped_sums()
        if sums is None:
            self._is_second_pass, self._sums = True, np.zeros(self._n_bands)
            return None
        return sums / self._n_frames

    @property
    def _threshold(self) -> float:
        """T of the frames so far, dB."""
        return self._maximum - TOP_DB

    def _begin_histogram(self) -> None:
        self._bin_counts, self._bin_sums = (np.zeros((self._n_bands, N_BINS)) for _ in range(2))
        for levels in self._held:
            self._count(levels)
        self._held = []

    def _count(self, levels: NDArray[np.float32]) -> None:
        """Add levels to the sums and to the histogram."""
        self._sums += _add_up(levels, CERTAIN_DB)
        is_low = levels < CERTAIN_DB
        self._low_counts += is_low.sum(axis=0, dtype=np.uint8)
        is_low &= levels > self._threshold
        places = np.flatnonzero(is_low)
        low_levels = levels.take(places)
        cells = ((low_levels - np.float32(FLOOR_DB)) * np.float32(1 / BIN_DB)).astype(np.intp)
        cells += self._band_of(places) * N_BINS
        np.add.at(self._bin_counts.reshape(-1), cells, 1.0)
        np.add.at(self._bin_sums.reshape(-1), cells, low_levels.astype(np.float64))

    def _band_of(self, places: NDArray[np.intp]) -> NDArray[np.intp]:
        n = self._n_bands
        return places & (n - 1) if n & (n - 1) == 0 else places % n  # for a power of two, & is faster

    def _clipped_sums(self) -> NDArray[np.float64] | None:
        """Return the sums over frames of max(L, T), [shape=(n,)]; None where their errors are above the tolerance."""
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


def _add_up(levels: NDArray[np.float32], lowest: float) -> NDArray[np.float32]:
    """Return the sums over frames of levels, raised to the lowest that counts."""
    return ONES[: len(levels)] @ np.maximum(levels, np.float32(lowest))
