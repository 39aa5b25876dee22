"""Spectra become the means over frames of those features of librosa that the setting FEATURES names.

*Conventions.* A feature gives a number or a row of numbers for each frame, [shape=(t,)] or [shape=(t, n)].

*Source.* ``librosa.feature.NAME(y=y, sr=22050).mean(axis=-1)`` of librosa 1.0 is the definition, with two differences:
``chroma_stft`` has ``tuning=0``, because librosa would estimate the tuning from the whole sound, and ``mfcc:N`` has
``n_mfcc=N``. A mean agrees to 1e-3 of itself, or to 1e-5 of the range of the feature. ``mfcc`` and
``spectral_contrast`` are clipped 80 dB below the maximum of the whole sound: ``analysis/features/clipped_means.py``.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import librosa.filters
import numpy as np

from analysis.definition import HOP_LENGTH, N_FFT, OPTIONAL_FEATURES, SR, librosa_name
from analysis.features.clipped_means import ClippedMeans
from analysis.features.mean_mfccs import MeanMfccs
from analysis.features.spectra import AMIN, BATCH, to_db

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from analysis.features.spectra import Spectra

type Floats = NDArray[np.float32] | NDArray[np.float64]

HZ = np.arange(N_FFT // 2 + 1) * (SR / N_FFT)  # of the bins of a spectrum
TINY = float(np.finfo(np.float32).tiny)  # librosa does not divide by a sum or a maximum below it
ROLL_PERCENT = 0.85
# Of spectral_contrast: one band below LOWEST_HZ, then bands of an octave.
LOWEST_HZ, N_BANDS, QUANTILE = 200, 7, 0.02
CONTRAST_TOLERANCE = 1e-3  # dB: errors of the means of all bands, added up


class LibrosaMeans:
    """The means over frames of some of librosa's features."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """Compute the features of these names, which are among OPTIONAL_FEATURES of ``analysis/definition.py``."""
        self._means = {name: _MEANS[name]() for name in OPTIONAL_FEATURES if name in names}
        self._found: dict[str, float | list[float]] = {}

    def add(self, spectra: Spectra) -> None:
        """Add the spectra of some frames."""
        for name, mean in self._means.items():
            if name not in self._found:
                mean.add(spectra)

    def fields(self) -> dict[str, dict[str, Any]] | None:
        """Return ``features``, a map by librosa's names; None where all spectra are needed once more."""
        for name, mean in self._means.items():
            if name not in self._found and (found := mean.mean()) is not None:
                self._found[name] = found.tolist()
        if self._found.keys() < self._means.keys():
            return None
        return {"features": {librosa_name(name): self._found[name] for name in self._means}}


class _Mean(Protocol):
    def add(self, spectra: Spectra) -> None: ...

    def mean(self) -> NDArray[np.float64] | None: ...


class _MeanOverFrames:
    """The mean over frames of a function of their spectra."""

    def __init__(self, compute: Callable[[Spectra], Floats]) -> None:
        self._compute = compute
        self._sum: Any = 0.0
        self._n_frames = 0

    def add(self, spectra: Spectra) -> None:
        self._sum = self._sum + self._compute(spectra).sum(axis=0, dtype=np.float64)
        self._n_frames += len(spectra)

    def mean(self) -> NDArray[np.float64]:
        return np.asarray(self._sum / self._n_frames)


