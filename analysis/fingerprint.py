"""Mel powers become the fingerprint: a vector that is near another's where the two sounds sound alike.

*Conventions.* ``p`` are the mel powers of a frame in the bands up to 7.2 kHz, [shape=(t, 112)], and ``e`` their mean.

*Definition.* Of each frame, ``c = DCT(10 log10(p + FLOOR e))`` are the cepstra: coefficient 0 is the level, the others
are the shape of the spectrum. The vector holds the weighted means over frames of coefficients 1 to 23 and the weighted
standard deviations of 0 to 15, each divided by its constant in SCALES. A frame weighs ``e ** LOUDNESS``. So

- gain changes nothing: it adds to coefficient 0 alone, whose mean is not kept, and cancels out of the weights;
- silence before and after changes nothing, as it weighs nothing;
- what lies far below a frame's own level (rounding to few bits, a codec's noise, an empty band) is under the floor;
- a lower sample rate or a codec's lowpass takes little away, as the bands end below.

docs/similarity.md has the measurements behind each number here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from analysis.spectrum import BATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_BANDS = 112  # of the 128 mel bands: the last one ends at 7203 Hz
FLOOR = 10**-4.5  # of the frame's mean power: 45 dB below
LOUDNESS = 0.75  # exponent of the power: between amplitude, 0.5, and energy, 1
N_MEANS, N_DEVIATIONS = 24, 16  # coefficients; the mean of coefficient 0, the level, is left out
SAME_DISTANCE = 1.0
MEAN = np.full(N_BANDS, 1 / N_BANDS, np.float32)  # as a product: a mean over the last axis takes longer
SILENT = 1e-30  # mean power of a frame that is as good as digital silence: samples of 1e-15
# dB, in which each number varies alike over 486 sounds; of the deviations twice that, so that they count half.
# `python -m bench.scaling` prints them and says which sounds.
SCALES = np.array(
    [
        *(55.1, 35.1, 23.3, 20.0, 18.0, 16.3, 14.3, 12.5, 11.9, 11.2, 10.9, 10.8),
        *(9.72, 9.44, 9.36, 9.55, 9.86, 8.47, 9.53, 8.59, 9.27, 8.33, 8.38),
        *(75.6, 25.8, 19.1, 13.2, 10.3, 8.47, 8.19, 7.26, 6.95, 7.10, 6.66, 7.04, 6.28, 6.26, 5.42, 5.71),
    ]
)


class Fingerprint:
    """The weighted means and deviations of cepstra, added up frame by frame."""

    def __init__(self) -> None:
        self._weight = 0.0
        self._sums = np.zeros(N_MEANS)
        self._square_sums = np.zeros(N_DEVIATIONS)
        self._logs = np.empty((BATCH, N_BANDS), np.float32)

    def add(self, powers: NDArray[np.float32]) -> None:
        """Add some frames' mel powers, [shape=(t, 128)]."""
        p = powers[:, :N_BANDS]
        e = p @ MEAN
        is_heard = e > SILENT
        if not is_heard.all():
            p, e = p[is_heard], e[is_heard]
        logs = np.add(p, np.float32(FLOOR) * e[:, np.newaxis], out=self._logs[: len(p)])
        np.log(logs, out=logs)
        cepstra = (logs @ _dct_of_logs()).astype(np.float64)
        weights = e.astype(np.float64) ** LOUDNESS
        self._weight += weights.sum()
        self._sums += weights @ cepstra
        self._square_sums += weights @ np.square(cepstra[:, :N_DEVIATIONS])

    def vector(self) -> tuple[float, ...] | None:
        """Return the fingerprint, N_FINGERPRINT numbers; None where all was silence, as there is nothing to compare."""
        if not self._weight:
            return None
        means = self._sums / self._weight
        variances = self._square_sums / self._weight - np.square(means[:N_DEVIATIONS])
        deviations = np.sqrt(np.maximum(variances, 0))  # of one frame they are 0, give or take the last bit
        return tuple((np.concatenate([means[1:], deviations]) / SCALES).tolist())


@cache
def _dct_of_logs() -> NDArray[np.float32]:
    """Return the matrix from natural logarithms of powers to cepstra of dB, [shape=(112, 24)]."""
    dct = scipy.fft.dct(np.eye(N_BANDS), type=2, norm="ortho")[:, :N_MEANS]
    return np.ascontiguousarray(dct * (10 / np.log(10)), np.float32)
