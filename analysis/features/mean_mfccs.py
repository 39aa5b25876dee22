"""Mel levels become the mean MFCCs, in memory that does not grow with the sound.

*Conventions.* ``L`` are mel levels in dB, float32 [shape=(t, 128)].

*Source.* ``librosa.feature.mfcc(y=y, sr=22050, n_mfcc=N_MFCC).mean(axis=1)`` of librosa 1.0 is the definition: a DCT of
type 2, orthonormal, of ``max(L, max(L) - 80)``. The mean of the DCT is the DCT of the mean, so the means over frames of
each band are all that it takes: ``analysis/features/clipped_means.py``.
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

    Attributes
    ----------
    n_mfcc : int
        how many

    Examples
    --------
    >>> import librosa, numpy as np
    >>> from analysis.features.spectra import compute_spectra
    >>> y = np.sin(2 * np.pi * 440 * np.arange(22050) / 22050).astype(np.float32)
    >>> feature = MeanMfccs()
    >>> for spectra in compute_spectra(np.array_split(y, 3)):
    ...     feature.add(spectra)
    >>> means = librosa.feature.mfcc(y=y, sr=22050, n_mfcc=feature.n_mfcc).mean(axis=1)
    >>> bool(np.allclose(feature.fields()["mean_mfccs"], means, atol=1e-3))
    True
    """

    def __init__(self, n_mfcc: int = N_MFCC) -> None:
        self.n_mfcc = n_mfcc
        # An error in the mean of a band changes a coefficient by at most sqrt(2 / N_MELS) of it.
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
