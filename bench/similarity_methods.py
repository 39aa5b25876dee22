"""The measures of similarity that are compared: ours, and what one would take instead.

*Conventions.* A method describes each sound, given as y at 22 050 Hz, by numbers; distances are [shape=(n, m)].
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import librosa
import numpy as np
from numpy.typing import NDArray

from analysis.features import extract

type Numbers = NDArray[np.float64]
type Describe = Callable[[NDArray[np.float32]], Numbers]
N_TIMBRE = 20  # coefficients that Musly's predecessors take


@dataclass(frozen=True, slots=True)
class Similarity:
    """A method to compare sounds.

    Attributes:
        describe: makes numbers of a sound.
        distances: of two collections of these.
    """

    describe: Describe
    distances: Callable[[Numbers, Numbers], Numbers]

    @property
    def in_one_pass(self) -> bool:
        """Whether its numbers are known when its sound has been read, whatever else is collected."""
        return self.distances is not _scaled


def load() -> dict[str, Similarity]:
    """Return the methods that are installed, by name."""
    methods = {
        "fingerprint": Similarity(_fingerprint, _euclidean),
        "mean_mfccs, Euclidean": Similarity(_mean_mfccs, _euclidean),
        "mean_mfccs, cosine": Similarity(_mean_mfccs, _cosine),
        "mean_mfccs without the first, Euclidean": Similarity(_shape, _euclidean),
        "mean_mfccs without the first, scaled by the collection": Similarity(_shape, _scaled),
        "means and covariances of 20 MFCCs, Kullback-Leibler (as Musly)": Similarity(_timbre, _kullback_leibler),
    }
    with suppress(ImportError):
        methods["openSMILE's eGeMAPSv02 functionals, scaled by the collection"] = Similarity(_load_opensmile(), _scaled)
    with suppress(ImportError):
        methods["Essentia's means and deviations of MFCCs, scaled by the collection"] = Similarity(
            _load_essentia(), _scaled
        )
    return methods


def _fingerprint(y: NDArray[np.float32]) -> Numbers:
    return np.array(extract([y])["fingerprint"])


def _mean_mfccs(y: NDArray[np.float32]) -> Numbers:
    return np.array(extract([y])["mean_mfccs"])


def _shape(y: NDArray[np.float32]) -> Numbers:
    return _mean_mfccs(y)[1:]


def _timbre(y: NDArray[np.float32]) -> Numbers:
    """Return mean and covariance, one after the other, of MFCCs over frames; 1 dB keeps that invertible."""
    mfccs = librosa.feature.mfcc(y=y, sr=22050, n_mfcc=N_TIMBRE)
    covariance = np.cov(mfccs) if mfccs.shape[1] > 1 else np.zeros((N_TIMBRE, N_TIMBRE))
    return np.concatenate([mfccs.mean(axis=1), (covariance + np.eye(N_TIMBRE)).ravel()])


def _load_opensmile() -> Callable[[NDArray[np.float32]], Numbers]:
    import opensmile

    smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
    # Its longest window is 60 ms; what is shorter than a few of them has no functionals.
    return lambda y: np.nan_to_num(
        smile.process_signal(np.pad(y, (0, max(0, 8000 - len(y)))), 22050).to_numpy()[0].astype(np.float64)
    )


def _load_essentia() -> Callable[[NDArray[np.float32]], Numbers]:
    import essentia

    essentia.log.infoActive = False
    from essentia import standard

    window, spectrum, mfcc = standard.Windowing(), standard.Spectrum(), standard.MFCC(sampleRate=22050)

    def describe(y: NDArray[np.float32]) -> Numbers:
        frames = standard.FrameGenerator(np.ascontiguousarray(y), frameSize=2048, hopSize=1024)
        coefficients = np.array([mfcc(spectrum(window(frame)))[1] for frame in frames])
        return np.concatenate([coefficients.mean(axis=0), coefficients.std(axis=0)]).astype(np.float64)

    return describe


def _euclidean(a: Numbers, b: Numbers) -> Numbers:
    squares = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1) - 2 * a @ b.T
    distances: Numbers = np.sqrt(np.maximum(squares, 0))
    return distances


def _cosine(a: Numbers, b: Numbers) -> Numbers:
    return 1 - (a / np.linalg.norm(a, axis=1, keepdims=True)) @ (b / np.linalg.norm(b, axis=1, keepdims=True)).T


def _scaled(a: Numbers, b: Numbers) -> Numbers:
    """Return distances of numbers that vary alike over the second collection itself, which flatters them."""
    scale = np.maximum(b.std(axis=0), 1e-9)
    return _euclidean(a / scale, b / scale)


def _kullback_leibler(a: Numbers, b: Numbers) -> Numbers:
    """Return the symmetrised divergences of normal distributions."""
    there, back = _cross_entropies(a, b), _cross_entropies(b, a)
    divergences: Numbers = np.maximum(there + back.T - 2 * N_TIMBRE, 0)
    return divergences


def _cross_entropies(a: Numbers, b: Numbers) -> Numbers:
    """Return tr(A^-1 (B + d d')), d the difference of the means."""
    mean_a, mean_b = a[:, :N_TIMBRE], b[:, :N_TIMBRE]
    precision = np.linalg.inv(a[:, N_TIMBRE:].reshape(-1, N_TIMBRE, N_TIMBRE))
    moments = b[:, N_TIMBRE:] + np.einsum("ni,nj->nij", mean_b, mean_b).reshape(len(b), -1)
    leaning = np.einsum("nij,nj->ni", precision, mean_a)
    constant = np.einsum("ni,ni->n", leaning, mean_a)
    traces: Numbers = precision.reshape(len(a), -1) @ moments.T - 2 * leaning @ mean_b.T + constant[:, None]
    return traces


def names(methods: Sequence[str]) -> str:
    """Return the packages whose methods are not among these."""
    return ", ".join(
        package for package in ("openSMILE", "Essentia") if not any(package in method for method in methods)
    )
