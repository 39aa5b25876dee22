"""Mel powers become the fingerprint: a vector that is near another's where the two sounds sound alike.

*Conventions.* ``p_t`` are the mel powers of frame t in the 111 bands from 26 Hz to 7.2 kHz; ``e_t`` is their mean.

*Definition.* The vector is made of the cepstra c, whose coefficient 0 is the level of a frame and whose others are the
shape of its spectrum, each frame weighted by w::

    c_t = DCT(10 log10(p_t + FLOOR e_t))                        the DCT is of type 2 and orthonormal
    w_t = e_t ** LOUDNESS
    m_k = sum_t(w_t c_tk) / sum_t(w_t)                          means, k = 1 to 22
    d_k = sqrt(sum_t(w_t (c_tk - m_k) ** 2) / sum_t(w_t))       standard deviations, k = 0 to 16
    r   = sum_t(v_t |c_t0 - c_(t-1)0|) / sum_t(v_t)             roughness, where v_t = min(w_t, w_(t-1))
    fingerprint = (m_1 ... m_22, log(1 + d_0 / EVEN) ... log(1 + d_16 / EVEN), log(1 + r / EVEN)) / SCALES

*Laws.*

- Gain changes nothing: it changes coefficient 0 alone, whose mean is not in the vector, and cancels out of the weights.
- Silence before and after the sound changes nothing: it weighs nothing.
- What is far below a frame's level changes little, as it is below the floor: the rounding to few bits, the noise of a
  codec, an empty band.
- A lower sample rate, the lowpass of a codec and an offset change little: the bands leave out what they change.

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

BANDS = slice(1, 112)  # of the 128 mel bands: an offset leaks into the first, and the others end above 7203 Hz
N_BANDS = BANDS.stop - BANDS.start
FLOOR = 10**-4.5  # of the frame's mean power: 45 dB below
LOUDNESS = 0.75  # exponent of the power: between amplitude, 0.5, and energy, 1
N_MEANS, N_DEVIATIONS = 23, 17  # coefficients that have one; the mean of coefficient 0 is not in the vector
EVEN = 3.0  # dB: larger deviations are compared by their ratio, smaller ones by their difference
FLOORS = np.full(N_BANDS, FLOOR / N_BANDS, np.float32)  # powers @ FLOORS are the floors of frames, FLOOR e
SILENT = 1e-34  # floor of a frame that counts as digital silence: its samples are about 1e-15
# The standard deviation of each number over 648 sounds, so that each counts as much as the others; but deviations are
# divided by more, to count less, and the roughness by less, to count more. `python -m bench.scaling` prints them.
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
    """The weighted means and deviations of the cepstra, and the roughness, added up frame by frame.

    Examples
    --------
    A sound at a tenth of its level and with silence before it has the same fingerprint:

    >>> import numpy as np
    >>> from analysis.features.spectra import compute_spectra
    >>> def fingerprint(y):
    ...     feature = Fingerprint()
    ...     for spectra in compute_spectra([y.astype(np.float32)]):
    ...         feature.add(spectra)
    ...     return np.array(feature.fields()["fingerprint"])
    >>> y = np.random.default_rng(0).standard_normal(22050) * 0.1
    >>> y[:2048] = y[-2048:] = 0
    >>> other = fingerprint(np.concatenate([np.zeros(5120), y / 10]))
    >>> len(other), round(float(np.linalg.norm(fingerprint(y) - other)), 2)
    (40, 0.0)
    """

    def __init__(self) -> None:
        self._logs = np.empty((BATCH, N_BANDS), np.float32)
        # A row for each frame holds 1, the cepstra and the squares of some of them: the product of the weights and all
        # rows is what each frame adds to the sums. Row 0 is the last frame of the batch before, to which the first
        # frame's level is compared; before the first batch its weight is 0.
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
        """Return ``fingerprint``, N_FINGERPRINT numbers; nothing for silence, which has nothing to compare."""
        weight = self._sums[0]
        if not weight:
            return {}
        means, mean_squares = np.split(self._sums[1:] / weight, [N_MEANS])
        variances = mean_squares - np.square(means[:N_DEVIATIONS])
        deviations = np.sqrt(np.maximum(variances, 0))  # rounding may make a variance of 0 negative
        step_weight, steps = self._step_sums
        changes = np.append(deviations, steps / step_weight if step_weight else 0)
        return {"fingerprint": (np.concatenate([means[1:], np.log1p(changes / EVEN)]) / SCALES).tolist()}


@cache
def _dct_of_logs() -> NDArray[np.float32]:
    """Return the matrix that makes cepstra in dB of the natural logarithms of powers, [shape=(111, 23)]."""
    dct = scipy.fft.dct(np.eye(N_BANDS), type=2, norm="ortho")[:, :N_MEANS]
    return np.ascontiguousarray(dct * (10 / np.log(10)), np.float32)
