"""Mel powers become the 12 mean MFCCs, in memory that does not grow with the sound.

*Conventions.* ``L`` is the log-mel power in dB, float32 [shape=(t, 128)].

*Source.* ``librosa.feature.mfcc(y=y, sr=22050, n_mfcc=12).mean(axis=1)`` of librosa 1.0 is the definition. Three steps
are done otherwise, with the same result:

- The mean of the DCT is the DCT of the mean, so a band needs only its sum over frames of ``max(L, T)``, T = M - 80 dB,
  where M is the maximum over the whole sound (``top_db=80``). M is known when the last frame is.
- Where |y| <= 1, L <= 44.81 dB: by Parseval the powers of a frame's bins 1 to 1023 add up to at most 1024 times the
  window's energy, and bins 0 and 1024 have no weight. So T <= CERTAIN_DB. A level above that is never clipped and only
  added up; one below goes into a histogram of its band, which keeps count and sum of each bin. Once T is known, the sum
  of the bins above T is exact, and so is T times the count of those below.
- In the one bin that holds T, count c and sum s bound the sum: as ``max(v, T)`` is convex, it is at least
  ``max(s, c T)`` (Jensen) and at most its chord's. The middle of the two is taken. What it could be wrong by is added
  up over the bands; where that is more than TOLERANCE, or M so high (floats above full scale) that T > CERTAIN_DB, the
  sound is decoded once more, with T known from the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from analysis.definition import N_MELS, N_MFCC, TOP_DB
from analysis.errors import NotFiniteError
from analysis.features.spectra import BATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.features.spectra import Spectra

AMIN = 1e-10
FLOOR_DB = -100.0  # of AMIN
CERTAIN_DB = 45.0 - TOP_DB  # T's upper bound at full scale, 44.81 - 80, and a little more
BIN_DB = 0.02  # of the histogram, which takes 7 MB with its 128 bands
N_BINS = round((CERTAIN_DB - FLOOR_DB) / BIN_DB) + 1
TOLERANCE = 1e-4  # of a coefficient; the promise is 1e-3
ONES = np.ones(BATCH, np.float32)  # a product with them adds up frames in a fifth of the time that sum takes


class MeanMfccs:
    """The means over frames of MFCCs, clipped at a threshold that is known only when all frames are."""

    def __init__(self) -> None:
        self._maximum = -np.inf  # highest level so far, dB
        self._n_frames = 0
        self._is_second_pass = False
        self._log_mel = np.empty((BATCH, N_MELS), np.float32)
        self._sums = np.zeros(N_MELS)  # of max(L, CERTAIN_DB), in the second pass of max(L, T)
        self._low_counts = np.zeros(N_MELS)  # of L < CERTAIN_DB
        self._bin_counts = np.zeros((N_MELS, N_BINS))  # of those that were above T as it was then
        self._bin_sums = np.zeros((N_MELS, N_BINS))

    def add(self, spectra: Spectra) -> None:
        """Add the mel powers of some frames."""
        log_mel = _to_db(spectra.mel_powers, out=self._log_mel[: len(spectra)])
        if self._is_second_pass:
            self._sums += np.maximum(log_mel, np.float32(self._threshold)).sum(axis=0)
            return
        self._n_frames += len(log_mel)
        self._maximum = float(np.maximum(self._maximum, log_mel.max()))
        self._sums += ONES[: len(log_mel)] @ np.maximum(log_mel, np.float32(CERTAIN_DB))
        is_low = log_mel < CERTAIN_DB
        self._low_counts += is_low.sum(axis=0, dtype=np.uint8)
        is_low &= log_mel > self._threshold
        places = np.flatnonzero(is_low)
        levels = log_mel.take(places)
        cells = ((levels - np.float32(FLOOR_DB)) * np.float32(1 / BIN_DB)).astype(np.intp)
        cells += (places & (N_MELS - 1)) * N_BINS  # N_MELS is a power of two: a faster %
        np.add.at(self._bin_counts.reshape(-1), cells, 1.0)
        np.add.at(self._bin_sums.reshape(-1), cells, levels.astype(np.float64))

    def fields(self) -> dict[str, list[float]] | None:
        """Return ``mean_mfccs``; None where they are not certain to TOLERANCE, and a second pass has to find them.

        Raises
        ------
        NotFiniteError
            if a power was not a number
        """
        if not np.isfinite(self._maximum):
            raise NotFiniteError("samples are so large that their power is infinite: full scale is 1")
        sums = self._sums if self._is_second_pass else self._clipped_sums()
        if sums is None:
            self._is_second_pass, self._sums = True, np.zeros(N_MELS)
            return None
        return {"mean_mfccs": _dct(sums / self._n_frames)}

    @property
    def _threshold(self) -> float:
        """T, dB, of the frames so far."""
        return self._maximum - TOP_DB

    def _clipped_sums(self) -> NDArray[np.float64] | None:
        """Return the sums over frames of max(L, T), [shape=(128,)]; None where they are not certain to TOLERANCE."""
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
        wrong = np.abs(at_most - at_least).sum() / 2 / self._n_frames * np.sqrt(2 / N_MELS)
        return above + below * self._threshold + (at_least + at_most) / 2 if wrong <= TOLERANCE else None


def _to_db(powers: NDArray[np.float32], out: NDArray[np.float32]) -> NDArray[np.float32]:
    np.maximum(powers, np.float32(AMIN), out=out)
    np.log(out, out=out)
    out *= np.float32(10 / np.log(10))
    return out


def _dct(mean_log_mel: NDArray[np.float64]) -> list[float]:
    mean_mfccs: list[float] = scipy.fft.dct(mean_log_mel, type=2, norm="ortho")[:N_MFCC].tolist()
    return mean_mfccs
