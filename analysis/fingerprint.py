"""Mel powers become the fingerprint: a vector that is near another's where the two sounds sound alike.

*Conventions.* ``p`` are a frame's mel powers in the bands from 26 Hz to 7.2 kHz, [shape=(t, 111)]; ``e`` is their mean.

*Definition.* Of each frame, ``c = DCT(10 log10(p + FLOOR e))`` are the cepstra: coefficient 0 is the level, the others
are the shape of the spectrum. The vector holds the weighted means over frames of coefficients 1 to 21 and the weighted
standard deviations of 0 to 17, each divided by its constant in SCALES. A frame weighs ``e ** LOUDNESS``. So

- gain changes nothing: it adds to coefficient 0 alone, whose mean is not kept, and cancels out of the weights;
- silence before and after changes nothing, as it weighs nothing;
- what lies far below a frame's own level (rounding to few bits, a codec's noise, an empty band) is under the floor;
- a lower sample rate or a codec's lowpass takes little away, and an offset adds little, as the bands end before.

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

BANDS = slice(1, 112)  # of the 128 mel bands: what an offset leaks into is left out, and what ends above 7203 Hz
N_BANDS = BANDS.stop - BANDS.start
FLOOR = 10**-4.5  # of the frame's mean power: 45 dB below
LOUDNESS = 0.75  # exponent of the power: between amplitude, 0.5, and energy, 1
N_MEANS, N_DEVIATIONS = 22, 18  # coefficients; the mean of coefficient 0, the level, is left out
SAME_DISTANCE = 1.0
FLOORS = np.full(N_BANDS, FLOOR / N_BANDS, np.float32)  # powers times these are a frame's floor, FLOOR e
SILENT = 1e-34  # floor of a frame that is as good as digital silence: samples of 1e-15
# dB, in which each number varies alike over 486 sounds; of the deviations twice that, so that they count half.
# `python -m bench.scaling` prints them and says which sounds.
SCALES = np.array(
    [
        *(55.1, 34.5, 22.5, 19.1, 17.3, 15.4, 13.7, 11.9, 11.5, 10.6, 10.6),
        *(10.4, 9.75, 9.25, 9.05, 9.75, 9.83, 8.56, 9.06, 8.11, 8.99),
        *(74.4, 26.0, 19.0, 13.2, 10.1, 8.36, 8.21, 7.21, 6.85),
        *(6.92, 6.58, 6.95, 6.27, 6.34, 5.27, 5.51, 5.59, 5.69),
    ]
)


class Fingerprint:
    """The weighted means and deviations of cepstra, added up frame by frame."""

    def __init__(self) -> None:
        self._logs = np.empty((BATCH, N_BANDS), np.float32)
        # Of each frame 1, the cepstra and the squares of the first of them: one product adds up all.
        self._terms = np.ones((BATCH, 1 + N_MEANS + N_DEVIATIONS))
        self._sums = np.zeros(1 + N_MEANS + N_DEVIATIONS)

    def add(self, powers: NDArray[np.float32]) -> None:
        """Add some frames' mel powers, [shape=(t, 128)], t <= BATCH."""
        p = powers[:, BANDS]
        floors = p @ FLOORS
        if floors.min() <= SILENT:
            is_heard = floors > SILENT
            p, floors = p[is_heard], floors[is_heard]
        n = len(p)
        logs = np.add(p, floors[:, np.newaxis], out=self._logs[:n])
        np.log(logs, out=logs)
        terms = self._terms[:n]
        terms[:, 1 : 1 + N_MEANS] = logs @ _dct_of_logs()
        np.square(terms[:, 1 : 1 + N_DEVIATIONS], out=terms[:, 1 + N_MEANS :])
        self._sums += floors.astype(np.float64) ** LOUDNESS @ terms

    def vector(self) -> tuple[float, ...] | None:
        """Return the fingerprint, N_FINGERPRINT numbers; None where all was silence, as there is nothing to compare."""
        weight = self._sums[0]
        if not weight:
            return None
        means, mean_squares = np.split(self._sums[1:] / weight, [N_MEANS])
        variances = mean_squares - np.square(means[:N_DEVIATIONS])
        deviations = np.sqrt(np.maximum(variances, 0))  # of one frame they are 0, give or take the last bit
        return tuple((np.concatenate([means[1:], deviations]) / SCALES).tolist())


@cache
def _dct_of_logs() -> NDArray[np.float32]:
    """Return the matrix from natural logarithms of powers to cepstra of dB, [shape=(111, 22)]."""
    dct = scipy.fft.dct(np.eye(N_BANDS), type=2, norm="ortho")[:, :N_MEANS]
    return np.ascontiguousarray(dct * (10 / np.log(10)), np.float32)