class _ZeroCrossingRate:
    """The share of the samples of a frame at which the sign changes.

    A change between the samples i - 1 and i of y counts in all frames t that hold both samples, which are those with
    ``512 t - 1024 < i < 512 t + 1024`` from t = 0 to t = n // 512.
    """

    def __init__(self) -> None:
        self._n = 0
        self._is_negative = np.zeros(0, bool)  # whether the last sample so far is negative, if there is one
        self._n_changes = 0  # added up over frames
        self._last_places = np.zeros(0, np.int64)  # of late changes, which are in fewer frames where the sound ends

    def add(self, spectra: Spectra) -> None:
        for y in spectra.blocks:
            is_negative = np.concatenate([self._is_negative, y < np.float32(-1e-10)])
            places = self._n + 1 - len(self._is_negative) + np.flatnonzero(is_negative[1:] != is_negative[:-1])
            first = np.maximum(0, -((N_FFT // 2 - 1 - places) // HOP_LENGTH))
            self._n_changes += int((_last_frame(places) - first + 1).sum())
            self._n += len(y)
            self._is_negative = is_negative[-1:]
            places = np.concatenate([self._last_places, places])
            self._last_places = places[places > self._n - N_FFT]

    def mean(self) -> NDArray[np.float64]:
        last = self._n // HOP_LENGTH
        beyond = int(np.maximum(0, _last_frame(self._last_places) - last).sum())
        return np.asarray((self._n_changes - beyond) / N_FFT / (last + 1))


def _last_frame(places: NDArray[np.int64]) -> NDArray[np.int64]:
    return (places + N_FFT // 2 - 1) // HOP_LENGTH


class _SpectralContrast:
    """The difference between the levels of the loudest and of the quietest bins of each band.

    The quietest bins of a tone hold only what the window leaks, which takes exact magnitudes to compute.
    """

    def __init__(self) -> None:
        self._peaks, self._valleys = (ClippedMeans(N_BANDS, CONTRAST_TOLERANCE) for _ in range(2))
        self._found: dict[str, NDArray[np.float64]] = {}
        self._levels = np.empty((BATCH, N_BANDS), np.float32)

    def add(self, spectra: Spectra) -> None:
        peaks, valleys = (np.empty((len(spectra), N_BANDS), np.float32) for _ in range(2))
        for band, (bins, n) in enumerate(_contrast_bands()):
            parted = np.partition(spectra.exact_magnitudes[:, bins], (n - 1, bins.stop - bins.start - n), axis=1)
            valleys[:, band] = parted[:, :n].mean(axis=1)
            peaks[:, band] = parted[:, -n:].mean(axis=1)
        for name, levels, means in (("peaks", peaks, self._peaks), ("valleys", valleys, self._valleys)):
            if name not in self._found:
                means.add(to_db(levels, out=self._levels[: len(spectra)]))

    def mean(self) -> NDArray[np.float64] | None:
        for name, means in (("peaks", self._peaks), ("valleys", self._valleys)):
            if name not in self._found and (found := means.means()) is not None:
                self._found[name] = found
        return self._found["peaks"] - self._found["valleys"] if len(self._found) == 2 else None  # noqa: PLR2004


class _Mfcc:
    """Mean MFCCs like those of the field ``mean_mfccs``, but more of them."""

    def __init__(self, n_mfcc: int) -> None:
        self._mean_mfccs = MeanMfccs(n_mfcc)

    def add(self, spectra: Spectra) -> None:
        self._mean_mfccs.add(spectra)

    def mean(self) -> NDArray[np.float64] | None:
        fields = self._mean_mfccs.fields()
        return None if fields is None else np.array(fields["mean_mfccs"])


def _rms(spectra: Spectra) -> Floats:
    energies: NDArray[np.float32] = np.einsum("ti,ti->t", spectra.frames, spectra.frames)
    return np.sqrt(energies / N_FFT)


def _spectral_centroid(spectra: Spectra) -> Floats:
    return _moments(spectra.magnitudes)[0]


def _spectral_bandwidth(spectra: Spectra) -> Floats:
    return _moments(spectra.exact_magnitudes)[1]  # for a tone, float32's rounding of all other bins would add 1 Hz


def _moments(magnitudes: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Return the mean frequency of each frame and the standard deviation from it, Hz, weighted by magnitude.

    They are computed in float64, because the deviation of a tone is a small difference of large numbers.
    """
    values = magnitudes.astype(np.float64)
    # A column at a time: of all three at once, OpenBLAS's kernels for Haswell read beyond the arrays, and crash.
    sums = np.stack([values @ powers for powers in _powers_of_hz()], axis=1)
    is_sound = sums[:, 0] >= TINY
    sums[is_sound] /= sums[is_sound, :1]
    variance = np.maximum(sums[:, 2] - np.square(sums[:, 1]), 0)
    return np.where(is_sound, sums[:, 1], 0), np.where(is_sound, np.sqrt(variance), 0)


def _spectral_rolloff(spectra: Spectra) -> Floats:
    sums = np.cumsum(spectra.magnitudes, axis=1)
    rolloff: Floats = HZ[np.count_nonzero(sums < ROLL_PERCENT * sums[:, -1:], axis=1)]
    return rolloff


def _spectral_flatness(spectra: Spectra) -> Floats:
    powers = np.maximum(spectra.powers, np.float32(AMIN))
    flatness: Floats = np.exp(np.log(powers).mean(axis=1)) / powers.mean(axis=1)
    return flatness


def _chroma_stft(spectra: Spectra) -> Floats:
    chroma: Floats = spectra.powers @ _chroma_filters()
    highest = chroma.max(axis=1, keepdims=True)
    chroma /= np.where(highest < TINY, np.float32(1), highest)
    return chroma


def _melspectrogram(spectra: Spectra) -> Floats:
    return spectra.mel_powers


_MEANS: dict[str, Callable[[], _Mean]] = {
    "chroma_stft": lambda: _MeanOverFrames(_chroma_stft),
    "melspectrogram": lambda: _MeanOverFrames(_melspectrogram),
    "mfcc:20": lambda: _Mfcc(20),
    "mfcc:40": lambda: _Mfcc(40),
    "rms": lambda: _MeanOverFrames(_rms),
    "spectral_bandwidth": lambda: _MeanOverFrames(_spectral_bandwidth),
    "spectral_centroid": lambda: _MeanOverFrames(_spectral_centroid),
    "spectral_contrast": _SpectralContrast,
    "spectral_flatness": lambda: _MeanOverFrames(_spectral_flatness),
    "spectral_rolloff": lambda: _MeanOverFrames(_spectral_rolloff),
    "zero_crossing_rate": _ZeroCrossingRate,
}


@cache
def _powers_of_hz() -> NDArray[np.float64]:
    return np.stack([np.ones_like(HZ), HZ, np.square(HZ)])


@cache
def _chroma_filters() -> NDArray[np.float32]:
    return np.ascontiguousarray(librosa.filters.chroma(sr=SR, n_fft=N_FFT, tuning=0.0).T, np.float32)


@cache
def _contrast_bands() -> list[tuple[slice, int]]:
    """Return the bins of each band, and the number of bins whose mean is its peak, and its valley.

    As in librosa, a band begins one bin before its lower edge and ends one bin before its upper edge, except that the
    highest band ends with the spectrum. That number is a share QUANTILE of the bins before the last one is left out.
    """
    edges = [0, *(LOWEST_HZ * 2.0 ** np.arange(N_BANDS))]
    bands = []
    for k, (low, high) in enumerate(pairwise(edges)):
        within = np.flatnonzero((low <= HZ) & (high >= HZ))
        start, stop = int(within[0]) - (k > 0), len(HZ) if k == N_BANDS - 1 else int(within[-1]) + 1
        n = max(1, int(np.rint(QUANTILE * (stop - start))))
        bands.append((slice(start, stop - (k < N_BANDS - 1)), n))
    return bands
