"""Blocks of samples become mel powers of frames, a batch at a time: what every other feature is computed from.

*Conventions.* ``y`` is mono float32 at 22 050 Hz. Mel powers are float32 [shape=(t, 128)], of full scale 1 squared;
frame t is 2048 samples around sample 512 t, zeros beyond the ends.

*Source.* ``librosa.feature.melspectrogram(y=y, sr=22050)`` of librosa 1.0, transposed; the mel filters and the window
are librosa's own.
"""

from __future__ import annotations

from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

import librosa.filters
import numpy as np
import scipy.fft

from analysis.definition import SR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

N_FFT = 2048
HOP_LENGTH = 512
N_MELS = 128
BATCH = 128  # frames at a time: of 24 to 256, the one that took least
GROUP = 16  # bands that one product computes: neighbours share bins, distant ones would multiply zeros


def mel_powers(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Yield the mel powers of BATCH frames at most; each batch is overwritten by the next.

    Parameters
    ----------
    blocks : iterable of np.ndarray [shape=(n,)], float32
        y at 22 050 Hz, in pieces of any length

    Yields
    ------
    powers : np.ndarray [shape=(t, 128)], float32
        infinite where samples are so large that their power is
    """
    window, filters = _window(), _filters()
    windowed = np.empty((BATCH, N_FFT), np.float32)
    power = np.empty((BATCH, N_FFT // 2 + 1), np.float32)
    mel = np.empty((BATCH, N_MELS), np.float32)
    for frames in _frames(blocks):
        n = len(frames)
        np.multiply(frames, window, out=windowed[:n])
        np.abs(scipy.fft.rfft(windowed[:n], overwrite_x=True, workers=1), out=power[:n])
        np.square(power[:n], out=power[:n])
        for bands, bins, weights in filters:
            np.matmul(power[:n, bins], weights, out=mel[:n, bands])
        yield mel[:n]


def _frames(blocks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
    """Yield views of the centred frames, [shape=(t, 2048)], t <= BATCH; each is overwritten by the next."""
    y = np.zeros(N_FFT + (BATCH - 1) * HOP_LENGTH, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(y, N_FFT)[::HOP_LENGTH]
    margin = N_FFT // 2
    n = margin
    for block in chain(blocks, [np.zeros(margin, np.float32)]):
        rest = block
        while len(rest):
            taken = rest[: len(y) - n]
            y[n : n + len(taken)] = taken
            n += len(taken)
            rest = rest[len(taken) :]
            if n == len(y):
                yield frames
                n = N_FFT - HOP_LENGTH
                y[:n] = y[-n:]
    if n >= N_FFT:
        yield frames[: (n - N_FFT) // HOP_LENGTH + 1]


@cache
def _window() -> NDArray[np.float32]:
    """Return librosa's window, periodic Hann; given as an array it keeps scipy.signal unimported."""
    return librosa.filters.get_window(np.hanning(N_FFT + 1)[:-1], N_FFT).astype(np.float32)


@cache
def _filters() -> list[tuple[slice, slice, NDArray[np.float32]]]:
    """Return librosa's mel filters in groups: the bands, the bins they reach, the weights [shape=(bins, bands)]."""
    weights = librosa.filters.mel(sr=SR, n_fft=N_FFT, n_mels=N_MELS).T
    groups = []
    for first in range(0, N_MELS, GROUP):
        bands = slice(first, first + GROUP)
        reached = np.flatnonzero(weights[:, bands].any(axis=1))
        bins = slice(int(reached[0]), int(reached[-1]) + 1)
        groups.append((bands, bins, np.ascontiguousarray(weights[bins, bands])))
    return groups
