"""Mel powers become the fingerprint: a vector that is near another's where the two sounds sound alike.

*Conventions.* ``p`` are a frame's mel powers in the bands from 26 Hz to 7.2 kHz, [shape=(t, 111)]; ``e`` is their mean.

*Definition.* Of each frame, ``c = DCT(10 log10(p + FLOOR e))`` are the cepstra: coefficient 0 is the level, the others
are the shape of the spectrum. A frame weighs ``e ** LOUDNESS``, a step from one frame to the next what the lighter of
them weighs. The vector holds the weighted means over frames of coefficients 1 to 22, then as ``log(1 + d / EVEN)`` the
weighted standard deviations d of 0 to 16 and the weighted mean d of the level's absolute steps, which tells rough from
smooth; each is divided by its constant in SCALES. So

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

from analysis.features.spectra import BATCH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from analysis.features.spectra import Spectra

BANDS = slice(1, 112)  # of the 128 mel bands: what an offset leaks into is left out, and what ends above 7203 Hz
N_BANDS = BANDS.stop - BANDS.start
FLOOR = 10**-4.5  # of the frame's mean power: 45 dB below
LOUDNESS = 0.75  # exponent of the power: between amplitude, 0.5, and energy, 1
N_MEANS, N_DEVIATIONS = 23, 17  # coefficients; the mean of coefficient 0, the level, is left out
EVEN = 3.0  # dB: what changes by more is compared by ratio, what changes by less by difference
FLOORS = np.full(N_BANDS, FLOOR / N_BANDS, np.float32)  # powers times these are a frame's floor, FLOOR e
SILENT = 1e-34  # floor of a frame that is as good as digital silence: samples of 1e-15
# By how much each number varies over 648 sounds; what is to count less, the deviations, is divided by more, the steps
# by less. `python -m bench.scaling` prints them and says which sounds.
SCALES = np.array(
    [
        *(51.9, 33, 22.3, 19.6, 17.5, 15.2, 14.8, 12.1, 11.3, 10.6, 9.98),
        *(10, 9.69, 8.51, 8.69, 9.23, 9.04, 7.91, 8.51, 7.82, 8.28, 7.66),
        *(0.752, 0.829, 0.829, 0.742, 0.668, 0.611, 0.591, 0.56, 0.579),
        *(0.565, 0.561, 0.552, 0.539, 0.538, 0.515, 0.516, 0.505),
        0.435,
    ]
)


class Fingerprint:
    """The weighted means and deviations of cepstra and of the level's steps, added up frame by frame."""

    def __init__(self) -> None:
        self._logs = np.empty((BATCH, N_BANDS), np.float32)
        # Of each frame its weight, and 1, the cepstra and the squares of the first of them: one product adds up all.
        # Before them is the last frame of the batch before, from which the first step begins; of none the weight is 0.
        self._weights = np.zeros(1 + BATCH)
        self._terms = np.ones((1 + BATCH, 1 + N_MEANS + N_DEVIATIONS))
        self._sums = np.zeros(1 + N_MEANS + N_DEVIATIONS)
        self._step_sums = np.zeros(2)  # of weights, and of weighted steps

    def add(self, spectra: Spectra) -> None:
        """Add the mel powers of some frames."""
        p = spectra.mel_powers[:, BANDS]
        n = len(p)
        weights, terms = self._weights[: 1 + n], self._terms[: 1 + n]
        floors = p @ FLOORS
        weights[1:] = np.maximum(floors - SILENT, 0)
        weights[1:] **= LOUDNESS
        logs = np.add(p, np.maximum(floors, SILENT)[:, np.newaxis], out=self._logs[:n])
        np.log(logs, out=logs)
        terms[1:, 1 : 1 + N_MEANS] = logs @ _dct_of_logs()
        np.square(terms[1:, 1 : 1 + N_DEVIATIONS], out=terms[1:, 1 + N_MEANS :])
        self._sums += weights[1:] @ terms[1:]
        step_weights = np.minimum(weights[1:], weights[:-1])
        self._step_sums += step_weights.sum(), step_weights @ np.abs(terms[1:, 1] - terms[:-1, 1])
        weights[0], terms[0] = weights[-1], terms[-1]

    def fields(self) -> dict[str, list[float]]:
        """Return ``fingerprint``, N_FINGERPRINT numbers; nothing of silence, in which there is nothing to compare."""
        weight = self._sums[0]
        if not weight:
            return {}
        means, mean_squares = np.split(self._sums[1:] / weight, [N_MEANS])
        variances = mean_squares - np.square(means[:N_DEVIATIONS])
        deviations = np.sqrt(np.maximum(variances, 0))  # of one frame they are 0, give or take the last bit
        step_weight, steps = self._step_sums
        changes = np.append(deviations, steps / step_weight if step_weight else 0)
        return {"fingerprint": (np.concatenate([means[1:], np.log1p(changes / EVEN)]) / SCALES).tolist()}


@cache
def _dct_of_logs() -> NDArray[np.float32]:
    """Return the matrix from natural logarithms of powers to cepstra of dB, [shape=(111, 23)]."""
    dct = scipy.fft.dct(np.eye(N_BANDS), type=2, norm="ortho")[:, :N_MEANS]
    return np.ascontiguousarray(dct * (10 / np.log(10)), np.float32)
