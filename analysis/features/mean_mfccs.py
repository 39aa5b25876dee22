"""Mel levels become the 12 mean MFCCs, in memory that does not grow with the sound.

*Conventions.* ``L`` is the mel power in dB, float32 [shape=(t, 128)].

*Source.* ``librosa.feature.mfcc(y=y, sr=22050, n_mfcc=12).mean(axis=1)`` of librosa 1.0 is the definition. As the mean
of the DCT is the DCT of the mean, a band needs only its mean over frames of L, raised to 80 dB below the maximum:
``analysis/features/clipped_means.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.fft

from analysis.definition import N_MELS, N_MFCC
from analysis.features.clipped_means import ClippedMeans

if TYPE_CHECKING:
    from analysis.features.spectra import Spectra

TOLERANCE = 1e-4  # of a coefficient; the promise is 1e-3


class MeanMfccs:
    """The means over frames of the first MFCCs.

    Attributes:
        n_mfcc: how many.
    """

    def __init__(self, n_mfcc: int = N_MFCC) -> None:
        self.n_mfcc = n_mfcc
        # What a band's mean is wrong by changes a coefficient by sqrt(2 / N_MELS) of that at most.
        self._levels = ClippedMeans(N_MELS, TOLERANCE / float(np.sqrt(2 / N_MELS)))

    def add(self, spectra: Spectra) -> None:
        """Add the mel levels of some frames."""
        self._levels.add(spectra.mel_levels)

    def fields(self) -> dict[str, list[float]] | None:
        """Return ``mean_mfccs``; None where they are not certain to TOLERANCE, and a second pass has to find them.

        Raises
        ------
        NotFiniteError
            if a power was not a number
        """
        means = self._levels.means()
        if means is None:
            return None
        mean_mfccs: list[float] = scipy.fft.dct(means, type=2, norm="ortho")[: self.n_mfcc].tolist()
        return {"mean_mfccs": mean_mfccs}
