"""Blocks of samples become the spectra of frames, a batch of frames at a time; features are computed from them.

*Conventions.* ``y`` is mono float32 at 22 050 Hz, full scale is 1; n is the number of its samples. Frame t is the 2048
samples around sample 512 t, with zeros beyond both ends of ``y``; there are 1 + n // 512 frames. Spectra are float32
and have a row for each frame.

*Source.* ``librosa.stft(y)`` and ``librosa.feature.melspectrogram(y=y, sr=22050)`` of librosa 1.0, transposed; the mel
filters and the window are librosa's own.
"""

from __future__ import annotations

from functools import cache, cached_property
from itertools import chain
from typing import TYPE_CHECKING

import librosa.filters
import numpy as np
import scipy.fft

from analysis.definition import HOP_LENGTH, N_FFT, N_MELS, SR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

BATCH = 128  # frames at a time: of 24 to 256, the number that took least time
AMIN = 1e-10  # a lower power is raised to it before the logarithm is taken
FLOOR_DB = -100.0  # of AMIN
GROUP = 16  # bands in one product: neighbours share bins, for distant bands most weights would be zeros


def compute_spectra(blocks: Iterable[NDArray[np.float32]]) -> Iterator[Spectra]:
    """Yield the spectra of all frames, in batches of BATCH frames at most.

    Parameters
    ----------
    blocks : iterable of np.ndarray [shape=(n,)], float32
        y at 22 050 Hz, in pieces of any length, none of which is overwritten later

    Yields
    ------
    spectra : Spectra
        of at least one frame; its arrays are overwritten by the next batch

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(2 * np.pi * 1000 * np.arange(100_000) / 22050).astype(np.float32)
    >>> [(len(spectra), len(spectra.samples)) for spectra in compute_spectra([y[:1000], y[1000:]])]
    [(128, 100000), (68, 0)]
    >>> round(next(compute_spectra([y])).magnitudes[2].argmax() * 22050 / 2048)  # Hz, of the highest bin of frame 2
    1001
    """
    padding = np.zeros(N_FFT // 2, np.float32)
    y = np.zeros(N_FFT + (BATCH - 1) * HOP_LENGTH, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(y, N_FFT)[::HOP_LENGTH]
    arrays = _Arrays()
    arrived: list[NDArray[np.float32]] = []
    n = len(padding)
    for block in chain(blocks, [padding]):
        if block is not padding:
            arrived.append(block)
        rest = block
        while len(rest):
            taken = rest[: len(y) - n]
            y[n : n + len(taken)] = taken
            n += len(taken)
            rest = rest[len(taken) :]
            if n == len(y):
                yield Spectra(frames, arrived, arrays)
                arrived = []
                n = N_FFT - HOP_LENGTH
                y[:n] = y[-n:]
    if n >= N_FFT:
        yield Spectra(frames[: (n - N_FFT) // HOP_LENGTH + 1], arrived, arrays)


class Spectra:
    """The spectra of some frames, at most BATCH; each is computed when it is first asked for.

    Attributes:
        frames: the frames of y themselves, [shape=(t, 2048)].
        blocks: the blocks of y that arrived with this batch: over all batches, each block once.
    """

    def __init__(self, frames: NDArray[np.float32], blocks: list[NDArray[np.float32]], arrays: _Arrays) -> None:
        self.frames, self._arrays = frames, arrays
        self.blocks = blocks

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def samples(self) -> NDArray[np.float32]:
        """The samples of y that arrived with this batch: over all batches, every sample once, [shape=(n,)], n >= 0."""
        return np.concatenate([np.empty(0, np.float32), *self.blocks])

    @cached_property
    def magnitudes(self) -> NDArray[np.float32]:
        """The magnitude spectra, [shape=(t, 1025)]."""
        if self._arrays.magnitudes is None:
            self._arrays.magnitudes = np.empty_like(self._arrays.powers)
        return self._transform(self._arrays.magnitudes[: len(self)])

    @cached_property
    def exact_magnitudes(self) -> NDArray[np.float32]:
        """The magnitude spectra, [shape=(t, 1025)], computed in float64 as librosa's are, and then rounded.

        Far below the loudest bin of a frame (120 dB and more) ``magnitudes`` are float32's rounding.
        """
        spectra = scipy.fft.rfft(self.frames * _exact_window(), overwrite_x=True, workers=1)
        magnitudes: NDArray[np.float64] = np.abs(spectra)
        return magnitudes.astype(np.float32)

    @cached_property
    def powers(self) -> NDArray[np.float32]:
        """The power spectra, [shape=(t, 1025)]; infinite where samples are so large that their power is."""
        powers = self._arrays.powers[: len(self)]
        # Magnitudes are kept from the first batch on in which a feature asks for them: to keep them costs 4 %.
        magnitudes = self._transform(powers) if self._arrays.magnitudes is None else self.magnitudes
        np.square(magnitudes, out=powers)
        return powers

    @cached_property
    def mel_powers(self) -> NDArray[np.float32]:
        """The power spectra in mel bands, [shape=(t, 128)]."""
        mel_powers = self._arrays.mel_powers[: len(self)]
        for bands, bins, weights in _filters():
            np.matmul(self.powers[:, bins], weights, out=mel_powers[:, bands])
        return mel_powers

    @cached_property
    def mel_levels(self) -> NDArray[np.float32]:
        """The mel powers in dB, at least FLOOR_DB, [shape=(t, 128)]."""
        return to_db(self.mel_powers, out=self._arrays.mel_levels[: len(self)])

    def _transform(self, magnitudes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Write the magnitude spectra to an array, and return it."""
        windowed = np.multiply(self.frames, _window(), out=self._arrays.windowed[: len(self)])
        np.abs(scipy.fft.rfft(windowed, overwrite_x=True, workers=1), out=magnitudes)
        return magnitudes


class _Arrays:
    """Where the spectra of one batch after the other are kept."""

    def __init__(self) -> None:
        self.windowed = np.empty((BATCH, N_FFT), np.float32)
        self.magnitudes: NDArray[np.float32] | None = None
        self.powers = np.empty((BATCH, N_FFT // 2 + 1), np.float32)
        self.mel_powers = np.empty((BATCH, N_MELS), np.float32)
        self.mel_levels = np.empty((BATCH, N_MELS), np.float32)


def to_db(powers: NDArray[np.float32], out: NDArray[np.float32]) -> NDArray[np.float32]:
    """Write powers in dB to an array, and return it."""
    np.maximum(powers, np.float32(AMIN), out=out)
    np.log(out, out=out)
    out *= np.float32(10 / np.log(10))
    return out


@cache
def _window() -> NDArray[np.float32]:
    """Return librosa's window, a periodic Hann; librosa imports scipy.signal where it is given the name of one."""
    return librosa.filters.get_window(_exact_window(), N_FFT).astype(np.float32)


@cache
def _exact_window() -> NDArray[np.float64]:
    return np.hanning(N_FFT + 1)[:-1]


@cache
def _filters() -> list[tuple[slice, slice, NDArray[np.float32]]]:
    """Return librosa's mel filters in groups: the bands, their bins, and the weights, [shape=(bins, bands)]."""
    weights = librosa.filters.mel(sr=SR, n_fft=N_FFT, n_mels=N_MELS).T
    groups = []
    for first in range(0, N_MELS, GROUP):
        bands = slice(first, first + GROUP)
        reached = np.flatnonzero(weights[:, bands].any(axis=1))
        bins = slice(int(reached[0]), int(reached[-1]) + 1)
        groups.append((bands, bins, np.ascontiguousarray(weights[bins, bands])))
    return groups
